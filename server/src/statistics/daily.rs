//! `Statistics`: from the counter to the database every few seconds, and once a day into the tree.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use attune_indexer::edit::{EditError, EditOptions, Edited};
use attune_indexer::statistics::publish_statistics;
use pack_format::statistics::StatisticsDocument;
use pack_format::{Day, Hint};
use registry_tree::TreeReader;
use tokio::time::{MissedTickBehavior, interval};

use super::Downloads;
use crate::clock::now;
use crate::publishing::PublishOptions;
use crate::report::Reporter;
use crate::state::{SharedState, StateError};

/// How often counts are written: what a killed server has not written at most.
const WRITTEN_EVERY: Duration = Duration::from_secs(5);

/// Which tree gets the counts, and how.
#[derive(Debug, Clone)]
pub struct StatisticsOptions {
    /// The tree.
    pub tree: PathBuf,
    /// Base URL of archives in `index.json` when the tree knows none.
    pub development_url: String,
    /// How long to wait for another process that changes the tree.
    pub lock_timeout: Duration,
    /// Told what goes wrong.
    pub reporter: Arc<dyn Reporter>,
}

impl From<&PublishOptions> for StatisticsOptions {
    fn from(options: &PublishOptions) -> Self {
        Self {
            tree: options.tree.clone(),
            development_url: options.development_url.clone(),
            lock_timeout: options.lock_timeout,
            reporter: Arc::clone(&options.reporter),
        }
    }
}

/// The counts of a registry.
#[derive(Debug)]
pub struct Statistics {
    downloads: Arc<Downloads>,
    state: Arc<SharedState>,
    options: StatisticsOptions,
}

impl Statistics {
    /// Counts what is downloaded of a tree in the database `state`.
    pub fn new(state: Arc<SharedState>, options: StatisticsOptions) -> Self {
        Self {
            downloads: Arc::default(),
            state,
            options,
        }
    }

    /// What a router tells of.
    pub fn downloads(&self) -> Arc<Downloads> {
        Arc::clone(&self.downloads)
    }

    /// Writes counts every five seconds, and the statistics of each day into the tree once it is over, until `stop`; then
    /// what is left. Must not be dropped before: what is being written would be lost.
    ///
    /// # Errors
    /// [`StateError`] if what is left cannot be written.
    pub async fn run(&self, stop: impl Future<Output = ()>) -> Result<(), StateError> {
        let mut stop = pin!(stop);
        let mut ticks = interval(WRITTEN_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut published = None;
        let mut is_failing = false;
        loop {
            tokio::select! {
                () = &mut stop => return self.write().await,
                _ = ticks.tick() => {}
            }
            let yesterday = now().day().plus(-1);
            let done = match self.write().await {
                Ok(()) if published == Some(yesterday) => Ok(()),
                Ok(()) => tokio::select! {
                    () = &mut stop => return self.write().await,
                    published = self.publish(yesterday) => published,
                },
                Err(error) => Err(StatisticsError::State(error)),
            };
            match done {
                Ok(()) => {
                    published = Some(yesterday);
                    is_failing = false;
                }
                // Once in a row: it is tried again all the time.
                Err(error) if !is_failing => {
                    self.options.reporter.statistics_failed(&error);
                    is_failing = true;
                }
                Err(_) => {}
            }
        }
    }

    /// Writes what was counted and is not written yet.
    ///
    /// # Errors
    /// [`StateError`]; the counts are kept for the next time.
    async fn write(&self) -> Result<(), StateError> {
        let counts = self.downloads.take();
        if counts.is_empty() {
            return Ok(());
        }
        let written = match self.state.open().await {
            Ok(state) => state.add_downloads(&counts).await,
            Err(error) => Err(error),
        };
        written.inspect_err(|_| self.downloads.put_back(counts))
    }

    /// Puts what was counted up to the end of `until` into the tree, unless that is there.
    ///
    /// # Errors
    /// [`StatisticsError`].
    async fn publish(&self, until: Day) -> Result<(), StatisticsError> {
        let Some(state) = self.state.existing().await? else {
            return Ok(());
        };
        let tree = TreeReader::new(&self.options.tree);
        if tree
            .statistics()
            .ok()
            .flatten()
            .is_some_and(|found| found.until >= until)
        {
            return Ok(());
        }
        let statistics = state.statistics(until).await?;
        if statistics.packs.is_empty() {
            return Ok(());
        }
        put_into_tree(&self.options, statistics).await.map(drop)
    }
}

/// Puts statistics into a tree.
///
/// # Errors
/// [`StatisticsError`].
async fn put_into_tree(
    options: &StatisticsOptions,
    statistics: StatisticsDocument,
) -> Result<Edited, StatisticsError> {
    let edit = EditOptions {
        tree: options.tree.clone(),
        purpose: "statistics",
        development_url: options.development_url.clone(),
        now: now(),
        lock_timeout: options.lock_timeout,
    };
    let put = tokio::task::spawn_blocking(move || publish_statistics(&edit, &statistics));
    put.await
        .map_err(|_| StatisticsError::Broken)?
        .map_err(StatisticsError::Tree)
}

impl Hint for StatisticsError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::State(error) => error.hint(),
            Self::Tree(error) => error.hint(),
            Self::Broken => None,
        }
    }
}

/// Why counts are not where they belong. They are kept, and it is tried again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatisticsError {
    /// The database.
    #[error("cannot count downloads")]
    State(#[from] StateError),
    /// The tree.
    #[error("cannot put the counts of downloads into the tree")]
    Tree(#[source] EditError),
    /// A thread that panicked.
    #[error("putting the counts of downloads into the tree broke off")]
    Broken,
}
