//! `Query`: a question, the files it needs, and its answer.
//!
//! `templates/pages/search.js` follows the same steps in the browser; a test holds the two together.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use pack_format::PackRef;
use serde::{Deserialize, Serialize};

use crate::field::Field;
use crate::files::{Head, Rank, WordFile};
use crate::words::{is_stop_word, joined, words};

/// Words of a question (inclusive); those behind are ignored.
const MAX_QUERY_WORDS: usize = 8;

/// What the ref gets that is exactly what was asked for.
const IS_THE_REF: i64 = 1_000;

/// What a ref gets that begins with what was asked for.
const BEGINS_THE_REF: i64 = 100;

/// What somebody looks for: each word, or one that begins with it, somewhere in a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    words: Vec<String>,
    whole: String,
}

/// Packs that match, best first; of the same score by ref.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits {
    /// The packs that were asked for.
    pub hits: Vec<Hit>,
    /// How many match.
    pub total: usize,
    /// Whether there may be more than were counted, because a word stands in too many packs to list.
    pub more: bool,
    /// Whether no pack has every word, so that packs with some of them are shown.
    pub partial: bool,
}

/// A pack that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The pack.
    pub pack_ref: PackRef,
    /// How well it matches; comparable within one answer.
    pub score: i64,
    /// Why, one per word of the question that stands in it, in their order.
    pub matches: Vec<Match>,
}

/// Where a word stands in a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Match {
    /// The word that was asked for.
    pub word: String,
    /// Where it stands.
    pub field: Field,
    /// The component, for [`Field::Parameter`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub component: String,
    /// What is called so, where the field has several.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// What [`Rank`] adds, by ref.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "Rank")]
pub struct Ranks(BTreeMap<PackRef, i64>);

impl From<Rank> for Ranks {
    fn from(rank: Rank) -> Self {
        let levels = rank.levels.into_iter();
        Self(
            levels
                .flat_map(|(level, refs)| refs.into_iter().map(move |r| (r, level)))
                .collect(),
        )
    }
}

/// Where one word stands best in each pack.
struct Found<'f> {
    packs: BTreeMap<&'f str, (i64, &'f str)>,
    /// Whether every pack it stands in is listed.
    complete: bool,
}

impl Query {
    /// Reads a question as people type it.
    pub fn parse(text: &str) -> Self {
        let mut asked: Vec<String> = Vec::new();
        for word in words(text) {
            if !asked.contains(&word) {
                asked.push(word);
            }
        }
        if asked.iter().any(|word| !is_stop_word(word)) {
            asked.retain(|word| !is_stop_word(word));
        }
        asked.truncate(MAX_QUERY_WORDS);
        Self {
            words: asked,
            whole: joined(text),
        }
    }

    /// Whether nothing was asked.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The files of words the answer needs, each once.
    pub fn files(&self, head: &Head) -> Vec<String> {
        let mut paths: Vec<String> = self
            .words
            .iter()
            .filter_map(|word| head.word_file(word))
            .collect();
        paths.sort();
        paths.dedup();
        paths
    }

    /// The answer, of its hits those of `shown`; `files` are the contents of [`Query::files`], a missing one
    /// holds nothing.
    pub fn run(
        &self,
        head: &Head,
        files: &BTreeMap<String, impl Borrow<WordFile>>,
        ranks: &Ranks,
        shown: Range<usize>,
    ) -> Hits {
        let nothing = WordFile::default();
        let found: Vec<Found<'_>> = self
            .words
            .iter()
            .map(|word| {
                let file = head.word_file(word).and_then(|path| files.get(&path));
                Found::of(word, file.map_or(&nothing, Borrow::borrow))
            })
            .collect();
        let mut candidates: BTreeMap<&str, usize> = BTreeMap::new();
        for pack_ref in found.iter().flat_map(|found| found.packs.keys()) {
            *candidates.entry(pack_ref).or_default() += 1;
        }
        let fits = |pack_ref: &str| {
            let mut words = found.iter();
            words.all(|found| !found.complete || found.packs.contains_key(pack_ref))
        };
        let score = |pack_ref: &'_ str| self.score(pack_ref, &found, ranks);
        let mut scored: Vec<(i64, &str)> = candidates
            .keys()
            .filter(|pack_ref| fits(pack_ref))
            .map(|pack_ref| (-score(pack_ref), *pack_ref))
            .collect();
        let partial = scored.is_empty() && !candidates.is_empty();
        if partial {
            let most = candidates.values().copied().max().unwrap_or_default();
            let nearest = candidates.iter().filter(|(_, count)| **count == most);
            scored.extend(nearest.map(|(pack_ref, _)| (-score(pack_ref), *pack_ref)));
        }
        scored.sort_unstable();
        let last = shown.end.min(scored.len());
        let page = scored.get(shown.start..last).unwrap_or_default();
        Hits {
            hits: page
                .iter()
                .filter_map(|(score, pack_ref)| self.hit(pack_ref, -score, &found))
                .collect(),
            total: scored.len(),
            more: found.iter().any(|found| !found.complete),
            partial,
        }
    }

