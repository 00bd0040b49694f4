//! A copy of a tree as it is at one moment, while others use it.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use pack_fs::FsError;
use pack_fs::lock::{Holder, Lock};

use crate::layout;
use crate::writer::WriteError;

/// Copies the tree at `root` to `to`, which must not be there; returns the number of files.
///
/// Nobody changes the tree meanwhile. On one file system files are linked, not copied: a tree is changed by putting other
/// files in place, so the links keep what was there.
///
/// # Errors
/// [`WriteError::Lock`] after `timeout`; [`WriteError::File`] if something cannot be read or written.
pub fn copy_tree(
    root: &Path,
    to: &Path,
    timeout: Duration,
    waiting: impl FnMut(&Holder),
) -> Result<u64, WriteError> {
    let lock = layout::state_directory(root).join("lock");
    let lock = Lock::acquire(&lock, "registry backup", timeout, waiting);
    let _lock = lock.map_err(|source| WriteError::Lock {
        tree: root.to_owned(),
        source,
    })?;
    Ok(copy(root, to)?)
}

fn copy(from: &Path, to: &Path) -> Result<u64, FsError> {
    fs::create_dir(to).map_err(|e| FsError::new("create", to, e))?;
    let entries = fs::read_dir(from).map_err(|e| FsError::new("read", from, e))?;
    let mut files = 0;
    for entry in entries {
        let entry = entry.map_err(|e| FsError::new("read", from, e))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry
            .file_type()
            .map_err(|e| FsError::new("read", &path, e))?;
        // What begins with a dot is being written.
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_dir() {
            files += copy(&path, &target)?;
        } else if kind.is_file() {
            place(&path, &target).map_err(|e| FsError::new("copy", &path, e))?;
            files += 1;
        }
    }
    Ok(files)
}

fn place(from: &Path, to: &Path) -> io::Result<()> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to)?;
    // Twins count by the time they share with their file.
    let modified = fs::metadata(from)?.modified()?;
    fs::File::options()
        .append(true)
        .open(to)?
        .set_modified(modified)
}
