//! `prune`: removes old generations, then every tree no generation names, and stale cached documents.
//!
//! What is removed is renamed into staging first: a cut leaves it whole under its name or swept, never half.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use pack_format::Hint;
use pack_fs::{FsError, durable};
use serde::Serialize;

use crate::failure::{Classify, FailureClass};
use crate::installer::Installer;
use crate::inventory::read_listing;
use crate::session::{ChangeError, Session, own_children};
use crate::state::{self, StateError};

/// What to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneOptions {
    /// Newest generations to keep, the active one among them; at least one is kept.
    pub generations: usize,
    /// Age up to which cached documents are kept.
    pub cache_age: Duration,
}

impl Default for PruneOptions {
    fn default() -> Self {
        Self {
            generations: 10,
            cache_age: Duration::from_hours(30 * 24),
        }
    }
}

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// Numbers of generations.
    pub generations: Vec<u64>,
    /// Number of trees.
    pub trees: u64,
    /// Sum of the sizes of their files, in bytes.
    pub freed_bytes: u64,
    /// Number of cached documents.
    pub cached_documents: u64,
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
    /// The cache cannot be listed.
    #[error("cannot prune the cache")]
    Cache(#[source] io::Error),
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
            Self::Cache(_) => None,
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
    /// Removes what is not needed to run, or to go back to one of the kept generations.
    ///
    /// # Errors
    /// [`PruneError`]; what is installed is untouched.
    pub fn prune(&self, options: PruneOptions) -> Result<PruneReport, PruneError> {
        let mut session = Session::begin(&self.layout, &self.settings, self.reporter)?;
        let mut report = PruneReport::default();
        let numbers = state::numbers(&self.layout)?;
        let drop = numbers.len().saturating_sub(options.generations.max(1));
        let (old, kept) = numbers.split_at(drop);
        for number in old {
            session.set_aside(&self.layout.generation(*number))?;
            report.generations.push(*number);
        }
        if !old.is_empty() {
            durable::sync_directory(&self.layout.generations())?;
        }
        let mut needed = BTreeSet::new();
        for number in kept {
            let state = state::read(&self.layout, *number)?;
            needed.extend(state.packs.values().map(|record| record.store_key.to_hex()));
        }
        self.drop_trees(&mut session, &needed, &mut report)?;
        report.cached_documents =
            pack_client::cache::prune(&self.layout.cache(), self.settings.now, options.cache_age)
                .map_err(PruneError::Cache)?;
        Ok(report)
    }

    fn drop_trees(
        &self,
        session: &mut Session<'_>,
        needed: &BTreeSet<String>,
        report: &mut PruneReport,
    ) -> Result<(), PruneError> {
        let unneeded = |path: &PathBuf| {
            let key = path.file_stem().and_then(|stem| stem.to_str());
            key.is_none_or(|key| !needed.contains(key))
        };
        for listing in own_children(&self.layout.listings())?
            .iter()
            .filter(|p| unneeded(p))
        {
            let files = read_listing(listing).unwrap_or_default();
            report.freed_bytes += files.iter().map(|file| file.size_bytes).sum::<u64>();
            session.set_aside(listing)?;
        }
        for tree in own_children(&self.layout.store())?
            .iter()
            .filter(|p| unneeded(p))
        {
            session.set_aside(tree)?;
            report.trees += 1;
        }
        Ok(())
    }
}
