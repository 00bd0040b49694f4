//! Logging in: a password for a token.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::DefaultClock;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use pack_format::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::password::{MAX_BYTES, Passwords};
use crate::clock::now;
use crate::forms::DateTime;
use crate::problem::Problem;
use crate::state::{NewToken, RefPatterns, Role, Scopes, State, StateError};

/// How long a token from a login counts, in seconds.
const LIFETIME: u32 = 12 * 60 * 60;

/// How a token is sent (RFC 6750).
const TOKEN_TYPE: &str = "Bearer";

/// Tries from one address in a minute.
const PER_ADDRESS: NonZeroU32 = NonZeroU32::new(30).unwrap();

/// Tries from one address for one account in a minute. Not for the account alone, or anybody could lock it.
const PER_ACCOUNT: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// Addresses that are remembered before old ones are forgotten.
const MOST: usize = 10_000;

type Limiter<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock>;

/// Who logs in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    /// Address of the account.
    email: String,
    /// Its password.
    password: String,
}

/// A token for whoever logged in.
#[derive(Serialize, JsonSchema)]
pub(super) struct Login {
    /// Shown once: the server keeps its hash.
    access_token: String,
    /// How it is sent.
    #[schemars(extend("const" = TOKEN_TYPE))]
    token_type: &'static str,
    /// Seconds that it counts.
    expires_in: u32,
    /// When it ends.
    #[schemars(with = "DateTime")]
    expires_at: Timestamp,
    user: User,
}

/// Whose a token is.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct User {
    /// Address of the account.
    email: String,
    role: Role,
}

/// That a token is over.
#[derive(Serialize, JsonSchema)]
pub(super) struct Logout {
    /// Always `true`.
    pub(super) success: bool,
}

/// Whose the token of the request is.
#[derive(Serialize, JsonSchema)]
pub(super) struct Whoami {
    /// The account.
    pub(super) email: String,
    pub(super) role: Role,
    /// The name of the token; no secret.
    pub(super) token_id: String,
    /// When the token ends, if it does.
    #[schemars(with = "Option<DateTime>")]
    pub(super) expires_at: Option<Timestamp>,
}

/// Takes logins, and counts them.
#[derive(Debug)]
pub(super) struct Logins {
    passwords: Passwords,
    addresses: Limiter<IpAddr>,
    accounts: Limiter<(IpAddr, String)>,
}

impl Logins {
    pub(super) fn new() -> Self {
        Self {
            passwords: Passwords::new(),
            addresses: RateLimiter::keyed(Quota::per_minute(PER_ADDRESS)),
            accounts: RateLimiter::keyed(Quota::per_minute(PER_ACCOUNT)),
        }
    }

    /// Whether this address may try once more; asked before its body is read.
    pub(super) fn may_try(&self, address: IpAddr) -> Result<(), Problem> {
        if self.addresses.len() > MOST {
            self.addresses.retain_recent();
        }
        self.addresses.check_key(&address).map_err(|_| too_many())
    }

    /// A token for the right password.
    pub(super) async fn login(
        &self,
        credentials: Credentials,
        address: IpAddr,
        state: &State,
    ) -> Result<Login, Problem> {
        let email = credentials.email.trim().to_lowercase();
        if self.accounts.len() > MOST {
            self.accounts.retain_recent();
        }
        let key = (address, email.chars().take(256).collect());
        self.accounts.check_key(&key).map_err(|_| too_many())?;
        let account = state.account(&email).await.map_err(unusable)?;
        let password = credentials.password;
        let fits = password.len() <= MAX_BYTES;
        let hash = account.as_ref().map(|a| a.password_hash.clone());
        let is_right = fits && self.passwords.is_right(password, hash).await;
        let Some(account) = account.filter(|_| is_right) else {
            // One text for both: who guesses does not learn which addresses have accounts.
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "wrong_credentials",
                "no account has this address and this password",
            ));
        };
        let at = now();
        let expires_at = Timestamp::from_unix(at.as_unix() + i64::from(LIFETIME));
        let new = NewToken {
            account: account.email.clone(),
            scopes: Scopes::new([account.role.scope()]),
            refs: RefPatterns::new([]).map_err(|_| failed())?,
            note: "login".to_owned(),
            expires_at: Some(expires_at),
        };
        let (secret, _) = state.create_token(new, at).await.map_err(unusable)?;
        Ok(Login {
            access_token: secret.reveal().to_owned(),
            token_type: TOKEN_TYPE,
            expires_in: LIFETIME,
            expires_at,
            user: User {
                email: account.email,
                role: account.role,
            },
        })
    }
}

fn too_many() -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_attempts",
        "too many logins were tried from this address",
    )
    .with(RETRY_AFTER, HeaderValue::from_static("60"))
}

fn failed() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "failed",
        "the server failed; nothing was changed",
    )
}

pub(super) fn unusable(_: StateError) -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "state_unavailable",
        "the server's database cannot be used; nothing was changed",
    )
}
