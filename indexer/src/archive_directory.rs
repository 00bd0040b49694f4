//! `PackArchive`: the archive of a pack directory, with the bytes a build would publish.

use std::path::Path;

use pack_format::source::InstallSource;
use pack_format::{ArchiveDigest, Checksum, PackRef, Version};
use registry_tree::layout;

use crate::contents::Contents;
use crate::directory::{self, DirectoryTree};
use crate::pack::{self, PackError};
use crate::whole_pack::{PackFileRecord, file_records};

/// A pack and its archive, in memory.
#[derive(Debug, Clone)]
pub struct PackArchive {
    /// The pack.
    pub pack_ref: PackRef,
    /// Its version.
    pub version: Version,
    /// The file: `<ref>-<version>.tar.gz`.
    pub bytes: Vec<u8>,
    /// SHA-256 of the file.
    pub checksum: ArchiveDigest,
    /// What it unpacks to.
    pub tree: DirectoryTree,
    /// The files in it, in byte order of their paths.
    pub files: Vec<PackFileRecord>,
    /// Where git has the same files, if the directory is a clean checkout of a published commit.
    pub source: Option<InstallSource>,
}

impl PackArchive {
    /// Archives the pack in `directory`; every member gets the time `mtime_seconds` since 1970.
    ///
    /// # Errors
    /// [`PackError`] for the first thing that is wrong with the pack.
    pub fn of_directory(directory: &Path, mtime_seconds: u64) -> Result<Self, PackError> {
        let opened = directory::open(directory)?;
        let contents = Contents::read(directory, opened.files)?;
        let (manifest, _) = contents.metadata(directory)?;
        let bytes = pack::pack_up(directory, &manifest, &contents, mtime_seconds)?;
        let tree = DirectoryTree::new(directory, &contents)?;
        let same = Checksum::from(tree.digest);
        Ok(Self {
            checksum: ArchiveDigest::of(&bytes),
            source: opened.source.filter(|s| s.checksum() == Some(&same)),
            tree,
            files: file_records(&contents),
            bytes,
            pack_ref: manifest.pack_ref,
            version: manifest.version,
        })
    }

    /// The name such archives have: `<ref>-<version>.tar.gz`.
    pub fn file_name(&self) -> String {
        format!(
            "{}.tar.gz",
            layout::archive_top(&self.pack_ref, &self.version)
        )
    }
}
