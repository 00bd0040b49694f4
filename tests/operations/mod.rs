//! What those who run a registry rely on.

mod access;
mod backup;
mod database;
mod limits;
mod log;
mod openapi;
mod reload;
mod restart;
mod statistics;
mod templates;

use std::time::{Duration, Instant};

/// Asks until the answer is yes, for at most half a minute.
#[track_caller]
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::yield_now();
    }
}
