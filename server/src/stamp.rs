//! Which state of a file was read: the facts that change when its bytes do.

use rustix::fs::{FileType, Stat};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long after its last change a file may still change without its stamp telling.
///
/// The kernel stamps changes with a clock of one tick, at most 10 ms. A file read later than this after
/// its last change gets another `changed` with the next one; a file read sooner must not be cached.
const RACY: Duration = Duration::from_millis(50);

/// Identity and state of a file. Equal stamps of one path, not [racy](Stamp::is_racy) when taken: same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Nanoseconds since 1970. Writers set it as they like.
    modified: i128,
    /// Nanoseconds since 1970. Set by the kernel alone, so it cannot be turned back.
    changed: i128,
    kind: FileType,
}

impl Stamp {
    #[expect(
        clippy::cast_lossless,
        clippy::useless_conversion,
        reason = "field types differ between platforms"
    )]
    pub(crate) fn new(stat: &Stat) -> Self {
        let nanoseconds = |seconds, rest| i128::from(seconds) * 1_000_000_000 + rest as i128;
        Self {
            device: u64::from(stat.st_dev),
            inode: u64::from(stat.st_ino),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            changed: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
            kind: FileType::from_raw_mode(stat.st_mode),
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn is_file(&self) -> bool {
        self.kind == FileType::RegularFile
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.kind == FileType::Directory
    }

    /// Whether both files carry the same modification time, to the nanosecond.
    pub(crate) fn is_twin_of(&self, main: &Self) -> bool {
        self.modified == main.modified
    }

    /// Whether an open file still has the bytes it had. Its `changed` moves too when another file is renamed
    /// over its name, which leaves the open one as it was.
    pub(crate) fn has_bytes_of(&self, former: &Self) -> bool {
        Self {
            changed: former.changed,
            ..*self
        } == *former
    }

    /// Whether another change could still leave the same stamp.
    pub(crate) fn is_racy(&self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        now.as_nanos() < self.changed.unsigned_abs() + RACY.as_nanos()
    }

    /// The modification time as HTTP sees it, in whole seconds; none before 1970 or in the future.
    pub(crate) fn modified(&self, now: SystemTime) -> Option<SystemTime> {
        let seconds = u64::try_from(self.modified.div_euclid(1_000_000_000)).ok()?;
        let modified = UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
        (modified <= now).then_some(modified)
    }

    /// The stamp as bytes to derive a validator from.
    pub(crate) fn bytes(&self) -> [u8; 48] {
        let mut bytes = [0; 48];
        bytes[..8].copy_from_slice(&self.inode.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.size.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.modified.to_le_bytes());
        bytes[32..].copy_from_slice(&self.changed.to_le_bytes());
        bytes
    }
}
