//! `Callers`: whose token a request shows.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{LivePolicy, credentials};
use crate::clock::now;
use crate::problem::Problem;
use crate::state::{Secret, SecretHash, SharedState, State, StateError, Token};
use governor::clock::DefaultClock;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use hyper::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{HeaderMap, StatusCode};

/// Wrong tokens that an address may send in a burst, and in each minute after it.
const WRONG_TOKENS: NonZeroU32 = NonZeroU32::new(30).unwrap();

/// Addresses that are remembered before old ones are forgotten.
const MOST_ADDRESSES: usize = 10_000;

/// How long a reader's token is taken to be as it was: a page is some ten requests.
const READERS_TIME: Duration = Duration::from_secs(2);

/// Readers that are remembered.
const MOST_READERS: usize = 1000;

/// Those who have tokens, and those who guess.
#[derive(Debug)]
pub struct Callers {
    state: Arc<SharedState>,
    policy: Arc<LivePolicy>,
    wrong: RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, DefaultClock>,
    readers: Mutex<BTreeMap<SecretHash, (Instant, Arc<Token>)>>,
}

/// Somebody with a valid token.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) token: Arc<Token>,
}

impl Callers {
    /// Those whose tokens the database knows, which need not be there yet; each within the rate of `policy`.
    pub fn new(state: Arc<SharedState>, policy: Arc<LivePolicy>) -> Self {
        Self {
            state,
            policy,
            wrong: RateLimiter::keyed(Quota::per_minute(WRONG_TOKENS)),
            readers: Mutex::default(),
        }
    }

    /// The database, which is there once the first token was made.
    pub(crate) async fn state(&self) -> Result<&State, Problem> {
        let state = self.state.existing().await.map_err(unusable)?;
        state.ok_or_else(|| unknown("this registry has no tokens yet"))
    }

    /// Who wants to change something.
    pub(crate) async fn of(&self, headers: &HeaderMap, address: IpAddr) -> Result<Caller, Problem> {
        let Some(secret) = credentials::of_program(headers) else {
            return Err(unknown("this needs a token: `Authorization: Bearer …`"));
        };
        self.find(&secret, address).await
    }

    /// Who wants to read. A revocation is noticed after [`READERS_TIME`].
    pub(crate) async fn reader(
        &self,
        headers: &HeaderMap,
        address: IpAddr,
    ) -> Result<Caller, Problem> {
        let Some(secret) = credentials::of_reader(headers) else {
            return Err(unknown(
                "this registry is private: `Authorization: Bearer …`, or a token as the password",
            ));
        };
        let hash = secret.hash();
        if let Some(token) = self.remembered(&hash) {
            return self.within_rate(token);
        }
        let caller = self.find(&secret, address).await?;
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() >= MOST_READERS {
            readers.clear();
        }
        readers.insert(hash, (Instant::now(), Arc::clone(&caller.token)));
        Ok(caller)
    }

    fn within_rate(&self, token: Arc<Token>) -> Result<Caller, Problem> {
        self.policy.get().limits.token(&token.id)?;
        Ok(Caller { token })
    }

    fn remembered(&self, hash: &SecretHash) -> Option<Arc<Token>> {
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, token) = readers.get(hash)?;
        let holds = since.elapsed() < READERS_TIME && token.is_valid(now());
        holds.then(|| Arc::clone(token))
    }

    async fn find(&self, secret: &Secret, address: IpAddr) -> Result<Caller, Problem> {
        let state = self.state().await?;
        let found = state.find_token(secret, now()).await;
        if let Some(token) = found.map_err(unusable)? {
            return self.within_rate(Arc::new(token));
        }
        if self.wrong.len() > MOST_ADDRESSES {
            self.wrong.retain_recent();
        }
        if self.wrong.check_key(&address).is_err() {
            return Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_attempts",
                "too many wrong tokens came from this address",
            )
            .with(RETRY_AFTER, HeaderValue::from_static("60")));
        }
        // One text for all: who guesses does not learn whether a token ended or never was.
        Err(unknown("the token is unknown, has ended, or was revoked"))
    }
}

fn unknown(message: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
        .with_hint("ask the registry's operator for a token: `attune registry token create`")
        .with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

pub(crate) fn forbidden(message: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "forbidden", message)
}

fn unusable(_: StateError) -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "state_unavailable",
        "the server's database cannot be used; nothing was changed",
    )
}
