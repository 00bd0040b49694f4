//! Histories: which directories and versions belong to one pack, and how they join what the tree lists.
//!
//! 1. The same version in two directories: fine if the trees are equal, else both are refused.
//! 2. Several versions of a ref: one history if all declare the same `repository`, or the operator says
//!    `same_pack`; else all are refused by name.
//! 3. A ref the tree lists: its repository must be the same, where both declare one.
//! 4. A version the tree lists: its bytes must be the same, or the build is `--dev`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pack_format::documents::{FORMAT, PackDocument, VersionDocument, Yank};
use pack_format::{PackRef, StoreKey, Timestamp, Version};

use crate::cache::CachedPack;
use crate::operator_file::{OperatorFile, PackAdditions};
use crate::pack::{Built, PackError};

/// A directory of this build: unchanged, or built anew.
pub(crate) enum Candidate {
    Unchanged(PathBuf, CachedPack),
    Built(Box<Built>),
}

impl Candidate {
    pub(crate) fn directory(&self) -> &Path {
        match self {
            Self::Unchanged(directory, _) => directory,
            Self::Built(built) => &built.directory,
        }
    }

    pub(crate) fn pack_ref(&self) -> &PackRef {
        match self {
            Self::Unchanged(_, cached) => &cached.pack_ref,
            Self::Built(built) => &built.pack_ref,
        }
    }

    pub(crate) fn version(&self) -> &Version {
        match self {
            Self::Unchanged(_, cached) => &cached.version,
            Self::Built(built) => built.version(),
        }
    }

    fn store_key(&self) -> StoreKey {
        match self {
            Self::Unchanged(_, cached) => cached.store_key,
            Self::Built(built) => built.store_key,
        }
    }

    pub(crate) fn repository(&self) -> Option<&str> {
        match self {
            Self::Unchanged(_, cached) => cached.repository.as_deref(),
            Self::Built(built) => built.repository.as_deref(),
        }
    }
}

/// A directory and why it is refused.
pub(crate) type Refusal = (PathBuf, PackError);

/// Settles rules 1 and 2 among the directories of one build; returns the ones that stay.
pub(crate) fn settle(
    candidates: Vec<Candidate>,
    operator: &OperatorFile,
    refusals: &mut Vec<Refusal>,
) -> Vec<Candidate> {
    let mut by_ref: BTreeMap<PackRef, Vec<Candidate>> = BTreeMap::new();
    for candidate in candidates {
        by_ref
            .entry(candidate.pack_ref().clone())
            .or_default()
            .push(candidate);
    }
    let mut kept = Vec::new();
    for (pack_ref, mut group) in by_ref {
        let belongs = operator.packs.get(&pack_ref).is_some_and(|p| p.same_pack);
        if let Some((message, hint)) = conflict(&pack_ref, &group, belongs) {
            refusals.extend(group.into_iter().map(|candidate| {
                (
                    candidate.directory().to_owned(),
                    PackError::Identity(message.clone(), hint),
                )
            }));
            continue;
        }
        group.sort_by(|a, b| a.version().cmp(b.version()));
        // Equal trees of one version: the first directory speaks for all.
        group.dedup_by(|later, first| later.version() == first.version());
        kept.extend(group);
    }
    kept
}

fn conflict(
    pack_ref: &PackRef,
    group: &[Candidate],
    belongs: bool,
) -> Option<(String, &'static str)> {
    let places = || {
        let names: Vec<String> = group
            .iter()
            .map(|c| format!("`{}`", c.directory().display()))
            .collect();
        names.join(" and ")
    };
    for (i, one) in group.iter().enumerate() {
        let twin = group[i + 1..]
            .iter()
            .find(|other| other.version() == one.version());
        if let Some(twin) = twin
            && twin.store_key() != one.store_key()
        {
            return Some((
                format!(
                    "`{pack_ref}@{}` is in `{}` and `{}` with different contents",
                    one.version(),
                    one.directory().display(),
                    twin.directory().display()
                ),
                "raise `version` in one of them, or remove one",
            ));
        }
    }
    let first = group.first()?.repository();
    let same_repository = first.is_some() && group.iter().all(|c| c.repository() == first);
    if group.len() == 1 || same_repository || belongs || all_equal(group) {
        return None;
    }
    Some((
        format!(
            "the ref `{pack_ref}` is claimed by {}, which do not declare the same `repository`",
            places()
        ),
        "rename one of them, give all the same `repository`, or set `same_pack: true` for the ref in `registry.yaml`",
    ))
}

