#![doc = include_str!("../README.md")]

pub mod failpoint;
pub mod failure;
pub mod fetch;
pub mod install;
mod installer;
pub mod inventory;
pub mod layout;
pub mod pack_dir;
mod plan;
pub mod record;
pub mod reporter;
mod runtime;
pub mod session;
pub mod source;
pub mod stage;
pub mod state;
mod store;
mod undo;

pub use failpoint::{Failpoints, Fault, Step};
pub use failure::{Classify, FailureClass};
pub use install::{
    Change, Dependencies, InstallError, InstallReport, InstallRequest, InstalledPack, Replace,
};
pub use installer::Installer;
pub use layout::Layout;
pub use record::{Record, SourceType, State};
pub use reporter::Reporter;
pub use session::{ChangeError, ChangeSettings};
pub use source::{DetectOptions, Source, SourceError};
