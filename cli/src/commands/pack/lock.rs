//! `pack lock`: exact versions and digests of everything that is wanted.

use std::path::PathBuf;

use attune_installer::{Backend, Lock, Relock};
use clap::Args;
use pack_format::PackRef;
use serde::Serialize;

use super::context::{Context, failed};
use super::project::Project;
use crate::failure::{Code, Failure};

/// `pack lock`.
#[derive(Debug, Args)]
pub(crate) struct LockCommandArgs {
    /// The wanted packs; the lock lies beside it, with the extension `lock`
    #[arg(long, value_name = "FILE", default_value = super::project::FILE)]
    file: PathBuf,
    /// Change nothing; exit code 6 if the lock would change
    #[arg(long)]
    check: bool,
    /// Choose every version anew; locked ones stay otherwise while they fit
    #[arg(long)]
    upgrade: bool,
    /// Choose the version of this pack anew; may be given several times
    #[arg(long, value_name = "REF", conflicts_with = "upgrade")]
    upgrade_pack: Vec<PackRef>,
    /// Use cached documents and local registries only
    #[arg(long)]
    pub(super) offline: bool,
    /// What fetches git repositories: auto, libgit2 or cli
    #[arg(long, value_name = "BACKEND")]
    git: Option<Backend>,
    /// Ask this registry only: the name of a configured one, a URL or a path
    #[arg(long, value_name = "REGISTRY")]
    registry: Option<String>,
}

#[derive(Serialize)]
struct Output {
    file: String,
    changed: bool,
    packs: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    #[serde(rename = "ref")]
    pack_ref: PackRef,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

pub(crate) fn run(args: &LockCommandArgs, context: &Context<'_>) -> Result<(), Failure> {
    let project = Project::read(Some(&args.file), context.allow_http()?)?;
    let relock = match (args.upgrade, args.upgrade_pack.as_slice()) {
        (true, _) => Relock::Everything,
        (false, []) => Relock::Nothing,
        (false, packs) => Relock::Packs(packs.to_vec()),
    };
    let registries = context.registries(args.registry.as_deref())?;
    let previous = (project.lock.as_ref(), &relock);
    let git = context.settings.git(args.git)?;
    let outcome = (context.reader().with_git(git)).lock(&project.wanted, previous, &registries);
    context.progress.clear();
    let lock = outcome.map_err(|e| failed(&e))?;
    let name = project.lock_path.display().to_string();
    if args.check {
        if project.lock.as_ref() == Some(&lock) {
            return print(&name, (project.lock.as_ref(), &lock), context);
        }
        let rows = rows(project.lock.as_ref(), &lock);
        let changed = rows
            .iter()
            .filter(|row| row.change != "unchanged")
            .map(line);
        let head = format!("`{name}` is not up to date");
        return Err(Failure::text(
            Code::Stale,
            super::lines_below(head, changed).trim_end(),
            Some("bring it up to date with `attune pack lock`"),
        ));
    }
    project.write(&lock)?;
    print(&name, (project.lock.as_ref(), &lock), context)
}

fn print(
    name: &str,
    (old, new): (Option<&Lock>, &Lock),
    context: &Context<'_>,
) -> Result<(), Failure> {
    let output = Output {
        file: name.to_owned(),
        changed: old != Some(new),
        packs: rows(old, new),
    };
    context.report.result(&output, || {
        let mut text: String = (output.packs.iter())
            .filter(|row| row.change != "unchanged")
            .map(|row| format!("{}\n", line(row)))
            .collect();
        let count = new.packs.len();
        let packs = if count == 1 { "pack" } else { "packs" };
        text.push_str(&if output.changed {
            format!("✓ {count} {packs} locked in `{name}`\n")
        } else {
            format!("✓ `{name}` is up to date: {count} {packs}\n")
        });
        text
    })
}

fn rows(old: Option<&Lock>, new: &Lock) -> Vec<Row> {
    let before = |pack_ref: &PackRef| old.and_then(|lock| lock.packs.get(pack_ref));
    let mut rows: Vec<Row> = (new.packs.iter())
        .map(|(pack_ref, pack)| {
            let from = before(pack_ref);
            let change = match from {
                None => "added",
                Some(old) if old == pack => "unchanged",
                Some(_) => "changed",
            };
            Row {
                pack_ref: pack_ref.clone(),
                change,
                from: from.filter(|o| *o != pack).map(|o| o.version.to_string()),
                version: Some(pack.version.to_string()),
            }
        })
        .collect();
    let gone = (old.into_iter()).flat_map(|lock| &lock.packs);
    rows.extend(
        gone.filter(|(pack_ref, _)| !new.packs.contains_key(*pack_ref))
            .map(|(pack_ref, pack)| Row {
                pack_ref: pack_ref.clone(),
                change: "removed",
                from: Some(pack.version.to_string()),
                version: None,
            }),
    );
    rows.sort_by(|a, b| a.pack_ref.cmp(&b.pack_ref));
    rows
}

fn line(row: &Row) -> String {
    let name = &row.pack_ref;
    match (&row.from, &row.version) {
        (None, Some(version)) => format!("+ {name} {version}"),
        (Some(from), None) => format!("- {name} {from}"),
        (Some(from), Some(version)) if from != version => format!("~ {name} {from} -> {version}"),
        (Some(version), Some(_)) => format!("~ {name} {version} (other bytes, source or needs)"),
        (None, None) => name.to_string(),
    }
}
