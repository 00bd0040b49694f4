//! A failed derivation as sentences: who asks for what, then what there was to choose from.
//!
//! The leaves of `PubGrub`'s derivation are requirements; everything else about the failure follows from
//! them. What a reader can act on comes last: the pack for which no version suits everybody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pack_format::{Constraint, PackRef, Version};
use pubgrub::{DerivationTree, External, Ranges};

use crate::error::{ResolveError, abbreviated};
use crate::provider::{Node, Provider};
use crate::request::Request;

type Constraints = BTreeMap<Node, BTreeSet<String>>;
type Tree = DerivationTree<Node, Ranges<u32>, String>;

/// Most versions that are listed with the reason why they are not considered.
const WITHHELD_SHOWN: usize = 3;

/// The error a failed derivation means; `advice` has been looked for already.
pub(crate) fn explain(
    provider: &Provider<'_>,
    request: &Request,
    (tree, advice): (&Tree, Option<String>),
) -> ResolveError {
    let mut facts = Facts::default();
    facts.collect(provider, request, tree);
    let missing: BTreeSet<PackRef> = facts
        .needed
        .keys()
        .filter(|pack_ref| !request.available.contains_key(*pack_ref))
        .cloned()
        .collect();
    let mut sentences: Vec<String> = facts.asked.iter().cloned().collect();
    for ((by, need), versions) in &facts.needs {
        sentences.push(needs(provider, by, need, versions));
    }
    let verdicts: Vec<String> = facts
        .needed
        .iter()
        .filter_map(|(pack_ref, constraints)| verdict(provider, request, pack_ref, constraints))
        .collect();
    if verdicts.is_empty() {
        // Each need alone could be met: the reader wants to see all choices.
        sentences
            .extend((facts.needed.keys()).map(|pack_ref| choices(provider, request, pack_ref)));
    }
    sentences.extend(verdicts);
    let advice = advice.or_else(|| {
        let mut withheld = (facts.needed.iter()).flat_map(|(pack_ref, constraints)| {
            let versions = request.withheld(pack_ref).into_iter();
            versions.filter(|(version, _)| suits(constraints, version))
        });
        withheld.find_map(|(_, why)| why.advice())
    });
    if missing.is_empty() {
        ResolveError::Conflict { sentences, advice }
    } else {
        ResolveError::MissingDependency { missing, sentences }
    }
}

/// Who needs it, in as few words as the versions allow.
fn needs(
    provider: &Provider<'_>,
    by: &PackRef,
    need: &str,
    versions: &BTreeSet<Version>,
) -> String {
    let choices = provider.choices(by).len();
    if versions.len() == choices && choices > 1 {
        return format!("every version of `{by}` needs `{need}`");
    }
    let subjects: Vec<String> = versions.iter().map(|v| format!("`{by}@{v}`")).collect();
    let verb = if subjects.len() == 1 { "needs" } else { "need" };
    format!("{} {verb} `{need}`", abbreviated(&subjects))
}

/// That no version of a pack suits everybody; `None` if one does.
fn verdict(
    provider: &Provider<'_>,
    request: &Request,
    pack_ref: &PackRef,
    constraints: &Constraints,
) -> Option<String> {
    if !request.available.contains_key(pack_ref) {
        return Some(format!("`{pack_ref}` is not listed in any registry"));
    }
    if (provider.choices(pack_ref).iter()).any(|c| suits(constraints, &c.version)) {
        return None;
    }
    let plain = constraints.values().all(|own| own.len() < 2);
    let texts: BTreeSet<&String> = constraints.values().flatten().collect();
    let quoted: Vec<String> = (texts.into_iter())
        .filter(|c| *c != "*")
        .map(|c| format!("`{c}`"))
        .collect();
    let wanted = match &quoted[..] {
        [] => "may be chosen".to_owned(),
        [one] => format!("matches {one}"),
        [one, other] if plain => format!("matches both {one} and {other}"),
        many if plain => format!("matches all of {}", many.join(", ")),
        _ => "suits all of them".to_owned(),
    };
    Some(format!(
        "no version of `{pack_ref}` {wanted}; {}",
        listed(provider, request, pack_ref)
    ))
}

/// Whether everybody who needs a pack can live with one of its versions.
fn suits(constraints: &Constraints, version: &Version) -> bool {
    constraints.values().all(|own| {
        let mut parsed = own.iter().filter_map(|c| c.parse::<Constraint>().ok());
        own.is_empty() || parsed.any(|c| c.matches(version))
    })
}

fn choices(provider: &Provider<'_>, request: &Request, pack_ref: &PackRef) -> String {
    format!("`{pack_ref}`: {}", listed(provider, request, pack_ref))
}

/// The versions of a pack, newest first, and why some of them are not considered.
fn listed(provider: &Provider<'_>, request: &Request, pack_ref: &PackRef) -> String {
    let choices = provider.choices(pack_ref).iter().rev();
    let mut all: Vec<String> = choices.map(|c| c.version.to_string()).collect();
    let withheld = request.withheld(pack_ref);
    let more = withheld.len().saturating_sub(WITHHELD_SHOWN);
    let shown = withheld.iter().take(WITHHELD_SHOWN);
    let reasons = shown.map(|(version, why)| format!("{version} ({why})"));
    let mut text = if all.is_empty() {
        "none may be chosen: ".to_owned()
    } else {
        all = vec![abbreviated(&all)];
        "listed: ".to_owned()
    };
    all.extend(reasons);
    text.push_str(&all.join(", "));
    if more > 0 {
        text.push_str(&format!(" and {more} more that may not be chosen"));
    }
    text
}

/// What the leaves of a derivation say.
#[derive(Default)]
struct Facts {
    asked: BTreeSet<String>,
    /// By who needs and what is needed: the versions that do.
    needs: BTreeMap<(PackRef, String), BTreeSet<Version>>,
    /// Constraints on each pack, by who has them; those of one pack are alternatives, one per version of it.
    needed: BTreeMap<PackRef, Constraints>,
}

impl Facts {
    /// Visits each node of the (shared) derivation once.
    fn collect(&mut self, provider: &Provider<'_>, request: &Request, tree: &Tree) {
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
                    self.requirement(provider, request, (by, set, need));
                }
                DerivationTree::External(_) => {}
            }
        }
    }

    fn requirement(
        &mut self,
        provider: &Provider<'_>,
        request: &Request,
        (by, set, need): (&Node, &Ranges<u32>, &Node),
    ) {
        let Node::Pack(needed) = need else { return };
        let constraints = self.needed.entry(needed.clone()).or_default();
        let constraints = constraints.entry(by.clone()).or_default();
        let Node::Pack(by) = by else {
            for root in request.roots.iter().filter(|r| r.pack_ref == *needed) {
                self.asked.insert(format!("`{root}` was asked for"));
                constraints.insert(root.constraint.to_string());
            }
            if let (true, Some(version)) =
                (request.keep.contains(needed), request.preferred.get(needed))
            {
                self.asked
                    .insert(format!("`{needed}@{version}` is installed"));
            }
            return;
        };
        for (position, candidate) in (0_u32..).zip(provider.choices(by)) {
            if !set.contains(&position) {
                continue;
            }
            let dependencies = candidate.dependencies.iter();
            for dependency in dependencies.filter(|d| d.pack_ref == *needed) {
                constraints.insert(dependency.constraint.to_string());
                let versions = (self.needs)
                    .entry((by.clone(), dependency.to_string()))
                    .or_default();
                versions.insert(candidate.version.clone());
            }
        }
    }
}
