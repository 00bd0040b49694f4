//! `registry remove`: one registry less in the configuration file.

use std::cell::RefCell;
use std::path::PathBuf;

use clap::Args as ClapArgs;
use serde::Serialize;

use super::add::{position, priority_of};
use crate::failure::Failure;
use crate::report::Report;
use crate::settings::{Change, Settings};

/// `registry remove`.
#[derive(Debug, ClapArgs)]
pub(crate) struct RemoveArgs {
    /// Name or URL of a configured registry
    #[arg(value_name = "REGISTRY")]
    registry: String,
}

#[derive(Serialize)]
struct Removed {
    url: String,
    name: Option<String>,
    priority: i64,
    config: PathBuf,
}

pub(crate) fn run(args: &RemoveArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    let gone = RefCell::new(None);
    let config = settings.change_registries(|listed| {
        let at = position(listed, &args.registry)?;
        gone.replace(listed.get(at).cloned());
        Ok(Change::Remove(at))
    })?;
    let Some(gone) = gone.into_inner() else {
        return Ok(());
    };
    if settings.has_token(&gone.url) {
        report.note(&format!(
            "its token is kept; `attune registry logout {}` forgets it",
            gone.url
        ));
    }
    let removed = Removed {
        priority: priority_of(&gone),
        url: gone.url,
        name: gone.name,
        config,
    };
    report.result(&removed, || {
        let name = removed.name.as_ref().unwrap_or(&removed.url);
        format!("✓ Removed '{name}' from {}\n", removed.config.display())
    })
}
