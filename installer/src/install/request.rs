//! What is asked of an installation, and what it answers.

use pack_format::{Checksum, PackRef, Version};

use super::{Dependencies, Mismatch};
use crate::record::Record;
use crate::source::Source;

/// What to install, and how.
#[derive(Debug, Clone, Default)]
pub struct InstallRequest {
    /// The sources, each a pack.
    pub sources: Vec<Source>,
    /// What the one direct source must have: archive digest of an archive, tree digest of a directory.
    pub checksum: Option<Checksum>,
    /// Whether dependencies are installed and checked.
    pub dependencies: Dependencies,
    /// What happens to packs that are there already.
    pub replace: Replace,
    /// What a wrong [`InstallRequest::checksum`] means.
    pub mismatch: Mismatch,
}

/// What happens to a pack that is installed in the version asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Replace {
    /// It stays; with other files it is an error.
    #[default]
    Keep,
    /// It is fetched and stored again.
    Force,
    /// A pack that is asked for and installed, in whatever version, is an error; those it needs stay.
    Refuse,
}

/// What an installation did.
#[derive(Debug, Clone, Default)]
pub struct InstallReport {
    /// The generation it made; `None` when there was nothing to do.
    pub generation: Option<u64>,
    /// Every pack that was asked for or installed with one, dependencies first.
    pub packs: Vec<InstalledPack>,
    /// Packs that need each other.
    pub cycles: Vec<Vec<PackRef>>,
}

/// One pack of a report.
#[derive(Debug, Clone)]
pub struct InstalledPack {
    /// What is recorded of it.
    pub record: Record,
    /// What happened to it.
    pub change: Change,
    /// Whether it was asked for, or is there because something needs it.
    pub requested: bool,
}

/// What happened to one pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It was not there before.
    Installed,
    /// It was there in another version.
    Replaced {
        /// Which.
        from: Version,
    },
    /// The same version was put in place again.
    Reinstalled,
    /// It is as it was.
    Unchanged,
}
