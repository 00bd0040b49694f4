//! Updating the index of a registry tree: the whole tree is refreshed, as a build of this one pack would.
//!
//! `index.json` of a tree is made of its documents; changed alone it would contradict them. So the version
//! joins the pack's history, with an archive of its own in the tree and the sources that are given, and
//! documents, pages and indexes follow through the one tree writer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pack_format::documents::{ArchiveRecord, PackDocument};
use pack_format::{Hint, PackRef, StoreKey, Timestamp, TreeDigest, Version};
use pack_fs::lock::Holder;
use registry_tree::{Phase, ReadError, TreeWriter};

use super::entry::{self, Described, EntryError, Sources};
use super::update::Action;
use crate::cache::BuildCache;
use crate::checkout::Checkouts;
use crate::claim::{Claim, State};
use crate::edit::{self, Documents, EditError, EditOptions};
use crate::history::{Merge, Outcome};
use crate::inputs::{self, InputError};
use crate::pack::{Built, PackError, Workshop};
use crate::patch::PatchTreeError;

/// How to update.
#[derive(Debug, Clone)]
pub struct TreeUpdateOptions {
    /// The tree.
    pub tree: PathBuf,
    /// Whether a pack that is listed may change.
    pub update: bool,
    /// Base URL of archives in `index.json` when the tree has none.
    pub development_url: String,
    /// When now is.
    pub now: Timestamp,
    /// Modification time inside archives, seconds since 1970.
    pub archive_time: u64,
    /// How long to wait for another process that changes the tree.
    pub lock_timeout: Duration,
}

/// What an update did.
#[derive(Debug)]
pub struct TreeUpdated {
    /// The pack.
    pub pack_ref: PackRef,
    /// Its version.
    pub version: Version,
    /// Digest of its tree.
    pub tree: TreeDigest,
    /// What became of the version.
    pub action: Action,
    /// The newest version before.
    pub previous: Option<Version>,
    /// What the publisher should know.
    pub notes: Vec<String>,
    /// What deserves attention.
    pub warnings: Vec<String>,
}

/// Why nothing was updated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeUpdateError {
    /// The directory cannot be listed.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The tree lies inside the pack.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The pack is refused.
    #[error(transparent)]
    Pack(Box<PackError>),
    /// The pack is listed.
    #[error("Pack '{pack_ref}' already exists in index. Use --update to replace it.")]
    Listed {
        /// The pack.
        pack_ref: PackRef,
    },
    /// A patch does not hold.
    #[error(transparent)]
    Patch(#[from] PatchTreeError),
    /// The tree cannot be changed.
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl From<ReadError> for TreeUpdateError {
    fn from(error: ReadError) -> Self {
        Self::Edit(error.into())
    }
}

impl TreeUpdateError {
    /// Whether another process is changing the tree.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Edit(error) if error.is_busy())
    }

    /// Whether a document of the tree is not what its pointer pins.
    pub fn is_mismatch(&self) -> bool {
        matches!(self, Self::Edit(error) if error.is_mismatch())
    }
}

impl Hint for TreeUpdateError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Entry(error) => error.hint(),
            Self::Input(error) => error.hint(),
            Self::Pack(error) => error.hint(),
            Self::Listed { .. } => {
                Some("pass `--update` to add this version; the others of the pack stay".to_owned())
            }
            Self::Patch(error) => error.hint(),
            Self::Edit(error) => error.hint(),
        }
    }
}

impl From<PackError> for TreeUpdateError {
    fn from(error: PackError) -> Self {
        Self::Pack(Box::new(error))
    }
}

