#![doc = include_str!("../README.md")]

mod bring;
pub mod doctor;
pub mod download;
pub mod failpoint;
pub mod failure;
pub mod fetch;
pub mod history;
pub mod host;
pub mod install;
mod installer;
pub mod inventory;
pub mod layout;
mod lines;
pub mod lock;
mod lookup;
pub mod pack_dir;
mod plan;
pub mod policy;
pub mod preview;
pub mod prune;
pub mod ready;
pub mod record;
mod recover;
pub mod repair;
pub mod reporter;
pub mod rollback;
mod runtime;
pub mod session;
pub mod source;
pub mod stage;
pub mod state;
mod store;
mod undo;
pub mod uninstall;
pub mod update;
pub mod upgrade;
pub mod usage;
pub mod verify;

pub use doctor::{DoctorError, Fate, Finding};
pub use download::{DownloadError, DownloadReport, DownloadRequest, DownloadedPack};
pub use failpoint::{Failpoints, Fault, Step};
pub use failure::{Classify, FailureClass};
pub use history::{Comparison, HistoryEntry, HistoryError, NoGeneration, PackChange};
pub use host::Host;
pub use install::{
    Change, Dependencies, Difference, InstallError, InstallReport, InstallRequest, InstalledPack,
    Mismatch, Replace,
};
pub use installer::Installer;
pub use layout::Layout;
pub use lock::{
    Lock, LockFileError, LockedCommit, LockedPack, LockedRequirements, PacksFile, Relock,
    SourceRules, Stale, UpdatePolicy, WantedPack,
};
pub use pack_client::{CacheKeep, CacheRemoved};
pub use pack_git::{Backend, GitSettings};
pub use pack_resolve::{Found, Runtime};
pub use plan::Settled;
pub use policy::{Policy, Requirements};
pub use preview::{Installed, Preview, PreviewRequest, PreviewedPack};
pub use prune::{PruneError, PruneReport, Retention};
pub use ready::{Preparation, ReadyError, Rebuild, TestSummary};
pub use record::{Check, InstalledFrom, Record, SourceType, State, Verified};
pub use repair::{RepairError, RepairFailure, RepairReport, RepairedPack};
pub use reporter::Reporter;
pub use rollback::{RollbackError, RollbackReport, RollbackTarget};
pub use session::{ChangeError, ChangeSettings};
pub use source::{DetectOptions, Source, SourceError};
pub use uninstall::{Dependents, UninstallError, UninstallReport};
pub use update::{Breaking, Outlook, UpdatePlan, UpdateRules};
pub use upgrade::Upgrade;
pub use usage::{CacheUsage, StoreUsage, Usage};
pub use verify::{Problem, VerifiedPack, VerifyError};
