//! Registries that are managed over the API, beside those of the configuration. What their headers hold is sealed
//! before it comes here.

use pack_format::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Action as _, State, StateError};

/// A registry, as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexRow {
    pub(crate) id: i64,
    pub(crate) url: String,
    pub(crate) name: Option<String>,
    /// Smaller is asked first.
    pub(crate) position: i64,
    pub(crate) enabled: bool,
    /// Sealed.
    pub(crate) headers: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl State {
    /// All of them, by id.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) async fn indices(&self) -> Result<Vec<IndexRow>, StateError> {
        const ACTION: &str = "list pack indices";
        let rows = sqlx::query("SELECT * FROM pack_indices ORDER BY id")
            .fetch_all(&self.pool)
            .await
            .on(ACTION)?;
        rows.iter().map(read).collect::<Result<_, _>>().on(ACTION)
    }

    /// An id that no pack index has or had.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) async fn next_index_id(&self) -> Result<i64, StateError> {
        const ACTION: &str = "number a pack index";
        let row =
            sqlx::query("UPDATE counters SET value = value + 1 WHERE name = $1 RETURNING value")
                .bind("pack_indices")
                .fetch_one(&self.pool)
                .await
                .on(ACTION)?;
        row.try_get("value").on(ACTION)
    }

    /// Stores a new one.
    ///
    /// # Errors
    /// [`StateError`], also where the id or the URL is taken.
    pub(crate) async fn add_index(&self, row: &IndexRow) -> Result<(), StateError> {
        sqlx::query(
            "INSERT INTO pack_indices (id, url, name, position, enabled, headers, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(row.id)
        .bind(&row.url)
        .bind(&row.name)
        .bind(row.position)
        .bind(i64::from(row.enabled))
        .bind(&row.headers)
        .bind(row.created_at.as_unix())
        .bind(row.updated_at.as_unix())
        .execute(&self.pool)
        .await
        .on("store a pack index")?;
        Ok(())
    }

    /// Replaces what is known of one; `false` if it is not there.
    ///
    /// # Errors
    /// [`StateError`]; what was known is still known.
    pub(crate) async fn change_index(&self, row: &IndexRow) -> Result<bool, StateError> {
        let done = sqlx::query(
            "UPDATE pack_indices SET url = $2, name = $3, position = $4, enabled = $5, headers = $6, \
             updated_at = $7 WHERE id = $1",
        )
        .bind(row.id)
        .bind(&row.url)
        .bind(&row.name)
        .bind(row.position)
        .bind(i64::from(row.enabled))
        .bind(&row.headers)
        .bind(row.updated_at.as_unix())
        .execute(&self.pool)
        .await
        .on("change a pack index")?;
        Ok(done.rows_affected() == 1)
    }

    /// Forgets one; `false` if it is not there.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) async fn remove_index(&self, id: i64) -> Result<bool, StateError> {
        let done = sqlx::query("DELETE FROM pack_indices WHERE id = $1")
            .bind(id)
            .execute(&self.pool)
            .await
            .on("forget a pack index")?;
        Ok(done.rows_affected() == 1)
    }
}

fn read(row: &AnyRow) -> Result<IndexRow, sqlx::Error> {
    Ok(IndexRow {
        id: row.try_get("id")?,
        url: row.try_get("url")?,
        name: row.try_get("name")?,
        position: row.try_get("position")?,
        enabled: row.try_get::<i64, _>("enabled")? != 0,
        headers: row.try_get("headers")?,
        created_at: Timestamp::from_unix(row.try_get("created_at")?),
        updated_at: Timestamp::from_unix(row.try_get("updated_at")?),
    })
}
