//! Wanted packs and the versions they come to: `packs.yaml` and `packs.lock`.
//!
//! A lock depends on what is wanted, on what registries list, and on the lock before it; not on the host and
//! what is installed there, so that the same inputs give the same bytes everywhere.

mod file;
mod locked_pack;
mod make;
mod packs_file;
mod requirements;
mod stale;
mod wanted_source;

use pack_format::PackRef;

pub use self::file::{LOCK_FORMAT, Lock, LockFileError};
pub use self::locked_pack::{LockedCommit, LockedPack};
pub use self::packs_file::{PacksFile, SourceRules, UpdatePolicy, WantedPack};
pub use self::requirements::LockedRequirements;
pub use self::stale::Stale;

/// Which locked versions and commits may move although they would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Relock {
    /// None.
    #[default]
    Nothing,
    /// Those of these packs.
    Packs(Vec<PackRef>),
    /// All.
    Everything,
}
