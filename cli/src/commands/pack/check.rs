//! `pack check`.

use std::path::{Path, PathBuf};

use attune_indexer::check::{check_archive, check_directory};
use clap::Args;
use pack_check::{Checked, Diagnostic, Severity};
use pack_fs::source_dir::open_regular;
use serde::Serialize;

use super::sarif;
use crate::failure::{Code, Failure};
use crate::report::{Report, sanitised};

/// `pack check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// A pack directory or an archive
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Fail for warnings too
    #[arg(long)]
    strict: bool,
}

#[derive(Serialize)]
struct Output<'a> {
    path: &'a Path,
    ok: bool,
    errors: usize,
    warnings: usize,
    /// How many findings are not in the list.
    left_out: usize,
    diagnostics: &'a [Diagnostic],
}

pub(crate) fn run(args: &CheckArgs, report: Report) -> Result<(), Failure> {
    let is_directory = args.path.is_dir();
    let checked = if is_directory {
        check_directory(&args.path).map_err(|e| Failure::new(Code::Failed, &e))?
    } else {
        of_archive(&args.path)?
    };
    let ok = checked.errors == 0 && (checked.warnings == 0 || !args.strict);
    // Terminals and editors open what they find at a path; inside an archive they find nothing.
    let folder = if is_directory {
        args.path.as_path()
    } else {
        Path::new("")
    };
    if report.is_sarif() {
        report.result(&sarif::log(&checked, folder), String::new)?;
    } else {
        let output = Output {
            path: &args.path,
            ok,
            errors: checked.errors,
            warnings: checked.warnings,
            left_out: checked.left_out,
            diagnostics: &checked.diagnostics,
        };
        report.result(&output, || table(&checked, folder))?;
    }
    if ok {
        return Ok(());
    }
    Err(Failure::text(
        Code::Failed,
        format!("`{}`: {}", args.path.display(), sum(&checked)),
        (checked.errors == 0).then_some("without `--strict`, warnings do not fail a check"),
    ))
}

fn of_archive(path: &Path) -> Result<Checked, Failure> {
    let mut file = open_regular(path).map_err(|e| {
        Failure::text(
            Code::Failed,
            format!("cannot read `{}`: {e}", path.display()),
            Some("name a pack directory or an archive"),
        )
    })?;
    check_archive(&mut file).map_err(|e| {
        let mut failure = Failure::new(Code::Failed, &e);
        failure.messages.insert(0, format!("`{}`", path.display()));
        failure
    })
}

fn sum(checked: &Checked) -> String {
    let counted = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    format!(
        "{}, {}",
        counted(checked.errors, "error"),
        counted(checked.warnings, "warning")
    )
}

fn table(checked: &Checked, folder: &Path) -> String {
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
