//! `Place`: where in the text of a configuration the list of registries stands, and how it is written there.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use super::lines::List;

/// The section and the key of the list.
pub(super) const PATH: [&str; 2] = ["pack_registry", "indices"];

/// Where the list is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Neither the list nor its section is there.
    NoSection,
    /// There is only the section.
    NoList {
        /// Line of its key, from 0.
        line: usize,
        /// Column of the keys in it, from 0.
        column: usize,
        /// The `~` or `null` that stands for it, as bytes of the text.
        null: Option<(usize, usize)>,
    },
    /// There is the key without a list, or with an empty one.
    Empty {
        /// Line of the key, from 0.
        line: usize,
        /// Column of the key, from 0.
        column: usize,
        /// What stands for the list, as bytes of the text: `[]`, `~` or `null`.
        value: Option<(usize, usize)>,
    },
    /// One item per line, or more lines.
    Block(List),
    /// In brackets.
    Flow {
        /// First byte of each item, and the one after its last.
        items: Vec<(usize, usize)>,
    },
    /// In a way that is not edited here.
    Other,
}

struct Events<'t> {
    text: &'t str,
    /// Byte at which each line starts.
    lines: Vec<usize>,
    all: Vec<(Event<'t>, Span)>,
}

impl Place {
    /// Finds the list in a text that is valid for [`pack_format::yaml::Node`].
    pub(super) fn find(text: &str) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        let events = Parser::new_from_str(text).collect::<Result<Vec<_>, _>>();
        let Ok(all) = events else {
            return Self::Other;
        };
        let found = Events { text, lines, all }.find();
        found.unwrap_or(Self::Other)
    }
}

impl Events<'_> {
    fn find(&self) -> Option<Place> {
        let start = |(event, _): &(Event<'_>, Span)| matches!(event, Event::DocumentStart(_));
        let Some(root) = self.all.iter().position(start) else {
            return Some(Place::NoSection);
        };
        let root = root + 1;
        if self.is_null(root) {
            return self.is_nothing(root).then_some(Place::NoSection);
        }
        if !self.is_mapping(root) {
            return None;
        }
        let Some((_, section)) = self.member(root, PATH[0]) else {
            // In braces there is no line to put it on.
            return self.is_block(root).then_some(Place::NoSection);
        };
        let section_key = section - 1;
        if self.is_null(section) {
            return Some(Place::NoList {
                line: self.line(section_key),
                column: self.column(section_key) + 2,
                null: self.written(section),
            });
        }
        if !self.is_mapping(section) {
            return None;
        }
        let Some((key, list)) = self.member(section, PATH[1]) else {
            return self.is_block(section).then(|| Place::NoList {
                line: self.line(section_key),
                column: self.column(section + 1),
                null: None,
            });
        };
        self.list(section, key, list)
    }

    fn list(&self, section: usize, key: usize, list: usize) -> Option<Place> {
        let block = self.is_block(section);
        let empty = |value| Place::Empty {
            line: self.line(key),
            column: self.column(key),
            value,
        };
        if self.is_null(list) {
            return block.then(|| empty(self.written(list)));
        }
        let Event::SequenceStart(..) = self.all[list].0 else {
            return None;
        };
        let start = self.all[list].1.start;
        if !self.text.get(self.byte(start)..)?.starts_with('[') {
            return self.block(self.line(key), start.line() - 1);
        }
        let end = self.end(list);
        let mut items = Vec::new();
        let mut at = list + 1;
        while at + 1 < end {
            let next = self.end(at);
            items.push((self.byte(self.all[at].1.start), self.close(next - 1)));
            at = next;
        }
        let close = self.close(end - 1);
        match (items.is_empty(), block) {
            (true, true) => Some(empty(Some((self.byte(start), close)))),
            (true, false) => None,
            (false, _) => Some(Place::Flow { items }),
        }
    }

    /// A list with dashes whose first one is between two lines. A list that is not indented is said to start after
    /// its first dash.
    fn block(&self, key_line: usize, start_line: usize) -> Option<Place> {
        let indent = |line: usize| {
            let rest = self.text.get(*self.lines.get(line)?..)?;
            let content = rest.trim_start_matches(' ');
            content
                .starts_with('-')
                .then_some(rest.len() - content.len())
        };
        let mut lines = (key_line + 1..=start_line).rev();
        let (line, column) = lines.find_map(|line| Some((line, indent(line)?)))?;
        Some(Place::Block(List {
            key_line,
            line,
            column,
        }))
    }

    fn is_mapping(&self, at: usize) -> bool {
        matches!(self.all.get(at), Some((Event::MappingStart(..), _)))
    }

    /// Positions of a key and its value in the mapping at `at`.
    fn member(&self, at: usize, name: &str) -> Option<(usize, usize)> {
        let end = self.end(at);
        let mut key = at + 1;
        while key + 1 < end {
            let value = self.end(key);
            if matches!(&self.all[key].0, Event::Scalar(text, ..) if *text == name) {
                return Some((key, value));
            }
            key = self.end(value);
        }
        None
    }

    /// The position after the value at `at`.
    fn end(&self, at: usize) -> usize {
        let mut depth = 0_usize;
        for (offset, (event, _)) in self.all[at..].iter().enumerate() {
            match event {
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return at + offset + 1;
            }
        }
        self.all.len()
    }

    /// The byte after the event at `at`. What ends a list or mapping reaches to the next token, over comments.
    fn close(&self, at: usize) -> usize {
        let (event, span) = &self.all[at];
        let start = self.byte(span.start);
        if matches!(event, Event::MappingEnd | Event::SequenceEnd) {
            let bracket = self.text[start..].starts_with([']', '}']);
            return start + usize::from(bracket);
        }
        let end = self.byte(span.end);
        start + self.text[start..end].trim_end().len()
    }

    fn is_block(&self, at: usize) -> bool {
        let rest = self.text.get(self.byte(self.all[at].1.start)..);
        rest.is_some_and(|rest| !rest.starts_with('{'))
    }

    fn is_null(&self, at: usize) -> bool {
        let Some((Event::Scalar(text, style, ..), _)) = self.all.get(at) else {
            return false;
        };
        *style == ScalarStyle::Plain && matches!(&**text, "" | "~" | "null" | "Null" | "NULL")
    }

    fn is_nothing(&self, at: usize) -> bool {
        self.written(at).is_none()
    }

    /// The bytes of a scalar; `None` where it is left out.
    fn written(&self, at: usize) -> Option<(usize, usize)> {
        let Event::Scalar(text, ..) = &self.all[at].0 else {
            return None;
        };
        let start = self.byte(self.all[at].1.start);
        (!text.is_empty()).then_some((start, start + text.len()))
    }

    fn line(&self, at: usize) -> usize {
        self.all[at].1.start.line() - 1
    }

    fn column(&self, at: usize) -> usize {
        self.all[at].1.start.col()
    }

    /// The byte a marker stands at.
    fn byte(&self, marker: Marker) -> usize {
        let line = self.lines.get(marker.line() - 1).copied();
        let line = line.unwrap_or(self.text.len());
        let rest = &self.text[line..];
        let within = rest.char_indices().nth(marker.col()).map(|(at, _)| at);
        line + within.unwrap_or(rest.len())
    }
}
