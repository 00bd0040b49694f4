//! `Request`: what is asked for and what there is to choose from.

use std::collections::BTreeMap;

use pack_format::documents::PackDependency;
use pack_format::{PackRef, Version};

/// One version that may be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The version.
    pub version: Version,
    /// What it needs.
    pub dependencies: Vec<PackDependency>,
    /// Why it is yanked, if it is; empty text when nobody said why.
    pub yanked: Option<String>,
}

impl Candidate {
    /// A version that is not yanked.
    pub fn new(version: Version, dependencies: Vec<PackDependency>) -> Self {
        Self {
            version,
            dependencies,
            yanked: None,
        }
    }
}

/// A question for [`resolve`](crate::resolve()).
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// What must be in the answer.
    pub roots: Vec<PackDependency>,
    /// Every known version of every pack the search may reach, in any order.
    pub available: BTreeMap<PackRef, Vec<Candidate>>,
    /// Versions to keep while they satisfy everybody; each is also in `available`.
    pub preferred: BTreeMap<PackRef, Version>,
}

impl Request {
    /// Adds a version to choose from; a version already there (by precedence) stays as it is.
    pub fn add(&mut self, pack_ref: PackRef, candidate: Candidate) {
        let versions = self.available.entry(pack_ref).or_default();
        if versions.iter().all(|c| c.version != candidate.version) {
            versions.push(candidate);
        }
    }

    /// The versions of a pack that may be chosen, oldest first: not yanked, or preferred.
    pub(crate) fn choices(&self, pack_ref: &PackRef) -> Vec<&Candidate> {
        let preferred = self.preferred.get(pack_ref);
        let mut choices: Vec<&Candidate> = self
            .available
            .get(pack_ref)
            .into_iter()
            .flatten()
            .filter(|c| c.yanked.is_none() || preferred == Some(&c.version))
            .collect();
        choices.sort_by(|a, b| a.version.cmp(&b.version));
        choices
    }
}
