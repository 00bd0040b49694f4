//! `ArchiveCache`: archives on disk by their digest, so that what was fetched once can be had again without network.
//!
//! ```text
//! archives/<sha256>     the bytes alone: the name is their digest, so they never go stale
//! ```
//! The bytes are hashed whenever they are taken: a damaged file is removed, and fetched again. A cache that cannot
//! be written is a slower cache, never an error.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pack_format::{ArchiveDigest, Checksum};

use crate::cache::{self, note_use};
use crate::reporter::Reporter;
use crate::settings::ClientSettings;
use crate::spool::Received;

/// Name of the group in the cache.
const GROUP: &str = "archives";

/// Archives below one cache directory.
#[derive(Debug, Clone)]
pub struct ArchiveCache {
    directory: PathBuf,
}

impl ArchiveCache {
    /// The one of these settings; `None` where nothing is cached.
    pub fn of(settings: &ClientSettings) -> Option<Self> {
        let directory = settings.cache_directory.as_ref()?.join(GROUP);
        Some(Self { directory })
    }

    /// Whether there is a file for a checksum. Its bytes are not looked at before they are taken.
    pub fn holds(&self, checksum: &Checksum) -> bool {
        let digest = checksum.as_archive_digest();
        digest.is_some_and(|digest| self.path_of(&digest).is_file())
    }

    /// The archive that has a checksum, at most `limit` bytes of it; a larger body is copied into `spool`.
    ///
    /// A file with other bytes is removed, which `reporter` hears, and is no archive; one that cannot be read stays.
    pub fn take(
        &self,
        checksum: &Checksum,
        (limit, spool): (u64, &Path),
        reporter: &dyn Reporter,
    ) -> Option<Received> {
        let digest = checksum.as_archive_digest()?;
        let path = self.path_of(&digest);
        let received = match Received::from_file(&path, limit, spool) {
            Ok(received) if received.digest() == digest => received,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return None,
            // The bytes may be good: they stay.
            Err(e) if e.raw_os_error().is_some() => {
                reporter.warning(&format!(
                    "the cached archive `{}` cannot be read and is not used: {e}",
                    path.display()
                ));
                return None;
            }
            _ => {
                reporter.warning(&format!(
                    "the cached archive with {digest} is damaged and is not used"
                ));
                // Whoever fetches it anew replaces it in any case.
                let _ = fs::remove_file(&path);
                return None;
            }
        };
        if let Ok(file) = fs::File::open(&path) {
            note_use(&file);
        }
        Some(received)
    }

    /// Remembers an archive under the digest of its bytes.
    pub fn keep(&self, received: &mut Received) {
        let path = self.path_of(&received.digest());
        // A failure costs the next run a request.
        let _ = self.write(&path, received);
    }

    /// The same for bytes at hand; returns their digest.
    pub(crate) fn keep_bytes(&self, bytes: &[u8]) -> ArchiveDigest {
        let digest = ArchiveDigest::of(bytes);
        cache::write(&self.path_of(&digest), bytes);
        digest
    }

    /// In one step: readers see nothing or the whole file. It is not synced: half of it would be seen as damaged.
    fn write(&self, path: &Path, received: &mut Received) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let mut staged = tempfile::NamedTempFile::new_in(&self.directory)?;
        io::copy(&mut received.reader()?, staged.as_file_mut())?;
        staged.persist(path)?;
        Ok(())
    }

    fn path_of(&self, digest: &ArchiveDigest) -> PathBuf {
        self.directory.join(digest.to_hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporter::Silent;

    /// What is kept comes back under its digest alone; flipped, cut or too large, it does not, and the file is gone.
    #[test]
    fn damaged_archive_is_no_archive() {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = ClientSettings::new(pack_format::Timestamp::from_unix(0));
        assert!(ArchiveCache::of(&settings).is_none());
        settings.cache_directory = Some(dir.path().join("cache"));
        let cache = ArchiveCache::of(&settings).unwrap();
        let source = dir.path().join("a.tar.gz");
        fs::write(&source, "archive").unwrap();
        let received = || Received::from_file(&source, 100, dir.path()).unwrap();
        let checksum: Checksum = received().digest().into();
        let take = |limit| cache.take(&checksum, (limit, dir.path()), &Silent);
        assert!(!cache.holds(&checksum) && take(100).is_none());
        let path = cache.path_of(&received().digest());
        for (bytes, limit) in [("archivE", 100), ("archiv", 100), ("", 100), ("archive", 6)] {
            cache.keep(&mut received());
            assert!(cache.holds(&checksum) && take(7).is_some());
            fs::write(&path, bytes).unwrap();
            assert!(take(limit).is_none() && !path.exists(), "{bytes} {limit}");
        }
        let md5 = "md5:d41d8cd98f00b204e9800998ecf8427e".parse().unwrap();
        assert!(!cache.holds(&md5));
    }
}
