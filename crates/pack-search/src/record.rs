//! `SearchRecord`: what the index holds of one pack.

use std::collections::BTreeMap;

use pack_format::PackRef;
use pack_format::documents::{Component, PackDocument, Parameter, VersionDocument};
use pack_format::text::is_deceptive;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::field::Field;
use crate::files::PackRow;
use crate::words::{is_stop_word, words, words_and_parts};

/// Words of one pack (inclusive); those that say least are left out.
const MAX_WORDS: usize = 2_000;

/// Characters of a place (inclusive); a longer one is left out.
const MAX_PLACE_CHARS: usize = 80;

/// Characters of a description in a hit (inclusive).
const MAX_ABOUT_CHARS: usize = 200;

/// Characters of a name in a hit (inclusive).
const MAX_NAME_CHARS: usize = 64;

/// Keywords in a hit (inclusive).
const MAX_KEYWORDS: usize = 8;

/// How deep the rows of a schema are read (inclusive).
const MAX_DEPTH: usize = 4;

/// What the index holds of one pack; derived from its document, to be kept for every pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchRecord {
    /// What a hit shows.
    pub row: PackRow,
    /// The words and where each says most: `word letter[ place]`, sorted by word, each followed by `;`.
    ///
    /// One text instead of many: it is kept for every pack of a registry.
    words: String,
}

impl SearchRecord {
    /// The record of a document; `None` when it lists no version.
    pub fn of(document: &PackDocument) -> Option<Self> {
        let newest = document.newest()?;
        let mut found = Found::default();
        found.pack(&document.pack_ref, newest);
        Some(Self {
            row: row(document, newest),
            words: found.text(),
        })
    }

    /// Word and posting without its ref: letter and place.
    pub(crate) fn words(&self) -> impl Iterator<Item = (&str, Field, &str)> {
        self.words.split_terminator(';').filter_map(|entry| {
            let (word, rest) = entry.split_once(' ')?;
            let letter = rest.chars().next()?;
            let place = rest.get(letter.len_utf8()..)?.trim_start();
            Some((word, Field::of_letter(letter)?, place))
        })
    }

    /// How much sooner (or, below zero, later) the pack comes than others that match as well.
    /// `dependents` are the packs that need it.
    pub(crate) fn level(&self, dependents: u64) -> i64 {
        match (self.row.yanked, self.row.deprecated) {
            (true, _) => return -80,
            (false, true) => return -40,
            (false, false) => {}
        }
        // Twice the logarithm, in halves: whole numbers are the same everywhere.
        let used = self
            .row
            .downloads
            .unwrap_or(0)
            .saturating_add(dependents.saturating_mul(10));
        let number = used.saturating_add(1);
        let bits = number.ilog2();
        let half = if bits == 0 {
            0
        } else {
            (number >> (bits - 1)) & 1
        };
        i64::from(2 * bits) + i64::try_from(half).unwrap_or(0)
    }
}

fn row(document: &PackDocument, newest: &VersionDocument) -> PackRow {
    PackRow {
        label: short(&newest.label, MAX_NAME_CHARS),
        version: newest.version.clone(),
        published_at: newest.published_at,
        description: short(&newest.description, MAX_ABOUT_CHARS),
        author: short(&newest.author, MAX_NAME_CHARS),
        license: short(&newest.license, MAX_NAME_CHARS),
        keywords: newest
            .keywords
            .iter()
            .take(MAX_KEYWORDS)
            .map(|keyword| short(keyword, MAX_NAME_CHARS))
            .collect(),
        downloads: downloads(newest),
        deprecated: document.deprecated.is_some(),
        yanked: newest.yanked.is_some(),
    }
}

/// `meta.downloads`: a number, or an object with a `total`.
fn downloads(version: &VersionDocument) -> Option<u64> {
    match version.meta.get("downloads")? {
        Value::Object(counts) => counts.get("total")?.as_u64(),
        count => count.as_u64(),
    }
}

/// Text on one line, cut after so many characters.
fn short(text: &str, longest: usize) -> String {
    let mut line = String::with_capacity(text.len().min(longest));
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().filter(|c| !is_deceptive(*c)));
    }
    match line.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

/// The words found so far, each where it says most.
#[derive(Default)]
struct Found {
    words: BTreeMap<String, (Field, String)>,
}

impl Found {
    fn pack(&mut self, pack_ref: &PackRef, version: &VersionDocument) {
        self.add(words(pack_ref.as_str()), Field::Ref, "");
        self.add(words_and_parts(&version.label), Field::Label, "");
        for keyword in &version.keywords {
            self.add(words_and_parts(keyword), Field::Keyword, "");
        }
        self.add(words_and_parts(&version.author), Field::Author, "");
        self.prose(&version.description, Field::Description, "");
        self.prose(
            version.use_case.as_deref().unwrap_or_default(),
            Field::Description,
            "",
        );
        for key in &version.configuration {
            self.add(words_and_parts(&key.name), Field::Configuration, &key.name);
        }
        for ((_, list), field) in version.components.by_kind().into_iter().zip([
            Field::Action,
            Field::Sensor,
            Field::Trigger,
            Field::Rule,
            Field::Workflow,
        ]) {
            for component in list {
                self.component(component, field);
            }
        }
    }

    fn component(&mut self, component: &Component, field: Field) {
        let name = component.name.as_str();
        self.add(words_and_parts(name), field, name);
        let rows = component.parameters.iter().chain(&component.output);
        for row in rows {
            self.parameter(row, name, 1);
        }
        self.prose(
            component.label.as_deref().unwrap_or_default(),
            Field::Component,
            name,
        );
        self.prose(&component.description, Field::Component, name);
    }

    fn parameter(&mut self, row: &Parameter, component: &str, depth: usize) {
        let place = format!("{component}/{}", row.name);
        self.add(words_and_parts(&row.name), Field::Parameter, &place);
        if depth < MAX_DEPTH {
            for inner in &row.properties {
                self.parameter(inner, component, depth + 1);
            }
        }
    }

    fn prose(&mut self, text: &str, field: Field, place: &str) {
        let mut said = words_and_parts(text);
        said.retain(|word| !is_stop_word(word));
        self.add(said, field, place);
    }

    fn add(&mut self, words: Vec<String>, field: Field, place: &str) {
        for word in words {
            // One letter says something only where it is a name by itself.
            if word.len() < 2 && field != Field::Ref {
                continue;
            }
            match self.words.get_mut(&word) {
                Some(known) if known.0 <= field => {}
                Some(known) => *known = (field, place.to_owned()),
                None => drop(self.words.insert(word, (field, place.to_owned()))),
            }
        }
    }

    fn text(mut self) -> String {
        if self.words.len() > MAX_WORDS {
            let mut by_field: Vec<_> = std::mem::take(&mut self.words).into_iter().collect();
            by_field.sort_by_key(|(_, (field, _))| *field);
            by_field.truncate(MAX_WORDS);
            self.words = by_field.into_iter().collect();
        }
        let mut text = String::new();
        for (word, (field, place)) in self.words {
            text.push_str(&word);
            text.push(' ');
            text.push(field.letter());
            if is_plain(&place) {
                text.push(' ');
                text.push_str(&place);
            }
            text.push(';');
        }
        text
    }
}

/// Whether a place can be told: names of components may hold anything.
fn is_plain(place: &str) -> bool {
    !place.is_empty()
        && place.chars().count() <= MAX_PLACE_CHARS
        && !place.contains(|c: char| c == ';' || c.is_whitespace() || is_deceptive(c))
}
