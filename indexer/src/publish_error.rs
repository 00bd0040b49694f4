//! `PublishError`: why a tree could not be written.

use pack_format::Hint;
use pack_fs::FsError;
use registry_pages::PageError;
use registry_tree::{ReadError, WriteError};

use crate::templates::TemplatesError;

/// Why the tree could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// A page cannot be made.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The templates of the operator cannot be used.
    #[error(transparent)]
    Templates(#[from] TemplatesError),
    /// A document cannot be JSON.
    #[error("the document of `{name}` cannot be written as JSON")]
    Json {
        /// Which.
        name: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FsError),
    /// The tree cannot be changed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A document of the tree cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Hint for PublishError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Page(error) => error.hint(),
            Self::Templates(error) => error.hint(),
            Self::Json { .. } => None,
            Self::File(error) => error.hint(),
            Self::Write(error) => error.hint(),
            Self::Read(error) => error.hint(),
        }
    }
}
