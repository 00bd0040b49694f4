//! `Publisher`: changes of a registry on the web, by its API: publish, yank and their kin.
//!
//! ```no_run
//! # async fn example(archive: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
//! use pack_client::{ClientSettings, Publication, Publisher, RegistryConfig};
//! use pack_format::Timestamp;
//!
//! let mut registry = RegistryConfig::new("https://packs.example.org/");
//! registry.headers = registry.headers.with_token("…");
//! let settings = ClientSettings::new(Timestamp::from_unix(0));
//! let publisher = Publisher::at(&registry, &settings)?;
//! let (pack_ref, version) = ("slack".parse()?, "2.1.0".parse()?);
//! let publication = Publication {
//!     pack_ref: &pack_ref,
//!     version: &version,
//!     archive,
//!     source: None,
//!     dry_run: false,
//! };
//! let answer = publisher.publish(publication).await?;
//! println!("{}", answer["published_at"]);
//! # Ok(())
//! # }
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pack_format::source::InstallSource;
use pack_format::text::is_deceptive;
use pack_format::{Hint, PackRef, Version};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::fetch_error::FetchError;
use crate::http::{Http, Sent};
use crate::location::{Location, LocationError};
use crate::settings::{ClientSettings, RegistryConfig};

/// Most characters of an answer that are shown.
const MAX_MESSAGE_CHARS: usize = 4000;

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublisherError {
    /// The registry's URL cannot be used.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// Files take no changes over HTTP.
    #[error("`{0}` is not on the web")]
    NotOnTheWeb(String),
    /// It was not asked, or did not answer.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The registry refuses.
    #[error("{message}")]
    Refused {
        /// Its status.
        status: u16,
        /// Its code for programs; empty if it gave none.
        code: String,
        /// Why.
        message: String,
        /// What to do, in its words.
        hint: Option<String>,
    },
    /// It is no registry that takes changes.
    #[error("`{url}` takes no changes: it answered {status}")]
    NoApi {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
    },
}

impl PublisherError {
    /// Whether credentials are missing or do not suffice.
    pub fn is_authentication(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(status, 401 | 403),
            Self::Fetch(error) => error.is_authentication(),
            _ => false,
        }
    }

    /// Whether nobody could be asked.
    pub fn is_network(&self) -> bool {
        matches!(self, Self::Fetch(_))
    }
}

impl Hint for PublisherError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Location(error) => error.hint(),
            Self::NotOnTheWeb(_) => Some(
                "build a registry of files with `attune registry build`, or host it with `attune registry serve`"
                    .to_owned(),
            ),
            Self::Fetch(error) => error.hint(),
            Self::Refused { hint, .. } => hint.clone(),
            Self::NoApi { .. } => Some(
                "a registry on a plain web host takes none; publish where it is built, or host it with `attune registry serve`"
                    .to_owned(),
            ),
        }
    }
}

/// What is published.
#[derive(Debug)]
pub struct Publication<'a> {
    /// The pack.
    pub pack_ref: &'a PackRef,
    /// Its version.
    pub version: &'a Version,
    /// The archive.
    pub archive: Vec<u8>,
    /// Where git has the same files at a commit; sources of other kinds are not told.
    pub source: Option<&'a InstallSource>,
    /// Whether it is only asked if the archive would be taken.
    pub dry_run: bool,
}

/// One registry that takes changes.
#[derive(Debug)]
pub struct Publisher {
    base: Url,
    http: Http,
}

impl Publisher {
    /// For the registry of a configuration; its headers carry the token.
    ///
    /// # Errors
    /// [`PublisherError::Location`], or [`PublisherError::NotOnTheWeb`].
    pub fn at(config: &RegistryConfig, settings: &ClientSettings) -> Result<Self, PublisherError> {
        let location = Location::parse(&config.url, settings.allow_http)?;
        let Location::Web { base, .. } = &location else {
            return Err(PublisherError::NotOnTheWeb(location.display_url()));
        };
        let policy = location.policy(settings.allow_http);
        Ok(Self {
            http: Http::of_registry(settings, policy, base, config),
            base: base.clone(),
        })
    }

