//! Records to files.
//!
//! Words are sorted and cut into files by their beginnings: a file that would grow too large keeps the
//! word that is its beginning and the best of the rest, and hands the words on to files by their next
//! character, neighbours sharing one as far as they fit. What is in a file depends on the packs alone, never
//! on what was there before, so that a build writes only the files whose words stand in packs that changed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use pack_format::{PackRef, canonical};
use rayon::prelude::*;
use serde::Serialize;

use crate::content::Content;
use crate::files::{
    FORMAT, HEAD, Head, MAX_POSTINGS, MAX_RANK_BYTES, PackRow, RANK, Rank, SPLIT_BYTES, Table,
    numbered, table_count, table_of, word_path,
};
use crate::posting::{Pack, Packs, Posting};
use crate::record::Indexed;

/// A file of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchFile {
    /// Path from the root of the tree.
    pub path: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// Hands every file of the index of `packs` to `take`, on every core; `search/index.json` last. `dependents` counts
/// the packs that need one.
///
/// # Errors
/// An error of `take`.
pub fn files<'a, E: Send>(
    packs: &BTreeMap<&'a PackRef, Indexed<'a>>,
    dependents: impl Fn(&PackRef) -> u64,
    take: impl Fn(SearchFile) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let packs: Packs<'a> = Packs(
        packs
            .iter()
            .map(|(pack_ref, record)| Pack {
                name: pack_ref,
                row: record.row,
                words: record.words,
                level: record.row.level(dependents(pack_ref)),
            })
            .collect(),
    );
    let tables = table_count(packs.0.len());
    table_files(&packs, tables)
        .into_par_iter()
        .try_for_each(|(number, table)| take(file(numbered(number), &table)))?;
    let rank = rank(&packs);
    if let Some(rank) = &rank {
        take(file(RANK.to_owned(), rank))?;
    }
    let cut = Cut {
        packs: &packs,
        take: &take,
    };
    let split = cut.node(String::new(), &packs.postings())?;
    let head = Head {
        format: FORMAT,
        packs: packs.0.len(),
        tables,
        rank: rank.is_some(),
        split,
    };
    take(file(HEAD.to_owned(), &head))
}

/// The files that show the packs `of`: all that has to be made anew of the index of `packs` where only what a hit
/// shows of these changed.
pub fn tables_of(packs: &BTreeMap<&PackRef, &PackRow>, of: &BTreeSet<PackRef>) -> Vec<SearchFile> {
    let tables = table_count(packs.len());
    let table = |pack_ref: &PackRef| table_of(pack_ref.as_str(), tables);
    let mut rows: BTreeMap<u32, Table> = of.iter().map(|r| (table(r), Table::new())).collect();
    for (pack_ref, row) in packs {
        if let Some(table) = rows.get_mut(&table(pack_ref)) {
            table.insert((*pack_ref).clone(), (*row).clone());
        }
    }
    let files = rows.iter();
    files
        .map(|(number, table)| file(numbered(*number), table))
        .collect()
}

fn file<T: Serialize>(path: String, content: &T) -> SearchFile {
    SearchFile {
        path,
        // Texts, numbers and maps with text keys are always JSON.
        bytes: canonical::to_compact_bytes(content).unwrap_or_default(),
    }
}

fn table_files<'a>(
    packs: &Packs<'a>,
    tables: u32,
) -> Vec<(u32, BTreeMap<&'a PackRef, &'a PackRow>)> {
    let mut rows: Vec<_> = (0..tables)
        .map(|number| (number, BTreeMap::new()))
        .collect();
    for pack in &packs.0 {
        let table = table_of(pack.name.as_str(), tables);
        if let Some((_, table)) = rows.get_mut(table as usize) {
            table.insert(pack.name, pack.row);
        }
    }
    rows
}

