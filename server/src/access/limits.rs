//! How much one address or one token may ask.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use hyper::StatusCode;
use hyper::header::RETRY_AFTER;

use crate::problem::Problem;

/// After so many checks, those who have not asked for a while are forgotten.
const FORGET_EVERY: u32 = 10_000;

/// So many requests in a time, all of them at once if need be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    requests: NonZeroU32,
    time: Duration,
}

/// A text that is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no rate such as 100/s, 600/m or 10000/h", pack_format::text::printable(.0))]
pub struct RateError(String);

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let read = || {
            let (requests, unit) = text.split_once('/')?;
            let time = match unit {
                "s" => Duration::from_secs(1),
                "m" => Duration::from_mins(1),
                "h" => Duration::from_hours(1),
                _ => return None,
            };
            let requests = requests.parse().ok()?;
            Some(Self { requests, time })
        };
        read().ok_or_else(|| RateError(text.to_owned()))
    }
}

/// Rates of addresses and of tokens; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// Of one address, or of one /64 network of IPv6, which is what one customer gets.
    pub per_address: Option<Rate>,
    /// Of one token.
    pub per_token: Option<Rate>,
}

/// Who has asked how much.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) rates: Rates,
    addresses: Option<Limiter<IpAddr>>,
    tokens: Option<Limiter<String>>,
}

impl Limits {
    pub(crate) fn new(rates: Rates) -> Self {
        Self {
            rates,
            addresses: rates.per_address.map(Limiter::new),
            tokens: rates.per_token.map(Limiter::new),
        }
    }

    pub(crate) fn address(&self, address: IpAddr) -> Result<(), Problem> {
        let Some(limiter) = &self.addresses else {
            return Ok(());
        };
        let key = match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            address @ IpAddr::V4(_) => address,
        };
        limiter.check(&key, "address")
    }

    pub(crate) fn token(&self, id: &String) -> Result<(), Problem> {
        match &self.tokens {
            Some(limiter) => limiter.check(id, "token"),
            None => Ok(()),
        }
    }
}

#[derive(Debug)]
struct Limiter<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock>,
    checks: AtomicU32,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    fn new(rate: Rate) -> Self {
        let each = rate.time / rate.requests.get();
        // Faster than the clock can tell is no limit.
        let quota = Quota::with_period(each.max(Duration::from_nanos(1)));
        let quota = quota.unwrap_or(Quota::per_second(rate.requests));
        Self {
            limiter: RateLimiter::keyed(quota.allow_burst(rate.requests)),
            checks: AtomicU32::new(0),
        }
    }

    fn check(&self, key: &K, what: &str) -> Result<(), Problem> {
        if self.checks.fetch_add(1, Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiter.retain_recent();
        }
        let Err(denied) = self.limiter.check_key(key) else {
            return Ok(());
        };
        let wait = denied.wait_time_from(DefaultClock::default().now());
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            format!("too many requests of this {what}"),
        )
        .with(RETRY_AFTER, seconds.max(1).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A burst of what the time allows, then no more; others are not touched.
    #[test]
    fn rate_allows_its_burst_and_no_more() {
        let limits = Limits::new(Rates {
            per_address: Some("3/h".parse().unwrap()),
            per_token: None,
        });
        let rows = [
            ("192.0.2.1", true),
            ("192.0.2.1", true),
            ("::ffff:192.0.2.1", true),
            ("192.0.2.1", false),
            ("192.0.2.2", true),
            ("2001:db8::1", true),
            ("2001:db8::2", true),
            ("2001:db8::3", true),
            ("2001:db8::4", false),
            ("2001:db8:0:1::1", true),
        ];
        for (n, (address, allowed)) in rows.into_iter().enumerate() {
            let answer = limits.address(address.parse().unwrap());
            assert_eq!(answer.is_ok(), allowed, "{n}: {address}");
        }
        assert!(limits.token(&"any".to_owned()).is_ok());
        for wrong in ["0/s", "3", "3/d", "x/s", "-1/s", "1.5/s"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
