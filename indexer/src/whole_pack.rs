//! `WholePack`: everything that is known of a pack on disk, wherever it lies: the document a registry would
//! hold of it, and its files.

use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use pack_archive::ArchiveError;
use pack_format::documents::VersionDocument;
use pack_format::{ArchiveDigest, Hint, PackRef, Timestamp};
use pack_fs::tree::{self, TreeFile};
use serde::Serialize;

use crate::archive_file::{ArchiveFileError, Members};
use crate::contents::Contents;
use crate::directory;
use crate::icon;
use crate::pack::{self, PackError};

/// A pack, read to the last file.
#[derive(Debug, Clone)]
pub struct WholePack {
    /// The pack.
    pub pack_ref: PackRef,
    /// What a registry would say of it; never published, so its times are zero and it names no archive.
    pub document: VersionDocument,
    /// Its files, in byte order of their paths.
    pub files: Vec<PackFileRecord>,
}

/// One file of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackFileRecord {
    /// Relative to the pack's root.
    pub path: String,
    /// Its size, in bytes.
    pub size_bytes: u64,
    /// Whether it may be executed.
    pub executable: bool,
    /// SHA-256 of its bytes.
    pub sha256: ArchiveDigest,
}

/// Why a pack cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WholePackError {
    /// A directory that holds no valid pack.
    #[error(transparent)]
    Directory(#[from] PackError),
    /// An archive that installers would refuse.
    #[error("`{name}`")]
    Archive {
        /// The archive.
        name: String,
        /// Why.
        source: ArchiveFileError,
    },
}

impl Hint for WholePackError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Directory(error) => error.hint(),
            Self::Archive { source, .. } => source.hint(),
        }
    }
}

impl WholePack {
    /// The pack in a directory of its author: the files a build would archive.
    ///
    /// # Errors
    /// [`WholePackError::Directory`] for the first thing that is wrong.
    pub fn of_directory(directory: &Path) -> Result<Self, WholePackError> {
        let opened = directory::open(directory)?;
        Ok(Self::new(
            directory,
            &Contents::read(directory, opened.files)?,
        )?)
    }

    /// The pack in a directory where it is installed: every file counts, ignore rules do not.
    ///
    /// # Errors
    /// [`WholePackError::Directory`] for the first thing that is wrong.
    pub fn of_installed(directory: &Path) -> Result<Self, WholePackError> {
        let files = tree::walk(directory).map_err(PackError::from)?;
        Ok(Self::new(directory, &Contents::read(directory, files)?)?)
    }

    /// The pack in an archive that errors call `name`.
    ///
    /// # Errors
    /// [`WholePackError::Archive`] where an installer would refuse it.
    pub fn of_archive(
        archive: &mut (impl Read + Seek),
        name: &str,
    ) -> Result<Self, WholePackError> {
        let refused = |source| WholePackError::Archive {
            name: name.to_owned(),
            source,
        };
        let members =
            Members::read(archive).map_err(|e: ArchiveError| refused(ArchiveFileError::from(e)))?;
        let contents = members.contents().map_err(refused)?;
        Ok(Self::new(&PathBuf::from(name), &contents)?)
    }

    pub(crate) fn new(place: &Path, contents: &Contents) -> Result<Self, PackError> {
        let (manifest, components) = contents.metadata(place)?;
        let (tree, store_key) = contents.digest(place)?;
        Ok(Self {
            pack_ref: manifest.pack_ref.clone(),
            files: file_records(contents),
            document: VersionDocument {
                components,
                icon: contents
                    .icon()
                    .map(|icon| icon::record(&manifest.pack_ref, &icon)),
                tree: Some(tree),
                store_key: Some(store_key),
                file_count: contents.file_count(),
                unpacked_bytes: contents.unpacked_bytes(),
                ..pack::from_manifest(manifest, Timestamp::from_unix(0))
            },
        })
    }
}

/// The files of a pack, in their order.
pub(crate) fn file_records(contents: &Contents) -> Vec<PackFileRecord> {
    let record = |(file, bytes): (&TreeFile, &[u8])| PackFileRecord {
        path: file.path.clone(),
        size_bytes: file.size_bytes,
        executable: file.executable,
        sha256: ArchiveDigest::of(bytes),
    };
    contents.iter().map(record).collect()
}
