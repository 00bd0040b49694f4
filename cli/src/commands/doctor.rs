//! `doctor`: whether what lies on the disk and in the database is what the generations say, and mending it.

use std::path::{Path, PathBuf};

use attune_installer::{Fate, Finding};
use attune_server::compare_projection;
use attune_server::state::{State, StatePlace};
use clap::Args;
use serde_json::json;

use super::pack::context::{Context, failed};
use super::runtime;
use crate::failure::{Code, Failure};
use crate::report::sanitised;

/// `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Put back files and links, build environments, remove those that nothing uses, and make the database of the
    /// server say what is installed
    #[arg(long)]
    fix: bool,
    /// Fetch nothing to mend with
    #[arg(long)]
    pub(crate) offline: bool,
    /// Folder for what the server keeps
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    lock: super::pack::args::LockArgs,
}

/// What the database of a server says, compared with what is installed.
#[derive(Default)]
struct Database {
    is_there: bool,
    differences: Vec<String>,
    problems: Vec<String>,
}

pub(crate) fn run(args: &DoctorArgs, context: &Context<'_>) -> Result<(), Failure> {
    let findings = packs(args, context)?;
    let database = database(args, context)?;
    let packs_are_well = !findings.iter().any(Finding::is_wrong);
    let database_is_well =
        database.problems.is_empty() && (args.fix || database.differences.is_empty());
    let is_well = packs_are_well && database_is_well;
    let mended = findings.iter().any(|f| f.state == Fate::Mended);
    let value = json!({
        "findings": findings,
        "database": database.is_there,
        "differences": database.differences,
        "problems": database.problems,
        "fixed": args.fix && is_well && (mended || !database.differences.is_empty()),
    });
    let text = || text(&findings, &database, args.fix);
    context.report.result(&value, text)?;
    if is_well {
        return Ok(());
    }
    let hint = (!args.fix).then_some("mend it with `attune doctor --fix`");
    let message = match (packs_are_well, database_is_well) {
        (true, _) => "the database does not say what is installed",
        (false, true) => "not everything is as the generations say",
        (false, false) => "neither the disk nor the database is as the generations say",
    };
    Err(Failure::text(Code::Failed, message, hint))
}

/// Packs, their links and environments.
fn packs(args: &DoctorArgs, context: &Context<'_>) -> Result<Vec<Finding>, Failure> {
    let environments = context.settings.environments(context.is_offline())?;
    let found = if args.fix {
        let registries = context.registries(None)?;
        context
            .installer("doctor --fix".to_owned(), args.lock.timeout())
            .with_git(context.settings.git(None)?)
            .mend(&registries, environments.as_ref())
    } else {
        context.reader().examine(environments.as_ref())
    };
    context.progress.clear();
    found.map_err(|e| failed(&e))
}

/// The database, after what is installed was mended.
fn database(args: &DoctorArgs, context: &Context<'_>) -> Result<Database, Failure> {
    let settings = context.settings;
    let base = std::path::absolute(context.layout().base())
        .map_err(|e| Failure::text(Code::Usage, format!("the packs directory: {e}"), None))?;
    let place = if let Some(url) = settings.database_url()? {
        StatePlace::Url(url)
    } else {
        let data = settings.data_directory(args.data_dir.as_deref())?;
        StatePlace::File(State::file_of(&data))
    };
    if !place.is_there() {
        return Ok(Database::default());
    }
    compared(&place, &base, args.fix)
}

fn compared(place: &StatePlace, base: &Path, fix: bool) -> Result<Database, Failure> {
    let found = runtime()?.block_on(async {
        let state = place.open().await?;
        Ok(compare_projection(&state, base, fix).await)
    });
    let found =
        found.map_err(|e: attune_server::state::StateError| Failure::new(Code::Failed, &e))?;
    Ok(Database {
        is_there: true,
        differences: found.differences,
        problems: found.problems,
    })
}

fn text(findings: &[Finding], database: &Database, fix: bool) -> String {
    let mut text = String::new();
    for finding in findings {
        let mark = match finding.state {
            Fate::Seen => "⚠",
            Fate::Mended => "✓ Mended:",
            Fate::Left => "✗",
        };
        let finding = finding.to_string();
        let lines: Vec<String> = finding.lines().map(sanitised).collect();
        text.push_str(&format!("{mark} {}\n", lines.join("\n    ")));
    }
    if findings.is_empty() {
        text.push_str("✓ Packs and environments are as the generations say\n");
    }
    let mark = if fix { "✓ Mended:" } else { "⚠" };
    let lines = database.differences.iter();
    text.extend(lines.map(|line| format!("{mark} {line}\n")));
    text.extend(database.problems.iter().map(|line| format!("✗ {line}\n")));
    if database.differences.is_empty() && database.problems.is_empty() {
        text.push_str(if database.is_there {
            "✓ The database says what is installed\n"
        } else {
            "✓ No server keeps a database here: there is nothing to compare\n"
        });
    }
    text
}
