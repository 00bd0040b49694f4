//! What is installed, as the platform looks it up: a projection of the generations, which are the truth.

use pack_format::Timestamp;
use sqlx::Row as _;

use super::{Action as _, State, StateError};

/// A pack with what it brings along.
#[derive(Debug, Clone)]
pub(crate) struct RegisteredPack {
    /// The packs directory.
    pub(crate) base: String,
    pub(crate) pack_ref: String,
    pub(crate) pack_id: i64,
    pub(crate) version: String,
    pub(crate) storage_path: String,
    /// Kind, such as `actions`, and ref.
    pub(crate) components: Vec<(&'static str, String)>,
}

impl State {
    /// Puts a pack in place of what was known of it: components that it no longer has go in the same step.
    ///
    /// # Errors
    /// [`StateError`]; what was known is still known.
    pub(crate) async fn register(
        &self,
        pack: &RegisteredPack,
        now: Timestamp,
    ) -> Result<(), StateError> {
        const ACTION: &str = "register a pack";
        let mut change = self.pool.begin().await.on(ACTION)?;
        sqlx::query(
            "INSERT INTO packs (base, ref, id, version, storage_path, registered_at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (base, ref) DO UPDATE SET id = excluded.id, version = excluded.version, \
             storage_path = excluded.storage_path, registered_at = excluded.registered_at",
        )
        .bind(&pack.base)
        .bind(&pack.pack_ref)
        .bind(pack.pack_id)
        .bind(&pack.version)
        .bind(&pack.storage_path)
        .bind(now.as_unix())
        .execute(&mut *change)
        .await
        .on(ACTION)?;
        sqlx::query("DELETE FROM components WHERE base = $1 AND pack = $2")
            .bind(&pack.base)
            .bind(&pack.pack_ref)
            .execute(&mut *change)
            .await
            .on(ACTION)?;
        for (kind, component) in &pack.components {
            sqlx::query("INSERT INTO components (base, pack, kind, ref) VALUES ($1, $2, $3, $4)")
                .bind(&pack.base)
                .bind(&pack.pack_ref)
                .bind(*kind)
                .bind(component)
                .execute(&mut *change)
                .await
                .on(ACTION)?;
        }
        change.commit().await.on(ACTION)
    }

    /// Kind and ref of everything a pack registered, sorted.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn components(
        &self,
        base: &str,
        pack_ref: &str,
    ) -> Result<Vec<(String, String)>, StateError> {
        const ACTION: &str = "list components";
        let rows = sqlx::query(
            "SELECT kind, ref FROM components WHERE base = $1 AND pack = $2 ORDER BY kind, ref",
        )
        .bind(base)
        .bind(pack_ref)
        .fetch_all(&self.pool)
        .await
        .on(ACTION)?;
        let pair = |row: &sqlx::any::AnyRow| Ok((row.try_get("kind")?, row.try_get("ref")?));
        rows.iter().map(pair).collect::<Result<_, _>>().on(ACTION)
    }
}
