//! Actions: finds one in a pack, checks its parameters, runs it, and reads its result.
//!
//! ```text
//! ActionSpec::find      what the action's file says
//! ActionSpec::complete  parameters, with defaults, checked
//! configuration         what the pack is configured with
//! Execution::run        delivery, the program, its end, its output
//! ```
//! SECURITY: no parameter ever stands on a command line, where other users could read it.

mod configuration;
mod execution;
mod outcome;
mod parameters;
mod spec;
mod written;

use std::path::PathBuf;

use pack_format::Hint;
use pack_format::metadata_error::MetadataError;
use pack_fs::FsError;

pub use self::configuration::{Configuration, configuration, configuration_problems};
pub use self::execution::Execution;
pub(crate) use self::execution::is_script;
pub use self::outcome::{ActionStatus, Outcome};
pub use self::parameters::{Given, Parameters};
pub use self::spec::{ActionRef, ActionSpec, Delivery, OutputFormat, ParameterFormat, Runner};

/// Why an action was not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// The pack has no such action.
    #[error("pack `{}` has no action `{}`", action_ref.pack_ref, action_ref.name)]
    Unknown {
        /// What was asked for.
        action_ref: ActionRef,
        /// Names of its actions.
        known: Vec<String>,
    },
    /// The pack's author switched it off.
    #[error("action `{action_ref}` is off: `{}` says `enabled: false`", file.display())]
    Disabled {
        /// What was asked for.
        action_ref: ActionRef,
        /// The file that says so.
        file: PathBuf,
    },
    /// It has no script.
    #[error("action `{action_ref}` is a workflow, which takes the platform to run")]
    Workflow {
        /// What was asked for.
        action_ref: ActionRef,
    },
    /// What starts it is not on this machine.
    #[error("action `{action_ref}` needs `{program}`, which is not on this machine")]
    NoRuntime {
        /// What was asked for.
        action_ref: ActionRef,
        /// The program.
        program: String,
    },
    /// Parameters are missing or wrong.
    #[error("parameters of `{action_ref}`:\n  {}", problems.join("\n  "))]
    Parameters {
        /// What was asked for.
        action_ref: ActionRef,
        /// All of them.
        problems: Vec<String>,
    },
    /// The action's file is wrong.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A file or the program cannot be used.
    #[error(transparent)]
    File(#[from] FsError),
}

impl ActionError {
    /// Whether what was asked for is wrong, not what is there.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::Parameters { .. })
    }
}

impl Hint for ActionError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { known, .. } if known.is_empty() => Some("the pack has none".to_owned()),
            Self::Unknown { known, .. } => Some(format!("it has `{}`", known.join("`, `"))),
            Self::Disabled { .. } | Self::Workflow { .. } => None,
            Self::NoRuntime { program, .. } => Some(format!(
                "install it, or put the directory of `{program}` on the `PATH`"
            )),
            Self::Parameters { .. } => Some(
                "give them as `--param NAME=VALUE`, or as a mapping with `--params-file FILE`"
                    .to_owned(),
            ),
            Self::Metadata(error) => error.hint(),
            Self::File(error) => error.hint(),
        }
    }
}
