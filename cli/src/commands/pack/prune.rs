//! `pack prune`.

use std::time::Duration;

use attune_installer::PruneOptions;

use super::args::PruneArgs;
use super::context::{Context, failed};
use crate::failure::Failure;

pub(crate) fn run(args: &PruneArgs, context: &Context<'_>) -> Result<(), Failure> {
    let options = PruneOptions {
        generations: args.keep,
        cache_age: Duration::from_hours(24 * u64::from(args.cache_days)),
    };
    let done = context
        .installer("pack prune".to_owned(), args.lock.timeout())
        .prune(options)
        .map_err(|e| failed(&e))?;
    context.report.result(&done, || {
        format!(
            "✓ Removed {} generations, {} trees ({} bytes) and {} cached documents\n",
            done.generations.len(),
            done.trees,
            done.freed_bytes,
            done.cached_documents
        )
    })
}
