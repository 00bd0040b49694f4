//! The search against an exhaustive one, on universes small enough for it.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::collections::{BTreeMap, BTreeSet};

use pack_format::documents::PackDependency;
use pack_format::{PackRef, Version};
use pack_resolve::{Candidate, Request, Withheld, resolve};
use proptest::prelude::*;

const PACKS: [&str; 4] = ["a", "b", "c", "d"];
const VERSIONS: [&str; 3] = ["1.0.0", "1.1.0", "2.0.0"];
const RANGES: [&str; 6] = ["*", "^1", "^2", "1.1.0", "<1.1", ">=1.1"];

/// One version: what it needs, and whether it is yanked.
type Entry = (Vec<(usize, usize)>, bool);

fn universe() -> impl Strategy<Value = (Vec<Vec<Entry>>, Vec<(usize, usize)>)> {
    let need = (0..PACKS.len(), 0..RANGES.len());
    let entry = (
        prop::collection::vec(need.clone(), 0..3),
        prop::bool::weighted(0.15),
    );
    let versions = prop::collection::vec(entry, VERSIONS.len());
    let roots = prop::collection::vec(need, 1..3);
    (prop::collection::vec(versions, PACKS.len()), roots)
}

fn dependency((pack, range): (usize, usize)) -> PackDependency {
    format!("{}@{}", PACKS[pack], RANGES[range])
        .parse()
        .unwrap()
}

fn request(universe: &[Vec<Entry>], roots: &[(usize, usize)]) -> Request {
    let mut request = Request {
        roots: roots.iter().copied().map(dependency).collect(),
        ..Request::default()
    };
    for (name, versions) in PACKS.iter().zip(universe) {
        for (version, (needs, yanked)) in VERSIONS.iter().zip(versions) {
            let needs = needs.iter().copied().map(dependency).collect();
            let mut candidate = Candidate::new(version.parse().unwrap(), needs);
            candidate.withheld = yanked.then(|| Withheld::Yanked {
                reason: String::new(),
            });
            request.add(name.parse().unwrap(), candidate);
        }
    }
    request
}

/// What a version needs and whether it is yanked, from what was made up and not from what the search was given.
fn entry<'u>(universe: &'u [Vec<Entry>], pack_ref: &PackRef, version: &Version) -> &'u Entry {
    let pack = PACKS
        .iter()
        .position(|name| *name == pack_ref.as_str())
        .unwrap();
    let found = VERSIONS
        .iter()
        .position(|text| text.parse().ok().as_ref() == Some(version));
    &universe[pack][found.unwrap()]
}

/// Whether a choice gives everybody what they need.
fn is_answer(
    universe: &[Vec<Entry>],
    request: &Request,
    choice: &BTreeMap<PackRef, Version>,
) -> bool {
    let met = |need: &PackDependency| {
        (choice.get(&need.pack_ref)).is_some_and(|version| need.constraint.matches(version))
    };
    request.roots.iter().all(met)
        && choice.iter().all(|(pack_ref, version)| {
            let (needs, yanked) = entry(universe, pack_ref, version);
            !yanked && needs.iter().copied().map(dependency).all(|need| met(&need))
        })
}

/// Every pack absent or in one of its versions: whether any choice is an answer.
fn has_answer(universe: &[Vec<Entry>], request: &Request) -> bool {
    let options = VERSIONS.len() + 1;
    (0..options.pow(4)).any(|number| {
        let choice = (PACKS.iter().enumerate()).filter_map(|(i, name)| {
            let digit = number / options.pow(u32::try_from(i).unwrap()) % options;
            let version = VERSIONS.get(digit.checked_sub(1)?)?;
            Some((name.parse().unwrap(), version.parse().unwrap()))
        });
        is_answer(universe, request, &choice.collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// There is an answer exactly where one exists; it gives everybody what they need, holds nothing else, and
    /// comes in an order in which needs come first, circles aside. Advice that names a version is true.
    #[test]
    fn search_agrees_with_trying_everything((universe, roots) in universe()) {
        let request = request(&universe, &roots);
        match resolve(&request) {
            Ok(resolution) => {
                let choice: BTreeMap<PackRef, Version> = (resolution.packs.iter())
                    .map(|p| (p.pack_ref.clone(), p.version.clone()))
                    .collect();
                prop_assert!(is_answer(&universe, &request, &choice), "{choice:?}");
                let needed: BTreeSet<PackRef> = (choice.iter())
                    .flat_map(|(pack_ref, version)| {
                        let (needs, _) = entry(&universe, pack_ref, version);
                        needs.iter().copied().map(|need| dependency(need).pack_ref)
                    })
                    .chain(request.roots.iter().map(|r| r.pack_ref.clone()))
                    .collect();
                prop_assert!(choice.keys().all(|p| needed.contains(p)), "{choice:?}");
                prop_assert_eq!(resolve(&request).unwrap(), resolution);
            }
            Err(error) => {
                prop_assert!(!has_answer(&universe, &request), "{error}");
                let advice = pack_format::Hint::hint(&error).unwrap_or_default();
                if let Some(rest) = advice.strip_prefix("ask for `") {
                    let asked: PackDependency = rest.split('`').next().unwrap().parse().unwrap();
                    let mut other = request.clone();
                    for root in &mut other.roots {
                        if root.pack_ref == asked.pack_ref {
                            *root = asked.clone();
                        }
                    }
                    prop_assert!(has_answer(&universe, &other), "{error}\n{advice}");
                }
            }
        }
    }
}
