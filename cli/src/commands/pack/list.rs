//! `pack list`.

use attune_installer::Record;

use super::args::ListArgs;
use super::context::Context;
use crate::failure::{Code, Failure};
use crate::report::table;

/// Longest description in a table, in characters.
const DESCRIPTION: usize = 50;

pub(crate) fn run(args: &ListArgs, context: &Context<'_>) -> Result<(), Failure> {
    let state = context
        .reader()
        .list()
        .map_err(|e| Failure::new(Code::Failed, &e))?;
    let wanted = args.name.as_deref().unwrap_or_default();
    let records: Vec<&Record> = state
        .packs
        .values()
        .filter(|record| record.pack_ref.as_str().contains(wanted))
        .collect();
    if records.is_empty() && !context.report.is_machine() {
        context.report.note("no packs are installed");
        return Ok(());
    }
    context.report.result(&records, || {
        table(
            &["Ref", "Version", "Description", "Source"],
            records.iter().map(|record| {
                vec![
                    record.pack_ref.to_string(),
                    record.version.to_string(),
                    shortened(&record.description),
                    source(record),
                ]
            }),
        )
    })
}

/// The registry, or the place itself.
fn source(record: &Record) -> String {
    record
        .registry
        .as_ref()
        .map_or_else(|| record.installed_from.url.clone(), |r| r.name.clone())
}

/// One line of at most [`DESCRIPTION`] characters.
pub(crate) fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= DESCRIPTION {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(DESCRIPTION - 1).collect();
    short.push('…');
    short
}
