//! `packs/{ref}/tests`: what tests of a pack gave, each time they were run.

use hyper::StatusCode;
use pack_format::PackRef;
use serde_json::{Value, json};

use super::body::malformed;
use super::page::Page;
use super::workshop::Workshop;
use crate::problem::Problem;
use crate::state::{State, TestRun};

/// Runs, newest first.
pub(super) async fn list(
    workshop: &Workshop,
    database: &State,
    (pack_ref, query): (&str, Option<&str>),
) -> Result<Value, Problem> {
    let page = Page::of(query)?;
    let (runs, total) = runs(workshop, database, (pack_ref, page.range())).await?;
    let items: Vec<Value> = runs.iter().map(|run| shown(run, false)).collect();
    Ok(page.filled(&items, total))
}

/// The newest run, with all of its results.
pub(super) async fn latest(
    workshop: &Workshop,
    database: &State,
    pack_ref: &str,
) -> Result<Value, Problem> {
    let (runs, _) = runs(workshop, database, (pack_ref, (0, 1))).await?;
    runs.first().map(|run| shown(run, true)).ok_or_else(|| {
        let message = format!("no tests of `{pack_ref}` were run");
        Problem::new(StatusCode::NOT_FOUND, "not_found", message)
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

/// A run as answers show it; lists leave the results of each test out.
pub(super) fn shown(run: &TestRun, with_result: bool) -> Value {
    let report = &run.report;
    let mut value = json!({
        "id": run.id,
        "pack_ref": report.pack_ref,
        "pack_version": report.pack_version,
        "execution_time": report.execution_time,
        "trigger_reason": run.trigger,
        "status": report.status,
        "total_tests": report.total_tests,
        "passed": report.passed,
        "failed": report.failed,
        "skipped": report.skipped,
        "pass_rate": report.pass_rate,
        "duration_ms": report.duration_ms,
    });
    if with_result {
        value["result"] = json!(report);
    }
    value
}
