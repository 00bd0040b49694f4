//! `Lock`: the wire form of `packs.lock`. Sorted, without times: the same lock is the same bytes.

use std::collections::BTreeMap;

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
    /// URL of the archive; a `file:` URL for what is on this machine.
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
    /// Parses the bytes of `file`.
    ///
    /// # Errors
    /// [`LockFileError`].
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, LockFileError> {
        let lock: Self =
            serde_json::from_slice(bytes).map_err(|source| LockFileError::Invalid {
                file: file.to_owned(),
                source,
            })?;
        if lock.format == LOCK_FORMAT {
            return Ok(lock);
        }
        Err(LockFileError::Format {
            file: file.to_owned(),
            format: lock.format,
        })
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// Never for a lock this program made.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        canonical::to_bytes(self)
    }
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
