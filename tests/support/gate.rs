//! A named pipe: what a program opens stands open until somebody comes to the other end.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

/// A named pipe that programs read from.
pub(crate) struct Gate {
    path: PathBuf,
}

impl Gate {
    /// Makes it.
    pub(crate) fn new(path: PathBuf) -> Self {
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until a reader is there.
    pub(crate) fn reached(&self) -> File {
        OpenOptions::new().write(true).open(&self.path).unwrap()
    }

    /// Whether no reader is there.
    pub(crate) fn is_deserted(&self) -> bool {
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(flags);
        options.open(&self.path).is_err()
    }

    /// Waits until the readers that [`reached`](Self::reached) found are gone.
    pub(crate) fn left(reached: &File) {
        let limit = Timespec {
            tv_sec: 60,
            tv_nsec: 0,
        };
        // A pipe without readers is in error, which is always told.
        let mut wanted = [PollFd::new(reached, PollFlags::empty())];
        assert_eq!(poll(&mut wanted, Some(&limit)), Ok(1));
    }
}
