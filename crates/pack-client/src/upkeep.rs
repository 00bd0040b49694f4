//! How large a cache is, and making it smaller.
//!
//! A cache is a directory of groups (`documents`, `pinned`), a group a directory of entries, each a file that
//! can be lost at any time: whoever has it open keeps it, and whoever looks for it asks the registry again.
//! An entry's modification time says when it was last of use.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pack_format::Timestamp;
use pack_fs::FsError;
use pack_fs::error::Context as _;
use serde::Serialize;

/// Names of entries that are still being written begin so.
const UNFINISHED: &str = ".tmp";
/// Nobody writes one entry for longer.
const UNFINISHED_FOR: Duration = Duration::from_hours(1);

/// What one group of a cache costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CacheGroup {
    /// Name of its directory.
    pub name: String,
    /// Number of entries.
    pub entries: u64,
    /// Sum of their sizes, in bytes.
    pub size_bytes: u64,
    /// When the entry that is unused for longest was last of use; absent without entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// When any entry was last of use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<Timestamp>,
}

/// What stays in a cache; without any limit, everything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheKeep {
    /// Entries that were of use within this time, bound included.
    pub age: Option<Duration>,
    /// As many of those used last as fit into this many bytes.
    pub size_bytes: Option<u64>,
}

/// What was removed from a cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CacheRemoved {
    /// Number of entries.
    pub entries: u64,
    /// Sum of their sizes, in bytes.
    pub size_bytes: u64,
}

struct Entry {
    path: PathBuf,
    size_bytes: u64,
    used: SystemTime,
}

/// The groups of the cache at `directory`, by name; none if there is no cache.
///
/// # Errors
/// [`FsError`] if a directory cannot be listed; its absence is none.
pub fn usage(directory: &Path) -> Result<Vec<CacheGroup>, FsError> {
    let mut groups = Vec::new();
    for group in subdirectories(directory)? {
        let entries = entries(&group)?;
        let name = group.file_name().unwrap_or_default().to_string_lossy();
        groups.push(CacheGroup {
            name: name.into_owned(),
            entries: entries.len() as u64,
            size_bytes: entries.iter().map(|entry| entry.size_bytes).sum(),
            oldest: entries.iter().map(|entry| timestamp(entry.used)).min(),
            newest: entries.iter().map(|entry| timestamp(entry.used)).max(),
        });
    }
    Ok(groups)
}

/// What [`prune`] would remove.
///
/// # Errors
/// As [`usage`].
pub fn prunable(
    directory: &Path,
    now: Timestamp,
    keep: CacheKeep,
) -> Result<CacheRemoved, FsError> {
    Ok(sum(&surplus(directory, now, keep)?))
}

/// Removes what need not stay, longest unused first.
///
/// An entry that another process is writing stays.
///
/// # Errors
/// [`FsError`] if a directory cannot be listed or a file not be removed; its absence is none.
pub fn prune(directory: &Path, now: Timestamp, keep: CacheKeep) -> Result<CacheRemoved, FsError> {
    let surplus = surplus(directory, now, keep)?;
    for entry in &surplus {
        match fs::remove_file(&entry.path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(FsError::new("remove", &entry.path, e));
            }
            _ => {}
        }
    }
    Ok(sum(&surplus))
}

fn sum(entries: &[Entry]) -> CacheRemoved {
    CacheRemoved {
        entries: entries.len() as u64,
        size_bytes: entries.iter().map(|entry| entry.size_bytes).sum(),
    }
}

fn surplus(directory: &Path, now: Timestamp, keep: CacheKeep) -> Result<Vec<Entry>, FsError> {
    let mut all = Vec::new();
    for group in subdirectories(directory)? {
        all.extend(entries(&group)?);
    }
    all.sort_by(|a, b| b.used.cmp(&a.used).then_with(|| a.path.cmp(&b.path)));
    let mut left = keep.size_bytes.unwrap_or(u64::MAX);
    let mut full = false;
    all.retain(|entry| {
        let age = now
            .as_unix()
            .saturating_sub(timestamp(entry.used).as_unix());
        let age = Duration::from_secs(u64::try_from(age).unwrap_or(0));
        if unfinished(&entry.path) && age <= UNFINISHED_FOR {
            return false;
        }
        let old = keep.age.is_some_and(|limit| age > limit);
        full = full || entry.size_bytes > left;
        if old || full || unfinished(&entry.path) {
            return true;
        }
        left -= entry.size_bytes;
        false
    });
    Ok(all)
}

fn unfinished(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes())
}

