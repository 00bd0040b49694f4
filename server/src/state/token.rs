//! Tokens: who may do what, for how long. Only their hashes are stored, and looked up by.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use globset::{Glob, GlobMatcher};
use pack_format::{PackRef, Timestamp};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Action as _, State, StateError};

/// What secrets start with, so that scanners of repositories find leaked ones.
const PREFIX: &str = "attune_";

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// To read a private registry.
    Read,
    /// To publish versions.
    Publish,
    /// To yank, unyank and deprecate.
    Yank,
    /// Everything, of every pack.
    Admin,
    /// To see what is installed ([`Role::Viewer`](super::Role::Viewer)).
    Viewer,
    /// To install ([`Role::Installer`](super::Role::Installer)).
    Installer,
    /// To decide how things are installed ([`Role::Administrator`](super::Role::Administrator)).
    Administrator,
}

impl Scope {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Read, "read"),
        (Self::Publish, "publish"),
        (Self::Yank, "yank"),
        (Self::Admin, "admin"),
        (Self::Viewer, "viewer"),
        (Self::Installer, "installer"),
        (Self::Administrator, "administrator"),
    ];
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(scope, _)| scope == self);
        f.write_str(name.map_or("", |(_, name)| name))
    }
}

/// Why a text is no part of a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// No such scope.
    #[error(
        "there is no scope `{0}`: use read, publish, yank or admin, or a role: viewer, installer, administrator"
    )]
    Scope(String),
    /// No pattern of refs.
    #[error("`{0}` is no pattern of refs: use refs, with `*` for any characters")]
    Pattern(String),
}

impl FromStr for Scope {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        Self::ALL
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(scope, _)| *scope)
            .ok_or_else(|| TokenError::Scope(pack_format::text::printable(text)))
    }
}

/// Several scopes, sorted, each once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// These.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Self {
        let mut scopes: Vec<Scope> = scopes.into_iter().collect();
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes)
    }

    /// Whether they allow what `scope` does. Whoever may change a registry may read it.
    pub fn allow(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
            || self.0.contains(&Scope::Admin)
            || (scope == Scope::Read && !self.0.is_empty())
    }

    /// Whether `scope` is one of them, whatever others include.
    pub fn name(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.0.iter().map(Scope::to_string).collect();
        f.write_str(&names.join(","))
    }
}

/// Which packs a token is about: refs, with `*` for any characters.
#[derive(Debug, Clone)]
pub struct RefPatterns(Vec<GlobMatcher>);

impl RefPatterns {
    /// The patterns in `texts`, each also a list with commas.
    ///
    /// # Errors
    /// [`TokenError::Pattern`].
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, TokenError> {
        let texts = texts.into_iter().flat_map(|text| text.split(','));
        texts
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(|text| {
                let refused = || TokenError::Pattern(pack_format::text::printable(text));
                let is_usual = |b: u8| {
                    b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'*')
                };
                if !text.bytes().all(is_usual) {
                    return Err(refused());
                }
                let glob = Glob::new(text).map_err(|_| refused())?;
                Ok(glob.compile_matcher())
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether one of them matches.
    pub fn match_ref(&self, pack_ref: &PackRef) -> bool {
        self.0.iter().any(|glob| glob.is_match(pack_ref.as_str()))
    }

    /// Whether one matches that says more than `*`.
    pub fn name(&self, pack_ref: &PackRef) -> bool {
        let says_more = |glob: &&GlobMatcher| glob.glob().glob().bytes().any(|b| b != b'*');
        self.0
            .iter()
            .filter(says_more)
            .any(|glob| glob.is_match(pack_ref.as_str()))
    }
}

impl fmt::Display for RefPatterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<&str> = self.0.iter().map(|glob| glob.glob().glob()).collect();
        f.write_str(&texts.join(","))
    }
}

