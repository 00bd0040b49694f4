//! Removal of trees, read-only ones too.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::error::{Context as _, FsError};

/// Removes a file, link or whole directory; nothing there is fine. Links are never followed.
///
/// # Errors
/// [`FsError`] for the first entry that cannot be removed.
pub fn remove_all(path: &Path) -> Result<(), FsError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(FsError::new("look at", path, e)),
    };
    if !metadata.is_dir() {
        return fs::remove_file(path).on("remove", path);
    }
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            make_writable(path)?;
            fs::remove_dir_all(path).on("remove", path)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(FsError::new("remove", path, e)),
    }
}

/// Gives the owner write access to a directory and every directory below it.
fn make_writable(directory: &Path) -> Result<(), FsError> {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))
        .on("set the mode of", directory)?;
    for entry in fs::read_dir(directory).on("list", directory)? {
        let entry = entry.on("list", directory)?;
        if entry.file_type().on("look at", &entry.path())?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}
