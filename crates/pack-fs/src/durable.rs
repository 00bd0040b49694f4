//! Durable replacement of files, links and directories.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::error::{Context as _, FsError};

/// Replaces the file at `path` by `bytes`: readers see the old file or the new one, and the new one
/// survives a power cut once this returns.
///
/// Mode 0644. The parent directory must exist.
///
/// # Errors
/// [`FsError`]; the old file is untouched.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    replace(path, bytes, 0o644)
}

/// The same for a file that only its owner may read, at no time anybody else.
///
/// # Errors
/// [`FsError`]; the old file is untouched.
pub fn replace_secret_file(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    replace(path, bytes, 0o600)
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FsError> {
    let parent = parent_of(path);
    let mut staged = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(parent)
        .on("create a file in", parent)?;
    // Made for its owner alone; the mode is set before there is anything to read.
    staged
        .as_file()
        .set_permissions(fs::Permissions::from_mode(mode))
        .on("set the mode of", path)?;
    staged.write_all(bytes).on("write", path)?;
    staged.as_file().sync_all().on("sync", path)?;
    staged
        .persist(path)
        .map_err(|e| FsError::new("replace", path, e.error))?;
    sync_directory(parent)
}

/// Points the symbolic link at `path` to `target`, replacing the link in one step.
///
/// # Errors
/// [`FsError`]; the old link is untouched.
pub fn replace_link(path: &Path, target: &Path) -> Result<(), FsError> {
    let parent = parent_of(path);
    let staged = loop {
        let name = tempfile::Builder::new()
            .prefix(".new-")
            .make_in(parent, |candidate| symlink(target, candidate));
        match name {
            Ok(staged) => break staged,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(FsError::new("create a link in", parent, e)),
        }
    };
    staged
        .persist(path)
        .map_err(|e| FsError::new("replace", path, e.error))?;
    sync_directory(parent)
}

/// Creates a directory and its missing parents; each new name is durable.
///
/// # Errors
/// [`FsError`] names the directory that could not be made.
pub fn create_directories(path: &Path) -> Result<(), FsError> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Err(e)
            if !matches!(
                e.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Err(FsError::new("look at", path, e));
        }
        _ => {}
    }
    if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        create_directories(parent)?;
    }
    match fs::create_dir(path) {
        Ok(()) => sync_directory(parent_of(path)),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(e) => Err(FsError::new("create directory", path, e)),
    }
}

/// Syncs a directory: names created, renamed or removed in it survive a power cut.
///
/// # Errors
/// [`FsError`]. A failed sync is final: the kernel may have dropped the data it could not write.
pub fn sync_directory(path: &Path) -> Result<(), FsError> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .on("sync directory", path)
}

/// Syncs everything written so far to the file system that holds `path`.
///
/// One call costs less than one sync per file from a few dozen files on.
///
/// # Errors
/// [`FsError`]; see [`sync_directory`].
pub fn sync_file_system(path: &Path) -> Result<(), FsError> {
    let directory = File::open(path).on("open", path)?;
    rustix::fs::syncfs(&directory).on("sync the file system of", path)
}

/// Whether this process may create files in the directory `path`.
pub fn is_writable(path: &Path) -> bool {
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::access(path, access).is_ok()
}

/// The directory that holds `path`.
pub fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replacement keeps one file, with the new bytes and a plain mode, and no temporary beside it.
    #[test]
    fn replace_file_leaves_only_the_new_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        replace_file(&path, b"one").unwrap();
        replace_file(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o644
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    /// A link is swapped in one step, whatever it pointed to.
    #[test]
    fn replace_link_swaps_the_target() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("current");
        replace_link(&path, Path::new("generations/1")).unwrap();
        replace_link(&path, Path::new("generations/2")).unwrap();
        assert_eq!(fs::read_link(&path).unwrap(), Path::new("generations/2"));
    }
}
