//! Records to files.
//!
//! Words are sorted and cut into files by their beginnings: a file that would grow too large keeps the
//! word that is its beginning and the best of the rest, and hands the words on to one file per next
//! character. What is in a file depends on the packs alone, never on what was there before, so that a build
//! writes only the files whose words stand in packs that changed.

use std::collections::{BTreeMap, BTreeSet};

use pack_format::{PackRef, canonical};
use rayon::prelude::*;

use crate::field::Field;
use crate::files::{
    FORMAT, HEAD, Head, MAX_POSTINGS, MAX_RANK_BYTES, RANK, Rank, SPLIT_BYTES, Table, WordFile,
    numbered, table_count, table_of, word_path,
};
use crate::record::SearchRecord;

/// A file of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchFile {
    /// Path from the root of the tree.
    pub path: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// A pack as the index sees it.
#[derive(Debug, Clone, Copy)]
struct Pack<'a> {
    name: &'a PackRef,
    record: &'a SearchRecord,
    level: i64,
}

/// A word in a pack.
#[derive(Debug, Clone, Copy)]
struct Posting<'a> {
    word: &'a str,
    field: Field,
    /// Index of the pack.
    pack: u32,
    place: &'a str,
}

/// Hands every file of the index of `packs` to `take`, `search/index.json` last. `dependents` counts the packs
/// that need one.
///
/// # Errors
/// The first error of `take`.
pub fn files<'a, E>(
    packs: &BTreeMap<&'a PackRef, &'a SearchRecord>,
    dependents: impl Fn(&PackRef) -> u64,
    mut take: impl FnMut(SearchFile) -> Result<(), E>,
) -> Result<(), E> {
    let packs: Vec<Pack<'a>> = packs
        .iter()
        .map(|(pack_ref, record)| Pack {
            name: pack_ref,
            record,
            level: record.level(dependents(pack_ref)),
        })
        .collect();
    let tables = table_count(packs.len());
    for file in table_files(&packs, tables) {
        take(file)?;
    }
    let rank = rank(&packs);
    if let Some(rank) = &rank {
        take(file(RANK.to_owned(), rank))?;
    }
    let postings = postings(&packs);
    let cut = Cut { packs: &packs };
    let mut split = BTreeMap::new();
    for node in cut.node(String::new(), &postings) {
        if let Some((beginning, following)) = node.split {
            split.insert(beginning, following);
        }
        take(node.file)?;
    }
    let head = Head {
        format: FORMAT,
        packs: packs.len(),
        tables,
        rank: rank.is_some(),
        split,
    };
    take(file(HEAD.to_owned(), &head))
}

/// The files that show the packs `of`: all that has to be made anew of the index of `packs` where only what a hit
/// shows of these changed ([`SearchRecord::is_found_like`]).
pub fn tables_of(
    packs: &BTreeMap<&PackRef, &SearchRecord>,
    of: &BTreeSet<PackRef>,
) -> Vec<SearchFile> {
    let tables = table_count(packs.len());
    let table = |pack_ref: &PackRef| table_of(pack_ref.as_str(), tables);
    let mut rows: BTreeMap<u32, Table> = of.iter().map(|r| (table(r), Table::new())).collect();
    for (pack_ref, record) in packs {
        if let Some(table) = rows.get_mut(&table(pack_ref)) {
            table.insert((*pack_ref).clone(), record.row.clone());
        }
    }
    let files = rows.iter();
    files
        .map(|(number, table)| file(numbered(*number), table))
        .collect()
}

fn file<T: serde::Serialize>(path: String, content: &T) -> SearchFile {
    SearchFile {
        path,
        // Texts, numbers and maps with text keys are always JSON.
        bytes: canonical::to_compact_bytes(content).unwrap_or_default(),
    }
}

fn table_files(packs: &[Pack<'_>], tables: u32) -> Vec<SearchFile> {
    let mut rows: Vec<Table> = vec![Table::new(); tables as usize];
    for pack in packs {
        let table = table_of(pack.name.as_str(), tables);
        if let Some(table) = rows.get_mut(table as usize) {
            table.insert(pack.name.clone(), pack.record.row.clone());
        }
    }
    (0..tables)
        .zip(&rows)
        .map(|(number, table)| file(numbered(number), table))
        .collect()
}

/// The packs that come sooner or later than others; the furthest from the middle first, as far as they fit.
fn rank(packs: &[Pack<'_>]) -> Option<Rank> {
    let mut moved: Vec<&Pack<'_>> = packs.iter().filter(|pack| pack.level != 0).collect();
    moved.sort_by_key(|pack| (pack.level > 0, -pack.level.abs()));
    let mut room = MAX_RANK_BYTES;
    let mut rank = Rank::default();
    for pack in moved {
        let bytes = pack.name.as_str().len() + 3;
        if bytes > room {
            break;
        }
        room -= bytes;
        rank.levels
            .entry(pack.level)
            .or_default()
            .push(pack.name.clone());
    }
    for refs in rank.levels.values_mut() {
        refs.sort();
    }
    (!rank.levels.is_empty()).then_some(rank)
}

/// Every word of every pack; by word, then where it says most, then by ref.
fn postings<'a>(packs: &[Pack<'a>]) -> Vec<Posting<'a>> {
    let mut postings: Vec<Posting<'a>> = Vec::new();
    for (number, pack) in (0_u32..).zip(packs) {
        postings.extend(pack.record.words().map(|(word, field, place)| Posting {
            word,
            field,
            pack: number,
            place,
        }));
    }
    postings.par_sort_unstable_by(|a, b| (a.word, a.field, a.pack).cmp(&(b.word, b.field, b.pack)));
    postings
}

