//! `Location`: what the URL of a registry points to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pack_format::Hint;
use pack_format::url_policy::{UrlError, UrlPolicy};
use url::Url;

/// Where a registry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// On a web server.
    Web {
        /// Base of the tree, with a trailing slash.
        base: Url,
        /// Name of the index below it.
        index: String,
        /// Whether the URL may be that of a tree of format 2.
        tree: bool,
    },
    /// On this machine.
    Directory {
        /// Root of the tree.
        root: PathBuf,
        /// Name of the index below it.
        index: String,
        /// Whether it may be a tree of format 2.
        tree: bool,
    },
}

/// The name an index has in a tree.
pub const INDEX: &str = "index.json";

/// Why a text is no location of a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// A URL that must not be used.
    #[error("the registry URL {0}")]
    Url(UrlError),
    /// A path where nothing is.
    #[error("there is no registry at `{}`: no such file or directory", .0.display())]
    Missing(PathBuf),
    /// A path that cannot be looked at.
    #[error("cannot look for a registry at `{}`: {reason}", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A `file:` URL with a host or without an absolute path.
    #[error("`{0}` is not a file URL with an absolute path")]
    FileUrl(String),
    /// A mirror that is not on the web.
    #[error("`{0}` is no mirror: it is not the address of a directory on the web")]
    Mirror(String),
}

impl Hint for LocationError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Url(error) => error.hint(),
            Self::Missing(_) => Some(
                "give a directory with `registry.json` or `index.json`, or the path of an `index.json`"
                    .to_owned(),
            ),
            Self::Unreadable { .. } => None,
            Self::FileUrl(_) => Some("write `file:///absolute/path`".to_owned()),
            Self::Mirror(_) => Some("write `https://host/directory/`".to_owned()),
        }
    }
}

impl Location {
    /// Finds out what `text` points to. Credentials belong into headers, not into the URL.
    ///
    /// # Errors
    /// [`LocationError`]; http beyond this machine needs `allow_http`.
    pub fn parse(text: &str, allow_http: bool) -> Result<Self, LocationError> {
        if text.starts_with("file:") {
            let path = Url::parse(text)
                .ok()
                .and_then(|url| url.to_file_path().ok())
                .ok_or_else(|| LocationError::FileUrl(text.to_owned()))?;
            return Self::of_path(&path);
        }
        // What cannot be looked at may well be there, and then says why it cannot be used.
        if !text.contains("://") && !matches!(Path::new(text).try_exists(), Ok(false)) {
            return Self::of_path(Path::new(text));
        }
        // The operator named this host: private and loopback addresses are approved by that.
        let policy = UrlPolicy {
            allow_http,
            allow_loopback: true,
            allow_private: true,
        };
        let checked = policy.check(text).map_err(LocationError::Url)?;
        Ok(Self::of_url(checked.as_url()))
    }

    /// The base of a copy of a registry.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn mirror(text: &str, allow_http: bool) -> Result<Url, LocationError> {
        match Self::parse(text, allow_http)? {
            Self::Web { base, tree, .. } if tree => Ok(base),
            _ => Err(LocationError::Mirror(text.to_owned())),
        }
    }

    fn of_url(url: &Url) -> Self {
        let mut base = url.clone();
        let last = url.path().rsplit('/').next().unwrap_or_default().to_owned();
        let names_index = Path::new(&last)
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("json"));
        let index = if names_index {
            let directory = url.path().strip_suffix(&last).unwrap_or("/").to_owned();
            base.set_path(&directory);
            last
        } else {
            if !base.path().ends_with('/') {
                let directory = format!("{}/", base.path());
                base.set_path(&directory);
            }
            INDEX.to_owned()
        };
        let tree = index == INDEX;
        Self::Web { base, index, tree }
    }

    fn of_path(path: &Path) -> Result<Self, LocationError> {
        let missing = || LocationError::Missing(path.to_owned());
        // Absolute, so that a record of where a pack came from means something later.
        let absolute = fs::canonicalize(path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => missing(),
            _ => LocationError::Unreadable {
                path: path.to_owned(),
                reason: e.to_string(),
            },
        })?;
        if absolute.is_dir() {
            return Ok(Self::Directory {
                root: absolute,
                index: INDEX.to_owned(),
                tree: true,
            });
        }
        let root = absolute.parent().ok_or_else(missing)?.to_owned();
        let index = absolute
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(missing)?
            .to_owned();
        let tree = index == INDEX;
        Ok(Self::Directory { root, index, tree })
    }

    /// The location as a URL for people and records.
    pub fn display_url(&self) -> String {
        match self {
            Self::Web { base, index, tree } => {
                if *tree {
                    base.to_string()
                } else {
                    base.join(index)
                        .map_or_else(|_| base.to_string(), String::from)
                }
            }
            Self::Directory { root, index, tree } => {
                let path = if *tree {
                    root.clone()
                } else {
                    root.join(index)
                };
                Url::from_file_path(&path)
                    .map_or_else(|()| path.display().to_string(), String::from)
            }
        }
    }

    /// What URLs named by this registry may lead to: a registry on a public host names public hosts only.
    pub fn policy(&self, allow_http: bool) -> UrlPolicy {
        match self {
            Self::Directory { .. } => UrlPolicy {
                allow_http,
                ..UrlPolicy::LOCAL
            },
            Self::Web { base, .. } => UrlPolicy {
                allow_http,
                ..own_reach(base)
            },
        }
    }
}

/// The addresses a registry may name because it lives on such an address itself.
fn own_reach(base: &Url) -> UrlPolicy {
    let is_open = |policy: UrlPolicy| {
        let mut https = base.clone();
        // https throughout: only the address is asked about. Failing leaves the scheme, which is refused.
        let _ = https.set_scheme("https");
        policy.check(https.as_str()).is_ok()
    };
    if is_open(UrlPolicy::PUBLIC) {
        UrlPolicy::PUBLIC
    } else if is_open(UrlPolicy::LOCAL) {
        UrlPolicy::LOCAL
    } else {
        UrlPolicy {
            allow_http: false,
            allow_loopback: true,
            allow_private: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A base, a base without its slash, and an index name the same tree; another file is format 1.
    #[test]
    fn urls_name_a_tree_or_a_lone_index() {
        let rows = [
            (
                "https://example.org/packs/",
                "https://example.org/packs/",
                INDEX,
                true,
            ),
            (
                "https://example.org/packs",
                "https://example.org/packs/",
                INDEX,
                true,
            ),
            (
                "https://example.org/packs/index.json",
                "https://example.org/packs/",
                INDEX,
                true,
            ),
            (
                "https://example.org/a/mine.json",
                "https://example.org/a/",
                "mine.json",
                false,
            ),
            ("https://example.org", "https://example.org/", INDEX, true),
        ];
        for (text, expected, name, is_tree) in rows {
            let Location::Web { base, index, tree } = Location::parse(text, false).unwrap() else {
                panic!("{text}");
            };
            assert_eq!(
                (base.as_str(), index.as_str(), tree),
                (expected, name, is_tree)
            );
        }
    }

    /// Plain http works on this machine, and elsewhere when it is allowed.
    #[test]
    fn http_needs_loopback_or_permission() {
        assert!(Location::parse("http://127.0.0.1:1/", false).is_ok());
        assert!(Location::parse("http://example.org/", false).is_err());
        assert!(Location::parse("http://example.org/", true).is_ok());
        assert!(Location::parse("https://u:p@example.org/", true).is_err());
        assert!(Location::parse("/no/such/place", true).is_err());
    }
}
