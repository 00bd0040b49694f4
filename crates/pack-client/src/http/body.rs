//! A body on its way in: counted, hashed, never too slow, and taken up again where it broke off.

use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_ENCODING, CONTENT_RANGE, DATE, ETAG, LAST_MODIFIED};
use reqwest::{Response, StatusCode};

use super::{Download, header, shown};
use crate::fetch_error::FetchError;
use crate::reporter::Reporter;
use crate::settings::ClientSettings;
use crate::spool::{Received, Spool};

/// What earlier tries of one download have left.
#[derive(Debug, Default)]
pub(super) struct Partial {
    spool: Option<Spool>,
    /// What the bytes belong to, in a form that `If-Range` takes.
    validator: Option<String>,
}

impl Partial {
    /// From which byte on, and of what, the rest is wanted; `None` when there is nothing to go on with.
    pub(super) fn rest(&self) -> Option<(u64, &str)> {
        let have = self.spool.as_ref()?.size_bytes();
        let validator = self.validator.as_deref()?;
        (have > 0).then_some((have, validator))
    }

    /// Drops what is there; tells that progress is void, if there was some.
    pub(super) fn forget(&mut self, download: Download<'_>, reporter: &dyn Reporter) {
        let had = self.spool.take().is_some_and(|s| s.size_bytes() > 0);
        self.validator = None;
        if let Some(subject) = download.subject
            && had
        {
            reporter.download_restarted(subject);
        }
    }

    /// Takes a body of status 200, or the rest of one (206), to its end.
    pub(super) async fn take(
        &mut self,
        response: Response,
        download: Download<'_>,
        settings: &ClientSettings,
        reporter: &dyn Reporter,
    ) -> Result<Received, FetchError> {
        let url = shown(download.url);
        let whole = if response.status() == StatusCode::PARTIAL_CONTENT {
            let Some(whole) = self.continues(&response) else {
                self.forget(download, reporter);
                return Err(FetchError::Range { url });
            };
            Some(whole)
        } else {
            self.forget(download, reporter);
            self.validator = strong_validator(&response);
            response.content_length()
        };
        let encoding = content_encoding(&response);
        // In another coding the file has another size, which is then no news.
        let encoded = |error: FetchError| match (&error, encoding.as_deref()) {
            (FetchError::TooLarge { url, .. }, Some(encoding)) => {
                FetchError::encoded(url.clone(), encoding)
            }
            _ => error,
        };
        if whole.is_some_and(|n| n > download.limit) {
            let limit = download.limit;
            return Err(encoded(FetchError::TooLarge { url, limit }));
        }
        let fresh = || Spool::new(download.spool);
        let spool = self.spool.get_or_insert_with(fresh);
        receive(response, spool, download, settings, reporter)
            .await
            .map_err(encoded)?;
        let received = self.spool.take().unwrap_or_else(fresh).finish();
        Ok(received.in_encoding(encoding))
    }

    /// The size of the whole, if a 206 is the rest of what is there.
    fn continues(&self, response: &Response) -> Option<u64> {
        let (have, validator) = self.rest()?;
        // A server that ignores `If-Range` still says what it sends.
        let same = validator.starts_with('"');
        if same && header(response, &ETAG).is_some_and(|etag| etag != validator) {
            return None;
        }
        let (first, whole) = content_range(&header(response, &CONTENT_RANGE)?)?;
        (first == have && whole >= have).then_some(whole)
    }
}

/// The coding of a body, if it is in one.
fn content_encoding(response: &Response) -> Option<String> {
    let named = header(response, &CONTENT_ENCODING)?;
    (!named.is_empty() && !named.eq_ignore_ascii_case("identity")).then_some(named)
}

/// First byte and size of the whole of `bytes 5-9/10`.
fn content_range(text: &str) -> Option<(u64, u64)> {
    let (range, whole) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, whole) = (
        first.parse::<u64>().ok()?,
        last.parse::<u64>().ok()?,
        whole.parse::<u64>().ok()?,
    );
    (first <= last && last.checked_add(1)? == whole).then_some((first, whole))
}

