//! The sentence after an error: what the reader can do next.

/// Suggests what the reader of an error can do next.
///
/// Every public error of the workspace implements it; only the command line renders it.
/// A hint never advises weakening a check.
pub trait Hint {
    /// One imperative sentence without a full stop, or `None` when there is no safe advice.
    fn hint(&self) -> Option<String>;
}
