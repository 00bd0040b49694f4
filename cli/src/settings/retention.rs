//! What stays after changes: `retention`.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use attune_installer::{CacheKeep, Retention};
use bytesize::ByteSize;

use super::{Settings, wrong};
use crate::failure::Failure;

/// Most bytes of a cache that no setting bounds.
const CACHE_SIZE: ByteSize = ByteSize::gib(1);

/// A limit, or `none`.
struct Limit<T>(Option<T>);

impl<T: FromStr> FromStr for Limit<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        Ok(Self(match text {
            "none" => None,
            text => Some(text.parse()?),
        }))
    }
}

impl Settings {
    /// What stays after each change of what is installed; without settings, everything but what is too much of a cache.
    pub(crate) fn retention(&self) -> Result<Retention, Failure> {
        let generations: Option<NonZeroUsize> =
            self.retained("generations", "a number of generations, 1 or more")?;
        let days: Option<u32> = self.retained("days", "a whole number of days")?;
        let cache: Option<Limit<ByteSize>> =
            self.retained("cache_size", "a size, such as 500MB or 2GiB, or `none`")?;
        let cache = cache.map_or(Some(CACHE_SIZE), |limit| limit.0);
        Ok(Retention {
            generations: generations.map(NonZeroUsize::get),
            age: days.map(self::days),
            cache: CacheKeep {
                age: None,
                size_bytes: cache.map(|size| size.as_u64()),
            },
        })
    }

    fn retained<T: FromStr>(&self, key: &str, expected: &str) -> Result<Option<T>, Failure> {
        let path = ["retention", key];
        let Some(found) = self.find(&path)? else {
            return Ok(None);
        };
        if found.node.is_null() {
            return Ok(None);
        }
        let value = found.node.scalar().and_then(|s| s.text().parse().ok());
        value
            .map(Some)
            .ok_or_else(|| wrong(&path, &found, expected))
    }
}

/// A number of days.
pub(crate) fn days(number: u32) -> Duration {
    Duration::from_hours(24 * u64::from(number))
}
