//! `doctor`: whether what is kept beside the packs agrees with them, and mending it.

use std::path::PathBuf;

use attune_server::compare_projection;
use attune_server::state::{State, StatePlace};
use clap::Args;
use serde_json::json;

use super::runtime;
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::settings::Settings;

/// `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Make the database of the server say what is installed
    #[arg(long)]
    fix: bool,
    /// Folder for what the server keeps
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(crate) fn run(args: &DoctorArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    let base = settings.packs_base_dir()?;
    let base = std::path::absolute(&base)
        .map_err(|e| Failure::text(Code::Usage, format!("the packs directory: {e}"), None))?;
    let place = if let Some(url) = settings.database_url()? {
        StatePlace::Url(url)
    } else {
        let data = settings.data_directory(args.data_dir.as_deref())?;
        StatePlace::File(State::file_of(&data))
    };
    if !place.is_there() {
        let value = json!({ "database": false, "differences": [], "problems": [], "fixed": false });
        return report.result(&value, || {
            "✓ No server keeps a database here: there is nothing to compare\n".to_owned()
        });
    }
    let found = runtime()?.block_on(async {
        let state = place.open().await?;
        Ok(compare_projection(&state, &base, args.fix).await)
    });
    let found =
        found.map_err(|e: attune_server::state::StateError| Failure::new(Code::Failed, &e))?;
    let is_well = found.problems.is_empty() && (args.fix || found.differences.is_empty());
    let value = json!({
        "database": true,
        "differences": found.differences,
        "problems": found.problems,
        "fixed": args.fix && is_well && !found.differences.is_empty(),
    });
    report.result(&value, || {
        let mark = if args.fix { "✓ Mended:" } else { "⚠" };
        let mut text: String = (found.differences.iter())
            .map(|line| format!("{mark} {line}\n"))
            .collect();
        text.extend(found.problems.iter().map(|line| format!("✗ {line}\n")));
        if text.is_empty() {
            text.push_str("✓ The database says what is installed\n");
        }
        text
    })?;
    if is_well {
        return Ok(());
    }
    let hint = (!args.fix).then_some("mend it with `attune doctor --fix`");
    let message = "the database does not say what is installed";
    Err(Failure::text(Code::Failed, message, hint))
}
