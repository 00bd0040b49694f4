//! `registry diff`: what changed between two registries, or two states of one.
//!
//! `read` opens both sides in the same format and finds the packs that differ; `pack_diff::registry` says how.

mod read;

use std::collections::BTreeMap;

use clap::Args;
use pack_client::RegistryConfig;
use pack_diff::registry::{RegistryChange, RegistryChangeKind};
use serde::Serialize;

use self::read::Compared;
use crate::commands::pack::progress::Progress;
use crate::commands::{now, runtime};
use crate::failure::{Code, Failure};
use crate::report::{Report, sanitised};
use crate::settings::Settings;

/// `registry diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The older state: a registry tree, an index.json, a URL, or the name of a configured registry
    #[arg(value_name = "OLD")]
    old: String,
    /// The newer state, named in the same ways
    #[arg(value_name = "NEW")]
    new: String,
    /// End with exit code 1 if there is any difference
    #[arg(long)]
    exit_code: bool,
    /// End with exit code 5 if a published version has other bytes
    #[arg(long)]
    fail_on_rewrite: bool,
}

#[derive(Serialize)]
struct Output<'a> {
    old: Named<'a>,
    new: Named<'a>,
    compared_format: u32,
    counts: BTreeMap<String, usize>,
    changes: &'a [RegistryChange],
}

#[derive(Serialize)]
struct Named<'a> {
    location: &'a str,
    packs: usize,
}

pub(crate) fn run(args: &DiffArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    let configured = settings.registries()?;
    let named = |text: &str| {
        let known = configured
            .iter()
            .find(|c| c.name.as_deref() == Some(text) || c.url == text);
        known.cloned().unwrap_or_else(|| RegistryConfig::new(text))
    };
    // A cached copy would compare the past.
    let client = pack_client::ClientSettings {
        cache_directory: None,
        ..settings.client(now(), std::path::PathBuf::new())?
    };
    let progress = Progress::new(report);
    let sides = read::Sides {
        old: named(&args.old),
        new: named(&args.new),
        client: &client,
        progress: &progress,
    };
    let compared = runtime()?.block_on(sides.compare())?;
    let output = output(&compared);
    report.result(&output, || table(&compared))?;
    gate(args, &compared)
}

fn output(compared: &Compared) -> Output<'_> {
    let mut counts = BTreeMap::new();
    for change in &compared.changes {
        *counts.entry(id(change.kind)).or_default() += 1;
    }
    Output {
        old: Named {
            location: &compared.old.location,
            packs: compared.old.packs,
        },
        new: Named {
            location: &compared.new.location,
            packs: compared.new.packs,
        },
        compared_format: compared.format,
        counts,
        changes: &compared.changes,
    }
}

/// The name of a kind, as documents write it.
fn id(kind: RegistryChangeKind) -> String {
    serde_json::to_value(kind)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn table(compared: &Compared) -> String {
    let packs = |count: usize| format!("{count} pack{}", if count == 1 { "" } else { "s" });
    let (old, new) = (&compared.old, &compared.new);
    let mut text = format!(
        "{} ({}) -> {} ({}), compared as format {}\n",
        sanitised(&old.location),
        packs(old.packs),
        sanitised(&new.location),
        packs(new.packs),
        compared.format
    );
    let mut group = "";
    for change in &compared.changes {
        if change.kind.group() != group {
            group = change.kind.group();
            let members = compared.changes.iter().filter(|c| c.kind.group() == group);
            text.push_str(&format!("\n{group} ({})\n", members.count()));
        }
        let message = change.message.replace('\n', "\n  ");
        text.push_str(&format!("  {}\n", sanitised(&message)));
    }
    if compared.changes.is_empty() {
        text.push_str("\nNo difference.\n");
    }
    text
}

/// What the flags ask for.
fn gate(args: &DiffArgs, compared: &Compared) -> Result<(), Failure> {
    let rewritten: Vec<&RegistryChange> = compared
        .changes
        .iter()
        .filter(|c| c.kind == RegistryChangeKind::VersionRewritten)
        .collect();
    if let Some(first) = rewritten.first().filter(|_| args.fail_on_rewrite) {
        let more = match rewritten.len() - 1 {
            0 => String::new(),
            more => format!("\n  and {more} more"),
        };
        return Err(Failure::text(
            Code::Verification,
            format!("a published version was rewritten: {}{more}", first.message),
            Some(
                "a published version never changes its bytes; ask the registry's operator before anybody installs from it",
            ),
        ));
    }
    if args.exit_code && !compared.changes.is_empty() {
        let count = compared.changes.len();
        let plural = if count == 1 { "" } else { "s" };
        return Err(Failure::text(
            Code::Failed,
            format!(
                "`{}` and `{}` differ: {count} change{plural}",
                compared.old.location, compared.new.location
            ),
            None,
        ));
    }
    Ok(())
}
