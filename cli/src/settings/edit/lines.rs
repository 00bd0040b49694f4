//! `Lines`: a list of registries that is written with a dash per item.

use serde_json::{Map, Value};

/// The lines of a text, each with its ending.
#[derive(Debug)]
pub(super) struct Lines {
    lines: Vec<String>,
    ending: &'static str,
}

/// Where a list with dashes is; all from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct List {
    /// Line of its key.
    pub(super) key_line: usize,
    /// First line with a dash.
    pub(super) line: usize,
    /// Column of the dashes.
    pub(super) column: usize,
}

/// Lines of one item, from its dash to the one after its last.
#[derive(Debug, Clone, Copy)]
struct Item {
    from: usize,
    to: usize,
}

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        let windows = lines.first().is_some_and(|line| line.ends_with("\r\n"));
        let ending = if windows { "\r\n" } else { "\n" };
        Self { lines, ending }
    }

    pub(super) fn text(self) -> String {
        self.lines.concat()
    }

    pub(super) fn ending(&self) -> &'static str {
        self.ending
    }

    pub(super) fn block(&self, entry: &Map<String, Value>, column: usize) -> String {
        block(entry, column, self.ending)
    }

    /// Puts lines after one of the text.
    pub(super) fn insert_after(&mut self, line: usize, new: &str) {
        let at = (line + 1).min(self.lines.len());
        self.end_line(at);
        self.lines.insert(at, new.to_owned());
    }

    /// Puts a section at the end, apart from what is there.
    pub(super) fn push(&mut self, new: &str) {
        self.end_line(self.lines.len());
        if self
            .lines
            .last()
            .is_some_and(|line| !line.trim().is_empty())
        {
            self.lines.push(self.ending.to_owned());
        }
        self.lines.push(new.to_owned());
    }

    /// Puts an item before the one at position `at`, or after all.
    pub(super) fn insert_item(&mut self, list: List, at: usize, entry: &Map<String, Value>) {
        let items = self.items(list);
        let before = match items.get(at) {
            Some(item) => self.with_comments(item.from, list),
            None => items.last().map_or(list.line, |last| last.to),
        };
        let mut new = self.block(entry, list.column);
        if let [_, second, ..] = items.as_slice()
            && self.is_blank(self.with_comments(second.from, list) - 1)
        {
            // The items stand apart.
            new = match items.get(at) {
                Some(_) => format!("{new}{}", self.ending),
                None => format!("{}{new}", self.ending),
            };
        }
        self.end_line(before);
        self.lines.insert(before, new);
    }

    /// Removes the item at position `at`, with the comment above it; a list of no items is written as `[]`.
    pub(super) fn remove_item(&mut self, list: List, at: usize) -> Option<()> {
        let items = self.items(list);
        let item = *items.get(at)?;
        let (mut from, mut to) = (self.with_comments(item.from, list), item.to);
        let is_last = at + 1 == items.len();
        // One blank line parted it from its neighbours, and one is left to part them.
        if !is_last && self.is_blank(to) {
            to += 1;
        } else if is_last && from > list.key_line + 1 && self.is_blank(from - 1) {
            from -= 1;
        }
        self.lines.drain(from..to);
        if items.len() == 1 {
            let key = self.lines.get_mut(list.key_line)?;
            let (name, rest) = key.split_once(':')?;
            *key = format!("{name}: []{rest}");
        }
        Some(())
    }

    fn items(&self, List { line, column, .. }: List) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        let mut follows_blank = false;
        for (number, text) in self.lines.iter().enumerate().skip(line) {
            let content = text.trim();
            let indent = text.len() - text.trim_start_matches(' ').len();
            let is_comment = content.starts_with('#');
            if content.is_empty() {
                follows_blank = true;
                continue;
            }
            if indent == column && (content == "-" || content.starts_with("- ")) {
                let (from, to) = (number, number + 1);
                items.push(Item { from, to });
            } else if indent > column && !(is_comment && follows_blank) {
                if let Some(item) = items.last_mut() {
                    item.to = number + 1;
                }
            } else if !is_comment {
                break;
            }
            follows_blank = follows_blank && is_comment;
        }
        items
    }

    /// The first line of the comment directly above a line of the list.
    fn with_comments(&self, line: usize, list: List) -> usize {
        let mut from = line;
        while from > list.key_line + 1 && self.lines[from - 1].trim_start().starts_with('#') {
            from -= 1;
        }
        from
    }

    fn is_blank(&self, line: usize) -> bool {
        self.lines
            .get(line)
            .is_some_and(|text| text.trim().is_empty())
    }

    /// The line before `at` may be the last one, without an ending.
    fn end_line(&mut self, at: usize) {
        let ending = self.ending;
        if let Some(line) = at.checked_sub(1).and_then(|at| self.lines.get_mut(at))
            && !line.ends_with('\n')
        {
            line.push_str(ending);
        }
    }
}

/// An entry as an item of a list at a column, each line ended.
pub(super) fn block(entry: &Map<String, Value>, column: usize, ending: &str) -> String {
    let indent = " ".repeat(column);
    let mut text = String::new();
    for (number, (key, value)) in entry.iter().enumerate() {
        let dash = if number == 0 { "- " } else { "  " };
        text.push_str(&format!("{indent}{dash}{}:", key_text(key)));
        match value {
            Value::Object(members) => {
                text.push_str(ending);
                for (key, value) in members {
                    let (key, value) = (key_text(key), braced(value));
                    text.push_str(&format!("{indent}    {key}: {value}{ending}"));
                }
            }
            other => text.push_str(&format!(" {}{ending}", braced(other))),
        }
    }
    text
}

/// An entry on one line.
pub(super) fn braces(entry: &Map<String, Value>) -> String {
    let members = entry.iter().map(|(key, value)| {
        let (key, value) = (key_text(key), braced(value));
        format!("{key}: {value}")
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
}

fn braced(value: &Value) -> String {
    match value {
        Value::Object(entry) => braces(entry),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(braced).collect();
            format!("[{}]", items.join(", "))
        }
        // Numbers, truth values and quoted strings of JSON are those of YAML.
        other => other.to_string(),
    }
}

fn key_text(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if key.starts_with(|c: char| c.is_ascii_alphabetic()) && key.chars().all(plain) {
        key.to_owned()
    } else {
        Value::String(key.to_owned()).to_string()
    }
}
