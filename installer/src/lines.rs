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

/// An error and all its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
