//! Properties that hold for any two documents.

#![expect(clippy::unwrap_used, reason = "a broken fixture fails its test")]

use std::collections::BTreeMap;

use pack_diff::{Bump, Change, ChangeKind, Severity, compare};
use pack_format::documents::{Component, Components, Parameter, VersionDocument};
use pack_format::entry::Dependencies;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(1)),
        Just(json!("x")),
        Just(json!(true)),
        Just(json!(["a"])),
    ]
}

fn value_type() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(""),
        Just("string"),
        Just("integer"),
        Just("number"),
        Just("string or null"),
        Just("array"),
        Just("array of integer"),
        Just("array of number"),
        Just("any"),
    ]
    .prop_map(str::to_owned)
}

fn leaf() -> impl Strategy<Value = Parameter> {
    let limits = btree_map(
        prop_oneof![
            Just("minimum"),
            Just("maximum"),
            Just("pattern"),
            Just("uniqueItems")
        ]
        .prop_map(str::to_owned),
        prop_oneof![
            Just(json!(1)),
            Just(json!(2)),
            Just(json!("p")),
            Just(json!(false))
        ],
        0..3,
    );
    (
        "[abc]",
        value_type(),
        any::<(bool, bool)>(),
        option::of(value()),
        vec(value(), 0..3),
        limits,
        "[de]?",
    )
        .prop_map(
            |(name, value_type, (required, secret), default, allowed, limits, description)| {
                Parameter {
                    name,
                    value_type,
                    required,
                    secret,
                    default,
                    allowed,
                    limits,
                    properties: Vec::new(),
                    description,
                }
            },
        )
}

fn rows() -> impl Strategy<Value = Vec<Parameter>> {
    vec(
        (leaf(), vec(leaf(), 0..2)).prop_map(|(row, properties)| Parameter { properties, ..row }),
        0..4,
    )
}

fn component() -> impl Strategy<Value = Component> {
    let texts = (
        "[pqrs]",
        option::of("[lm]"),
        "[de]?",
        option::of("[xy]"),
        option::of("[xy]"),
    );
    let references = (
        vec("[tu]", 0..3),
        option::of("[tu]"),
        option::of("[tu]"),
        any::<bool>(),
    );
    (texts, references, rows(), rows()).prop_map(
        |(
            (name, label, description, runner_type, entry_point),
            (trigger_types, trigger_ref, action_ref, disabled),
            parameters,
            output,
        )| {
            Component {
                name,
                label,
                description,
                disabled,
                runner_type,
                entry_point,
                parameters,
                output,
                trigger_types,
                trigger_ref,
                action_ref,
                tasks: Vec::new(),
            }
        },
    )
}

fn components() -> impl Strategy<Value = Components> {
    let list = || vec(component(), 0..3);
    (list(), list(), list(), list(), list()).prop_map(
        |(actions, sensors, triggers, rules, workflows)| Components {
            actions,
            sensors,
            triggers,
            rules,
            workflows,
        },
    )
}

fn requirement() -> impl Strategy<Value = Option<String>> {
    option::of(
        prop_oneof![
            Just("3.8"),
            Just(">=3.8"),
            Just(">=3.9,<4"),
            Just("~=3.9"),
            Just("odd"),
            Just("*")
        ]
        .prop_map(str::to_owned),
    )
}

fn dependencies() -> impl Strategy<Value = Option<Dependencies>> {
    let pack = prop_oneof![
        Just("core"),
        Just("core@^1.2"),
        Just("core@>=1.2,<2"),
        Just("core@^1.3"),
        Just("core@2.0.0"),
        Just("aws@^1.0.0-rc.1"),
        Just("aws@^1.0.0"),
    ];
    option::of((requirement(), requirement(), vec(pack, 0..3)).prop_map(
        |(attune_version, python_version, packs)| Dependencies {
            attune_version,
            python_version,
            nodejs_version: None,
            packs: packs.into_iter().map(|p| p.parse().unwrap()).collect(),
        },
    ))
}

