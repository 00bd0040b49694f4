//! `DocumentCache`: registry documents on disk, with what it takes to ask whether they still hold.
//!
//! ```text
//! documents/<sha256 of URL>     one line of JSON: url, etag, last_modified, fetched_at, sha256
//!                               then the body; "absent": true and no body for a 404
//! pinned/<sha256>               the body alone: the name is its digest, so it never goes stale
//! ```
//! One file per entry, replaced by a rename; a file that does not match its own digest is no entry. A
//! cache that cannot be written is a slower cache, never an error.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use pack_format::{ArchiveDigest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::http::Validators;

/// How exactly the last use of an entry is noted.
const NOTED_EVERY: Duration = Duration::from_hours(12);

/// Documents of all registries below one directory.
#[derive(Debug, Clone)]
pub(crate) struct DocumentCache {
    directory: PathBuf,
}

/// One cached answer.
#[derive(Debug, Clone)]
pub(crate) struct Cached {
    /// The body; `None` when the server said there is none.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) validators: Validators,
    pub(crate) fetched_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Head {
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
    fetched_at: Timestamp,
    #[serde(default)]
    absent: bool,
    sha256: ArchiveDigest,
}

impl Cached {
    /// Whether it may be used without asking. A clock that was set back makes it old, not young.
    pub(crate) fn is_fresh(&self, now: Timestamp, ttl: Duration) -> bool {
        let age = now.as_unix() - self.fetched_at.as_unix();
        u64::try_from(age).is_ok_and(|age| age < ttl.as_secs())
    }
}

impl DocumentCache {
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// The last answer for a URL.
    pub(crate) fn get(&self, url: &str) -> Option<Cached> {
        let bytes = read(&self.path_of(url)).ok()?;
        let end = bytes.iter().position(|b| *b == b'\n')?;
        let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
        let body = &bytes[end + 1..];
        if head.url != url || ArchiveDigest::of(body) != head.sha256 {
            return None;
        }
        Some(Cached {
            body: (!head.absent).then(|| body.to_vec()),
            validators: Validators {
                etag: head.etag,
                last_modified: head.last_modified,
            },
            fetched_at: head.fetched_at,
        })
    }

    /// Remembers an answer.
    pub(crate) fn put(&self, url: &str, cached: &Cached) {
        let body = cached.body.as_deref().unwrap_or_default();
        let head = Head {
            url: url.to_owned(),
            etag: cached.validators.etag.clone(),
            last_modified: cached.validators.last_modified.clone(),
            fetched_at: cached.fetched_at,
            absent: cached.body.is_none(),
            sha256: ArchiveDigest::of(body),
        };
        if let Ok(mut bytes) = serde_json::to_vec(&head) {
            bytes.push(b'\n');
            bytes.extend_from_slice(body);
            write(&self.path_of(url), &bytes);
        }
    }

    /// A document by its digest.
    pub(crate) fn pinned(&self, digest: &ArchiveDigest) -> Option<Vec<u8>> {
        let bytes = read(&self.pinned_path(digest)).ok()?;
        (ArchiveDigest::of(&bytes) == *digest).then_some(bytes)
    }

    /// Remembers a document whose digest was checked.
    pub(crate) fn pin(&self, digest: &ArchiveDigest, bytes: &[u8]) {
        write(&self.pinned_path(digest), bytes);
    }

    fn path_of(&self, url: &str) -> PathBuf {
        let name = ArchiveDigest::of(url.as_bytes()).to_hex();
        self.directory.join("documents").join(name)
    }

    fn pinned_path(&self, digest: &ArchiveDigest) -> PathBuf {
        self.directory.join("pinned").join(digest.to_hex())
    }
}

/// Best effort, in one step: readers see the old entry or the new one.
pub(crate) fn write(path: &Path, bytes: &[u8]) {
    let Some(parent) = path.parent() else { return };
    let attempt = || -> std::io::Result<()> {
        fs::create_dir_all(parent)?;
        let mut staged = tempfile::NamedTempFile::new_in(parent)?;
        staged.write_all(bytes)?;
        staged.persist(path)?;
        Ok(())
    };
    // A failure costs the next run a request.
    let _ = attempt();
}

/// Reads an entry, and notes now and then that it is of use: what nobody reads goes first (`upkeep`).
pub(crate) fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    note_use(&file);
    Ok(bytes)
}

/// Notes now and then that an entry is of use.
pub(crate) fn note_use(file: &fs::File) {
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    let age = modified.ok().and_then(|then| then.elapsed().ok());
    if age.is_some_and(|age| age > NOTED_EVERY) {
        // A cache of somebody else's is read all the same.
        let _ = file.set_modified(SystemTime::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(fetched_at: i64) -> Cached {
        Cached {
            body: Some(b"{}\n".to_vec()),
            validators: Validators {
                etag: Some("\"x\"".to_owned()),
                last_modified: None,
            },
            fetched_at: Timestamp::from_unix(fetched_at),
        }
    }

    /// What is put comes back; one flipped byte makes it nothing.
    #[test]
    fn damaged_entry_is_no_entry() {
        let dir = tempfile::tempdir().unwrap();
        let cache = DocumentCache::new(dir.path());
        cache.put("https://a/", &entry(1));
        assert_eq!(cache.get("https://a/").unwrap().body.unwrap(), b"{}\n");
        assert!(cache.get("https://b/").is_none());
        let path = cache.path_of("https://a/");
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(cache.get("https://a/").is_none());
    }

    /// An entry is fresh for less than the bound, which may be nothing; before it was made, it is stale.
    #[test]
    fn freshness_ends_with_the_ttl_and_before_the_fetch() {
        let ttl = Duration::from_secs(10);
        for (now, fresh) in [(100, true), (109, true), (110, false), (99, false)] {
            assert_eq!(
                entry(100).is_fresh(Timestamp::from_unix(now), ttl),
                fresh,
                "{now}"
            );
        }
        assert!(!entry(100).is_fresh(Timestamp::from_unix(100), Duration::ZERO));
    }
}
