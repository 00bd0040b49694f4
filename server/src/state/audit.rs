//! The audit log: who changed what, when, from where, and what came of it. It only grows.

use std::time::{SystemTime, UNIX_EPOCH};

use pack_format::Timestamp;
use serde::Serialize;
use sqlx::Row as _;

use super::token::{hex, random};
use super::{Action as _, State, StateError};

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused, for this reason.
    Refused(String),
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// When it began.
    pub at: Timestamp,
    /// The token that was used.
    pub token: String,
    /// Whose that is.
    pub account: String,
    /// Where it came from.
    pub address: String,
    /// Such as `publish`.
    pub action: String,
    /// The pack.
    pub pack: String,
    /// The version; empty where the pack as a whole is meant.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// `done`, `refused`, or `begun` for what a stop of the server cut off: the tree tells whether it was done.
    pub outcome: String,
    /// More of it: a digest, or why it was refused.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// A line whose outcome is not known yet.
#[derive(Debug)]
pub(crate) struct Begun(String);

impl State {
    /// Writes that something is about to be done, durably: what is done without a line cannot be.
    pub(crate) async fn audit_begin(&self, entry: &AuditEntry) -> Result<Begun, StateError> {
        // In the order they were begun, within a second too.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let id = format!("{:024}-{}", since.as_nanos(), hex(&random::<6>()?));
        sqlx::query(
            "INSERT INTO audit (id, at, token, account, address, action, pack, version, outcome, detail) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'begun', $9)",
        )
        .bind(&id)
        .bind(entry.at.as_unix())
        .bind(&entry.token)
        .bind(&entry.account)
        .bind(&entry.address)
        .bind(&entry.action)
        .bind(&entry.pack)
        .bind(&entry.version)
        .bind(&entry.detail)
        .execute(&self.pool)
        .await
        .on("write the audit log")?;
        Ok(Begun(id))
    }

    /// Writes what came of it.
    pub(crate) async fn audit_end(
        &self,
        begun: &Begun,
        outcome: &Outcome,
    ) -> Result<(), StateError> {
        let query = match outcome {
            Outcome::Done => {
                sqlx::query("UPDATE audit SET outcome = 'done' WHERE id = $1").bind(&begun.0)
            }
            Outcome::Refused(why) => {
                sqlx::query("UPDATE audit SET outcome = 'refused', detail = $2 WHERE id = $1")
                    .bind(&begun.0)
                    .bind(why)
            }
        };
        query.execute(&self.pool).await.on("write the audit log")?;
        Ok(())
    }

    /// The newest `count` lines, newest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn audit(&self, count: u32) -> Result<Vec<AuditEntry>, StateError> {
        let rows = sqlx::query("SELECT * FROM audit ORDER BY id DESC LIMIT $1")
            .bind(i64::from(count))
            .fetch_all(&self.pool)
            .await
            .on("read the audit log")?;
        let entries = rows.iter().map(|row| {
            Ok(AuditEntry {
                at: Timestamp::from_unix(row.try_get("at")?),
                token: row.try_get("token")?,
                account: row.try_get("account")?,
                address: row.try_get("address")?,
                action: row.try_get("action")?,
                pack: row.try_get("pack")?,
                version: row.try_get("version")?,
                outcome: row.try_get("outcome")?,
                detail: row.try_get("detail")?,
            })
        });
        entries
            .collect::<Result<_, sqlx::Error>>()
            .on("read the audit log")
    }
}
