//! Updating an index file: one entry added or replaced.
//!
//! An index lists one version per ref, so an update takes something away. What is taken away by intent
//! needs `update`; what is mostly a mistake needs its own word: an older version in place of a newer one
//! (a release script run on the wrong checkout), and an entry of another repository (a name taken over).

use std::path::{Path, PathBuf};
use std::time::Duration;

use pack_format::entry::IndexEntry;
use pack_format::index;
use pack_format::source::InstallSource;
use pack_format::text::printable;
use pack_format::{Checksum, Hint, PackRef, Timestamp, Version};
use pack_fs::lock::{FileLock, LockError};
use pack_fs::{FsError, Replacement};

use super::error::IndexFileError;
use super::text::{Given, IndexText, Invalid, Loaded, origin};
use super::{SOURCES, is_for_development, write};
use crate::history::same_repository;

/// How to update.
#[derive(Debug, Clone)]
pub struct UpdateOptions {
    /// The index file.
    pub index: PathBuf,
    /// Whether an entry of the ref may be replaced.
    pub update: bool,
    /// Whether it may be newer than the one that takes its place.
    pub allow_downgrade: bool,
    /// Whether it may be of another repository.
    pub same_pack: bool,
    /// What to do with other entries that break the rules.
    pub invalid: Invalid,
    /// Name and URL in place of the index's.
    pub given: Given,
    /// When now is.
    pub now: Timestamp,
    /// How long to wait for another process that changes the index.
    pub lock_timeout: Duration,
}

/// What became of the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The ref was not listed.
    Added,
    /// It was listed otherwise.
    Updated,
    /// It was listed just so; nothing was written.
    Unchanged,
}

/// What an update did.
#[derive(Debug)]
pub struct Updated {
    /// What became of the entry.
    pub action: Action,
    /// The version that was listed before.
    pub previous: Option<Version>,
    /// What deserves attention.
    pub warnings: Vec<String>,
}

/// Why nothing was updated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The index cannot be used.
    #[error(transparent)]
    Index(#[from] IndexFileError),
    /// The ref is listed.
    #[error("Pack '{pack_ref}' already exists in index. Use --update to replace it.")]
    Listed {
        /// The pack.
        pack_ref: PackRef,
        /// Its version there.
        listed: Version,
        /// The new one.
        new: Version,
    },
    /// It would go backwards.
    #[error("`{pack_ref}` is listed with {listed}, which is newer than {new}")]
    Downgrade {
        /// The pack.
        pack_ref: PackRef,
        /// Its version there.
        listed: Version,
        /// The new one.
        new: Version,
    },
    /// It is somebody else's.
    #[error("the ref `{pack_ref}` belongs to {listed} in this index; the new entry is of {new}")]
    OtherRepository {
        /// The pack.
        pack_ref: PackRef,
        /// Its repository there.
        listed: String,
        /// The new one.
        new: String,
    },
    /// Another process is changing the index.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The index cannot be written.
    #[error(transparent)]
    Write(#[from] FsError),
    /// The entry cannot be JSON.
    #[error("the entry cannot be written as JSON")]
    Json(#[source] serde_json::Error),
}

impl UpdateError {
    /// Whether another process is changing the index.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Lock(error) if error.is_busy())
    }
}

impl Hint for UpdateError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Index(error) => error.hint(),
            Self::Listed { listed, new, .. } => {
                Some(format!("pass `--update` to put {new} in place of {listed}"))
            }
            Self::Downgrade { new, .. } => Some(format!(
                "pass `--allow-downgrade` too if clients shall get {new} from now on"
            )),
            Self::OtherRepository { .. } => Some(
                "rename the pack, or pass `--same-pack` if it has moved to the new place"
                    .to_owned(),
            ),
            Self::Lock(error) => error.hint(),
            Self::Write(error) => error.hint(),
            Self::Json(_) => None,
        }
    }
}

