//! `Job`: one job, how to stop it, and what its work reports.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use attune_installer::{PruneReport, Reporter};
use hyper::StatusCode;
use pack_client::Reporter as _;
use pack_format::Timestamp;
use pack_fs::lock::Holder;
use pack_runtime::testing::TestReport;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::Outcome;
use super::progress::{Event, Level, Progress, Reached};
use crate::clock::now;
use crate::forms::DateTime;
use crate::problem::{Problem, ProblemForm};
use crate::state::{JobRow, JobState};

/// Why a job is called off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// This account wants it.
    Account(String),
    /// The server is about to end.
    Server,
}

/// One job. Work reports to it, and asks it whether to go on.
#[derive(Debug)]
pub(crate) struct Job {
    id: String,
    inner: Mutex<Inner>,
    is_stopped: AtomicBool,
    /// Whether work saw that it is called off: what it did not see, it did not heed.
    is_heeded: AtomicBool,
    news: watch::Sender<()>,
}

#[derive(Debug)]
struct Inner {
    row: JobRow,
    progress: Progress,
    stop: Option<Stop>,
    /// What tests gave, until it is written.
    tests: Vec<TestReport>,
}

impl Job {
    pub(super) fn new(row: JobRow) -> Self {
        Self {
            id: row.id.clone(),
            inner: Mutex::new(Inner {
                progress: Progress::new(row.step.clone()),
                row,
                stop: None,
                tests: Vec::new(),
            }),
            is_stopped: AtomicBool::new(false),
            is_heeded: AtomicBool::new(false),
            news: watch::Sender::new(()),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Who asked for it.
    pub(crate) fn account(&self) -> String {
        self.inner().row.account.clone()
    }

    /// What history calls a change that it makes. The name of the job tells after a cut what it did.
    pub(crate) fn command(&self) -> String {
        command_of(&self.inner().row.operation, &self.id)
    }

    /// What is known of it now.
    pub(crate) fn row(&self) -> JobRow {
        let inner = self.inner();
        JobRow {
            step: inner.progress.step.clone(),
            percent: inner.progress.percent,
            ..inner.row.clone()
        }
    }

    /// A new step, for people.
    pub(crate) fn step(&self, text: impl Into<String>) {
        self.change(|inner| inner.progress.step(text.into()));
    }

    /// Item `index` of `total` begins.
    pub(crate) fn item(&self, index: usize, total: usize) {
        self.change(|inner| inner.progress.item(index, total));
    }

    /// What tests gave since this was last asked.
    pub(crate) fn take_tests(&self) -> Vec<TestReport> {
        std::mem::take(&mut self.inner().tests)
    }

    /// Calls it off. Its work stops at the next moment it can, and what it was about to change stays.
    pub(crate) fn stop(&self, why: Stop) {
        self.change(|inner| {
            inner.stop.get_or_insert(why);
        });
        self.is_stopped.store(true, Ordering::Release);
        self.news.send_replace(());
    }

    /// Waits until it is called off.
    pub(super) async fn stopped(&self) {
        let mut news = self.news();
        while !self.is_cancelled() {
            if news.changed().await.is_err() {
                return;
            }
        }
    }

    pub(super) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Events after `last`, and how it ended if it did.
    pub(super) fn since(&self, last: u64) -> (Vec<Event>, Option<JobRow>) {
        let inner = self.inner();
        let ended = inner.row.state.is_final().then(|| inner.row.clone());
        (inner.progress.since(last), ended)
    }

    pub(super) fn begin(&self) {
        self.change(|inner| {
            inner.row.state = JobState::Running;
            inner.row.started_at = Some(now());
            inner.progress.step("started".to_owned());
        });
    }

    /// What came of it, as it is to be written, and as its request is answered.
    pub(super) fn settle(&self, outcome: Outcome) -> (JobRow, Outcome) {
        let mut row = self.row();
        row.finished_at = Some(now());
        let stop = self.inner().stop.clone();
        let stop = stop.filter(|_| self.is_heeded.load(Ordering::Acquire));
        let outcome = match stop {
            None => outcome,
            Some(why) => {
                // Of several items some may be done; the result tells which.
                row.result = outcome.ok().map(|value| value.to_string());
                row.state = match why {
                    Stop::Account(_) => JobState::Cancelled,
                    Stop::Server => JobState::Interrupted,
                };
                Err(called_off(&why, row.result.is_some()))
            }
        };
        match &outcome {
            Ok(value) => {
                row.state = JobState::Succeeded;
                row.percent = 100;
                row.result = Some(value.to_string());
            }
            Err(problem) => {
                if !row.state.is_final() {
                    row.state = JobState::Failed;
                }
                row.error = Some(problem.json());
            }
        }
        (row, outcome)
    }

    /// Says that it is over.
    pub(super) fn end(&self, row: JobRow) {
        self.change(|inner| {
            inner.progress.flush();
            inner.progress.percent = row.percent;
            inner.row = row;
        });
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.inner());
        self.news.send_replace(());
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn called_off(why: &Stop, has_result: bool) -> Problem {
    let rest = if has_result {
        "what was done is in its result"
    } else {
        "nothing was changed"
    };
    match why {
        Stop::Account(account) => Problem::new(
            StatusCode::CONFLICT,
            "cancelled",
            format!("`{account}` called it off; {rest}"),
        ),
        Stop::Server => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "interrupted",
            format!("the server ended; {rest}"),
        ),
    }
}

impl pack_client::Reporter for Job {
    fn warning(&self, text: &str) {
        self.change(|inner| inner.progress.log(Level::Warning, text));
    }

    fn download_started(&self, subject: &str, size_bytes: Option<u64>) {
        self.change(|inner| inner.progress.download(subject, size_bytes));
    }

    fn download_advanced(&self, subject: &str, bytes: u64) {
        self.change(|inner| inner.progress.bytes(subject, bytes, false));
    }

    fn download_restarted(&self, subject: &str) {
        self.change(|inner| inner.progress.download(subject, None));
    }

    fn download_finished(&self, subject: &str) {
        self.change(|inner| inner.progress.bytes(subject, 0, true));
    }

    fn is_cancelled(&self) -> bool {
        let is_stopped = self.is_stopped.load(Ordering::Acquire);
        if is_stopped {
            self.is_heeded.store(true, Ordering::Release);
        }
        is_stopped
    }
}

impl Reporter for Job {
    fn waiting(&self, holder: &Holder) {
        let text = format!("waiting for {holder}");
        self.change(|inner| inner.progress.log(Level::Info, &text));
    }

    fn planned(&self, total: usize) {
        self.change(|inner| {
            inner.progress.planned(total);
            inner.progress.step("fetching".to_owned());
        });
    }

    fn fetching_repository(&self, url: &str, by: &str) {
        self.step(format!("fetching {url} with {by}"));
    }

    fn staged(&self, subject: &str) {
        self.change(|inner| {
            inner.progress.staged();
            inner
                .progress
                .log(Level::Info, &format!("{subject} is here"));
        });
    }

    fn building(&self, subject: &str, kind: &str) {
        self.change(|inner| {
            inner.progress.reach(Reached::Building);
            let text = format!("building the {kind} environment of {subject}");
            inner.progress.step(text);
        });
    }

    fn output(&self, _: &str, bytes: &[u8]) {
        self.change(|inner| inner.progress.output(bytes));
    }

    fn testing(&self, subject: &str) {
        self.change(|inner| {
            inner.progress.flush();
            inner.progress.reach(Reached::Testing);
            inner.progress.step(format!("testing {subject}"));
        });
    }

    fn tested(&self, report: &TestReport) {
        self.change(|inner| {
            inner.progress.flush();
            inner.tests.push(report.clone());
        });
    }

    fn activated(&self, number: u64) {
        self.change(|inner| {
            inner.progress.reach(Reached::Active);
            inner
                .progress
                .step(format!("generation {number} is active"));
        });
    }

    fn pruned(&self, removed: &PruneReport) {
        let text = format!("{} old versions were removed", removed.trees);
        self.change(|inner| inner.progress.log(Level::Info, &text));
    }
}

/// What history calls changes of a job.
pub(crate) fn command_of(operation: &str, id: &str) -> String {
    format!("{operation} (job {id})")
}

/// A job without its result.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JobSummary {
    /// Later jobs have greater ones.
    id: String,
    /// Such as `packs/install`.
    operation: String,
    /// Who asked for it.
    account: String,
    state: JobState,
    /// What is being done, for people.
    step: String,
    /// How far it is, from 0 to 100.
    #[schemars(range(min = 0, max = 100))]
    percent: i64,
    /// When it was asked for.
    #[schemars(with = "DateTime")]
    created_at: Timestamp,
    /// When its turn came.
    #[schemars(with = "Option<DateTime>")]
    started_at: Option<Timestamp>,
    /// When it was over.
    #[schemars(with = "Option<DateTime>")]
    finished_at: Option<Timestamp>,
    /// Why it did not succeed.
    error: Option<ProblemForm>,
}

/// A job.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Job")]
pub(crate) struct ShownJob {
    #[serde(flatten)]
    summary: JobSummary,
    /// What its request is answered with, once it succeeded; also what was done of one that was called off.
    result: Value,
}

impl From<JobRow> for JobSummary {
    fn from(row: JobRow) -> Self {
        Self {
            id: row.id,
            operation: row.operation,
            account: row.account,
            state: row.state,
            step: row.step,
            percent: row.percent,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            error: row.error.and_then(|text| serde_json::from_str(&text).ok()),
        }
    }
}

impl From<JobRow> for ShownJob {
    fn from(mut row: JobRow) -> Self {
        let result = row.result.take();
        let result = result.and_then(|text| serde_json::from_str(&text).ok());
        Self {
            summary: row.into(),
            result: result.unwrap_or_default(),
        }
    }
}
