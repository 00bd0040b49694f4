//! Runs what packs hold: actions.
//!
//! Nothing here knows how packs are installed, and nothing here prints or reads the environment of this process:
//! callers say where a pack lies and which variables its programs get (`docs/adr/0008-running-packs.md`).

pub mod action;
pub mod process;
pub mod variables;

pub use action::{ActionError, ActionRef, ActionSpec, Execution, Given, Outcome, Parameters};
pub use process::{End, Ended, Job, Stream, Unwatched, Watcher};
pub use variables::{Network, Variables};
