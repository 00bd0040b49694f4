//! What a caller decides: which registries, and how to talk to them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use pack_format::{Limits, Timestamp};
use url::Url;

use crate::http::HostLimit;

/// Priority of a registry that names none.
pub const DEFAULT_PRIORITY: i64 = 100;

/// What an unreachable registry means for the ones after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnError {
    /// Stop: a pack must not come from a later registry because an earlier one is down.
    #[default]
    Stop,
    /// Warn and ask the next one.
    Continue,
}

/// One configured registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryConfig {
    /// `https://host/base/`, a URL or path of an `index.json`, `file://…` or a directory.
    pub url: String,
    /// Name people see; that of the registry itself when absent.
    pub name: Option<String>,
    /// Smaller is asked first.
    pub priority: i64,
    /// Whether it is asked at all.
    pub enabled: bool,
    /// Sent to this registry's own origin and nowhere else.
    pub headers: Headers,
    /// Whether later registries are asked while this one is unreachable.
    pub on_error: OnError,
    /// Bases of copies, asked in this order for what the registry cannot deliver while it is unreachable.
    pub mirrors: Vec<String>,
    /// Certificates, of theirs and of ours.
    pub tls: Tls,
    /// Proxies of this registry; those of the settings when absent.
    pub proxies: Option<Proxies>,
}

impl RegistryConfig {
    /// An enabled registry with defaults.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            name: None,
            priority: DEFAULT_PRIORITY,
            enabled: true,
            headers: Headers::default(),
            on_error: OnError::Stop,
            mirrors: Vec::new(),
            tls: Tls::default(),
            proxies: None,
        }
    }
}

/// How programs that dial themselves, such as git, get to what a registry lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// Proxies of the registry; those of everything else when absent.
    pub proxies: Option<Proxies>,
    /// PEM file of further authorities to trust, beside those of the system.
    pub ca_file: Option<PathBuf>,
}

/// Which sources beside a registry's own archive are tried first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PreferSource {
    /// Git repositories.
    #[default]
    Git,
    /// Archives of other hosts.
    Archive,
}

/// Certificates of a registry's connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM file of further authorities to trust, beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// PEM file of a certificate of ours and its key, shown to the registry's own origin only.
    pub client_certificate: Option<PathBuf>,
    /// Whether the registry's own origin must show a certificate that somebody vouches for.
    pub verify: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            ca_file: None,
            client_certificate: None,
            verify: true,
        }
    }
}

/// Proxies by the scheme of what is asked for. Their URLs may hold passwords: `Debug` does not show them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For https URLs.
    pub https: Option<Proxy>,
    /// For http URLs.
    pub http: Option<Proxy>,
    /// Hosts, domains and networks that are reached without a proxy, comma-separated, as curl takes them.
    pub except: Option<String>,
}

/// A proxy and who named it.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// `http://[user:password@]host:port`.
    pub url: String,
    /// For messages, such as ``environment variable `HTTPS_PROXY` ``.
    pub origin: String,
}

impl Proxies {
    /// Hosts of the proxies.
    pub(crate) fn hosts(&self) -> Vec<String> {
        self.parsed()
            .filter_map(|url| url.host_str().map(str::to_owned))
            .collect()
    }

    /// Whether one is reached through TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.parsed().any(|url| url.scheme() == "https")
    }

    fn parsed(&self) -> impl Iterator<Item = Url> {
        let all = [&self.https, &self.http].into_iter().flatten();
        all.filter_map(Proxy::parsed)
    }
}

impl Proxy {
    /// Its URL; a host without a scheme is one of http, as elsewhere.
    pub(crate) fn parsed(&self) -> Option<Url> {
        let with_scheme = if self.url.contains("://") {
            self.url.clone()
        } else {
            format!("http://{}", self.url)
        };
        let url = Url::parse(&with_scheme).ok()?;
        (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies")
            .field("https", &self.https)
            .field("http", &self.http)
            .field("except", &self.except)
            .finish()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxy").field(&self.origin).finish()
    }
}

/// Request headers of a registry. Their values are secrets: neither `Debug` nor any error shows them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(BTreeMap<String, String>);

impl Headers {
    /// Headers by name.
    pub fn new(headers: BTreeMap<String, String>) -> Self {
        Self(headers)
    }

    /// The same with a bearer token, unless there is an `Authorization` already.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        let known = self
            .0
            .keys()
            .any(|n| n.eq_ignore_ascii_case("authorization"));
        if !known {
            self.0
                .insert("Authorization".to_owned(), format!("Bearer {token}"));
        }
        self
    }

    /// The same without an `Authorization`.
    #[must_use]
    pub fn without_authorization(mut self) -> Self {
        self.0
            .retain(|n, _| !n.eq_ignore_ascii_case("authorization"));
        self
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// How to talk to registries.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// The present, for the age of cached documents. A client is meant to live for one operation.
    pub now: Timestamp,
    /// Where documents are kept between runs; nowhere when absent.
    pub cache_directory: Option<PathBuf>,
    /// How long a cached document is used without asking again.
    pub cache_ttl: Duration,
    /// Longest time for one document, from request to last byte.
    pub timeout: Duration,
    /// Longest time until a connection stands.
    pub connect_timeout: Duration,
    /// Longest time without a byte.
    pub read_timeout: Duration,
    /// Bytes per second that a body must have on average, over each `read_timeout` of it.
    pub minimum_rate: u64,
    /// Plain http beyond this machine.
    pub allow_http: bool,
    /// What one archive may cost.
    pub limits: Limits,
    /// Tries after the first one, for answers and failures that may pass.
    pub retries: u32,
    /// Pause before the first retry; it doubles with each further one.
    pub retry_pause: Duration,
    /// Longest pause; a server that asks for a longer one by `Retry-After` is not asked again.
    pub retry_pause_max: Duration,
    /// Whether nothing is asked over the network: what is not cached is an error.
    pub offline: bool,
    /// Which sources beside a registry's own archive are tried first.
    pub prefer_source: PreferSource,
    /// Archives in flight at once.
    pub parallel_downloads: usize,
    /// Requests to one host at once.
    pub per_host: HostLimit,
    /// Proxies of everything without proxies of its own. Behind a proxy, names are resolved by it: of the address
    /// check only literal addresses are left, and where names lead is the proxy's business.
    pub proxies: Proxies,
}

impl ClientSettings {
    /// Defaults, without a cache.
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            cache_directory: None,
            cache_ttl: Duration::from_hours(1),
            timeout: Duration::from_mins(2),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            minimum_rate: 100,
            allow_http: false,
            limits: Limits::default(),
            retries: 3,
            retry_pause: Duration::from_millis(500),
            retry_pause_max: Duration::from_secs(30),
            offline: false,
            prefer_source: PreferSource::default(),
            parallel_downloads: 16,
            per_host: HostLimit::new(8),
            proxies: Proxies::default(),
        }
    }
}
