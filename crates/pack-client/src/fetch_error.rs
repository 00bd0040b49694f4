//! `FetchError`: why bytes did not arrive over HTTP.

use std::error::Error as StdError;

use pack_format::url_policy::UrlError;
use pack_format::{Hint, Timestamp};
use rustls::CertificateError;
use rustls::pki_types::UnixTime;

/// A failed HTTP request, with its URL (which never carries credentials).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The URL must not be used.
    #[error("the URL {0}")]
    Refused(UrlError),
    /// A redirect that must not be followed.
    #[error("`{from}` redirects to `{to}`, which is refused: {reason}")]
    Redirect {
        /// Who answered.
        from: String,
        /// Where it points.
        to: String,
        /// Why not.
        reason: String,
    },
    /// One redirect after the other.
    #[error("`{url}` redirects more than {limit} times")]
    Redirects {
        /// Where it began.
        url: String,
        /// The limit.
        limit: usize,
    },
    /// The server asks who we are, or does not let us in.
    #[error("`{url}` answered {}", spelled(*.status))]
    Authentication {
        /// The URL.
        url: String,
        /// 401 or 403.
        status: u16,
    },
    /// An answer that is neither success nor absence.
    #[error("`{url}` answered {}", spelled(*.status))]
    Status {
        /// The URL.
        url: String,
        /// The status.
        status: u16,
        /// How long the server asks to wait, in seconds.
        retry_after: Option<u64>,
    },
    /// The certificate or the handshake is wrong.
    #[error("no trusted connection to `{url}`")]
    Tls {
        /// The URL.
        url: String,
        /// Why.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The certificate was right once, or will be.
    #[error(
        "no trusted connection to `{url}`: its certificate is valid {bound} {limit}, and this machine's clock says {now}"
    )]
    Expired {
        /// The URL.
        url: String,
        /// `until` or `from`.
        bound: &'static str,
        /// Until or from when.
        limit: Timestamp,
        /// This machine's time.
        now: Timestamp,
    },
    /// This machine has no certificates to trust.
    #[error("cannot set up TLS for `{url}`")]
    TlsSetup {
        /// The URL.
        url: String,
        /// Why.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Nobody was asked, because nobody may be.
    #[error("`{url}` is not cached, and nothing is fetched offline")]
    Offline {
        /// The URL.
        url: String,
    },
    /// No connection, or it broke.
    #[error("cannot reach `{url}`")]
    Unreachable {
        /// The URL.
        url: String,
        /// Why.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The name leads to an address that a registry must not send us to.
    #[error("`{url}` is refused: its host leads to a private or loopback address")]
    Address {
        /// The URL.
        url: String,
    },
    /// Nothing came in time.
    #[error("`{url}` did not answer in time")]
    Timeout {
        /// The URL.
        url: String,
    },
    /// It came, but slower than we wait for.
    #[error("`{url}` sends less than {rate} bytes per second")]
    Slow {
        /// The URL.
        url: String,
        /// The least rate, in bytes per second.
        rate: u64,
    },
    /// The rest of a download was asked for, and something else was sent.
    #[error("`{url}` did not send the rest of the file that it was asked for")]
    Range {
        /// The URL.
        url: String,
    },
    /// A file of certificates is not there or holds none.
    #[error("cannot use the {what} in `{}`", path.display())]
    Certificate {
        /// `CA certificates` or `client certificate`.
        what: &'static str,
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A proxy that cannot be used. Its URL may hold a password, so it is not told.
    #[error("{origin} is not the URL of an http or https proxy")]
    Proxy {
        /// Where it was named.
        origin: String,
    },
    /// It came in a content coding, so that its bytes are not those of the file.
    #[error(
        "`{url}` was sent in the content coding `{encoding}`, although it was asked for as it is"
    )]
    Encoded {
        /// The URL.
        url: String,
        /// The coding.
        encoding: String,
    },
    /// More bytes than allowed.
    #[error("`{url}` sent more than {limit} bytes")]
    TooLarge {
        /// The URL.
        url: String,
        /// The limit.
        limit: u64,
    },
    /// The bytes could not be kept here.
    #[error("cannot keep what `{url}` sent")]
    Keep {
        /// The URL.
        url: String,
        /// Why.
        source: std::io::Error,
    },
}

impl FetchError {
    /// For a body in a coding that it should not be in.
    pub fn encoded(url: String, encoding: &str) -> Self {
        Self::Encoded {
            url,
            encoding: pack_format::text::printable(encoding),
        }
    }

