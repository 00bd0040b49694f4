//! What a repair did, and why it could not.

use std::io;
use std::path::PathBuf;

use pack_client::LookupError;
use pack_format::{Hint, StoreKey};
use pack_fs::FsError;

use crate::failure::{Classify, FailureClass};
use crate::fetch::FetchFailure;
use crate::session::ChangeError;
use crate::verify::{Problem, VerifiedPack, VerifyError};

/// What a repair did.
#[derive(Debug)]
pub struct RepairReport {
    /// Every pack that was verified, by ref or as asked for.
    pub packs: Vec<RepairedPack>,
}

/// One pack of a repair.
#[derive(Debug)]
pub struct RepairedPack {
    /// What was wrong before.
    pub found: VerifiedPack,
    /// Where the good files came from: the store, or the URL of a source; `None` if no file was replaced.
    pub repaired_from: Option<String>,
    /// What is still wrong; empty is good.
    pub remaining: Vec<Problem>,
    /// What it takes to mend it, if its files could not be mended.
    pub needs: Option<String>,
    /// Why each place that was asked did not help.
    pub failures: Vec<RepairFailure>,
}

/// Why one place could not mend a pack.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairFailure {
    /// A registry could not be asked.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// No registry lists the installed files.
    #[error("`{subject}` with the installed files is not listed in {}", listed(.searched))]
    Unlisted {
        /// `ref@version`.
        subject: String,
        /// The registries that were asked.
        searched: Vec<String>,
    },
    /// A source did not deliver.
    #[error(transparent)]
    Fetch(#[from] FetchFailure),
    /// A source has changed since.
    #[error(
        "`{source_text}` holds other files by now\n  installed  {installed}\n  found      {found}"
    )]
    Other {
        /// Which.
        source_text: String,
        /// Store key of the record.
        installed: StoreKey,
        /// Store key of what is there.
        found: StoreKey,
    },
    /// Something that is not ours lies where the pack's link belongs.
    #[error("`{}` is in the way: it is no link to an installed pack", path.display())]
    Occupied {
        /// What is in the way.
        path: PathBuf,
    },
}

fn listed(urls: &[String]) -> String {
    if urls.is_empty() {
        return "any registry".to_owned();
    }
    let quoted: Vec<String> = urls.iter().map(|url| format!("`{url}`")).collect();
    quoted.join(", ")
}

impl Hint for RepairFailure {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Lookup(error) => error.hint(),
            Self::Fetch(error) => error.hint(),
            Self::Occupied { .. } => Some("move it elsewhere and run the command again".to_owned()),
            Self::Unlisted { .. } | Self::Other { .. } => None,
        }
    }
}

impl Classify for RepairFailure {
    fn class(&self) -> FailureClass {
        match self {
            Self::Lookup(error) => error.class(),
            Self::Fetch(error) => error.class(),
            _ => FailureClass::Verification,
        }
    }
}

/// Why nothing was mended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// The lock is held, or the disk refused.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// There is nothing to compare with.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// No threads for the network.
    #[error("cannot start the downloads")]
    Runtime(#[source] io::Error),
}

impl From<FsError> for RepairError {
    fn from(error: FsError) -> Self {
        Self::Change(error.into())
    }
}

impl Hint for RepairError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Change(error) => error.hint(),
            Self::Verify(error) => error.hint(),
            Self::Runtime(_) => None,
        }
    }
}

impl Classify for RepairError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Change(error) => error.class(),
            Self::Verify(error) => error.class(),
            Self::Runtime(_) => FailureClass::Failed,
        }
    }
}
