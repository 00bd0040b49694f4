//! Many sources at once: downloads on one thread, verifying and unpacking on the others.
//!
//! ```text
//! downloads (async, at most 16 in flight, 8 per host) ── bounded queue ──> workers: verify, unpack, read back
//! ```
//! Files of this machine go to the workers directly. Results come back in the order of the jobs.

mod commit;
mod failure;
mod git;
mod listed;
mod work;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope};

use futures_util::StreamExt as _;
use pack_client::{
    ArchiveCache, ArchiveSource, Candidate, ClientSettings, FetchRequest, Place, Received,
    Registry, fetch_url,
};
use pack_format::{Checksum, Limits};
use pack_git::GitSettings;
use tokio::sync::mpsc;
use url::Url;

use crate::reporter::Reporter;
use crate::stage::StagedPack;

pub(crate) use self::commit::has_commit;
pub use self::failure::FetchFailure;
pub(crate) use self::git::{GitOrigin, GitPlace};
use self::work::stage;

/// Who states the checksums that people give.
pub(crate) const COMMAND_LINE: &str = "command line";

/// One pack to bring into staging.
#[derive(Debug)]
pub(crate) enum Job {
    /// A version a registry lists.
    Listed {
        registry: Arc<Registry>,
        candidate: Box<Candidate>,
    },
    /// A directory.
    Directory {
        path: PathBuf,
        checksum: Option<Checksum>,
    },
    /// An archive file.
    Archive {
        path: PathBuf,
        checksum: Option<Checksum>,
    },
    /// An archive URL.
    Url {
        url: Url,
        checksum: Option<Checksum>,
    },
    /// A git repository.
    Git {
        place: GitPlace,
        checksum: Option<Checksum>,
    },
}

/// A staged pack and where its bytes came from.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) staged: StagedPack,
    /// URL of the bytes.
    pub(crate) url: String,
    /// The commit, if it came from a git repository.
    pub(crate) git: Option<GitOrigin>,
}

/// What all jobs of one run share.
#[derive(Clone, Copy)]
pub(crate) struct Yard<'a> {
    /// Directory for trees and larger bodies.
    pub(crate) staging: &'a Path,
    pub(crate) limits: &'a Limits,
    pub(crate) client: &'a ClientSettings,
    pub(crate) git: &'a GitSettings,
    pub(crate) reporter: &'a dyn Reporter,
    /// Of direct sources; a registry's word is always binding.
    pub(crate) mismatch: Mismatch,
    /// Where archives are kept beside their trees, if they are.
    pub(crate) archives: Option<&'a Path>,
    /// Who states checksums of direct sources, for records.
    pub(crate) stated_by: &'static str,
}

/// What a wrong checksum of a direct source means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mismatch {
    /// It is refused.
    #[default]
    Refuse,
    /// It is installed with a warning, and recorded as `verified: none`.
    Warn,
}

/// A job whose bytes are at hand.
enum Ready {
    /// Read by the worker.
    OnDisk,
    /// Downloaded from this place.
    Body(Received, ArchiveSource),
    Direct(Received),
    /// In staging already.
    Staged(Box<Arrived>),
}

type Outcome = Result<Arrived, FetchFailure>;

/// Runs all jobs; one outcome per job, in their order.
pub(crate) fn run(jobs: &[Job], yard: Yard<'_>) -> Vec<Outcome> {
    let outcomes: Mutex<Vec<Option<Outcome>>> = Mutex::new(jobs.iter().map(|_| None).collect());
    let settle = |index: usize, outcome: Outcome| {
        let mut slots = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        slots[index] = Some(outcome);
    };
    let workers = thread::available_parallelism()
        .map_or(2, usize::from)
        .clamp(1, 8)
        .min(jobs.len().max(1));
    // Bounded: bodies wait in memory for a worker.
    let (sender, receiver) = mpsc::channel::<(usize, Ready)>(2 * workers);
    let receiver = Mutex::new(receiver);
    let numbers = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = receiver
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .blocking_recv();
                    let Some((index, ready)) = next else {
                        return;
                    };
                    if yard.reporter.is_cancelled() {
                        continue;
                    }
                    let number = numbers.fetch_add(1, Ordering::Relaxed);
                    let outcome = stage(&jobs[index], ready, yard, number);
                    if let Ok(arrived) = &outcome {
                        let manifest = &arrived.staged.manifest;
                        yard.reporter
                            .staged(&format!("{}@{}", manifest.pack_ref, manifest.version));
                    }
                    settle(index, outcome);
                }
            });
        }
        feed(scope, jobs, yard, &sender, &settle);
        drop(sender);
    });
    let slots = outcomes
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    slots
        .into_iter()
        .zip(jobs)
        .map(|(slot, job)| {
            slot.unwrap_or_else(|| {
                let subject = job.subject();
                Err(if yard.reporter.is_cancelled() {
                    FetchFailure::CalledOff { subject }
                } else {
                    FetchFailure::Lost { subject }
                })
            })
        })
        .collect()
}

