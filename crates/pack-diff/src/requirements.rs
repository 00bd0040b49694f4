//! What must be there before a pack works: other packs, the platform, Python, Node.js, runtimes.

use std::collections::{BTreeMap, BTreeSet};

use pack_format::Constraint;
use pack_format::documents::VersionDocument;
use serde_json::Value;

use crate::change::{Changes, Place, What, shown};
use crate::kind::ChangeKind;
use crate::range::{Bare, Range};
use crate::value_type::Relation;

pub(crate) fn compare(old: &VersionDocument, new: &VersionDocument, changes: &mut Changes) {
    packs(old, new, changes);
    for (field, name, bare) in [
        ("attune_version", "Attune", Bare::Exact),
        ("python_version", "Python", Bare::Minimum),
        ("nodejs_version", "Node.js", Bare::Prefix),
        ("python", "Python", Bare::Minimum),
        ("nodejs", "Node.js", Bare::Minimum),
    ] {
        requirement(
            field,
            name,
            bare,
            (stated(old, field), stated(new, field)),
            changes,
        );
    }
    runtimes(old, new, changes);
}

/// The text of one requirement.
fn stated<'d>(document: &'d VersionDocument, field: &str) -> Option<&'d str> {
    let dependencies = document.dependencies.as_ref();
    match field {
        "attune_version" => dependencies?.attune_version.as_deref(),
        "python_version" => dependencies?.python_version.as_deref(),
        "nodejs_version" => dependencies?.nodejs_version.as_deref(),
        "python" => document.python.as_deref(),
        _ => document.nodejs.as_deref(),
    }
}

fn packs(old: &VersionDocument, new: &VersionDocument, changes: &mut Changes) {
    let by_ref = |document: &VersionDocument| -> BTreeMap<String, _> {
        document
            .pack_dependencies()
            .iter()
            .map(|d| (d.pack_ref.to_string(), d.constraint.clone()))
            .collect()
    };
    let (old, new) = (by_ref(old), by_ref(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (before, after) = (old.get(name), new.get(name));
        let (kind, message) = match (before, after) {
            (Some(before), Some(after)) => {
                let ranges = (Range::of_constraint(before), Range::of_constraint(after));
                let kind = match Range::relation(&ranges.0, &ranges.1) {
                    Relation::Equal => continue,
                    Relation::Narrower => ChangeKind::DependencyNarrowed,
                    Relation::Wider => ChangeKind::DependencyWidened,
                    Relation::Other => ChangeKind::DependencyChanged,
                };
                (
                    kind,
                    format!("needs `{name}@{after}` instead of `{name}@{before}`"),
                )
            }
            (None, Some(after)) => (
                ChangeKind::DependencyAdded,
                format!("needs the pack `{name}@{after}`"),
            ),
            _ => (
                ChangeKind::DependencyRemoved,
                format!("no longer needs the pack `{name}`"),
            ),
        };
        let what = What::new(
            message,
            before.map(Constraint::as_str),
            after.map(Constraint::as_str),
        );
        changes.push(kind, Place::field(&format!("dependencies.{name}")), what);
    }
}

/// Runtimes such as `python3>=3.9`, by name.
fn runtimes(old: &VersionDocument, new: &VersionDocument, changes: &mut Changes) {
    let by_name = |document: &VersionDocument| -> BTreeMap<String, String> {
        document
            .runtime_deps
            .iter()
            .map(|text| {
                let end = text
                    .find(['<', '>', '=', '~', '^', '!'])
                    .unwrap_or(text.len());
                let (name, range) = text.split_at(end);
                (name.trim().to_owned(), range.trim().to_owned())
            })
            .collect()
    };
    let (old, new) = (by_name(old), by_name(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        // No range is any version, which is not the same as not to ask for the runtime.
        let range = |found: Option<&String>| {
            found.map(|range| {
                if range.is_empty() {
                    "*"
                } else {
                    range.as_str()
                }
                .to_owned()
            })
        };
        let (before, after) = (range(old.get(name)), range(new.get(name)));
        requirement(
            &format!("runtime_deps.{name}"),
            &format!("the runtime {}", shown(&Value::from(name.as_str()))),
            Bare::Exact,
            (before.as_deref(), after.as_deref()),
            changes,
        );
    }
}

fn requirement(
    field: &str,
    name: &str,
    bare: Bare,
    (before, after): (Option<&str>, Option<&str>),
    changes: &mut Changes,
) {
    if before == after {
        return;
    }
    let quoted = |text: &str| shown(&Value::from(text));
    let (kind, message) = match (before, after) {
        (Some(before), Some(after)) => {
            let ranges = Range::parse(before, bare).zip(Range::parse(after, bare));
            let kind = match ranges.map(|(old, new)| Range::relation(&old, &new)) {
                Some(Relation::Equal) => return,
                Some(Relation::Narrower) => ChangeKind::RequirementNarrowed,
                Some(Relation::Wider) => ChangeKind::RequirementWidened,
                Some(Relation::Other) | None => ChangeKind::RequirementChanged,
            };
            let message = format!(
                "needs {name} {} instead of {}",
                quoted(after),
                quoted(before)
            );
            (kind, message)
        }
        (None, Some("*")) => (ChangeKind::RequirementAdded, format!("needs {name}")),
        (None, Some(after)) => (
            ChangeKind::RequirementAdded,
            format!("needs {name} {}", quoted(after)),
        ),
        _ => (
            ChangeKind::RequirementRemoved,
            format!("no longer asks for {name}"),
        ),
    };
    changes.push(kind, Place::field(field), What::new(message, before, after));
}
