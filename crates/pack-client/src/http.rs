//! `Http`: GET with one policy for addresses, redirects, headers, sizes and retries.
//!
//! 1. The URL passes the gate, which knows the registry it works for.
//! 2. One request; a redirect is followed by us, at most five times, each hop through the gate again.
//! 3. The body is counted and hashed while it arrives.
//! 4. A failure that may pass (429, 5xx, a broken connection) is tried again after a pause with jitter.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::Path;
use std::sync::{Once, OnceLock};
use std::time::Duration;

use pack_format::url_policy::{SourceUrl, UrlPolicy};
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};
use url::{Origin, Url};

use crate::dns::CheckedResolver;
use crate::fetch_error::FetchError;
use crate::reporter::Reporter;
use crate::settings::{ClientSettings, Headers};
use crate::spool::{Received, Spool};

/// Most redirects of one request, inclusive.
const MAX_REDIRECTS: usize = 5;

/// GET on behalf of one registry (or of a URL a person typed).
#[derive(Debug)]
pub(crate) struct Http {
    settings: ClientSettings,
    policy: UrlPolicy,
    own: Option<Origin>,
    resolver: CheckedResolver,
    headers: HeaderMap,
    /// For http URLs: needs no certificates, so it works where none are installed.
    plain: OnceLock<Client>,
    secure: OnceLock<Client>,
}

/// A response whose status is 200 or 304.
pub(crate) enum Answer {
    /// New bytes and what identifies them.
    Fresh(Received, Validators),
    /// What the caller has is still right.
    Unchanged,
    /// There is no such thing: 404 or 410.
    Absent,
}

/// What a conditional request is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Validators {
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
}

/// What to fetch, and how much of it to take.
#[derive(Clone, Copy)]
pub(crate) struct Download<'a> {
    pub(crate) url: &'a Url,
    pub(crate) limit: u64,
    pub(crate) spool: &'a Path,
    /// Name for progress; none for documents.
    pub(crate) subject: Option<&'a str>,
}

impl Http {
    /// For a registry at `own`, whose `headers` go there only.
    pub(crate) fn new(
        settings: &ClientSettings,
        policy: UrlPolicy,
        own: Option<&Url>,
        headers: &Headers,
    ) -> Self {
        let mut map = HeaderMap::new();
        for (name, value) in headers.iter() {
            if let (Ok(name), Ok(mut value)) =
                (name.parse::<HeaderName>(), value.parse::<HeaderValue>())
            {
                value.set_sensitive(true);
                map.insert(name, value);
            }
        }
        let own_host = own.and_then(Url::host_str).map(str::to_owned);
        Self {
            settings: settings.clone(),
            policy,
            own: own.map(Url::origin),
            resolver: CheckedResolver::new(policy, own_host),
            headers: map,
            plain: OnceLock::new(),
            secure: OnceLock::new(),
        }
    }

    /// Fetches one document as a whole.
    pub(crate) async fn document(
        &self,
        download: Download<'_>,
        known: &Validators,
        reporter: &dyn Reporter,
    ) -> Result<Answer, FetchError> {
        let limit = self.settings.timeout;
        self.with_retries(download, reporter, async || {
            match tokio::time::timeout(limit, self.attempt(download, known, reporter)).await {
                Ok(answer) => answer,
                Err(_) => Err(FetchError::Timeout {
                    url: shown(download.url),
                }),
            }
        })
        .await
    }

    /// Fetches an archive; only silence ends it early, not its length.
    pub(crate) async fn archive(
        &self,
        download: Download<'_>,
        reporter: &dyn Reporter,
    ) -> Result<Received, FetchError> {
        let known = Validators::default();
        let answer = self
            .with_retries(download, reporter, async || {
                self.attempt(download, &known, reporter).await
            })
            .await?;
        match answer {
            Answer::Fresh(received, _) => Ok(received),
            Answer::Unchanged | Answer::Absent => Err(FetchError::Status {
                url: shown(download.url),
                status: 404,
                retry_after: None,
            }),
        }
    }

    async fn with_retries<F>(
        &self,
        download: Download<'_>,
        reporter: &dyn Reporter,
        mut attempt: F,
    ) -> Result<Answer, FetchError>
    where
        F: AsyncFnMut() -> Result<Answer, FetchError>,
    {
        if self.settings.offline {
            return Err(FetchError::Offline {
                url: shown(download.url),
            });
        }
        let mut tried = 0;
        loop {
            let error = match attempt().await {
                Err(error) if error.is_transient() && tried < self.settings.retries => error,
                outcome => return outcome,
            };
            if let Some(subject) = download.subject {
                reporter.download_restarted(subject);
            }
            tokio::time::sleep(self.pause(tried, &error)).await;
            tried += 1;
        }
    }

    /// Twice as long each time, with up to half of it again at random, unless the server says how long.
    fn pause(&self, tried: u32, error: &FetchError) -> Duration {
        if let FetchError::Status {
            retry_after: Some(seconds),
            ..
        } = error
        {
            return Duration::from_secs(*seconds).min(self.settings.retry_pause_max);
        }
        let base = self.settings.retry_pause.saturating_mul(1 << tried.min(6));
        let random = RandomState::new().build_hasher().finish() % 512;
        let jitter = base.mul_f64(f64::from(u16::try_from(random).unwrap_or(0)) / 1024.0);
        (base + jitter).min(self.settings.retry_pause_max)
    }

