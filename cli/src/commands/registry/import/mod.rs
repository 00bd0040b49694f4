//! `registry import`: packs of StackStorm Exchange, from checkouts or from an index alone.

mod print;

use std::path::{Path, PathBuf};

use attune_indexer::import::index::{self, IndexImport, IndexImportError};
use attune_indexer::import::{self, ImportError, ImportOptions, ImportReport, Outcome};
use clap::Args;
use pack_format::Timestamp;

use crate::commands::now;
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::settings;

/// `registry import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Checkouts of packs, folders of them, bare git repositories; or index files of StackStorm Exchange
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// From checkouts: the folder that gets a directory per pack. From an index: the registry tree to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Say what would happen and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Import the good packs although others are refused
    #[arg(long)]
    skip_invalid: bool,
    /// Name of the registry tree that an index becomes
    #[arg(long, value_name = "NAME", default_value = "StackStorm Exchange")]
    name: String,
    /// Where that tree will be hosted
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
}

pub(crate) fn run(args: &ImportArgs, report: Report) -> Result<(), Failure> {
    let is_url = |path: &&PathBuf| path.to_str().is_some_and(|text| text.contains("://"));
    if let Some(url) = args.sources.iter().find(is_url) {
        return Err(Failure::text(
            Code::Usage,
            format!("`{}` is a URL; an import contacts nobody", url.display()),
            Some("clone the packs or download the index, and name the directory or file"),
        ));
    }
    let files = args.sources.iter().filter(|path| path.is_file()).count();
    if files == 0 {
        return checkouts(args, report);
    }
    if files < args.sources.len() {
        return Err(Failure::text(
            Code::Usage,
            "the sources are index files and directories at once",
            Some(
                "import them in two commands: an index becomes a registry tree, checkouts become packs",
            ),
        ));
    }
    lone_index(args, report)
}

fn checkouts(args: &ImportArgs, report: Report) -> Result<(), Failure> {
    let options = ImportOptions {
        sources: args.sources.clone(),
        out: args.out.clone(),
        dry_run: args.dry_run,
        skip_invalid: args.skip_invalid,
    };
    let show = |done: &ImportReport| {
        for directory in &done.without_manifest {
            let directory = crate::report::sanitised(&directory.display().to_string());
            report.warning(&format!("{directory} holds no `pack.yaml`"));
        }
        report.result(done, || print::packs(done))
    };
    match import::import(&options) {
        Ok(done) => show(&done),
        Err(ImportError::Refused { report: done }) => {
            show(&done)?;
            let error = ImportError::Refused { report: done };
            Err(Failure::new(Code::Failed, &error))
        }
        Err(error) => {
            let code = match error {
                ImportError::Input(_) | ImportError::OutInsideSource { .. } => Code::Usage,
                _ => Code::Failed,
            };
            Err(Failure::new(code, &error))
        }
    }
}

fn lone_index(args: &ImportArgs, report: Report) -> Result<(), Failure> {
    let base_url = args.base_url.as_deref().map(base_url).transpose()?;
    let now = match settings::source_date_epoch()? {
        Some(seconds) => Timestamp::from_unix(seconds),
        None => now(),
    };
    let request = IndexImport {
        indexes: &args.sources,
        out: &args.out,
        name: &args.name,
        base_url: base_url.as_deref(),
        dry_run: args.dry_run,
        skip_invalid: args.skip_invalid,
        now,
    };
    match index::import(&request) {
        Ok(done) => {
            report.result(&done, || print::index(&done))?;
            for warning in &done.warnings {
                report.warning(&crate::report::sanitised(warning));
            }
            Ok(())
        }
        Err(IndexImportError::Refused { report: done }) => {
            report.result(&done, || print::index(&done))?;
            Err(Failure::new(
                Code::Failed,
                &IndexImportError::Refused { report: done },
            ))
        }
        Err(error) => Err(Failure::new(code(&error), &error)),
    }
}

/// The base URL with a trailing slash.
fn base_url(text: &str) -> Result<String, Failure> {
    let checked = registry_tree::assemble::HOSTING
        .check(text)
        .map_err(|e| Failure::new(Code::Usage, &e))?;
    let url = checked.to_string();
    Ok(if url.ends_with('/') {
        url
    } else {
        format!("{url}/")
    })
}

fn code(error: &IndexImportError) -> Code {
    Code::busy_or_failed(error.is_busy())
}

/// The last line: how many packs ended in what.
fn count_line(dry_run: bool, out: &Path, count: impl Fn(Outcome) -> usize) -> String {
    let tense = if dry_run {
        "would be imported"
    } else {
        "imported"
    };
    format!(
        "{} {tense} into `{}`, {} unchanged, {} refused\n",
        count(Outcome::Imported),
        crate::report::sanitised(&out.display().to_string()),
        count(Outcome::Unchanged),
        count(Outcome::Refused)
    )
}
