//! `Lock`: one process at a time changes a tree or a store; the second waits, and says for whom.
//!
//! The lock is `flock` on a file that is never removed, so it vanishes with its holder. Who holds it
//! is written into the file for people to read; it decides nothing.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use pack_format::Hint;
use pack_format::text::printable;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::error::{Context as _, FsError};
use crate::source_dir::open_regular;

/// How often a waiting process looks again.
const POLL: Duration = Duration::from_millis(20);

/// How long a holder may take to write its name before it is told without.
const UNNAMED: Duration = Duration::from_millis(500);

/// Who holds a lock, as far as its file tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// What it is doing, such as `pack install slack`.
    pub purpose: String,
}

impl Holder {
    /// Whether its file tells who it is: not before it has written it.
    fn is_known(&self) -> bool {
        self.pid != 0
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_known() {
            return f.write_str("another process");
        }
        write!(f, "process {} ({})", self.pid, printable(&self.purpose))
    }
}

/// Exclusive access, until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another process held it for the whole timeout.
    #[error(
        "`{}` is locked by {holder}; it was not released within {} s",
        path.display(), timeout.as_secs_f32()
    )]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// Who holds it.
        holder: Holder,
        /// How long we waited.
        timeout: Duration,
    },
    /// Another process was changing the file for the whole timeout.
    #[error(
        "`{}` is being changed by another process, which did not end within {} s",
        path.display(), timeout.as_secs_f32()
    )]
    Held {
        /// The file.
        path: PathBuf,
        /// How long we waited.
        timeout: Duration,
    },
    /// Whoever waited for it did not want it any more.
    #[error("the wait for `{}` was called off", path.display())]
    CalledOff {
        /// The lock file.
        path: PathBuf,
    },
    /// The lock file cannot be used.
    #[error(transparent)]
    File(#[from] FsError),
}

impl LockError {
    /// Whether another process holds the lock.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Held { .. })
    }
}

impl Hint for LockError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Busy { .. } | Self::Held { .. } => Some(
                "wait for that command to finish, or pass a longer `--lock-timeout SECONDS`"
                    .to_owned(),
            ),
            Self::CalledOff { .. } => None,
            Self::File(error) => error.hint(),
        }
    }
}

impl Lock {
    /// Takes the lock at `path`, creating the file, for `purpose`.
    ///
    /// While another process holds it, `waiting` is called once with the holder, as soon as that is known, and
    /// the attempt is repeated until `timeout` has passed.
    ///
    /// # Errors
    /// [`LockError::Busy`] after the timeout; [`LockError::File`] if the file cannot be opened.
    pub fn acquire(
        path: &Path,
        purpose: &str,
        timeout: Duration,
        waiting: impl FnMut(&Holder),
    ) -> Result<Self, LockError> {
        Self::acquire_unless(path, purpose, (timeout, || false), waiting)
    }

    /// The same, where the wait also ends when `is_cancelled`.
    ///
    /// # Errors
    /// As [`Lock::acquire`], and [`LockError::CalledOff`].
    pub fn acquire_unless(
        path: &Path,
        purpose: &str,
        (timeout, is_cancelled): (Duration, impl Fn() -> bool),
        mut waiting: impl FnMut(&Holder),
    ) -> Result<Self, LockError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            // SECURITY: a link here would have its target overwritten, and a pipe would wait for ever.
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(path)
            .and_then(|file| {
                let regular = file.metadata()?.is_file();
                let refused = || io::Error::other("it is not a regular file");
                if regular { Ok(file) } else { Err(refused()) }
            })
            .on("open lock file", path)?;
        let start = Instant::now();
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(e)) => return Err(FsError::new("lock", path, e).into()),
            }
            let holder = read_holder(&mut file);
            let waited = start.elapsed();
            if !told && (holder.is_known() || waited >= timeout.min(UNNAMED)) {
                waiting(&holder);
                told = true;
            }
            if waited >= timeout {
                return Err(LockError::Busy {
                    path: path.to_owned(),
                    holder,
                    timeout,
                });
            }
            if is_cancelled() {
                return Err(LockError::CalledOff {
                    path: path.to_owned(),
                });
            }
            thread::sleep(POLL);
        }
        write_holder(&mut file, purpose);
        Ok(Self { _file: file })
    }
}

