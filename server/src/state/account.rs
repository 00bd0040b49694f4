//! Accounts: people who log in with a password and get a token for it.

use std::fmt;

use pack_format::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::Row as _;

use super::{Action as _, Scope, Scopes, State, StateError};

/// What somebody may do through the installation API; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// See what is installed, and look at packs.
    Viewer,
    /// Download, install and remove packs.
    Installer,
    /// Decide who does, and from where.
    Administrator,
}

impl Role {
    const ALL: [(Self, &'static str, Scope); 3] = [
        (Self::Viewer, "viewer", Scope::Viewer),
        (Self::Installer, "installer", Scope::Installer),
        (Self::Administrator, "administrator", Scope::Administrator),
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        let found = Self::ALL.iter().find(|(role, _, _)| *role == self);
        found.map_or("", |(_, name, _)| name)
    }

    /// The scope of a token that has it.
    pub fn scope(self) -> Scope {
        let found = Self::ALL.iter().find(|(role, _, _)| *role == self);
        found.map_or(Scope::Viewer, |(_, _, scope)| *scope)
    }

    /// The role that a token with these scopes has: the greatest of those named. Scopes of the registry give none.
    pub fn of(scopes: &Scopes) -> Option<Self> {
        let mut roles = Self::ALL.iter().rev();
        roles
            .find(|(_, _, scope)| scopes.name(*scope))
            .map(|(role, _, _)| *role)
    }

    fn parse(text: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, name, _)| *name == text);
        found.map(|(role, _, _)| *role)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Somebody who may log in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The address they log in with, in lower case.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// What argon2 made of the password, as a PHC string.
    pub(crate) password_hash: String,
}

impl State {
    /// Makes an account; `false` if one with this address is there, which stays as it is.
    ///
    /// # Errors
    /// [`StateError`].
    pub(crate) async fn create_account(
        &self,
        account: &Account,
        now: Timestamp,
    ) -> Result<bool, StateError> {
        let done = sqlx::query(
            "INSERT INTO accounts (email, password_hash, role, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (email) DO NOTHING",
        )
        .bind(&account.email)
        .bind(&account.password_hash)
        .bind(account.role.as_str())
        .bind(now.as_unix())
        .execute(&self.pool)
        .await
        .on("store an account")?;
        Ok(done.rows_affected() == 1)
    }

    /// The account with this address.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn account(&self, email: &str) -> Result<Option<Account>, StateError> {
        let row = sqlx::query("SELECT email, password_hash, role FROM accounts WHERE email = $1")
            .bind(email)
            .fetch_optional(&self.pool)
            .await
            .on("read an account")?;
        row.map(|row| {
            let role: String = row.try_get("role")?;
            let unknown = || sqlx::Error::Decode(format!("there is no role `{role}`").into());
            Ok(Account {
                email: row.try_get("email")?,
                role: Role::parse(&role).ok_or_else(unknown)?,
                password_hash: row.try_get("password_hash")?,
            })
        })
        .transpose()
        .on("read an account")
    }

    /// Whether anybody may log in.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn has_accounts(&self) -> Result<bool, StateError> {
        let row = sqlx::query("SELECT email FROM accounts LIMIT 1")
            .fetch_optional(&self.pool)
            .await
            .on("list accounts")?;
        Ok(row.is_some())
    }
}
