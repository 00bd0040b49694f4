//! `Diagnostic`: one thing that is wrong, where, and what to do about it.

use pack_format::text::printable;
use pack_format::{Hint as _, MetadataError};
use serde::Serialize;

use crate::rules::{Rule, Severity};

/// Most findings that are told.
pub const MAX_DIAGNOSTICS: usize = 1000;

/// One finding about a file of a pack or of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file, relative to the root of what is checked.
    pub file: String,
    /// The line, from 1, where one is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The field with its parents, dots between; empty where none is to blame.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// How bad it is.
    pub severity: Severity,
    /// Name of the rule.
    pub rule: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A breach of `rule` by the file as a whole.
    pub fn new(rule: Rule, file: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            field: String::new(),
            severity: rule.severity,
            rule: rule.id,
            message: message.into(),
            hint: None,
        }
    }

    /// The same, at a line, from 1.
    #[must_use]
    pub fn at(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// The same, in a field with its parents, dots between.
    #[must_use]
    pub fn in_field(mut self, field: &str) -> Self {
        self.field = printable(field);
        self
    }

    /// The same, with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn from_metadata(rule: Rule, error: &MetadataError) -> Self {
        Self {
            line: error.line(),
            field: error.field().to_owned(),
            hint: error.hint(),
            ..Self::new(rule, error.file(), error.reason())
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// By file and line; at most [`MAX_DIAGNOSTICS`].
    pub diagnostics: Vec<Diagnostic>,
    /// How many more there are.
    pub left_out: usize,
    /// Errors among all of them, told or not.
    pub errors: usize,
    /// Warnings among all of them, told or not.
    pub warnings: usize,
}

/// Findings as they come, in any order.
#[derive(Debug, Default)]
pub struct Findings {
    kept: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl Findings {
    /// Takes one more; which are told does not depend on the order they come in.
    pub fn add(&mut self, diagnostic: Diagnostic) {
        match diagnostic.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        self.kept.push(diagnostic);
        if self.kept.len() >= 2 * MAX_DIAGNOSTICS {
            self.settle();
        }
    }

    /// All of them, sorted.
    pub fn finish(mut self) -> Checked {
        self.settle();
        Checked {
            left_out: self.errors + self.warnings - self.kept.len(),
            diagnostics: self.kept,
            errors: self.errors,
            warnings: self.warnings,
        }
    }

    /// Sorts, and forgets what will not be told.
    fn settle(&mut self) {
        self.kept.sort_by(|a, b| {
            (&a.file, a.line, a.rule, &a.field, &a.message)
                .cmp(&(&b.file, b.line, b.rule, &b.field, &b.message))
        });
        self.kept.truncate(MAX_DIAGNOSTICS);
    }
}
