//! `EarlySync`: lets the disk work while the processors do.
//!
//! A commit waits until all staged bytes are on disk. Most of them can be there by then: each time so
//! many have been staged, a thread of its own syncs the file system. What it says is heard at the commit, for
//! a failed sync is told once.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use pack_fs::{FsError, durable};

/// Bytes between two syncs (8 MiB): more than a change of a few packs stages.
const EVERY_BYTES: u64 = 8 * 1024 * 1024;

/// Counts staged bytes, and syncs them in the background.
#[derive(Debug, Default)]
pub(crate) struct EarlySync {
    staged_bytes: AtomicU64,
    running: Mutex<Option<JoinHandle<Result<(), FsError>>>>,
}

impl EarlySync {
    /// Notes that `bytes` were written below `staging`.
    ///
    /// # Errors
    /// That of an earlier sync.
    pub(crate) fn staged(&self, staging: &Path, bytes: u64) -> Result<(), FsError> {
        let before = self.staged_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before / EVERY_BYTES == (before + bytes) / EVERY_BYTES {
            return Ok(());
        }
        let mut running = self.running();
        if running.as_ref().is_some_and(|sync| !sync.is_finished()) {
            return Ok(());
        }
        let outcome = running.take().map_or(Ok(()), finish);
        let staging = staging.to_owned();
        *running = Some(std::thread::spawn(move || {
            durable::sync_file_system(&staging)
        }));
        outcome
    }

    /// Waits for the sync that runs, if one does.
    ///
    /// # Errors
    /// That of the sync.
    pub(crate) fn wait(&self) -> Result<(), FsError> {
        let running = self.running().take();
        running.map_or(Ok(()), finish)
    }

    fn running(&self) -> MutexGuard<'_, Option<JoinHandle<Result<(), FsError>>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn finish(sync: JoinHandle<Result<(), FsError>>) -> Result<(), FsError> {
    sync.join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