impl Serialize for RefPatterns {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text a client sends. Never printed by accident, never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// What is known of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SecretHash([u8; 32]);

impl SecretHash {
    fn text(&self) -> String {
        hex(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl Secret {
    /// What a client sent.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    fn random() -> Result<Self, StateError> {
        let bytes: [u8; 32] = random()?;
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// The text, to be given to its owner once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub(crate) fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

pub(super) fn random<const N: usize>() -> Result<[u8; N], StateError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| StateError::Database {
        action: "make a random value",
        source: sqlx::Error::Io(e.into()),
    })?;
    Ok(bytes)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Whose it is: the name owners of packs are known by.
    pub account: String,
    /// What it allows.
    pub scopes: Scopes,
    /// Of which packs.
    pub refs: RefPatterns,
    /// What it is for, in the operator's words.
    pub note: String,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A token as it is known.
#[derive(Debug, Clone, Serialize)]
pub struct Token {
    /// Its name; no secret.
    pub id: String,
    /// Whose it is.
    pub account: String,
    /// What it allows.
    pub scopes: Scopes,
    /// Of which packs.
    pub refs: RefPatterns,
    /// What it is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Since when no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// When something was changed with it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
}

impl Token {
    /// Whether it still counts.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

impl State {
    /// Makes a token; its secret is told this once.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn create_token(
        &self,
        new: NewToken,
        now: Timestamp,
    ) -> Result<(Secret, Token), StateError> {
        let secret = Secret::random()?;
        let id = hex(&random::<6>()?);
        sqlx::query(
            "INSERT INTO tokens (id, hash, account, scopes, refs, note, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&id)
        .bind(secret.hash().text())
        .bind(&new.account)
        .bind(new.scopes.to_string())
        .bind(new.refs.to_string())
        .bind(&new.note)
        .bind(now.as_unix())
        .bind(new.expires_at.map(Timestamp::as_unix))
        .execute(&self.pool)
        .await
        .on("store a token")?;
        let token = Token {
            id,
            account: new.account,
            scopes: new.scopes,
            refs: new.refs,
            note: new.note,
            created_at: now,
            expires_at: new.expires_at,
            revoked_at: None,
            used_at: None,
        };
        Ok((secret, token))
    }

    /// All tokens, oldest first, those that no longer count included.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn tokens(&self) -> Result<Vec<Token>, StateError> {
        let rows = sqlx::query("SELECT * FROM tokens ORDER BY created_at, id")
            .fetch_all(&self.pool)
            .await
            .on("list tokens")?;
        rows.iter().map(token).collect()
    }

    /// Ends a token; `None` if there is none of this name. Ending it twice keeps the first time.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn revoke_token(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<Token>, StateError> {
        sqlx::query("UPDATE tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
            .bind(now.as_unix())
            .bind(id)
            .execute(&self.pool)
            .await
            .on("revoke a token")?;
        let row = sqlx::query("SELECT * FROM tokens WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .on("read a token")?;
        row.as_ref().map(token).transpose()
    }

    /// The token with this secret, if it counts now.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn find_token(
        &self,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<Option<Token>, StateError> {
        // Looked up by the hash: no comparison takes longer the more of a secret is right.
        let row = sqlx::query("SELECT * FROM tokens WHERE hash = $1")
            .bind(secret.hash().text())
            .fetch_optional(&self.pool)
            .await
            .on("read a token")?;
        let found = row.as_ref().map(token).transpose()?;
        Ok(found.filter(|token| token.is_valid(now)))
    }

    /// Notes that something was changed with a token.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn token_used(&self, id: &str, now: Timestamp) -> Result<(), StateError> {
        sqlx::query("UPDATE tokens SET used_at = $1 WHERE id = $2")
            .bind(now.as_unix())
            .bind(id)
            .execute(&self.pool)
            .await
            .on("note the use of a token")?;
        Ok(())
    }
}

fn token(row: &AnyRow) -> Result<Token, StateError> {
    read(row).on("read a token")
}

fn read(row: &AnyRow) -> Result<Token, sqlx::Error> {
    let time = |column: &str| -> Result<Option<Timestamp>, sqlx::Error> {
        Ok(row
            .try_get::<Option<i64>, _>(column)?
            .map(Timestamp::from_unix))
    };
    let undecodable = |e: TokenError| sqlx::Error::Decode(Box::new(e));
    let scopes: String = row.try_get("scopes")?;
    let scopes: Vec<Scope> = scopes
        .split(',')
        .filter(|text| !text.is_empty())
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(undecodable)?;
    let refs: String = row.try_get("refs")?;
    Ok(Token {
        id: row.try_get("id")?,
        account: row.try_get("account")?,
        scopes: Scopes::new(scopes),
        refs: RefPatterns::new([refs.as_str()]).map_err(undecodable)?,
        note: row.try_get("note")?,
        created_at: time("created_at")?.unwrap_or(Timestamp::from_unix(0)),
        expires_at: time("expires_at")?,
        revoked_at: time("revoked_at")?,
        used_at: time("used_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn state() -> (tempfile::TempDir, State) {
        let dir = tempfile::tempdir().unwrap();
        let state = State::at(&dir.path().join("a %b/server.db")).await.unwrap();
        (dir, state)
    }

    fn new(expires_at: Option<Timestamp>) -> NewToken {
        NewToken {
            account: "ann".to_owned(),
            scopes: Scopes::new([Scope::Publish, Scope::Read, Scope::Publish]),
            refs: RefPatterns::new(["aws*,slack"]).unwrap(),
            note: String::new(),
            expires_at,
        }
    }

    /// A secret finds its token until that ends or is revoked; the database does not hold it.
    #[tokio::test]
    async fn tokens_are_found_by_secret_until_they_end() {
        let (dir, state) = state().await;
        let time = Timestamp::from_unix;
        let (secret, made) = state
            .create_token(new(Some(time(20))), time(10))
            .await
            .unwrap();
        assert!(secret.reveal().starts_with(PREFIX) && secret.reveal().len() == 50);
        let found = state.find_token(&secret, time(19)).await.unwrap().unwrap();
        assert_eq!(
            (found.id.as_str(), found.scopes.to_string()),
            (made.id.as_str(), "read,publish".to_owned())
        );
        assert!(state.find_token(&secret, time(20)).await.unwrap().is_none());
        assert!(
            state
                .find_token(&Secret::new("x"), time(11))
                .await
                .unwrap()
                .is_none()
        );
        state.token_used(&made.id, time(12)).await.unwrap();
        let revoked = state
            .revoke_token(&made.id, time(13))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(revoked.revoked_at, Some(time(13)));
        let again = state
            .revoke_token(&made.id, time(14))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (again.revoked_at, again.used_at),
            (Some(time(13)), Some(time(12)))
        );
        assert!(state.find_token(&secret, time(11)).await.unwrap().is_none());
        assert!(
            state
                .revoke_token("nobody", time(1))
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(state.tokens().await.unwrap().len(), 1);
        drop(state);
        let bare = secret.reveal().trim_start_matches(PREFIX);
        for entry in std::fs::read_dir(dir.path().join("a %b")).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(bare.len()).any(|w| w == bare.as_bytes()));
        }
    }

    /// Those who open a new database at once all get it.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn database_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.db");
        let opening: Vec<_> = (0..16)
            .map(|_| {
                let path = path.clone();
                tokio::spawn(async move { State::at(&path).await.map(drop) })
            })
            .collect();
        for opened in opening {
            opened.await.unwrap().unwrap();
        }
    }

    /// What scopes and patterns allow.
    #[test]
    fn scopes_and_patterns_allow_what_they_say() {
        let publish = Scopes::new([Scope::Publish]);
        assert!(publish.allow(Scope::Read) && !publish.allow(Scope::Yank));
        assert!(Scopes::new([Scope::Admin]).allow(Scope::Yank));
        assert!(!Scopes::new([]).allow(Scope::Read));
        let rows = [
            ("*", "slack", true, false),
            ("aws*", "aws_s3", true, true),
            ("aws*", "slack", false, false),
            ("slack", "slack", true, true),
        ];
        for (pattern, pack_ref, matches, names) in rows {
            let patterns = RefPatterns::new([pattern]).unwrap();
            let pack_ref: PackRef = pack_ref.parse().unwrap();
            assert_eq!(
                (patterns.match_ref(&pack_ref), patterns.name(&pack_ref)),
                (matches, names),
                "{pattern}"
            );
        }
        for wrong in ["a/b", "[a]", "{a,b}", "A", "a?"] {
            assert!(RefPatterns::new([wrong]).is_err(), "{wrong}");
        }
    }
}
