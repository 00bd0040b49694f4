//! Facets: the choices that narrow the list of packs, with how many packs each holds.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::limits::MAX_FACET_CHOICES;
use crate::summary::PackSummary;
use crate::text::{clean, grouped};

/// One group of choices.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Facet {
    /// Name in the address and in the data of rows.
    key: &'static str,
    /// Name people see.
    title: &'static str,
    /// Most packs first.
    choices: Vec<Choice>,
}

#[derive(Debug, Clone, Serialize)]
struct Choice {
    value: String,
    label: String,
    count: String,
}

/// Licence of a pack that states none.
const NO_LICENSE: &str = "NOASSERTION";

/// The licence as people read it.
pub(crate) fn license_label(license: &str) -> &str {
    if license == NO_LICENSE {
        "Not stated"
    } else {
        license
    }
}

/// The facets of a list; groups with fewer than two choices narrow nothing and are left out.
pub(crate) fn of(packs: &[PackSummary]) -> Vec<Facet> {
    let count = |values: &dyn Fn(&PackSummary) -> Vec<String>| {
        let mut counts = BTreeMap::<String, u64>::new();
        for value in packs.iter().flat_map(values) {
            *counts.entry(value).or_default() += 1;
        }
        counts
    };
    let groups = [
        (
            "category",
            "Category",
            count(&|p| p.category.iter().cloned().collect()),
        ),
        ("runtime", "Runtime", count(&|p| p.runtimes.clone())),
        ("license", "Licence", count(&|p| vec![p.license.clone()])),
    ];
    groups
        .into_iter()
        .filter(|(_, _, counts)| counts.len() > 1)
        .map(|(key, title, counts)| Facet {
            key,
            title,
            choices: choices(counts),
        })
        .collect()
}

fn choices(counts: BTreeMap<String, u64>) -> Vec<Choice> {
    let mut sorted: Vec<_> = counts.into_iter().collect();
    sorted.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
    sorted.truncate(MAX_FACET_CHOICES);
    sorted
        .into_iter()
        .map(|(value, count)| Choice {
            label: clean(license_label(&value)).into_owned(),
            count: grouped(count),
            value,
        })
        .collect()
}
