//! `pack install`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use attune_installer::{
    Backend, Change, Dependencies, DetectOptions, InstallReport, InstallRequest, InstalledPack,
    Mismatch, PreviewRequest, Record, Relock, Replace, Source,
};
use pack_client::{Registries, RegistryConfig};
use pack_format::documents::PackDependency;
use pack_format::{PackRef, Version};
use serde::Serialize;

use super::args::{InstallArgs, SourceArgs};
use super::context::{Context, Tests, failed};
use super::project::{self, Project};
use super::update;
use crate::failure::{Code, Failure};
use crate::report;

/// What an installation says to programs.
#[derive(Serialize)]
struct Output<'a> {
    success: bool,
    generation: Option<u64>,
    packs: Vec<Row<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cycles: Vec<Vec<String>>,
}

#[derive(Serialize)]
struct Row<'a> {
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    requested: bool,
    path: String,
    #[serde(flatten)]
    record: &'a Record,
}

/// What flags say about the way an installation runs.
#[derive(Clone, Copy)]
struct How {
    lock_timeout: Duration,
    git: Option<Backend>,
    tests: Tests,
}

impl Default for How {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_mins(1),
            git: None,
            tests: Tests::Run,
        }
    }
}

impl How {
    fn of(args: &InstallArgs) -> Self {
        Self {
            lock_timeout: args.lock.timeout(),
            git: args.source.git,
            tests: tests(args),
        }
    }
}

fn tests(args: &InstallArgs) -> Tests {
    if args.skip_tests {
        Tests::Skip
    } else {
        Tests::Run
    }
}

pub(crate) fn run(args: &InstallArgs, context: &Context<'_>) -> Result<(), Failure> {
    if args.source.sources.is_empty() {
        return wanted(args, context);
    }
    let sources = detected(&args.source, context)?;
    let skip = args.skip_deps || args.skip_tests;
    let request = InstallRequest {
        sources,
        checksum: args.source.checksum.clone(),
        dependencies: if skip {
            Dependencies::Skip
        } else {
            Dependencies::Install
        },
        replace: if args.force {
            Replace::Force
        } else {
            Replace::Keep
        },
        mismatch: mismatch(context)?,
    };
    let registries = asked(&args.source, context)?;
    if skip {
        context
            .report
            .warning("Dependency validation will be skipped");
    }
    if args.dry_run {
        return foretell(
            &preview_of(&args.source.sources, &request)?,
            &registries,
            context,
        );
    }
    install(
        &args.source.sources,
        &request,
        &registries,
        (context, How::of(args)),
    )
    .map(drop)
}

/// What an installation of refs chooses from.
fn preview_of(texts: &[String], request: &InstallRequest) -> Result<PreviewRequest, Failure> {
    let mut roots = Vec::new();
    for (text, source) in texts.iter().zip(&request.sources) {
        let Source::Registry {
            pack_ref,
            constraint,
        } = source
        else {
            return Err(Failure::text(
                Code::Usage,
                format!("`{text}` has to be fetched before anybody knows what it would change"),
                Some("fetch it with `attune pack fetch`, or compare it with `attune pack diff`"),
            ));
        };
        roots.push(PackDependency {
            pack_ref: pack_ref.clone(),
            constraint: constraint.clone(),
        });
    }
    Ok(PreviewRequest {
        roots,
        dependencies: request.dependencies,
        ..PreviewRequest::default()
    })
}

/// Says what an installation would change.
fn foretell(
    request: &PreviewRequest,
    registries: &Registries,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let plan = context.reader().plan_install(request, registries);
    context.progress.clear();
    update::foretell(&plan.map_err(|e| failed(&e))?, context)
}

/// Installs what `packs.yaml` wants: as it is locked, or locking it first.
fn wanted(args: &InstallArgs, context: &Context<'_>) -> Result<(), Failure> {
    let project = Project::read(args.file.as_deref(), context.allow_http()?)?;
    let registries = asked(&args.source, context)?;
    let file = args.file.as_deref().unwrap_or(Path::new(project::FILE));
    let command = format!("pack install --file {}", file.display());
    let preparation = context.preparation(tests(args))?;
    let installer = context.installer(command, args.lock.timeout());
    let git = context.settings.git(args.source.git)?;
    let installer = installer.with_preparation(preparation).with_git(git);
    let lock = if args.locked || args.frozen {
        project.locked()?.clone()
    } else {
        let previous = (project.lock.as_ref(), &Relock::Nothing);
        let lock = installer.lock(&project.wanted, previous, &registries);
        lock.map_err(|e| failed(&e))?
    };
    if args.dry_run {
        let versions = lock.packs.iter();
        let preferred: BTreeMap<PackRef, Version> = versions
            .map(|(pack_ref, pack)| (pack_ref.clone(), pack.version.clone()))
            .collect();
        let request = PreviewRequest {
            roots: project.wanted.roots(),
            settled: (lock.packs.iter())
                .filter(|(_, pack)| pack.registry.is_none())
                .map(|(pack_ref, pack)| pack.settled(pack_ref))
                .collect(),
            preferred,
            ..PreviewRequest::default()
        };
        return foretell(&request, &registries, context);
    }
    let replace = if args.force {
        Replace::Force
    } else {
        Replace::Keep
    };
    let outcome = installer.install_locked(&lock, (&project.refs(), replace), &registries);
    context.progress.clear();
    let done = outcome.map_err(|e| failed(&e))?;
    if project.write(&lock)? {
        let name = project.lock_path.display();
        context.report.note(&format!("locked in `{name}`"));
    }
    print(&done, context)
}

