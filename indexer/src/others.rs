//! `Other`: a pack of the inputs that this build does not look into, but whose claims still count.

use std::path::{Path, PathBuf};

use pack_format::limits::MAX_METADATA_BYTES;
use pack_format::manifest::Manifest;
use pack_format::{PackRef, Version};
use pack_fs::limited;

use crate::cache::BuildCache;
use crate::claim::Claim;
use crate::history;
use crate::inputs;

/// A pack of the inputs that this build does not look into.
pub(crate) struct Other {
    pub(crate) directory: PathBuf,
    pack_ref: PackRef,
    version: Version,
    repository: Option<String>,
}

impl Other {
    /// As the last build saw it, else as its manifest says; `None` for what is no pack.
    pub(crate) fn of(directory: &Path, cache: &BuildCache) -> Option<Self> {
        if let Some(seen) = cache.last_seen(directory) {
            return Some(Self {
                directory: directory.to_owned(),
                pack_ref: seen.pack_ref.clone(),
                version: seen.version.clone(),
                repository: seen.repository.clone(),
            });
        }
        let path = directory.join(inputs::MANIFEST);
        let bytes = limited::read(&path, MAX_METADATA_BYTES).ok()?;
        let manifest = Manifest::parse(&path.display().to_string(), &bytes).ok()?;
        Some(Self {
            directory: directory.to_owned(),
            pack_ref: manifest.pack_ref,
            version: manifest.version,
            repository: manifest.repository,
        })
    }

    /// Whether both cannot be in one registry.
    pub(crate) fn contradicts(&self, claim: &Claim, belongs: bool) -> bool {
        let same_repository = self.repository.is_some()
            && history::same_repository(self.repository.as_deref(), claim.repository());
        self.pack_ref == *claim.pack_ref()
            && (self.version == *claim.version() || !(same_repository || belongs))
    }
}
