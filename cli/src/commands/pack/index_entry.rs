//! `pack index-entry`.

use std::path::PathBuf;

use attune_indexer::index_file::entry::entry;
use clap::Args;

use super::index_sources::SourceArgs;
use crate::failure::{Code, Failure};
use crate::report::{Report, sanitised};
use crate::settings::Settings;

/// `pack index-entry`.
#[derive(Debug, Args)]
pub(crate) struct IndexEntryArgs {
    /// The pack
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    #[command(flatten)]
    sources: SourceArgs,
}

/// Prints the entry, as JSON unless YAML is asked for: there is no other form of it.
pub(crate) fn run(
    args: &IndexEntryArgs,
    settings: &Settings,
    report: Report,
) -> Result<(), Failure> {
    let sources = args.sources.resolve(settings, report)?;
    let new = entry(&args.directory, sources, None).map_err(|e| Failure::new(Code::Failed, &e))?;
    tell(&new.notes, &new.warnings, report);
    let text = serde_json::to_string_pretty(&new.entry)
        .map_err(|e| Failure::text(Code::Failed, format!("cannot print the entry: {e}"), None))?;
    report.result(&new.entry, || format!("{text}\n"))
}

/// What the publisher should know, to stderr.
pub(crate) fn tell(notes: &[String], warnings: &[String], report: Report) {
    for note in notes {
        report.note(&sanitised(note));
    }
    for warning in warnings {
        report.warning(&sanitised(warning));
    }
}
