//! A registry tree as files to serve; always the files that are there now.
//!
//! For each request the kernel is asked for the state of the file by its full name (one `lstat`, about
//! a microsecond; see `heat.rs` for when it is not). The same state as when it was loaded: the bytes in memory are the file's.
//! Another state: it is loaded anew, on the blocking pool. So a file renamed into place is served from
//! the next request on, and so is a whole tree put in place of another, as the name leads to it.
//!
//! SECURITY: that `lstat` follows links in the middle of the name. It is only compared with what was
//! loaded through `beneath.rs`: at worst a link leads to the very file whose bytes are already known.

use crate::beneath::{Root, is_absent};
use crate::cache::Cache;
use crate::chunks::Chunks;
use crate::encoding::Coding;
use crate::entry::{Entry, LargeFiles, Representation, Source};
use crate::stamp::Stamp;
use crate::stream::FileStream;
use pack_format::Hint;
use rustix::fs::lstat;
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// The files of a registry tree.
#[derive(Debug)]
pub struct TreeFiles {
    is_registry: bool,
    root: PathBuf,
    cache: Cache,
    large: LargeFiles,
    chunks: Arc<Chunks>,
}

/// What a name stands for at the moment.
#[derive(Debug)]
pub(crate) enum Found {
    File(Arc<Entry>),
    /// A folder with a page of its own.
    Folder,
    Absent,
    Failed(io::Error),
}

impl TreeFiles {
    /// Opens the tree at `root`, which has a `registry.json` or an `index.json`.
    ///
    /// The tree may be rewritten, or replaced by another of the same name, while it is served. See the
    /// crate's documentation for what its writer has to keep to.
    ///
    /// # Errors
    /// [`OpenTreeError`] if there is no such directory or it is no registry tree.
    pub fn open(root: &Path) -> Result<Self, OpenTreeError> {
        Self::open_folder(root, true)
    }

    /// Opens a folder of a server that hosts no registry. What lies in it is served.
    ///
    /// # Errors
    /// [`OpenTreeError`] if there is no such directory.
    pub fn open_without_registry(root: &Path) -> Result<Self, OpenTreeError> {
        Self::open_folder(root, false)
    }

    /// Whether there has to be a registry.
    pub(crate) fn is_registry(&self) -> bool {
        self.is_registry
    }

    fn open_folder(root: &Path, is_registry: bool) -> Result<Self, OpenTreeError> {
        let unreadable = |source: io::Error| OpenTreeError::Unreadable {
            path: root.to_owned(),
            source,
        };
        let absolute = std::path::absolute(root).map_err(unreadable)?;
        let folder = Root::open(&absolute).map_err(|error| match error {
            Errno::NOENT => OpenTreeError::Missing {
                path: root.to_owned(),
            },
            Errno::NOTDIR => OpenTreeError::NotATree {
                path: root.to_owned(),
            },
            error => unreadable(error.into()),
        })?;
        let has = |name| match folder.file(name) {
            Ok(_) => Ok(true),
            // Here, unlike for clients, "not permitted" is worth telling apart.
            Err(error @ Errno::ACCESS) => Err(unreadable(error.into())),
            Err(error) if is_absent(error) => Ok(false),
            Err(error) => Err(unreadable(error.into())),
        };
        if is_registry && !has("registry.json")? && !has("index.json")? {
            return Err(OpenTreeError::NotATree {
                path: root.to_owned(),
            });
        }
        Ok(Self {
            is_registry,
            root: absolute,
            cache: Cache::default(),
            large: LargeFiles::default(),
            chunks: Arc::default(),
        })
    }

    /// Finds the file `name`, which must come from a `TreePath`.
    pub(crate) async fn find(self: &Arc<Self>, name: &str) -> Found {
        match self.find_known(name, Instant::now()) {
            Some(entry) => Found::File(entry),
            None => self.find_anew(name).await,
        }
    }

    /// The file `name` as it is known, if that is still so; `now` is a moment ago at most.
    pub(crate) fn find_known(&self, name: &str, now: Instant) -> Option<Arc<Entry>> {
        let entry = self.cache.get(name)?;
        if !entry.heat.holds(now) {
            if state(&entry.absolute) != Ok(entry.identity.stamp) {
                return None;
            }
            entry.heat.looked_at(now);
        }
        Some(entry)
    }

    /// Finds the file `name` on disk, whatever is known of it. A large file comes with its handle, so it can
    /// be sent however often it is replaced.
    pub(crate) async fn find_anew(self: &Arc<Self>, name: &str) -> Found {
        let Some(absolute) = self.absolute(name, "") else {
            return Found::Absent;
        };
        match state(&absolute) {
            Ok(stamp) if stamp.is_file() => self.load(absolute, name).await,
            Ok(stamp) if stamp.is_directory() => self.find_folder(name).await,
            Ok(_) => Found::Absent,
            Err(error) => self.missing(error),
        }
    }

