//! `Claim`: which pack and version a directory says it is, before it is read as a whole.
//!
//! The claims of all directories tell which of them belong to one pack, and what pages can be expected
//! to say of other packs. Then packs can be built one after the other, with nothing but facts kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pack_format::limits::MAX_METADATA_BYTES;
use pack_format::manifest::Manifest;
use pack_format::{MetadataError, PackRef, Version};
use pack_fs::error::Context as _;
use pack_fs::limited;

use crate::cache::{BuildCache, CachedPack};
use crate::checkout::Checkouts;
use crate::facts::{Neighbours, PackFacts};
use crate::history::Refusal;
use crate::inputs::MANIFEST;
use crate::pack::{self, Looked, Opened, PackError};

/// A directory and the pack it claims to be.
pub(crate) struct Claim {
    pub(crate) directory: PathBuf,
    pub(crate) state: State,
}

/// What is known of the directory.
pub(crate) enum State {
    /// As the last build saw it.
    Unchanged(CachedPack),
    /// To be read.
    Changed(Box<Opened>, Box<KnownManifest>),
}

/// A manifest that was read ahead of the other files.
pub(crate) struct KnownManifest {
    pub(crate) bytes: Vec<u8>,
    pub(crate) manifest: Manifest,
}

impl Claim {
    /// Looks at `directory`; `settings` is what else a build of it depends on.
    pub(crate) fn of(
        directory: &Path,
        settings: &str,
        cache: &BuildCache,
        checkouts: &Checkouts,
    ) -> Result<Self, Refusal> {
        Self::look(directory, settings, cache, checkouts)
            .map_err(|error| (directory.to_owned(), error))
    }

    fn look(
        directory: &Path,
        settings: &str,
        cache: &BuildCache,
        checkouts: &Checkouts,
    ) -> Result<Self, PackError> {
        let state = match pack::look(directory, settings, cache, checkouts)? {
            Looked::Unchanged(cached) => State::Unchanged(cached),
            Looked::Changed(opened) => {
                let manifest = Box::new(KnownManifest::read(directory, &opened)?);
                State::Changed(opened, manifest)
            }
        };
        Ok(Self {
            directory: directory.to_owned(),
            state,
        })
    }

    pub(crate) fn pack_ref(&self) -> &PackRef {
        match &self.state {
            State::Unchanged(cached) => &cached.pack_ref,
            State::Changed(_, known) => &known.manifest.pack_ref,
        }
    }

    pub(crate) fn version(&self) -> &Version {
        match &self.state {
            State::Unchanged(cached) => &cached.version,
            State::Changed(_, known) => &known.manifest.version,
        }
    }

    pub(crate) fn repository(&self) -> Option<&str> {
        match &self.state {
            State::Unchanged(cached) => cached.repository.as_deref(),
            State::Changed(_, known) => known.manifest.repository.as_deref(),
        }
    }

    /// What the pack needs, if the directory is to be read.
    fn needs(&self) -> Option<Vec<PackRef>> {
        let State::Changed(_, known) = &self.state else {
            return None;
        };
        let dependencies = known.manifest.dependencies.iter();
        let needed = dependencies.flat_map(|d| &d.packs);
        Some(needed.map(|need| need.pack_ref.clone()).collect())
    }
}

impl KnownManifest {
    fn read(directory: &Path, opened: &Opened) -> Result<Self, PackError> {
        let name = format!("{}/{MANIFEST}", directory.display());
        let is_manifest = |file: &pack_fs::tree::TreeFile| file.path == MANIFEST;
        if !opened.files.iter().any(is_manifest) {
            return Err(missing_manifest(&name).into());
        }
        let path = directory.join(MANIFEST);
        let bytes = limited::read(&path, MAX_METADATA_BYTES).on("read", &path)?;
        Ok(Self {
            manifest: Manifest::parse(&name, &bytes)?,
            bytes,
        })
    }
}

/// The error about a manifest that is there but does not belong to the pack.
pub(crate) fn missing_manifest(name: &str) -> MetadataError {
    MetadataError::new(name, None, "it is left out by an ignore rule")
        .with_hint("remove the rule from `.gitignore` or `.attuneignore`")
}

/// What the neighbourhood will be if every claim holds: what it is now, with the packs and needs of the
/// newest version claimed.
pub(crate) fn expected(
    known: &BTreeMap<PackRef, PackFacts>,
    groups: &BTreeMap<PackRef, Vec<Claim>>,
) -> Neighbours {
    let mut needs: BTreeMap<&PackRef, Vec<PackRef>> = known
        .iter()
        .map(|(pack_ref, facts)| (pack_ref, facts.needs.clone()))
        .collect();
    for (pack_ref, claims) in groups {
        let stable = claims
            .iter()
            .filter(|claim| !claim.version().is_prerelease());
        let newest = stable
            .max_by(|a, b| a.version().cmp(b.version()))
            .or_else(|| claims.first());
        match newest.and_then(Claim::needs) {
            Some(claimed) => {
                needs.insert(pack_ref, claimed);
            }
            None => {
                needs.entry(pack_ref).or_default();
            }
        }
    }
    Neighbours::of(needs.iter().map(|(r, needs)| (*r, needs.as_slice())))
}
