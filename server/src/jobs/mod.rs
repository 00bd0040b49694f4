//! Jobs: work that outlives the request that asked for it.
//!
//! ```text
//! mod.rs       the pool and its queue                job.rs     one job: state, stop, what its work reports
//! progress.rs  how far a job is, and its events      events.rs  those events as they are sent
//! ```
//! A job is in the database before anybody is told of it, and what came of it before its request is answered. So many
//! run at once, so many wait; more are told to come again. A server that begins finds the jobs of the one before
//! it there ([`State::unfinished_jobs`]).

mod events;
mod job;
mod progress;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

pub(crate) use self::events::{Resume, end, forms_of_events, stream};
pub(crate) use self::job::{Job, JobSummary, ShownJob, Stop, command_of};
use crate::clock::now;
use crate::problem::Problem;
use crate::state::{JobRow, JobState, State, StateError, new_id};

/// Ended jobs whose events are still there to be read.
const MOST_REMEMBERED: usize = 32;

/// How many jobs there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobLimits {
    /// Most that run at once, at least 1.
    pub at_once: usize,
    /// Most that wait for their turn.
    pub queued: usize,
}

impl Default for JobLimits {
    /// 4 run, 64 wait.
    fn default() -> Self {
        Self {
            at_once: 4,
            queued: 64,
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// Such as `packs/install`.
    pub(crate) operation: &'static str,
    /// Who asks.
    pub(crate) account: String,
    /// The packs directory it is about.
    pub(crate) base: PathBuf,
}

impl Order {
    /// What `account` asks for, about the packs directory `base`.
    pub(crate) fn of(account: &str, operation: &'static str, base: PathBuf) -> Self {
        Self {
            operation,
            account: account.to_owned(),
            base,
        }
    }
}

/// What comes of work: JSON, or why there is none.
pub(crate) type Outcome = Result<Value, Problem>;

/// A job that was taken, and what will come of it.
pub(crate) struct Started {
    pub(crate) job: Arc<Job>,
    pub(crate) outcome: oneshot::Receiver<Outcome>,
}

/// The jobs of one server.
#[derive(Debug)]
pub(crate) struct Jobs {
    state: State,
    /// See [`JobRow::place`].
    place: String,
    /// Places of those that run, and of those that run or wait.
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    most: u32,
    live: Mutex<Live>,
    is_closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Live {
    jobs: BTreeMap<String, Arc<Job>>,
    /// Those that ended, oldest first.
    ended: VecDeque<String>,
}

impl Jobs {
    pub(crate) fn new(state: State, place: String, limits: JobLimits) -> Self {
        let at_once = limits.at_once.clamp(1, 1000);
        let most = at_once + limits.queued.min(100_000);
        Self {
            state,
            place,
            running: Arc::new(Semaphore::new(at_once)),
            admitted: Arc::new(Semaphore::new(most)),
            most: u32::try_from(most).unwrap_or(u32::MAX),
            live: Mutex::default(),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Takes a job, unless too many wait already. It goes on whoever waits for it.
    pub(crate) async fn start<F>(
        self: &Arc<Self>,
        order: Order,
        work: impl FnOnce(Arc<Job>) -> F + Send + 'static,
    ) -> Result<Started, Problem>
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(later("this server is about to end"));
        }
        let admitted = Arc::clone(&self.admitted).try_acquire_owned();
        let admitted = admitted.map_err(|_| later("too many jobs wait for their turn"))?;
        let row = JobRow {
            id: new_id().map_err(unusable)?,
            operation: order.operation.to_owned(),
            account: order.account,
            place: self.place.clone(),
            base: order.base.display().to_string(),
            state: JobState::Queued,
            step: "waiting for its turn".to_owned(),
            percent: 0,
            created_at: now(),
            started_at: None,
            finished_at: None,
            result: None,
            error: None,
        };
        self.state.create_job(&row).await.map_err(unusable)?;
        let job = Arc::new(Job::new(row));
        let id = job.id().to_owned();
        self.live().jobs.insert(id, Arc::clone(&job));
        let (told, outcome) = oneshot::channel();
        let (jobs, own) = (Arc::clone(self), Arc::clone(&job));
        tokio::spawn(async move {
            let outcome = jobs.run(&own, admitted, work).await;
            // Who no longer waits finds it in the database.
            let _ = told.send(outcome);
        });
        Ok(Started { job, outcome })
    }

    /// A job from its turn to its end.
    async fn run<F>(
        &self,
        job: &Arc<Job>,
        admitted: OwnedSemaphorePermit,
        work: impl FnOnce(Arc<Job>) -> F + Send + 'static,
    ) -> Outcome
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let turn = tokio::select! {
            turn = Arc::clone(&self.running).acquire_owned() => turn.ok(),
            () = job.stopped() => None,
        };
        let outcome = match turn {
            None => Err(failed()),
            Some(_turn) => {
                job.begin();
                // A panic of the work is its failure, and nobody else's.
                let mut working = tokio::spawn(work(Arc::clone(job)));
                let mut written = String::new();
                let mut news = job.news();
                loop {
                    self.note(job, &mut written).await;
                    tokio::select! {
                        done = &mut working => break done.unwrap_or_else(|_| Err(failed())),
                        _ = news.changed() => {}
                    }
                }
            }
        };
        let (row, outcome) = job.settle(outcome);
        // If it is not written, the next start of the server finds the job as it was, and looks what came of it.
        let _ = self.state.finish_job(&row).await;
        job.end(row);
        self.forget_oldest(job.id());
        drop(admitted);
        outcome
    }

    /// Writes a step that has just begun, so that a cut tells how far the job was.
    async fn note(&self, job: &Job, written: &mut String) {
        let row = job.row();
        if row.step != *written {
            let _ = self.state.update_job(&row).await;
            *written = row.step;
        }
    }

    fn forget_oldest(&self, ended: &str) {
        let mut live = self.live();
        live.ended.push_back(ended.to_owned());
        while live.ended.len() > MOST_REMEMBERED
            && let Some(oldest) = live.ended.pop_front()
        {
            live.jobs.remove(&oldest);
        }
    }

    /// A job of this run of the server, unless it ended long ago.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Job>> {
        self.live().jobs.get(id).cloned()
    }

    /// What is known of a job.
    pub(crate) async fn row(&self, id: &str) -> Result<Option<JobRow>, StateError> {
        match self.find(id) {
            Some(job) => Ok(Some(job.row())),
            None => self.state.job(&self.place, id).await,
        }
    }

    /// Jobs, newest first, and how many there are.
    pub(crate) async fn rows(
        &self,
        (offset, most): (i64, i64),
    ) -> Result<(Vec<JobRow>, i64), StateError> {
        let (mut rows, count) = self.state.jobs(&self.place, (offset, most)).await?;
        for row in rows.iter_mut().filter(|row| !row.state.is_final()) {
            if let Some(job) = self.find(&row.id) {
                *row = job.row();
            }
        }
        Ok((rows, count))
    }

    /// The server is about to end: no job begins any more, and those that run are called off after `grace`.
    pub(crate) fn close(self: &Arc<Self>, grace: Duration) {
        self.is_closed.store(true, Ordering::Release);
        self.stop_all(|job| job.row().state == JobState::Queued);
        let jobs = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            jobs.stop_all(|_| true);
        });
    }

    /// Calls all jobs off, and waits until none runs; at most so long.
    pub(crate) async fn end(&self, most: Duration) {
        self.is_closed.store(true, Ordering::Release);
        self.stop_all(|_| true);
        let none = self.admitted.acquire_many(self.most);
        let _ = tokio::time::timeout(most, none).await;
    }

    fn stop_all(&self, which: impl Fn(&Job) -> bool) {
        for job in self.live().jobs.values().filter(|job| which(job)) {
            job.stop(Stop::Server);
        }
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn later(message: &'static str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
        .with(RETRY_AFTER, HeaderValue::from_static("5"))
}

fn failed() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "failed",
        "the server failed; what it was doing is undone",
    )
}

fn unusable(_: StateError) -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "state_unavailable",
        "the server's database cannot be used; nothing was changed",
    )
}
