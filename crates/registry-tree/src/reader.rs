//! Reading a tree on disk: its documents, each checked against the digest that pins it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pack_format::change_log::{ChangeHead, ChangeSegment, SegmentPointer};
use pack_format::documents::{FORMAT, PackDocument, PackPointer, PacksDocument, RegistryDocument};
use pack_format::statistics::StatisticsDocument;
use pack_format::{ArchiveDigest, Hint, PackRef};
use pack_fs::FsError;
use pack_fs::error::Context as _;
use serde::de::DeserializeOwned;

use crate::layout;

/// Reads documents of the tree at a root.
#[derive(Debug, Clone)]
pub struct TreeReader {
    root: PathBuf,
}

/// Why a document of a tree cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FsError),
    /// The file is no such document.
    #[error("`{}` is not a valid document", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// The file is of another format.
    #[error("`{}` has format {found}; this program reads {FORMAT}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// The bytes are not the ones that were pinned.
    #[error("`{}` does not match `packs.json`\n  expected  {expected}\n  computed  {computed}", path.display())]
    Digest {
        /// The file.
        path: PathBuf,
        /// The digest `packs.json` pins.
        expected: ArchiveDigest,
        /// The digest of the bytes.
        computed: ArchiveDigest,
    },
}

/// What helps against a tree that lost or changed a file.
const RESTORE: &str = "restore the tree from a copy, or build it again into an empty directory";

impl ReadError {
    /// Whether a file is there, but not with the bytes that were pinned.
    pub fn is_mismatch(&self) -> bool {
        matches!(self, Self::Digest { .. })
    }
}

impl Hint for ReadError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint().or_else(|| Some(RESTORE.to_owned())),
            Self::Format { .. } => Some("update this program".to_owned()),
            Self::Json { .. } | Self::Digest { .. } => Some(RESTORE.to_owned()),
        }
    }
}

impl TreeReader {
    /// A reader of the tree at `root`; nothing is read yet.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Where the tree is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `registry.json`, or `None` where there is none.
    ///
    /// # Errors
    /// [`ReadError`] if there is one that cannot be used.
    pub fn registry(&self) -> Result<Option<RegistryDocument>, ReadError> {
        let path = self.root.join(layout::REGISTRY);
        let Some(document) = read_json::<RegistryDocument>(&path)? else {
            return Ok(None);
        };
        check_format(&path, document.format)?;
        Ok(Some(document))
    }

    /// `packs.json`, or `None` where there is none.
    ///
    /// # Errors
    /// [`ReadError`] if there is one that cannot be used.
    pub fn packs(&self) -> Result<Option<PacksDocument>, ReadError> {
        let path = self.root.join(layout::PACKS);
        let Some(document) = read_json::<PacksDocument>(&path)? else {
            return Ok(None);
        };
        check_format(&path, document.format)?;
        Ok(Some(document))
    }

    /// `changes/head.json`, or `None` where there is none.
    ///
    /// # Errors
    /// [`ReadError`]; an unknown format number is one.
    pub fn change_head(&self) -> Result<Option<ChangeHead>, ReadError> {
        let path = self.root.join(layout::CHANGES_HEAD);
        let head: Option<ChangeHead> = read_json(&path)?;
        if let Some(head) = &head {
            check_format(&path, head.format)?;
        }
        Ok(head)
    }

    /// A sealed segment of the record of changes, held against its digest.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn change_segment(&self, pointer: &SegmentPointer) -> Result<ChangeSegment, ReadError> {
        let path = self
            .root
            .join(layout::change_segment(pointer.first, &pointer.digest));
        let bytes = fs::read(&path).on("read", &path)?;
        let computed = ArchiveDigest::of(&bytes);
        if computed != pointer.digest {
            return Err(ReadError::Digest {
                path,
                expected: pointer.digest,
                computed,
            });
        }
        let segment: ChangeSegment =
            serde_json::from_slice(&bytes).map_err(|source| ReadError::Json {
                path: path.clone(),
                source,
            })?;
        check_format(&path, segment.format)?;
        Ok(segment)
    }

    /// `statistics.json`, or `None` where there is none.
    ///
    /// # Errors
    /// [`ReadError`] if there is one that cannot be used.
    pub fn statistics(&self) -> Result<Option<StatisticsDocument>, ReadError> {
        let path = self.root.join(layout::STATISTICS);
        let Some(document) = read_json::<StatisticsDocument>(&path)? else {
            return Ok(None);
        };
        check_format(&path, document.format)?;
        Ok(Some(document))
    }

    /// The document `pointer` pins.
    ///
    /// # Errors
    /// [`ReadError`], also when the bytes are not the pinned ones.
    pub fn pack(
        &self,
        pack_ref: &PackRef,
        pointer: &PackPointer,
    ) -> Result<PackDocument, ReadError> {
        let bytes = self.pack_bytes(pack_ref, pointer)?;
        let path = self.root.join(pointer.document_path(pack_ref));
        let document: PackDocument = match serde_json::from_slice(&bytes) {
            Ok(document) => document,
            Err(source) => return Err(ReadError::Json { path, source }),
        };
        check_format(&path, document.format)?;
        Ok(document)
    }

    /// The bytes of the document `pointer` pins.
    ///
    /// # Errors
    /// [`ReadError`], also when the bytes are not the pinned ones.
    pub fn pack_bytes(
        &self,
        pack_ref: &PackRef,
        pointer: &PackPointer,
    ) -> Result<Vec<u8>, ReadError> {
        let path = self.root.join(pointer.document_path(pack_ref));
        let bytes = fs::read(&path).map_err(|e| FsError::new("read", &path, e))?;
        let computed = ArchiveDigest::of(&bytes);
        if computed != pointer.document {
            return Err(ReadError::Digest {
                path,
                expected: pointer.document,
                computed,
            });
        }
        Ok(bytes)
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ReadError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(FsError::new("read", path, e).into()),
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|source| ReadError::Json {
            path: path.to_owned(),
            source,
        })
}

fn check_format(path: &Path, found: u32) -> Result<(), ReadError> {
    if found == FORMAT {
        return Ok(());
    }
    Err(ReadError::Format {
        path: path.to_owned(),
        found,
    })
}
