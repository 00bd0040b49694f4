//! Conditional requests (RFC 9110 section 13): whether a client's copy is still good.

use hyper::HeaderMap;
use hyper::header::{
    HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE,
};
use std::time::SystemTime;

/// What tells one state of a representation from another.
#[derive(Debug, Clone)]
pub(crate) struct Validators {
    /// A strong entity tag, quotes included.
    pub(crate) etag: HeaderValue,
    /// The modification time in whole seconds.
    pub(crate) modified: Option<SystemTime>,
}

/// What the preconditions of a GET or HEAD come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Answer as if there were none.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412: the client asked for another state.
    Failed,
}

/// Evaluates the preconditions in the order of RFC 9110 section 13.2.2, `If-Range` excepted.
pub(crate) fn evaluate(headers: &HeaderMap, current: &Validators) -> Verdict {
    // Steps 1 and 2.
    if headers.contains_key(IF_MATCH) {
        if !lists(headers, IF_MATCH, &current.etag, Comparison::Strong) {
            return Verdict::Failed;
        }
    } else if let (Some(limit), Some(modified)) =
        (date(headers, IF_UNMODIFIED_SINCE), current.modified)
        && modified > limit
    {
        return Verdict::Failed;
    }
    // Steps 3 and 4.
    if headers.contains_key(IF_NONE_MATCH) {
        if lists(headers, IF_NONE_MATCH, &current.etag, Comparison::Weak) {
            return Verdict::NotModified;
        }
    } else if let Some(known) = date(headers, IF_MODIFIED_SINCE)
        // Equal, not "not later": a tree put back to an older state has older times, and a client that
        // saw the newer one must be told.
        && current.modified == Some(known)
    {
        return Verdict::NotModified;
    }
    Verdict::Proceed
}

/// Whether a range may be answered with a part: no `If-Range`, or it names the current state (step 5).
pub(crate) fn permits_range(headers: &HeaderMap, current: &Validators) -> bool {
    let Some(value) = headers.get(IF_RANGE) else {
        return true;
    };
    // A weak tag never matches: two states it calls equal may differ in their bytes.
    value == current.etag || (current.modified.is_some() && parse_date(value) == current.modified)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether the list of entity tags in `name` has `*` or `etag`.
fn lists(
    headers: &HeaderMap,
    name: HeaderName,
    etag: &HeaderValue,
    comparison: Comparison,
) -> bool {
    headers.get_all(name).iter().any(|value| {
        value.as_bytes().trim_ascii() == b"*"
            || has_tag(value.as_bytes(), etag.as_bytes(), comparison)
    })
}

/// Tags may contain commas, so the list is read tag by tag; what follows an unreadable one is ignored.
fn has_tag(mut list: &[u8], etag: &[u8], comparison: Comparison) -> bool {
    loop {
        while let [b' ' | b'\t' | b',', rest @ ..] = list {
            list = rest;
        }
        let strong = list.strip_prefix(b"W/").unwrap_or(list);
        let is_weak = strong.len() < list.len();
        let Some(end) = strong
            .strip_prefix(b"\"")
            .and_then(|text| text.iter().position(|byte| *byte == b'"'))
        else {
            return false;
        };
        let (tag, rest) = strong.split_at(end + 2);
        if tag == etag && !(is_weak && comparison == Comparison::Strong) {
            return true;
        }
        list = rest;
    }
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    headers.get(name).and_then(parse_date)
}

/// An HTTP date in any of its three forms; anything else is as good as absent.
fn parse_date(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::{Validators, Verdict, evaluate, permits_range};
    use hyper::HeaderMap;
    use hyper::header::{HeaderName, HeaderValue};
    use std::time::{Duration, UNIX_EPOCH};

    const OLDER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const NEWER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn current() -> Validators {
        Validators {
            etag: HeaderValue::from_static("\"a,b\""),
            modified: Some(UNIX_EPOCH + Duration::from_secs(784_111_777)),
        }
    }

    fn request(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    /// Each precondition alone, and the precedence between them.
    #[test]
    fn evaluate_follows_the_table() {
        use Verdict::{Failed, NotModified, Proceed};
        for (fields, expected) in [
            (&[][..], Proceed),
            (&[("if-none-match", "\"a,b\"")], NotModified),
            (&[("if-none-match", "W/\"a,b\"")], NotModified),
            (&[("if-none-match", "\"x\", W/\"y\",\"a,b\"")], NotModified),
            (&[("if-none-match", "*")], NotModified),
            (&[("if-none-match", "\"x\"")], Proceed),
            (&[("if-none-match", "a,b")], Proceed),
            (&[("if-none-match", "\"a")], Proceed),
            (
                &[("if-none-match", "\"x\""), ("if-modified-since", SAME)],
                Proceed,
            ),
            (&[("if-modified-since", SAME)], NotModified),
            (&[("if-modified-since", OLDER)], Proceed),
            (&[("if-modified-since", NEWER)], Proceed),
            (&[("if-modified-since", "yesterday")], Proceed),
            (&[("if-match", "\"a,b\"")], Proceed),
            (&[("if-match", "*")], Proceed),
            (&[("if-match", "W/\"a,b\"")], Failed),
            (&[("if-match", "\"x\"")], Failed),
            (&[("if-unmodified-since", OLDER)], Failed),
            (&[("if-unmodified-since", SAME)], Proceed),
            (
                &[("if-match", "\"a,b\""), ("if-unmodified-since", OLDER)],
                Proceed,
            ),
            (&[("if-match", "\"x\""), ("if-none-match", "*")], Failed),
        ] {
            assert_eq!(
                evaluate(&request(fields), &current()),
                expected,
                "{fields:?}"
            );
        }
    }

    /// Only the exact state allows a part.
    #[test]
    fn permits_range_needs_the_same_state() {
        for (fields, expected) in [
            (&[][..], true),
            (&[("if-range", "\"a,b\"")], true),
            (&[("if-range", "W/\"a,b\"")], false),
            (&[("if-range", "\"x\"")], false),
            (&[("if-range", SAME)], true),
            (&[("if-range", NEWER)], false),
            (&[("if-range", "nonsense")], false),
        ] {
            assert_eq!(
                permits_range(&request(fields), &current()),
                expected,
                "{fields:?}"
            );
        }
    }
}
