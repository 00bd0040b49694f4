//! What a packs directory costs.

use std::path::PathBuf;

use pack_client::{CacheGroup, CacheKeep, CacheRemoved, upkeep};
use serde::Serialize;

use crate::installer::Installer;
use crate::inventory::read_listing;
use crate::prune::{PruneError, Retention, Surplus};
use crate::session::{Session, own_children};
use crate::state;

/// What a packs directory costs beside the links to packs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// The cache.
    pub cache: CacheUsage,
    /// The stored trees.
    pub store: StoreUsage,
}

/// What the cache costs: files that can be lost, and are fetched again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CacheUsage {
    /// Where it is.
    pub directory: PathBuf,
    /// Its parts, by name.
    pub groups: Vec<CacheGroup>,
    /// Number of files in all of them.
    pub entries: u64,
    /// Sum of their sizes, in bytes.
    pub size_bytes: u64,
}

/// What the store costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoreUsage {
    /// Where it is.
    pub directory: PathBuf,
    /// Number of generations.
    pub generations: u64,
    /// Number of trees.
    pub trees: u64,
    /// Sum of the sizes of their files, in bytes.
    pub size_bytes: u64,
    /// Trees that no generation names.
    pub unused_trees: u64,
    /// Sum of the sizes of their files, in bytes.
    pub unused_bytes: u64,
}

impl Installer<'_> {
    /// What the cache and the store cost. Takes no lock and writes nothing.
    ///
    /// # Errors
    /// [`PruneError`] if a directory or a generation cannot be read.
    pub fn usage(&self) -> Result<Usage, PruneError> {
        let directory = self.layout.cache();
        let groups = upkeep::usage(&directory).map_err(PruneError::Cache)?;
        let surplus = Surplus::find(&self.layout, self.settings.now, &Retention::default())?;
        let listings = own_children(&self.layout.listings())?;
        let files = listings.iter().filter_map(|path| read_listing(path));
        Ok(Usage {
            cache: CacheUsage {
                directory,
                entries: groups.iter().map(|group| group.entries).sum(),
                size_bytes: groups.iter().map(|group| group.size_bytes).sum(),
                groups,
            },
            store: StoreUsage {
                directory: self.layout.store(),
                generations: state::numbers(&self.layout)?.len() as u64,
                trees: own_children(&self.layout.store())?.len() as u64,
                size_bytes: files.flatten().map(|file| file.size_bytes).sum(),
                unused_trees: surplus.trees.len() as u64,
                unused_bytes: surplus.freed_bytes,
            },
        })
    }

    /// Removes what need not stay in the cache; no installation runs meanwhile.
    ///
    /// # Errors
    /// [`PruneError`].
    pub fn prune_cache(&self, keep: CacheKeep) -> Result<CacheRemoved, PruneError> {
        if !self.layout.cache().exists() {
            return Ok(CacheRemoved::default());
        }
        let _session = Session::begin(&self.layout, &self.settings, self.reporter)?;
        upkeep::prune(&self.layout.cache(), self.settings.now, keep).map_err(PruneError::Cache)
    }
}
