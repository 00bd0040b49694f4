//! `pack yank`, `pack unyank` and `pack deprecate`, on a registry tree or through the registry that serves it.

use std::path::{Path, PathBuf};

use attune_indexer::edit::EditOptions;
use attune_indexer::withdraw::{WithdrawError, Withdrawal, withdraw};
use clap::Args;
use pack_format::{PackRef, Version};
use serde::Serialize;
use serde_json::json;

use super::args::LockArgs;
use super::index_entry::tell;
use super::index_update::clock;
use super::publish::{RegistryArgs, publisher, refused};
use crate::commands::runtime;
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::settings::Settings;

/// A version of a pack, written `ref@version`.
#[derive(Debug, Clone)]
pub(crate) struct PackVersion {
    pack_ref: PackRef,
    version: Version,
}

impl std::str::FromStr for PackVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (pack_ref, version) = text
            .split_once('@')
            .ok_or("write it like this: `slack@2.1.0`")?;
        Ok(Self {
            pack_ref: pack_ref
                .parse()
                .map_err(|e: pack_format::pack_ref::PackRefError| e.to_string())?,
            version: version
                .parse()
                .map_err(|e: pack_format::version::VersionError| e.to_string())?,
        })
    }
}

/// The tree to change.
#[derive(Debug, Args)]
pub(crate) struct TreeArgs {
    /// The registry tree
    #[arg(long, value_name = "TREE", required_unless_present = "registry")]
    tree: Option<PathBuf>,
    /// Name or URL of a registry that is served; its token comes from `ATTUNE_TOKEN` or the stored login
    #[arg(long, value_name = "REGISTRY", conflicts_with = "tree")]
    registry: Option<String>,
    #[command(flatten)]
    lock: LockArgs,
}

/// `pack yank`.
#[derive(Debug, Args)]
pub(crate) struct YankArgs {
    /// The version to hide, such as slack@2.1.0
    #[arg(value_name = "REF@VERSION")]
    version: PackVersion,
    /// Why, in a sentence; shown to who installs it nevertheless
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    tree: TreeArgs,
}

/// `pack unyank`.
#[derive(Debug, Args)]
pub(crate) struct UnyankArgs {
    /// The version to show again, such as slack@2.1.0
    #[arg(value_name = "REF@VERSION")]
    version: PackVersion,
    #[command(flatten)]
    tree: TreeArgs,
}

/// `pack deprecate`.
#[derive(Debug, Args)]
pub(crate) struct DeprecateArgs {
    /// The pack
    #[arg(value_name = "REF")]
    pack_ref: PackRef,
    /// Why, in a sentence
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// The pack to use instead
    #[arg(long, value_name = "REF")]
    successor: Option<PackRef>,
    /// Take the deprecation back
    #[arg(long, conflicts_with_all = ["reason", "successor"])]
    undo: bool,
    #[command(flatten)]
    tree: TreeArgs,
}

#[derive(Serialize)]
struct Output {
    success: bool,
    pack_ref: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    action: &'static str,
    changed: bool,
}

pub(crate) fn yank(args: &YankArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    let PackVersion { pack_ref, version } = &args.version;
    let withdrawal = Withdrawal::Yank {
        version: version.clone(),
        reason: args.reason.clone(),
    };
    say(pack_ref, &withdrawal, &args.tree, (settings, report))
}

pub(crate) fn unyank(
    args: &UnyankArgs,
    settings: &Settings,
    report: Report,
) -> Result<(), Failure> {
    let PackVersion { pack_ref, version } = &args.version;
    let withdrawal = Withdrawal::Unyank {
        version: version.clone(),
    };
    say(pack_ref, &withdrawal, &args.tree, (settings, report))
}

pub(crate) fn deprecate(
    args: &DeprecateArgs,
    settings: &Settings,
    report: Report,
) -> Result<(), Failure> {
    let withdrawal = if args.undo {
        Withdrawal::Undeprecate
    } else {
        Withdrawal::Deprecate {
            reason: args.reason.clone(),
            successor: args.successor.clone(),
        }
    };
    say(&args.pack_ref, &withdrawal, &args.tree, (settings, report))
}

