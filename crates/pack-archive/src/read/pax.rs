//! PAX extended headers: `<length> <key>=<value>\n`, again and again.
//!
//! Two records change what a member is, `path` and `size`; the rest (times, owners, attributes) is
//! not kept, and may say what it likes as long as it is well formed. Records that would make a
//! member something else (sparse files, volumes) are refused, and so is a key that comes twice.

use std::collections::BTreeSet;

/// Most records of one header: more than any file has attributes, few enough to compare.
const MAX_RECORDS: usize = 1024;

/// What an extended header says about the member after it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Records {
    /// The whole name.
    pub(crate) path: Option<Vec<u8>>,
    /// The size of the content in bytes.
    pub(crate) size: Option<u64>,
    /// Whether a record says where a link leads.
    pub(crate) link: bool,
}

/// Reads an extended header; the error is the end of a sentence about the member.
pub(crate) fn parse(mut rest: &[u8]) -> Result<Records, &'static str> {
    let mut records = Records::default();
    let mut keys = BTreeSet::new();
    while !rest.is_empty() {
        let (key, value) = record(&mut rest)?;
        if !keys.insert(key) {
            return Err("has a PAX header with one key twice");
        }
        if keys.len() > MAX_RECORDS {
            return Err("has a PAX header with more records than allowed");
        }
        match key {
            b"path" if value.is_empty() => return Err("has a PAX header with an empty path"),
            b"path" => records.path = Some(value.to_vec()),
            b"size" => {
                let size = number(value).ok_or("has a PAX header whose size is no number")?;
                records.size = Some(size);
            }
            b"linkpath" => records.link = true,
            b"mtime" | b"atime" | b"ctime" if !is_time(value) => {
                return Err("has a PAX header whose time is no number");
            }
            b"SCHILY.realsize" => return Err("is a sparse file"),
            _ if key.starts_with(b"GNU.sparse.") => return Err("is a sparse file"),
            _ if key.starts_with(b"GNU.") => {
                return Err("is part of a dump or of an archive of several volumes");
            }
            _ => {}
        }
    }
    Ok(records)
}

/// Takes the first record off: its key and its value.
fn record<'a>(rest: &mut &'a [u8]) -> Result<(&'a [u8], &'a [u8]), &'static str> {
    const MALFORMED: &str = "has a malformed PAX header";
    let space = rest
        .iter()
        .take(20)
        .position(|b| *b == b' ')
        .ok_or(MALFORMED)?;
    let length = number(&rest[..space])
        .and_then(|n| usize::try_from(n).ok())
        .ok_or(MALFORMED)?;
    if length > rest.len() || length <= space + 1 {
        return Err(MALFORMED);
    }
    let (record, after) = rest.split_at(length);
    *rest = after;
    let body = record[space + 1..].strip_suffix(b"\n").ok_or(MALFORMED)?;
    let equals = body.iter().position(|b| *b == b'=').ok_or(MALFORMED)?;
    if equals == 0 {
        return Err(MALFORMED);
    }
    Ok((&body[..equals], &body[equals + 1..]))
}

/// A decimal number of digits alone.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Seconds since 1970: a sign, digits and a fraction, of any size; empty removes the time.
fn is_time(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let mut dots = 0;
    text.iter().all(|b| {
        dots += usize::from(*b == b'.');
        b.is_ascii_digit() || *b == b'.'
    }) && dots <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known records are taken, foreign ones passed over.
    #[test]
    fn pax_records_give_path_and_size() {
        let records =
            parse(b"12 path=a/b\n10 size=7\n17 comment=\0a=b\n\n17 mtime=-1.5000\n").unwrap();
        assert_eq!(records.path.as_deref(), Some(&b"a/b"[..]));
        assert_eq!(records.size, Some(7));
        assert_eq!(parse(b""), Ok(Records::default()));
    }

    /// The number of records is a limit, inclusive.
    #[test]
    fn pax_records_are_bounded() {
        let header = |records: usize| {
            let records: Vec<_> = (0..records).map(|n| format!("10 k{n:04}=\n")).collect();
            records.concat()
        };
        assert!(parse(header(MAX_RECORDS).as_bytes()).is_ok());
        assert!(parse(header(MAX_RECORDS + 1).as_bytes()).is_err());
    }

    /// One malformed header per rule.
    #[test]
    fn pax_header_that_is_malformed_is_refused() {
        for bad in [
            &b"5 path=a\n"[..],
            b"999 path=a\n",
            b"0 path=a\n",
            b"-9 path=a\n",
            b"11 path=abcd",
            b"9 patha\n",
            b"5 =a\n",
            b"99999999999999999999 path=a\n",
            b"9 path=a\n9 path=b\n",
            b"8 path=\n",
            b"11 size=-1\n",
            b"12 size=1e3\n",
            b"13 mtime=nan\n",
            b"22 GNU.sparse.major=1\n",
            b"22 GNU.volume.label=x\n",
            b"\n",
            b" ",
        ] {
            assert!(
                parse(bad).is_err(),
                "{:?} was taken",
                String::from_utf8_lossy(bad)
            );
        }
    }
}
