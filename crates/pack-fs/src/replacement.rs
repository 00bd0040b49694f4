//! `Replacement`: new bytes for a file, written beside it and put in its place in one step.
//!
//! For files that belong to somebody: mode and owner are kept, and a link is followed, so that the file it
//! leads to is replaced and the link stays.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::durable;
use crate::error::{Context as _, FsError};

/// A file that is being written; dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Replacement {
    target: PathBuf,
    staged: NamedTempFile,
}

impl Replacement {
    /// Begins new bytes for `path`, which need not exist; its directory must.
    ///
    /// # Errors
    /// [`FsError`] if nothing can be written there.
    pub fn begin(path: &Path) -> Result<Self, FsError> {
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let parent = durable::parent_of(&target);
        let staged = tempfile::Builder::new()
            .prefix(&prefix(&target))
            .tempfile_in(parent)
            .on("create a file in", parent)?;
        Ok(Self { target, staged })
    }

    /// Removes what replacements of `path` that were cut short have left beside it. Only for the holder
    /// of a lock that every writer of the file takes.
    pub fn sweep(path: &Path) {
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let prefix = prefix(&target);
        let Ok(entries) = fs::read_dir(durable::parent_of(&target)) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name
                .as_encoded_bytes()
                .starts_with(prefix.as_encoded_bytes())
            {
                // Best effort: it is in nobody's way.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Where to write the bytes.
    pub fn file(&mut self) -> &mut File {
        self.staged.as_file_mut()
    }

    /// Puts the bytes in place of the file; `false` if it has the very same already and stays untouched.
    ///
    /// # Errors
    /// [`FsError`]; the file is as it was.
    pub fn commit(mut self) -> Result<bool, FsError> {
        if self.is_equal().on("read", &self.target)? {
            return Ok(false);
        }
        self.prepare()?;
        let target = self.target.clone();
        self.staged
            .persist(&target)
            .map_err(|e| FsError::new("replace", &target, e.error))?;
        durable::sync_directory(durable::parent_of(&target))?;
        Ok(true)
    }

    /// Puts the bytes in place, unless there is a file by now.
    ///
    /// # Errors
    /// [`FsError`], of kind [`io::ErrorKind::AlreadyExists`] if there is one.
    pub fn commit_new(self) -> Result<(), FsError> {
        self.prepare()?;
        let target = self.target.clone();
        self.staged
            .persist_noclobber(&target)
            .map_err(|e| FsError::new("create", &target, e.error))?;
        durable::sync_directory(durable::parent_of(&target))
    }

    fn prepare(&self) -> Result<(), FsError> {
        let staged = self.staged.as_file();
        let old = fs::metadata(&self.target).ok();
        if let Some(old) = &old {
            // Only root may give files away; for others the file is theirs already, or becomes theirs.
            let _ = fchown(staged, Some(old.uid()), Some(old.gid()));
        }
        let mode = old.map_or(0o644, |old| old.permissions().mode());
        staged
            .set_permissions(fs::Permissions::from_mode(mode & 0o7777))
            .on("set the mode of", &self.target)?;
        staged.sync_all().on("sync", &self.target)
    }

    fn is_equal(&mut self) -> io::Result<bool> {
        let mut old = match File::open(&self.target) {
            Ok(old) => old,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(e),
        };
        let new = self.staged.as_file_mut();
        if old.metadata()?.len() != new.metadata()?.len() {
            return Ok(false);
        }
        new.rewind()?;
        let (mut one, mut other) = (vec![0; 256 * 1024], vec![0; 256 * 1024]);
        loop {
            let read = old.read(&mut one)?;
            if read == 0 {
                return Ok(true);
            }
            if new.read_exact(&mut other[..read]).is_err() || one[..read] != other[..read] {
                return Ok(false);
            }
        }
    }
}

/// Beginning of the names of files that are to replace `target`.
fn prefix(target: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(target.file_name().unwrap_or_default());
    prefix.push(".new-");
    prefix
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(path: &Path, bytes: &[u8]) -> Replacement {
        let mut replacement = Replacement::begin(path).unwrap();
        replacement.file().write_all(bytes).unwrap();
        replacement
    }

    /// The mode stays, a link stays a link, equal bytes touch nothing, and nothing is left beside it.
    #[test]
    fn replacement_keeps_what_belongs_to_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index.json");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
        let link = dir.path().join("link");
        symlink("index.json", &link).unwrap();
        assert!(write(&link, b"new").commit().unwrap());
        assert!(link.is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let before = fs::metadata(&path).unwrap();
        assert_eq!(before.permissions().mode() & 0o777, 0o660);
        assert!(!write(&path, b"new").commit().unwrap());
        assert_eq!(fs::metadata(&path).unwrap().ino(), before.ino());
        drop(write(&path, b"never"));
        fs::write(dir.path().join(".index.json.new-x"), "cut short").unwrap();
        Replacement::sweep(&link);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    /// A new file never takes the place of one that has come in the meantime.
    #[test]
    fn new_file_takes_no_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index.json");
        let late = write(&path, b"late");
        write(&path, b"first").commit_new().unwrap();
        late.commit_new().unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"first");
    }
}
