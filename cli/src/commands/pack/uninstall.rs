//! `pack uninstall`.

use std::io::{self, BufRead as _, IsTerminal as _};

use attune_installer::{Dependents, Record};
use pack_format::PackRef;
use serde::Serialize;

use super::args::UninstallArgs;
use super::context::{Context, failed};
use super::lines_below;
use crate::failure::Failure;

#[derive(Serialize)]
struct Output<'a> {
    success: bool,
    generation: u64,
    removed: &'a [Record],
}

pub(crate) fn run(args: &UninstallArgs, context: &Context<'_>) -> Result<(), Failure> {
    let refs: Vec<&str> = args.refs.iter().map(PackRef::as_str).collect();
    if !args.yes && !confirmed(&refs, context) {
        context.report.note("nothing was uninstalled");
        return Ok(());
    }
    let command = format!("pack uninstall {}", refs.join(" "));
    let dependents = if args.force {
        Dependents::Ignore
    } else {
        Dependents::Refuse
    };
    let done = context
        .installer(command, args.lock.timeout())
        .uninstall(&args.refs, dependents)
        .map_err(|e| failed(&e))?;
    let output = Output {
        success: true,
        generation: done.generation,
        removed: &done.removed,
    };
    context.report.result(&output, || {
        let mut text = String::new();
        for record in &done.removed {
            let head = format!("✓ Pack '{}' uninstalled successfully", record.pack_ref);
            text.push_str(&lines_below(head, [format!("Version: {}", record.version)]));
        }
        text
    })
}

/// Asks a person; programs have decided already.
fn confirmed(refs: &[&str], context: &Context<'_>) -> bool {
    if context.report.is_machine() || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return true;
    }
    context
        .report
        .note(&format!("Uninstall {}? [y/N]", refs.join(", ")));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
