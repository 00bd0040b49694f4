//! Runs what packs hold: actions and tests; builds the environments they run in.
//!
//! Nothing here knows how packs are installed, and nothing here prints or reads the environment of this process:
//! callers say where a pack lies and which variables its programs get (`docs/adr/0008-running-packs.md`).

pub mod action;
pub mod confine;
pub mod environment;
pub mod interpreter;
pub mod process;
pub mod testing;
pub mod variables;

pub use action::{
    ActionError, ActionRef, ActionSpec, Configuration, Execution, Given, Outcome, Parameters,
};
pub use confine::{Confined, Confinement};
pub use environment::{
    Environment, EnvironmentError, EnvironmentKey, EnvironmentKind, EnvironmentSettings,
};
pub use interpreter::{Interpreter, Interpreters};
pub use process::{End, Ended, Job, Stream, Unwatched, Watcher};
pub use testing::{TestError, TestReport, TestRun, TestSettings, TestStatus, Tested};
pub use variables::{Network, Variables};
