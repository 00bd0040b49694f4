//! `packs/{ref}/test` and `packs/{ref}/tests`: runs the tests of a pack, and what they gave each time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use attune_installer::{Layout, Rebuild, Reporter as _};
use hyper::StatusCode;
use pack_client::Reporter as _;
use pack_format::limits::MAX_METADATA_BYTES;
use pack_format::manifest::Manifest;
use pack_format::{PackRef, Timestamp, Version};
use pack_runtime::testing::TestReport;
use pack_runtime::{Stream, TestStatus, Watcher};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::activate::record_tests;
use super::body::malformed;
use super::download::{MAX_TIMEOUT, seconds};
use super::mirrors;
use super::page::{Listed, Page, Paged};
use super::whole::Whole;
use super::workshop::{Workshop, reader, reason};
use crate::clock::now;
use crate::forms::DateTime;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::state::{State, TestRun, Trigger};

/// What lists say of a run of tests.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TestRunSummary")]
pub(super) struct Summary {
    /// Later runs have greater ones.
    id: String,
    #[schemars(with = "String")]
    pack_ref: PackRef,
    #[schemars(with = "String")]
    pack_version: Version,
    /// When they were run.
    #[schemars(with = "DateTime")]
    execution_time: Timestamp,
    /// `install`, `register` or `manual`.
    trigger_reason: String,
    #[schemars(with = "mirrors::TestStatus")]
    status: TestStatus,
    total_tests: u64,
    passed: u64,
    /// How many failed, with those that could not be run.
    failed: u64,
    /// How many were left out.
    skipped: u64,
    /// The part that passed of those that were not left out, from 0 to 1; 1 where there were none.
    pass_rate: f64,
    duration_ms: u64,
}

/// A run of the tests of a pack, with all results.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TestRun")]
pub(super) struct Shown {
    #[serde(flatten)]
    summary: Summary,
    #[schemars(with = "mirrors::TestReport")]
    result: TestReport,
}

impl Listed for Summary {
    const LIST: &'static str = "TestRuns";
}

impl Summary {
    fn of(run: &TestRun) -> Self {
        let report = &run.report;
        Self {
            id: run.id.clone(),
            pack_ref: report.pack_ref.clone(),
            pack_version: report.pack_version.clone(),
            execution_time: report.execution_time,
            trigger_reason: run.trigger.clone(),
            status: report.status,
            total_tests: report.total_tests,
            passed: report.passed,
            failed: report.failed,
            skipped: report.skipped,
            pass_rate: report.pass_rate,
            duration_ms: report.duration_ms,
        }
    }
}

/// Runs, newest first.
pub(super) async fn list(
    workshop: &Workshop,
    database: &State,
    (pack_ref, query): (&str, Option<&str>),
) -> Result<Paged<Summary>, Problem> {
    let page = Page::of(query)?;
    let (runs, total) = runs(workshop, database, (pack_ref, page.range())).await?;
    Ok(page.filled(runs.iter().map(Summary::of).collect(), total))
}

/// The newest run, with all of its results.
pub(super) async fn latest(
    workshop: &Workshop,
    database: &State,
    pack_ref: &str,
) -> Result<Shown, Problem> {
    let (runs, _) = runs(workshop, database, (pack_ref, (0, 1))).await?;
    let run = runs.into_iter().next().ok_or_else(|| {
        let message = format!("no tests of `{pack_ref}` were run");
        Problem::new(StatusCode::NOT_FOUND, "not_found", message)
    })?;
    Ok(Shown {
        summary: Summary::of(&run),
        result: run.report,
    })
}

async fn runs(
    workshop: &Workshop,
    database: &State,
    (pack_ref, range): (&str, (i64, i64)),
) -> Result<(Vec<TestRun>, i64), Problem> {
    let pack_ref = named(pack_ref)?;
    let base = workshop.options.packs_base_dir.display().to_string();
    let runs = database.test_runs((&base, pack_ref.as_str()), range).await;
    runs.map_err(super::unusable)
}

/// The pack that a path names.
pub(super) fn named(text: &str) -> Result<PackRef, Problem> {
    text.parse()
        .map_err(|error| malformed(&format!("the path names no pack: {error}")))
}

/// How tests are run.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TestRequest")]
pub(super) struct Request {
    /// Where packs are installed; the configured place by default.
    pub(super) packs_base_dir: Option<String>,
    /// Seconds a runner may take that says nothing itself.
    #[schemars(range(min = 1, max = MAX_TIMEOUT))]
    timeout: Option<Whole<u64>>,
}

impl Request {
    /// Refuses what makes no sense, whatever the state of the server.
    pub(super) fn check(&self) -> Result<(), Problem> {
        self.timeout
            .map_or(Ok(()), |given| seconds(Some(given), given.0).map(drop))
    }
}

/// Runs the tests of an installed pack; the answer is what they gave.
pub(super) async fn run(
    workshop: &Arc<Workshop>,
    (base, pack_ref, request): (PathBuf, PackRef, Request),
    (job, database): (Arc<Job>, State),
) -> Result<TestReport, Problem> {
    let (place, own) = (base.clone(), Arc::clone(&job));
    let outcome = workshop
        .run(move |workshop| tested(workshop, (&place, &pack_ref, &request), &own))
        .await?;
    let report = outcome?;
    job.tested(&report);
    let place = (base.as_path(), &*job);
    // A run that is not in the history was run all the same.
    let _ = record_tests(&database, place, Trigger::Manual).await;
    Ok(report)
}

fn tested(
    workshop: &Workshop,
    (base, pack_ref, request): (&Path, &PackRef, &Request),
    job: &Job,
) -> Result<TestReport, Problem> {
    let failed = |error: String| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", error);
    let preparation = &workshop.options.preparation;
    let Some(mut settings) = preparation.tests.clone() else {
        let message = "tests are off here: `tests.enabled` is false";
        return Err(Problem::new(StatusCode::CONFLICT, "tests_off", message));
    };
    if let Some(timeout) = request.timeout {
        settings.timeout = Duration::from_secs(timeout.0);
    }
    let installed = reader(base).list().map_err(|e| failed(reason(&e)))?;
    let Some(record) = installed.packs.get(pack_ref) else {
        let message = format!("Pack '{pack_ref}' not found");
        return Err(Problem::new(StatusCode::NOT_FOUND, "not_found", message));
    };
    let tree = Layout::new(base).stored(&record.store_key);
    let manifest = pack_fs::limited::read(&tree.join("pack.yaml"), MAX_METADATA_BYTES)
        .map_err(|e| failed(e.to_string()))
        .and_then(|bytes| Manifest::parse("pack.yaml", &bytes).map_err(|e| failed(reason(&e))))?;
    let environments = match &preparation.environments {
        Some(wanted) => workshop
            .installer(base, job)
            .environments_of(&tree, &manifest, (wanted, Rebuild::Never))
            .map_err(|e| failed(reason(&e)))?,
        None => Vec::new(),
    };
    let subject = format!("{}@{}", manifest.pack_ref, manifest.version);
    job.testing(&subject);
    let run = pack_runtime::TestRun {
        pack: &tree,
        environments: &environments,
        manifest: &manifest,
        settings: &settings,
        now: now(),
    };
    let tested = run.run(&Watched(job)).map_err(|e| failed(reason(&e)))?;
    Ok(tested.report)
}

/// Tells a job what tests write, and stops them with it.
struct Watched<'j>(&'j Job);

impl Watcher for Watched<'_> {
    fn output(&self, _: Stream, bytes: &[u8]) {
        self.0.output("", bytes);
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}
