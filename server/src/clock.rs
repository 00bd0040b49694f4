//! The time of day, in one place.

use std::time::{SystemTime, UNIX_EPOCH};

use pack_format::Timestamp;

/// Now, to the second.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_unix(since.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX)))
}
