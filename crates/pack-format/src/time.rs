//! `Timestamp`: an instant in UTC with second precision, written `2026-01-31T12:00:00Z`; `Day`: a day in UTC.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An instant in UTC, whole seconds.
///
/// Written as RFC 3339 with `Z`, so text order is time order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(jiff::Timestamp);

/// A text that is no RFC 3339 instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an RFC 3339 time such as `2026-01-31T12:00:00Z`")]
pub struct TimestampError(String);

impl Timestamp {
    /// The instant `seconds` after 1970-01-01T00:00:00Z, clamped to what a date can hold.
    pub fn from_unix(seconds: i64) -> Self {
        let clamped = seconds.clamp(
            jiff::Timestamp::MIN.as_second(),
            jiff::Timestamp::MAX.as_second(),
        );
        Self(jiff::Timestamp::from_second(clamped).unwrap_or(jiff::Timestamp::UNIX_EPOCH))
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn as_unix(self) -> i64 {
        self.0.as_second()
    }

    /// The day it belongs to.
    pub fn day(self) -> Day {
        Day(self.0.to_zoned(jiff::tz::TimeZone::UTC).date())
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        text.parse::<jiff::Timestamp>()
            .map(|t| Self::from_unix(t.as_second()))
            .map_err(|_| TimestampError(crate::text::printable(text)))
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimestampError;

    fn try_from(text: String) -> Result<Self, TimestampError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

/// A day in UTC, written `2026-01-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(jiff::civil::Date);

/// A text that is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a day such as `2026-01-31`")]
pub struct DayError(String);

impl Day {
    /// The day so many days after 1970-01-01, clamped to what a date can hold.
    pub fn from_unix(days: i64) -> Self {
        Timestamp::from_unix(days.saturating_mul(SECONDS_OF_A_DAY)).day()
    }

    /// Days since 1970-01-01.
    pub fn as_unix(self) -> i64 {
        let midnight = self.0.to_zoned(jiff::tz::TimeZone::UTC);
        midnight.map_or(0, |at| at.timestamp().as_second() / SECONDS_OF_A_DAY)
    }

    /// The day so many days later, or before.
    #[must_use]
    pub fn plus(self, days: i64) -> Self {
        Self::from_unix(self.as_unix().saturating_add(days))
    }
}

const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let day = text.parse().map(Self);
        // One spelling each: they are keys.
        day.ok()
            .filter(|day| day.to_string() == text)
            .ok_or_else(|| DayError(crate::text::printable(text)))
    }
}

impl TryFrom<String> for Day {
    type Error = DayError;

    fn try_from(text: String) -> Result<Self, DayError> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days count from 1970, before and after, and have one spelling.
    #[test]
    fn days_count_from_1970() {
        for (text, number) in [("1970-01-01", 0), ("2026-11-26", 20783), ("1969-12-31", -1)] {
            let day: Day = text.parse().unwrap();
            assert_eq!(
                (day.as_unix(), Day::from_unix(number)),
                (number, day),
                "{text}"
            );
            assert_eq!(day.to_string(), text);
        }
        let late = Timestamp::from_unix(20784 * SECONDS_OF_A_DAY - 1);
        assert_eq!(late.day().plus(1).to_string(), "2026-11-27");
        for wrong in [
            "2026-1-1",
            "2026-02-30",
            "today",
            "2026-11-26T00:00:00",
            "20261126",
        ] {
            assert!(wrong.parse::<Day>().is_err(), "{wrong}");
        }
    }
}
