//! Whether something is there, where not being able to look is no answer.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use crate::error::{Context as _, FsError};

/// Whether there is a file at `path`; links are followed.
///
/// # Errors
/// [`FsError`] if nobody can tell: what cannot be looked at may well be there.
pub fn is_file(path: &Path) -> Result<bool, FsError> {
    Ok(look(path)?.is_some_and(|found| found.is_file()))
}

/// Whether there is a directory at `path`; links are followed.
///
/// # Errors
/// As [`is_file`].
pub fn is_dir(path: &Path) -> Result<bool, FsError> {
    Ok(look(path)?.is_some_and(|found| found.is_dir()))
}

fn look(path: &Path) -> Result<Option<Metadata>, FsError> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(e) => Err(e).on("look at", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file is one, a directory and nothing are none, and a loop of links is neither.
    #[test]
    fn what_cannot_be_looked_at_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        std::os::unix::fs::symlink(at("loop"), at("loop")).unwrap();
        assert!(is_file(&at("file")).unwrap());
        for none in ["", "none", "file/below"] {
            assert!(!is_file(&at(none)).unwrap(), "{none}");
            assert_eq!(is_dir(&at(none)).unwrap(), none.is_empty(), "{none}");
        }
        assert!(!is_dir(&at("file")).unwrap());
        assert!(is_file(&at("loop")).is_err() && is_dir(&at("loop")).is_err());
    }
}
