//! `pack history`.

use super::context::Context;
use crate::failure::{Code, Failure};
use crate::report::table;

pub(crate) fn run(context: &Context<'_>) -> Result<(), Failure> {
    let entries = context
        .reader()
        .history()
        .map_err(|e| Failure::new(Code::Failed, &e))?;
    if entries.is_empty() && !context.report.is_machine() {
        context.report.note("nothing was installed yet");
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
