//! `CommitCache`: packs of git commits, so that a commit that was fetched once can be had again without network.
//!
//! ```text
//! commits/<sha256 of which pack of which commit>    digest of what follows, and a line of JSON: which, where, sha256
//! archives/<that sha256>                            its files, as an archive
//! ```
//! A commit never changes, so entries never go stale. The archive is held against its digest whenever it is taken. A
//! cache that cannot be written is a slower cache, never an error.

use std::io;
use std::path::{Path, PathBuf};

use pack_format::{ArchiveDigest, Checksum};
use serde::{Deserialize, Serialize};

use crate::archives::ArchiveCache;
use crate::cache;
use crate::reporter::Reporter;
use crate::settings::ClientSettings;
use crate::spool::Received;

/// Name of the group in the cache.
const GROUP: &str = "commits";

/// Commits below one cache directory.
#[derive(Debug, Clone)]
pub struct CommitCache {
    directory: PathBuf,
    archives: ArchiveCache,
}

/// Which pack of which commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitKey {
    /// URL of the repository, without secrets.
    pub repository: String,
    /// The full commit.
    pub commit: String,
    /// Where the pack was looked for; the root when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdir: Option<String>,
}

/// A pack of a commit, as it was found once.
#[derive(Debug)]
pub struct CachedCommit {
    /// Its directory in the commit; empty for the root.
    pub directory: String,
    /// An archive of its files.
    pub archive: Received,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    key: CommitKey,
    directory: String,
    sha256: ArchiveDigest,
}

impl CommitCache {
    /// The one of these settings; `None` where nothing is cached.
    pub fn of(settings: &ClientSettings) -> Option<Self> {
        Some(Self {
            directory: settings.cache_directory.as_ref()?.join(GROUP),
            archives: ArchiveCache::of(settings)?,
        })
    }

    /// Whether there is a pack of a commit. The bytes of its archive are not looked at before they are taken.
    pub fn holds(&self, key: &CommitKey) -> bool {
        match self.entry(key) {
            Ok(entry) => entry.is_some_and(|entry| self.archives.holds(&entry.sha256.into())),
            // What cannot be read may well be there, and says why when it is taken.
            Err(_) => true,
        }
    }

    /// A pack of a commit, at most `limit` bytes of archive; a larger body is copied into `spool`.
    ///
    /// What is damaged is removed, which `reporter` hears, and is not there. What cannot be read stays, and is not there now.
    pub fn take(
        &self,
        key: &CommitKey,
        place: (u64, &Path),
        reporter: &dyn Reporter,
    ) -> Option<CachedCommit> {
        let entry = self.entry(key).unwrap_or_else(|error| {
            let path = self.path_of(key);
            reporter.warning(&format!(
                "the cached commit `{}` cannot be read and is not used: {error}",
                path.display()
            ));
            None
        })?;
        let checksum = Checksum::from(entry.sha256);
        Some(CachedCommit {
            directory: entry.directory,
            archive: self.archives.take(&checksum, place, reporter)?,
        })
    }

    /// Remembers a pack of a commit, which lies in `directory` there, by an archive of its files.
    pub fn keep(&self, key: CommitKey, directory: &str, archive: &[u8]) {
        let path = self.path_of(&key);
        let entry = Entry {
            key,
            directory: directory.to_owned(),
            // First, for an entry without its archive is none.
            sha256: self.archives.keep_bytes(archive),
        };
        if let Ok(line) = serde_json::to_string(&entry) {
            let digest = ArchiveDigest::of(line.as_bytes());
            cache::write(&path, format!("{}\n{line}", digest.to_hex()).as_bytes());
        }
    }

