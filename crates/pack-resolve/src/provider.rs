//! `Provider`: a [`Request`] as `PubGrub` wants to see it.
//!
//! A version is its position among the versions of its pack that may be chosen, oldest first, and a
//! constraint is the set of positions it matches. That keeps the rule for pre-releases exact, which no
//! interval of versions could state, and makes every comparison one of integers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt;

use pack_format::documents::PackDependency;
use pack_format::{Constraint, PackRef};
use pubgrub::{
    Dependencies, DependencyConstraints, DependencyProvider, PackageResolutionStatistics, Ranges,
};

use crate::request::{Candidate, Request};

/// A vertex of the dependency graph.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Node {
    /// What was asked for, as a whole; its only version is 0.
    Root,
    /// A pack.
    Pack(PackRef),
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("the request"),
            Self::Pack(pack_ref) => pack_ref.fmt(f),
        }
    }
}

/// Candidates by pack, oldest first.
#[derive(Debug)]
pub(crate) struct Provider<'a> {
    request: &'a Request,
    choices: BTreeMap<&'a PackRef, Vec<&'a Candidate>>,
}

impl<'a> Provider<'a> {
    pub(crate) fn new(request: &'a Request) -> Self {
        let choices = request
            .available
            .keys()
            .map(|pack_ref| (pack_ref, request.choices(pack_ref)))
            .collect();
        Self { request, choices }
    }

    /// The versions of a pack that may be chosen, oldest first.
    pub(crate) fn choices(&self, pack_ref: &PackRef) -> &[&'a Candidate] {
        self.choices.get(pack_ref).map_or(&[], Vec::as_slice)
    }

    /// The candidate at a position.
    pub(crate) fn candidate(&self, pack_ref: &PackRef, position: u32) -> Option<&'a Candidate> {
        let position = usize::try_from(position).ok()?;
        self.choices(pack_ref).get(position).copied()
    }

    /// The positions of the versions that match, neighbours joined.
    fn matching(&self, pack_ref: &PackRef, constraint: &Constraint) -> Ranges<u32> {
        let mut set = Ranges::empty();
        let mut run: Option<(u32, u32)> = None;
        for (position, candidate) in (0_u32..).zip(self.choices(pack_ref)) {
            if constraint.matches(&candidate.version) {
                run = Some((run.map_or(position, |(low, _)| low), position + 1));
            } else if let Some((low, end)) = run.take() {
                set = set.union(&Ranges::between(low, end));
            }
        }
        match run {
            Some((low, end)) => set.union(&Ranges::between(low, end)),
            None => set,
        }
    }

    /// The sets that needs allow; of packs to keep, any version.
    fn constraints(
        &self,
        needs: &[PackDependency],
        keep: &BTreeSet<PackRef>,
    ) -> DependencyConstraints<Node, Ranges<u32>> {
        let mut sets: BTreeMap<&PackRef, Ranges<u32>> = BTreeMap::new();
        for need in needs {
            let set = self.matching(&need.pack_ref, &need.constraint);
            sets.entry(&need.pack_ref)
                .and_modify(|known| *known = known.intersection(&set))
                .or_insert(set);
        }
        for pack_ref in keep {
            sets.entry(pack_ref).or_insert_with(Ranges::full);
        }
        sets.into_iter()
            .map(|(pack_ref, set)| (Node::Pack(pack_ref.clone()), set))
            .collect()
    }

    /// The position of the preferred version, if there is one and it is in `range`.
    fn preferred(&self, pack_ref: &PackRef, range: &Ranges<u32>) -> Option<u32> {
        let version = self.request.preferred.get(pack_ref)?;
        let found = (0_u32..)
            .zip(self.choices(pack_ref))
            .find(|(_, candidate)| candidate.version == *version)?;
        range.contains(&found.0).then_some(found.0)
    }
}

impl DependencyProvider for Provider<'_> {
    type P = Node;
    type V = u32;
    type VS = Ranges<u32>;
    type M = String;
    type Err = Infallible;
    type Priority = (u32, Reverse<usize>);

    fn prioritize(
        &self,
        node: &Node,
        range: &Ranges<u32>,
        statistics: &PackageResolutionStatistics,
    ) -> Self::Priority {
        let Node::Pack(pack_ref) = node else {
            return (u32::MAX, Reverse(0));
        };
        let fitting = (0_u32..)
            .zip(self.choices(pack_ref))
            .filter(|(position, _)| range.contains(position))
            .count();
        if fitting == 0 {
            // Nothing is left to choose: fail here before choosing elsewhere.
            return (u32::MAX, Reverse(0));
        }
        (statistics.conflict_count(), Reverse(fitting))
    }

    fn choose_version(&self, node: &Node, range: &Ranges<u32>) -> Result<Option<u32>, Infallible> {
        let Node::Pack(pack_ref) = node else {
            return Ok(Some(0));
        };
        let newest = || {
            (0_u32..)
                .zip(self.choices(pack_ref))
                .map(|(position, _)| position)
                .filter(|position| range.contains(position))
                .last()
        };
        Ok(self.preferred(pack_ref, range).or_else(newest))
    }

    fn get_dependencies(
        &self,
        node: &Node,
        version: &u32,
    ) -> Result<Dependencies<Node, Ranges<u32>, String>, Infallible> {
        let constraints = match node {
            Node::Root => self.constraints(&self.request.roots, &self.request.keep),
            Node::Pack(pack_ref) => self
                .candidate(pack_ref, *version)
                .map(|candidate| self.constraints(&candidate.dependencies, &BTreeSet::new()))
                .unwrap_or_default(),
        };
        Ok(Dependencies::Available(constraints))
    }
}
