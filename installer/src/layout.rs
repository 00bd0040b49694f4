//! `Layout`: the names below a packs directory.
//!
//! ```text
//! <base>/<ref>                     -> .attune/current/<ref>
//! <base>/.attune/
//!   current                        -> generations/<n>
//!   generations/<n>/state.json     every installed pack
//!   generations/<n>/<ref>          -> ../../store/<key>
//!   store/<key>/                   trees, never written again
//!   listings/<key>.json            size, digest and mode of every file of a stored tree
//!   envs/<key>/                    Python and Node.js environments, at the path they were built at
//!   tests/<key>.json               results of the tests of a stored tree
//!   staging/<random>/              work in progress
//!   cache/                         documents and archives of registries
//!   lock
//! ```

use std::path::{Path, PathBuf};

use pack_format::{PackRef, StoreKey};

/// Name of the directory that holds everything but the links to packs.
pub const PRIVATE: &str = ".attune";

/// The paths below one packs directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    base: PathBuf,
    private: PathBuf,
}

impl Layout {
    /// The layout below `base`.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        let base = base.into();
        let private = base.join(PRIVATE);
        Self { base, private }
    }

    /// The packs directory.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The directory beside the links.
    pub fn private(&self) -> &Path {
        &self.private
    }

    /// Where a pack is found by whoever uses it.
    pub fn pack(&self, pack_ref: &PackRef) -> PathBuf {
        self.base.join(pack_ref.as_str())
    }

    /// What the link at [`Layout::pack`] points to.
    pub fn pack_target(pack_ref: &PackRef) -> PathBuf {
        [PRIVATE, "current", pack_ref.as_str()].iter().collect()
    }

    /// The link to the active generation.
    pub fn current(&self) -> PathBuf {
        self.private.join("current")
    }

    /// What [`Layout::current`] points to for generation `number`.
    pub fn current_target(number: u64) -> PathBuf {
        PathBuf::from(format!("generations/{number}"))
    }

    /// All generations.
    pub fn generations(&self) -> PathBuf {
        self.private.join("generations")
    }

    /// One generation.
    pub fn generation(&self, number: u64) -> PathBuf {
        self.generations().join(number.to_string())
    }

    /// The state of one generation.
    pub fn state(&self, number: u64) -> PathBuf {
        self.generation(number).join("state.json")
    }

    /// All stored trees.
    pub fn store(&self) -> PathBuf {
        self.private.join("store")
    }

    /// One stored tree.
    pub fn stored(&self, key: &StoreKey) -> PathBuf {
        self.store().join(key.to_hex())
    }

    /// What a generation's link to a stored tree holds.
    pub fn stored_target(key: &StoreKey) -> PathBuf {
        PathBuf::from(format!("../../store/{}", key.to_hex()))
    }

    /// All listings.
    pub fn listings(&self) -> PathBuf {
        self.private.join("listings")
    }

    /// The listing of one stored tree.
    pub fn listing(&self, key: &StoreKey) -> PathBuf {
        self.listings().join(format!("{}.json", key.to_hex()))
    }

    /// All environments.
    pub fn environments(&self) -> PathBuf {
        self.private.join("envs")
    }

    /// Results of tests.
    pub fn test_reports(&self) -> PathBuf {
        self.private.join("tests")
    }

    /// Work in progress.
    pub fn staging(&self) -> PathBuf {
        self.private.join("staging")
    }

    /// Documents and archives of registries.
    pub fn cache(&self) -> PathBuf {
        self.private.join("cache")
    }

    /// The lock every change takes.
    pub fn lock(&self) -> PathBuf {
        self.private.join("lock")
    }
}