    /// Whether the bytes are not what they should be.
    pub fn is_verification(&self) -> bool {
        matches!(self, Self::Encoded { .. })
    }

    /// Whether the same request may succeed in a moment.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Slow { .. }
            | Self::Range { .. } => true,
            _ => false,
        }
    }

    /// Whether nobody (or nobody able to answer) was there; a cached copy may stand in.
    pub fn is_unreachable(&self) -> bool {
        self.is_transient() || matches!(self, Self::Offline { .. })
    }

    /// Whether the server wants to know who we are.
    pub fn is_authentication(&self) -> bool {
        matches!(self, Self::Authentication { .. })
    }

    /// Sorts a failure of the HTTP library.
    pub(crate) fn from_reqwest(url: &str, error: reqwest::Error) -> Self {
        let url = url.to_owned();
        // The URL is in our own message, without its query.
        let error = error.without_url();
        if error.is_timeout() {
            return Self::Timeout { url };
        }
        let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
        while let Some(inner) = cause {
            if let Some(error) = inner.downcast_ref::<rustls::Error>() {
                return Self::from_tls(url, error);
            }
            if inner.downcast_ref::<crate::dns::AddressRefused>().is_some() {
                return Self::Address { url };
            }
            cause = wrapped(inner).or_else(|| inner.source());
        }
        Self::Unreachable {
            url,
            source: innermost(&error).to_string().into(),
        }
    }

    fn from_tls(url: String, error: &rustls::Error) -> Self {
        let time = |time: &UnixTime| {
            Timestamp::from_unix(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
        };
        let (bound, limit, now) = match error {
            rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
                time: now,
                not_after,
            }) => ("until", time(not_after), time(now)),
            rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext {
                time: now,
                not_before,
            }) => ("from", time(not_before), time(now)),
            other => {
                return Self::Tls {
                    url,
                    source: Box::new(other.clone()),
                };
            }
        };
        Self::Expired {
            url,
            bound,
            limit,
            now,
        }
    }
}

/// The cause of all causes: the ones between say which layer of the HTTP library passed it on.
fn innermost<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut last = error;
    while let Some(inner) = wrapped(last).or_else(|| last.source()) {
        last = inner;
    }
    last
}

/// The error inside an `io::Error`, which `source()` passes over.
fn wrapped<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    let inner = error.downcast_ref::<std::io::Error>()?.get_ref()?;
    Some(inner)
}

/// A status with its name, if it has one.
fn spelled(status: u16) -> String {
    let code = reqwest::StatusCode::from_u16(status).ok();
    let name = code
        .as_ref()
        .and_then(reqwest::StatusCode::canonical_reason);
    name.map_or_else(|| status.to_string(), |name| format!("{status} {name}"))
}

impl Hint for FetchError {
    fn hint(&self) -> Option<String> {
        let advice = match self {
            Self::Refused(error) => return error.hint(),
            Self::Authentication { status: 401, .. } => {
                "log in with `attune registry login`, or set the registry's `headers` in the configuration"
            }
            Self::Authentication { .. } => "ask the registry's operator for access",
            Self::Status { status: 404, .. } => "check the URL of the registry",
            Self::Status {
                retry_after: Some(seconds),
                ..
            } => {
                return Some(format!(
                    "the server asks for a pause of {seconds} seconds; run the command again after that"
                ));
            }
            Self::Status { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Slow { .. }
            | Self::Range { .. } => {
                "check the network and the registry, then run the command again"
            }
            Self::Offline { .. } => {
                "run the command once without `--offline`, which fills the cache"
            }
            Self::Tls { .. } => {
                "check this machine's clock and CA certificates; for a registry with a private CA, name its certificate as `ca_file`"
            }
            Self::Expired { .. } => {
                "set this machine's clock if it is wrong; else the server needs a new certificate, which its operator can get"
            }
            Self::Certificate { .. } => {
                "name a readable PEM file: certificates for `ca_file`, a certificate and its private key for `client_certificate`"
            }
            Self::Proxy { .. } => "write it as `http://host:port`",
            Self::TlsSetup { .. } => "install the CA certificates of your system",
            Self::Address { .. } | Self::Redirect { .. } => {
                "ask the registry's operator where its packs should come from"
            }
            Self::Encoded { .. } => {
                "have the server send archives and documents without compressing them on the way"
            }
            Self::Redirects { .. } | Self::TooLarge { .. } => {
                "report this to the registry's operator"
            }
            Self::Keep { .. } => "free some space and run the command again; nothing was changed",
        };
        Some(advice.to_owned())
    }
}
