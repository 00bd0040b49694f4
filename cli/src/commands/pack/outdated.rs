//! `pack outdated`: what there is for installed packs, and why they are not there yet.

use attune_installer::{Outlook, UpdatePolicy};
use clap::Args;
use pack_diff::Bump;
use pack_format::PackRef;
use pack_format::text::printable;
use serde::Serialize;

use super::context::{Context, failed};
use super::update::RuleArgs;
use crate::failure::{Code, Failure};
use crate::report::table;

/// `pack outdated`.
#[derive(Debug, Args)]
pub(crate) struct OutdatedArgs {
    /// The packs; all that came from registries when none is named
    #[arg(value_name = "REF")]
    refs: Vec<PackRef>,
    /// Show current packs too
    #[arg(long)]
    all: bool,
    /// End with exit code 1 if any pack is outdated, yanked, deprecated or not listed any more
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    rules: RuleArgs,
}

#[derive(Serialize)]
struct Row {
    #[serde(rename = "ref")]
    pack_ref: PackRef,
    installed: String,
    /// Where `pack update` would take it.
    wanted: String,
    latest: Option<String>,
    bump: Option<Bump>,
    policy: UpdatePolicy,
    current: bool,
    notes: Vec<String>,
}

pub(crate) fn run(args: &OutdatedArgs, context: &Context<'_>) -> Result<(), Failure> {
    let (rules, _) = args.rules.read(context)?;
    let installer = context.updater(String::new(), std::time::Duration::ZERO)?;
    let registries = context.registries(args.rules.registry.as_deref())?;
    let outlooks = installer.outlook(&args.refs, &rules, &registries);
    context.progress.clear();
    let outlooks = outlooks.map_err(|e| failed(&e))?;
    let outdated = outlooks.iter().filter(|pack| !pack.is_current()).count();
    let rows: Vec<Row> = (outlooks.iter())
        .filter(|pack| args.all || !pack.is_current())
        .map(row)
        .collect();
    context.report.result(&rows, || {
        if rows.is_empty() {
            return "✓ Every pack is current\n".to_owned();
        }
        table(
            &["Ref", "Installed", "Wanted", "Latest", "Bump", "Notes"],
            rows.iter().map(|row| {
                vec![
                    row.pack_ref.to_string(),
                    row.installed.clone(),
                    row.wanted.clone(),
                    row.latest.clone().unwrap_or_else(|| "-".to_owned()),
                    row.bump
                        .map_or_else(|| "-".to_owned(), |bump| bump.to_string()),
                    row.notes.join("; "),
                ]
            }),
        )
    })?;
    if args.exit_code && outdated > 0 {
        let packs = if outdated == 1 {
            "pack is"
        } else {
            "packs are"
        };
        let message = format!("{outdated} {packs} not current");
        let hint = "bring them up to date with `attune pack update`";
        return Err(Failure::text(Code::Failed, message, Some(hint)));
    }
    Ok(())
}

fn row(pack: &Outlook) -> Row {
    Row {
        pack_ref: pack.pack_ref.clone(),
        installed: pack.installed.to_string(),
        wanted: pack.wanted.to_string(),
        latest: pack.latest.as_ref().map(ToString::to_string),
        bump: pack.bump,
        policy: pack.policy,
        current: pack.is_current(),
        notes: notes(pack),
    }
}

/// Why a pack deserves a look. Reasons are somebody else's words: on one line.
fn notes(pack: &Outlook) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(yank) = &pack.yanked {
        notes.push(match yank.reason.as_str() {
            "" => "the installed version is yanked".to_owned(),
            reason => format!("the installed version is yanked: {}", printable(reason)),
        });
    }
    if let Some(deprecation) = &pack.deprecated {
        let mut note = "deprecated".to_owned();
        if !deprecation.reason.is_empty() {
            note.push_str(&format!(": {}", printable(&deprecation.reason)));
        }
        if let Some(successor) = &deprecation.successor {
            note.push_str(&format!("; use `{successor}`"));
        }
        notes.push(note);
    }
    match &pack.latest {
        None => notes.push("no registry lists it any more".to_owned()),
        Some(latest) if *latest > pack.wanted => {
            notes.extend(pack.held_by.iter().cloned());
            if pack.held_by.is_empty() {
                notes.push(format!("policy `{}`", pack.policy));
            }
        }
        Some(_) => {}
    }
    notes
}