    fn score(&self, pack_ref: &str, found: &[Found<'_>], ranks: &Ranks) -> i64 {
        let worth = found.iter().filter_map(|f| f.packs.get(pack_ref));
        let worth: i64 = worth.map(|(worth, _)| worth).sum();
        let rank = ranks.0.get(pack_ref).copied().unwrap_or_default();
        worth + rank + self.likeness(pack_ref)
    }

    /// What a ref gets that is, or begins with, the whole question.
    fn likeness(&self, pack_ref: &str) -> i64 {
        let mut letters = pack_ref.bytes().filter(u8::is_ascii_alphanumeric);
        if !self.whole.bytes().all(|byte| letters.next() == Some(byte)) {
            0
        } else if letters.next().is_none() {
            IS_THE_REF
        } else {
            BEGINS_THE_REF
        }
    }

    fn hit(&self, pack_ref: &str, score: i64, found: &[Found<'_>]) -> Option<Hit> {
        let postings = self.words.iter().zip(found);
        let matches = postings.filter_map(|(word, found)| {
            let (_, posting) = found.packs.get(pack_ref)?;
            Match::of(word, posting)
        });
        Some(Hit {
            matches: matches.collect(),
            // A file may hold anything.
            pack_ref: pack_ref.parse().ok()?,
            score,
        })
    }
}

impl<'f> Found<'f> {
    fn of(word: &str, file: &'f WordFile) -> Self {
        let mut found = Self {
            packs: BTreeMap::new(),
            complete: true,
        };
        let words = file.terms.range(word.to_owned()..);
        for (term, postings) in words.take_while(|(term, _)| term.starts_with(word)) {
            found.complete &= !file.more.contains_key(term);
            found.add(postings, if term == word { 2 } else { 1 });
        }
        if !file.best.is_empty() {
            found.complete = !file.more.contains_key("*");
            found.add(&file.best, 1);
        }
        found
    }

    fn add(&mut self, postings: &'f [String], times: i64) {
        for posting in postings {
            let Some((field, pack_ref, _)) = parts(posting) else {
                continue;
            };
            let worth = field.weight() * times;
            match self.packs.get_mut(pack_ref) {
                Some(known) if known.0 >= worth => {}
                Some(known) => *known = (worth, posting),
                None => drop(self.packs.insert(pack_ref, (worth, posting))),
            }
        }
    }
}

/// Field, ref and place of a posting.
fn parts(posting: &str) -> Option<(Field, &str, &str)> {
    let letter = posting.chars().next()?;
    let rest = posting.get(letter.len_utf8()..)?;
    let (pack_ref, place) = rest.split_once(' ').unwrap_or((rest, ""));
    Some((Field::of_letter(letter)?, pack_ref, place))
}

impl Match {
    fn of(word: &str, posting: &str) -> Option<Self> {
        let (field, _, place) = parts(posting)?;
        let (component, name) = match field {
            Field::Parameter => place.rsplit_once('/').unwrap_or(("", place)),
            _ => ("", place),
        };
        Some(Self {
            word: word.to_owned(),
            field,
            component: component.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for Match {
    /// Such as ``parameter `channel` of `send_message` ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.field {
            Field::Ref => "ref",
            Field::Label => "name",
            Field::Keyword => "keyword",
            Field::Action => "action",
            Field::Workflow => "workflow",
            Field::Trigger => "trigger",
            Field::Sensor => "sensor",
            Field::Rule => "rule",
            Field::Author => "author",
            Field::Description => "description",
            Field::Configuration => "configuration",
            Field::Parameter => "parameter",
            Field::Component => "text of a component",
        };
        f.write_str(what)?;
        if !self.name.is_empty() {
            write!(f, " `{}`", self.name)?;
        }
        if !self.component.is_empty() {
            write!(f, " of `{}`", self.component)?;
        }
        Ok(())
    }
}
