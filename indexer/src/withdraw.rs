//! Hiding versions and packs of a tree: yank, unyank, deprecate; and removing versions: takedown.
//!
//! Each is one [`edit`]: documents, indexes and pages follow, only a takedown deletes, and saying
//! the same twice writes nothing. What is said here is marked as said of the tree, so that a later build
//! keeps it although the operator's file does not repeat it.

use std::fs::OpenOptions;
use std::io::Write as _;

use pack_format::documents::{Deprecation, PackDocument, Takedown, VersionDocument, Yank};
use pack_format::{Hint, PackRef, Timestamp, Version};
use pack_fs::FsError;
use pack_fs::lock::Holder;
use registry_tree::{ReadError, TreeWriter, layout};
use serde::Serialize;

use crate::edit::{self, Documents, EditError, EditOptions, Edited};
use crate::icon;

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
    /// Let nobody have a version any more, or any version; the archive is removed, the name stays taken.
    TakeDown {
        /// The version; all of them where none is named.
        version: Option<Version>,
        /// Why, in a sentence.
        reason: String,
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
    /// It was taken down, which is for good.
    #[error("`{pack_ref}@{version}` was taken down")]
    TakenDown {
        /// The pack.
        pack_ref: PackRef,
        /// The version.
        version: Version,
    },
    /// The log of takedowns cannot be written.
    #[error(transparent)]
    Log(#[from] FsError),
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
            Self::TakenDown { .. } => {
                Some("publish what may be published under a new version".to_owned())
            }
            Self::Log(error) => error.hint(),
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
        within(documents, pack_ref, withdrawal, options)
    };
    edit::edit(options, waiting, change).map(|((), edited)| edited)
}

/// The same, as part of a larger change.
pub(crate) fn within(
    documents: &mut Documents<'_>,
    pack_ref: &PackRef,
    withdrawal: &Withdrawal,
    options: &EditOptions,
) -> Result<(), WithdrawError> {
    let document = documents
        .get(pack_ref)?
        .ok_or_else(|| WithdrawError::NoPack {
            pack_ref: pack_ref.clone(),
        })?;
    let before = document.clone();
    apply(document, withdrawal, options)?;
    if let Withdrawal::TakeDown { version, .. } = withdrawal {
        let gone = document
            .versions
            .iter()
            .filter(|v| is_meant(v, version.as_ref()));
        let gone: Vec<Takedown> = gone.filter_map(|v| v.taken_down.clone()).collect();
        let icons = icon::unpinned(&before, document);
        log(options, pack_ref, version.as_ref(), &gone)?;
        for path in icons {
            documents.erase(&path);
        }
        for archive in gone.into_iter().filter_map(|takedown| takedown.archive) {
            documents.erase(&archive.path);
        }
    }
    Ok(())
}

pub(crate) fn apply(
    document: &mut PackDocument,
    withdrawal: &Withdrawal,
    options: &EditOptions,
) -> Result<(), WithdrawError> {
    match withdrawal {
        Withdrawal::TakeDown { version, reason } => {
            if let Some(version) = version {
                find(document, version)?;
            }
            for listed in &mut document.versions {
                if listed.taken_down.is_none() && is_meant(listed, version.as_ref()) {
                    take_down(listed, reason, options.now);
                }
            }
        }
        Withdrawal::Yank { version, reason } => {
            let version = standing(document, version)?;
            let at = version.yanked.as_ref().map_or(options.now, |yank| yank.at);
            version.yanked = Some(Yank {
                reason: reason.clone(),
                at,
                on_tree: true,
            });
        }
        Withdrawal::Unyank { version } => standing(document, version)?.yanked = None,
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

/// The same, unless it was taken down.
pub(crate) fn standing<'d>(
    document: &'d mut PackDocument,
    version: &Version,
) -> Result<&'d mut VersionDocument, WithdrawError> {
    let pack_ref = document.pack_ref.clone();
    let found = find(document, version)?;
    if found.taken_down.is_some() {
        return Err(WithdrawError::TakenDown {
            pack_ref,
            version: version.clone(),
        });
    }
    Ok(found)
}

/// Whether a takedown of `version`, or of all, is about this one.
fn is_meant(document: &VersionDocument, version: Option<&Version>) -> bool {
    version.is_none_or(|version| document.version == *version)
}

fn take_down(version: &mut VersionDocument, reason: &str, now: Timestamp) {
    version.install_sources.clear();
    version.given_sources.clear();
    version.icon = None;
    version.yanked = Some(Yank {
        // Clients that know nothing of takedowns show this.
        reason: format!("taken down: {reason}"),
        at: version.yanked.as_ref().map_or(now, |yank| yank.at),
        on_tree: true,
    });
    version.taken_down = Some(Takedown {
        reason: reason.to_owned(),
        at: now,
        archive: version.archive.take(),
    });
}

/// One line of the log of takedowns.
#[derive(Serialize)]
struct Logged<'a> {
    at: Timestamp,
    #[serde(rename = "ref")]
    pack_ref: &'a PackRef,
    version: Option<&'a Version>,
    taken_down: &'a [Takedown],
}

/// Writes to the log what is about to be removed: `TREE.state/takedowns.jsonl`, which only grows.
fn log(
    options: &EditOptions,
    pack_ref: &PackRef,
    version: Option<&Version>,
    taken_down: &[Takedown],
) -> Result<(), FsError> {
    let path = layout::state_directory(&options.tree).join("takedowns.jsonl");
    let logged = Logged {
        at: options.now,
        pack_ref,
        version,
        taken_down,
    };
    let mut line = serde_json::to_vec(&logged).unwrap_or_default();
    line.push(b'\n');
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| {
            file.write_all(&line)?;
            file.sync_all()
        });
    written.map_err(|e| FsError::new("append to", &path, e))
}