/// Hands out what is on disk at once, and everything else as it arrives.
fn feed<'scope>(
    scope: &'scope Scope<'scope, '_>,
    jobs: &'scope [Job],
    yard: Yard<'scope>,
    sender: &mpsc::Sender<(usize, Ready)>,
    settle: &(impl Fn(usize, Outcome) + Sync),
) {
    let (on_disk, remote): (Vec<_>, Vec<_>) = jobs
        .iter()
        .enumerate()
        .partition(|(_, job)| job.is_on_disk());
    for (index, _) in on_disk {
        // Fails only when every worker has panicked; the slots stay empty and are told.
        let _ = sender.blocking_send((index, Ready::OnDisk));
    }
    if remote.is_empty() {
        return;
    }
    let failed = crate::runtime::block_on(yard.reporter, || async {
        // A download that waits for a worker does so by itself: the others must go on, or their servers
        // would seem slow.
        let downloads = remote.iter().map(|(index, job)| async move {
            match job.download(scope, yard).await {
                Ok(ready) => {
                    let _ = sender.send((*index, ready)).await;
                }
                Err(error) => settle(*index, Err(error)),
            }
        });
        futures_util::stream::iter(downloads)
            .buffer_unordered(yard.client.parallel_downloads.max(1))
            .collect::<()>()
            .await;
    });
    // What was called off has no outcome, which is told of each job.
    if let Err(error) = failed
        && !yard.reporter.is_cancelled()
    {
        yard.reporter
            .warning(&format!("downloads cannot run: {error}"));
    }
}

/// Whether one of a version's archives or commits can be had without network.
pub(crate) fn is_here(candidate: &Candidate, client: &ClientSettings) -> bool {
    let cache = ArchiveCache::of(client);
    let holds = |archive: &ArchiveSource| {
        (cache.as_ref()).is_some_and(|cache| cache.holds(&archive.checksum))
    };
    (candidate.archives.iter()).any(|archive| on_disk(archive) || holds(archive))
        || listed::places(candidate).any(|place| commit::is_kept(&place, client))
}

fn on_disk(source: &ArchiveSource) -> bool {
    // What cannot be looked at may well be there, and then says why it cannot be read.
    matches!(&source.place, Place::File(path) if !matches!(path.try_exists(), Ok(false)))
}

impl Job {
    /// What messages call it.
    pub(crate) fn subject(&self) -> String {
        match self {
            Self::Listed { candidate, .. } => {
                format!("{}@{}", candidate.pack_ref, candidate.version)
            }
            Self::Directory { path, .. } | Self::Archive { path, .. } => path.display().to_string(),
            Self::Url { url, .. } => url.to_string(),
            Self::Git { place, .. } => place.url.to_string(),
        }
    }

    fn is_on_disk(&self) -> bool {
        match self {
            // Without any source there is nothing to download, which the worker says.
            Self::Listed { candidate, .. } => match candidate.archives.first() {
                Some(archive) => on_disk(archive),
                None => !listed::has_repository(candidate),
            },
            Self::Directory { .. } | Self::Archive { .. } => true,
            Self::Url { .. } | Self::Git { .. } => false,
        }
    }

    async fn download<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        yard: Yard<'scope>,
    ) -> Result<Ready, FetchFailure> {
        let subject = self.subject();
        let request = FetchRequest {
            subject: &subject,
            limit: yard.limits.archive_bytes,
            spool: yard.staging,
            settings: yard.client,
        };
        match self {
            Self::Url { url, checksum } => {
                let cache = ArchiveCache::of(yard.client);
                let place = (request.limit, request.spool);
                let kept = (cache.as_ref().zip(checksum.as_ref()))
                    .and_then(|(cache, checksum)| cache.take(checksum, place, yard.reporter));
                if let Some(body) = kept {
                    return Ok(Ready::Direct(body));
                }
                yard.reporter.download_started(&subject, None);
                let mut body = fetch_url(url, request, yard.reporter)
                    .await
                    .map_err(FetchFailure::Direct)?;
                yard.reporter.download_finished(&subject);
                if let Some(cache) = cache.filter(|_| body.encoding().is_none()) {
                    cache.keep(&mut body);
                }
                Ok(Ready::Direct(body))
            }
            Self::Listed {
                registry,
                candidate,
            } => listed::download((registry, candidate), request, scope, yard).await,
            Self::Git { place, checksum } => {
                let kept = commit::take(place, yard);
                if kept.is_none() {
                    commit::check_reach(place, yard.client)?;
                }
                let bring = move || git::bring_direct((place, kept), checksum.as_ref(), yard);
                let arrived = aside(scope, bring).await;
                let arrived = arrived.ok_or(FetchFailure::Lost { subject })??;
                Ok(Ready::Staged(Box::new(arrived)))
            }
            Self::Directory { .. } | Self::Archive { .. } => Ok(Ready::OnDisk),
        }
    }
}

/// Runs what blocks on a thread of its own; `None` if it panicked.
async fn aside<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Option<T> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    scope.spawn(move || {
        // Nobody waits any more where the downloads were given up.
        let _ = sender.send(work());
    });
    receiver.await.ok()
}
