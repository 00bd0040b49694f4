//! What is told of an error: its causes on one line, and the sentence after it, what the reader can do next.

use std::error::Error;

/// Suggests what the reader of an error can do next.
///
/// Every public error of the workspace implements it; only the command line renders it.
/// A hint never advises weakening a check.
pub trait Hint {
    /// One imperative sentence without a full stop, or `None` when there is no safe advice.
    fn hint(&self) -> Option<String>;
}

/// An error and its causes on one line, each behind the one it caused; what was said at the end already is not said
/// again.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let next = cause.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        source = cause.source();
    }
    text
}
