//! Verbs about actions.

mod configuration;
mod execute;
mod given;

use clap::Subcommand;

use self::execute::ExecuteArgs;
pub(crate) use self::execute::positive;
use crate::failure::Failure;
use crate::report::Report;
use crate::settings::Settings;

/// Verbs about actions.
#[derive(Debug, Subcommand)]
pub(crate) enum ActionCommand {
    /// Run one action of an installed pack
    Execute(ExecuteArgs),
}

/// Runs one verb.
pub(crate) fn run(
    command: &ActionCommand,
    settings: &Settings,
    report: Report,
) -> Result<(), Failure> {
    match command {
        ActionCommand::Execute(args) => {
            execute::run(args, &super::pack::context(settings, report)?)
        }
    }
}
