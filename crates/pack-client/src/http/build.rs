//! The HTTP clients of one [`Http`]: certificates, proxies, timeouts.

use std::path::Path;
use std::sync::Once;

use reqwest::{Certificate, Client, ClientBuilder, Identity, NoProxy, redirect};
use url::Url;

use super::{Http, shown};
use crate::fetch_error::FetchError;
use crate::settings::Proxy;

/// Which of the clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    OwnSecure,
    Secure,
}

impl Http {
    /// The client for a URL, made when it is first needed; with what is for the registry's own origin only, if the
    /// request is `at_home` there.
    pub(super) fn client(&self, url: &Url, at_home: bool) -> Result<&Client, FetchError> {
        let (slot, kind) = if url.scheme() != "https" {
            (&self.plain, Kind::Plain)
        } else if at_home {
            (&self.own_secure, Kind::OwnSecure)
        } else {
            (&self.secure, Kind::Secure)
        };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = self
            .prepare(kind)?
            .build()
            .map_err(|e| FetchError::TlsSetup {
                url: shown(url),
                source: Box::new(e),
            })?;
        Ok(slot.get_or_init(|| client))
    }

    fn prepare(&self, kind: Kind) -> Result<ClientBuilder, FetchError> {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // Fails only where the program has already installed a provider, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let mut builder = Client::builder()
            .user_agent(concat!(
                "attune-registry-client/",
                env!("CARGO_PKG_VERSION")
            ))
            .redirect(redirect::Policy::none())
            .connect_timeout(self.settings.connect_timeout)
            .read_timeout(self.settings.read_timeout)
            .dns_resolver(self.resolver.clone())
            // Only the proxies we were told of, none the library finds by itself.
            .no_proxy();
        let except = self.proxies.except.as_deref();
        if let Some(proxy) = &self.proxies.https {
            builder = builder.proxy(of_scheme(proxy, except, reqwest::Proxy::https)?);
        }
        if let Some(proxy) = &self.proxies.http {
            builder = builder.proxy(of_scheme(proxy, except, reqwest::Proxy::http)?);
        }
        if kind == Kind::Plain && !self.proxies.is_secure() {
            return Ok(builder.tls_certs_only([]));
        }
        if let Some(path) = &self.tls.ca_file {
            let authorities = read(path, "CA certificates", |bytes| {
                let found = Certificate::from_pem_bundle(bytes)?;
                Ok(found)
            })?;
            if authorities.is_empty() {
                return Err(unusable("CA certificates", path, "it holds no certificate"));
            }
            builder = builder.tls_certs_merge(authorities);
        }
        if kind == Kind::OwnSecure {
            if let Some(path) = &self.tls.client_certificate {
                let identity = read(path, "client certificate", Identity::from_pem)?;
                builder = builder.identity(identity);
            }
            // SECURITY: an operator's decision about one origin; never that of a URL a registry names.
            builder = builder.tls_danger_accept_invalid_certs(!self.tls.verify);
        }
        Ok(builder)
    }
}

fn of_scheme(
    proxy: &Proxy,
    except: Option<&str>,
    make: fn(Url) -> reqwest::Result<reqwest::Proxy>,
) -> Result<reqwest::Proxy, FetchError> {
    let refused = || FetchError::Proxy {
        origin: proxy.origin.clone(),
    };
    let url = proxy.parsed().ok_or_else(refused)?;
    let proxy = make(url).map_err(|_| refused())?;
    Ok(proxy.no_proxy(except.and_then(NoProxy::from_string)))
}

fn read<T>(
    path: &Path,
    what: &'static str,
    parse: impl Fn(&[u8]) -> reqwest::Result<T>,
) -> Result<T, FetchError> {
    let bytes = std::fs::read(path).map_err(|e| unusable(what, path, e))?;
    parse(&bytes).map_err(|e| unusable(what, path, e))
}

fn unusable(
    what: &'static str,
    path: &Path,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> FetchError {
    FetchError::Certificate {
        what,
        path: path.to_owned(),
        source: source.into(),
    }
}
