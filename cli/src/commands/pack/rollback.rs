//! `pack rollback`.

use attune_installer::{PackChange, RollbackTarget};
use serde::Serialize;

use super::args::RollbackArgs;
use super::context::{Context, failed};
use super::lines_below;
use crate::failure::Failure;

#[derive(Serialize)]
struct Output<'a> {
    success: bool,
    generation: Option<u64>,
    changes: &'a [PackChange],
}

pub(crate) fn run(args: &RollbackArgs, context: &Context<'_>) -> Result<(), Failure> {
    let (target, command) = match (&args.pack_ref, args.generation) {
        (Some(pack_ref), _) => (
            RollbackTarget::Pack(pack_ref.clone()),
            format!("pack rollback {pack_ref}"),
        ),
        (None, number) => {
            let number = number.unwrap_or_default();
            let command = format!("pack rollback --generation {number}");
            (RollbackTarget::Generation(number), command)
        }
    };
    let done = context
        .installer(command, args.lock.timeout())
        .rollback(&target)
        .map_err(|e| failed(&e))?;
    let output = Output {
        success: true,
        generation: done.generation,
        changes: &done.changes,
    };
    context.report.result(&output, || match done.generation {
        None => "✓ Nothing to roll back: everything is like that already\n".to_owned(),
        Some(number) => {
            let head = format!("✓ Rolled back; generation {number} is active");
            lines_below(head, done.changes.iter())
        }
    })
}
