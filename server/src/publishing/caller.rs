//! Who asks: the token of a request, and what it allows.

use std::net::IpAddr;
use std::num::NonZeroU32;

use attune_indexer::changes::Authority;
use governor::clock::DefaultClock;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use hyper::header::{
    AUTHORIZATION, HeaderName, HeaderValue, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{HeaderMap, StatusCode};

use tokio::sync::OnceCell;

use super::target::Target;
use super::{now, unwritten};
use crate::problem::Problem;
use crate::state::{Scope, Secret, State, StatePlace, Token};

/// Wrong tokens that an address may send in a burst, and in each minute after it.
const WRONG_TOKENS: NonZeroU32 = NonZeroU32::new(30).unwrap();

/// Addresses that are remembered before old ones are forgotten.
const MOST_ADDRESSES: usize = 10_000;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Those who have tokens, and those who guess.
#[derive(Debug)]
pub(super) struct Callers {
    place: StatePlace,
    /// Opened when it is first needed: a tree that nobody may change needs none.
    state: OnceCell<State>,
    wrong: RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, DefaultClock>,
}

/// Somebody with a valid token.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) token: Token,
}

impl Callers {
    pub(super) fn new(place: StatePlace) -> Self {
        Self {
            place,
            state: OnceCell::new(),
            wrong: RateLimiter::keyed(Quota::per_minute(WRONG_TOKENS)),
        }
    }

    /// The database, which is there once the first token was made.
    pub(super) async fn state(&self) -> Result<&State, Problem> {
        if self.state.get().is_none() && !self.place.is_there() {
            return Err(unknown(
                "this registry has no tokens, so nobody may change it",
            ));
        }
        self.state
            .get_or_try_init(|| self.place.open())
            .await
            .map_err(unwritten)
    }

    /// The caller of a request from `address`.
    pub(super) async fn of(&self, headers: &HeaderMap, address: IpAddr) -> Result<Caller, Problem> {
        let Some(secret) = bearer(headers) else {
            return Err(unknown("this needs a token: `Authorization: Bearer …`"));
        };
        let found = self.state().await?.find_token(&secret, now()).await;
        if let Some(token) = found.map_err(unwritten)? {
            return Ok(Caller { token });
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

impl Caller {
    /// That the token allows what is asked.
    pub(super) fn may(&self, target: &Target) -> Result<(), Problem> {
        let scope = target.verb.scope();
        if !self.token.scopes.allow(scope) {
            return Err(forbidden(format!(
                "the token does not allow to {scope}\n  scopes  {}",
                self.token.scopes
            )));
        }
        if scope != Scope::Read && !self.token.refs.match_ref(&target.pack_ref) {
            return Err(forbidden(format!(
                "the token is not for `{}`\n  refs  {}",
                target.pack_ref, self.token.refs
            )));
        }
        Ok(())
    }

    pub(super) fn authority(&self, target: &Target) -> Authority {
        Authority {
            name: self.token.account.clone(),
            is_admin: self.token.scopes.allow(Scope::Admin),
            is_named: self.token.refs.name(&target.pack_ref),
        }
    }
}

/// Refuses what a page of another site made a browser send.
pub(super) fn refuse_pages(headers: &HeaderMap) -> Result<(), Problem> {
    let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
    let is_foreign = site.is_some_and(|site| !matches!(site, b"same-origin" | b"none"));
    if is_foreign || headers.contains_key(ORIGIN) {
        return Err(forbidden(
            "changes are not taken from pages in a browser".to_owned(),
        ));
    }
    Ok(())
}

fn bearer(headers: &HeaderMap) -> Option<Secret> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, text) = value.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| Secret::new(text.trim()))
}

fn unknown(message: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
        .with_hint("ask the registry's operator for a token: `attune registry token create`")
        .with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

fn forbidden(message: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "forbidden", message)
}
