//! Verbs about installed packs. (Placeholder until the installer's commands land.)

pub(crate) mod args;

use std::path::Path;

use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::settings::Settings;

pub(crate) fn run(command: &args::PackCommand, settings: &Settings, report: Report) -> Result<(), Failure> {
    let _ = (command, settings, report);
    Err(Failure::text(Code::Failed, "not built yet", None))
}

/// Installs `source` from one registry into `packs_base_dir`, as `demo` does.
pub(crate) fn install_from(
    source: &str,
    registry_url: &str,
    packs_base_dir: &Path,
    settings: &Settings,
    report: Report,
) -> Result<(), Failure> {
    let _ = (source, registry_url, packs_base_dir, settings, report);
    Err(Failure::text(Code::Failed, "not built yet", None))
}
