//! `SourceDir`: files of a directory that somebody else may be changing.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

/// A directory whose files are opened below it and nowhere else.
#[derive(Debug)]
pub struct SourceDir {
    root: OwnedFd,
    /// The directory of the last file: files come sorted, so the next one is mostly its neighbour.
    last: Option<(String, OwnedFd)>,
}

impl SourceDir {
    /// Opens the directory; a link to it is followed.
    ///
    /// # Errors
    /// If it is no directory that can be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, path, flags, Mode::empty())?;
        Ok(Self { root, last: None })
    }

    /// Opens the regular file at `path`, relative to the directory.
    ///
    /// # Errors
    /// If it is none, or if a link is on the way: the walk that found it saw neither.
    pub fn file(&mut self, path: &str) -> io::Result<File> {
        let file = self.entry(path)?;
        if !file.metadata()?.is_file() {
            return Err(named(Errno::LOOP));
        }
        Ok(file)
    }

    /// Opens what is at `path`, which the caller has seen to be a regular file a moment ago.
    ///
    /// Should it be a pipe by now, it reads as empty; nothing waits.
    ///
    /// # Errors
    /// If there is nothing, or if a link is on the way.
    pub fn entry(&mut self, path: &str) -> io::Result<File> {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        if self.last.as_ref().is_none_or(|(last, _)| last != directory) {
            self.last = self
                .descend(directory)?
                .map(|fd| (directory.to_owned(), fd));
        }
        let above = self.last.as_ref().map_or(&self.root, |(_, fd)| fd);
        // `NONBLOCK`: a pipe would wait for somebody who writes.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(above.as_fd(), name, flags, Mode::empty()).map_err(named)?;
        Ok(File::from(file))
    }

    /// Opens a directory below the root, name by name; `None` is the root itself.
    fn descend(&self, directory: &str) -> io::Result<Option<OwnedFd>> {
        let mut parent = None::<OwnedFd>;
        // SECURITY: without `NOFOLLOW` whoever may write here could have any file of ours taken.
        for component in directory.split('/').filter(|c| !c.is_empty()) {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let above = parent.as_ref().unwrap_or(&self.root);
            parent = Some(openat(above.as_fd(), component, flags, Mode::empty()).map_err(named)?);
        }
        Ok(parent)
    }
}

/// Opens a regular file; links are followed, a pipe or device is an error at once.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] if it is no regular file, else whatever opening fails with.
pub fn open_regular(path: &Path) -> io::Result<File> {
    // `NONBLOCK`: a pipe would wait for somebody who writes.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(CWD, path, flags, Mode::empty())?);
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "it is not a regular file",
    ))
}

/// What became of a path that was a regular file a moment ago.
fn named(error: Errno) -> io::Error {
    match error {
        Errno::LOOP | Errno::NOTDIR | Errno::NXIO => {
            io::Error::other("it is no longer a regular file")
        }
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    use rustix::fs::{FileType, mknodat};

    use super::*;

    /// A link, a linked directory and a pipe are refused at once; a plain file is read.
    #[test]
    fn file_is_opened_only_where_the_walk_saw_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("pack/sub/deep")).unwrap();
        fs::create_dir(at("secret")).unwrap();
        fs::write(at("secret/key"), "secret").unwrap();
        fs::write(at("pack/sub/deep/key"), "mine").unwrap();
        symlink(at("secret/key"), at("pack/link")).unwrap();
        symlink(at("secret"), at("pack/linked")).unwrap();
        symlink("sub", at("pack/inside")).unwrap();
        mknodat(
            CWD,
            at("pack/pipe"),
            FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        let mut source = SourceDir::open(&at("pack")).unwrap();
        for path in ["link", "linked/key", "inside/deep/key", "pipe", "sub"] {
            let error = source.file(path).unwrap_err().to_string();
            assert_eq!(error, "it is no longer a regular file", "{path}");
        }
        let mut text = String::new();
        let mut file = source.file("sub/deep/key").unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "mine");
    }
}
