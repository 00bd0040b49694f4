//! `ArchiveFile`: a file that may be the archive of a pack, looked at from outside.
//!
//! The digest of the file is always known. The pack in it is known where installers could read it: the
//! file passes the extraction policy and holds one `pack.yaml`, at its root, in `pack/`, or in the single
//! directory of its first level.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek};
use std::path::Path;

use pack_archive::{ArchiveError, ArchiveKind, MemberPath, Sink, read_archive};
use pack_format::checksum::Algorithm;
use pack_format::digest::{TreeHashError, TreeHasher};
use pack_format::manifest::Manifest;
use pack_format::{Checksum, Hint, Limits, MetadataError, PackRef, TreeDigest, Version};
use pack_fs::FsError;
use pack_fs::error::Context as _;
use pack_fs::source_dir::open_regular;

use crate::contents::Contents;
use crate::inputs::MANIFEST;

/// A file and what is known of the pack in it.
#[derive(Debug)]
pub struct ArchiveFile {
    /// Checksum of its bytes.
    pub checksum: Checksum,
    /// Size, in bytes.
    pub size_bytes: u64,
    /// The pack in it; `None` where it is no archive at all.
    pub pack: Option<Result<ArchivedPack, ArchiveFileError>>,
}

/// The pack in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedPack {
    /// The pack.
    pub pack_ref: PackRef,
    /// Its version.
    pub version: Version,
    /// Digest of its tree as installers unpack it.
    pub tree: TreeDigest,
}

/// Why an archive holds no pack that can be installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveFileError {
    /// Installers refuse it.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// No manifest where one may be.
    #[error("it holds no `pack.yaml`: searched its root, `pack/` and its single top directory")]
    NoPack,
    /// Several.
    #[error("it holds several packs: {}", .0.join(", "))]
    Ambiguous(Vec<String>),
    /// The manifest is wrong.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// Two members of one path.
    #[error(transparent)]
    Tree(#[from] TreeHashError),
}

impl Hint for ArchiveFileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Archive(error) => error.hint(),
            Self::Metadata(error) => error.hint(),
            Self::NoPack | Self::Ambiguous(_) => {
                Some("put one pack into the archive, below a single directory".to_owned())
            }
            Self::Tree(_) => None,
        }
    }
}

impl ArchiveFile {
    /// Reads the file at `path`; its checksum is of `algorithm`.
    ///
    /// # Errors
    /// [`FsError`] if it cannot be read. A file that is no pack is no error.
    pub fn read(path: &Path, algorithm: Algorithm) -> Result<Self, FsError> {
        let mut file = open_regular(path).on("read", path)?;
        Self::of(&mut file, algorithm).on("read", path)
    }

    /// Reads an open file, from its start.
    ///
    /// # Errors
    /// Whatever reading fails with.
    pub fn of(file: &mut (impl Read + Seek), algorithm: Algorithm) -> io::Result<Self> {
        file.rewind()?;
        let checksum = Checksum::compute(algorithm, file)?;
        let size_bytes = file.stream_position()?;
        Ok(Self {
            checksum,
            size_bytes,
            pack: archived_pack(file)?,
        })
    }
}

fn archived_pack(
    file: &mut (impl Read + Seek),
) -> io::Result<Option<Result<ArchivedPack, ArchiveFileError>>> {
    file.rewind()?;
    let mut head = Vec::new();
    file.by_ref()
        .take(ArchiveKind::HEAD_BYTES as u64)
        .read_to_end(&mut head)?;
    if ArchiveKind::detect(&head).is_none() {
        return Ok(None);
    }
    file.rewind()?;
    let mut members = Members::default();
    Ok(Some(
        match read_archive(file, &Limits::default(), &mut members) {
            Ok(_) => members.pack(),
            Err(error) => Err(error.into()),
        },
    ))
}

/// Every file of an archive, in memory: their sum is capped by the extraction policy.
#[derive(Debug, Default)]
pub(crate) struct Members {
    files: BTreeMap<String, (bool, Vec<u8>)>,
}

impl Sink for Members {
    fn directory(&mut self, _: &MemberPath) -> io::Result<()> {
        Ok(())
    }

    fn file(
        &mut self,
        path: &MemberPath,
        executable: bool,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        self.files
            .insert(path.as_str().to_owned(), (executable, bytes));
        Ok(())
    }
}

impl Members {
    /// Reads an archive from its first byte to its last.
    pub(crate) fn read(archive: &mut (impl Read + Seek)) -> Result<Self, ArchiveError> {
        let mut members = Self::default();
        read_archive(archive, &Limits::default(), &mut members)?;
        Ok(members)
    }

    /// The files of the pack in it, as installers unpack them.
    pub(crate) fn contents(&self) -> Result<Contents, ArchiveFileError> {
        let root = self.root()?;
        Ok(Contents::of_members(self.below(&root)))
    }

    fn pack(&self) -> Result<ArchivedPack, ArchiveFileError> {
        let root = self.root()?;
        let mut hasher = TreeHasher::new();
        let mut manifest = None;
        for (path, executable, bytes) in self.below(&root) {
            hasher.file(path, executable, bytes)?;
            if path == MANIFEST {
                manifest = Some(Manifest::parse(&format!("{root}{MANIFEST}"), bytes)?);
            }
        }
        let manifest = manifest.ok_or(ArchiveFileError::NoPack)?;
        Ok(ArchivedPack {
            pack_ref: manifest.pack_ref,
            version: manifest.version,
            tree: hasher.finish().0,
        })
    }

    /// The files below `root`, in byte order; a checkout's own bookkeeping is no part of a pack.
    fn below(&self, root: &str) -> impl Iterator<Item = (&str, bool, &[u8])> {
        self.files
            .iter()
            .filter_map(move |(path, (executable, bytes))| {
                let path = path.strip_prefix(root)?;
                let of_git = path.split('/').any(|name| name == ".git");
                (!of_git).then_some((path, *executable, bytes.as_slice()))
            })
    }

    /// The pack's directory with a slash, or nothing for the root.
    pub(crate) fn root(&self) -> Result<String, ArchiveFileError> {
        for root in ["", "pack/"] {
            if self.files.contains_key(&format!("{root}{MANIFEST}")) {
                return Ok(root.to_owned());
            }
        }
        let mut tops = self.files.keys().filter_map(|path| {
            let (top, rest) = path.split_once('/')?;
            (rest == MANIFEST).then(|| format!("{top}/"))
        });
        let first = tops.next().ok_or(ArchiveFileError::NoPack)?;
        let others: Vec<String> = tops.collect();
        if others.is_empty() {
            return Ok(first);
        }
        Err(ArchiveFileError::Ambiguous(
            std::iter::once(first).chain(others).collect(),
        ))
    }
}
