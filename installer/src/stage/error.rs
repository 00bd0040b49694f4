//! `StageError`: why bytes did not become a staged pack.

use pack_archive::ArchiveError;
use pack_format::Hint;
use pack_fs::FsError;
use pack_fs::tree::TreeError;

use crate::failure::{Classify, FailureClass};
use crate::fetch::COMMAND_LINE;
use crate::pack_dir::PackDirError;

/// Why bytes did not become a staged pack.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// The bytes are not what they must be.
    #[error("checksum mismatch for `{name}`\n  expected  {expected}\n  computed  {computed}")]
    Checksum {
        /// The archive or directory.
        name: String,
        /// What was expected.
        expected: String,
        /// What it is.
        computed: String,
        /// Who expects it: `registry`, `command line`, `lock` or `record`.
        stated_by: String,
    },
    /// The archive is one we do not unpack.
    #[error("refused `{name}`: {cause}")]
    Archive {
        /// The archive or directory.
        name: String,
        /// Why.
        cause: ArchiveError,
    },
    /// The archive or directory could not be read, or the tree could not be written.
    #[error("cannot unpack `{name}`")]
    Unpack {
        /// The archive or directory.
        name: String,
        /// Why.
        source: ArchiveError,
    },
    /// A directory could not be read.
    #[error("cannot read `{name}`")]
    Read {
        /// The directory.
        name: String,
        /// Why.
        source: TreeError,
    },
    /// There is no pack in it.
    #[error(transparent)]
    PackDir(#[from] PackDirError),
    /// It is another pack, or another version, than was asked for.
    #[error("`{name}` holds `{found}`, not `{expected}`")]
    Identity {
        /// The archive.
        name: String,
        /// `ref@version` that was asked for.
        expected: String,
        /// `ref@version` of its manifest.
        found: String,
    },
    /// A directory that is no tree of a pack.
    #[error("refused `{name}`: {cause}")]
    Tree {
        /// The directory.
        name: String,
        /// Why.
        cause: TreeError,
    },
    /// The disk refused.
    #[error(transparent)]
    File(#[from] FsError),
}

impl Hint for StageError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Checksum { stated_by, .. } => Some(
                match stated_by.as_str() {
                    COMMAND_LINE => {
                        "nothing was installed; compare the checksum you gave with the one that is published beside it"
                    }
                    "lock" => {
                        "nothing was installed; if the change is wanted, lock it: `attune pack lock`, with `--upgrade` for URLs and repositories"
                    }
                    _ => "nothing was installed; retry once, then report this to whoever offers it",
                }
                    .to_owned(),
            ),
            Self::Identity { .. } => {
                Some("nothing was installed; report this to the registry's operator".to_owned())
            }
            Self::Archive { cause, .. } => cause.hint(),
            Self::PackDir(error) => error.hint(),
            Self::Tree { cause, .. } => cause.hint(),
            Self::Unpack { source, .. } => source.hint(),
            Self::Read { source, .. } => source.hint(),
            Self::File(error) => error.hint(),
        }
    }
}

impl Classify for StageError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Checksum { .. } | Self::Identity { .. } | Self::Archive { .. } => {
                FailureClass::Verification
            }
            _ => FailureClass::Failed,
        }
    }
}

impl StageError {
    /// Tells what is wrong with an archive from what went wrong while it was handled.
    pub(super) fn of_archive(name: &str, error: ArchiveError) -> Self {
        let name = name.to_owned();
        match error {
            ArchiveError::Read { .. }
            | ArchiveError::Write { .. }
            | ArchiveError::Destination { .. }
            | ArchiveError::CleanUp { .. } => Self::Unpack {
                name,
                source: error,
            },
            cause => Self::Archive { name, cause },
        }
    }

    /// The same for a directory.
    pub(super) fn of_tree(name: &str, error: TreeError) -> Self {
        let name = name.to_owned();
        match error {
            TreeError::File(_) | TreeError::Hash { .. } => Self::Read {
                name,
                source: error,
            },
            cause => Self::Tree { name, cause },
        }
    }
}
