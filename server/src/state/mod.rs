//! State of a server: what a tree of files cannot hold. In SQLite beside the tree, or in PostgreSQL.
//!
//! The statements are those both understand; times are seconds since 1970. Nothing secret is stored: of a token
//! only its hash, of a password what argon2 makes of it.

mod account;
mod audit;
mod components;
mod configs;
mod downloads;
#[cfg(test)]
mod faults;
mod indices;
mod jobs;
mod shared;
mod tests;
mod token;

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pack_format::Hint;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use tokio::task::spawn_blocking;

pub use account::{Account, Role};
pub use audit::{AuditEntry, Outcome};
pub(crate) use components::RegisteredPack;
pub(crate) use configs::ConfigRow;
pub use downloads::DownloadCount;
pub(crate) use indices::IndexRow;
pub use jobs::JobState;
pub(crate) use jobs::{JobRow, new_id};
pub use shared::SharedState;
pub(crate) use tests::{TestRun, Trigger};
pub(crate) use token::SecretHash;
pub use token::{NewToken, RefPatterns, Scope, Scopes, Secret, Token, TokenError};

/// Name of the database in a tree's state directory.
const FILE: &str = "server.db";

/// Connections of a server at most.
const MOST_CONNECTIONS: u32 = 8;

/// How long to wait for a connection: longer than SQLite waits for a writer (5 s), and no longer than who asks does.
const PATIENCE: Duration = Duration::from_secs(10);

/// Characters of a path that mean something in a URL.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

/// Why state cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The database refused.
    #[error("cannot {action} in the server's database")]
    Database {
        /// What was tried, a verb phrase.
        action: &'static str,
        /// Why.
        source: sqlx::Error,
    },
    /// Its tables cannot be brought up to date.
    #[error("cannot bring the server's database up to date")]
    Migration(#[from] MigrateError),
    /// Its file cannot be made.
    #[error("cannot open `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Hint for StateError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Database { .. } => None,
            Self::Migration(_) => Some(
                "a newer version of the program may have used it; use that one, or restore a backup"
                    .to_owned(),
            ),
            Self::File { .. } => Some("choose a place you may write to".to_owned()),
        }
    }
}

/// Names the operation of a result of the database.
trait Action<T> {
    fn on(self, action: &'static str) -> Result<T, StateError>;
}

impl<T> Action<T> for Result<T, sqlx::Error> {
    fn on(self, action: &'static str) -> Result<T, StateError> {
        self.map_err(|source| StateError::Database { action, source })
    }
}

/// Where a database is.
#[derive(Clone)]
pub enum StatePlace {
    /// SQLite, in a file.
    File(PathBuf),
    /// What the configuration names; it may hold a password.
    Url(String),
}

impl std::fmt::Debug for StatePlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Url(_) => f.write_str("Url(***)"),
        }
    }
}

impl StatePlace {
    /// Whether there is a database; one behind a URL is taken to be there.
    pub fn is_there(&self) -> bool {
        match self {
            Self::File(path) => path.is_file(),
            Self::Url(_) => true,
        }
    }

    /// Opens it; a file is made where there is none.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn open(&self) -> Result<State, StateError> {
        match self {
            Self::File(path) => State::at(path).await,
            Self::Url(url) => State::open(url).await,
        }
    }
}

/// An open database.
#[derive(Debug, Clone)]
pub struct State {
    pool: AnyPool,
}

impl State {
    /// Where the database of a tree is, unless another one is configured.
    pub fn file_of(state_directory: &Path) -> PathBuf {
        state_directory.join(FILE)
    }

    /// Opens the SQLite database in a file, which is made for its owner only if it is not there.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn at(path: &Path) -> Result<Self, StateError> {
        let unusable = |source| StateError::File {
            path: path.to_owned(),
            source,
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(folder).map_err(unusable)?;
        // Two processes must not bring the tables up to date at once. Not the database itself: to close it again
        // would end the locks SQLite holds on it.
        let alone = File::open(folder).map_err(unusable)?;
        let locked = spawn_blocking(move || alone.lock().map(|()| alone)).await;
        let alone = locked
            .unwrap_or_else(|e| Err(io::Error::other(e)))
            .map_err(unusable)?;
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)
            .map_err(unusable)?;
        let path = std::path::absolute(path).map_err(unusable)?;
        let text = path.to_str().ok_or_else(|| {
            unusable(io::Error::new(
                io::ErrorKind::InvalidFilename,
                "the path is not UTF-8",
            ))
        })?;
        let path = utf8_percent_encode(text, PATH);
        let opened = Self::open(&format!("sqlite://{path}?mode=rw")).await;
        drop(alone);
        opened
    }

    /// Opens the database at `url`, `sqlite:…` or `postgres:…`, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn open(url: &str) -> Result<Self, StateError> {
        sqlx::any::install_default_drivers();
        let pool = AnyPoolOptions::new()
            .max_connections(MOST_CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .connect(url)
            .await
            .on("connect")?;
        if url.starts_with("sqlite:") {
            // Readers and the writer do not wait for each other; the file keeps this. What is acknowledged is durable, as
            // SQLite does unless it is told not to. Not `after_connect`: a pool tries that again until its patience ends,
            // and then does not say what was wrong, a full disk for one.
            let set = sqlx::query("PRAGMA journal_mode = WAL").execute(&pool);
            set.await.on("prepare the file")?;
        }
        migrator().run(&pool).await?;
        Ok(Self { pool })
    }
}

impl State {
    /// Writes a copy of a SQLite database, as it is at one moment, to a file that is not there; `false` for another
    /// database, which has its own ways.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn copy_to(&self, path: &Path) -> Result<bool, StateError> {
        const ACTION: &str = "copy the database";
        let mut connection = self.pool.acquire().await.on(ACTION)?;
        if connection.backend_name() != "SQLite" {
            return Ok(false);
        }
        let copy = sqlx::query("VACUUM INTO $1").bind(path.to_string_lossy().into_owned());
        copy.execute(&mut *connection).await.on(ACTION)?;
        Ok(true)
    }

    /// Asks the database something, to see whether it answers.
    pub(crate) async fn answers(&self) -> Result<(), StateError> {
        let asked = sqlx::query("SELECT 1").fetch_one(&self.pool).await;
        asked.map(drop).on("read")
    }
}

fn migrator() -> Migrator {
    const MIGRATIONS: [(i64, &str, &str); 8] = [
        (
            1,
            "tokens and audit",
            include_str!("../../migrations/0001_tokens_and_audit.sql"),
        ),
        (
            2,
            "downloads",
            include_str!("../../migrations/0002_downloads.sql"),
        ),
        (
            3,
            "accounts",
            include_str!("../../migrations/0003_accounts.sql"),
        ),
        (
            4,
            "components",
            include_str!("../../migrations/0004_components.sql"),
        ),
        (5, "jobs", include_str!("../../migrations/0005_jobs.sql")),
        (
            6,
            "pack indices",
            include_str!("../../migrations/0006_pack_indices.sql"),
        ),
        (
            7,
            "pack configs",
            include_str!("../../migrations/0007_pack_configs.sql"),
        ),
        (
            8,
            "counters",
            include_str!("../../migrations/0008_counters.sql"),
        ),
    ];
    let migrations = MIGRATIONS.map(|(version, description, sql)| {
        Migration::new(
            version,
            Cow::Borrowed(description),
            MigrationType::Simple,
            sqlx::SqlStr::from_static(sql),
            false,
        )
    });
    Migrator {
        migrations: Cow::Owned(migrations.into()),
        ..Migrator::DEFAULT
    }
}
