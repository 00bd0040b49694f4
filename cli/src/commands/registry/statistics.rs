//! `registry statistics`: what a server counted, and putting it into the tree.

use std::path::PathBuf;

use attune_indexer::edit::EditOptions;
use attune_indexer::statistics::publish_statistics;
use clap::Args;
use pack_format::Day;

use super::token::existing;
use crate::commands::pack::args::LockArgs;
use crate::commands::pack::index_update::clock;
use crate::commands::{now, runtime};
use crate::failure::{Code, Failure};
use crate::report::{Report, table};
use crate::settings::Settings;

/// `registry statistics`.
#[derive(Debug, Args)]
pub(crate) struct StatisticsArgs {
    /// The registry tree
    #[arg(long, value_name = "TREE")]
    tree: PathBuf,
    /// The last day to count, to its end; today if it is not given
    #[arg(long, value_name = "DAY")]
    until: Option<Day>,
    /// Put the counts into the tree, as the server does once a day
    #[arg(long)]
    publish: bool,
    #[command(flatten)]
    lock: LockArgs,
}

pub(crate) fn run(
    args: &StatisticsArgs,
    settings: &Settings,
    report: Report,
) -> Result<(), Failure> {
    let place = existing(settings.state_place(&args.tree)?, &args.tree)?;
    let until = args.until.unwrap_or_else(|| now().day());
    let statistics = runtime()?.block_on(async { place.open().await?.statistics(until).await });
    let statistics = statistics.map_err(|e| Failure::new(Code::Failed, &e))?;
    if args.publish {
        let edit = EditOptions {
            tree: args.tree.clone(),
            purpose: "registry statistics",
            development_url: settings.development_url()?,
            now: clock()?,
            lock_timeout: args.lock.timeout(),
        };
        publish_statistics(&edit, &statistics)
            .map_err(|e| Failure::busy_or_failed(e.is_busy(), &e))?;
        report.note("the tree shows these counts now");
    }
    report.result(&statistics, || {
        let mut packs: Vec<_> = statistics.packs.iter().collect();
        packs.sort_by_key(|(_, downloads)| std::cmp::Reverse(downloads.total));
        let rows = packs.into_iter().map(|(pack_ref, downloads)| {
            let recent: u64 = downloads.days.values().sum();
            vec![
                pack_ref.to_string(),
                downloads.total.to_string(),
                recent.to_string(),
            ]
        });
        table(&["PACK", "DOWNLOADS", "LAST 30 DAYS"], rows)
    })
}
