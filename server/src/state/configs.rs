//! Values that somebody gave the configuration of packs. Nothing on the disk says them again, so that what is
//! installed does not decide whether they are kept. They are sealed before they come here.

use std::collections::BTreeMap;

use pack_format::Timestamp;
use sqlx::Row as _;

use super::{Action as _, State, StateError};

/// What is kept of one pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigRow {
    pub(crate) sealed: String,
    pub(crate) updated_at: Timestamp,
}

impl State {
    /// What is kept of a pack in the packs directory `base`.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) async fn pack_config(
        &self,
        base: &str,
        pack_ref: &str,
    ) -> Result<Option<ConfigRow>, StateError> {
        const ACTION: &str = "read the configuration of a pack";
        let row =
            sqlx::query("SELECT sealed, updated_at FROM pack_configs WHERE base = $1 AND ref = $2")
                .bind(base)
                .bind(pack_ref)
                .fetch_optional(&self.pool)
                .await
                .on(ACTION)?;
        let read = |row: sqlx::any::AnyRow| {
            Ok(ConfigRow {
                sealed: row.try_get("sealed")?,
                updated_at: Timestamp::from_unix(row.try_get("updated_at")?),
            })
        };
        row.map(read).transpose().on(ACTION)
    }

    /// When the configuration of each pack was changed last, by ref.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) async fn pack_configs_updated(
        &self,
        base: &str,
    ) -> Result<BTreeMap<String, Timestamp>, StateError> {
        const ACTION: &str = "read the configurations of packs";
        let rows = sqlx::query("SELECT ref, updated_at FROM pack_configs WHERE base = $1")
            .bind(base)
            .fetch_all(&self.pool)
            .await
            .on(ACTION)?;
        let pair = |row: &sqlx::any::AnyRow| {
            let at = Timestamp::from_unix(row.try_get("updated_at")?);
            Ok((row.try_get("ref")?, at))
        };
        rows.iter().map(pair).collect::<Result<_, _>>().on(ACTION)
    }

    /// Puts a configuration in place of the one before it.
    ///
    /// # Errors
    /// [`StateError`]; the one before is still there.
    pub(crate) async fn set_pack_config(
        &self,
        (base, pack_ref): (&str, &str),
        row: &ConfigRow,
    ) -> Result<(), StateError> {
        sqlx::query(
            "INSERT INTO pack_configs (base, ref, sealed, updated_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (base, ref) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at",
        )
        .bind(base)
        .bind(pack_ref)
        .bind(&row.sealed)
        .bind(row.updated_at.as_unix())
        .execute(&self.pool)
        .await
        .on("store the configuration of a pack")?;
        Ok(())
    }

    /// Forgets the configuration of a pack, if there is one.
    ///
    /// # Errors
    /// [`StateError`]; it is still there.
    pub(crate) async fn forget_pack_config(
        &self,
        base: &str,
        pack_ref: &str,
    ) -> Result<(), StateError> {
        sqlx::query("DELETE FROM pack_configs WHERE base = $1 AND ref = $2")
            .bind(base)
            .bind(pack_ref)
            .execute(&self.pool)
            .await
            .on("forget the configuration of a pack")?;
        Ok(())
    }
}
