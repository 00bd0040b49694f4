//! Changes of the list of registries in the text of a configuration: everything else, comments included, stays
//! as it is.
//!
//! 1. [`Place`] finds where the list is and how it is written.
//! 2. The text is cut and joined there.
//! 3. The new text is read again. Unless it says exactly what the old one said, and the change, it is not used: no
//!    way of writing YAML that was not thought of can cost anybody a setting.

mod lines;
mod place;

use pack_format::yaml::Node;
use serde_json::{Map, Value};

use self::lines::Lines;
use self::place::{PATH, Place};

/// A change of the list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change<'a> {
    /// An entry that comes to stand at a position, or at the end.
    Insert(usize, &'a Map<String, Value>),
    /// The entry at a position goes.
    Remove(usize),
}

/// The text with a change; `None` if it is written in a way that cannot be edited.
pub(crate) fn apply(text: &str, change: Change<'_>) -> Option<String> {
    let edited = match Place::find(text) {
        Place::Other => None,
        Place::Flow { items } => flow(text, &items, change),
        Place::Block(list) => {
            let mut lines = Lines::of(text);
            match change {
                Change::Insert(at, entry) => lines.insert_item(list, at, entry),
                Change::Remove(at) => lines.remove_item(list, at)?,
            }
            Some(lines.text())
        }
        place => match change {
            Change::Insert(_, entry) => Some(first(text, &place, entry)),
            Change::Remove(_) => None,
        },
    }?;
    let expected = expected(text, change)?;
    let read = Node::parse("", edited.as_bytes()).ok()?;
    let keeps_comments = match change {
        Change::Insert(_, entry) => {
            let count = |text: &str| text.matches('#').count();
            count(&edited) == count(text) + count(&entry_text(entry))
        }
        // One that belongs to the entry goes with it.
        Change::Remove(_) => true,
    };
    (keeps_comments && read.to_json().ok()? == expected).then_some(edited)
}

/// An entry as it could be pasted into a list.
pub(crate) fn entry_text(entry: &Map<String, Value>) -> String {
    lines::block(entry, 0, "\n")
}

/// What the new text must say.
fn expected(text: &str, change: Change<'_>) -> Option<Value> {
    let mut root = Node::parse("", text.as_bytes()).ok()?.to_json().ok()?;
    if root.is_null() {
        root = Value::Object(Map::new());
    }
    let mut node = &mut root;
    for key in PATH {
        let member = node.as_object_mut()?.entry(key).or_insert(Value::Null);
        if member.is_null() {
            *member = Value::Object(Map::new());
        }
        node = member;
    }
    if node.as_object().is_some_and(Map::is_empty) {
        *node = Value::Array(Vec::new());
    }
    let list = node.as_array_mut()?;
    match change {
        Change::Insert(at, entry) => {
            list.insert(at.min(list.len()), Value::Object(entry.clone()));
        }
        Change::Remove(at) if at < list.len() => {
            list.remove(at);
        }
        Change::Remove(_) => return None,
    }
    Some(root)
}

/// The text with the first entry of a list.
fn first(text: &str, place: &Place, entry: &Map<String, Value>) -> String {
    let without = |value: Option<(usize, usize)>| match value {
        Some((from, to)) => {
            let before = text[..from].trim_end_matches(' ');
            // A key ends with a colon; what follows on its line is a comment.
            format!("{before}{}", &text[to..])
        }
        None => text.to_owned(),
    };
    let key = PATH[1];
    match *place {
        Place::Empty {
            line,
            column,
            value,
        } => {
            let mut lines = Lines::of(&without(value));
            lines.insert_after(line, &lines.block(entry, column + 2));
            lines.text()
        }
        Place::NoList { line, column, null } => {
            let mut lines = Lines::of(&without(null));
            let (indent, end) = (" ".repeat(column), lines.ending());
            let list = lines.block(entry, column + 2);
            lines.insert_after(line, &format!("{indent}{key}:{end}{list}"));
            lines.text()
        }
        _ => {
            let mut lines = Lines::of(text);
            let end = lines.ending();
            let list = lines.block(entry, 4);
            lines.push(&format!("{}:{end}  {key}:{end}{list}", PATH[0]));
            lines.text()
        }
    }
}

/// The text with a change of a list in brackets.
fn flow(text: &str, items: &[(usize, usize)], change: Change<'_>) -> Option<String> {
    let (from, to, new) = match change {
        Change::Insert(at, entry) => {
            let entry = lines::braces(entry);
            if let Some(&(start, _)) = items.get(at) {
                (start, start, format!("{entry}, "))
            } else {
                let &(_, end) = items.last()?;
                (end, end, format!(", {entry}"))
            }
        }
        Change::Remove(at) => {
            let &(start, end) = items.get(at)?;
            let (from, to) = match (items.get(at + 1), at.checked_sub(1)) {
                (Some(&(next, _)), _) => (start, next),
                (None, Some(previous)) => (items[previous].1, end),
                (None, None) => (start, end),
            };
            (from, to, String::new())
        }
    };
    Some(format!("{}{new}{}", &text[..from], &text[to..]))
}

#[cfg(test)]
mod tests;
