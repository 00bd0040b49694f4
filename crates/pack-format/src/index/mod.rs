//! `index.json`, format 1: tolerant reading, strict writing.
//!
//! Reading takes what older tools wrote (missing arrays, unknown members, other checksum algorithms, git
//! sources without ref or checksum) and keeps going after a broken entry: the good ones stay usable, the
//! broken one is named. What would let two readers see two registries is refused: duplicate members, the
//! same version twice with different contents, bytes after the end.

mod pretty;
mod read;
mod rules;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::entry::IndexEntry;
use crate::hint::Hint;
use crate::limits::MAX_DOCUMENT_BYTES;
use crate::pack_ref::PackRef;
use crate::text::printable;
use crate::time::Timestamp;
use crate::url_policy::UrlPolicy;

pub use pretty::{Frame, entry_text};
pub use read::{Mend, Root, entry, name_of};
pub use rules::{SOURCE_NOT_HTTPS, entry_violations, is_valid_meta, is_web_url, violations};

/// The `version` member of every index: the version of the format, not of the content.
pub const FORMAT: &str = "1.0";

/// Deepest nesting of a JSON document, inclusive.
const MAX_JSON_DEPTH: usize = 128;

/// An index, sorted by ref, refs unique.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Index {
    /// Name people see.
    pub registry_name: String,
    /// Where the registry is hosted.
    pub registry_url: String,
    /// Always [`FORMAT`].
    pub version: String,
    /// When content last changed.
    pub last_updated: Timestamp,
    /// One entry per pack.
    pub packs: Vec<IndexEntry>,
}

/// What reading an index gave.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadIndex {
    /// The usable part.
    pub index: Index,
    /// The entries that were left out, and why.
    pub problems: Vec<EntryProblem>,
}

/// One entry that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryProblem {
    /// Position in `packs`, from 0.
    pub position: usize,
    /// The ref as far as it could be read; for display only.
    pub name: String,
    /// What is wrong.
    pub reason: String,
}

impl std::fmt::Display for EntryProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "entry {} (`{}`): {}",
            self.position, self.name, self.reason
        )
    }
}

/// Why bytes are no index.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// Larger than any index may be.
    #[error("the index is {size_bytes} bytes long; at most {MAX_DOCUMENT_BYTES} are read")]
    TooLarge {
        /// Its size.
        size_bytes: u64,
    },
    /// A web page came instead.
    #[error("the index is an HTML page, not JSON")]
    Html,
    /// Not UTF-8.
    #[error("the index is not UTF-8 text")]
    Encoding,
    /// Nested deeper than any index needs to be.
    #[error("the index is nested deeper than {MAX_JSON_DEPTH} levels")]
    Depth,
    /// Not JSON, or not of this shape.
    #[error("the index is not valid: {0}")]
    Json(#[source] serde_json::Error),
    /// Not a list of packs at all.
    #[error("the index has no `packs` array")]
    NoPacks,
    /// Another format.
    #[error("the index has format version `{}`; this program reads `{FORMAT}`", printable(.0))]
    Format(String),
    /// It has entries, and none of them is usable.
    #[error("no entry of the index is usable; the first: {0}")]
    NothingUsable(EntryProblem),
}

impl Hint for IndexError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Html => Some(
                "check the URL; a login page or a captive portal may have answered instead"
                    .to_owned(),
            ),
            Self::Format(_) => Some("update this program".to_owned()),
            _ => Some("ask the registry's operator to run `attune registry check`".to_owned()),
        }
    }
}