/// Puts the pack in `directory` into the tree; `waiting` is called once if another process is changing it.
///
/// # Errors
/// [`TreeUpdateError`]; the tree says what it said.
pub fn update(
    directory: &Path,
    sources: Sources,
    options: &TreeUpdateOptions,
    waiting: impl FnMut(&Holder),
) -> Result<TreeUpdated, TreeUpdateError> {
    let described = entry::describe(directory, sources, None)?;
    inputs::refuse_tree_inside_pack([directory], &options.tree)?;
    let edit_options = EditOptions {
        tree: options.tree.clone(),
        purpose: "pack index-update",
        development_url: options.development_url.clone(),
        now: options.now,
        lock_timeout: options.lock_timeout,
    };
    let join = |documents: &mut Documents<'_>, writer: &TreeWriter| {
        join(directory, &described, documents, writer, options)
    };
    let ((action, previous), edited) = edit::edit(&edit_options, waiting, join)?;
    let Described {
        pack,
        notes,
        mut warnings,
        ..
    } = described;
    warnings.extend(edited.warnings);
    Ok(TreeUpdated {
        pack_ref: pack.manifest.pack_ref,
        version: pack.manifest.version,
        tree: pack.tree.digest,
        action,
        previous,
        notes,
        warnings,
    })
}

/// Joins the version to the history of its pack; tells what became of it, and the newest version before.
fn join(
    directory: &Path,
    described: &Described,
    documents: &mut Documents<'_>,
    writer: &TreeWriter,
    options: &TreeUpdateOptions,
) -> Result<(Action, Option<Version>), TreeUpdateError> {
    let pack_ref = &described.pack.manifest.pack_ref;
    let before = documents.get(pack_ref)?.cloned();
    let mut built = [build(
        directory,
        described,
        writer,
        before.as_ref(),
        options,
    )?];
    let merge = Merge {
        dev: false,
        now: options.now,
        additions: None,
        patches: &[],
    };
    let (document, outcomes) = merge.document(pack_ref, before.clone(), &mut built)?;
    let mut changed = false;
    for outcome in outcomes {
        changed |= outcome? != Outcome::Unchanged;
    }
    let action = match (changed, &before) {
        (false, _) => Action::Unchanged,
        (true, None) => Action::Added,
        (true, Some(_)) if options.update => Action::Updated,
        (true, Some(_)) => {
            let pack_ref = pack_ref.clone();
            return Err(TreeUpdateError::Listed { pack_ref });
        }
    };
    for pack in &mut built {
        if let (Some(staged), Some(record)) = (pack.archive.take(), &pack.document.archive) {
            writer.place(Phase::Object, &record.path, staged);
        }
    }
    documents.insert(document)?;
    let newest = before.as_ref().and_then(PackDocument::newest);
    Ok((action, newest.map(|newest| newest.version.clone())))
}

/// The version with its archive, where the tree does not have it, and its sources: those of the checkout,
/// those that are given, and those that were listed before.
fn build(
    directory: &Path,
    described: &Described,
    writer: &TreeWriter,
    before: Option<&PackDocument>,
    options: &TreeUpdateOptions,
) -> Result<Built, PackError> {
    let listed = |version: &Version| {
        let mut versions = before?.versions.iter();
        versions.find(|listed| listed.version == *version)
    };
    let published = |_: &PackRef, version: &Version| -> Option<(StoreKey, ArchiveRecord)> {
        let listed = listed(version)?;
        Some((listed.store_key?, listed.archive.clone()?))
    };
    let workshop = Workshop {
        writer,
        now: options.now,
        archive_time: options.archive_time,
        dev: false,
        published: &published,
    };
    let claim = Claim::of(directory, "", &BuildCache::default(), &Checkouts::default());
    let State::Changed(opened, known) = claim.map_err(|(_, error)| error)?.state else {
        unreachable!("nothing is known of any directory")
    };
    let mut built = workshop.build(directory, *opened, *known)?;
    let document = &mut built.document;
    document.give_sources(&described.install_sources);
    let known = listed(&document.version).map_or(&[][..], |v| &v.install_sources);
    for source in known {
        if !document.install_sources.contains(source) {
            document.install_sources.push(source.clone());
        }
    }
    Ok(built)
}