fn say(
    pack_ref: &PackRef,
    withdrawal: &Withdrawal,
    args: &TreeArgs,
    (settings, report): (&Settings, Report),
) -> Result<(), Failure> {
    let (action, version) = match withdrawal {
        Withdrawal::Yank { version, .. } => ("yanked", Some(version)),
        Withdrawal::Unyank { version } => ("unyanked", Some(version)),
        Withdrawal::TakeDown { version, .. } => ("taken down", version.as_ref()),
        Withdrawal::Deprecate { .. } => ("deprecated", None),
        Withdrawal::Undeprecate => ("no longer deprecated", None),
    };
    let changed = match &args.tree {
        Some(tree) => on_tree(tree, pack_ref, withdrawal, args, (settings, report))?,
        None => by_registry(pack_ref, withdrawal, args, (settings, report))?,
    };
    let output = Output {
        success: true,
        pack_ref: pack_ref.to_string(),
        version: version.map(ToString::to_string),
        action,
        changed,
    };
    report.result(&output, || {
        let name = version.map_or_else(|| pack_ref.to_string(), |v| format!("{pack_ref}@{v}"));
        if output.changed {
            format!("✓ `{name}` is {action}\n")
        } else {
            format!("✓ `{name}` is {action} already\n")
        }
    })
}

/// Says it of a tree; whether that changed anything.
fn on_tree(
    tree: &Path,
    pack_ref: &PackRef,
    withdrawal: &Withdrawal,
    args: &TreeArgs,
    (settings, report): (&Settings, Report),
) -> Result<bool, Failure> {
    let options = EditOptions {
        tree: tree.to_owned(),
        purpose: "pack yank",
        development_url: settings.development_url()?,
        now: clock()?,
        lock_timeout: args.lock.timeout(),
    };
    let waiting = |holder: &pack_fs::lock::Holder| {
        report.note(&format!("waiting for {holder}"));
    };
    let edited = withdraw(&options, pack_ref, withdrawal, waiting)
        .map_err(|e| Failure::new(code_of(&e), &e))?;
    tell(&[], &edited.warnings, report);
    Ok(edited.files_written > 0)
}

/// Says it to the registry that serves the tree.
fn by_registry(
    pack_ref: &PackRef,
    withdrawal: &Withdrawal,
    args: &TreeArgs,
    (settings, report): (&Settings, Report),
) -> Result<bool, Failure> {
    let (verb, version, body) = match withdrawal {
        Withdrawal::Yank { version, reason } => {
            ("yank", Some(version), json!({ "reason": reason }))
        }
        Withdrawal::Unyank { version } => ("unyank", Some(version), json!({})),
        Withdrawal::TakeDown { version, reason } => {
            ("takedown", version.as_ref(), json!({ "reason": reason }))
        }
        Withdrawal::Deprecate { reason, successor } => (
            "deprecate",
            None,
            json!({ "reason": reason, "successor": successor }),
        ),
        Withdrawal::Undeprecate => ("undeprecate", None, json!({})),
    };
    let registry = RegistryArgs {
        registry: args.registry.clone().unwrap_or_default(),
    };
    let publisher = publisher(&registry, &super::context(settings, report)?)?;
    let answer = runtime()?
        .block_on(publisher.say(pack_ref, version, verb, &body))
        .map_err(|e| refused(&e))?;
    Ok(answer["changed"] == json!(true))
}

/// The exit code of a refusal.
pub(crate) fn code_of(error: &WithdrawError) -> Code {
    match error {
        WithdrawError::Edit(error) if error.is_busy() => Code::Busy,
        WithdrawError::Edit(error) if error.is_mismatch() => Code::Verification,
        WithdrawError::OwnSuccessor { .. } => Code::Usage,
        _ => Code::Failed,
    }
}
