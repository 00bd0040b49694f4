//! `ArchiveError`: why an archive was refused or could not be handled.
//!
//! The archive itself is not named: the caller knows it by a path or a URL and puts that in front,
//! as in ``refused `slack-2.1.0.tar.gz`: member 17 `../../etc/cron.d/x` leaves the pack directory``.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use pack_format::Hint;
use pack_format::text::printable;

use crate::member_path::PathFault;

/// Why an archive was refused, or what failed while it was read or unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The content is no archive of a kind packs come in.
    #[error("it is no gzip-compressed tar and no zip archive: it starts with {found}")]
    Unsupported {
        /// The first bytes, in words or hexadecimal.
        found: String,
    },
    /// The container is damaged, or built so that readers could disagree about what it holds.
    #[error("{reason}")]
    Malformed {
        /// What is wrong.
        reason: Cow<'static, str>,
    },
    /// The archive as a whole goes beyond a limit.
    #[error("it {excess}; the limit is {limit}")]
    Limit {
        /// What it does, such as `unpacks to more bytes than allowed`.
        excess: &'static str,
        /// The limit, inclusive, in the unit of the excess.
        limit: u64,
    },
    /// One member is the reason.
    #[error("member {number} `{}` {fault}", printable(.name))]
    Member {
        /// Its position among the members, from 1.
        number: usize,
        /// Its name as the archive gives it, invalid UTF-8 replaced.
        name: String,
        /// What is wrong with it.
        fault: MemberFault,
    },
    /// The archive could not be read.
    #[error("cannot read the archive")]
    Read {
        /// The cause.
        source: io::Error,
    },
    /// A member could not be passed on, for instance because the disk is full.
    #[error("cannot write `{name}`")]
    Write {
        /// Its path below the root.
        name: String,
        /// The cause.
        source: io::Error,
    },
    /// The directory to unpack into could not be made or finished.
    #[error("cannot create `{}`", .path.display())]
    Destination {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Unpacking failed, and what it had written could not be removed.
    #[error("cannot remove `{}` after this failure: {failure}", .path.display())]
    CleanUp {
        /// The directory that is left.
        path: PathBuf,
        /// Why unpacking failed.
        failure: Box<ArchiveError>,
        /// Why removing failed.
        source: io::Error,
    },
}

/// What is wrong with one member. Displays as the end of a sentence that starts with its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemberFault {
    /// Its path could leave the pack directory or does not exist on every host.
    #[error(transparent)]
    Path(#[from] PathFault),
    /// It is neither a regular file nor a directory.
    #[error("is {0}; a pack holds regular files and directories only")]
    Kind(&'static str),
    /// The same path was there before.
    #[error("has the path of member {earlier}")]
    Taken {
        /// The member that has it.
        earlier: usize,
    },
    /// A path that some file systems take for the same was there before.
    #[error("has the path of member {earlier} where case or Unicode form does not count")]
    Alike {
        /// The member it cannot be told from.
        earlier: usize,
    },
    /// It lies below a file.
    #[error("lies below member {earlier}, which is a file")]
    BelowFile {
        /// The file.
        earlier: usize,
    },
    /// It is larger than one file may be.
    #[error("is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes, inclusive.
        limit: u64,
    },
    /// Its header or its content is damaged or ambiguous.
    #[error("{0}")]
    Malformed(&'static str),
}

impl ArchiveError {
    /// Whether the archive is at fault, rather than a disk or a connection.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Unsupported { .. }
            | Self::Malformed { .. }
            | Self::Limit { .. }
            | Self::Member { .. } => true,
            Self::Read { .. } | Self::Write { .. } | Self::Destination { .. } => false,
            Self::CleanUp { failure, .. } => failure.is_refusal(),
        }
    }

    pub(crate) fn malformed(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed {
            reason: reason.into(),
        }
    }

    /// The error that a decoder wrapped for its way through `Read`, or `otherwise`.
    pub(crate) fn unwrap_io(error: io::Error, otherwise: impl FnOnce(io::Error) -> Self) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(error) => otherwise(error),
        }
    }
}

impl From<ArchiveError> for io::Error {
    /// Wraps the error for its way through `Read`; `unwrap_io` is the way back.
    fn from(error: ArchiveError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

impl Hint for ArchiveError {
    fn hint(&self) -> Option<String> {
        let advice = match self {
            Self::Unsupported { .. } => "give a `.tar.gz` or `.zip` archive of the pack directory",
            Self::Malformed { .. } => {
                "fetch or build the archive again; if it stays so, report it to its author"
            }
            Self::Limit { .. } => "pack fewer or smaller files",
            Self::Member { fault, .. } => return fault.hint(),
            Self::Write { .. } | Self::Destination { .. } => {
                "check free space and permissions, then try again"
            }
            Self::CleanUp { .. } => "remove the directory by hand",
            Self::Read { .. } => return None,
        };
        Some(advice.to_owned())
    }
}

impl Hint for MemberFault {
    fn hint(&self) -> Option<String> {
        let advice = match self {
            Self::Path(fault) => return fault.hint(),
            Self::Kind(_) => {
                "replace it by a regular file, or leave it out, and build the archive again"
            }
            Self::Taken { .. } | Self::Alike { .. } | Self::BelowFile { .. } => {
                "rename or remove one of the two and build the archive again"
            }
            Self::TooLarge { .. } => "leave it out of the pack, or fetch it when the pack runs",
            Self::Malformed(_) => {
                "fetch or build the archive again; if it stays so, report it to its author"
            }
        };
        Some(advice.to_owned())
    }
}