fn all_equal(group: &[Candidate]) -> bool {
    group
        .windows(2)
        .all(|pair| pair[0].store_key() == pair[1].store_key())
}

/// What is decided for one document.
pub(crate) struct Merge<'a> {
    pub(crate) dev: bool,
    pub(crate) now: Timestamp,
    pub(crate) additions: Option<&'a PackAdditions>,
}

/// How a version came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Added,
    Updated,
    Unchanged,
}

impl Merge<'_> {
    /// Merges built versions into the document the tree has, under rules 3 and 4.
    ///
    /// Returns the document, and per version what happened or why it was refused.
    pub(crate) fn document(
        &self,
        pack_ref: &PackRef,
        existing: Option<PackDocument>,
        built: &[Built],
    ) -> (PackDocument, Vec<Result<Outcome, PackError>>) {
        let mut document = existing.unwrap_or_else(|| PackDocument {
            format: FORMAT,
            pack_ref: pack_ref.clone(),
            deprecated: None,
            owners: Vec::new(),
            versions: Vec::new(),
        });
        let outcomes = built
            .iter()
            .map(|pack| self.version(&mut document, pack))
            .collect();
        document.versions.sort_by(|a, b| b.version.cmp(&a.version));
        self.operator(&mut document);
        (document, outcomes)
    }

    fn version(&self, document: &mut PackDocument, pack: &Built) -> Result<Outcome, PackError> {
        let belongs = self.additions.is_some_and(|a| a.same_pack);
        let listed = document
            .versions
            .first()
            .and_then(|v| v.repository.as_deref());
        if let (Some(listed), Some(new), false) = (listed, pack.repository.as_deref(), belongs)
            && listed != new
        {
            return Err(PackError::Identity(
                format!(
                    "the ref `{}` belongs to `{}` in this registry; `{}` declares `{}`",
                    pack.pack_ref,
                    pack_format::text::printable(listed),
                    pack.directory.display(),
                    pack_format::text::printable(new)
                ),
                "rename the pack, or set `same_pack: true` for the ref in `registry.yaml` if it has moved",
            ));
        }
        let mut fresh = self.with_sources(pack);
        let Some(old) = document
            .versions
            .iter_mut()
            .find(|v| v.version == *pack.version())
        else {
            document.versions.push(fresh);
            return Ok(Outcome::Added);
        };
        if let (Some(published), Some(key)) = (old.tree, old.store_key)
            && key != pack.store_key
            && !self.dev
        {
            return Err(PackError::AlreadyPublished {
                pack_ref: pack.pack_ref.clone(),
                version: old.version.clone(),
                published,
                new: pack.tree,
            });
        }
        fresh.published_at = old.published_at;
        fresh.yanked = old.yanked.take();
        let outcome = if *old == fresh {
            Outcome::Unchanged
        } else {
            Outcome::Updated
        };
        *old = fresh;
        Ok(outcome)
    }

    fn with_sources(&self, pack: &Built) -> VersionDocument {
        let mut fresh = pack.document.clone();
        if let Some(additions) = self.additions {
            for (key, value) in &additions.meta {
                fresh.meta.insert(key.clone(), value.clone());
            }
        }
        fresh
    }

    /// What the operator's file says about the pack as a whole.
    fn operator(&self, document: &mut PackDocument) {
        let Some(additions) = self.additions else {
            return;
        };
        document.owners.clone_from(&additions.owners);
        document.deprecated.clone_from(&additions.deprecated);
        if let Some(newest) = document.versions.first_mut() {
            for source in &additions.sources {
                if !newest.install_sources.contains(source) {
                    newest.install_sources.push(source.clone());
                }
            }
        }
        for (version, reason) in &additions.yanked {
            let found = document.versions.iter_mut().find(|v| v.version == *version);
            if let Some(found) = found {
                let at = found.yanked.as_ref().map_or(self.now, |y| y.at);
                found.yanked = Some(Yank {
                    reason: reason.clone(),
                    at,
                });
            }
        }
    }
}
