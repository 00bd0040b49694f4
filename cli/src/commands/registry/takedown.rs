//! `registry takedown`.

use std::path::PathBuf;

use attune_indexer::edit::EditOptions;
use attune_indexer::patch::pack_version;
use attune_indexer::withdraw::{Withdrawal, withdraw};
use clap::Args;
use pack_format::{PackRef, Version};
use serde::Serialize;

use crate::commands::pack::args::LockArgs;
use crate::commands::pack::index_update::clock;
use crate::commands::pack::yank::code_of;
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::settings::Settings;

/// `registry takedown`.
#[derive(Debug, Args)]
pub(crate) struct TakedownArgs {
    /// A version such as slack@2.1.0, or a pack for all its versions
    #[arg(value_name = "REF[@VERSION]", value_parser = pack_version)]
    what: (PackRef, Option<Version>),
    /// The registry tree
    #[arg(long, value_name = "TREE")]
    tree: PathBuf,
    /// Why, in a sentence; shown to everybody
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Do it: archives are removed for good
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    lock: LockArgs,
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

pub(crate) fn run(args: &TakedownArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    let (pack_ref, version) = &args.what;
    let name = version.as_ref().map_or_else(
        || format!("every version of `{pack_ref}`"),
        |version| format!("`{pack_ref}@{version}`"),
    );
    if !args.yes {
        return Err(Failure::text(
            Code::Usage,
            format!("a takedown removes the archive of {name} for good, also for who locked it"),
            Some(
                "`attune pack yank` only hides it; repeat the command with `--yes` if it has to go",
            ),
        ));
    }
    let options = EditOptions {
        tree: args.tree.clone(),
        purpose: "registry takedown",
        development_url: settings.development_url()?,
        now: clock()?,
        lock_timeout: args.lock.timeout(),
    };
    let withdrawal = Withdrawal::TakeDown {
        version: version.clone(),
        reason: args.reason.clone(),
    };
    let waiting = |holder: &pack_fs::lock::Holder| report.note(&format!("waiting for {holder}"));
    let edited = withdraw(&options, pack_ref, &withdrawal, waiting)
        .map_err(|e| Failure::new(code_of(&e), &e))?;
    for warning in &edited.warnings {
        report.warning(&crate::report::sanitised(warning));
    }
    let output = Output {
        success: true,
        pack_ref: pack_ref.to_string(),
        version: version.as_ref().map(ToString::to_string),
        action: "taken down",
        changed: edited.files_written > 0,
    };
    report.result(&output, || {
        let already = if output.changed { "" } else { " already" };
        format!("✓ {name} is taken down{already}\n")
    })
}
