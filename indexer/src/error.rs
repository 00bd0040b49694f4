//! `BuildError`: why nothing was built.

use std::path::PathBuf;

use pack_format::url_policy::UrlError;
use pack_format::{Hint, MetadataError};
use pack_fs::FsError;
use registry_tree::{ReadError, WriteError};

use crate::inputs::InputError;
use crate::patch::PatchTreeError;
use crate::publish_error::PublishError;
use crate::report::BuildReport;

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// An argument names no packs.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The operator's file or a patch file is wrong.
    #[error(transparent)]
    Operator(#[from] MetadataError),
    /// A patch of a file does not hold.
    #[error(transparent)]
    Patch(#[from] Box<PatchTreeError>),
    /// The target holds other files than a registry's.
    #[error("`{}` holds files and is not a registry tree", .0.display())]
    NotATree(PathBuf),
    /// The base URL is no URL a tree can be hosted under.
    #[error("the base URL cannot be used")]
    BaseUrl(#[source] UrlError),
    /// The tree to continue cannot be read.
    #[error("cannot continue the registry tree")]
    Tree(#[from] ReadError),
    /// The tree cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A page or document cannot be made.
    #[error(transparent)]
    Publish(PublishError),
    /// Packs were refused, so nothing was published.
    #[error("{} of {} packs were refused; nothing was published", report.changes.refused, report.packs.len())]
    Refused {
        /// The verdicts.
        report: Box<BuildReport>,
    },
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FsError),
}

impl From<PublishError> for BuildError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Read(error) => Self::Tree(error),
            other => Self::Publish(other),
        }
    }
}

impl BuildError {
    /// Whether another process is changing the tree.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Write(error) if error.is_busy())
    }
}

impl Hint for BuildError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Input(error) => error.hint(),
            Self::Operator(error) => error.hint(),
            Self::Patch(error) => error.hint(),
            Self::NotATree(_) => Some("choose an empty or new directory with `--out`".to_owned()),
            Self::BaseUrl(_) => {
                Some("write one such as `https://packs.example.org/`, with `--base-url` or as `url` in `registry.yaml`".to_owned())
            }
            Self::Tree(error) => error.hint(),
            Self::Write(error) => error.hint(),
            Self::Publish(error) => error.hint(),
            Self::Refused { .. } => {
                Some("correct them, or pass `--skip-invalid` to publish the others".to_owned())
            }
            Self::File(error) => error.hint(),
        }
    }
}