/// A validator that promises equal bytes (RFC 9110, section 8.8.2.2): an entity tag that is not weak, or a time of
/// change well before the answer.
fn strong_validator(response: &Response) -> Option<String> {
    if let Some(etag) = header(response, &ETAG) {
        return etag.starts_with('"').then_some(etag);
    }
    let changed = header(response, &LAST_MODIFIED)?;
    let at = httpdate::parse_http_date(&changed).ok()?;
    let answered = httpdate::parse_http_date(&header(response, &DATE)?).ok()?;
    let age = answered.duration_since(at).ok()?;
    (age >= Duration::from_mins(1)).then_some(changed)
}

async fn receive(
    mut response: Response,
    spool: &mut Spool,
    download: Download<'_>,
    settings: &ClientSettings,
    reporter: &dyn Reporter,
) -> Result<(), FetchError> {
    let url = shown(download.url);
    let mut pace = Pace::new(settings);
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|e| FetchError::from_reqwest(&url, e))?
    {
        if spool.size_bytes() + chunk.len() as u64 > download.limit {
            return Err(FetchError::TooLarge {
                url,
                limit: download.limit,
            });
        }
        spool.push(&chunk).map_err(|source| FetchError::Keep {
            url: url.clone(),
            source,
        })?;
        if let Some(subject) = download.subject {
            reporter.download_advanced(subject, chunk.len() as u64);
        }
        if pace.is_too_slow(chunk.len() as u64, Instant::now()) {
            return Err(FetchError::Slow {
                url,
                rate: settings.minimum_rate,
            });
        }
    }
    Ok(())
}

/// Whether a body comes at the least rate, judged over one span after the other.
struct Pace {
    span: Duration,
    /// Bytes per second.
    least: u64,
    since: Instant,
    bytes: u64,
}

impl Pace {
    fn new(settings: &ClientSettings) -> Self {
        Self {
            span: settings.read_timeout,
            least: settings.minimum_rate,
            since: Instant::now(),
            bytes: 0,
        }
    }

    fn is_too_slow(&mut self, bytes: u64, now: Instant) -> bool {
        self.bytes += bytes;
        let elapsed = now.duration_since(self.since);
        if elapsed < self.span {
            return false;
        }
        let due = u128::from(self.least) * elapsed.as_millis() / 1000;
        let slow = u128::from(self.bytes) < due;
        self.since = now;
        self.bytes = 0;
        slow
    }
}

#[cfg(test)]
mod tests {
    use pack_format::Timestamp;

    use super::*;

    /// Only a range up to the end is of use.
    #[test]
    fn content_range_is_the_rest_of_the_whole() {
        let rows = [
            ("bytes 5-9/10", Some((5, 10))),
            ("bytes 0-9/10", Some((0, 10))),
            ("bytes 5-8/10", None),
            ("bytes 9-5/6", None),
            ("bytes 5-9/*", None),
            ("bytes */10", None),
            ("bytes 0-18446744073709551615/0", None),
            ("lines 5-9/10", None),
        ];
        for (text, expected) in rows {
            assert_eq!(content_range(text), expected, "{text}");
        }
    }

    /// A span is judged when it is over; a slow start is made up for within it, not after it.
    #[test]
    fn pace_is_judged_span_by_span() {
        let mut settings = ClientSettings::new(Timestamp::from_unix(0));
        settings.read_timeout = Duration::from_secs(10);
        settings.minimum_rate = 100;
        let mut pace = Pace::new(&settings);
        let start = pace.since;
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(!pace.is_too_slow(1, at(9)));
        assert!(!pace.is_too_slow(999, at(10)));
        assert!(!pace.is_too_slow(1, at(19)));
        assert!(pace.is_too_slow(998, at(20)));
    }
}
