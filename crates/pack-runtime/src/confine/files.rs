//! File rules: Landlock lets a program write below a few directories, and signal nobody but its own.

use std::path::PathBuf;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, LandlockStatus, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::Reach;

/// The newest rules this program knows and has been tried with.
const NEWEST: ABI = ABI::V7;
/// Devices that hold nothing.
const DEVICES: [&str; 6] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
];

/// What is in force.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ruled {
    /// Writing is bounded.
    pub(super) writes: bool,
    /// Signals stay among the program's own processes.
    pub(super) signals: bool,
}

/// Puts the rules in force for this process and all it starts.
pub(super) fn rule(
    writable: &[PathBuf],
    (reach, own_network): (Reach, bool),
) -> Result<Ruled, RulesetError> {
    let writing = AccessFs::from_write(NEWEST);
    let mut rules = Ruleset::default()
        .handle_access(writing)?
        .scope(Scope::from_all(NEWEST))?;
    if reach == Reach::Nowhere && !own_network {
        rules = rules.handle_access(AccessNet::from_all(NEWEST))?;
    }
    let to_devices = AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
    let status = rules
        .create()?
        .add_rules(path_beneath_rules(writable, writing))?
        .add_rules(path_beneath_rules(DEVICES, to_devices))?
        .restrict_self()?;
    let version = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi,
        _ => ABI::Unsupported,
    };
    Ok(Ruled {
        writes: status.ruleset != RulesetStatus::NotEnforced,
        signals: version >= ABI::V6,
    })
}
