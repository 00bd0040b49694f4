//! Metadata patches on a tree: corrections of what is listed, without a new archive ([`pack_format::patch`]).
//!
//! `registry patch` is one [`edit`]; `registry build --patch FILE` applies the patches of [`file`] after everything
//! else that is said of a version. Either way the notes stay in the documents, and builds apply them again
//! (`history.rs`, rule 6).

pub(crate) mod file;

use pack_format::documents::{PackDocument, VersionDocument};
use pack_format::patch::{self, MetadataPatch, PatchError, PatchField};
use pack_format::source::InstallSource;
use pack_format::{Hint, PackRef, Timestamp, Version};
use pack_fs::lock::Holder;
use pack_resolve::Requirement;
use registry_tree::{ReadError, TreeWriter};
use serde_json::Value;

pub use file::pack_version;

use crate::edit::{self, Documents, EditError, EditOptions, Edited};
use crate::withdraw::{self, WithdrawError};

/// A correction of a version, or of every version of a pack.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionPatch {
    /// The pack.
    pub pack_ref: PackRef,
    /// The version; every one that was not taken down, where none is named.
    pub version: Option<Version>,
    /// Why, in a sentence.
    pub reason: String,
    /// What is corrected, each field once.
    pub fields: Vec<FieldPatch>,
    /// Sources elsewhere that are listed too.
    pub sources: Vec<InstallSource>,
}

/// A correction of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldPatch {
    /// The field.
    pub field: PatchField,
    /// What must be there, if somebody said so; the inner `None` is nothing.
    pub from: Option<Option<Value>>,
    /// What is there from now on.
    pub to: Option<Value>,
}

/// Why a tree was not patched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatchTreeError {
    /// There is no such version, or it was taken down.
    #[error(transparent)]
    Version(#[from] WithdrawError),
    /// The patch does not fit.
    #[error("the patch of `{pack_ref}@{version}` is refused: {source}")]
    Patch {
        /// The pack.
        pack_ref: PackRef,
        /// The version.
        version: Version,
        /// Why.
        source: PatchError,
    },
    /// There are no given sources to take back.
    #[error("no version of `{0}` that is meant has sources that were given to it")]
    NoSources(PackRef),
    /// The tree cannot be changed.
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl From<ReadError> for PatchTreeError {
    fn from(error: ReadError) -> Self {
        Self::Edit(error.into())
    }
}

impl Hint for PatchTreeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Version(error) => error.hint(),
            Self::Patch { source, .. } => source.hint(),
            Self::NoSources(_) => {
                Some("`given_sources` in the document of the pack lists what can go".to_owned())
            }
            Self::Edit(error) => error.hint(),
        }
    }
}

impl PatchTreeError {
    /// Whether another process is changing the tree.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Edit(error) if error.is_busy())
    }

    /// Whether a document is not what was pinned.
    pub fn is_mismatch(&self) -> bool {
        matches!(self, Self::Edit(error) if error.is_mismatch())
    }
}

/// What to do to a version of a tree, or to every version of a pack.
#[derive(Debug, Clone, PartialEq)]
pub struct TreePatch {
    /// What is corrected.
    pub set: VersionPatch,
    /// Fields whose patches are taken back.
    pub remove: Vec<PatchField>,
    /// Whether the sources that were given are taken back.
    pub remove_sources: bool,
}

/// Patches a tree; `waiting` is called once if another process is changing it.
///
/// An [`Edited`] without files: it said so already.
///
/// # Errors
/// [`PatchTreeError`]; the tree says what it said.
pub fn patch_tree(
    options: &EditOptions,
    patch: &TreePatch,
    waiting: impl FnMut(&Holder),
) -> Result<Edited, PatchTreeError> {
    let set = &patch.set;
    let change = |documents: &mut Documents<'_>, _: &TreeWriter| {
        let document = documents
            .get(&set.pack_ref)?
            .ok_or_else(|| WithdrawError::NoPack {
                pack_ref: set.pack_ref.clone(),
            })?;
        if let Some(version) = &set.version {
            withdraw::standing(document, version)?;
        }
        patch.take_back(document)?;
        set.apply(document, options.now).map(|_| ())
    };
    edit::edit(options, waiting, change).map(|((), edited)| edited)
}

