//! `MetadataError`: what is wrong in a YAML file, and where.

use std::fmt;

use crate::hint::Hint;
use crate::text::printable;

/// A metadata file that cannot be used: file, line, field, reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataError {
    file: String,
    line: Option<usize>,
    field: String,
    reason: String,
    hint: Option<String>,
}

impl MetadataError {
    /// That `file` is wrong at `line` (from 1) because of `reason`.
    pub fn new(file: &str, line: Option<usize>, reason: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            field: String::new(),
            reason: reason.into(),
            hint: None,
        }
    }

    /// The same error inside field `name` of what it was in so far.
    #[must_use]
    pub fn in_field(mut self, name: &str) -> Self {
        let name = printable(name);
        self.field = if self.field.is_empty() {
            name
        } else {
            format!("{name}.{}", self.field)
        };
        self
    }

    /// The same error with a piece of advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error with the file named differently.
    #[must_use]
    pub fn in_file(mut self, file: &str) -> Self {
        file.clone_into(&mut self.file);
        self
    }

    /// The file, as it was named.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, from 1, where one is to blame.
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// The field with its parents, dots between; empty where none is to blame.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong, without the place.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for MetadataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.file)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if !self.field.is_empty() {
            write!(f, ", field `{}`", self.field)?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for MetadataError {}

impl Hint for MetadataError {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}
