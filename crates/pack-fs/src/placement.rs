//! Where a file system puts what is created.
//!
//! ext4 gives a new file an inode near its directory's, and looks at every inode there that was
//! deleted within the last minute before it takes one. A program that deletes and makes thousands of
//! files in one place, as builds in CI do, pays for that with the square of their number.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use crate::error::{Context as _, FsError};

/// Makes `count` directories in `parent`, with names of their own, as far apart as the file system can.
///
/// Their names are random, because ext4 derives the place from the name. Where the file system knows no
/// such thing, they are ordinary directories. Not durable: for work in progress.
///
/// # Errors
/// [`FsError`] if one cannot be made.
pub fn scattered_directories(parent: &Path, count: usize) -> Result<Vec<PathBuf>, FsError> {
    fs::create_dir_all(parent).on("create directory", parent)?;
    // The top of a hierarchy: each directory in it starts in a block group of its own. A file system that
    // knows no such flag says so, and nothing is lost.
    let _ = File::open(parent).map(|directory| {
        ioctl_getflags(&directory)
            .and_then(|flags| ioctl_setflags(&directory, flags | IFlags::TOPDIR))
    });
    (0..count)
        .map(|_| {
            tempfile::Builder::new()
                .prefix("")
                .rand_bytes(8)
                .tempdir_in(parent)
                .map(tempfile::TempDir::keep)
                .on("create a directory in", parent)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the file system, there are as many directories as asked for.
    #[test]
    fn scattered_directories_are_all_there() {
        let dir = tempfile::tempdir().unwrap();
        let parent = dir.path().join("work");
        let made = scattered_directories(&parent, 3).unwrap();
        assert_eq!(made.len(), 3);
        assert!(made.iter().all(|path| path.is_dir()));
        assert_eq!(fs::read_dir(&parent).unwrap().count(), 3);
    }
}
