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
    /// A URL that somebody gave did not deliver.
    #[error(transparent)]
    Direct(FetchError),
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
    /// Nobody wants it any more.
    #[error("`{subject}` was called off")]
    CalledOff {
        /// What it was about.
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
            Self::Direct(error) => direct_hint(error),
            Self::Git(error) => error.hint(),
            Self::Stage(error) => error.hint(),
            Self::NoSource { .. } => Some(
                "ask the registry's operator for a source with its checksum, or install from a directory"
                    .to_owned(),
            ),
            Self::Lost { .. } | Self::CalledOff { .. } => None,
        }
    }
}

/// Advice about a URL that belongs to no registry.
fn direct_hint(error: &FetchError) -> Option<String> {
    let advice = match error {
        FetchError::Authentication { .. } => {
            "nothing is sent to prove who asks for an archive by its URL: download it and install the file, or use a registry"
        }
        FetchError::Status { status: 404, .. } => "check the URL",
        FetchError::Status {
            retry_after: None, ..
        }
        | FetchError::Unreachable { .. }
        | FetchError::Timeout { .. }
        | FetchError::Slow { .. }
        | FetchError::Range { .. } => "check the network and the URL, then run the command again",
        FetchError::Tls { .. } => {
            "check this machine's clock and CA certificates; `SSL_CERT_FILE` names others"
        }
        FetchError::Address { .. } | FetchError::Redirect { .. } => {
            "ask whoever gave you this URL where the archive is"
        }
        FetchError::Redirects { .. } | FetchError::TooLarge { .. } => "check where the URL leads",
        other => return other.hint(),
    };
    Some(advice.to_owned())
}

impl Classify for FetchFailure {
    fn class(&self) -> FailureClass {
        match self {
            Self::Registry(error) => error.class(),
            Self::Url(error) | Self::Direct(error) => error.class(),
            Self::Git(error) => error.class(),
            Self::Stage(error) => error.class(),
            Self::NoSource { .. } | Self::Lost { .. } | Self::CalledOff { .. } => {
                FailureClass::Failed
            }
        }
    }
}
