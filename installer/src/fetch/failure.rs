//! `FetchFailure`: why one source could not be brought into staging.

use pack_client::{FetchError, RegistryError};
use pack_format::Hint;
use pack_git::GitError;

use crate::failure::{Classify, FailureClass};
use crate::stage::StageError;

/// Why one source could not be brought into staging.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchFailure {
    /// The registry did not deliver.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A URL did not deliver.
    #[error(transparent)]
    Url(#[from] FetchError),
    /// A git repository did not deliver.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The bytes are not what they must be.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// No source of this version can be used.
    #[error("`{subject}` has no source that can be verified")]
    NoSource {
        /// `ref@version`.
        subject: String,
    },
    /// A thread ended early: a defect of this program.
    #[error("`{subject}` was not processed")]
    Lost {
        /// What it was about.
        subject: String,
    },
}

impl Hint for FetchFailure {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Registry(error) => error.hint(),
            Self::Url(error) => error.hint(),
            Self::Git(error) => error.hint(),
            Self::Stage(error) => error.hint(),
            Self::NoSource { .. } => Some(
                "ask the registry's operator for a source with its checksum, or install from a directory"
                    .to_owned(),
            ),
            Self::Lost { .. } => None,
        }
    }
}

impl Classify for FetchFailure {
    fn class(&self) -> FailureClass {
        match self {
            Self::Registry(error) => error.class(),
            Self::Url(error) => error.class(),
            Self::Git(error) => error.class(),
            Self::Stage(error) => error.class(),
            Self::NoSource { .. } | Self::Lost { .. } => FailureClass::Failed,
        }
    }
}
