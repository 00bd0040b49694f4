//! `Lock`: the wire form of `packs.lock`. Sorted, without times: the same lock is the same bytes.

use std::collections::BTreeMap;
use std::path::Path;

use pack_client::{About, ArchiveSource, Candidate, Place, RegistryIdentity};
use pack_format::documents::PackDependency;
use pack_format::entry::Dependencies;
use pack_format::{Checksum, Hint, PackRef, StoreKey, TreeDigest, Version, canonical};
use serde::{Deserialize, Serialize};
use url::Url;

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

/// One locked pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedPack {
    /// Its version.
    pub version: Version,
    /// The registry that listed it.
    pub registry: RegistryIdentity,
    /// URL of the archive; a `file:` URL for what is on this machine, which the file names as seen from where it lies.
    pub source: String,
    /// What the archive's bytes must have.
    pub archive_digest: Checksum,
    /// Size of the archive, in bytes; unknown in format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Digest of the tree; unknown in format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree_digest: Option<TreeDigest>,
    /// Store key of the tree; unknown in format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_key: Option<StoreKey>,
    /// Packs it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<PackDependency>,
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
            Self::Invalid { .. } => {
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
        if lock.format == LOCK_FORMAT {
            lock.each_url(|url| absolute(url, directory));
            return Ok(lock);
        }
        Err(LockFileError::Format {
            file: file.to_owned(),
            format: lock.format,
        })
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
            for url in [&mut pack.source, &mut pack.registry.url] {
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
    if Url::parse(text).is_ok() {
        return None;
    }
    let url = Url::from_directory_path(directory).ok()?.join(text).ok()?;
    Some(url.into())
}

impl LockedPack {
    /// What pins a listed version: its first archive. `None` where it has none.
    pub(super) fn new(registry: RegistryIdentity, candidate: &Candidate) -> Option<Self> {
        let archive = candidate.archives.first()?;
        Some(Self {
            version: candidate.version.clone(),
            registry,
            source: archive.place.to_string(),
            archive_digest: archive.checksum.clone(),
            size_bytes: archive.size_bytes,
            tree_digest: candidate.tree,
            store_key: candidate.store_key,
            dependencies: candidate.dependencies().to_vec(),
        })
    }

    /// The locked version as a registry would list it.
    pub(crate) fn candidate(&self, pack_ref: &PackRef) -> Candidate {
        let url = Url::parse(&self.source).ok();
        let place = url.map(|url| match url.to_file_path() {
            Ok(path) if url.scheme() == "file" => Place::File(path),
            _ => Place::Web(url),
        });
        Candidate {
            pack_ref: pack_ref.clone(),
            version: self.version.clone(),
            published_at: None,
            yanked: None,
            requirements: Dependencies {
                packs: self.dependencies.clone(),
                ..Dependencies::default()
            },
            archives: (place.into_iter())
                .map(|place| ArchiveSource {
                    place,
                    checksum: self.archive_digest.clone(),
                    size_bytes: self.size_bytes,
                    own: true,
                })
                .collect(),
            install_sources: Vec::new(),
            tree: self.tree_digest,
            store_key: self.store_key,
            about: About::default(),
        }
    }
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
    }
}