/// The packs that come sooner or later than others; the furthest from the middle first, as far as they fit.
fn rank(packs: &Packs<'_>) -> Option<Rank> {
    let mut moved: Vec<&Pack<'_>> = packs.0.iter().filter(|pack| pack.level != 0).collect();
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

/// The beginnings whose file was cut, as in [`Head::split`].
type Split = BTreeMap<String, Vec<String>>;

/// Cuts words into files.
struct Cut<'c, 'a, F> {
    packs: &'c Packs<'a>,
    take: &'c F,
}

/// Words that share a file: their next characters, and where their postings are.
struct Group {
    characters: String,
    range: Range<usize>,
}

impl<F, E> Cut<'_, '_, F>
where
    F: Fn(SearchFile) -> Result<(), E> + Sync,
    E: Send,
{
    /// Hands on the files of the words that begin with `beginning`; returns how they were cut.
    fn node(&self, beginning: String, postings: &[Posting]) -> Result<Split, E> {
        let one_word = postings
            .first()
            .zip(postings.last())
            .is_none_or(|(first, last)| first.is_of_word(last));
        if one_word || self.size(postings).is_some() {
            self.leaf(&beginning, postings)?;
            return Ok(Split::new());
        }
        let own = postings.partition_point(|posting| self.packs.word(posting) == beginning);
        let (own, rest) = postings.split_at(own);
        let mut content = Content::of(self.packs, own);
        content.add_best(postings);
        (self.take)(file(word_path(&beginning), &content))?;
        drop(content);
        let groups = self.groups(beginning.len(), rest);
        let mut split = groups
            .par_iter()
            .map(|group| {
                let postings = rest.get(group.range.clone()).unwrap_or_default();
                let mut characters = group.characters.chars();
                let first: String = beginning.chars().chain(characters.next()).collect();
                match characters.next() {
                    None => self.node(first, postings),
                    Some(_) => self.leaf(&first, postings).map(|()| Split::new()),
                }
            })
            .try_reduce(Split::new, |mut all, some| {
                all.extend(some);
                Ok(all)
            })?;
        split.insert(
            beginning,
            groups.into_iter().map(|g| g.characters).collect(),
        );
        Ok(split)
    }

    fn leaf(&self, beginning: &str, postings: &[Posting]) -> Result<(), E> {
        let content = Content::of(self.packs, postings);
        (self.take)(file(word_path(beginning), &content))
    }

    /// Groups words by the character at `at`, neighbours together as far as they fit into one file.
    fn groups(&self, at: usize, postings: &[Posting]) -> Vec<Group> {
        let next = |posting: &Posting| self.packs.word(posting).get(at..)?.chars().next();
        let mut starts: Vec<(char, usize)> = Vec::new();
        let mut start = 0;
        for word in postings.chunk_by(Posting::is_of_word) {
            if let Some(c) = word.first().and_then(next)
                && starts.last().is_none_or(|(last, _)| *last != c)
            {
                starts.push((c, start));
            }
            start += word.len();
        }
        let ends = starts.iter().skip(1).map(|(_, start)| *start);
        let ends = ends.chain([postings.len()]);
        let mut groups: Vec<Group> = Vec::new();
        let mut room = 0;
        for ((c, start), end) in starts.iter().copied().zip(ends) {
            let range = start..end;
            let alike = postings.get(range.clone()).unwrap_or_default();
            let size = self.size(alike);
            match (groups.last_mut(), size) {
                (Some(group), Some(size)) if size <= room => {
                    room -= size;
                    group.characters.push(c);
                    group.range.end = range.end;
                }
                _ => {
                    room = size.map_or(0, |size| SPLIT_BYTES.saturating_sub(size));
                    groups.push(Group {
                        characters: c.to_string(),
                        range,
                    });
                }
            }
        }
        groups
    }

    /// How many bytes words take in a file, about; `None` if that is too much for one.
    fn size(&self, postings: &[Posting]) -> Option<usize> {
        let mut size: usize = 0;
        for postings in postings.chunk_by(Posting::is_of_word) {
            let word = postings.first().map_or("", |first| self.packs.word(first));
            size += word.len() + 6;
            for posting in postings.iter().take(MAX_POSTINGS) {
                size += self.packs.bytes(posting);
                if size > SPLIT_BYTES {
                    return None;
                }
            }
        }
        Some(size)
    }
}
