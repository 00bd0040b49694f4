//! What is installed, as the platform looks it up: a projection of the generations, which are the truth.

use pack_format::Timestamp;
use sqlx::Row as _;

use super::{Action as _, State, StateError};

/// A pack with what it brings along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegisteredPack {
    /// The packs directory.
    pub(crate) base: String,
    pub(crate) pack_ref: String,
    pub(crate) pack_id: i64,
    pub(crate) version: String,
    pub(crate) storage_path: String,
    /// Kind, such as `actions`, and ref, sorted.
    pub(crate) components: Vec<(String, String)>,
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
                .bind(kind)
                .bind(component)
                .execute(&mut *change)
                .await
                .on(ACTION)?;
        }
        change.commit().await.on(ACTION)
    }

    /// Forgets a pack and what it brought along.
    ///
    /// # Errors
    /// [`StateError`]; what was known is still known.
    pub(crate) async fn unregister(&self, base: &str, pack_ref: &str) -> Result<(), StateError> {
        const ACTION: &str = "forget a pack";
        let mut change = self.pool.begin().await.on(ACTION)?;
        for query in [
            "DELETE FROM components WHERE base = $1 AND pack = $2",
            "DELETE FROM packs WHERE base = $1 AND ref = $2",
        ] {
            sqlx::query(query)
                .bind(base)
                .bind(pack_ref)
                .execute(&mut *change)
                .await
                .on(ACTION)?;
        }
        change.commit().await.on(ACTION)
    }

    /// Everything that is known of a packs directory, by ref.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) async fn registered(&self, base: &str) -> Result<Vec<RegisteredPack>, StateError> {
        const ACTION: &str = "list packs";
        let rows = sqlx::query("SELECT * FROM packs WHERE base = $1 ORDER BY ref")
            .bind(base)
            .fetch_all(&self.pool)
            .await
            .on(ACTION)?;
        let read = |row: &sqlx::any::AnyRow| {
            Ok(RegisteredPack {
                base: base.to_owned(),
                pack_ref: row.try_get("ref")?,
                pack_id: row.try_get("id")?,
                version: row.try_get("version")?,
                storage_path: row.try_get("storage_path")?,
                components: Vec::new(),
            })
        };
        let mut packs: Vec<RegisteredPack> = (rows.iter().map(read))
            .collect::<Result<_, _>>()
            .on(ACTION)?;
        for pack in &mut packs {
            pack.components = self.components(base, &pack.pack_ref).await?;
        }
        Ok(packs)
    }

    /// Whether a pack is known.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) async fn knows(&self, base: &str, pack_ref: &str) -> Result<bool, StateError> {
        let row = sqlx::query("SELECT ref FROM packs WHERE base = $1 AND ref = $2")
            .bind(base)
            .bind(pack_ref)
            .fetch_optional(&self.pool)
            .await
            .on("look up a pack")?;
        Ok(row.is_some())
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