/// Reads an index; URLs in it must pass `policy`.
///
/// # Errors
/// [`IndexError`] when nothing of it can be used. Single broken entries are [`ReadIndex::problems`].
pub fn read(bytes: &[u8], policy: UrlPolicy) -> Result<ReadIndex, IndexError> {
    let text = document_text(bytes)?;
    let wire = Root::read(text)?;
    let mut problems = Vec::new();
    let mut found: BTreeMap<PackRef, Vec<(usize, IndexEntry)>> = BTreeMap::new();
    for (position, raw) in wire.entries().enumerate() {
        match entry(raw, policy, &mut |_| {}) {
            Ok(entry) => found
                .entry(entry.pack_ref.clone())
                .or_default()
                .push((position, entry)),
            Err(reason) => problems.push(EntryProblem {
                position,
                name: name_of(raw),
                reason,
            }),
        }
    }
    let packs: Vec<IndexEntry> = found
        .into_values()
        .filter_map(|twins| settle(twins, &mut problems))
        .collect();
    problems.sort_by_key(|problem| problem.position);
    if packs.is_empty() && !problems.is_empty() {
        return Err(IndexError::NothingUsable(problems.swap_remove(0)));
    }
    Ok(ReadIndex {
        index: Index {
            registry_name: wire.registry_name.unwrap_or_default(),
            registry_url: wire.registry_url.unwrap_or_default(),
            version: FORMAT.to_owned(),
            last_updated: wire
                .last_updated
                .as_deref()
                .and_then(read_time)
                .unwrap_or(Timestamp::from_unix(0)),
            packs,
        },
        problems,
    })
}

/// The text of a JSON document that is safe to hand to a parser.
///
/// # Errors
/// [`IndexError`] for size, encoding, depth, and web pages.
pub fn document_text(bytes: &[u8]) -> Result<&str, IndexError> {
    let size_bytes = bytes.len() as u64;
    if size_bytes > MAX_DOCUMENT_BYTES {
        return Err(IndexError::TooLarge { size_bytes });
    }
    safe_text(bytes)
}

/// Like [`document_text`], of any size.
///
/// # Errors
/// [`IndexError`] for encoding, depth, and web pages.
pub fn safe_text(bytes: &[u8]) -> Result<&str, IndexError> {
    let text = std::str::from_utf8(bytes).map_err(|_| IndexError::Encoding)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('<') {
        return Err(IndexError::Html);
    }
    if exceeds_depth(text.as_bytes()) {
        return Err(IndexError::Depth);
    }
    Ok(text)
}

