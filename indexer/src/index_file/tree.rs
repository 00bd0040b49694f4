//! Updating the index of a registry tree: the whole tree is refreshed, as a build of this one pack would.
//!
//! `index.json` of a tree is made of its documents; changed alone it would contradict them. So the version
//! joins the pack's history, with an archive of its own in the tree and the sources that are given, and
//! documents, pages and indexes follow through the one tree writer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pack_format::documents::{
    ArchiveRecord, PackDocument, PacksDocument, RegistryDocument, VersionDocument,
};
use pack_format::{Hint, PackRef, StoreKey, Timestamp, TreeDigest, Version};
use pack_fs::lock::Holder;
use registry_tree::assemble::Identity;
use registry_tree::{ReadError, TreeReader, TreeWriter, WriteError};

use super::entry::{self, Described, EntryError, Sources};
use super::update::Action;
use crate::build::{DEFAULT_NAME, listed_documents};
use crate::cache::BuildCache;
use crate::checkout::Checkouts;
use crate::history::{Merge, Outcome};
use crate::inputs::{self, InputError};
use crate::pack::{self, Built, Looked, PackError, Workshop};
use crate::publish::{Packs, Publication, PublishError, Published};

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
    /// The tree cannot be read.
    #[error("cannot continue the registry tree")]
    Tree(#[from] ReadError),
    /// The tree cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A page or document cannot be made.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl TreeUpdateError {
    /// Whether another process is changing the tree.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Write(error) if error.is_busy())
    }

    /// Whether a document of the tree is not what its pointer pins.
    pub fn is_mismatch(&self) -> bool {
        matches!(self, Self::Tree(error) if error.is_mismatch())
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
            Self::Tree(error) => error.hint(),
            Self::Write(error) => error.hint(),
            Self::Publish(error) => error.hint(),
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
    let writer = TreeWriter::begin(
        &options.tree,
        "pack index-update",
        options.lock_timeout,
        waiting,
    )?;
    let reader = TreeReader::new(&options.tree);
    let listed = reader.packs()?;
    let mut documents = listed_documents(&reader, listed.as_ref())?;
    let manifest = &described.pack.manifest;
    let (pack_ref, version) = (manifest.pack_ref.clone(), manifest.version.clone());
    let before = documents.remove(&pack_ref);
    let built = build(directory, &described, &writer, before.as_ref(), options)?;
    let merge = Merge {
        dev: false,
        now: options.now,
        additions: None,
    };
    let (document, outcomes) = merge.document(&pack_ref, before.clone(), &built);
    let mut changed = false;
    for outcome in outcomes {
        changed |= outcome? != Outcome::Unchanged;
    }
    let action = match (changed, before.is_some()) {
        (false, _) => Action::Unchanged,
        (true, false) => Action::Added,
        (true, true) if options.update => Action::Updated,
        (true, true) => return Err(TreeUpdateError::Listed { pack_ref }),
    };
    documents.insert(pack_ref.clone(), document);
    let newest = before.as_ref().and_then(PackDocument::newest);
    let needed = newest.map_or(&[][..], VersionDocument::pack_dependencies);
    let packs = Packs {
        needed_before: needed
            .iter()
            .map(|needed| needed.pack_ref.clone())
            .collect(),
        touched: [pack_ref.clone()].into(),
        built,
        documents,
        all_pages: false,
    };
    let published = publish(packs, &writer, &reader, listed.as_ref(), options)?;
    let mut warnings = described.warnings;
    warnings.extend(published.warnings);
    Ok(TreeUpdated {
        pack_ref,
        version,
        tree: described.pack.tree.digest,
        action,
        previous: newest.map(|newest| newest.version.clone()),
        notes: described.notes,
        warnings,
    })
}

/// The version with its archive, where the tree does not have it, and its sources: those of the checkout,
/// those that are given, and those that were listed before.
fn build(
    directory: &Path,
    described: &Described,
    writer: &TreeWriter,
    before: Option<&PackDocument>,
    options: &TreeUpdateOptions,
) -> Result<Vec<Built>, PackError> {
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
    let nothing_known = BuildCache::default();
    let opened = match pack::look(directory, "", &nothing_known, &Checkouts::default())? {
        Looked::Changed(opened) => *opened,
        Looked::Unchanged(_) => return Ok(Vec::new()),
    };
    let mut built = workshop.build(directory, opened)?;
    let known = listed(built.version()).map_or(&[][..], |v| &v.install_sources);
    let added = described.install_sources.iter().chain(known);
    for source in added.cloned().collect::<Vec<_>>() {
        if !built.document.install_sources.contains(&source) {
            built.document.install_sources.push(source);
        }
    }
    Ok(vec![built])
}

fn publish(
    packs: Packs,
    writer: &TreeWriter,
    reader: &TreeReader,
    listed: Option<&PacksDocument>,
    options: &TreeUpdateOptions,
) -> Result<Published, TreeUpdateError> {
    let registry = reader.registry()?;
    let said = |text: fn(&RegistryDocument) -> &String| registry.as_ref().map(text).cloned();
    let identity = Identity {
        name: said(|r| &r.name).unwrap_or_else(|| DEFAULT_NAME.to_owned()),
        description: said(|r| &r.description).unwrap_or_default(),
        base_url: registry.as_ref().and_then(|r| r.url.clone()),
    };
    let publication = Publication {
        writer,
        reader,
        identity: &identity,
        development_url: &options.development_url,
        now: options.now,
        listed,
    };
    Ok(publication.publish(packs)?)
}
