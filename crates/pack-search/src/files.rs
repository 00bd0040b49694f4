//! The files of a search index: names and contents.

use std::collections::BTreeMap;

use pack_format::{PackRef, Timestamp, Version};
use serde::{Deserialize, Serialize};

/// The `format` of [`Head`].
pub const FORMAT: u32 = 2;

/// The file that says how the others are cut.
pub const HEAD: &str = "search/index.json";

/// The file of [`Rank`].
pub const RANK: &str = "search/rank.json";

/// Largest file of an index, in bytes (inclusive): what a browser loads for one word.
pub const MAX_FILE_BYTES: usize = 300_000;

/// From this size on, a file of words is cut by the next character, in bytes.
pub(crate) const SPLIT_BYTES: usize = 64 * 1024;

/// Packs listed under one word (inclusive); of more, the best.
pub(crate) const MAX_POSTINGS: usize = 1_000;

/// Packs in [`Rank`], in bytes of their refs (inclusive).
pub(crate) const MAX_RANK_BYTES: usize = 200_000;

/// Packs up to which one table is enough (inclusive).
const ONE_TABLE: usize = 128;

/// Packs of a table, about.
const TABLE_PACKS: usize = 64;

/// `search/index.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Always [`FORMAT`].
    pub format: u32,
    /// Number of packs.
    pub packs: usize,
    /// Number of tables of packs, a power of two.
    pub tables: u32,
    /// Whether there is a [`Rank`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rank: bool,
    /// The beginnings of words whose file was cut, with the characters that follow them, as many to a text as
    /// share a file. That file is named by the first of them; where it is the only one, it may have been cut again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub split: BTreeMap<String, Vec<String>>,
}

impl Head {
    /// The files of the index, this one first; what else lies in its folder belongs to none.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = vec![HEAD.to_owned()];
        if self.rank {
            paths.push(RANK.to_owned());
        }
        paths.extend((0..self.tables).map(numbered));
        paths.push(word_path(""));
        for (beginning, following) in &self.split {
            let first = following.iter().filter_map(|group| group.chars().next());
            paths.extend(first.map(|c| word_path(&format!("{beginning}{c}"))));
        }
        paths
    }

    /// The file that knows the words that begin with `word`; `None` if there is no such word.
    pub(crate) fn word_file(&self, word: &str) -> Option<String> {
        let mut end = 0;
        for c in word.chars() {
            let Some(groups) = self.split.get(&word[..end]) else {
                break;
            };
            let group = groups.iter().find(|group| group.contains(c))?;
            let first = group.chars().next()?;
            if group.len() > first.len_utf8() {
                return Some(word_path(&format!("{}{first}", &word[..end])));
            }
            end += c.len_utf8();
        }
        Some(word_path(&word[..end]))
    }
}

/// The file of the words that begin with `beginning`, and with its last character's neighbours that share the file.
pub(crate) fn word_path(beginning: &str) -> String {
    let mut path = String::from("search/terms/t-");
    for c in beginning.chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            path.push(c);
        } else {
            // No file system is asked to keep apart what looks alike.
            path.push_str(&format!("_{:x}_", u32::from(c)));
        }
    }
    path.push_str(".json");
    path
}

/// `search/terms/t-<beginning>.json`: where the words of one file stand, as [`Head::split`] tells.
///
/// A posting is the letter of a field, a ref and, after a space, a place in the pack, such as
/// `psend_message/channel` is not but `pslack send_message/channel` is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WordFile {
    /// Postings by word; where the file was cut, the word that is its beginning alone.
    pub terms: BTreeMap<String, Vec<String>>,
    /// Where the file was cut: the best of all words with the beginning, one per pack.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub best: Vec<String>,
    /// The words that stand in more packs than are listed, and in how many; `*` for `best`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, usize>,
}

/// How many tables of packs there are.
pub(crate) fn table_count(packs: usize) -> u32 {
    if packs <= ONE_TABLE {
        return 1;
    }
    let tables = packs.div_ceil(TABLE_PACKS).next_power_of_two();
    u32::try_from(tables).unwrap_or(u32::MAX / 2 + 1)
}

/// The table a pack stands in, of `tables`.
pub(crate) fn table_of(pack_ref: &str, tables: u32) -> u32 {
    let hash = pack_ref.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    (hash ^ (hash >> 15)) % tables.max(1)
}

/// The file of the table that `pack_ref` stands in.
pub fn table_path(head: &Head, pack_ref: &PackRef) -> String {
    numbered(table_of(pack_ref.as_str(), head.tables))
}

pub(crate) fn numbered(table: u32) -> String {
    format!("search/packs/{table}.json")
}

/// `search/packs/<n>.json`.
pub type Table = BTreeMap<PackRef, PackRow>;

/// What a hit shows of its pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackRow {
    /// Name people see, on one line.
    pub label: String,
    /// The version a newcomer gets.
    pub version: Version,
    /// When it was published.
    pub published_at: Timestamp,
    /// One or two sentences, on one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// SPDX expression or `NOASSERTION`.
    pub license: String,
    /// The first few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// The picture of the pack, from the root of the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Where the registry counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downloads: Option<u64>,
    /// Whether the pack is deprecated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deprecated: bool,
    /// Whether every version is yanked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub yanked: bool,
}

/// `search/rank.json`: packs that are used much come first, those that are given up last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rank {
    /// What is added to the score of a pack: refs by score.
    pub levels: BTreeMap<i64, Vec<PackRef>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word leads to the longest beginning that has a file, or to the file of its neighbours, and nowhere where no
    /// word begins so.
    #[test]
    fn words_follow_the_cuts() {
        let split: [(&str, &[&str]); 3] = [("", &["s"]), ("s", &["e", "lmn"]), ("se", &["n", "v"])];
        let head = Head {
            format: FORMAT,
            packs: 1,
            tables: 1,
            rank: false,
            split: split
                .map(|(a, b)| (a.to_owned(), b.iter().map(|&c| c.to_owned()).collect()))
                .into(),
        };
        for (word, beginning) in [
            ("send", Some("sen")),
            ("sen", Some("sen")),
            ("se", Some("se")),
            ("slack", Some("sl")),
            ("smack", Some("sl")),
            ("sn", Some("sl")),
            ("e", None),
            ("sea", None),
            ("x", None),
            ("", Some("")),
        ] {
            assert_eq!(head.word_file(word), beginning.map(word_path), "{word}");
        }
        let paths = ["", "s", "se", "sl", "sen", "sev"].map(word_path);
        assert!(paths.iter().all(|path| head.paths().contains(path)));
    }

    /// One table for small registries; about as many packs in each of the others.
    #[test]
    fn tables_hold_about_as_many() {
        assert_eq!([0, 128, 129].map(table_count), [1, 1, 4]);
        assert_eq!(table_count(100_000), 2048);
        let mut counts = vec![0; 2048];
        for n in 0..100_000_u32 {
            counts[table_of(&format!("pack-{n}"), 2048) as usize] += 1;
        }
        assert!(counts.iter().all(|n| (10..120).contains(n)), "{counts:?}");
    }

    /// Every beginning has a name of its own that every file system takes.
    #[test]
    fn word_paths_are_plain() {
        assert_eq!(word_path(""), "search/terms/t-.json");
        assert_eq!(word_path("con"), "search/terms/t-con.json");
        assert_eq!(word_path("ü2"), "search/terms/t-_fc_2.json");
    }
}