/// The directories in a cache, sorted; what lies behind a link is somebody else's.
fn subdirectories(directory: &Path) -> Result<Vec<PathBuf>, FsError> {
    let mut found = Vec::new();
    for entry in list(directory)? {
        let entry = entry.on("list", directory)?;
        let path = entry.path();
        if entry.file_type().on("look at", &path)?.is_dir() {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The files below a group; one that vanishes meanwhile is none.
fn entries(group: &Path) -> Result<Vec<Entry>, FsError> {
    let mut found = Vec::new();
    for entry in list(group)? {
        let entry = entry.on("list", group)?;
        let path = entry.path();
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(FsError::new("look at", &path, e)),
        };
        if metadata.is_dir() {
            found.extend(entries(&path)?);
        } else {
            found.push(Entry {
                size_bytes: metadata.len(),
                used: metadata.modified().on("look at", &path)?,
                path,
            });
        }
    }
    Ok(found)
}

fn list(directory: &Path) -> Result<Vec<io::Result<fs::DirEntry>>, FsError> {
    match fs::read_dir(directory) {
        Ok(entries) => Ok(entries.collect()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(FsError::new("list", directory, e)),
    }
}

fn timestamp(time: SystemTime) -> Timestamp {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    Timestamp::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    /// Three entries of ten bytes each, used one, two and three days ago, and one that is being written.
    fn cache() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, days, group) in [
            ("a", 1, "documents"),
            ("b", 2, "pinned"),
            ("c", 3, "pinned"),
        ] {
            put(dir.path(), group, name, days * 86_400);
        }
        put(dir.path(), "pinned", ".tmpnew", 60);
        dir
    }

    fn put(root: &Path, group: &str, name: &str, age: u64) {
        fs::create_dir_all(root.join(group)).unwrap();
        let file = fs::File::create(root.join(group).join(name)).unwrap();
        file.set_len(10).unwrap();
        let used = UNIX_EPOCH + Duration::from_secs(NOW - age);
        file.set_modified(used).unwrap();
    }

    fn left(root: &Path) -> Vec<String> {
        let mut names: Vec<String> = subdirectories(root)
            .unwrap()
            .iter()
            .flat_map(|group| entries(group).unwrap())
            .map(|entry| {
                entry
                    .path
                    .file_name()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    /// Each limit keeps what was used last, its bound included; what is being written stays.
    #[test]
    fn limits_keep_what_was_used_last() {
        let days = |n: u64| Some(Duration::from_secs(n * 86_400));
        for (age, size_bytes, kept) in [
            (None, None, [".tmpnew", "a", "b", "c"].as_slice()),
            (days(2), None, &[".tmpnew", "a", "b"]),
            (None, Some(20), &[".tmpnew", "a", "b"]),
            (None, Some(19), &[".tmpnew", "a"]),
            (days(1), Some(100), &[".tmpnew", "a"]),
            (days(0), None, &[".tmpnew"]),
            (None, Some(0), &[".tmpnew"]),
        ] {
            let dir = cache();
            let (now, keep) = (
                Timestamp::from_unix(NOW.cast_signed()),
                CacheKeep { age, size_bytes },
            );
            let planned = prunable(dir.path(), now, keep).unwrap();
            assert_eq!(left(dir.path()).len(), 4);
            let removed = prune(dir.path(), now, keep).unwrap();
            assert_eq!(left(dir.path()), kept, "{keep:?}");
            assert_eq!(removed.entries, 4 - kept.len() as u64);
            assert_eq!(
                (removed.size_bytes, planned),
                (removed.entries * 10, removed)
            );
        }
    }

    /// Half an entry that nobody writes any more goes, whatever is to be kept.
    #[test]
    fn leftovers_go() {
        let dir = cache();
        put(dir.path(), "pinned", ".tmpold", 3_601);
        prune(
            dir.path(),
            Timestamp::from_unix(NOW.cast_signed()),
            CacheKeep::default(),
        )
        .unwrap();
        assert_eq!(left(dir.path()), [".tmpnew", "a", "b", "c"]);
    }

    /// No cache is an empty one.
    #[test]
    fn absent_cache_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        assert!(usage(&dir.path().join("none")).unwrap().is_empty());
        let groups = usage(cache().path()).unwrap();
        assert_eq!(groups.len(), 2);
        assert_eq!((groups[1].name.as_str(), groups[1].entries), ("pinned", 3));
        assert_eq!(
            groups[1].oldest,
            Some(Timestamp::from_unix(NOW.cast_signed() - 3 * 86_400))
        );
    }
}
