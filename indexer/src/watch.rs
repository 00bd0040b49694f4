//! `watch`: rebuilds when a pack directory changes.
//!
//! Directories are watched, not files: editors replace files, and a replaced file is watched no more. What
//! an event says is only a reason to look; the build compares contents itself. Where the kernel cannot
//! watch (network mounts, too many directories), the directories are looked at once a second.

use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use notify_debouncer_full::notify::{self, PollWatcher, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, NoCache, RecommendedCache};
use pack_format::Hint;

/// Quiet time after the last event before a rebuild, so that one save is one build.
const QUIET: Duration = Duration::from_millis(50);
/// How often directories that the kernel cannot watch are looked at.
const POLL: Duration = Duration::from_secs(1);

/// Watches directories until dropped.
pub struct Watcher {
    events: mpsc::Receiver<()>,
    _source: Source,
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watcher").finish_non_exhaustive()
    }
}

enum Source {
    Kernel {
        _debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
    },
    Poll {
        _debouncer: Debouncer<PollWatcher, NoCache>,
    },
}

/// Why directories cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch `{}`", directory.display())]
pub struct WatchError {
    directory: PathBuf,
    source: notify::Error,
}

impl Hint for WatchError {
    fn hint(&self) -> Option<String> {
        Some("run `attune registry build` after each change instead".to_owned())
    }
}

impl Watcher {
    /// Watches `directories` and everything below them.
    ///
    /// # Errors
    /// [`WatchError`] if neither the kernel nor polling can watch one of them.
    pub fn new(directories: &[PathBuf]) -> Result<Self, WatchError> {
        let (sender, events) = mpsc::channel();
        let kernel = Self::kernel(directories, sender.clone());
        let source = match kernel {
            Ok(source) => source,
            Err(_) => Self::poll(directories, sender)?,
        };
        Ok(Self {
            events,
            _source: source,
        })
    }

    fn kernel(directories: &[PathBuf], sender: mpsc::Sender<()>) -> Result<Source, notify::Error> {
        let mut debouncer = notify_debouncer_full::new_debouncer(QUIET, None, notifier(sender))?;
        for directory in directories {
            debouncer.watch(directory, RecursiveMode::Recursive)?;
        }
        Ok(Source::Kernel {
            _debouncer: debouncer,
        })
    }

    fn poll(directories: &[PathBuf], sender: mpsc::Sender<()>) -> Result<Source, WatchError> {
        let config = notify::Config::default().with_poll_interval(POLL);
        let named = |directory: &PathBuf| {
            let directory = directory.clone();
            move |source| WatchError { directory, source }
        };
        let first = directories.first().cloned().unwrap_or_default();
        let mut debouncer = notify_debouncer_full::new_debouncer_opt::<_, PollWatcher, NoCache>(
            QUIET,
            None,
            notifier(sender),
            NoCache::new(),
            config,
        )
        .map_err(named(&first))?;
        for directory in directories {
            debouncer
                .watch(directory, RecursiveMode::Recursive)
                .map_err(named(directory))?;
        }
        Ok(Source::Poll {
            _debouncer: debouncer,
        })
    }

    /// Waits for a change, at most `timeout`; several changes that are waiting count as one.
    ///
    /// `None` when the watcher has ended.
    pub fn changed(&self, timeout: Duration) -> Option<bool> {
        match self.events.recv_timeout(timeout) {
            Ok(()) => {
                while self.events.try_recv().is_ok() {}
                Some(true)
            }
            Err(RecvTimeoutError::Timeout) => Some(false),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }
}

/// Reading a directory is no change to it.
fn notifier(sender: mpsc::Sender<()>) -> impl FnMut(DebounceEventResult) + Send + 'static {
    move |result| {
        let worth_a_look = match &result {
            Ok(events) => events.iter().any(|event| !event.kind.is_access()),
            Err(_) => true,
        };
        if worth_a_look {
            let _ = sender.send(());
        }
    }
}
