//! `Problem`: one thing that is not as it was installed.

use serde::Serialize;

/// One thing that is not as it was installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Problem {
    /// A file with other bytes.
    Changed {
        /// Relative to the pack.
        path: String,
    },
    /// A file that is gone.
    Missing {
        /// Relative to the pack.
        path: String,
    },
    /// A file or other thing that was not installed.
    Extra {
        /// Relative to the pack.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// A file or directory with other permissions.
    Mode {
        /// Relative to the pack.
        path: String,
        /// What it has, in octal.
        found: String,
        /// What it should have, in octal.
        expected: &'static str,
    },
    /// The tree as a whole is another one, and no listing says why.
    Digest {
        /// Store key of the record.
        expected: String,
        /// Store key of what is there.
        computed: String,
    },
    /// A link that leads elsewhere, or is no link.
    Link {
        /// Where.
        path: String,
        /// Where it should lead.
        expected: String,
    },
    /// There is no tree, or something else in its place.
    NoTree {
        /// Where it should be.
        path: String,
    },
    /// What is known of the tree's files is gone or wrong.
    Listing {
        /// Where it should be.
        path: String,
    },
    /// Something cannot be read.
    Unreadable {
        /// Why.
        reason: String,
    },
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Changed { path } => write!(f, "changed: {path}"),
            Self::Missing { path } => write!(f, "missing: {path}"),
            Self::Extra { path, kind } => write!(f, "extra {kind}: {path}"),
            Self::Mode {
                path,
                found,
                expected,
            } => write!(f, "mode {found} instead of {expected}: {path}"),
            Self::Digest { expected, computed } => {
                write!(
                    f,
                    "contents differ: expected {expected}, computed {computed}"
                )
            }
            Self::Link { path, expected } => write!(f, "not a link to {expected}: {path}"),
            Self::NoTree { path } => write!(f, "missing tree: {path}"),
            Self::Listing { path } => write!(f, "missing or wrong list of files: {path}"),
            Self::Unreadable { reason } => write!(f, "unreadable: {reason}"),
        }
    }
}
