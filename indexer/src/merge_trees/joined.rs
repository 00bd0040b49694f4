//! One pack out of what several trees say of it.

use std::collections::BTreeMap;
use std::path::Path;

use pack_format::documents::{PackDocument, VersionDocument};
use pack_format::{PackRef, Version, patch};

use super::MergeTreesError;
use crate::history::same_repository;

/// A pack as it is put together: its document, and the tree each version comes from.
pub(super) struct Joined<'a> {
    pub(super) document: PackDocument,
    pub(super) from: BTreeMap<Version, &'a Path>,
    /// The first tree that lists it.
    pub(super) first: &'a Path,
}

impl<'a> Joined<'a> {
    pub(super) fn new(document: PackDocument, root: &'a Path) -> Self {
        let versions = document.versions.iter();
        Self {
            from: versions.map(|v| (v.version.clone(), root)).collect(),
            first: root,
            document,
        }
    }

    /// Adds what another tree says of the same pack.
    pub(super) fn join(
        &mut self,
        other: PackDocument,
        root: &'a Path,
    ) -> Result<(), MergeTreesError> {
        for version in other.versions {
            let known = self
                .document
                .versions
                .iter_mut()
                .find(|known| known.version == version.version);
            match known {
                None => {
                    self.from.insert(version.version.clone(), root);
                    self.document.versions.push(version);
                }
                Some(known) => {
                    let places = (self.first, root);
                    same_contents(&self.document.pack_ref, places, known, &version)?;
                    carry(&self.document.pack_ref, known, &version)?;
                    agree(known, version);
                }
            }
        }
        if self.document.deprecated.is_none() {
            self.document.deprecated = other.deprecated;
        }
        if self.document.owners.is_empty() {
            self.document.owners = other.owners;
        }
        Ok(())
    }

    /// Keeps what the merged tree lists already.
    pub(super) fn keep(
        &mut self,
        listed: &PackDocument,
        out: &Path,
    ) -> Result<(), MergeTreesError> {
        for version in &listed.versions {
            let known = self
                .document
                .versions
                .iter_mut()
                .find(|known| known.version == version.version);
            match known {
                None => self.document.versions.push(version.clone()),
                Some(known) => {
                    same_contents(&self.document.pack_ref, (out, self.first), version, known)?;
                    date(known, version);
                    carry(&self.document.pack_ref, known, version)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn settle(&mut self) {
        let versions = &mut self.document.versions;
        versions.sort_by(|a, b| b.version.cmp(&a.version));
    }
}

/// The repository that the newest version to declare one declares.
pub(super) fn repository(document: &PackDocument) -> Option<&str> {
    let mut declared = document.versions.iter();
    declared.find_map(|version| version.repository.as_deref())
}

/// Whether two documents are about one pack.
pub(super) fn is_one_pack(one: &PackDocument, other: &PackDocument) -> bool {
    let (first, second) = (repository(one), repository(other));
    if first.is_some() || second.is_some() {
        return same_repository(first, second);
    }
    // Nobody says where it comes from: the same bytes are the same pack.
    let mut shared = one.versions.iter().filter_map(|version| {
        let twin = other
            .versions
            .iter()
            .find(|v| v.version == version.version)?;
        Some(twin.store_key.is_some() && twin.store_key == version.store_key)
    });
    let first = shared.next();
    first == Some(true) && shared.all(|same| same)
}

fn same_contents(
    pack_ref: &PackRef,
    (one, other): (&Path, &Path),
    first: &VersionDocument,
    second: &VersionDocument,
) -> Result<(), MergeTreesError> {
    let archive = |version: &VersionDocument| version.archive.as_ref().map(|a| a.checksum);
    let differ = |a: Option<String>, b: Option<String>| a.is_some() && b.is_some() && a != b;
    let text = |key: Option<pack_format::StoreKey>| key.map(|key| key.to_string());
    let archives = [archive(first), archive(second)].map(|a| a.map(|a| a.to_string()));
    let [a, b] = archives.clone();
    if !differ(a, b) && !differ(text(first.store_key), text(second.store_key)) {
        return Ok(());
    }
    let [a, b] = archives.map(|a| a.unwrap_or_else(|| "no archive".to_owned()));
    Err(MergeTreesError::TwoContents {
        pack_ref: pack_ref.clone(),
        version: first.version.clone(),
        one: one.to_owned(),
        other: other.to_owned(),
        first: a,
        second: b,
    })
}

/// Takes over the patches and given sources of the same version in another tree, but for fields patched already.
fn carry(
    pack_ref: &PackRef,
    known: &mut VersionDocument,
    other: &VersionDocument,
) -> Result<(), MergeTreesError> {
    if known.taken_down.is_some() {
        return Ok(());
    }
    known.give_sources(&other.given_sources);
    patch::reapply(known, &other.patches).map_err(|source| MergeTreesError::Patch {
        pack_ref: pack_ref.clone(),
        version: known.version.clone(),
        source,
    })
}

/// Who entered a version first, and when, is who published it.
fn date(known: &mut VersionDocument, other: &VersionDocument) {
    if other.published_at < known.published_at {
        known.published_at = other.published_at;
        known.published_by.clone_from(&other.published_by);
    }
}

/// What both trees say of one version: the first says it, but for what is withdrawn anywhere.
fn agree(known: &mut VersionDocument, other: VersionDocument) {
    date(known, &other);
    if known.taken_down.is_none() && other.taken_down.is_some() {
        known.taken_down = other.taken_down;
        known.yanked.clone_from(&other.yanked);
        known.archive = None;
        known.install_sources.clear();
        known.given_sources.clear();
    }
    if known.yanked.is_none() {
        known.yanked = other.yanked;
    }
}