    async fn attempt(
        &self,
        download: Download<'_>,
        known: &Validators,
        reporter: &dyn Reporter,
    ) -> Result<Answer, FetchError> {
        let response = self.follow(download.url, known).await?;
        match response.status() {
            StatusCode::NOT_MODIFIED => return Ok(Answer::Unchanged),
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(Answer::Absent),
            _ => {}
        }
        let validators = Validators {
            etag: header(&response, &reqwest::header::ETAG),
            last_modified: header(&response, &reqwest::header::LAST_MODIFIED),
        };
        let received = receive(response, download, reporter).await?;
        Ok(Answer::Fresh(received, validators))
    }

    /// One request with its redirects; the response has a status the caller can use.
    async fn follow(&self, start: &Url, known: &Validators) -> Result<Response, FetchError> {
        let mut url = start.clone();
        self.gate(&url).map_err(FetchError::Refused)?;
        for _ in 0..=MAX_REDIRECTS {
            let response = self.request(&url, known).await?;
            let status = response.status();
            let target = header(&response, &LOCATION);
            match (status, target) {
                (
                    StatusCode::MOVED_PERMANENTLY
                    | StatusCode::FOUND
                    | StatusCode::SEE_OTHER
                    | StatusCode::TEMPORARY_REDIRECT
                    | StatusCode::PERMANENT_REDIRECT,
                    Some(target),
                ) => {
                    url = self.redirected(&url, &target)?;
                }
                (
                    StatusCode::OK
                    | StatusCode::NOT_MODIFIED
                    | StatusCode::NOT_FOUND
                    | StatusCode::GONE,
                    _,
                ) => {
                    return Ok(response);
                }
                (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
                    return Err(FetchError::Authentication {
                        url: shown(&url),
                        status: status.as_u16(),
                    });
                }
                _ => {
                    return Err(FetchError::Status {
                        url: shown(&url),
                        status: status.as_u16(),
                        retry_after: header(&response, &RETRY_AFTER).and_then(|t| t.parse().ok()),
                    });
                }
            }
        }
        Err(FetchError::Redirects {
            url: shown(start),
            limit: MAX_REDIRECTS,
        })
    }

    async fn request(&self, url: &Url, known: &Validators) -> Result<Response, FetchError> {
        let client = self.client(url)?;
        let mut request = client.get(url.clone()).header(ACCEPT_ENCODING, "identity");
        // SECURITY: a registry's headers may be credentials; they never leave its origin.
        if self.own.as_ref() == Some(&url.origin()) {
            request = request.headers(self.headers.clone());
        }
        if let Some(etag) = &known.etag {
            request = request.header(reqwest::header::IF_NONE_MATCH, etag);
        }
        if let Some(time) = &known.last_modified {
            request = request.header(reqwest::header::IF_MODIFIED_SINCE, time);
        }
        request
            .send()
            .await
            .map_err(|e| FetchError::from_reqwest(&shown(url), e))
    }

    /// The next URL of a redirect, checked.
    fn redirected(&self, from: &Url, target: &str) -> Result<Url, FetchError> {
        let refuse = |to: &str, reason: String| FetchError::Redirect {
            from: shown(from),
            to: pack_format::text::printable(to),
            reason,
        };
        let to = from
            .join(target)
            .map_err(|_| refuse(target, "it is not a URL".to_owned()))?;
        if from.scheme() == "https" && to.scheme() != "https" {
            return Err(refuse(
                &shown(&to),
                "it leads from https to http".to_owned(),
            ));
        }
        self.gate(&to)
            .map_err(|error| refuse(&shown(&to), error.to_string()))?;
        Ok(to)
    }

    /// Whether a URL may be requested; a query (signed download links have one) is not looked at.
    fn gate(&self, url: &Url) -> Result<(), pack_format::url_policy::UrlError> {
        if self.own.as_ref() == Some(&url.origin()) && url.username().is_empty() {
            return Ok(());
        }
        let mut bare = url.clone();
        bare.set_query(None);
        bare.set_fragment(None);
        self.policy.check(bare.as_str()).map(|_: SourceUrl| ())
    }

    fn client(&self, url: &Url) -> Result<&Client, FetchError> {
        let secure = url.scheme() == "https";
        let slot = if secure { &self.secure } else { &self.plain };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = self.build(secure).map_err(|e| FetchError::TlsSetup {
            url: shown(url),
            source: Box::new(e),
        })?;
        Ok(slot.get_or_init(|| client))
    }

    fn build(&self, secure: bool) -> Result<Client, reqwest::Error> {
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
            // FUTURE: proxies come with per-registry settings; one from the environment would resolve
            // names behind the back of the address check.
            .no_proxy();
        if !secure {
            builder = builder.tls_certs_only([]);
        }
        builder.build()
    }
}

/// Takes the body, counted and hashed.
async fn receive(
    mut response: Response,
    download: Download<'_>,
    reporter: &dyn Reporter,
) -> Result<Received, FetchError> {
    let url = shown(download.url);
    let too_large = || FetchError::TooLarge {
        url: url.clone(),
        limit: download.limit,
    };
    if response
        .content_length()
        .is_some_and(|n| n > download.limit)
    {
        return Err(too_large());
    }
    let mut spool = Spool::new(download.spool);
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|e| FetchError::from_reqwest(&url, e))?
    {
        if spool.size_bytes() + chunk.len() as u64 > download.limit {
            return Err(too_large());
        }
        spool.push(&chunk).map_err(|source| FetchError::Keep {
            url: url.clone(),
            source,
        })?;
        if let Some(subject) = download.subject {
            reporter.download_advanced(subject, chunk.len() as u64);
        }
    }
    Ok(spool.finish())
}

fn header(response: &Response, name: &HeaderName) -> Option<String> {
    let value = response.headers().get(name)?;
    value.to_str().ok().map(str::to_owned)
}

/// A URL for messages: without its query, which may hold a signature.
fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    shown.to_string()
}