/// Installs one source from one registry; returns what it and its dependencies are now.
pub(crate) fn from_registry(
    source: &str,
    registry: RegistryConfig,
    context: &Context<'_>,
) -> Result<Vec<Record>, Failure> {
    let sources = [source.to_owned()];
    let request = InstallRequest {
        sources: detect(&sources, &DetectOptions::default())?,
        ..InstallRequest::default()
    };
    let registries = context.registries_of(vec![registry])?;
    install(&sources, &request, &registries, (context, How::default()))
}

/// What the named sources mean.
pub(super) fn detected(args: &SourceArgs, context: &Context<'_>) -> Result<Vec<Source>, Failure> {
    let options = DetectOptions {
        git_ref: args.git_ref.clone(),
        subdir: args.subdir.clone(),
        no_registry: args.no_registry,
        allow_http: context.allow_http()?,
    };
    detect(&args.sources, &options)
}

/// The registries that refs are looked for in.
pub(super) fn asked(args: &SourceArgs, context: &Context<'_>) -> Result<Registries, Failure> {
    if args.no_registry {
        return context.registries_of(Vec::new());
    }
    context.registries(args.registry.as_deref())
}

/// What a wrong checksum of a direct source means.
pub(super) fn mismatch(context: &Context<'_>) -> Result<Mismatch, Failure> {
    Ok(if context.settings.verify_checksums()? {
        Mismatch::Refuse
    } else {
        Mismatch::Warn
    })
}

fn detect(texts: &[String], options: &DetectOptions) -> Result<Vec<Source>, Failure> {
    texts
        .iter()
        .map(|text| Source::detect(text, options).map_err(|e| failed(&e)))
        .collect()
}

fn install(
    texts: &[String],
    request: &InstallRequest,
    registries: &Registries,
    (context, how): (&Context<'_>, How),
) -> Result<Vec<Record>, Failure> {
    for (text, source) in texts.iter().zip(&request.sources) {
        let text = report::sanitised(text);
        context.report.lines(&format!(
            "Installing pack from: {text} ({})",
            source.description()
        ))?;
    }
    let command = format!("pack install {}", texts.join(" "));
    let git = context.settings.git(how.git)?;
    let preparation = context.preparation(how.tests)?;
    let installer = context.installer(command, how.lock_timeout).with_git(git);
    let installer = installer.with_preparation(preparation);
    let outcome = installer.install(request, registries);
    context.progress.clear();
    let done = outcome.map_err(|e| failed(&e))?;
    print(&done, context)?;
    Ok(done.packs.into_iter().map(|pack| pack.record).collect())
}

pub(super) fn print(done: &InstallReport, context: &Context<'_>) -> Result<(), Failure> {
    for cycle in &done.cycles {
        context.report.warning(&cycle_text(cycle));
    }
    let layout = context.layout();
    let output = Output {
        success: true,
        generation: done.generation,
        packs: done
            .packs
            .iter()
            .map(|pack| Row {
                change: word(&pack.change),
                from: from(&pack.change),
                requested: pack.requested,
                path: layout.pack(&pack.record.pack_ref).display().to_string(),
                record: &pack.record,
            })
            .collect(),
        cycles: done
            .cycles
            .iter()
            .map(|cycle| cycle.iter().map(ToString::to_string).collect())
            .collect(),
    };
    context.report.result(&output, || {
        done.packs
            .iter()
            .filter(|pack| pack.requested || pack.change != Change::Unchanged)
            .map(lines)
            .collect()
    })
}

/// That packs need each other, and what that means for who installed them.
fn cycle_text(cycle: &[PackRef]) -> String {
    let refs: Vec<&str> = cycle.iter().map(PackRef::as_str).collect();
    format!(
        "these packs need each other: {}; they work, and can only be removed together (`attune pack uninstall {}`), until \
         their authors move what they share into a pack of its own",
        refs.join(", "),
        refs.join(" ")
    )
}

fn lines(pack: &InstalledPack) -> String {
    let record = &pack.record;
    let name = &record.pack_ref;
    let needed = if pack.requested {
        ""
    } else {
        " (needed by another pack)"
    };
    let first = match &pack.change {
        Change::Installed => format!("✓ Pack '{name}' installed successfully{needed}"),
        Change::Replaced { from } => {
            format!("✓ Pack '{name}' installed successfully (was {from}){needed}")
        }
        Change::Reinstalled => format!("✓ Pack '{name}' installed again{needed}"),
        Change::Unchanged => format!("✓ Pack '{name}' is already installed"),
    };
    let mut text = format!(
        "{first}\n  Version: {}\n  ID: {}\n",
        record.version, record.id
    );
    if let Some(tests) = &record.tests
        && pack.change != Change::Unchanged
    {
        text.push_str(&format!("  Tests: {tests}\n"));
    }
    if let Some(commit) = &record.installed_from.commit
        && pack.change != Change::Unchanged
    {
        text.push_str(&format!("  Commit: {commit}\n"));
    }
    if record.verified.0.is_empty() && pack.change != Change::Unchanged {
        text.push_str("  Verified: none (no checksum was given)\n");
    }
    text
}

fn word(change: &Change) -> &'static str {
    match change {
        Change::Installed => "installed",
        Change::Replaced { .. } => "replaced",
        Change::Reinstalled => "reinstalled",
        Change::Unchanged => "unchanged",
    }
}

fn from(change: &Change) -> Option<String> {
    match change {
        Change::Replaced { from } => Some(from.to_string()),
        _ => None,
    }
}
