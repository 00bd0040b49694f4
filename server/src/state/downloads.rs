//! Downloads, counted by pack, version and day.

use std::collections::BTreeMap;

use pack_format::documents::FORMAT;
use pack_format::statistics::{PackDownloads, RECENT_DAYS, StatisticsDocument};
use pack_format::{Day, PackRef, Version};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Action as _, State, StateError};

/// How often one version was downloaded on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadCount {
    /// The pack.
    pub pack_ref: PackRef,
    /// The version.
    pub version: Version,
    /// The day.
    pub day: Day,
    /// How often.
    pub count: u64,
}

impl State {
    /// Adds counts, all of them or none.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn add_downloads(&self, counts: &[DownloadCount]) -> Result<(), StateError> {
        const ACTION: &str = "count downloads";
        let mut transaction = self.pool.begin().await.on(ACTION)?;
        for counted in counts {
            sqlx::query(
                "INSERT INTO downloads (pack, version, day, count) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (pack, version, day) DO UPDATE SET count = downloads.count + excluded.count",
            )
            .bind(counted.pack_ref.as_str())
            .bind(counted.version.to_string())
            .bind(counted.day.as_unix())
            .bind(i64::try_from(counted.count).unwrap_or(i64::MAX))
            .execute(&mut *transaction)
            .await
            .on(ACTION)?;
        }
        transaction.commit().await.on(ACTION)
    }

    /// What was counted up to the end of `until`.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn statistics(&self, until: Day) -> Result<StatisticsDocument, StateError> {
        const ACTION: &str = "read the counts of downloads";
        let mut packs: BTreeMap<PackRef, PackDownloads> = BTreeMap::new();
        let rows = sqlx::query(
            "SELECT pack, version, CAST(SUM(count) AS BIGINT) AS total FROM downloads \
             WHERE day <= $1 GROUP BY pack, version",
        )
        .bind(until.as_unix())
        .fetch_all(&self.pool)
        .await
        .on(ACTION)?;
        for row in &rows {
            let (pack_ref, version) = (text(row, "pack")?, text(row, "version")?);
            // What no longer is a name cannot be listed either.
            if let (Ok(pack_ref), Ok(version)) = (pack_ref.parse(), version.parse()) {
                let count = number(row, "total")?.unsigned_abs();
                let pack = packs.entry(pack_ref).or_default();
                pack.total = pack.total.saturating_add(count);
                pack.versions.insert(version, count);
            }
        }
        let rows = sqlx::query(
            "SELECT pack, day, CAST(SUM(count) AS BIGINT) AS total FROM downloads \
             WHERE day <= $1 AND day > $2 GROUP BY pack, day",
        )
        .bind(until.as_unix())
        .bind(until.as_unix() - RECENT_DAYS)
        .fetch_all(&self.pool)
        .await
        .on(ACTION)?;
        for row in &rows {
            let day = Day::from_unix(number(row, "day")?);
            let count = number(row, "total")?.unsigned_abs();
            let pack_ref = text(row, "pack")?.parse();
            if let Some(pack) = pack_ref.ok().and_then(|r: PackRef| packs.get_mut(&r)) {
                pack.days.insert(day, count);
            }
        }
        Ok(StatisticsDocument {
            format: FORMAT,
            until,
            packs,
        })
    }
}

fn text(row: &AnyRow, column: &str) -> Result<String, StateError> {
    row.try_get(column).on("read the counts of downloads")
}

fn number(row: &AnyRow, column: &str) -> Result<i64, StateError> {
    row.try_get(column).on("read the counts of downloads")
}
