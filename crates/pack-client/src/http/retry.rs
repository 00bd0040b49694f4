//! When a request is tried again.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, SystemTime};

use crate::fetch_error::FetchError;
use crate::settings::ClientSettings;

/// How long to wait before the next try; `None` when there is none.
///
/// Twice as long each time, with up to half of it again at random, unless the server says how long. A
/// server that asks for more than we wait is not asked again before its time.
pub(super) fn pause(settings: &ClientSettings, tried: u32, error: &FetchError) -> Option<Duration> {
    if !error.is_transient() || tried >= settings.retries {
        return None;
    }
    if let FetchError::Status {
        retry_after: Some(seconds),
        ..
    } = error
    {
        let asked = Duration::from_secs(*seconds);
        return (asked <= settings.retry_pause_max).then_some(asked);
    }
    let base = settings.retry_pause.saturating_mul(1 << tried.min(6));
    let random = RandomState::new().build_hasher().finish() % 512;
    let jitter = base.mul_f64(f64::from(u16::try_from(random).unwrap_or(0)) / 1024.0);
    Some((base + jitter).min(settings.retry_pause_max))
}

/// The seconds of a `Retry-After`, which are given as such or as a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<u64> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(seconds);
    }
    let date = httpdate::parse_http_date(value).ok()?;
    // A date that has passed asks for no pause.
    let pause = date.duration_since(now).unwrap_or_default();
    Some(pause.as_secs() + u64::from(pause.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use pack_format::Timestamp;

    use super::*;

    fn status(retry_after: Option<u64>) -> FetchError {
        FetchError::Status {
            url: String::new(),
            status: 429,
            retry_after,
        }
    }

    /// The server's word counts up to the bound; beyond it there is no further try.
    #[test]
    fn retry_after_is_honoured_up_to_the_bound() {
        let settings = ClientSettings::new(Timestamp::from_unix(0));
        let rows = [(0, Some(0)), (30, Some(30)), (31, None)];
        for (asked, expected) in rows {
            let pause = pause(&settings, 0, &status(Some(asked)));
            assert_eq!(pause, expected.map(Duration::from_secs), "{asked}");
        }
        assert_eq!(pause(&settings, 3, &status(Some(0))), None);
    }

    /// Pauses double, and differ by up to half.
    #[test]
    fn pauses_double_with_jitter() {
        let settings = ClientSettings::new(Timestamp::from_unix(0));
        for (tried, least) in [(0, 500), (1, 1000), (2, 2000)] {
            let pause = pause(&settings, tried, &status(None)).unwrap().as_millis();
            assert!((least..=least * 3 / 2).contains(&pause), "{tried}: {pause}");
        }
    }

    /// Both forms of the header are read; a date counts from now.
    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let rows = [
            ("7", Some(7)),
            (" 7 ", Some(7)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ];
        for (value, expected) in rows {
            assert_eq!(retry_after(value, now), expected, "{value}");
        }
    }
}
