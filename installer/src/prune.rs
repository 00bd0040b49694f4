//! `prune`: removes old generations, then every tree no generation names, and cached files of little use.
//!
//! What is removed is renamed into staging first: a cut leaves it whole under its name or swept, never half.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use pack_client::{CacheKeep, CacheRemoved, upkeep};
use pack_format::{Hint, Timestamp};
use pack_fs::{FsError, durable};
use serde::Serialize;

use crate::failure::{Classify, FailureClass};
use crate::installer::Installer;
use crate::inventory::read_listing;
use crate::layout::Layout;
use crate::session::{ChangeError, Session, own_children};
use crate::state::{self, StateError};

/// What to keep; without any limit, everything.
///
/// The active generation always stays, and so does every tree that a kept generation names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Newest generations, the active one among them; 0 counts as 1.
    pub generations: Option<usize>,
    /// Generations that were active within this time, bound included.
    pub age: Option<Duration>,
    /// Files of the cache.
    pub cache: CacheKeep,
}

impl Retention {
    /// Whether everything is kept.
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }
}

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// Numbers of generations, oldest first.
    pub generations: Vec<u64>,
    /// Number of trees.
    pub trees: u64,
    /// Sum of the sizes of their files, in bytes.
    pub freed_bytes: u64,
    /// Environments that no kept generation uses.
    #[serde(skip_serializing_if = "is_zero")]
    pub environments: u64,
    /// Files of the cache.
    pub cache: CacheRemoved,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl PruneReport {
    /// Whether nothing was removed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why pruning ended early; what is installed is untouched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PruneError {
    /// The lock is held, or the disk refused.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// A generation cannot be read, so what it needs is not known.
    #[error(transparent)]
    State(#[from] StateError),
    /// The cache cannot be listed, or a file of it not be removed.
    #[error("cannot prune the cache")]
    Cache(#[source] FsError),
}

impl From<FsError> for PruneError {
    fn from(error: FsError) -> Self {
        Self::Change(error.into())
    }
}

impl Hint for PruneError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Change(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::Cache(error) => error.hint(),
        }
    }
}

impl Classify for PruneError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Change(error) => error.class(),
            _ => FailureClass::Failed,
        }
    }
}

impl Installer<'_> {
    /// Removes what need not stay, and trees that no generation names.
    ///
    /// # Errors
    /// [`PruneError`]; what is installed is untouched.
    pub fn prune(&self, keep: &Retention) -> Result<PruneReport, PruneError> {
        let mut session = Session::begin(&self.layout, &self.settings, self.reporter)?;
        session.prune(keep)
    }

    /// What [`Installer::prune`] would remove. Takes no lock and writes nothing.
    ///
    /// # Errors
    /// As [`Installer::prune`].
    pub fn prunable(&self, keep: &Retention) -> Result<PruneReport, PruneError> {
        let now = self.settings.now;
        let surplus = Surplus::find(&self.layout, now, keep)?;
        let cache = upkeep::prunable(&self.layout.cache(), now, keep.cache);
        Ok(surplus.report(cache.map_err(PruneError::Cache)?))
    }
}

impl Session<'_> {
    /// The same after a change: where only the cache has a limit, generations are not looked at.
    pub(crate) fn retain(&mut self, keep: &Retention) -> Result<PruneReport, PruneError> {
        if keep.generations.is_some() || keep.age.is_some() {
            return self.prune(keep);
        }
        let cache = upkeep::prune(&self.layout.cache(), self.settings.now, keep.cache);
        Ok(PruneReport {
            cache: cache.map_err(PruneError::Cache)?,
            ..PruneReport::default()
        })
    }

    fn prune(&mut self, keep: &Retention) -> Result<PruneReport, PruneError> {
        let surplus = Surplus::find(self.layout, self.settings.now, keep)?;
        for number in &surplus.generations {
            self.set_aside(&self.layout.generation(*number))?;
        }
        if !surplus.generations.is_empty() {
            // A generation must not come back after a cut without its trees.
            durable::sync_directory(&self.layout.generations())?;
        }
        let others = surplus.reports.iter().chain(&surplus.environments);
        for path in surplus.listings.iter().chain(&surplus.trees).chain(others) {
            self.set_aside(path)?;
        }
        let cache = upkeep::prune(&self.layout.cache(), self.settings.now, keep.cache);
        Ok(surplus.report(cache.map_err(PruneError::Cache)?))
    }
}

/// What need not stay.
#[derive(Debug)]
pub(crate) struct Surplus {
    generations: Vec<u64>,
    pub(crate) trees: Vec<PathBuf>,
    listings: Vec<PathBuf>,
    reports: Vec<PathBuf>,
    pub(crate) environments: Vec<PathBuf>,
    pub(crate) freed_bytes: u64,
}

impl Surplus {
    pub(crate) fn find(
        layout: &Layout,
        now: Timestamp,
        keep: &Retention,
    ) -> Result<Self, PruneError> {
        let states = state::all(layout)?;
        let kept = keep.generations.map_or(states.len(), |n| n.max(1));
        let too_many = states.len().saturating_sub(kept);
        let is_old = |until: Timestamp| {
            let age = now.as_unix().saturating_sub(until.as_unix());
            let age = Duration::from_secs(u64::try_from(age).unwrap_or(0));
            keep.age.is_some_and(|limit| age > limit)
        };
        let mut generations = Vec::new();
        let mut needed = BTreeSet::new();
        let mut used_environments = BTreeSet::new();
        for (index, state) in states.iter().enumerate() {
            // A generation was active until the next one was made.
            let until = states.get(index + 1).map(|next| next.created_at);
            if index < too_many || until.is_some_and(is_old) {
                generations.push(state.generation);
            } else {
                needed.extend(state.packs.values().map(|record| record.store_key.to_hex()));
                let used = state
                    .packs
                    .values()
                    .flat_map(|record| record.environments.values());
                used_environments.extend(used.map(ToString::to_string));
            }
        }
        let unneeded = |path: &PathBuf| {
            let key = path.file_stem().and_then(|stem| stem.to_str());
            key.is_none_or(|key| !needed.contains(key))
        };
        let mut listings = own_children(&layout.listings())?;
        let mut trees = own_children(&layout.store())?;
        listings.retain(unneeded);
        trees.retain(unneeded);
        let mut reports = own_children(&layout.test_reports())?;
        reports.retain(unneeded);
        let mut environments = own_children(&layout.environments())?;
        environments.retain(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_none_or(|name| !used_environments.contains(name))
        });
        let files = listings.iter().filter_map(|path| read_listing(path));
        Ok(Self {
            generations,
            freed_bytes: files.flatten().map(|file| file.size_bytes).sum(),
            trees,
            listings,
            reports,
            environments,
        })
    }

    fn report(self, cache: CacheRemoved) -> PruneReport {
        PruneReport {
            generations: self.generations,
            trees: self.trees.len() as u64,
            freed_bytes: self.freed_bytes,
            environments: self.environments.len() as u64,
            cache,
        }
    }
}
