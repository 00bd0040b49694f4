//! Histories: which directories and versions belong to one pack, and how they join what the tree lists.
//!
//! 1. The same version in two directories: fine if the trees are equal, else both are refused.
//! 2. Several versions of a ref: one history if all declare the same `repository`, or the operator says
//!    `same_pack`; else all are refused by name.
//! 3. A ref the tree lists with a repository: a new version must declare the same one. Declaring none
//!    would take the name over; the first to declare one may.
//! 4. A version the tree lists: its bytes must be the same, or the build is `--dev`.
//! 5. Where the operator's file is present, yanks, deprecation, owners and added sources are what it
//!    says, and what was said of the tree itself (`pack yank --tree`); where it is absent they stay as they are.
//! 6. Patches and sources that a version was given are given to its new record too, and those of this build's
//!    patch files come last.

use std::path::{Path, PathBuf};

use pack_format::documents::{FORMAT, PackDocument, VersionDocument, Yank};
use pack_format::source::InstallSource;
use pack_format::{PackRef, StoreKey, Timestamp, Version, patch};

use crate::cache::CachedPack;
use crate::operator_file::PackAdditions;
use crate::pack::{Built, PackError};
use crate::patch::{PatchTreeError, VersionPatch};

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

/// A directory with the same version and tree as another one, which speaks for both.
pub(crate) struct Twin {
    pub(crate) directory: PathBuf,
    pub(crate) first: PathBuf,
}

/// The directories of one pack after rules 1 and 2.
#[derive(Default)]
pub(crate) struct Settled {
    /// Oldest version first, each once.
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) twins: Vec<Twin>,
    pub(crate) refusals: Vec<Refusal>,
}

/// Settles rules 1 and 2 among the directories of one pack; `belongs`: the operator says they are one.
pub(crate) fn settle(pack_ref: &PackRef, mut group: Vec<Candidate>, belongs: bool) -> Settled {
    let mut settled = Settled::default();
    if let Some((message, hint)) = conflict(pack_ref, &group, belongs) {
        let refused = group.into_iter().map(|candidate| {
            (
                candidate.directory().to_owned(),
                PackError::Identity(message.clone(), hint),
            )
        });
        settled.refusals.extend(refused);
        return settled;
    }
    group.sort_by(|a, b| a.version().cmp(b.version()));
    // Equal trees of one version: the first directory speaks for all.
    group.dedup_by(|later, first| {
        let same = later.version() == first.version();
        if same {
            settled.twins.push(Twin {
                directory: later.directory().to_owned(),
                first: first.directory().to_owned(),
            });
        }
        same
    });
    settled.candidates = group;
    settled
}

fn conflict(
    pack_ref: &PackRef,
    group: &[Candidate],
    belongs: bool,
) -> Option<(String, &'static str)> {
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
    let same = first.is_some() && group.iter().all(|c| same_repository(c.repository(), first));
    if group.len() == 1 || same || belongs || all_equal(group) {
        return None;
    }
    let places: Vec<String> = group
        .iter()
        .map(|c| {
            format!(
                "`{}` ({})",
                c.directory().display(),
                declared(c.repository())
            )
        })
        .collect();
    Some((
        format!(
            "the ref `{pack_ref}` is claimed by {}, which do not declare the same `repository`",
            places.join(" and ")
        ),
        "rename one of them, give all the same `repository`, or set `same_pack: true` for the ref in `registry.yaml`",
    ))
}

/// Whether two texts name one repository: a trailing `.git` or slash makes no difference.
pub(crate) fn same_repository(one: Option<&str>, other: Option<&str>) -> bool {
    let bare = |text: &'_ str| {
        let text = text.trim().trim_end_matches('/');
        text.strip_suffix(".git")
            .unwrap_or(text)
            .trim_end_matches('/')
            .to_owned()
    };
    one.map(bare) == other.map(bare)
}

fn declared(repository: Option<&str>) -> String {
    repository.map_or_else(
        || "no `repository`".to_owned(),
        |text| format!("`{}`", pack_format::text::printable(text)),
    )
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
    /// Of patch files, those of this pack.
    pub(crate) patches: &'a [&'a VersionPatch],
}

/// How a version came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Added,
    Updated,
    Unchanged,
}

