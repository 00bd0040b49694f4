//! `ResolveError`: why no versions fit together, in sentences that name what to change.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pack_format::documents::PackDependency;
use pack_format::{Constraint, Hint, PackRef, Version};

use crate::request::{Request, Withheld};

/// Why there is no resolution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// What was asked for is not listed anywhere.
    #[error("`{pack_ref}` is not listed in any registry")]
    NotListed {
        /// The pack.
        pack_ref: PackRef,
    },
    /// What was asked for is listed, but no version fits.
    #[error("{}\n  listed: {}", misfit(.pack_ref, .constraint), listed(.available, .withheld))]
    NoMatch {
        /// The pack.
        pack_ref: PackRef,
        /// What was asked.
        constraint: Constraint,
        /// Versions that may be chosen, newest first.
        available: Vec<Version>,
        /// Versions that may not be chosen, newest first, and why.
        withheld: Vec<(Version, Withheld)>,
    },
    /// Something that is needed is not listed anywhere.
    #[error("a dependency is not listed in any registry{}", lines(.sentences))]
    MissingDependency {
        /// Refs of what is missing.
        missing: BTreeSet<PackRef>,
        /// Who needs what.
        sentences: Vec<String>,
    },
    /// Everything is listed, but no choice satisfies everybody.
    #[error("no versions fit together{}", lines(.sentences))]
    Conflict {
        /// The facts that exclude each other.
        sentences: Vec<String>,
        /// What could be asked for instead, if a search for it found something.
        advice: Option<String>,
    },
    /// The search itself failed: a defect of this program.
    #[error("the search for versions failed: {message}")]
    Internal {
        /// What it said.
        message: String,
    },
}

impl Hint for ResolveError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotListed { pack_ref } => Some(format!(
                "check the spelling with `attune pack search {pack_ref}`, or add the registry that holds it"
            )),
            Self::NoMatch {
                pack_ref,
                constraint,
                available,
                withheld,
            } => withheld
                .iter()
                .filter(|(version, _)| constraint.matches(version))
                .find_map(|(_, why)| why.advice())
                .or_else(|| {
                    let newest = available.first()?;
                    Some(format!("the newest is `{pack_ref}@{newest}`; ask for that or widen the constraint"))
                }),
            Self::MissingDependency { missing, .. } => missing.first().map(|pack_ref| {
                format!("add the registry that holds `{pack_ref}`, or install it from a directory or archive first")
            }),
            Self::Conflict { advice, .. } => Some(advice.clone().unwrap_or_else(|| {
                "ask for other versions, or leave out one of the packs above".to_owned()
            })),
            Self::Internal { .. } => None,
        }
    }
}

/// Sentences as indented lines below a message.
fn lines(sentences: &[String]) -> String {
    let mut text = String::new();
    for sentence in sentences {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {sentence}");
    }
    text
}

fn misfit(pack_ref: &PackRef, constraint: &Constraint) -> String {
    if constraint.comparators().is_empty() {
        format!("no version of `{pack_ref}` can be chosen")
    } else {
        format!("no version of `{pack_ref}` matches `{constraint}`")
    }
}

fn listed(available: &[Version], withheld: &[(Version, Withheld)]) -> String {
    let fine = available.iter().map(Version::to_string);
    let others = withheld.iter().map(|(v, why)| format!("{v} ({why})"));
    let all: Vec<String> = fine.chain(others).collect();
    abbreviated(&all)
}

/// At most twelve items, then how many more there are.
pub(crate) fn abbreviated(items: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut text = items
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if items.len() > SHOWN {
        let _ = write!(text, " and {} more", items.len() - SHOWN);
    }
    text
}

/// The plain errors about one root: not listed, or no version fits.
pub(crate) fn check_root(request: &Request, root: &PackDependency) -> Result<(), ResolveError> {
    let pack_ref = root.pack_ref.clone();
    if request.available.get(&pack_ref).is_none_or(Vec::is_empty) {
        return Err(ResolveError::NotListed { pack_ref });
    }
    let choices = request.choices(&pack_ref);
    if choices.iter().any(|c| root.constraint.matches(&c.version)) {
        return Ok(());
    }
    let withheld = request.withheld(&pack_ref);
    Err(ResolveError::NoMatch {
        pack_ref,
        constraint: root.constraint.clone(),
        available: choices.iter().rev().map(|c| c.version.clone()).collect(),
        withheld: withheld
            .into_iter()
            .map(|(version, why)| (version.clone(), why.clone()))
            .collect(),
    })
}
