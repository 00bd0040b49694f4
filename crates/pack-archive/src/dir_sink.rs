//! `DirSink`: writes members below a directory it made itself.
//!
//! Paths are never handed to the kernel as a whole. Each component is opened relative to the handle
//! of its parent with `O_NOFOLLOW`, files are made with `O_EXCL`: whatever another process puts in
//! the way is an error, never a way out. That needs no newer system call, and the handles of the
//! last member's directories are kept, so that a file among its siblings costs open, write, close.
//!
//! Nothing is synchronised here: the caller does that once for many files.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::member_path::MemberPath;
use crate::sink::{Sink, fill};

/// Files that come from a reader are written in pieces of this size.
const BUFFER_BYTES: usize = 128 * 1024;

const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);
const EXECUTABLE_MODE: Mode = Mode::from_raw_mode(0o755);
const FILE_MODE: Mode = Mode::from_raw_mode(0o644);

/// Writes members below a fresh directory: files 0644 or 0755, directories 0755, whatever the umask.
#[derive(Debug)]
pub struct DirSink {
    root: OwnedFd,
    /// Open directories from the root to that of the last member, with their names.
    open: Vec<(String, OwnedFd)>,
    /// Whether the umask or an access control list changes the modes we ask for.
    fix_modes: bool,
    buffer: Vec<u8>,
}

impl DirSink {
    /// Creates the directory `path`, whose parent must exist.
    ///
    /// # Errors
    /// If `path` exists, or cannot be created or opened.
    pub fn create(path: &Path) -> io::Result<Self> {
        rustix::fs::mkdirat(CWD, path, DIRECTORY_MODE)?;
        Self::open(path).inspect_err(|_| {
            // The first error is the one to report; an empty directory is all that can be left.
            let _ = rustix::fs::unlinkat(CWD, path, AtFlags::REMOVEDIR);
        })
    }

    fn open(path: &Path) -> io::Result<Self> {
        let root = open_directory(CWD, path)?;
        let made = Mode::from_raw_mode(rustix::fs::fstat(&root)?.st_mode & 0o777);
        let fix_modes = made != DIRECTORY_MODE;
        if fix_modes {
            rustix::fs::fchmod(&root, DIRECTORY_MODE)?;
        }
        Ok(Self {
            root,
            open: Vec::new(),
            fix_modes,
            buffer: Vec::new(),
        })
    }

    /// Writes a file whose content is at hand.
    ///
    /// # Errors
    /// As [`Sink::file`].
    pub fn write(&mut self, path: &MemberPath, executable: bool, content: &[u8]) -> io::Result<()> {
        let file = self.create_file(path, executable)?;
        write_all(file.as_fd(), content)
    }

    /// Writes a file with the rest of what `source` holds, at most `limit` bytes; returns how many it had.
    ///
    /// The kernel copies. Where the file system can share blocks (btrfs, XFS), both files share them until one
    /// of them is written.
    ///
    /// # Errors
    /// As [`Sink::file`].
    pub fn copy(
        &mut self,
        path: &MemberPath,
        executable: bool,
        (source, limit): (&File, u64),
    ) -> io::Result<u64> {
        let mut file = File::from(self.create_file(path, executable)?);
        // A plain file behind `Take` is what makes the standard library ask the kernel.
        io::copy(&mut source.take(limit), &mut file)
    }

    fn create_file(&mut self, path: &MemberPath, executable: bool) -> io::Result<OwnedFd> {
        let (directory, name) = path.split();
        self.enter(directory)?;
        let mode = if executable {
            EXECUTABLE_MODE
        } else {
            FILE_MODE
        };
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(self.parent(), name, flags, mode)?;
        if self.fix_modes {
            rustix::fs::fchmod(&file, mode)?;
        }
        Ok(file)
    }

    /// Makes the handles in `self.open` those of `directory`, creating what is missing.
    fn enter(&mut self, directory: &str) -> io::Result<()> {
        let mut depth = 0;
        for name in directory.split('/').filter(|c| !c.is_empty()) {
            if self.open.get(depth).is_none_or(|(open, _)| open != name) {
                self.open.truncate(depth);
                let handle = make_directory(self.parent(), name, self.fix_modes)?;
                self.open.push((name.to_owned(), handle));
            }
            depth += 1;
        }
        self.open.truncate(depth);
        Ok(())
    }

    fn parent(&self) -> BorrowedFd<'_> {
        self.open
            .last()
            .map_or(self.root.as_fd(), |(_, handle)| handle.as_fd())
    }
}

impl Sink for DirSink {
    fn directory(&mut self, path: &MemberPath) -> io::Result<()> {
        self.enter(path.as_str())
    }

    fn file(
        &mut self,
        path: &MemberPath,
        executable: bool,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let file = self.create_file(path, executable)?;
        self.buffer.resize(BUFFER_BYTES, 0);
        loop {
            let filled = fill(content, &mut self.buffer)?;
            write_all(file.as_fd(), &self.buffer[..filled])?;
            if filled < self.buffer.len() {
                return Ok(());
            }
        }
    }
}

/// Opens the directory `name` below `parent`, making it if it is not there.
fn make_directory(parent: BorrowedFd<'_>, name: &str, fix_mode: bool) -> io::Result<OwnedFd> {
    let made = match rustix::fs::mkdirat(parent, name, DIRECTORY_MODE) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(e) => return Err(e.into()),
    };
    let handle = open_directory(parent, name)?;
    if made && fix_mode {
        rustix::fs::fchmod(&handle, DIRECTORY_MODE)?;
    }
    Ok(handle)
}

fn open_directory(parent: BorrowedFd<'_>, name: impl rustix::path::Arg) -> io::Result<OwnedFd> {
    // SECURITY: without `NOFOLLOW` a link put here between two calls would lead out of the tree.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(parent, name, flags, Mode::empty())?)
}

fn write_all(file: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(file, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}