impl Merge<'_> {
    /// Merges built versions into the document the tree has, under rules 3 to 6.
    ///
    /// Returns the document, and per version what happened or why it was refused.
    ///
    /// # Errors
    /// [`PatchTreeError`] if a patch of a file does not hold.
    pub(crate) fn document(
        &self,
        pack_ref: &PackRef,
        existing: Option<PackDocument>,
        built: &mut [Built],
    ) -> Result<(PackDocument, Vec<Result<Outcome, PackError>>), PatchTreeError> {
        let before = existing.unwrap_or_else(|| PackDocument {
            format: FORMAT,
            pack_ref: pack_ref.clone(),
            deprecated: None,
            owners: Vec::new(),
            downloads: None,
            versions: Vec::new(),
        });
        let mut document = before.clone();
        let results: Vec<Result<(), PackError>> = built
            .iter_mut()
            .map(|pack| self.version(&mut document, pack))
            .collect();
        document.versions.sort_by(|a, b| b.version.cmp(&a.version));
        self.operator(&mut document, built);
        for patch in self.patches {
            patch.apply(&mut document, self.now)?;
        }
        // Judged last: only whole records tell what changed.
        let outcomes = results
            .into_iter()
            .zip(built)
            .map(|(result, pack)| result.map(|()| outcome(&before, &document, pack.version())))
            .collect();
        Ok((document, outcomes))
    }

    fn version(&self, document: &mut PackDocument, pack: &mut Built) -> Result<(), PackError> {
        let mut fresh = self.with_meta(pack);
        let old = document
            .versions
            .iter_mut()
            .find(|v| v.version == *pack.version());
        let as_listed = old
            .as_ref()
            .is_some_and(|old| old.store_key == Some(pack.store_key));
        if let Some(old) = &old
            && !as_listed
            && !self.dev
        {
            already_published(old, pack)?;
        }
        if let Some(old) = old {
            fresh.published_at = old.published_at;
            if as_listed {
                fresh.published_by.clone_from(&old.published_by);
            }
            fresh.yanked.clone_from(&old.yanked);
            fresh.give_sources(&old.given_sources);
            patch::reapply(&mut fresh, &old.patches).map_err(|source| PackError::Patch {
                pack_ref: pack.pack_ref.clone(),
                version: old.version.clone(),
                source,
            })?;
            if as_listed {
                *old = fresh;
                return Ok(());
            }
        }
        self.same_pack(document, pack)?;
        // The record of this version, if any, is the one being replaced.
        document.versions.retain(|v| v.version != fresh.version);
        document.versions.push(fresh);
        Ok(())
    }

    /// Rule 3, against the newest other version that declares a repository.
    fn same_pack(&self, document: &PackDocument, pack: &Built) -> Result<(), PackError> {
        let new = pack.repository.as_deref();
        let listed = document
            .versions
            .iter()
            .filter(|v| v.version != *pack.version() && v.repository.is_some())
            .max_by(|a, b| a.version.cmp(&b.version))
            .and_then(|v| v.repository.as_deref());
        if listed.is_none()
            || same_repository(listed, new)
            || self.additions.is_some_and(|a| a.same_pack)
        {
            return Ok(());
        }
        Err(PackError::Identity(
            format!(
                "the ref `{}` belongs to {} in this registry; `{}` declares {}",
                pack.pack_ref,
                declared(listed),
                pack.directory.display(),
                declared(new)
            ),
            "declare the same `repository`, rename the pack, or set `same_pack: true` for the ref in `registry.yaml` if it has moved",
        ))
    }

    /// The record of a version; its components, which are most of it, are taken.
    fn with_meta(&self, pack: &mut Built) -> VersionDocument {
        let components = std::mem::take(&mut pack.document.components);
        let mut fresh = VersionDocument {
            components,
            ..pack.document.clone()
        };
        if let Some(additions) = self.additions {
            for (key, value) in &additions.meta {
                fresh.meta.insert(key.clone(), value.clone());
            }
        }
        fresh
    }

    /// Rule 5.
    fn operator(&self, document: &mut PackDocument, built: &[Built]) {
        let Some(additions) = self.additions else {
            return;
        };
        document.owners.clone_from(&additions.owners);
        if additions.deprecated.is_some() || document.deprecated.as_ref().is_none_or(|d| !d.on_tree)
        {
            document.deprecated.clone_from(&additions.deprecated);
        }
        let standing = |version: &&mut VersionDocument| version.taken_down.is_none();
        for version in document.versions.iter_mut().filter(standing) {
            let before = version.yanked.take();
            let since = before.as_ref().map_or(self.now, |yank| yank.at);
            let reason = additions.yanked.get(&version.version);
            let said = reason.map(|reason| Yank {
                reason: reason.clone(),
                at: since,
                on_tree: false,
            });
            version.yanked = said.or_else(|| before.filter(|yank| yank.on_tree));
            // A version built now has its checkout's source only; of others all else came from a file.
            if !built.iter().any(|pack| *pack.version() == version.version) {
                let given = std::mem::take(&mut version.given_sources);
                let stays = |source: &_| is_of_checkout(source) || given.contains(source);
                version.install_sources.retain(stays);
                version.given_sources = given;
            }
            let sources = additions.sources.get(&version.version);
            for source in sources.into_iter().flatten() {
                if !version.install_sources.contains(source) {
                    version.install_sources.push(source.clone());
                }
            }
        }
    }
}

/// Whether a source looks as a checkout gives it: a git source with a whole commit and a checksum.
fn is_of_checkout(source: &InstallSource) -> bool {
    matches!(source, InstallSource::Git { git_ref: Some(commit), checksum: Some(_), .. }
        if commit.as_str().len() == 40 && commit.as_str().bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Rule 4: the refusal of a version whose bytes are not the published ones.
fn already_published(old: &VersionDocument, pack: &Built) -> Result<(), PackError> {
    let (Some(published), Some(key)) = (old.tree, old.store_key) else {
        return Ok(());
    };
    let (pack_ref, version) = (pack.pack_ref.clone(), old.version.clone());
    Err(if published == pack.tree {
        PackError::ModesChanged {
            pack_ref,
            version,
            published: key,
            new: pack.store_key,
        }
    } else {
        PackError::AlreadyPublished {
            pack_ref,
            version,
            published,
            new: pack.tree,
        }
    })
}

fn outcome(before: &PackDocument, after: &PackDocument, version: &Version) -> Outcome {
    let record = |document: &'_ PackDocument| {
        let found = document.versions.iter().find(|v| v.version == *version);
        found.cloned()
    };
    let same_head = before.owners == after.owners && before.deprecated == after.deprecated;
    match record(before) {
        None => Outcome::Added,
        Some(old) if same_head && record(after).as_ref() == Some(&old) => Outcome::Unchanged,
        Some(_) => Outcome::Updated,
    }
}