    /// Loads `entry`'s file again if a twin in `coding` has come to it since.
    pub(crate) async fn with_late_twin(
        self: &Arc<Self>,
        entry: &Entry,
        name: &str,
        coding: Coding,
    ) -> Option<Arc<Entry>> {
        let twin = state(self.absolute(name, coding.suffix())?.as_c_str()).ok()?;
        if !twin.is_file() || !twin.is_twin_of(&entry.identity.stamp) {
            return None;
        }
        match self.load(entry.absolute.clone(), name).await {
            Found::File(entry) => Some(entry),
            _ => None,
        }
    }

    /// The bytes of a representation that is not kept in memory; `None` if its file has changed.
    pub(crate) async fn stream(
        self: &Arc<Self>,
        name: &str,
        representation: &Representation,
        range: Range<u64>,
    ) -> io::Result<Option<FileStream>> {
        let file = match &representation.source {
            Source::Open(file) => Some(Arc::clone(file)),
            _ => self.reopen(name, representation).await?,
        };
        Ok(file.map(|file| FileStream::new(file, range, Arc::clone(&self.chunks))))
    }

    async fn reopen(
        self: &Arc<Self>,
        name: &str,
        representation: &Representation,
    ) -> io::Result<Option<Arc<File>>> {
        let tree = Arc::clone(self);
        let name = format!("{name}{}", representation.coding.map_or("", Coding::suffix));
        let opened = blocking(move || Ok(Root::open(&tree.root)?.file(&name)?));
        match opened.await {
            Ok((file, stamp)) => Ok((stamp == representation.stamp).then(|| Arc::new(file))),
            Err(error) if Errno::from_io_error(&error).is_some_and(is_absent) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn load(self: &Arc<Self>, absolute: CString, name: &str) -> Found {
        let tree = Arc::clone(self);
        let wanted = name.to_owned();
        match blocking(move || Entry::load(&tree.root, absolute, &wanted, &tree.large)).await {
            Ok(entry) => {
                let entry = Arc::new(entry);
                if entry.is_worth_keeping() {
                    self.cache.insert(name, Arc::new(entry.closed()));
                } else {
                    // Nobody goes back to what was before.
                    self.cache.remove(name);
                }
                Found::File(entry)
            }
            Err(error) => match Errno::from_io_error(&error) {
                Some(errno) if is_absent(errno) => self.missing(errno),
                _ => Found::Failed(error),
            },
        }
    }

    async fn find_folder(self: &Arc<Self>, name: &str) -> Found {
        let tree = Arc::clone(self);
        let page = format!("{name}/index.html");
        let opened = blocking(move || -> io::Result<()> {
            Ok(Root::open(&tree.root)?.file(&page).map(drop)?)
        });
        match opened.await {
            Ok(()) => Found::Folder,
            Err(error) if Errno::from_io_error(&error).is_some_and(is_absent) => Found::Absent,
            Err(error) => Found::Failed(error),
        }
    }

    /// Nothing by that name. While one tree is put in place of another there may be no tree at all for a
    /// moment, which is no reason to tell clients that its packs do not exist.
    fn missing(&self, error: Errno) -> Found {
        if !is_absent(error) {
            return Found::Failed(error.into());
        }
        match std::fs::metadata(&self.root) {
            Ok(_) => Found::Absent,
            Err(error) => Found::Failed(error),
        }
    }

    /// The full name of a file. `None` only for a root whose name has a NUL, which cannot be opened.
    fn absolute(&self, name: &str, suffix: &str) -> Option<CString> {
        let root = self.root.as_os_str().as_bytes();
        let mut full = Vec::with_capacity(root.len() + name.len() + suffix.len() + 2);
        full.extend_from_slice(root);
        full.push(b'/');
        full.extend_from_slice(name.as_bytes());
        full.extend_from_slice(suffix.as_bytes());
        CString::new(full).ok()
    }
}

fn state(absolute: &CStr) -> Result<Stamp, Errno> {
    lstat(absolute).map(|stat| Stamp::new(&stat))
}

/// Runs `work` where it may wait for a disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error)),
    }
}

/// A directory cannot be served as a registry tree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenTreeError {
    /// There is nothing of that name.
    #[error("cannot serve `{}`: there is no such directory", path.display())]
    Missing {
        /// The path as given.
        path: PathBuf,
    },
    /// It has neither of the files every tree has.
    #[error("cannot serve `{}`: it is no registry tree, having neither `registry.json` nor `index.json`", path.display())]
    NotATree {
        /// The path as given.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("cannot serve `{}`: it cannot be read", path.display())]
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Hint for OpenTreeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } | Self::NotATree { .. } => Some(
                "build one with `attune registry build DIR --out TREE`, then serve that `TREE`"
                    .to_owned(),
            ),
            Self::Unreadable { .. } => None,
        }
    }
}
