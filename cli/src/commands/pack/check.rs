//! `pack check`.

use std::path::{Path, PathBuf};

use attune_indexer::check::{check_archive, check_directory};
use clap::Args;
use pack_check::{Checked, rules};
use pack_fs::source_dir::open_regular;

use crate::commands::findings::{self, Output, sarif};
use crate::failure::{Code, Failure};
use crate::report::Report;

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
        report.result(
            &sarif::log("pack check", rules::ALL, &checked, folder),
            String::new,
        )?;
    } else {
        let path = args.path.to_string_lossy();
        report.result(&Output::new(&path, ok, &checked), || {
            findings::lines(&checked, folder)
        })?;
    }
    if ok {
        return Ok(());
    }
    Err(Failure::text(
        Code::Failed,
        format!("`{}`: {}", args.path.display(), findings::sum(&checked)),
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