/// Puts `entry` into the index file; `waiting` is called once if another process is changing it.
///
/// # Errors
/// [`UpdateError`]; the index is as it was.
pub fn update(
    entry: &IndexEntry,
    options: &UpdateOptions,
    waiting: impl FnMut(),
) -> Result<Updated, UpdateError> {
    let path = &options.index;
    if !path.is_file() {
        return Err(IndexFileError::NotFound(path.clone()).into());
    }
    let _lock = FileLock::acquire(path, options.lock_timeout, waiting)?;
    Replacement::sweep(path);
    let text = IndexText::read(path)?;
    let loaded = text.load(options.invalid)?;
    let mut new = Vec::new();
    index::entry_text(entry, &mut new).map_err(UpdateError::Json)?;
    let found = loaded
        .entries
        .binary_search_by(|listed| listed.pack_ref.cmp(&entry.pack_ref));
    let mut updated = Updated {
        action: Action::Added,
        previous: None,
        warnings: loaded.warnings.clone(),
    };
    if let Ok(at) = found {
        let listed = &loaded.entries[at];
        updated.previous = Some(listed.version.clone());
        updated.action = Action::Updated;
        if *listed.text == *new {
            updated.action = Action::Unchanged;
            return Ok(updated);
        }
        let known = std::str::from_utf8(&listed.text)
            .ok()
            .and_then(|text| index::entry(text, SOURCES, &mut |_| {}).ok());
        // What was just written can be read; if not, nothing is taken away unseen.
        let known = known.ok_or_else(|| listed_already(&listed.version, entry))?;
        may_replace(&known, entry, options)?;
        updated.warnings.extend(changed_contents(&known, entry));
    }
    // Time never runs backwards, whatever the clock says.
    let last_updated = loaded.last_updated()?.max(Some(options.now));
    let frame = loaded.frame(&options.given, last_updated.unwrap_or(options.now))?;
    if is_for_development(entry) || loaded.is_for_development() {
        updated
            .warnings
            .push("the index names this machine: it is for development only".to_owned());
    }
    write::stage(path, &frame, with(&loaded, found, &new))?.commit()?;
    Ok(updated)
}

/// The texts of all entries in order, `new` at its place.
fn with<'e>(
    loaded: &'e Loaded<'_>,
    found: Result<usize, usize>,
    new: &'e [u8],
) -> impl Iterator<Item = &'e [u8]> {
    let (before, after) = match found {
        Ok(at) => (at, at + 1),
        Err(at) => (at, at),
    };
    let text = |listed: &'e super::text::Listed<'_>| &*listed.text;
    loaded.entries[..before]
        .iter()
        .map(text)
        .chain(std::iter::once(new))
        .chain(loaded.entries[after..].iter().map(text))
}

fn listed_already(listed: &Version, new: &IndexEntry) -> UpdateError {
    UpdateError::Listed {
        pack_ref: new.pack_ref.clone(),
        listed: listed.clone(),
        new: new.version.clone(),
    }
}

fn may_replace(
    listed: &IndexEntry,
    new: &IndexEntry,
    options: &UpdateOptions,
) -> Result<(), UpdateError> {
    let pack_ref = &new.pack_ref;
    if !options.update {
        return Err(listed_already(&listed.version, new));
    }
    let (owner, other) = (origin(listed), origin(new));
    let moved = owner.is_some() && !same_repository(owner.as_deref(), other.as_deref());
    if moved && !options.same_pack {
        let shown = |origin: Option<String>| {
            origin.map_or_else(
                || "no repository".to_owned(),
                |text| format!("`{}`", printable(&text)),
            )
        };
        return Err(UpdateError::OtherRepository {
            pack_ref: pack_ref.clone(),
            listed: shown(owner),
            new: shown(other),
        });
    }
    if new.version < listed.version && !options.allow_downgrade {
        return Err(UpdateError::Downgrade {
            pack_ref: pack_ref.clone(),
            listed: listed.version.clone(),
            new: new.version.clone(),
        });
    }
    Ok(())
}

/// What a source of a kind must have, in an entry.
fn checksum<'e>(entry: &'e IndexEntry, kind: &str) -> Option<&'e Checksum> {
    let mut sources = entry.install_sources.iter();
    sources
        .find(|source| source.kind() == kind)
        .and_then(InstallSource::checksum)
}

/// A version that is published should never change; an index that is not published yet may.
fn changed_contents(listed: &IndexEntry, new: &IndexEntry) -> Option<String> {
    if listed.version != new.version {
        return None;
    }
    ["git", "archive"].iter().find_map(|kind| {
        let (old, new_one) = (checksum(listed, kind)?, checksum(new, kind)?);
        (old != new_one).then(|| {
            format!(
                "`{}@{}` changes its contents: the {kind} source was {old} and is {new_one} now; whoever installed it has other files. Raise `version` for a change that is published",
                new.pack_ref, new.version
            )
        })
    })
}

/// Whether the index at `path` is part of a registry tree, whose documents would contradict it.
pub fn is_of_tree(path: &Path) -> bool {
    write::is_of_tree(path)
}
