//! `SearchRecord`: what the index holds of one pack.

use pack_format::PackRef;
use pack_format::documents::{Component, PackDocument, Parameter, VersionDocument};
use pack_format::text::is_deceptive;

use crate::field::Field;
use crate::files::PackRow;
use crate::words::{beginning, each_word_and_part, is_stop_word, is_whole};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchRecord {
    /// What a hit shows.
    pub row: PackRow,
    /// The words and where each says most: `word letter[ place]`, sorted by word, each followed by `;`. On one line.
    ///
    /// One text instead of many: it is kept for every pack of a registry.
    pub words: String,
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

    /// The record as the index takes it.
    pub fn indexed(&self) -> Indexed<'_> {
        Indexed {
            row: &self.row,
            words: &self.words,
        }
    }
}

/// A [`SearchRecord`] whose parts are kept apart.
#[derive(Debug, Clone, Copy)]
pub struct Indexed<'a> {
    /// What a hit shows.
    pub row: &'a PackRow,
    /// The words, as in [`SearchRecord::words`]; what cannot be read of them is left out.
    pub words: &'a str,
}

/// One word of [`SearchRecord::words`], without its end: word, field and place.
pub(crate) fn entry(text: &str) -> Option<(&str, Field, &str)> {
    let (word, rest) = text.split_once(' ')?;
    let letter = rest.chars().next()?;
    let place = rest.get(letter.len_utf8()..)?.trim_start();
    Some((word, Field::of_letter(letter)?, place))
}

impl PackRow {
    /// Whether a pack comes as soon as the other where both match as well: only what is shown may differ.
    pub fn ranks_like(&self, other: &Self) -> bool {
        let order = |row: &Self| (row.yanked, row.deprecated, row.downloads);
        order(self) == order(other)
    }

    /// How much sooner (or, below zero, later) the pack comes than others that match as well.
    /// `dependents` are the packs that need it.
    pub(crate) fn level(&self, dependents: u64) -> i64 {
        match (self.yanked, self.deprecated) {
            (true, _) => return -80,
            (false, true) => return -40,
            (false, false) => {}
        }
        // Twice the logarithm, in halves: whole numbers are the same everywhere.
        let used = self
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
        icon: newest.icon.as_ref().map(|icon| icon.path.clone()),
        downloads: document.download_count(),
        deprecated: document.deprecated.is_some(),
        yanked: newest.yanked.is_some(),
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

/// The words found so far, and where: texts of all of them one behind the other, and spans of it.
#[derive(Default)]
struct Found {
    texts: String,
    words: Vec<Word>,
}

struct Word {
    beginning: u64,
    text: Span,
    field: Field,
    place: Span,
}

#[derive(Clone, Copy, Default)]
struct Span {
    start: usize,
    end: usize,
}

impl Found {
    fn pack(&mut self, pack_ref: &PackRef, version: &VersionDocument) {
        let nowhere = Span::default();
        self.add(pack_ref.as_str(), Field::Ref, nowhere);
        self.add(&version.label, Field::Label, nowhere);
        for keyword in &version.keywords {
            self.add(keyword, Field::Keyword, nowhere);
        }
        self.add(&version.author, Field::Author, nowhere);
        self.add(&version.description, Field::Description, nowhere);
        let use_case = version.use_case.as_deref().unwrap_or_default();
        self.add(use_case, Field::Description, nowhere);
        for key in &version.configuration {
            let place = self.place(&[&key.name]);
            self.add(&key.name, Field::Configuration, place);
        }
        let fields = [
            Field::Action,
            Field::Sensor,
            Field::Trigger,
            Field::Rule,
            Field::Workflow,
        ];
        for ((_, list), field) in version.components.by_kind().into_iter().zip(fields) {
            for component in list {
                self.component(component, field);
            }
        }
    }

    fn component(&mut self, component: &Component, field: Field) {
        let place = self.place(&[&component.name]);
        self.add(&component.name, field, place);
        for row in component.parameters.iter().chain(&component.output) {
            self.parameter(row, &component.name, 1);
        }
        let label = component.label.as_deref().unwrap_or_default();
        // Most words stand in such texts; naming the component with each would double the index.
        self.add(label, Field::Component, Span::default());
        self.add(&component.description, Field::Component, Span::default());
    }

    fn parameter(&mut self, row: &Parameter, component: &str, depth: usize) {
        let place = self.place(&[component, "/", &row.name]);
        self.add(&row.name, Field::Parameter, place);
        if depth < MAX_DEPTH {
            for inner in &row.properties {
                self.parameter(inner, component, depth + 1);
            }
        }
    }

    /// A place that words can stand at; none where it cannot be told.
    fn place(&mut self, parts: &[&str]) -> Span {
        let start = self.texts.len();
        self.texts.extend(parts.iter().copied());
        if !is_plain(&self.texts[start..]) {
            self.texts.truncate(start);
            return Span::default();
        }
        let end = self.texts.len();
        Span { start, end }
    }

    fn add(&mut self, text: &str, field: Field, place: Span) {
        let is_prose = matches!(field, Field::Description | Field::Component);
        let Self { texts, words } = self;
        each_word_and_part(text, |word| {
            // One letter says something only where it is a name by itself.
            if (word.len() < 2 && field != Field::Ref) || (is_prose && is_stop_word(word)) {
                return;
            }
            let start = texts.len();
            texts.push_str(word);
            let end = texts.len();
            let text = Span { start, end };
            let beginning = beginning(word);
            words.push(Word {
                beginning,
                text,
                field,
                place,
            });
        });
    }

    fn text(self) -> String {
        let Self { texts, mut words } = self;
        let of = |span: Span| texts.get(span.start..span.end).unwrap_or_default();
        // Of one word the field that says most stays, and of that the first place.
        // The beginning as a number tells most words apart; `start` is the order they came in.
        let by_text = |a: &Word, b: &Word| {
            let beginnings = a.beginning.cmp(&b.beginning);
            if beginnings.is_ne() || is_whole(a.beginning) {
                return beginnings;
            }
            of(a.text).cmp(of(b.text))
        };
        let by_worth = |a: &Word, b: &Word| (a.field, a.text.start).cmp(&(b.field, b.text.start));
        words.sort_unstable_by(|a, b| by_text(a, b).then_with(|| by_worth(a, b)));
        words.dedup_by(|later, kept| by_text(later, kept).is_eq());
        if words.len() > MAX_WORDS {
            words.sort_by_key(|word| word.field);
            words.truncate(MAX_WORDS);
            words.sort_by(by_text);
        }
        let mut text = String::with_capacity(words.len() * 24);
        for word in &words {
            text.push_str(of(word.text));
            text.push(' ');
            text.push(word.field.letter());
            if word.place.end > word.place.start {
                text.push(' ');
                text.push_str(of(word.place));
            }
            text.push(';');
        }
        text
    }
}

/// Whether a place can be told: names of components may hold anything.
fn is_plain(place: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b';';
    if place.bytes().all(plain) {
        return !place.is_empty() && place.len() <= MAX_PLACE_CHARS;
    }
    place.chars().count() <= MAX_PLACE_CHARS
        && !place.contains(|c: char| c == ';' || c.is_whitespace() || is_deceptive(c))
}
