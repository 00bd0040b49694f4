//! Lists in error messages: one indented line per item, below the message.

/// Each item on a line of its own; an item's own lines stay together.
pub(crate) fn below(items: impl IntoIterator<Item = String>) -> String {
    let mut text = String::new();
    for item in items {
        text.push_str("\n  ");
        text.push_str(&item.replace('\n', "\n  "));
    }
    text
}
