//! `Documents`: the files of one registry, from disk or over HTTP with a cache between.

use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use pack_format::ArchiveDigest;
use pack_format::limits::MAX_DOCUMENT_BYTES;
use pack_format::url_policy::UrlPolicy;
use pack_fs::FsError;
use pack_fs::source_dir::open_regular;
use url::Url;

use crate::cache::{Cached, DocumentCache};
use crate::fetch_error::FetchError;
use crate::http::{Answer, Download, Http, Mirrors, Validators};
use crate::location::{Location, LocationError};
use crate::registry_error::RegistryError;
use crate::reporter::Reporter;
use crate::settings::{ClientSettings, RegistryConfig};

/// How old a cached document may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// As old as the cache's time to live.
    Cached,
    /// The server is asked, whatever the cache holds.
    Revalidated,
}

/// Reading access to the documents of one registry.
#[derive(Debug)]
pub(crate) enum Documents {
    Files {
        root: PathBuf,
    },
    Web {
        base: Url,
        http: Box<Http>,
        cache: Option<DocumentCache>,
        settings: Box<ClientSettings>,
    },
}

impl Documents {
    /// The documents of a registry.
    pub(crate) fn at(
        location: &Location,
        policy: UrlPolicy,
        settings: &ClientSettings,
        config: &RegistryConfig,
    ) -> Result<Self, LocationError> {
        Ok(match location {
            Location::Directory { root, .. } => Self::Files { root: root.clone() },
            Location::Web { base, .. } => {
                let mirrors = config
                    .mirrors
                    .iter()
                    .map(|text| Location::mirror(text, settings.allow_http))
                    .collect::<Result<Vec<_>, _>>()?;
                let http = Http::of_registry(settings, policy, base, config);
                Self::Web {
                    base: base.clone(),
                    http: Box::new(http.with_mirrors(Mirrors::new(base, mirrors))),
                    cache: settings.cache_directory.as_deref().map(DocumentCache::new),
                    settings: Box::new(settings.clone()),
                }
            }
        })
    }

    /// The bytes of a document, `None` where there is no such document.
    pub(crate) async fn get(
        &self,
        path: &str,
        freshness: Freshness,
        reporter: &dyn Reporter,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        match self {
            Self::Files { root } => read_file(&root.join(path), MAX_DOCUMENT_BYTES),
            Self::Web {
                base,
                http,
                cache,
                settings,
            } => {
                let url = join(base, path)?;
                let known = cache.as_ref().and_then(|c| c.get(url.as_str()));
                if let Some(known) = &known
                    && freshness == Freshness::Cached
                    && (settings.offline || known.is_fresh(settings.now, settings.cache_ttl))
                {
                    return Ok(known.body.clone());
                }
                let web = Web {
                    http,
                    cache: cache.as_ref(),
                    settings,
                };
                web.fetch(&url, known, reporter).await
            }
        }
    }

    /// The bytes of a document whose digest is known, checked.
    pub(crate) async fn pinned(
        &self,
        path: &str,
        digest: &ArchiveDigest,
        reporter: &dyn Reporter,
    ) -> Result<Vec<u8>, RegistryError> {
        if let Self::Web {
            cache: Some(cache), ..
        } = self
            && let Some(bytes) = cache.pinned(digest)
        {
            return Ok(bytes);
        }
        let bytes = match self {
            Self::Files { root } => read_file(&root.join(path), MAX_DOCUMENT_BYTES)?,
            Self::Web {
                base,
                http,
                settings,
                ..
            } => {
                // No cache by URL: the digest is the better name.
                let web = Web {
                    http,
                    cache: None,
                    settings,
                };
                web.fetch(&join(base, path)?, None, reporter).await?
            }
        };
        let bytes = bytes.ok_or_else(|| RegistryError::Missing {
            document: self.describe(path),
        })?;
        let computed = ArchiveDigest::of(&bytes);
        if computed != *digest {
            return Err(RegistryError::Digest {
                document: self.describe(path),
                expected: *digest,
                computed,
            });
        }
        if let Self::Web {
            cache: Some(cache), ..
        } = self
        {
            cache.pin(digest, &bytes);
        }
        Ok(bytes)
    }

