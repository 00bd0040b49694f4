//! `Request`: what is asked for and what there is to choose from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use pack_format::documents::PackDependency;
use pack_format::text::printable;
use pack_format::{PackRef, Timestamp, Version};

/// One version that may be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The version.
    pub version: Version,
    /// What it needs.
    pub dependencies: Vec<PackDependency>,
    /// Why it may not be chosen, if it may not.
    pub withheld: Option<Withheld>,
}

/// Why a version is not considered. A preferred or allowed version is considered all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Withheld {
    /// It is yanked.
    Yanked {
        /// Why; empty when nobody said.
        reason: String,
    },
    /// It is younger than the minimum release age.
    TooYoung {
        /// When it was published.
        published_at: Timestamp,
        /// When it is old enough.
        usable_at: Timestamp,
    },
    /// It needs another version of itself.
    Itself {
        /// What it needs.
        need: PackDependency,
    },
    /// It is not here, and nothing may be fetched.
    NotCached,
    /// What it runs on is not here.
    Unmet {
        /// What it needs and what was found, such as "needs Python `>=3.12`; this host has 3.11.7".
        reason: String,
    },
}

impl Withheld {
    /// What can be done about it, if anything.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::Yanked { .. } | Self::Itself { .. } => None,
            Self::NotCached => Some("run the command without `--offline`".to_owned()),
            Self::TooYoung { usable_at, .. } => Some(format!(
                "wait until {usable_at}, or except the pack from `minimum_release_age`"
            )),
            Self::Unmet { .. } => {
                Some("bring the host to what the pack needs, or ask for another version".to_owned())
            }
        }
    }
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yanked { reason } if reason.is_empty() => f.write_str("yanked"),
            // Somebody else's words: on one line, so that they cannot pass for ours.
            Self::Yanked { reason } => write!(f, "yanked: {}", printable(reason)),
            Self::TooYoung {
                published_at,
                usable_at,
            } => write!(
                f,
                "published {published_at}, held back until {usable_at} by `minimum_release_age`"
            ),
            Self::Itself { need } => write!(f, "needs `{need}`, another version of itself"),
            Self::NotCached => f.write_str("not in the cache, and nothing is fetched offline"),
            Self::Unmet { reason } => f.write_str(reason),
        }
    }
}

impl Candidate {
    /// A version that may be chosen.
    pub fn new(version: Version, dependencies: Vec<PackDependency>) -> Self {
        Self {
            version,
            dependencies,
            withheld: None,
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
    /// Versions that may be chosen although they are withheld, such as installed ones.
    pub allowed: BTreeMap<PackRef, Version>,
    /// Installed packs that must be in the answer too, so that nothing they need is taken from them. Their
    /// own version is in `preferred`; another one is chosen only where that one cannot stay.
    pub keep: BTreeSet<PackRef>,
}

impl Request {
    /// Adds a version to choose from; a version already there (by precedence) stays as it is.
    ///
    /// What it needs of itself is settled here: the search has one version per pack to offer, and would
    /// leave out a pack that asks for two.
    pub fn add(&mut self, pack_ref: PackRef, mut candidate: Candidate) {
        let (itself, others) = (candidate.dependencies.into_iter())
            .partition::<Vec<_>, _>(|need| need.pack_ref == pack_ref);
        candidate.dependencies = others;
        let mut unmet = itself
            .into_iter()
            .filter(|n| !n.constraint.matches(&candidate.version));
        if let (None, Some(need)) = (&candidate.withheld, unmet.next()) {
            candidate.withheld = Some(Withheld::Itself { need });
        }
        let versions = self.available.entry(pack_ref).or_default();
        if versions.iter().all(|c| c.version != candidate.version) {
            versions.push(candidate);
        }
    }

    /// The versions of a pack that may be chosen, oldest first: not withheld, or allowed.
    pub(crate) fn choices(&self, pack_ref: &PackRef) -> Vec<&Candidate> {
        let mut choices: Vec<&Candidate> = self
            .available
            .get(pack_ref)
            .into_iter()
            .flatten()
            .filter(|c| c.withheld.is_none() || self.is_allowed(pack_ref, &c.version))
            .collect();
        choices.sort_by(|a, b| a.version.cmp(&b.version));
        choices
    }

    fn is_allowed(&self, pack_ref: &PackRef, version: &Version) -> bool {
        [&self.preferred, &self.allowed]
            .iter()
            .any(|versions| versions.get(pack_ref) == Some(version))
    }

    /// The versions of a pack that may not be chosen, newest first.
    pub(crate) fn withheld(&self, pack_ref: &PackRef) -> Vec<(&Version, &Withheld)> {
        let mut withheld: Vec<_> = (self.available.get(pack_ref).into_iter().flatten())
            .filter(|c| !self.is_allowed(pack_ref, &c.version))
            .filter_map(|c| Some((&c.version, c.withheld.as_ref()?)))
            .collect();
        withheld.sort_by(|a, b| b.0.cmp(a.0));
        withheld
    }
}
