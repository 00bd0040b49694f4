//! Hiding versions and packs of a tree: yank, unyank, deprecate.
//!
//! Each is one [`edit`]: documents, indexes and pages follow, nothing is deleted, and saying
//! the same twice writes nothing. What is said here is marked as said of the tree, so that a later build
//! keeps it although the operator's file does not repeat it.

use pack_format::documents::{Deprecation, PackDocument, VersionDocument, Yank};
use pack_format::{Hint, PackRef, Version};
use pack_fs::lock::Holder;
use registry_tree::{ReadError, TreeWriter};

use crate::edit::{self, Documents, EditError, EditOptions, Edited};

/// What to say of a version or a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withdrawal {
    /// Hide a version from resolution; who locked it still gets it.
    Yank {
        /// The version.
        version: Version,
        /// Why, in a sentence.
        reason: String,
    },
    /// Show it again.
    Unyank {
        /// The version.
        version: Version,
    },
    /// Tell newcomers to choose another pack.
    Deprecate {
        /// Why, in a sentence.
        reason: String,
        /// What to use instead.
        successor: Option<PackRef>,
    },
    /// Take that back.
    Undeprecate,
}

/// Why nothing was said.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WithdrawError {
    /// The tree has no such pack.
    #[error("the registry tree lists no pack `{pack_ref}`")]
    NoPack {
        /// The pack.
        pack_ref: PackRef,
    },
    /// The pack has no such version.
    #[error("the registry tree lists no `{pack_ref}@{version}`\n  listed: {}", listed.join(", "))]
    NoVersion {
        /// The pack.
        pack_ref: PackRef,
        /// The version.
        version: Version,
        /// What there is, newest first.
        listed: Vec<String>,
    },
    /// A pack cannot follow itself.
    #[error("`{pack_ref}` cannot be its own successor")]
    OwnSuccessor {
        /// The pack.
        pack_ref: PackRef,
    },
    /// The tree cannot be changed.
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl From<ReadError> for WithdrawError {
    fn from(error: ReadError) -> Self {
        Self::Edit(error.into())
    }
}

impl Hint for WithdrawError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoPack { .. } => Some("check the spelling, and the tree".to_owned()),
            Self::NoVersion { .. } => Some("name one of the listed versions".to_owned()),
            Self::OwnSuccessor { .. } => Some("name another pack, or none".to_owned()),
            Self::Edit(error) => error.hint(),
        }
    }
}

/// Says `withdrawal` of a pack of a tree; `waiting` is called once if another process is changing it.
///
/// An [`Edited`] without files: it was so already.
///
/// # Errors
/// [`WithdrawError`]; the tree says what it said.
pub fn withdraw(
    options: &EditOptions,
    pack_ref: &PackRef,
    withdrawal: &Withdrawal,
    waiting: impl FnMut(&Holder),
) -> Result<Edited, WithdrawError> {
    let change = |documents: &mut Documents<'_>, _: &TreeWriter| {
        let document = documents
            .get(pack_ref)?
            .ok_or_else(|| WithdrawError::NoPack {
                pack_ref: pack_ref.clone(),
            })?;
        apply(document, withdrawal, options)
    };
    edit::edit(options, waiting, change).map(|((), edited)| edited)
}

fn apply(
    document: &mut PackDocument,
    withdrawal: &Withdrawal,
    options: &EditOptions,
) -> Result<(), WithdrawError> {
    match withdrawal {
        Withdrawal::Yank { version, reason } => {
            let version = find(document, version)?;
            let at = version.yanked.as_ref().map_or(options.now, |yank| yank.at);
            version.yanked = Some(Yank {
                reason: reason.clone(),
                at,
                on_tree: true,
            });
        }
        Withdrawal::Unyank { version } => find(document, version)?.yanked = None,
        Withdrawal::Deprecate { successor, .. }
            if successor.as_ref() == Some(&document.pack_ref) =>
        {
            return Err(WithdrawError::OwnSuccessor {
                pack_ref: document.pack_ref.clone(),
            });
        }
        Withdrawal::Deprecate { reason, successor } => {
            document.deprecated = Some(Deprecation {
                reason: reason.clone(),
                successor: successor.clone(),
                on_tree: true,
            });
        }
        Withdrawal::Undeprecate => document.deprecated = None,
    }
    Ok(())
}

fn find<'d>(
    document: &'d mut PackDocument,
    version: &Version,
) -> Result<&'d mut VersionDocument, WithdrawError> {
    let position = document.versions.iter().position(|v| v.version == *version);
    let missing = WithdrawError::NoVersion {
        pack_ref: document.pack_ref.clone(),
        version: version.clone(),
        listed: document
            .versions
            .iter()
            .map(|v| v.version.to_string())
            .collect(),
    };
    position
        .and_then(|i| document.versions.get_mut(i))
        .ok_or(missing)
}