/// Cuts words into files.
struct Cut<'p, 'a> {
    packs: &'p [Pack<'a>],
}

/// A file of words, and where the next ones begin if it was cut.
struct Node {
    file: SearchFile,
    split: Option<(String, String)>,
}

impl<'a> Cut<'_, 'a> {
    /// The files of the words that begin with `beginning`.
    fn node(&self, beginning: String, postings: &[Posting<'a>]) -> Vec<Node> {
        let words = || postings.chunk_by(|a, b| a.word == b.word);
        let one_word = words().nth(1).is_none();
        let path = word_path(&beginning);
        let mut content = WordFile::default();
        if one_word || self.fits(words()) {
            for postings in words() {
                self.word(&mut content, postings);
            }
            return vec![Node {
                file: file(path, &content),
                split: None,
            }];
        }
        let own = postings.partition_point(|posting| posting.word == beginning);
        let (own, rest) = postings.split_at(own);
        self.word(&mut content, own);
        self.best(&mut content, postings);
        let next = |posting: &Posting<'a>| {
            let rest = posting.word.get(beginning.len()..);
            rest.and_then(|rest| rest.chars().next())
        };
        let groups: Vec<(char, &[Posting<'a>])> = rest
            .chunk_by(|a, b| next(a) == next(b))
            .filter_map(|group| Some((group.first().and_then(next)?, group)))
            .collect();
        let mut nodes: Vec<Node> = groups
            .par_iter()
            .flat_map_iter(|(c, group)| self.node(format!("{beginning}{c}"), group))
            .collect();
        nodes.push(Node {
            file: file(path, &content),
            split: Some((beginning, groups.iter().map(|(c, _)| c).collect())),
        });
        nodes
    }

    /// Whether words fit into one file.
    fn fits<'w>(&self, words: impl Iterator<Item = &'w [Posting<'a>]>) -> bool
    where
        'a: 'w,
    {
        let mut room = SPLIT_BYTES;
        for postings in words {
            let word = postings.first().map_or(0, |posting| posting.word.len());
            let listed = postings.iter().take(MAX_POSTINGS);
            let listed = listed.map(|posting| self.name(posting).len() + posting.place.len() + 5);
            match room.checked_sub(word + 6 + listed.sum::<usize>()) {
                Some(left) => room = left,
                None => return false,
            }
        }
        true
    }

    fn name(&self, posting: &Posting<'_>) -> &'a str {
        let pack = self.packs.get(posting.pack as usize);
        pack.map_or("", |pack| pack.name.as_str())
    }

    fn text(&self, posting: &Posting<'_>) -> String {
        let name = self.name(posting);
        let mut text = String::with_capacity(name.len() + posting.place.len() + 2);
        text.push(posting.field.letter());
        text.push_str(name);
        if !posting.place.is_empty() {
            text.push(' ');
            text.push_str(posting.place);
        }
        text
    }

    /// Adds one word.
    fn word(&self, content: &mut WordFile, postings: &[Posting<'a>]) {
        let Some(first) = postings.first() else {
            return;
        };
        let listed = self.listed(postings.iter().collect());
        if listed.len() < postings.len() {
            content.more.insert(first.word.to_owned(), postings.len());
        }
        content.terms.insert(first.word.to_owned(), listed);
    }

    /// Adds the best of many words, one per pack.
    fn best(&self, content: &mut WordFile, postings: &[Posting<'a>]) {
        let mut of_pack: Vec<Option<&Posting<'a>>> = vec![None; self.packs.len()];
        for posting in postings {
            match of_pack.get_mut(posting.pack as usize) {
                Some(Some(known)) if known.field <= posting.field => {}
                Some(slot) => *slot = Some(posting),
                None => {}
            }
        }
        let mut by_field: Vec<&Posting<'a>> = of_pack.into_iter().flatten().collect();
        by_field.sort_by_key(|posting| (posting.field, posting.pack));
        let packs = by_field.len();
        content.best = self.listed(by_field);
        if content.best.len() < packs {
            content.more.insert("*".to_owned(), packs);
        }
    }

    /// As texts, the best of them if there are too many; what is used much wins within a field.
    fn listed(&self, mut postings: Vec<&Posting<'a>>) -> Vec<String> {
        if postings.len() > MAX_POSTINGS {
            let level = |posting: &Posting<'_>| {
                self.packs.get(posting.pack as usize).map_or(0, |p| p.level)
            };
            postings.sort_by_key(|posting| (posting.field, -level(posting), posting.pack));
            postings.truncate(MAX_POSTINGS);
            postings.sort_by_key(|posting| (posting.field, posting.pack));
        }
        postings
            .into_iter()
            .map(|posting| self.text(posting))
            .collect()
    }
}
