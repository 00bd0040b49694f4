//! `ResolveError`: why no versions fit together, in sentences that name what to change.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use pack_format::documents::PackDependency;
use pack_format::{Constraint, Hint, PackRef, Version};
use pubgrub::{DerivationTree, External, Ranges};

use crate::provider::{Node, Provider};
use crate::request::Request;

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
    #[error("no version of `{pack_ref}` matches `{constraint}`\n  listed: {}", listed(.available, .yanked))]
    NoMatch {
        /// The pack.
        pack_ref: PackRef,
        /// What was asked.
        constraint: Constraint,
        /// Versions that may be chosen, newest first.
        available: Vec<Version>,
        /// Versions that are yanked, newest first.
        yanked: Vec<Version>,
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
                available,
                ..
            } => available.first().map(|newest| {
                format!("the newest is `{pack_ref}@{newest}`; ask for that or widen the constraint")
            }),
            Self::MissingDependency { missing, .. } => missing.first().map(|pack_ref| {
                format!("add the registry that holds `{pack_ref}`, or install it from a directory or archive first")
            }),
            Self::Conflict { .. } => {
                Some("ask for other versions, or leave out one of the packs above".to_owned())
            }
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

fn listed(available: &[Version], yanked: &[Version]) -> String {
    let fine = available.iter().map(Version::to_string);
    let withdrawn = yanked.iter().map(|v| format!("{v} (yanked)"));
    let all: Vec<String> = fine.chain(withdrawn).collect();
    abbreviated(&all)
}

/// At most twelve items, then how many more there are.
fn abbreviated(items: &[String]) -> String {
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
    let Some(versions) = request.available.get(&pack_ref).filter(|v| !v.is_empty()) else {
        return Err(ResolveError::NotListed { pack_ref });
    };
    let choices = request.choices(&pack_ref);
    if choices.iter().any(|c| root.constraint.matches(&c.version)) {
        return Ok(());
    }
    let mut yanked: Vec<Version> = versions
        .iter()
        .filter(|v| v.yanked.is_some())
        .map(|v| v.version.clone())
        .collect();
    yanked.sort_by(|a, b| b.cmp(a));
    Err(ResolveError::NoMatch {
        pack_ref,
        constraint: root.constraint.clone(),
        available: choices.iter().rev().map(|c| c.version.clone()).collect(),
        yanked,
    })
}

/// A failed derivation as sentences: every requirement that takes part, then what there was to choose from.
pub(crate) fn explain(
    provider: &Provider<'_>,
    request: &Request,
    tree: &DerivationTree<Node, Ranges<u32>, String>,
) -> ResolveError {
    let mut facts = Facts::default();
    facts.collect(provider, request, tree);
    let missing: BTreeSet<PackRef> = facts
        .needed
        .iter()
        .filter(|pack_ref| provider.choices(pack_ref).is_empty())
        .cloned()
        .collect();
    let mut sentences: Vec<String> = facts.asked.into_iter().collect();
    for ((by, need), versions) in facts.needs {
        let versions: Vec<String> = versions
            .into_iter()
            .map(|v| format!("`{by}@{v}`"))
            .collect();
        let verb = if versions.len() == 1 { "needs" } else { "need" };
        sentences.push(format!("{} {verb} `{need}`", abbreviated(&versions)));
    }
    for pack_ref in &facts.needed {
        let choices: Vec<String> = provider
            .choices(pack_ref)
            .iter()
            .rev()
            .map(|c| c.version.to_string())
            .collect();
        if choices.is_empty() {
            sentences.push(format!("`{pack_ref}` is not listed"));
        } else {
            sentences.push(format!(
                "`{pack_ref}` is listed as {}",
                abbreviated(&choices)
            ));
        }
    }
    if missing.is_empty() {
        ResolveError::Conflict { sentences }
    } else {
        ResolveError::MissingDependency { missing, sentences }
    }
}

/// What the leaves of a derivation say.
#[derive(Default)]
struct Facts {
    asked: BTreeSet<String>,
    needs: BTreeMap<(PackRef, String), BTreeSet<Version>>,
    needed: BTreeSet<PackRef>,
}

impl Facts {
    /// Visits each node of the (shared) derivation once.
    fn collect(
        &mut self,
        provider: &Provider<'_>,
        request: &Request,
        tree: &DerivationTree<Node, Ranges<u32>, String>,
    ) {
        let mut seen = BTreeSet::new();
        let mut open = vec![tree];
        while let Some(node) = open.pop() {
            match node {
                DerivationTree::Derived(derived) => {
                    for cause in [&derived.cause1, &derived.cause2] {
                        if seen.insert(Arc::as_ptr(cause).addr()) {
                            open.push(cause);
                        }
                    }
                }
                DerivationTree::External(External::FromDependencyOf(by, set, need, _)) => {
                    self.requirement(provider, request, (by, set), need);
                }
                DerivationTree::External(_) => {}
            }
        }
    }

    fn requirement(
        &mut self,
        provider: &Provider<'_>,
        request: &Request,
        (by, set): (&Node, &Ranges<u32>),
        need: &Node,
    ) {
        let Node::Pack(needed) = need else { return };
        self.needed.insert(needed.clone());
        match by {
            Node::Root => {
                for root in request.roots.iter().filter(|r| r.pack_ref == *needed) {
                    self.asked.insert(format!("`{root}` was asked for"));
                }
            }
            Node::Pack(by) => {
                for (position, candidate) in (0_u32..).zip(provider.choices(by)) {
                    if !set.contains(&position) {
                        continue;
                    }
                    for dependency in candidate
                        .dependencies
                        .iter()
                        .filter(|d| d.pack_ref == *needed)
                    {
                        self.needs
                            .entry((by.clone(), dependency.to_string()))
                            .or_default()
                            .insert(candidate.version.clone());
                    }
                }
            }
        }
    }
}