fn document() -> impl Strategy<Value = VersionDocument> {
    let version = prop_oneof![
        Just("1.0.0"),
        Just("1.1.0"),
        Just("2.0.0"),
        Just("0.1.0"),
        Just("2.0.0-rc.1")
    ];
    let runtime =
        prop_oneof![Just("python3>=3.8"), Just("python3"), Just("curl")].prop_map(str::to_owned);
    (
        version,
        components(),
        rows(),
        dependencies(),
        (requirement(), vec(runtime, 0..3), "[LM]", vec("[kl]", 0..2)),
    )
        .prop_map(|(version, components, configuration, dependencies, rest)| {
            let empty = json!({
                "version": version, "published_at": "2026-01-01T00:00:00Z", "label": "l", "author": "a",
                "license": rest.2, "file_count": 0, "unpacked_bytes": 0, "components": {},
            });
            VersionDocument {
                components,
                configuration,
                dependencies,
                python: rest.0,
                runtime_deps: rest.1,
                keywords: rest.3,
                ..serde_json::from_value(empty).unwrap()
            }
        })
}

/// A change as it must be seen from the other side. Names of renamed components are left out: each side
/// uses the older one.
fn mirrored(
    change: &Change,
    renamed: &BTreeMap<String, String>,
) -> (Vec<ChangeKind>, String, Option<String>, String, String) {
    let name = change.component.as_ref().map_or(String::new(), |c| {
        renamed
            .get(&c.name)
            .cloned()
            .unwrap_or_else(|| c.name.clone())
    });
    let text = |value: &Option<Value>| value.as_ref().map_or(String::new(), Value::to_string);
    (
        change.kind.inverses().to_vec(),
        name,
        change.field.clone(),
        text(&change.new),
        text(&change.old),
    )
}

fn renames(changes: &[Change]) -> BTreeMap<String, String> {
    let text = |value: &Option<Value>| {
        value
            .as_ref()
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    changes
        .iter()
        .filter(|c| c.kind == ChangeKind::ComponentRenamed)
        .map(|c| (text(&c.old), text(&c.new)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Nothing differs from itself, and no bump is asked for.
    #[test]
    fn a_document_equals_itself(a in document()) {
        let diff = compare(&a, &a);
        prop_assert_eq!(&diff.changes, &Vec::new());
        prop_assert_eq!(diff.verdict.required, Bump::None);
        prop_assert!(diff.verdict.satisfied);
    }

    /// What is seen in one direction is seen in the other, as one of its inverses with swapped values.
    #[test]
    fn every_change_is_seen_from_both_sides(a in document(), b in document()) {
        let (forth, back) = (compare(&a, &b), compare(&b, &a));
        prop_assert_eq!(forth.changes.len(), back.changes.len());
        let renamed = renames(&forth.changes);
        let mut waiting: Vec<&Change> = back.changes.iter().collect();
        for change in &forth.changes {
            let (kinds, name, field, old, new) = mirrored(change, &renamed);
            let found = waiting.iter().position(|other| {
                let text = |value: &Option<Value>| value.as_ref().map_or(String::new(), Value::to_string);
                let other_name = other.component.as_ref().map_or(String::new(), |c| c.name.clone());
                kinds.contains(&other.kind)
                    && other_name == name
                    && other.field == field
                    && text(&other.old) == old
                    && text(&other.new) == new
            });
            let Some(found) = found else {
                return Err(TestCaseError::fail(format!("{change:?} is not seen from the other side: {:#?}", back.changes)));
            };
            waiting.swap_remove(found);
        }
    }

    /// The order of changes is a function of the changes: the worst first, and the order of rows says nothing.
    #[test]
    fn order_is_stable(a in document(), mut b in document()) {
        let diff = compare(&a, &b);
        prop_assert!(diff.changes.is_sorted_by_key(|c| c.severity));
        let mut names = std::collections::BTreeSet::new();
        let unique = b.configuration.iter().all(|row| names.insert(row.name.clone()));
        prop_assume!(unique);
        b.configuration.reverse();
        prop_assert_eq!(&compare(&a, &b).changes, &diff.changes);
    }

    /// The verdict is what the worst change asks for, and the suggested version satisfies it.
    #[test]
    fn suggested_version_is_honest(a in document(), b in document()) {
        let diff = compare(&a, &b);
        let suggested = VersionDocument { version: diff.verdict.suggested.clone(), ..b };
        let again = compare(&a, &suggested);
        prop_assert!(again.verdict.satisfied);
        let breaking = diff.of(Severity::Breaking).count() > 0;
        let stable = a.version.as_semver().major > 0;
        prop_assert_eq!(diff.verdict.required == Bump::Major, breaking && stable);
    }
}
