//! `NewTree`: a tree that nobody can see yet.
//!
//! Where there is no tree there is nothing to be kept and no reader to be spared. Its files are written under their own
//! names, and all of it is put in place by one rename: half as many changes of names as one tree has files.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use pack_fs::error::Context as _;
use pack_fs::{FsError, durable, remove};

/// A tree in staging.
#[derive(Debug)]
pub(crate) struct NewTree {
    root: PathBuf,
    files: AtomicUsize,
}

impl NewTree {
    /// Begins at the directory `root`, which is there.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self {
            root,
            files: AtomicUsize::new(0),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// How many files it has that were written here.
    pub(crate) fn files(&self) -> usize {
        self.files.load(Ordering::Relaxed)
    }

    /// Writes the file `path`; whether that name was free. What has it stays.
    ///
    /// # Errors
    /// [`FsError`], a full disk for one.
    pub(crate) fn write(
        &self,
        path: &str,
        bytes: &[u8],
        time: Option<SystemTime>,
    ) -> Result<bool, FsError> {
        let target = self.root.join(path);
        let created = match create(&target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = durable::parent_of(&target);
                fs::create_dir_all(parent).on("create directory", parent)?;
                create(&target)
            }
            created => created,
        };
        let file = match created {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            created => created.on("create", &target)?,
        };
        fill(file, &target, bytes, time)?;
        self.files.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }

    /// Gives the file `path`, written here, a second name; whether that could be done.
    ///
    /// # Errors
    /// [`FsError`] if there can be no directory for it.
    pub(crate) fn link(&self, path: &str, other: &str) -> Result<bool, FsError> {
        let (path, other) = (self.root.join(path), self.root.join(other));
        let linked = match fs::hard_link(&path, &other) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = durable::parent_of(&other);
                fs::create_dir_all(parent).on("create directory", parent)?;
                fs::hard_link(&path, &other)
            }
            linked => linked,
        };
        self.files
            .fetch_add(usize::from(linked.is_ok()), Ordering::Relaxed);
        Ok(linked.is_ok())
    }

    /// Takes back the file `path`, if it was written here.
    ///
    /// # Errors
    /// [`FsError`].
    pub(crate) fn remove(&self, path: &Path) -> Result<(), FsError> {
        let target = self.root.join(path);
        if target.symlink_metadata().is_ok() {
            remove::remove_all(&target)?;
            self.files.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Puts the tree in place at `root`, durably, where there is nothing.
    ///
    /// # Errors
    /// [`FsError`]. There is then no tree, or all of it.
    pub(crate) fn put_in_place(&self, root: &Path) -> Result<(), FsError> {
        durable::sync_file_system(&self.root)?;
        fs::rename(&self.root, root).on("put the new tree in place at", root)?;
        durable::sync_directory(durable::parent_of(root))
    }
}

/// Creates a file that is not there yet, as all files of a tree are: readable for everybody.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path)
}

/// Writes all of a file, which then carries `time`.
///
/// # Errors
/// [`FsError`] about `path`.
pub(crate) fn fill(
    mut file: File,
    path: &Path,
    bytes: &[u8],
    time: Option<SystemTime>,
) -> Result<(), FsError> {
    file.write_all(bytes).on("write", path)?;
    if let Some(time) = time {
        file.set_times(FileTimes::new().set_modified(time))
            .on("set the time of", path)?;
    }
    Ok(())
}
