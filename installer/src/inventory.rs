//! `Inventory`: every file of a tree with its size, digest and mode, and the digests of the whole.
//!
//! Taken from what is on disk, in one pass, or noted while an archive is unpacked. Its JSON form is kept beside the store, so that `verify` can
//! name each file that changed.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use pack_format::digest::{HashingReader, TreeHashError, TreeHasher};
use pack_format::{ArchiveDigest, StoreKey, TreeDigest};
use pack_fs::error::Context as _;
use pack_fs::tree::{self, TreeError};
use pack_fs::{FsError, SourceDir};
use serde::{Deserialize, Serialize};

/// Files up to this size are read with one call, in bytes.
pub(crate) const WHOLE_BYTES: u64 = 256 * 1024;

/// The contents of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// Digest of the tree.
    pub tree: TreeDigest,
    /// Name of the tree in a store.
    pub key: StoreKey,
    /// Its files, in byte order of their paths.
    pub files: Vec<ListedFile>,
}

/// One file of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedFile {
    /// Relative to the root, `/` between names.
    pub path: String,
    /// In bytes.
    pub size_bytes: u64,
    /// Of its content.
    pub sha256: ArchiveDigest,
    /// Whether its owner may execute it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
}

impl Inventory {
    /// Reads the tree at `root`.
    ///
    /// # Errors
    /// [`TreeError`], also when a file changes while it is read.
    pub fn take(root: &Path) -> Result<Self, TreeError> {
        let found = tree::walk(root)?;
        let mut source = SourceDir::open(root).on("open", root)?;
        let mut hasher = TreeHasher::new();
        let mut files = Vec::with_capacity(found.len());
        let mut buffer = Vec::new();
        for file in found {
            let place = || root.join(&file.path);
            let failed = |source| TreeError::Hash {
                root: root.to_owned(),
                source,
            };
            let mut opened = source
                .entry(&file.path)
                .map_err(|e| FsError::new("open", &place(), e))?;
            let sha256 = if file.size_bytes <= WHOLE_BYTES {
                let content = read_whole(&mut opened, file.size_bytes, &mut buffer)
                    .map_err(|e| FsError::new("read", &place(), e))?;
                if content.len() as u64 != file.size_bytes {
                    return Err(failed(TreeHashError::Changed {
                        path: file.path,
                        announced: file.size_bytes,
                        read: content.len() as u64,
                    }));
                }
                hasher
                    .file(&file.path, file.executable, content)
                    .map_err(failed)?;
                ArchiveDigest::of(content)
            } else {
                let mut reader = HashingReader::new(&mut opened);
                hasher
                    .stream(&file.path, file.executable, file.size_bytes, &mut reader)
                    .map_err(failed)?;
                reader.finish().0
            };
            files.push(ListedFile {
                path: file.path,
                size_bytes: file.size_bytes,
                sha256,
                executable: file.executable,
            });
        }
        let (tree, key) = hasher.finish();
        Ok(Self { tree, key, files })
    }

    /// Sum of the sizes of all files, in bytes.
    pub fn unpacked_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size_bytes).sum()
    }

    /// The listing of the files, as it is kept.
    ///
    /// # Errors
    /// Never for a tree this program read.
    pub(crate) fn listing(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&self.files)
    }
}

/// Reads a file that should have `size_bytes`, and one byte more if it has more.
///
/// The buffer is kept between files; the standard library would ask for size and position of each.
fn read_whole<'b>(
    file: &mut File,
    size_bytes: u64,
    buffer: &'b mut Vec<u8>,
) -> io::Result<&'b [u8]> {
    let wanted = usize::try_from(size_bytes).map_err(io::Error::other)? + 1;
    if buffer.len() < wanted {
        buffer.resize(wanted, 0);
    }
    let mut filled = 0;
    while filled < wanted {
        match file.read(&mut buffer[filled..wanted]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(&buffer[..filled])
}

/// A kept listing, or `None` where there is none that can be read.
pub(crate) fn read_listing(path: &Path) -> Option<Vec<ListedFile>> {
    try_listing(path).ok().flatten()
}

/// The same, where it matters that there is one that cannot be read.
pub(crate) fn try_listing(path: &Path) -> Result<Option<Vec<ListedFile>>, FsError> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(FsError::new("read", path, e)),
    }
}