    /// A document's name for messages.
    pub(crate) fn describe(&self, path: &str) -> String {
        match self {
            Self::Files { root } => root.join(path).display().to_string(),
            Self::Web { base, .. } => {
                join(base, path).map_or_else(|_| path.to_owned(), String::from)
            }
        }
    }
}

/// What a request needs.
struct Web<'a> {
    http: &'a Http,
    cache: Option<&'a DocumentCache>,
    settings: &'a ClientSettings,
}

impl Web<'_> {
    /// Asks the server; while it cannot be reached, a cached copy stands in.
    async fn fetch(
        &self,
        url: &Url,
        known: Option<Cached>,
        reporter: &dyn Reporter,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        let validators = known
            .as_ref()
            .filter(|k| k.body.is_some())
            .map_or_else(Validators::default, |k| k.validators.clone());
        let download = Download {
            url,
            limit: MAX_DOCUMENT_BYTES,
            spool: &std::env::temp_dir(),
            subject: None,
        };
        let answer = match (
            self.http.document(download, &validators, reporter).await,
            known,
        ) {
            (Err(error), Some(known)) if error.is_unreachable() => {
                reporter.warning(&format!(
                    "{error}; going on with the copy of {}",
                    known.fetched_at
                ));
                return Ok(known.body);
            }
            (Ok(Answer::Unchanged), Some(known)) => Cached {
                fetched_at: self.settings.now,
                ..known
            },
            (Ok(Answer::Fresh(mut received, validators)), _) => {
                let mut body = Vec::new();
                received
                    .reader()
                    .and_then(|mut reader| reader.read_to_end(&mut body))
                    .map_err(|source| FetchError::Keep {
                        url: url.to_string(),
                        source,
                    })?;
                Cached {
                    body: Some(body),
                    validators,
                    fetched_at: self.settings.now,
                }
            }
            (Ok(Answer::Absent | Answer::Unchanged), _) => Cached {
                body: None,
                validators: Validators::default(),
                fetched_at: self.settings.now,
            },
            (Err(error), _) => return Err(error.into()),
        };
        if let Some(cache) = self.cache {
            cache.put(url.as_str(), &answer);
        }
        Ok(answer.body)
    }
}

/// The bytes of a file of at most `limit` bytes, `None` where there is none.
pub(crate) fn read_file(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, RegistryError> {
    let failed = |e: io::Error| RegistryError::File(FsError::new("read", path, e));
    let file = match open_regular(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    let size = file.metadata().map_err(failed)?.len();
    if size > limit {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}

/// `path` below `base`, refusing whatever would leave it.
///
/// SECURITY: paths come from documents; `..`, an absolute path or a scheme would reach other files.
pub(crate) fn join(base: &Url, path: &str) -> Result<Url, RegistryError> {
    let refuse = || RegistryError::Path {
        path: pack_format::text::printable(path),
    };
    if !is_inside(path) {
        return Err(refuse());
    }
    let url = base.join(path).map_err(|_| refuse())?;
    let stays = url.origin() == base.origin() && url.path().starts_with(base.path());
    if stays { Ok(url) } else { Err(refuse()) }
}

/// Whether a relative path of a document stays below its root.
pub(crate) fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && path.bytes().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b'+' | b'~')
        })
        && Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths of documents stay below their root.
    #[test]
    fn join_refuses_to_leave_the_base() {
        let base: Url = "https://example.org/packs/".parse().unwrap();
        let inside = join(&base, "archives/slack/slack-1.0.0+b.tar.gz").unwrap();
        assert_eq!(
            inside.as_str(),
            "https://example.org/packs/archives/slack/slack-1.0.0+b.tar.gz"
        );
        for bad in [
            "../x",
            "a/../../x",
            "/etc/passwd",
            "https://evil.org/",
            "//evil.org/x",
            "a\\b",
            "",
            "%2e%2e/x",
        ] {
            assert!(join(&base, bad).is_err(), "{bad} was taken");
        }
    }
}