/// Whether brackets outside strings nest deeper than [`MAX_JSON_DEPTH`].
///
/// The parser bounds what it parses but skips unknown members without counting.
fn exceeds_depth(json: &[u8]) -> bool {
    let mut depth = 0_usize;
    let mut rest = json;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => rest = after_string(rest),
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_JSON_DEPTH {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// What follows a string whose opening quote has been read; most of an index is strings.
fn after_string(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        let skipped = if rest[at] == b'"' { 1 } else { 2 };
        let Some(after) = rest.get(at + skipped..) else {
            break;
        };
        if skipped == 1 {
            return after;
        }
        rest = after;
    }
    &[]
}

/// Decides between entries of one ref: the newest version; nothing if that version says two things.
fn settle(
    mut twins: Vec<(usize, IndexEntry)>,
    problems: &mut Vec<EntryProblem>,
) -> Option<IndexEntry> {
    if twins.len() == 1 {
        return twins.pop().map(|(_, entry)| entry);
    }
    let newest = twins.iter().map(|(_, e)| e.version.clone()).max()?;
    let mut kept: Option<IndexEntry> = None;
    let mut contradicted = false;
    let mut report = |position, entry: &IndexEntry, reason: String| {
        problems.push(EntryProblem {
            position,
            name: entry.pack_ref.to_string(),
            reason,
        });
    };
    for (position, entry) in twins {
        if entry.version != newest {
            report(
                position,
                &entry,
                format!("the ref is listed again with version {newest}"),
            );
        } else if kept.as_ref().is_some_and(|k| *k != entry) {
            contradicted = true;
            report(
                position,
                &entry,
                format!("version {newest} is listed again with other contents"),
            );
        } else {
            kept = Some(entry);
        }
    }
    kept.filter(|_| !contradicted)
}

/// The time of `last_updated`: RFC 3339, or a bare date as older tools wrote it.
pub fn read_time(text: &str) -> Option<Timestamp> {
    text.parse()
        .or_else(|_| format!("{text}T00:00:00Z").parse())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn entry(name: &str, extra: &str) -> String {
        format!(
            r#"{{"ref":"{name}","version":"1.0.0","install_sources":[{{"type":"archive","url":"https://e.org/a.tar.gz","checksum":"sha256:{HEX}"}}]{extra}}}"#
        )
    }

    fn index(entries: &[String]) -> String {
        format!(
            r#"{{"registry_name":"R","registry_url":"https://e.org","version":"1.0","last_updated":"2026-01-01T00:00:00Z","packs":[{}]}}"#,
            entries.join(",")
        )
    }

    /// A broken entry is named and left out; the others stay.
    #[test]
    fn read_keeps_good_entries_beside_a_broken_one() {
        let text = index(&[
            entry("demo", ""),
            entry("Bad", ""),
            entry("big", r#","unknown":1e400"#),
        ]);
        let read = read(text.as_bytes(), UrlPolicy::PUBLIC).unwrap();
        let refs: Vec<&str> = read
            .index
            .packs
            .iter()
            .map(|p| p.pack_ref.as_str())
            .collect();
        assert_eq!(refs, ["big", "demo"]);
        assert_eq!(read.problems.len(), 1);
        assert!(
            read.problems[0]
                .to_string()
                .starts_with("entry 1 (`Bad`): "),
            "{}",
            read.problems[0]
        );
    }

    /// One version with two contents is refused on both sides; two members of one name too.
    #[test]
    fn read_refuses_contradictions() {
        let twice = index(&[
            entry("demo", ""),
            entry("demo", r#","label":"Other""#),
            entry("ok", ""),
        ]);
        let read_twice = read(twice.as_bytes(), UrlPolicy::PUBLIC).unwrap();
        assert_eq!(read_twice.index.packs.len(), 1);
        let duplicate = index(&[entry("demo", r#","\u0072ef":"evil""#)]);
        assert!(read(duplicate.as_bytes(), UrlPolicy::PUBLIC).is_err());
        let deep = index(&[entry(
            "demo",
            &format!(",\"x\":{}{}", "[".repeat(200), "]".repeat(200)),
        )]);
        assert!(matches!(
            read(deep.as_bytes(), UrlPolicy::PUBLIC),
            Err(IndexError::Depth)
        ));
    }

    /// Brackets count outside of strings only, whatever is escaped in them.
    #[test]
    fn depth_is_counted_outside_of_strings() {
        let brackets = "[".repeat(200);
        for shallow in [
            format!(r#"["{brackets}"]"#),
            format!(r#"["\"{brackets}\\", "{brackets}"]"#),
            format!(r#"["\\\"{brackets}"#),
            "\"".to_owned(),
            "\"\\".to_owned(),
        ] {
            assert!(!exceeds_depth(shallow.as_bytes()), "{shallow}");
        }
        for deep in [
            brackets.clone(),
            format!(r#""\\"{brackets}"#),
            format!(r#""a" {brackets}"#),
        ] {
            assert!(exceeds_depth(deep.as_bytes()), "{deep}");
        }
    }

    /// What is written is read back as the same value, and obeys the rules.
    #[test]
    fn written_index_reads_back() {
        let read_once = read(index(&[entry("demo", "")]).as_bytes(), UrlPolicy::PUBLIC).unwrap();
        assert_eq!(violations(&read_once.index), Vec::<String>::new());
        let bytes = crate::canonical::to_bytes(&read_once.index).unwrap();
        let again = read(&bytes, UrlPolicy::PUBLIC).unwrap();
        assert_eq!(again.index, read_once.index);
        assert_eq!(crate::canonical::to_bytes(&again.index).unwrap(), bytes);
    }
}
