//! `Http`: GET with one policy for addresses, redirects, headers, sizes and retries.
//!
//! 1. The URL passes the gate, which knows the registry it works for.
//! 2. One request; a redirect is followed by us, at most five times, each hop through the gate again.
//! 3. The body is counted and hashed while it arrives.
//! 4. A failure that may pass (429, 5xx, a broken connection) is tried again after a pause with jitter.

mod body;
mod build;
mod hosts;
mod mirrors;
mod retry;
mod send;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::OnceLock;
use std::time::SystemTime;

use pack_format::url_policy::{SourceUrl, UrlPolicy};
use reqwest::header::{
    ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, LOCATION, RANGE, RETRY_AFTER,
};
use reqwest::{Client, Response, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use url::{Origin, Url};

use self::body::Partial;
pub use self::hosts::HostLimit;
pub(crate) use self::mirrors::Mirrors;
pub(crate) use self::send::Sent;
use crate::dns::CheckedResolver;
use crate::fetch_error::FetchError;
use crate::reporter::Reporter;
use crate::settings::{ClientSettings, Connection, Proxies, RegistryConfig, Tls};
use crate::spool::Received;

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
    tls: Tls,
    proxies: Proxies,
    mirrors: Mirrors,
    /// For http URLs: needs no certificates, so it works where none are installed.
    plain: OnceLock<Client>,
    /// For the registry's own origin: with its client certificate, say.
    own_secure: OnceLock<Client>,
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
    /// For a registry at `base`; what its configuration says of headers and certificates of ours goes to its origin only.
    pub(crate) fn of_registry(
        settings: &ClientSettings,
        policy: UrlPolicy,
        base: &Url,
        config: &RegistryConfig,
    ) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in config.headers.iter() {
            if let (Ok(name), Ok(mut value)) =
                (name.parse::<HeaderName>(), value.parse::<HeaderValue>())
            {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        let proxies = config.proxies.as_ref().unwrap_or(&settings.proxies);
        Self {
            headers,
            tls: config.tls.clone(),
            ..Self::with_proxies(settings, policy, Some(base), proxies)
        }
    }

    /// The same with copies, whose hosts are approved: somebody configured them. They get no headers.
    pub(crate) fn with_mirrors(mut self, mirrors: Mirrors) -> Self {
        let hosts = mirrors.copies().iter().filter_map(Url::host_str);
        self.resolver.approve(hosts);
        self.mirrors = mirrors;
        self
    }

    /// For URLs without a registry; the host of `own` is approved, for somebody named it.
    pub(crate) fn direct(settings: &ClientSettings, policy: UrlPolicy, own: Option<&Url>) -> Self {
        Self::with_proxies(settings, policy, own, &settings.proxies)
    }

    /// For URLs that a registry in files names.
    pub(crate) fn of_files(
        settings: &ClientSettings,
        policy: UrlPolicy,
        connection: &Connection,
    ) -> Self {
        let proxies = connection.proxies.as_ref().unwrap_or(&settings.proxies);
        Self {
            tls: Tls {
                ca_file: connection.ca_file.clone(),
                ..Tls::default()
            },
            ..Self::with_proxies(settings, policy, None, proxies)
        }
    }

    fn with_proxies(
        settings: &ClientSettings,
        policy: UrlPolicy,
        own: Option<&Url>,
        proxies: &Proxies,
    ) -> Self {
        let own_host = own.and_then(Url::host_str).map(str::to_owned);
        Self {
            settings: settings.clone(),
            policy,
            own: own.map(Url::origin),
            resolver: CheckedResolver::new(policy, own_host, proxies.hosts()),
            headers: HeaderMap::new(),
            tls: Tls::default(),
            proxies: proxies.clone(),
            mirrors: Mirrors::default(),
            plain: OnceLock::new(),
            own_secure: OnceLock::new(),
            secure: OnceLock::new(),
        }
    }

    /// The addresses of a URL's host, checked as those of requests are; none for a literal address, which is
    /// checked with the URL, and for a name that only a proxy knows.
    pub(crate) async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, FetchError> {
        let (Some(host), Some(port)) = (url.domain(), url.port_or_known_default()) else {
            return Ok(Vec::new());
        };
        let proxied = match url.scheme() {
            "https" => self.proxies.https.is_some(),
            _ => self.proxies.http.is_some(),
        };
        match self.resolver.addresses(host, port).await {
            Ok(addresses) => Ok(addresses),
            Err(source) if source.is::<crate::dns::AddressRefused>() => {
                Err(FetchError::Address { url: shown(url) })
            }
            Err(_) if proxied => Ok(Vec::new()),
            Err(source) => Err(FetchError::Unreachable {
                url: shown(url),
                source,
            }),
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
        self.anywhere(download, reporter, async |download| {
            self.with_retries(async || {
                // A document is small: nothing is kept of a try that failed.
                let mut partial = Partial::default();
                let attempt = self.attempt(download, known, &mut partial, reporter);
                match tokio::time::timeout(limit, attempt).await {
                    Ok(answer) => answer,
                    Err(_) => Err(FetchError::Timeout {
                        url: shown(download.url),
                    }),
                }
            })
            .await
        })
        .await
    }

    /// Fetches an archive; only silence or less than the minimum rate ends it early, not its length. A try goes on
    /// where the one before it ended, if the server still has the same bytes.
    pub(crate) async fn archive(
        &self,
        download: Download<'_>,
        reporter: &dyn Reporter,
    ) -> Result<Received, FetchError> {
        let known = Validators::default();
        let answer = self
            .anywhere(download, reporter, async |download| {
                let mut partial = Partial::default();
                let outcome = self
                    .with_retries(async || {
                        if partial.rest().is_none() {
                            partial.forget(download, reporter);
                        }
                        self.attempt(download, &known, &mut partial, reporter).await
                    })
                    .await;
                if outcome.is_err() {
                    partial.forget(download, reporter);
                }
                outcome
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

    /// Asks for a file where it is and, while nobody answers there, at the mirrors.
    async fn anywhere<F>(
        &self,
        download: Download<'_>,
        reporter: &dyn Reporter,
        mut ask: F,
    ) -> Result<Answer, FetchError>
    where
        F: AsyncFnMut(Download<'_>) -> Result<Answer, FetchError>,
    {
        if self.settings.offline {
            return Err(FetchError::Offline {
                url: shown(download.url),
            });
        }
        let mut failure = None;
        let places = self.mirrors.places(download.url);
        for (number, url) in &places {
            let here = Download { url, ..download };
            match ask(here).await {
                // A mirror may be behind; the registry's own word would count, but it cannot be had.
                Ok(Answer::Absent) if *number > 0 => {}
                Ok(answer) => {
                    self.mirrors.prefer(*number);
                    return Ok(answer);
                }
                Err(error) if error.is_unreachable() && places.len() > 1 => {
                    reporter.warning(&format!("{error}; asking the next mirror"));
                    failure.get_or_insert(error);
                }
                Err(error) if *number > 0 => {
                    reporter.warning(&format!("mirror is left out: {error}"));
                    failure.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        failure.map_or(Ok(Answer::Absent), Err)
    }

    async fn with_retries<T, F>(&self, mut attempt: F) -> Result<T, FetchError>
    where
        F: AsyncFnMut() -> Result<T, FetchError>,
    {
        let mut tried = 0;
        loop {
            let error = match attempt().await {
                Err(error) => error,
                answer => return answer,
            };
            let Some(pause) = retry::pause(&self.settings, tried, &error) else {
                return Err(error);
            };
            tokio::time::sleep(pause).await;
            tried += 1;
        }
    }

    async fn attempt(
        &self,
        download: Download<'_>,
        known: &Validators,
        partial: &mut Partial,
        reporter: &dyn Reporter,
    ) -> Result<Answer, FetchError> {
        let conditions = Conditions {
            known,
            rest: partial.rest(),
        };
        // The turn ends with the body.
        let (response, _turn) = self.follow(download.url, &conditions).await?;
        match response.status() {
            StatusCode::NOT_MODIFIED => return Ok(Answer::Unchanged),
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(Answer::Absent),
            StatusCode::RANGE_NOT_SATISFIABLE => {
                partial.forget(download, reporter);
                return Err(FetchError::Range {
                    url: shown(download.url),
                });
            }
            _ => {}
        }
        let validators = Validators {
            etag: header(&response, &reqwest::header::ETAG),
            last_modified: header(&response, &reqwest::header::LAST_MODIFIED),
        };
        let received = partial
            .take(response, download, &self.settings, reporter)
            .await?;
        if download.subject.is_none()
            && let Some(encoding) = received.encoding()
        {
            return Err(FetchError::encoded(shown(download.url), encoding));
        }
        Ok(Answer::Fresh(received, validators))
    }

    /// One request with its redirects; the response has a status the caller can use.
    async fn follow(
        &self,
        start: &Url,
        conditions: &Conditions<'_>,
    ) -> Result<(Response, Option<OwnedSemaphorePermit>), FetchError> {
        let mut url = start.clone();
        self.gate(&url).map_err(FetchError::Refused)?;
        // SECURITY: another host may send us back to where our credentials count, to a place of its choice. So they
        // are not shown again once a redirect has left their origin.
        let mut at_home = self.own.as_ref() == Some(&url.origin());
        for _ in 0..=MAX_REDIRECTS {
            at_home = at_home && self.own.as_ref() == Some(&url.origin());
            let turn = self.settings.per_host.turn(&url).await;
            let response = self.request(&url, at_home, conditions).await?;
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
                ) => return Ok((response, turn)),
                (StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE, _)
                    if conditions.rest.is_some() =>
                {
                    return Ok((response, turn));
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
                        retry_after: header(&response, &RETRY_AFTER)
                            .and_then(|value| retry::retry_after(&value, SystemTime::now())),
                    });
                }
            }
        }
        Err(FetchError::Redirects {
            url: shown(start),
            limit: MAX_REDIRECTS,
        })
    }

    async fn request(
        &self,
        url: &Url,
        at_home: bool,
        conditions: &Conditions<'_>,
    ) -> Result<Response, FetchError> {
        let client = self.client(url, at_home)?;
        let mut request = client.get(url.clone()).header(ACCEPT_ENCODING, "identity");
        // SECURITY: a registry's headers may be credentials; they never leave its origin.
        if at_home {
            request = request.headers(self.headers.clone());
        }
        if let Some(etag) = &conditions.known.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(time) = &conditions.known.last_modified {
            request = request.header(IF_MODIFIED_SINCE, time);
        }
        if let Some((have, validator)) = conditions.rest {
            request = request
                .header(RANGE, format!("bytes={have}-"))
                .header(IF_RANGE, validator);
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
        let to = from.join(target).map_err(|_| {
            // What cannot be parsed cannot be cleared of credentials otherwise.
            let bare = target.rsplit('@').next().unwrap_or_default();
            let end = bare.find(['?', '#']).unwrap_or(bare.len());
            refuse(&bare[..end], "it is not a URL".to_owned())
        })?;
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
        let origin = url.origin();
        let named = self.own.as_ref() == Some(&origin)
            || self
                .mirrors
                .copies()
                .iter()
                .any(|copy| copy.origin() == origin);
        if named && url.username().is_empty() {
            return Ok(());
        }
        let mut bare = url.clone();
        bare.set_query(None);
        bare.set_fragment(None);
        self.policy.check(bare.as_str()).map(|_: SourceUrl| ())
    }
}

/// What a request is to be answered under.
struct Conditions<'a> {
    /// What the caller has as a whole.
    known: &'a Validators,
    /// What it has of the beginning: the number of bytes, and what they belong to.
    rest: Option<(u64, &'a str)>,
}

fn header(response: &Response, name: &HeaderName) -> Option<String> {
    let value = response.headers().get(name)?;
    value.to_str().ok().map(str::to_owned)
}

/// A URL for messages: without its query, which may hold a signature, and without credentials.
fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    // Both fail only for URLs without a host, which carry no credentials.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    shown.to_string()
}