    /// What is known of a commit; nothing where it is damaged.
    fn entry(&self, key: &CommitKey) -> io::Result<Option<Entry>> {
        match cache::read(&self.path_of(key)) {
            Ok(bytes) => Ok(Self::parse(key, &bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn parse(key: &CommitKey, bytes: &[u8]) -> Option<Entry> {
        let (digest, line) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
        if ArchiveDigest::of(line.as_bytes()).to_hex() != digest {
            return None;
        }
        let entry: Entry = serde_json::from_str(line).ok()?;
        (entry.key == *key).then_some(entry)
    }

    fn path_of(&self, key: &CommitKey) -> PathBuf {
        // A line end separates: no part holds one.
        let subdir = key.subdir.as_deref().unwrap_or_default();
        let which = format!("{}\n{}\n{subdir}", key.repository, key.commit);
        let name = ArchiveDigest::of(which.as_bytes()).to_hex();
        self.directory.join(name)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::reporter::Silent;

    /// What is kept comes back for its repository, commit and directory alone; with one byte flipped anywhere it does not.
    #[test]
    fn damaged_commit_is_no_commit() {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = ClientSettings::new(pack_format::Timestamp::from_unix(0));
        assert!(CommitCache::of(&settings).is_none());
        settings.cache_directory = Some(dir.path().join("cache"));
        let cache = CommitCache::of(&settings).unwrap();
        let key = CommitKey {
            repository: "https://example.org/mono.git".to_owned(),
            commit: "0".repeat(40),
            subdir: Some("packs".to_owned()),
        };
        let take = |key: &CommitKey| {
            let taken = cache.take(key, (100, dir.path()), &Silent);
            assert!(taken.is_none() || cache.holds(key));
            taken.map(|taken| taken.directory)
        };
        assert!(!cache.holds(&key) && take(&key).is_none());
        cache.keep(key.clone(), "packs/slack", b"archive");
        assert_eq!(take(&key).unwrap(), "packs/slack");
        let of = |change: fn(&mut CommitKey)| {
            let mut other = key.clone();
            change(&mut other);
            other
        };
        assert!(take(&of(|key| key.commit = "1".repeat(40))).is_none());
        assert!(take(&of(|key| key.repository.push('x'))).is_none());
        assert!(take(&of(|key| key.subdir = None)).is_none());
        let archive = dir
            .path()
            .join("cache/archives")
            .join(ArchiveDigest::of(b"archive").to_hex());
        for path in [cache.path_of(&key), archive] {
            let good = fs::read(&path).unwrap();
            for at in 0..good.len() {
                let mut bytes = good.clone();
                bytes[at] ^= 1;
                fs::write(&path, bytes).unwrap();
                assert!(take(&key).is_none(), "{} {at}", path.display());
            }
            fs::write(&path, good).unwrap();
        }
        assert!(take(&key).is_some());
    }

    /// What cannot be read is told with its cause and is still there afterwards.
    #[test]
    fn unreadable_commit_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = ClientSettings::new(pack_format::Timestamp::from_unix(0));
        settings.cache_directory = Some(dir.path().join("cache"));
        let cache = CommitCache::of(&settings).unwrap();
        let key = CommitKey {
            repository: "https://example.org/mono.git".to_owned(),
            commit: "0".repeat(40),
            subdir: None,
        };
        cache.keep(key.clone(), "", b"archive");
        let digest = ArchiveDigest::of(b"archive").to_hex();
        let archive = dir.path().join("cache/archives").join(digest);
        for path in [cache.path_of(&key), archive] {
            let aside = dir.path().join("aside");
            fs::rename(&path, &aside).unwrap();
            // The kernel does not open what leads to itself.
            std::os::unix::fs::symlink(&path, &path).unwrap();
            let told = Told::default();
            assert!(cache.take(&key, (1 << 20, dir.path()), &told).is_none());
            let told = told.0.into_inner().unwrap();
            assert!(
                told.contains("cannot be read") && told.contains("symbolic links"),
                "{told}"
            );
            assert!(told.contains(path.to_str().unwrap()), "{told}");
            fs::remove_file(&path).unwrap();
            fs::rename(&aside, &path).unwrap();
        }
        assert!(cache.take(&key, (1 << 20, dir.path()), &Silent).is_some());
    }

    #[derive(Debug, Default)]
    struct Told(std::sync::Mutex<String>);

    impl Reporter for Told {
        fn warning(&self, text: &str) {
            self.0.lock().unwrap().push_str(text);
        }
    }
}
