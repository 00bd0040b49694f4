//! The written form of an index, in pieces: a frame, and the text of each entry.
//!
//! Pieces put together are byte for byte what [`crate::canonical::to_bytes`] makes of an [`super::Index`],
//! without a moment at which all entries are in memory as values.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::FORMAT;
use crate::entry::IndexEntry;
use crate::time::Timestamp;

/// What stands around the entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Name people see.
    pub registry_name: String,
    /// Where the registry is hosted.
    pub registry_url: String,
    /// When content last changed.
    pub last_updated: Timestamp,
}

#[derive(Serialize)]
struct Members<'a> {
    registry_name: &'a str,
    registry_url: &'a str,
    version: &'static str,
    last_updated: Timestamp,
}

impl Frame {
    /// Writes the index: `entries` are texts of [`entry_text`], in order.
    ///
    /// # Errors
    /// Whatever writing fails with.
    pub fn write<'e>(
        &self,
        out: &mut impl io::Write,
        entries: impl IntoIterator<Item = &'e [u8]>,
    ) -> io::Result<()> {
        let members = serde_json::to_string_pretty(&Members {
            registry_name: &self.registry_name,
            registry_url: &self.registry_url,
            version: FORMAT,
            last_updated: self.last_updated,
        })?;
        // The closing brace comes after the entries.
        let members = members.trim_end_matches(['}', '\n']);
        write!(out, "{members},\n  \"packs\": [")?;
        let mut any = false;
        for entry in entries {
            out.write_all(if any { b",\n    " } else { b"\n    " })?;
            out.write_all(entry)?;
            any = true;
        }
        out.write_all(if any { b"\n  ]\n}\n" } else { b"]\n}\n" })
    }
}

/// The text of an entry as it stands in an index, without the white space before it.
///
/// # Errors
/// Only when a value in `meta` cannot be JSON.
pub fn entry_text(entry: &IndexEntry, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    entry.serialize(&mut Serializer::with_formatter(out, Indented::new()))
}

/// Two spaces per level, as the pretty form of `serde_json`, but beginning two levels deep.
struct Indented {
    level: usize,
    has_value: bool,
}

impl Indented {
    fn new() -> Self {
        Self {
            level: 2,
            has_value: false,
        }
    }

    fn line<W: ?Sized + io::Write>(&self, out: &mut W) -> io::Result<()> {
        const SPACES: &[u8] = b"\n                                ";
        let mut left = self.level * 2;
        let first = left.min(SPACES.len() - 1);
        out.write_all(&SPACES[..=first])?;
        left -= first;
        while left > 0 {
            let next = left.min(SPACES.len() - 1);
            out.write_all(&SPACES[1..=next])?;
            left -= next;
        }
        Ok(())
    }

    fn begin<W: ?Sized + io::Write>(&mut self, out: &mut W, bracket: u8) -> io::Result<()> {
        self.level += 1;
        self.has_value = false;
        out.write_all(&[bracket])
    }

    fn end<W: ?Sized + io::Write>(&mut self, out: &mut W, bracket: u8) -> io::Result<()> {
        self.level -= 1;
        if self.has_value {
            self.line(out)?;
        }
        out.write_all(&[bracket])
    }

    fn item<W: ?Sized + io::Write>(&self, out: &mut W, first: bool) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        self.line(out)
    }
}

impl Formatter for Indented {
    fn begin_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b'[')
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b']')
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.item(out, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b'{')
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b'}')
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.item(out, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical;
    use crate::index::{Index, entry};
    use crate::url_policy::UrlPolicy;

    fn sample(name: &str, meta: &str) -> IndexEntry {
        let json = format!(
            r#"{{"ref":"{name}","version":"1.0.0","description":"\"é\\","meta":{meta},"contents":{{"actions":[{{"name":"a"}},{{"name":"b","description":"d"}}]}},
            "install_sources":[{{"type":"git","url":"https://e.org/a.git","ref":"v1","checksum":"sha256:{}"}}]}}"#,
            "a".repeat(64)
        );
        entry(&json, UrlPolicy::PUBLIC, &mut |_| {}).unwrap()
    }

    /// In pieces or as a whole: the same bytes, whatever is empty or nested.
    #[test]
    fn pieces_are_the_whole() {
        let deep = format!("{}1{}", "[".repeat(30), "]".repeat(30));
        let metas = [
            "{}",
            r#"{"a":{},"b":[],"c":[{}],"d":"x"}"#,
            &format!(r#"{{"deep":{deep}}}"#),
        ];
        for count in 0..=metas.len() {
            let packs: Vec<IndexEntry> = metas[..count]
                .iter()
                .enumerate()
                .map(|(i, meta)| sample(&format!("p{i}"), meta))
                .collect();
            let texts: Vec<Vec<u8>> = packs
                .iter()
                .map(|entry| {
                    let mut text = Vec::new();
                    entry_text(entry, &mut text).unwrap();
                    text
                })
                .collect();
            let index = Index {
                registry_name: "R \"quoted\"}".to_owned(),
                registry_url: "https://e.org/".to_owned(),
                version: FORMAT.to_owned(),
                last_updated: Timestamp::from_unix(1_700_000_000),
                packs,
            };
            let frame = Frame {
                registry_name: index.registry_name.clone(),
                registry_url: index.registry_url.clone(),
                last_updated: index.last_updated,
            };
            let mut pieces = Vec::new();
            frame
                .write(&mut pieces, texts.iter().map(Vec::as_slice))
                .unwrap();
            let whole = canonical::to_bytes(&index).unwrap();
            assert_eq!(
                String::from_utf8(pieces).unwrap(),
                String::from_utf8(whole).unwrap()
            );
        }
    }
}
