//! `resolve`: the one search, and its answer.
//!
//! 1. Every root must be listed and have a version that matches: the plain errors first.
//! 2. `PubGrub` picks one version per pack, or derives why that cannot be.
//! 3. The picks are put in dependency order; cycles are noted.

use std::collections::BTreeMap;
use std::fmt;

use pack_format::documents::PackDependency;
use pack_format::{Constraint, PackRef, Version};
use pubgrub::PubGrubError;

use crate::error::{self, ResolveError};
use crate::explain::explain;
use crate::order;
use crate::provider::{Node, Provider};
use crate::request::Request;

/// One pack of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picked {
    /// The pack.
    pub pack_ref: PackRef,
    /// Its version.
    pub version: Version,
}

impl fmt::Display for Picked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.pack_ref, self.version)
    }
}

/// One version per pack, such that every constraint holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolution {
    /// The packs, each after what it needs (inside a cycle: by name).
    pub packs: Vec<Picked>,
    /// Packs that need each other, each cycle once, starting at its smallest ref.
    pub cycles: Vec<Vec<PackRef>>,
}

impl Resolution {
    /// The version chosen for a pack.
    pub fn version(&self, pack_ref: &PackRef) -> Option<&Version> {
        self.packs
            .iter()
            .find(|p| p.pack_ref == *pack_ref)
            .map(|p| &p.version)
    }
}

/// Chooses one version for every root and everything they need.
///
/// The same request always has the same answer.
///
/// # Errors
/// [`ResolveError`] in terms of what was asked and what there is.
pub fn resolve(request: &Request) -> Result<Resolution, ResolveError> {
    for root in &request.roots {
        error::check_root(request, root)?;
    }
    search(request, Advice::Wanted)
}

/// Whether a failure comes with advice that takes further searches to find.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Advice {
    Wanted,
    None,
}

/// Most further searches for advice.
const ADVICE_SEARCHES: usize = 8;

/// What could be asked for instead: one root with another version, and everything else as it is.
fn advice(request: &Request) -> Option<String> {
    let narrow = |root: &&PackDependency| !root.constraint.comparators().is_empty();
    let narrowed = request.roots.iter().filter(narrow);
    for root in narrowed.take(ADVICE_SEARCHES) {
        let mut relaxed = request.clone();
        for other in &mut relaxed.roots {
            if other.pack_ref == root.pack_ref {
                other.constraint = Constraint::any();
            }
        }
        if let Ok(resolution) = search(&relaxed, Advice::None)
            && let Some(version) = resolution.version(&root.pack_ref)
        {
            let pack_ref = &root.pack_ref;
            return Some(format!(
                "ask for `{pack_ref}@{version}` instead of `{root}`: it fits with everything else"
            ));
        }
    }
    for kept in request.keep.iter().take(ADVICE_SEARCHES) {
        let mut without = request.clone();
        without.keep.remove(kept);
        if search(&without, Advice::None).is_ok() {
            return Some(format!(
                "name `{kept}` in the same command, so that another version of it may be chosen, or uninstall it first"
            ));
        }
    }
    None
}

fn search(request: &Request, wanted: Advice) -> Result<Resolution, ResolveError> {
    let provider = Provider::new(request);
    match pubgrub::resolve(&provider, Node::Root, 0_u32) {
        Ok(solution) => {
            let picks: BTreeMap<PackRef, Version> = solution
                .into_iter()
                .filter_map(|(node, version)| match node {
                    Node::Root => None,
                    Node::Pack(pack_ref) => {
                        let version = provider.candidate(&pack_ref, version)?.version.clone();
                        Some((pack_ref, version))
                    }
                })
                .collect();
            Ok(order::arrange(request, &picks))
        }
        Err(PubGrubError::NoSolution(tree)) => {
            let advice = (wanted == Advice::Wanted)
                .then(|| advice(request))
                .flatten();
            Err(explain(&provider, request, (&tree, advice)))
        }
        Err(other) => Err(ResolveError::Internal {
            message: other.to_string(),
        }),
    }
}
