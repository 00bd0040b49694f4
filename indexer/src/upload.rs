//! `Upload`: an archive that somebody wants to publish, read and judged before anything is changed for it.
//!
//! It is held to what installers refuse, to the rules of `pack check` that are errors, and to the shape every
//! archive of a registry has: a gzipped tar with the one top directory `<ref>-<version>/`.

use std::io::Cursor;

use pack_archive::ArchiveKind;
use pack_check::{Checked, Diagnostic, Findings, Severity};
use pack_format::documents::{ArchiveRecord, VersionDocument};
use pack_format::{ArchiveDigest, Hint, PackRef};
use registry_tree::layout;

use crate::archive_file::{ArchiveFileError, Members};
use crate::check::findings;
use crate::contents::Contents;
use crate::pack::PackError;
use crate::whole_pack::WholePack;

/// A checked archive, in memory.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The pack in it.
    pub pack_ref: PackRef,
    /// What a registry says of it; its time is set when it is published.
    pub document: VersionDocument,
    /// SHA-256 of the archive.
    pub checksum: ArchiveDigest,
    /// What `pack check` says of it, errors aside.
    pub warnings: Vec<Diagnostic>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) icon: Option<Vec<u8>>,
}

/// Why an archive cannot be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// Some other file.
    #[error("it is no `.tar.gz` archive")]
    NotAnArchive,
    /// Installers would refuse it.
    #[error(transparent)]
    Archive(ArchiveFileError),
    /// The pack in it is not valid.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// Its files lie elsewhere than in the one directory they must lie in.
    #[error("its files lie in `{found}`\n  expected  {expected}/")]
    Top {
        /// Where they lie; `the root` where they lie in no directory.
        found: String,
        /// The name of the directory, without a slash.
        expected: String,
    },
    /// `pack check` finds errors.
    #[error("`pack check` finds {} in it:{}", counted(.0.len()), listed(.0))]
    Findings(Vec<Diagnostic>),
}

impl Hint for UploadError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotAnArchive | Self::Top { .. } => {
                Some("make the archive with `attune pack archive`".to_owned())
            }
            Self::Archive(error) => error.hint(),
            Self::Pack(error) => error.hint(),
            Self::Findings(_) => Some(
                "run `attune pack check` in the pack's directory, and publish what it passes"
                    .to_owned(),
            ),
        }
    }
}

impl Upload {
    /// Reads and checks the archive with these bytes.
    ///
    /// # Errors
    /// [`UploadError`].
    pub fn read(bytes: Vec<u8>) -> Result<Self, UploadError> {
        if ArchiveKind::detect(&bytes) != Some(ArchiveKind::TarGz) {
            return Err(UploadError::NotAnArchive);
        }
        let refused = |e: ArchiveFileError| UploadError::Archive(e);
        let members = Members::read(&mut Cursor::new(&bytes)).map_err(|e| refused(e.into()))?;
        let contents = members.contents().map_err(refused)?;
        let pack = WholePack::new(std::path::Path::new(""), &contents)?;
        let expected = layout::archive_top(&pack.pack_ref, &pack.document.version);
        let root = members.root().map_err(refused)?;
        if root.trim_end_matches('/') != expected {
            return Err(UploadError::Top {
                found: if root.is_empty() {
                    "the root".to_owned()
                } else {
                    root
                },
                expected,
            });
        }
        let warnings = without_errors(&contents)?;
        let icon = contents.icon().map(|icon| icon.bytes.to_vec());
        drop(members);
        let mut document = pack.document;
        let checksum = ArchiveDigest::of(&bytes);
        document.archive = Some(ArchiveRecord {
            path: layout::archive(&pack.pack_ref, &document.version),
            checksum,
            size_bytes: bytes.len() as u64,
        });
        Ok(Self {
            pack_ref: pack.pack_ref,
            document,
            checksum,
            warnings,
            bytes,
            icon,
        })
    }
}

/// The warnings of `pack check`, if it finds nothing worse.
fn without_errors(contents: &Contents) -> Result<Vec<Diagnostic>, UploadError> {
    let Checked { diagnostics, .. } = findings(contents, Findings::default());
    let (errors, warnings): (Vec<_>, Vec<_>) = diagnostics
        .into_iter()
        .partition(|diagnostic| diagnostic.severity == Severity::Error);
    if errors.is_empty() {
        Ok(warnings)
    } else {
        Err(UploadError::Findings(errors))
    }
}

fn counted(errors: usize) -> String {
    match errors {
        1 => "an error".to_owned(),
        many => format!("{many} errors"),
    }
}

/// Most findings that one message lists.
const MOST_LISTED: usize = 5;

fn listed(errors: &[Diagnostic]) -> String {
    let mut text: String = errors
        .iter()
        .take(MOST_LISTED)
        .map(|error| {
            let line = error
                .line
                .map_or_else(String::new, |line| format!(":{line}"));
            format!(
                "\n  {}{line}: {} [{}]",
                error.file, error.message, error.rule
            )
        })
        .collect();
    if let Some(more) = errors.len().checked_sub(MOST_LISTED + 1) {
        text.push_str(&format!("\n  and {} more", more + 1));
    }
    text
}
