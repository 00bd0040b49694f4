//! `RegistrySource`: where the files of the registry that is checked come from.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use pack_format::text::printable;
use pack_format::url_policy::SourceUrl;
use pack_fs::source_dir::open_regular;
use pack_fs::tree::{self, Scan, TreeError};
use registry_tree::layout;

/// Bytes that can be read twice.
pub trait Body: Read + Seek + Send {}

impl<T: Read + Seek + Send> Body for T {}

/// Gives files of a registry, to any number of threads.
pub trait RegistrySource: Sync {
    /// The file at `path`, relative to the registry's root; `None` where there is none.
    /// `limit` is the most bytes that are of use.
    ///
    /// # Errors
    /// Why it cannot be read, in a sentence.
    fn file(&self, path: &str, limit: u64) -> Result<Option<Box<dyn Body>>, String>;

    /// What an absolute URL gives; `None` where it gives nothing.
    ///
    /// # Errors
    /// Why it cannot be fetched, in a sentence.
    fn url(&self, url: &SourceUrl, limit: u64) -> Result<Option<Box<dyn Body>>, String>;

    /// Everything that is there, or `None` where that cannot be told.
    ///
    /// # Errors
    /// [`TreeError`] if the root cannot be listed.
    fn scan(&self) -> Result<Option<Scan>, TreeError>;

    /// Documents that are kept for readers of an older `packs.json`.
    fn superseded(&self) -> std::collections::BTreeSet<String>;
}

/// Fetches absolute URLs for a [`DirectorySource`].
pub type FetchUrl<'a> =
    dyn Fn(&SourceUrl, u64) -> Result<Option<Box<dyn Body>>, String> + Sync + 'a;

/// A registry tree, or a folder with an `index.json`, on this machine.
pub struct DirectorySource<'a> {
    root: PathBuf,
    fetch: &'a FetchUrl<'a>,
}

impl std::fmt::Debug for DirectorySource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirectorySource")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

impl<'a> DirectorySource<'a> {
    /// The tree at `root`; what lies elsewhere is asked of `fetch`.
    pub fn new(root: &Path, fetch: &'a FetchUrl<'a>) -> Self {
        Self {
            root: root.to_owned(),
            fetch,
        }
    }
}

impl RegistrySource for DirectorySource<'_> {
    fn file(&self, path: &str, _: u64) -> Result<Option<Box<dyn Body>>, String> {
        if !layout::is_inside(path) {
            return Err(format!("`{}` leaves the registry", printable(path)));
        }
        let path = self.root.join(path);
        match open_regular(&path) {
            Ok(file) => Ok(Some(Box::<File>::new(file))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(format!("`{}`: {e}", path.display())),
        }
    }

    fn url(&self, url: &SourceUrl, limit: u64) -> Result<Option<Box<dyn Body>>, String> {
        (self.fetch)(url, limit)
    }

    fn scan(&self) -> Result<Option<Scan>, TreeError> {
        tree::scan(&self.root).map(Some)
    }

    fn superseded(&self) -> std::collections::BTreeSet<String> {
        registry_tree::superseded(&self.root)
    }
}
