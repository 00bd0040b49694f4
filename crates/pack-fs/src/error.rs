//! `FsError`: what was tried on which path, and why it failed.

use std::io;
use std::path::{Path, PathBuf};

use pack_format::Hint;

/// A failed file-system operation with its path.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`", path.display())]
pub struct FsError {
    action: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl FsError {
    /// That `action` (a verb phrase, such as `create directory`) failed on `path`.
    pub fn new(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// The path the operation was about.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path does not exist.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

impl Hint for FsError {
    fn hint(&self) -> Option<String> {
        let advice = match self.source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "free some space and run the command again; nothing was changed"
            }
            io::ErrorKind::ReadOnlyFilesystem => "choose a place on a writable file system",
            io::ErrorKind::PermissionDenied => {
                "choose a place you may write to, or run as a user who may"
            }
            _ => return None,
        };
        Some(advice.to_owned())
    }
}

/// Names the operation and path of an [`io::Result`].
pub trait Context<T> {
    /// Turns an [`io::Error`] into an [`FsError`].
    ///
    /// # Errors
    /// The same failure, named.
    fn on(self, action: &'static str, path: &Path) -> Result<T, FsError>;

    /// The same for what is at `path` below `directory`, which are put together for a failure alone.
    ///
    /// # Errors
    /// The same failure, named.
    fn on_below(self, action: &'static str, directory: &Path, path: &str) -> Result<T, FsError>;
}

impl<T, E: Into<io::Error>> Context<T> for Result<T, E> {
    fn on(self, action: &'static str, path: &Path) -> Result<T, FsError> {
        self.map_err(|e| FsError::new(action, path, e.into()))
    }

    fn on_below(self, action: &'static str, directory: &Path, path: &str) -> Result<T, FsError> {
        self.map_err(|e| FsError::new(action, &directory.join(path), e.into()))
    }
}