impl TreePatch {
    fn take_back(&self, document: &mut PackDocument) -> Result<(), PatchTreeError> {
        let set = &self.set;
        for field in &self.remove {
            let mut refused = None;
            let mut removed = false;
            for version in set.meant(document) {
                match patch::remove(version, *field) {
                    Ok(()) => removed = true,
                    Err(error) => refused = refused.or_else(|| Some(set.refusal(version, error))),
                }
            }
            if let Some(error) = refused.filter(|_| !removed) {
                return Err(error);
            }
        }
        if !self.remove_sources {
            return Ok(());
        }
        let mut removed = false;
        for version in set.meant(document) {
            let given = std::mem::take(&mut version.given_sources);
            removed |= !given.is_empty();
            version.install_sources.retain(|s| !given.contains(s));
        }
        if removed {
            return Ok(());
        }
        Err(PatchTreeError::NoSources(set.pack_ref.clone()))
    }
}

impl VersionPatch {
    /// The versions of a document it is about.
    fn meant<'d>(
        &'d self,
        document: &'d mut PackDocument,
    ) -> impl Iterator<Item = &'d mut VersionDocument> {
        let standing = document
            .versions
            .iter_mut()
            .filter(|v| v.taken_down.is_none());
        standing.filter(|v| {
            self.version
                .as_ref()
                .is_none_or(|version| v.version == *version)
        })
    }

    fn refusal(&self, version: &VersionDocument, source: PatchError) -> PatchTreeError {
        PatchTreeError::Patch {
            pack_ref: self.pack_ref.clone(),
            version: version.version.clone(),
            source,
        }
    }

    /// Patches the versions it is about; tells whether anything changed. A version that is not listed is passed over.
    ///
    /// Of a patch of every version, a field is patched where `from` holds, and must hold somewhere.
    ///
    /// # Errors
    /// [`PatchTreeError::Patch`]; the document may be patched in part.
    pub(crate) fn apply(
        &self,
        document: &mut PackDocument,
        now: Timestamp,
    ) -> Result<bool, PatchTreeError> {
        let mut changed = false;
        for field in &self.fields {
            let mut refused = None;
            let mut holds = false;
            for version in self.meant(document) {
                match self.field(version, field, now) {
                    Ok(patched) => {
                        holds = true;
                        changed |= patched;
                    }
                    Err(error @ PatchError::DoesNotHold { .. }) => {
                        refused = refused.or_else(|| Some(self.refusal(version, error)));
                    }
                    Err(error) => return Err(self.refusal(version, error)),
                }
            }
            if let Some(error) = refused.filter(|_| !holds) {
                return Err(error);
            }
        }
        for version in self.meant(document) {
            let before = version.given_sources.len();
            version.give_sources(&self.sources);
            changed |= version.given_sources.len() != before;
        }
        Ok(changed)
    }

    fn field(
        &self,
        version: &mut VersionDocument,
        field: &FieldPatch,
        now: Timestamp,
    ) -> Result<bool, PatchError> {
        let note = MetadataPatch {
            field: field.field.name().to_owned(),
            from: None,
            to: field.to.clone(),
            reason: self.reason.clone(),
            at: now,
        };
        let from = field.from.as_ref().map(Option::as_ref);
        let changed = patch::apply(version, field.field, from, note)?;
        meaningful(version, field.field)?;
        Ok(changed)
    }
}

/// Refuses a requirement that no host could be checked against.
fn meaningful(version: &VersionDocument, field: PatchField) -> Result<(), PatchError> {
    let short = field.name().rsplit('.').next().unwrap_or_default();
    let requirements = Requirement::of(
        version.dependencies.as_ref(),
        &version.runtime_deps,
        (version.python.as_deref(), version.nodejs.as_deref()),
    );
    let unclear = requirements
        .iter()
        .find(|requirement| requirement.field == short && !requirement.is_meaningful());
    match unclear {
        None => Ok(()),
        Some(requirement) => Err(PatchError::Value {
            field: field.name(),
            reason: format!("{requirement}, which is no version range that can be checked"),
        }),
    }
}
