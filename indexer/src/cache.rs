//! The build cache: which pack directories are as the last build saw them.
//!
//! Per directory a fingerprint of every file's path, size, mode, times and inode. Times have ticks: an
//! edit within the tick of the last look leaves the same stamp. So a file whose stamp is no older than
//! the last look by a tick is not trusted, and the directory is read again.
//!
//! The cache is `TREE.state/build.json`. Losing it costs time, never correctness.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use pack_format::digest::to_hex;
use pack_format::{PackRef, StoreKey, Version};
use pack_fs::tree::Scan;
use pack_fs::{FsError, durable};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::pack::Built;

/// Longest tick of a fine file system clock, in nanoseconds (20 ms).
const TICK_NS: i128 = 20_000_000;
/// Longest tick of a file system that keeps whole seconds, in nanoseconds (2 s).
const COARSE_TICK_NS: i128 = 2_000_000_000;

const FILE: &str = "build.json";

/// What changes the meaning of a cached entry without changing a file.
const CACHE_FORMAT: &str = concat!("1 ", env!("CARGO_PKG_VERSION"));

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct BuildCache {
    format: String,
    /// Everything besides the packs that the last build depended on.
    pub(crate) settings: String,
    /// By absolute directory.
    packs: BTreeMap<String, CachedPack>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CachedPack {
    fingerprint: String,
    #[serde(rename = "ref")]
    pub(crate) pack_ref: PackRef,
    pub(crate) version: Version,
    pub(crate) store_key: StoreKey,
    pub(crate) repository: Option<String>,
}

/// A look at a directory: the fingerprint, and whether every stamp is old enough to be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    text: String,
    settled: bool,
}

impl Fingerprint {
    /// The fingerprint of a scan that began at `looked_at_ns` since 1970; `extra` is what else counts.
    pub(crate) fn of(scan: &Scan, extra: &str, looked_at_ns: i128) -> Self {
        let mut hasher = Sha256::new();
        let mut newest = i128::MIN;
        hasher.update((extra.len() as u64).to_be_bytes());
        hasher.update(extra.as_bytes());
        for file in &scan.files {
            hasher.update((file.path.len() as u64).to_be_bytes());
            hasher.update(file.path.as_bytes());
            hasher.update(file.size_bytes.to_be_bytes());
            hasher.update([u8::from(file.executable)]);
            hasher.update(file.stamp.modified_ns.to_be_bytes());
            hasher.update(file.stamp.changed_ns.to_be_bytes());
            hasher.update(file.stamp.inode.to_be_bytes());
            newest = newest
                .max(file.stamp.modified_ns)
                .max(file.stamp.changed_ns);
        }
        for (path, _) in &scan.refused {
            hasher.update(path.as_bytes());
        }
        let coarse = newest.rem_euclid(1_000_000_000) == 0;
        let tick = if coarse { COARSE_TICK_NS } else { TICK_NS };
        Self {
            text: to_hex(&hasher.finalize()),
            settled: newest < looked_at_ns - tick,
        }
    }
}

/// Now, in nanoseconds since 1970.
pub(crate) fn now_ns() -> i128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i128::try_from(d.as_nanos()).unwrap_or(i128::MAX))
}

impl BuildCache {
    /// Reads the cache of a state directory; an empty one if there is none that can be used.
    pub(crate) fn read(state: &Path) -> Self {
        fs::read(state.join(FILE))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok())
            .filter(|cache| cache.format == CACHE_FORMAT)
            .unwrap_or_else(|| Self {
                format: CACHE_FORMAT.to_owned(),
                ..Self::default()
            })
    }

    /// What is known of a directory, if its fingerprint is the same and can be trusted.
    pub(crate) fn hit(&self, directory: &Path, fingerprint: &Fingerprint) -> Option<&CachedPack> {
        self.packs
            .get(&key(directory))
            .filter(|cached| cached.fingerprint == fingerprint.text)
    }

    /// Remembers a directory; one whose stamps cannot be trusted yet is forgotten.
    pub(crate) fn remember(
        &mut self,
        directory: &Path,
        fingerprint: &Fingerprint,
        entry: impl FnOnce(String) -> CachedPack,
    ) {
        if fingerprint.settled {
            self.packs
                .insert(key(directory), entry(fingerprint.text.clone()));
        } else {
            self.packs.remove(&key(directory));
        }
    }

    /// What the last build saw in a directory, whether or not it is still so.
    pub(crate) fn last_seen(&self, directory: &Path) -> Option<&CachedPack> {
        self.packs.get(&key(directory))
    }

    /// Forgets every directory but these.
    pub(crate) fn keep_only(&mut self, directories: &[PathBuf]) {
        let kept: BTreeSet<String> = directories.iter().map(|d| key(d)).collect();
        self.packs.retain(|directory, _| kept.contains(directory));
    }

    /// The cache as it is kept; `None` if it cannot be told.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self).ok()
    }
}

/// Keeps the bytes of a cache in a state directory, if they differ from what is there.
///
/// # Errors
/// [`FsError`].
pub(crate) fn write(state: &Path, bytes: Option<Vec<u8>>) -> Result<(), FsError> {
    let path = state.join(FILE);
    match bytes {
        Some(bytes) if fs::read(&path).is_ok_and(|found| found == bytes) => Ok(()),
        Some(bytes) => durable::replace_file(&path, &bytes),
        None => Ok(()),
    }
}

impl CachedPack {
    pub(crate) fn new(
        fingerprint: String,
        pack_ref: PackRef,
        version: Version,
        store_key: StoreKey,
        repository: Option<String>,
    ) -> Self {
        Self {
            fingerprint,
            pack_ref,
            version,
            store_key,
            repository,
        }
    }
}

fn key(directory: &Path) -> String {
    absolute(directory).to_string_lossy().into_owned()
}

/// A path from the root, links not followed; the system is asked once where relative paths begin, not for each of
/// ten thousand directories.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    static HERE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let from_root = |path: &Path| std::path::absolute(path).ok();
    let found = if path.is_absolute() {
        from_root(path)
    } else {
        let here = HERE.get_or_init(|| from_root(Path::new(".")));
        here.as_ref().and_then(|here| from_root(&here.join(path)))
    };
    found.unwrap_or_else(|| path.to_owned())
}

/// What the cache remembers of a built directory.
pub(crate) struct Seen {
    pub(crate) directory: PathBuf,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) pack_ref: PackRef,
    pub(crate) version: Version,
    pub(crate) store_key: StoreKey,
    pub(crate) repository: Option<String>,
}

impl Seen {
    pub(crate) fn of(pack: &Built) -> Self {
        Self {
            directory: pack.directory.clone(),
            fingerprint: pack.fingerprint.clone(),
            pack_ref: pack.pack_ref.clone(),
            version: pack.version().clone(),
            store_key: pack.store_key,
            repository: pack.repository.clone(),
        }
    }
}
