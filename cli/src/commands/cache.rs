//! Verbs about what is kept of registries and repositories.

use std::time::Duration;

use attune_installer::{CacheKeep, CacheRemoved, CacheUsage, StoreUsage};
use bytesize::ByteSize;
use clap::{Args, Subcommand};
use indicatif::HumanBytes;
use serde::Serialize;

use super::pack::args::LockArgs;
use super::pack::context::{Context, failed};
use crate::failure::Failure;
use crate::report::{counted, table};
use crate::settings::days;

/// Days an unused file stays where nothing else is said.
const DAYS: u32 = 30;

/// Verbs about the cache.
#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Say what the cache and the store cost
    Info,
    /// Remove files of the cache that were not used lately, or that are too many
    Prune(PruneArgs),
    /// Remove every file of the cache
    Clear(ClearArgs),
}

/// `cache prune`.
#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// Remove files that were not used for this many days [default: 30, without --size]
    #[arg(long, value_name = "DAYS")]
    days: Option<u32>,
    /// Remove files that are unused for longest until the cache has this size, such as 500MB or 2GiB
    #[arg(long, value_name = "SIZE")]
    size: Option<ByteSize>,
    #[command(flatten)]
    lock: LockArgs,
}

/// `cache clear`.
#[derive(Debug, Args)]
pub(crate) struct ClearArgs {
    #[command(flatten)]
    lock: LockArgs,
}

pub(crate) fn run(command: &CacheCommand, context: &Context<'_>) -> Result<(), Failure> {
    match command {
        CacheCommand::Info => info(context),
        CacheCommand::Prune(args) => {
            let keep = CacheKeep {
                age: match (args.days, args.size) {
                    (None, None) => Some(days(DAYS)),
                    (given, _) => given.map(days),
                },
                size_bytes: args.size.map(|size| size.as_u64()),
            };
            remove("cache prune", keep, args.lock.timeout(), context)
        }
        CacheCommand::Clear(args) => {
            let keep = CacheKeep {
                age: None,
                size_bytes: Some(0),
            };
            remove("cache clear", keep, args.lock.timeout(), context)
        }
    }
}

fn info(context: &Context<'_>) -> Result<(), Failure> {
    let usage = context.reader().usage().map_err(|e| failed(&e))?;
    context.report.result(&usage, || {
        format!("{}\n{}", cache_text(&usage.cache), store_text(&usage.store))
    })
}

fn cache_text(cache: &CacheUsage) -> String {
    let head = format!(
        "Cache  {}\n{}, {}\n",
        cache.directory.display(),
        counted(cache.entries, "file"),
        HumanBytes(cache.size_bytes)
    );
    if cache.groups.is_empty() {
        return head;
    }
    let time = |time: &Option<pack_format::Timestamp>| {
        time.as_ref().map_or_else(String::new, ToString::to_string)
    };
    let rows = table(
        &["Group", "Files", "Size", "Unused since", "Last used"],
        cache.groups.iter().map(|group| {
            vec![
                group.name.clone(),
                group.entries.to_string(),
                HumanBytes(group.size_bytes).to_string(),
                time(&group.oldest),
                time(&group.newest),
            ]
        }),
    );
    head + &rows
}

fn store_text(store: &StoreUsage) -> String {
    let mut text = format!(
        "Store  {}\n{} of {}, {}\n",
        store.directory.display(),
        counted(store.trees, "tree"),
        counted(store.generations, "generation"),
        HumanBytes(store.size_bytes)
    );
    if store.unused_trees > 0 {
        text.push_str(&format!(
            "Of no generation: {} ({}); `attune pack prune` removes what is unused\n",
            counted(store.unused_trees, "tree"),
            HumanBytes(store.unused_bytes)
        ));
    }
    text
}

#[derive(Serialize)]
struct Output {
    success: bool,
    #[serde(flatten)]
    removed: CacheRemoved,
}

fn remove(
    command: &str,
    keep: CacheKeep,
    timeout: Duration,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let installer = context.installer(command.to_owned(), timeout);
    let removed = installer.prune_cache(keep).map_err(|e| failed(&e))?;
    let output = Output {
        success: true,
        removed,
    };
    context.report.result(&output, || {
        let files = counted(removed.entries, "file");
        let size = HumanBytes(removed.size_bytes);
        format!("✓ Removed {files} of the cache ({size})\n")
    })
}
