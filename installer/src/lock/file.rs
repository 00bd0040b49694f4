//! `Lock`: the wire form of `packs.lock`. Sorted, without times: the same lock is the same bytes.

use std::collections::BTreeMap;
use std::path::Path;

use pack_format::{Hint, PackRef, canonical};
use pack_git::RepositoryUrl;
use serde::{Deserialize, Serialize};
use url::Url;

use super::locked_pack::LockedPack;

/// The `format` member of `packs.lock`.
pub const LOCK_FORMAT: u32 = 1;

/// Exact versions and the bytes they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Always [`LOCK_FORMAT`].
    pub format: u32,
    /// By ref, sorted.
    pub packs: BTreeMap<PackRef, LockedPack>,
}

impl Default for Lock {
    fn default() -> Self {
        Self {
            format: LOCK_FORMAT,
            packs: BTreeMap::new(),
        }
    }
}

/// Why a text is no lock.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockFileError {
    /// It is not of its shape.
    #[error("`{file}` is no lock: {source}")]
    Invalid {
        /// Which file.
        file: String,
        /// Line, column and reason.
        source: serde_json::Error,
    },
    /// A pack without what pins its bytes.
    #[error("`{file}` does not say which bytes `{pack_ref}` has")]
    Unpinned {
        /// Which file.
        file: String,
        /// Which pack.
        pack_ref: PackRef,
    },
    /// It was written by a later program.
    #[error("`{file}` has format {format}; this program reads format {LOCK_FORMAT}")]
    Format {
        /// Which file.
        file: String,
        /// Its format.
        format: u32,
    },
}

impl Hint for LockFileError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Invalid { .. } | Self::Unpinned { .. } => {
                "restore it, or remove it and run `attune pack lock`".to_owned()
            }
            Self::Format { .. } => "update this program".to_owned(),
        })
    }
}

impl Lock {
    /// Parses the bytes of `file`, which lies in `directory` (absolute).
    ///
    /// # Errors
    /// [`LockFileError`].
    pub fn parse(file: &str, bytes: &[u8], directory: &Path) -> Result<Self, LockFileError> {
        let mut lock: Self =
            serde_json::from_slice(bytes).map_err(|source| LockFileError::Invalid {
                file: file.to_owned(),
                source,
            })?;
        if lock.format != LOCK_FORMAT {
            return Err(LockFileError::Format {
                file: file.to_owned(),
                format: lock.format,
            });
        }
        lock.each_url(|url| absolute(url, directory));
        if let Some((pack_ref, _)) = lock.packs.iter().find(|(_, pack)| !pack.is_pinned()) {
            return Err(LockFileError::Unpinned {
                file: file.to_owned(),
                pack_ref: pack_ref.clone(),
            });
        }
        Ok(lock)
    }

    /// The bytes of the file, which is to lie in `directory` (absolute). What is on this machine is named as seen from
    /// there: a folder with a lock and its registry can be moved, or checked out elsewhere.
    ///
    /// # Errors
    /// Never for a lock this program made.
    pub fn to_bytes(&self, directory: &Path) -> Result<Vec<u8>, serde_json::Error> {
        let mut written = self.clone();
        written.each_url(|url| relative(url, directory));
        canonical::to_bytes(&written)
    }

    fn each_url(&mut self, change: impl Fn(&str) -> Option<String>) {
        for pack in self.packs.values_mut() {
            let registry = pack.registry.iter_mut().map(|registry| &mut registry.url);
            for url in registry.chain([&mut pack.source]) {
                if let Some(changed) = change(url) {
                    *url = changed;
                }
            }
        }
    }
}

/// A `file:` URL as seen from a directory.
fn relative(url: &str, directory: &Path) -> Option<String> {
    let url = Url::parse(url).ok().filter(|url| url.scheme() == "file")?;
    let relative = Url::from_directory_path(directory)
        .ok()?
        .make_relative(&url)?;
    // The directory itself is seen as nothing.
    Some(if relative.is_empty() {
        "./".to_owned()
    } else {
        relative
    })
}

/// What [`relative`] was made of.
fn absolute(text: &str, directory: &Path) -> Option<String> {
    if Url::parse(text).is_ok() || RepositoryUrl::is_scp_like(text) {
        return None;
    }
    let url = Url::from_directory_path(directory).ok()?.join(text).ok()?;
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is below, beside and far from a lock is found again from another place; web URLs stay.
    #[test]
    fn files_are_named_as_seen_from_the_lock() {
        let here = Path::new("/srv/project");
        let rows = [
            ("file:///srv/project/tree/a%20b.gz", "tree/a%20b.gz"),
            ("file:///srv/tree", "../tree"),
            ("file:///opt/x", "../../opt/x"),
            ("file:///srv/project/", "./"),
        ];
        for (url, seen) in rows {
            assert_eq!(relative(url, here).as_deref(), Some(seen), "{url}");
            assert_eq!(absolute(seen, here).as_deref(), Some(url), "{seen}");
        }
        assert_eq!(relative("https://example.org/a", here), None);
        assert_eq!(absolute("https://example.org/a", here), None);
        assert_eq!(absolute("git@example.org:a.git", here), None);
    }
}
