//! `pack prune`.

use attune_installer::{PruneReport, Retention};
use indicatif::HumanBytes;
use serde::Serialize;

use super::args::PruneArgs;
use super::context::{Context, failed};
use crate::failure::Failure;
use crate::report::counted;
use crate::settings::days;

/// Newest generations that stay where neither a flag nor a setting says otherwise.
const GENERATIONS: usize = 10;

#[derive(Serialize)]
struct Output<'a> {
    dry_run: bool,
    #[serde(flatten)]
    report: &'a PruneReport,
}

pub(crate) fn run(args: &PruneArgs, context: &Context<'_>) -> Result<(), Failure> {
    let set = context.retention();
    let mut keep = Retention {
        generations: args
            .keep
            .map(Into::into)
            .or(set.generations)
            .or(Some(GENERATIONS)),
        age: args.days.map(days).or(set.age),
        cache: set.cache,
    };
    keep.cache.age = Some(days(args.cache_days));
    let installer = context.installer("pack prune".to_owned(), args.lock.timeout());
    let done = if args.dry_run {
        installer.prunable(&keep)
    } else {
        installer.prune(&keep)
    };
    let done = done.map_err(|e| failed(&e))?;
    let output = Output {
        dry_run: args.dry_run,
        report: &done,
    };
    context.report.result(&output, || {
        let head = if args.dry_run {
            "Would remove"
        } else {
            "✓ Removed"
        };
        format!("{head} {}\n", sentence(&done))
    })
}

/// What was removed, for people.
pub(crate) fn sentence(done: &PruneReport) -> String {
    let environments = match done.environments {
        0 => String::new(),
        n => format!(", {}", counted(n, "environment")),
    };
    format!(
        "{}, {} ({}){environments} and {} of the cache ({})",
        counted(done.generations.len(), "generation"),
        counted(done.trees, "tree"),
        HumanBytes(done.freed_bytes),
        counted(done.cache.entries, "file"),
        HumanBytes(done.cache.size_bytes)
    )
}
