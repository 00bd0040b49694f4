//! Byte ranges (RFC 9110 section 14): which part of a file a client asks for.

use std::ops::Range;

/// What a `Range` field comes to for a file of known size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selected {
    /// The whole file: no range, several, another unit, or not readable.
    Whole,
    /// These bytes, at least one.
    Part(Range<u64>),
    /// 416: it begins behind the end.
    Unsatisfiable,
}

/// Reads `value` for a file of `size` bytes.
///
/// Several ranges get the whole file, which the RFC allows: no client here asks for them, and parts
/// that overlap are a known way to make a server send more than it has.
pub(crate) fn select(value: &[u8], size: u64) -> Selected {
    let parsed = std::str::from_utf8(value).ok().and_then(parse);
    let (first, last) = match parsed {
        None => return Selected::Whole,
        Some(Spec::From(first)) => (first, u64::MAX),
        Some(Spec::Between(first, last)) => (first, last),
        Some(Spec::Last(0)) => return Selected::Unsatisfiable,
        Some(Spec::Last(count)) => (size.saturating_sub(count), u64::MAX),
    };
    if first >= size {
        return Selected::Unsatisfiable;
    }
    Selected::Part(first..last.saturating_add(1).min(size))
}

enum Spec {
    From(u64),
    Between(u64, u64),
    Last(u64),
}

fn parse(text: &str) -> Option<Spec> {
    let (unit, set) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    match (first, last) {
        ("", count) => Some(Spec::Last(number(count)?)),
        (first, "") => Some(Spec::From(number(first)?)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Spec::Between(first, last))
        }
    }
}

/// Decimal digits and nothing else; a number too large for any file counts as the largest.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Selected, select};

    /// Every form, at and around the end of a file of ten bytes, and of an empty one.
    #[test]
    fn select_follows_the_table() {
        use Selected::{Part, Unsatisfiable, Whole};
        for (value, size, expected) in [
            ("bytes=0-4", 10, Part(0..5)),
            ("Bytes= 0-4 ", 10, Part(0..5)),
            ("bytes=0-0", 10, Part(0..1)),
            ("bytes=9-9", 10, Part(9..10)),
            ("bytes=9-10", 10, Part(9..10)),
            ("bytes=0-99999999999999999999999", 10, Part(0..10)),
            ("bytes=0-18446744073709551615", 10, Part(0..10)),
            ("bytes=4-", 10, Part(4..10)),
            ("bytes=-3", 10, Part(7..10)),
            ("bytes=-10", 10, Part(0..10)),
            ("bytes=-11", 10, Part(0..10)),
            ("bytes=-0", 10, Unsatisfiable),
            ("bytes=10-", 10, Unsatisfiable),
            ("bytes=10-12", 10, Unsatisfiable),
            ("bytes=99999999999999999999999-", 10, Unsatisfiable),
            ("bytes=0-", 0, Unsatisfiable),
            ("bytes=-1", 0, Unsatisfiable),
            ("bytes=5-4", 10, Whole),
            ("bytes=0-1,3-4", 10, Whole),
            ("bytes=", 10, Whole),
            ("bytes=-", 10, Whole),
            ("bytes=a-b", 10, Whole),
            ("bytes=+1-2", 10, Whole),
            ("bytes=--2", 10, Whole),
            ("items=0-4", 10, Whole),
            ("bytes 0-4", 10, Whole),
        ] {
            assert_eq!(
                select(value.as_bytes(), size),
                expected,
                "{value} of {size}"
            );
        }
    }
}
