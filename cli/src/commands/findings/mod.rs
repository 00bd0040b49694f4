//! Findings of a check, printed.

pub(crate) mod sarif;

use std::path::Path;

use pack_check::{Checked, Diagnostic, Severity};
use serde::Serialize;

use crate::report::{counted, sanitised};

/// Findings as one document.
#[derive(Serialize)]
pub(crate) struct Output<'a> {
    path: &'a str,
    ok: bool,
    errors: usize,
    warnings: usize,
    /// How many findings are not in the list.
    left_out: usize,
    diagnostics: &'a [Diagnostic],
}

impl<'a> Output<'a> {
    /// What a check of `path` found.
    pub(crate) fn new(path: &'a str, ok: bool, checked: &'a Checked) -> Self {
        Self {
            path,
            ok,
            errors: checked.errors,
            warnings: checked.warnings,
            left_out: checked.left_out,
            diagnostics: &checked.diagnostics,
        }
    }
}

/// How many findings of each kind there are.
pub(crate) fn sum(checked: &Checked) -> String {
    format!(
        "{}, {}",
        counted(checked.errors, "error"),
        counted(checked.warnings, "warning")
    )
}

/// The findings line by line, and their number; files are told from `folder`.
pub(crate) fn lines(checked: &Checked, folder: &Path) -> String {
    let mut text = String::new();
    for found in &checked.diagnostics {
        let severity = match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let file = folder.join(&found.file);
        let line = found
            .line
            .map_or_else(String::new, |line| format!(":{line}"));
        let field = match found.field.as_str() {
            "" => String::new(),
            field => format!("`{field}`: "),
        };
        text.push_str(&sanitised(&format!(
            "{}{line}: {severity}[{}] {field}{}",
            file.display(),
            found.rule,
            found.message
        )));
        text.push('\n');
        if let Some(hint) = &found.hint {
            text.push_str(&format!("    {}\n", sanitised(hint)));
        }
    }
    if checked.left_out > 0 {
        text.push_str(&format!("… and {} more\n", checked.left_out));
    }
    if checked.errors == 0 && checked.warnings == 0 {
        text.push_str("✓ Nothing to complain about\n");
    } else {
        text.push_str(&format!("{}\n", sum(checked)));
    }
    text
}
