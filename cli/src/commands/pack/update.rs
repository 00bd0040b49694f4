//! `pack update`: installed packs to the newest versions that rules and each other let them reach.

use std::path::PathBuf;

use attune_installer::{Breaking, InstallReport, UpdatePlan, UpdatePolicy, UpdateRules, Upgrade};
use clap::{Args, ValueEnum};
use pack_diff::{Bump, Severity};
use pack_format::PackRef;
use serde::Serialize;

use super::args::LockArgs;
use super::context::{Context, failed};
use super::install;
use super::project::{self, Project};
use crate::failure::Failure;
use crate::report::sanitised;

/// `pack update`.
#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The packs; all that came from registries when none is named
    #[arg(value_name = "REF")]
    refs: Vec<PackRef>,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// How far to go, whatever packs.yaml and the configuration say
    #[arg(long, value_enum, value_name = "BUMP")]
    to: Option<Reach>,
    /// Leave packs as they are whose new version breaks what used them
    #[arg(long)]
    hold_breaking: bool,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    lock: LockArgs,
}

/// Where rules and versions come from.
#[derive(Debug, Args)]
pub(super) struct RuleArgs {
    /// Wanted packs, with ranges and how far each may move; packs.yaml is read where it is there
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Ask this registry only: the name of a configured one, a URL or a path
    #[arg(long, value_name = "REGISTRY")]
    pub(super) registry: Option<String>,
}

/// How far an update goes.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Reach {
    /// Versions with the same first two numbers
    Patch,
    /// Versions that do not break users, as ^ means it
    Minor,
    /// Any later version
    Major,
}

/// What would change.
#[derive(Serialize)]
struct Output {
    dry_run: bool,
    packs: Vec<Row>,
    held: Vec<HeldRow>,
}

#[derive(Serialize)]
struct Row {
    #[serde(rename = "ref")]
    pack_ref: PackRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bump: Option<Bump>,
    breaking: Vec<String>,
}

#[derive(Serialize)]
struct HeldRow {
    #[serde(rename = "ref")]
    pack_ref: PackRef,
    version: String,
    held_at: String,
}

pub(crate) fn run(args: &UpdateArgs, context: &Context<'_>) -> Result<(), Failure> {
    let (mut rules, lock) = args.rules.read(context)?;
    if let Some(to) = args.to {
        let policy = match to {
            Reach::Patch => UpdatePolicy::Patch,
            Reach::Minor => UpdatePolicy::Minor,
            Reach::Major => UpdatePolicy::Major,
        };
        rules.default = policy;
        rules.packs.clear();
    }
    if args.hold_breaking {
        rules.breaking = Breaking::Hold;
    }
    let names: Vec<&str> = args.refs.iter().map(PackRef::as_str).collect();
    let command = format!("pack update {}", names.join(" "));
    let installer = context.updater(command.trim_end().to_owned(), args.lock.timeout())?;
    let registries = context.registries(args.rules.registry.as_deref())?;
    let plan = installer.plan_update(&args.refs, &rules, &registries);
    context.progress.clear();
    let plan = plan.map_err(|e| failed(&e))?;
    for Upgrade { pack_ref, from, to } in &plan.held {
        context.report.warning(&format!(
            "`{pack_ref}` stays at {from}: {to} breaks what uses it; see `attune pack diff {pack_ref}@{from} {pack_ref}@{to}`"
        ));
    }
    if args.dry_run {
        return foretell(&plan, context);
    }
    if plan.changes.is_empty() {
        context.report.lines("✓ Nothing to change")?;
        return install::print(&InstallReport::default(), context);
    }
    context.report.lines(lines(&plan).trim_end())?;
    let outcome = installer.update(&plan, &registries);
    context.progress.clear();
    let done = outcome.map_err(|e| failed(&e))?;
    if let Some(lock) = lock {
        context.report.note(&format!(
            "`{}` was not changed; `attune pack lock --upgrade` brings it up to date",
            lock.display()
        ));
    }
    install::print(&done, context)
}

impl RuleArgs {
    /// The configuration's rules, then those of the file of wanted packs.
    ///
    /// With them the path of the lock beside that file, if there is one.
    pub(super) fn read(
        &self,
        context: &Context<'_>,
    ) -> Result<(UpdateRules, Option<PathBuf>), Failure> {
        let rules = context.settings.update_rules()?;
        let there = std::path::Path::new(project::FILE).is_file();
        if self.file.is_none() && !there {
            return Ok((rules, None));
        }
        let project = Project::read(self.file.as_deref(), context.allow_http()?)?;
        let lock = project.lock.as_ref().map(|_| project.lock_path.clone());
        Ok((rules.with_file(&project.wanted), lock))
    }
}

/// Says what would change.
pub(super) fn foretell(plan: &UpdatePlan, context: &Context<'_>) -> Result<(), Failure> {
    let rows: Vec<Row> = (plan.changes.iter())
        .map(|pack| Row {
            pack_ref: pack.pack_ref.clone(),
            from: pack.installed.as_ref().map(ToString::to_string),
            version: pack.version.to_string(),
            bump: (pack.installed.as_ref()).and_then(|from| Bump::between(from, &pack.version)),
            breaking: breaking(plan, &pack.pack_ref),
        })
        .collect();
    for row in &rows {
        for change in &row.breaking {
            let (pack_ref, from) = (&row.pack_ref, row.from.as_deref().unwrap_or_default());
            context.report.warning(&sanitised(&format!(
                "`{pack_ref}` {from} -> {} breaks users: {change}",
                row.version
            )));
        }
    }
    let output = Output {
        dry_run: true,
        packs: rows,
        held: (plan.held.iter())
            .map(|held| HeldRow {
                pack_ref: held.pack_ref.clone(),
                version: held.to.to_string(),
                held_at: held.from.to_string(),
            })
            .collect(),
    };
    context.report.result(&output, || {
        if output.packs.is_empty() {
            return "✓ Nothing to change\n".to_owned();
        }
        format!("{}nothing was changed (--dry-run)\n", lines(plan))
    })
}

fn breaking(plan: &UpdatePlan, pack_ref: &PackRef) -> Vec<String> {
    let Some(diff) = plan.diffs.get(pack_ref) else {
        return Vec::new();
    };
    let changes = diff.of(Severity::Breaking).map(|change| {
        let place = change.component.as_ref();
        place.map_or_else(
            || change.message.clone(),
            |component| format!("{component} {}", change.message),
        )
    });
    changes.collect()
}

fn lines(plan: &UpdatePlan) -> String {
    (plan.changes.iter())
        .map(|pack| {
            let (pack_ref, version) = (&pack.pack_ref, &pack.version);
            match &pack.installed {
                None if pack.requested => format!("+ {pack_ref} {version}\n"),
                None => format!("+ {pack_ref} {version} (needed by another pack)\n"),
                Some(from) => match Bump::between(from, version) {
                    Some(bump) => format!("~ {pack_ref} {from} -> {version} ({bump})\n"),
                    None => format!("~ {pack_ref} {from} -> {version} (older)\n"),
                },
            }
        })
        .collect()
}
