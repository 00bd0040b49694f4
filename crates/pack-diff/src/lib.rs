//! What changed for the users of a pack between two of its versions, and the version bump that calls for.
//!
//! [`compare`] takes two [`VersionDocument`]s, wherever they come from, and gives a [`PackDiff`]:
//!
//! 1. [`components`](mod@components): components are matched by name, renamed ones by what they are.
//! 2. [`fields`](mod@fields): the rows of schemas, each by what it means to whoever gives or takes the value.
//! 3. [`requirements`](mod@requirements): packs, platform, Python, Node.js and runtimes, as ranges.
//! 4. [`metadata`](mod@metadata): what people read.
//! 5. [`verdict`](mod@verdict): the smallest SemVer bump that is honest.
//!
//! [`mod@registry`] compares registries instead of packs.
//!
//! Every [`ChangeKind`] has a stable id, a severity of its own, and inverses: what is seen in one direction
//! is seen in the other. Pure.

pub mod change;
mod components;
mod fields;
pub mod kind;
mod metadata;
mod range;
pub mod registry;
mod requirements;
mod rows;
mod value_type;
pub mod verdict;

use pack_format::documents::VersionDocument;
use serde::Serialize;

pub use change::{Change, ComponentId};
pub use kind::{ChangeKind, Severity};
pub use verdict::{Bump, Verdict};

use change::Changes;

/// What changed from one version to another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PackDiff {
    /// Breaking ones first; within a severity by component, field and kind.
    pub changes: Vec<Change>,
    /// The bump they call for, and whether the versions have it.
    pub verdict: Verdict,
}

impl PackDiff {
    /// The changes of one severity.
    pub fn of(&self, severity: Severity) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |c| c.severity == severity)
    }

    /// Whether anything changed at all.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// Compares two versions of a pack.
///
/// Total: any two documents can be compared, in either order. `compare(a, a)` has no changes.
pub fn compare(old: &VersionDocument, new: &VersionDocument) -> PackDiff {
    let mut changes = Changes::default();
    components::compare(&old.components, &new.components, &mut changes);
    fields::compare(
        &rows::CONFIGURATION,
        None,
        (&old.configuration, &new.configuration),
        &mut changes,
    );
    requirements::compare(old, new, &mut changes);
    metadata::compare(old, new, &mut changes);
    let changes = changes.sorted();
    let worst = changes.iter().map(|change| change.severity).min();
    PackDiff {
        verdict: Verdict::new(&old.version, &new.version, worst),
        changes,
    }
}