    /// Publishes an archive. The answer is the registry's: `created` tells whether the version is new.
    ///
    /// # Errors
    /// [`PublisherError`].
    pub async fn publish(&self, publication: Publication<'_>) -> Result<Value, PublisherError> {
        let Publication {
            pack_ref,
            version,
            archive,
            source,
            dry_run,
        } = publication;
        let mut url = self.url(&[pack_ref.as_str(), &version.to_string()]);
        if dry_run {
            url.query_pairs_mut().append_pair("dry_run", "true");
        }
        if let Some(InstallSource::Git {
            url: repository,
            git_ref: Some(commit),
            subdir,
            ..
        }) = source
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("git_url", repository.as_str());
            query.append_pair("git_commit", commit.as_str());
            if let Some(subdir) = subdir {
                query.append_pair("git_subdir", subdir);
            }
        }
        let mut headers = HeaderMap::new();
        let digest = STANDARD.encode(Sha256::digest(&archive));
        if let Ok(value) = HeaderValue::from_str(&format!("sha-256=:{digest}:")) {
            headers.insert(HeaderName::from_static("content-digest"), value);
        }
        self.ask(Sent {
            method: Method::PUT,
            url: &url,
            body: Some(("application/gzip", archive)),
            headers,
        })
        .await
    }

    /// Asks for a change of a pack, or of one version of it: `yank`, `unyank`, `takedown`, `deprecate`, `undeprecate`.
    ///
    /// # Errors
    /// [`PublisherError`].
    pub async fn say(
        &self,
        pack_ref: &PackRef,
        version: Option<&Version>,
        verb: &str,
        body: &Value,
    ) -> Result<Value, PublisherError> {
        let version = version.map(ToString::to_string);
        let parts = [Some(pack_ref.as_str()), version.as_deref(), Some(verb)];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        let url = self.url(&parts);
        self.ask(Sent {
            method: Method::POST,
            url: &url,
            body: Some(("application/json", body.to_string().into_bytes())),
            headers: HeaderMap::new(),
        })
        .await
    }

    /// The owners of a pack; with a name, after that one was added or removed.
    ///
    /// # Errors
    /// [`PublisherError`].
    pub async fn owners(
        &self,
        pack_ref: &PackRef,
        change: Option<(OwnerChange, &str)>,
    ) -> Result<Value, PublisherError> {
        let mut parts = vec![pack_ref.as_str(), "owners"];
        let method = match change {
            None => Method::GET,
            Some((change, name)) => {
                parts.push(name);
                match change {
                    OwnerChange::Add => Method::PUT,
                    OwnerChange::Remove => Method::DELETE,
                }
            }
        };
        let url = self.url(&parts);
        self.ask(Sent {
            method,
            url: &url,
            body: None,
            headers: HeaderMap::new(),
        })
        .await
    }

    /// What the installation API of the same address says at a path.
    ///
    /// # Errors
    /// [`PublisherError`].
    pub async fn get(&self, parts: &[&str]) -> Result<Value, PublisherError> {
        let url = self.api_url(parts);
        self.ask(Sent {
            method: Method::GET,
            url: &url,
            body: None,
            headers: HeaderMap::new(),
        })
        .await
    }

    /// Asks the installation API of the same address for something that is no pack's.
    ///
    /// # Errors
    /// [`PublisherError`].
    pub async fn post(
        &self,
        parts: &[&str],
        body: Option<&Value>,
    ) -> Result<Value, PublisherError> {
        let url = self.api_url(parts);
        let body = body.map(|body| ("application/json", body.to_string().into_bytes()));
        self.ask(Sent {
            method: Method::POST,
            url: &url,
            body,
            headers: HeaderMap::new(),
        })
        .await
    }

    fn url(&self, parts: &[&str]) -> Url {
        self.api_url(&[&["packs"], parts].concat())
    }

    fn api_url(&self, parts: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.set_query(None);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(parts);
        }
        url
    }

    async fn ask(&self, sent: Sent<'_>) -> Result<Value, PublisherError> {
        let url = sent.url.to_string();
        let (status, answer) = self.http.send(sent).await?;
        let document: Option<Value> = serde_json::from_slice(&answer).ok();
        if status.is_success() {
            return Ok(document.unwrap_or_else(|| json!({})));
        }
        let status = status.as_u16();
        let text = |key: &str| -> Option<String> {
            let text = document.as_ref()?.get(key)?.as_str()?;
            // It may be anybody's words.
            let plain = text.chars().filter(|c| !is_deceptive(*c));
            Some(plain.take(MAX_MESSAGE_CHARS).collect())
        };
        let code = text("code").unwrap_or_default();
        match text("message") {
            // Of a plain web host: it knows no such path, or no such method.
            None => Err(PublisherError::NoApi { url, status }),
            Some(_) if matches!(status, 404 | 405) && code != "not_listed" => {
                Err(PublisherError::NoApi { url, status })
            }
            Some(message) => Err(PublisherError::Refused {
                status,
                code,
                message,
                hint: text("hint"),
            }),
        }
    }
}

/// What is to be done with an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerChange {
    /// One more.
    Add,
    /// One less.
    Remove,
}
