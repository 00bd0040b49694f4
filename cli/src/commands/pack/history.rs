//! `pack history`.

use super::args::HistoryArgs;
use super::context::{Context, failed};
use super::lines_below;
use crate::failure::{Code, Failure};
use crate::report::table;

pub(crate) fn run(args: &HistoryArgs, context: &Context<'_>) -> Result<(), Failure> {
    if let Some(from) = args.diff.first() {
        return diff(*from, args.diff.get(1).copied(), context);
    }
    let mut entries = context
        .reader()
        .history()
        .map_err(|e| Failure::new(Code::Failed, &e))?;
    let mut nothing = "nothing was installed yet".to_owned();
    if let Some(pack_ref) = &args.pack_ref {
        nothing = format!("no generation changed `{pack_ref}`");
        for entry in &mut entries {
            entry.changes.retain(|change| change.pack_ref == *pack_ref);
        }
        entries.retain(|entry| !entry.changes.is_empty());
    }
    if entries.is_empty() && !context.report.is_machine() {
        context.report.note(&nothing);
        return Ok(());
    }
    context.report.result(&entries, || {
        table(
            &["Generation", "Time", "Command", "Changes"],
            entries.iter().map(|entry| {
                let mark = if entry.active { " *" } else { "" };
                let changes: Vec<String> = entry.changes.iter().map(ToString::to_string).collect();
                vec![
                    format!("{}{mark}", entry.generation),
                    entry.created_at.to_string(),
                    entry.command.clone(),
                    changes.join("\n"),
                ]
            }),
        )
    })
}

fn diff(from: u64, to: Option<u64>, context: &Context<'_>) -> Result<(), Failure> {
    let found = context.reader().compare(from, to);
    let found = found.map_err(|e| failed(&e))?;
    context.report.result(&found, || {
        let head = format!("Generation {} to {}", found.from, found.to);
        if found.changes.is_empty() {
            return format!("{head}: no difference\n");
        }
        lines_below(head, &found.changes)
    })
}
