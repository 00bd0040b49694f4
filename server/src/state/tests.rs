//! Runs of the tests of packs: why they were run, and what they gave.

use pack_runtime::testing::{TestReport, TestStatus};
use serde::Serialize;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::jobs::new_id;
use super::{Action as _, State, StateError};

/// Runs of one pack that are kept; older ones go.
const MOST_RUNS: i64 = 100;

/// Why tests were run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Trigger {
    Install,
    Register,
    Manual,
}

impl Trigger {
    fn as_str(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Manual => "manual",
            Self::Register => "register",
        }
    }
}

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct TestRun {
    /// Later runs have greater ones.
    pub(crate) id: String,
    /// The packs directory.
    pub(crate) base: String,
    pub(crate) trigger: String,
    pub(crate) report: TestReport,
}

impl TestRun {
    pub(crate) fn new(
        base: &str,
        trigger: Trigger,
        report: TestReport,
    ) -> Result<Self, StateError> {
        Ok(Self {
            id: new_id()?,
            base: base.to_owned(),
            trigger: trigger.as_str().to_owned(),
            report,
        })
    }
}

impl State {
    /// Writes a run, and lets go of the oldest of the pack. A pack without tests has no runs.
    pub(crate) async fn add_test_run(&self, run: &TestRun) -> Result<(), StateError> {
        const ACTION: &str = "write a test run";
        let status = match run.report.status {
            TestStatus::Skipped => return Ok(()),
            TestStatus::Passed => "passed",
            TestStatus::Failed => "failed",
        };
        let text = serde_json::to_string(&run.report);
        let text = text.map_err(|e| sqlx::Error::Encode(e.into())).on(ACTION)?;
        let mut change = self.pool.begin().await.on(ACTION)?;
        sqlx::query(
            "INSERT INTO test_runs (id, base, pack, version, status, trigger_reason, executed_at, report) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&run.id)
        .bind(&run.base)
        .bind(run.report.pack_ref.as_str())
        .bind(run.report.pack_version.to_string())
        .bind(status)
        .bind(&run.trigger)
        .bind(run.report.execution_time.as_unix())
        .bind(text)
        .execute(&mut *change)
        .await
        .on(ACTION)?;
        sqlx::query(
            "DELETE FROM test_runs WHERE base = $1 AND pack = $2 AND id <= \
             (SELECT id FROM test_runs WHERE base = $1 AND pack = $2 ORDER BY id DESC LIMIT 1 OFFSET $3)",
        )
        .bind(&run.base)
        .bind(run.report.pack_ref.as_str())
        .bind(MOST_RUNS)
        .execute(&mut *change)
        .await
        .on(ACTION)?;
        change.commit().await.on(ACTION)
    }

    /// Runs of a pack, newest first, and how many there are.
    pub(crate) async fn test_runs(
        &self,
        (base, pack_ref): (&str, &str),
        (offset, most): (i64, i64),
    ) -> Result<(Vec<TestRun>, i64), StateError> {
        const ACTION: &str = "list test runs";
        let rows = sqlx::query(
            "SELECT * FROM test_runs WHERE base = $1 AND pack = $2 ORDER BY id DESC LIMIT $3 OFFSET $4",
        )
        .bind(base)
        .bind(pack_ref)
        .bind(most)
        .bind(offset)
        .fetch_all(&self.pool)
        .await
        .on(ACTION)?;
        let count =
            sqlx::query("SELECT COUNT(*) AS number FROM test_runs WHERE base = $1 AND pack = $2")
                .bind(base)
                .bind(pack_ref)
                .fetch_one(&self.pool)
                .await
                .on(ACTION)?;
        let count = count.try_get("number").on(ACTION)?;
        let rows = rows.iter().map(read).collect::<Result<_, _>>();
        Ok((rows.on(ACTION)?, count))
    }
}

fn read(row: &AnyRow) -> Result<TestRun, sqlx::Error> {
    let report: String = row.try_get("report")?;
    Ok(TestRun {
        id: row.try_get("id")?,
        base: row.try_get("base")?,
        trigger: row.try_get("trigger_reason")?,
        report: serde_json::from_str(&report).map_err(|e| sqlx::Error::Decode(e.into()))?,
    })
}
