//! Dependency order: each pack after what it needs, by ref where nothing else decides.

use std::collections::{BTreeMap, BTreeSet};

use pack_format::{PackRef, Version};

use crate::request::Request;
use crate::resolution::{Picked, Resolution};

/// Puts `picks` in dependency order and notes cycles.
///
/// A depth-first walk with a stack of its own: a chain of thousands of packs must not end the program.
pub(crate) fn arrange(request: &Request, picks: &BTreeMap<PackRef, Version>) -> Resolution {
    let needs = needs_of(request, picks);
    let mut resolution = Resolution::default();
    let mut done: BTreeSet<&PackRef> = BTreeSet::new();
    let mut cycles: BTreeSet<Vec<PackRef>> = BTreeSet::new();
    for start in picks.keys() {
        let mut path: Vec<(&PackRef, usize)> = vec![(start, 0)];
        while let Some((pack_ref, next)) = path.last_mut() {
            if done.contains(*pack_ref) {
                path.pop();
                continue;
            }
            let Some(need) = needs.get(*pack_ref).and_then(|list| list.get(*next)) else {
                done.insert(*pack_ref);
                if let Some(version) = picks.get(*pack_ref) {
                    resolution.packs.push(Picked {
                        pack_ref: pack_ref.clone(),
                        version: version.clone(),
                    });
                }
                path.pop();
                continue;
            };
            *next += 1;
            match path.iter().position(|(on_path, _)| on_path == need) {
                Some(from) => {
                    cycles.insert(rotated(&path[from..]));
                }
                None => path.push((*need, 0)),
            }
        }
    }
    resolution.cycles = cycles.into_iter().collect();
    resolution
}

/// What each picked version needs, by ref, each once.
fn needs_of<'a>(
    request: &Request,
    picks: &'a BTreeMap<PackRef, Version>,
) -> BTreeMap<&'a PackRef, Vec<&'a PackRef>> {
    let mut needs = BTreeMap::new();
    for (pack_ref, version) in picks {
        let candidate = request
            .available
            .get(pack_ref)
            .and_then(|versions| versions.iter().find(|c| c.version == *version));
        let unique: BTreeSet<&PackRef> = candidate
            .iter()
            .flat_map(|c| &c.dependencies)
            .filter_map(|need| picks.get_key_value(&need.pack_ref))
            .map(|(key, _)| key)
            .collect();
        needs.insert(pack_ref, unique.into_iter().collect());
    }
    needs
}

/// A cycle, written from its smallest ref on.
fn rotated(cycle: &[(&PackRef, usize)]) -> Vec<PackRef> {
    let mut refs: Vec<PackRef> = cycle
        .iter()
        .map(|(pack_ref, _)| (*pack_ref).clone())
        .collect();
    let smallest = (0..refs.len()).min_by_key(|&i| &refs[i]).unwrap_or(0);
    refs.rotate_left(smallest);
    refs
}
