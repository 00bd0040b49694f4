//! `ImportError` and `RefusedPack`: why nothing was imported, and why one pack was not.

use std::path::PathBuf;

use pack_format::{Hint, MetadataError, error_chain};
use pack_fs::FsError;

use super::note::Note;
use super::{ImportReport, ImportedPack, Outcome};
use crate::inputs::InputError;
use crate::pack::PackError;

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A source holds no packs.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The new directories would lie in a source.
    #[error("the folder `{}` lies inside the source `{}`", out.display(), source_path.display())]
    OutInsideSource {
        /// Where the packs would go.
        out: PathBuf,
        /// Which source.
        source_path: PathBuf,
    },
    /// Packs were refused, so nothing was written.
    #[error(
        "{} of {} packs were refused; nothing was written",
        report.count(Outcome::Refused),
        report.packs.len()
    )]
    Refused {
        /// The verdicts.
        report: Box<ImportReport>,
    },
    /// A converted file cannot be written.
    #[error("cannot write `{path}`: the extraction policy refuses it")]
    Member {
        /// Which file.
        path: String,
        /// Why.
        source: pack_archive::ArchiveError,
    },
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FsError),
}

impl Hint for ImportError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Input(error) => error.hint(),
            Self::OutInsideSource { .. } => {
                Some("name a folder beside the sources: they are never written to".to_owned())
            }
            Self::Refused { .. } => {
                Some("correct them, or pass `--skip-invalid` to import the others".to_owned())
            }
            Self::Member { source, .. } => source.hint(),
            Self::File(error) => error.hint(),
        }
    }
}

/// Why one pack was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedPack {
    /// A file of it is wrong.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The directory holds something no pack may hold, or the result is no valid pack.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The repository cannot be read.
    #[error("cannot read the git repository `{}`", path.display())]
    Git {
        /// Which.
        path: PathBuf,
        /// What git says.
        source: git2::Error,
    },
    /// A commit holds what no pack may hold.
    #[error("the commit holds `{path}`, which is {kind}; a pack holds regular files only")]
    GitEntry {
        /// Where.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// A bare repository whose commit holds no manifest.
    #[error("the commit of `{}` holds no `pack.yaml`", .0.display())]
    NoManifest(PathBuf),
    /// Several sources lead to one ref.
    #[error("the ref `{pack_ref}` is also that of {}", others(places))]
    SharedRef {
        /// The ref.
        pack_ref: String,
        /// All of them.
        places: Vec<PathBuf>,
        /// What was found out.
        notes: Vec<Note>,
    },
    /// The new directory is there, with other contents.
    #[error("`{}` exists with other contents: {difference}", directory.display())]
    Exists {
        /// The directory.
        directory: PathBuf,
        /// The first file that differs.
        difference: String,
    },
    /// A converted file cannot be written as YAML.
    #[error("cannot write `{path}`")]
    Yaml {
        /// Which.
        path: String,
        /// Why.
        source: serde_yaml::Error,
    },
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FsError),
}

fn others(places: &[PathBuf]) -> String {
    let shown: Vec<String> = places
        .iter()
        .map(|place| format!("`{}`", place.display()))
        .collect();
    shown.join(", ")
}

impl Hint for RefusedPack {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Metadata(error) => error.hint(),
            Self::Pack(error) => error.hint(),
            Self::GitEntry { .. } => Some("replace it by a file, and commit".to_owned()),
            Self::NoManifest(_) => Some("name a repository whose root is a pack".to_owned()),
            Self::SharedRef { .. } => {
                Some("import one of them, or give the others another `ref`".to_owned())
            }
            Self::Exists { .. } => Some(
                "nothing is overwritten; remove the directory, or import into another folder"
                    .to_owned(),
            ),
            Self::File(error) => error.hint(),
            Self::Git { .. } | Self::Yaml { .. } => None,
        }
    }
}

impl RefusedPack {
    /// The verdict on the pack at `source`.
    pub(super) fn verdict(self, source: PathBuf) -> ImportedPack {
        let reason = error_chain(&self);
        let hint = self.hint();
        let (pack_ref, notes) = match self {
            Self::SharedRef {
                pack_ref, notes, ..
            } => (Some(pack_ref), notes),
            _ => (None, Vec::new()),
        };
        ImportedPack {
            source,
            pack_ref,
            version: None,
            result: Outcome::Refused,
            directory: None,
            reason: Some(reason),
            hint,
            notes,
        }
    }
}
