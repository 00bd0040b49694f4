//! Jobs: what was asked for that takes a while, how far it came, and what came of it.

use std::time::{SystemTime, UNIX_EPOCH};

use pack_format::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::token::{hex, random};
use super::{Action as _, State, StateError};

/// Finished jobs that are kept; older ones go.
const MOST_FINISHED: i64 = 1000;

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It waits for its turn.
    Queued,
    /// It is being worked on.
    Running,
    /// It was done; what failed of several items is in the result.
    Succeeded,
    /// It was refused, or went wrong; nothing was changed.
    Failed,
    /// Somebody called it off.
    Cancelled,
    /// The server ended before it did; the error says what was done.
    Interrupted,
}

impl JobState {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Queued, "queued"),
        (Self::Running, "running"),
        (Self::Succeeded, "succeeded"),
        (Self::Failed, "failed"),
        (Self::Cancelled, "cancelled"),
        (Self::Interrupted, "interrupted"),
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        let found = Self::ALL.iter().find(|(state, _)| *state == self);
        found.map_or("", |(_, name)| name)
    }

    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    fn parse(text: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, name)| *name == text);
        found.map(|(state, _)| *state)
    }
}

/// A job as the database holds it.
#[derive(Debug, Clone)]
pub(crate) struct JobRow {
    /// Later jobs have greater ones.
    pub(crate) id: String,
    /// Such as `packs/install`.
    pub(crate) operation: String,
    /// Who asked for it.
    pub(crate) account: String,
    /// The packs directory of the server that works on it: servers that share a database know theirs by it.
    pub(crate) place: String,
    /// The packs directory it is about.
    pub(crate) base: String,
    pub(crate) state: JobState,
    /// What is being done, for people.
    pub(crate) step: String,
    /// From 0 to 100.
    pub(crate) percent: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
    /// JSON.
    pub(crate) result: Option<String>,
    /// JSON.
    pub(crate) error: Option<String>,
}

/// A new name for something that is listed in the order it was made.
pub(crate) fn new_id() -> Result<String, StateError> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let nanos = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
    Ok(format!("{nanos:016x}{}", hex(&random::<8>()?)))
}

impl State {
    /// Writes a job that has just been asked for.
    pub(crate) async fn create_job(&self, job: &JobRow) -> Result<(), StateError> {
        sqlx::query(
            "INSERT INTO jobs (id, operation, account, place, base, state, step, percent, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(&job.id)
        .bind(&job.operation)
        .bind(&job.account)
        .bind(&job.place)
        .bind(&job.base)
        .bind(job.state.as_str())
        .bind(&job.step)
        .bind(job.percent)
        .bind(job.created_at.as_unix())
        .execute(&self.pool)
        .await
        .on("write a job")?;
        Ok(())
    }

    /// Writes how far a job is that has not ended.
    pub(crate) async fn update_job(&self, job: &JobRow) -> Result<(), StateError> {
        sqlx::query(
            "UPDATE jobs SET state = $2, step = $3, percent = $4, started_at = $5 WHERE id = $1",
        )
        .bind(&job.id)
        .bind(job.state.as_str())
        .bind(&job.step)
        .bind(job.percent)
        .bind(job.started_at.map(Timestamp::as_unix))
        .execute(&self.pool)
        .await
        .on("write a job")?;
        Ok(())
    }

    /// Writes what came of a job, and lets go of the oldest that are over.
    pub(crate) async fn finish_job(&self, job: &JobRow) -> Result<(), StateError> {
        const ACTION: &str = "write a job";
        let mut change = self.pool.begin().await.on(ACTION)?;
        sqlx::query(
            "UPDATE jobs SET state = $2, step = $3, percent = $4, started_at = $5, finished_at = $6, result = $7, error = $8 \
             WHERE id = $1",
        )
        .bind(&job.id)
        .bind(job.state.as_str())
        .bind(&job.step)
        .bind(job.percent)
        .bind(job.started_at.map(Timestamp::as_unix))
        .bind(job.finished_at.map(Timestamp::as_unix))
        .bind(&job.result)
        .bind(&job.error)
        .execute(&mut *change)
        .await
        .on(ACTION)?;
        sqlx::query(
            "DELETE FROM jobs WHERE place = $1 AND finished_at IS NOT NULL AND id <= \
             (SELECT id FROM jobs WHERE place = $1 AND finished_at IS NOT NULL ORDER BY id DESC LIMIT 1 OFFSET $2)",
        )
        .bind(&job.place)
        .bind(MOST_FINISHED)
        .execute(&mut *change)
        .await
        .on(ACTION)?;
        change.commit().await.on(ACTION)
    }

    /// The job of a server with this name.
    pub(crate) async fn job(&self, place: &str, id: &str) -> Result<Option<JobRow>, StateError> {
        let row = sqlx::query("SELECT * FROM jobs WHERE place = $1 AND id = $2")
            .bind(place)
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .on("read a job")?;
        row.as_ref().map(read).transpose().on("read a job")
    }

    /// Jobs of a server, newest first, without those before `offset`; and how many there are.
    pub(crate) async fn jobs(
        &self,
        place: &str,
        (offset, most): (i64, i64),
    ) -> Result<(Vec<JobRow>, i64), StateError> {
        const ACTION: &str = "list jobs";
        let rows =
            sqlx::query("SELECT * FROM jobs WHERE place = $1 ORDER BY id DESC LIMIT $2 OFFSET $3")
                .bind(place)
                .bind(most)
                .bind(offset)
                .fetch_all(&self.pool)
                .await
                .on(ACTION)?;
        let count = sqlx::query("SELECT COUNT(*) AS number FROM jobs WHERE place = $1")
            .bind(place)
            .fetch_one(&self.pool)
            .await
            .on(ACTION)?;
        let count = count.try_get("number").on(ACTION)?;
        let rows = rows.iter().map(read).collect::<Result<_, _>>();
        Ok((rows.on(ACTION)?, count))
    }

    /// Jobs of a server that have not ended, oldest first.
    pub(crate) async fn unfinished_jobs(&self, place: &str) -> Result<Vec<JobRow>, StateError> {
        const ACTION: &str = "list jobs";
        let rows = sqlx::query(
            "SELECT * FROM jobs WHERE place = $1 AND state IN ('queued', 'running') ORDER BY id",
        )
        .bind(place)
        .fetch_all(&self.pool)
        .await
        .on(ACTION)?;
        rows.iter().map(read).collect::<Result<_, _>>().on(ACTION)
    }
}

fn read(row: &AnyRow) -> Result<JobRow, sqlx::Error> {
    let time = |column: &str| -> Result<Option<Timestamp>, sqlx::Error> {
        let seconds = row.try_get::<Option<i64>, _>(column)?;
        Ok(seconds.map(Timestamp::from_unix))
    };
    let state: String = row.try_get("state")?;
    let unknown = || sqlx::Error::Decode(format!("no job is `{state}`").into());
    Ok(JobRow {
        id: row.try_get("id")?,
        operation: row.try_get("operation")?,
        account: row.try_get("account")?,
        place: row.try_get("place")?,
        base: row.try_get("base")?,
        state: JobState::parse(&state).ok_or_else(unknown)?,
        step: row.try_get("step")?,
        percent: row.try_get("percent")?,
        created_at: time("created_at")?.unwrap_or(Timestamp::from_unix(0)),
        started_at: time("started_at")?,
        finished_at: time("finished_at")?,
        result: row.try_get("result")?,
        error: row.try_get("error")?,
    })
}