/// Exclusive access to a file that others replace by renaming, until dropped.
///
/// The lock is on the file itself and leaves nothing beside it; who holds it is not known. All writers of
/// the file must take it before they read what they change.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock of the file at `path`, which must exist; links are followed.
    ///
    /// While another process holds it, `waiting` is called once.
    ///
    /// # Errors
    /// [`LockError::Held`] after the timeout; [`LockError::File`] if the file cannot be opened.
    pub fn acquire(
        path: &Path,
        timeout: Duration,
        mut waiting: impl FnMut(),
    ) -> Result<Self, LockError> {
        let start = Instant::now();
        let mut told = false;
        loop {
            let file = open_regular(path).on("open", path)?;
            match file.try_lock() {
                // Whoever had it may have put another file in its place, and then this is the old one.
                Ok(()) if is_at(&file, path).on("look at", path)? => {
                    return Ok(Self { _file: file });
                }
                Ok(()) => continue,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(e)) => return Err(FsError::new("lock", path, e).into()),
            }
            if !told {
                waiting();
                told = true;
            }
            if start.elapsed() >= timeout {
                return Err(LockError::Held {
                    path: path.to_owned(),
                    timeout,
                });
            }
            thread::sleep(POLL);
        }
    }
}

/// Whether `path` still leads to this open file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let (open, there) = (file.metadata()?, std::fs::metadata(path)?);
    Ok((open.dev(), open.ino()) == (there.dev(), there.ino()))
}

fn read_holder(file: &mut File) -> Holder {
    let mut text = String::new();
    let read = file
        .rewind()
        .and_then(|()| file.take(4096).read_to_string(&mut text));
    match read {
        Ok(_) => serde_json::from_str(text.trim()).unwrap_or_default(),
        Err(_) => Holder::default(),
    }
}

/// Best effort: the lock holds whether or not its holder is named.
fn write_holder(file: &mut File, purpose: &str) {
    let holder = Holder {
        pid: std::process::id(),
        purpose: purpose.to_owned(),
    };
    if let Ok(mut text) = serde_json::to_string(&holder) {
        text.push('\n');
        // Whoever waits must not take a former holder for this one.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A link in place of the lock is refused, and what it leads to keeps its bytes.
    #[test]
    fn linked_lock_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        std::fs::write(dir.path().join("mine"), "mine").unwrap();
        std::os::unix::fs::symlink("mine", &path).unwrap();
        assert!(Lock::acquire(&path, "x", Duration::ZERO, |_| {}).is_err());
        assert_eq!(std::fs::read(dir.path().join("mine")).unwrap(), b"mine");
    }

    /// A file that was replaced while somebody waited is locked anew, not the one that is gone.
    #[test]
    fn replaced_file_is_locked_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index.json");
        std::fs::write(&path, "old").unwrap();
        let first = FileLock::acquire(&path, Duration::ZERO, || {}).unwrap();
        let error = FileLock::acquire(&path, Duration::ZERO, || {}).unwrap_err();
        assert!(error.is_busy(), "{error}");
        std::fs::write(dir.path().join("new"), "new").unwrap();
        std::fs::rename(dir.path().join("new"), &path).unwrap();
        let second = FileLock::acquire(&path, Duration::ZERO, || {}).unwrap();
        drop(first);
        assert!(FileLock::acquire(&path, Duration::ZERO, || {}).is_err());
        drop(second);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    /// The second taker is told who holds the lock, gives up after the timeout, and gets it once free.
    #[test]
    fn second_taker_waits_and_learns_the_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = Lock::acquire(&path, "first", Duration::ZERO, |_| {}).unwrap();
        let mut seen = Holder::default();
        let error =
            Lock::acquire(&path, "second", Duration::ZERO, |h| seen = h.clone()).unwrap_err();
        assert!(error.is_busy(), "{error}");
        assert_eq!(seen.purpose, "first");
        assert_eq!(seen.pid, std::process::id());
        drop(first);
        Lock::acquire(&path, "second", Duration::ZERO, |_| {}).unwrap();
    }
}
