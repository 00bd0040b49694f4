//! `docs/registry-format.md` names every field there is, and none that there is not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::support::{Place, project};

/// Structs that are written to documents: source file, name, and the heading under which their fields stand.
const STRUCTS: [(&str, &str, &str); 22] = [
    ("index/mod.rs", "Index", "`index.json`"),
    ("entry.rs", "IndexEntry", "Entry"),
    ("entry.rs", "Contents", "Contents"),
    ("entry.rs", "ContentItem", "Content item"),
    ("entry.rs", "Dependencies", "Dependencies"),
    ("source.rs", "WireSource", "Install source"),
    ("documents.rs", "RegistryDocument", "`registry.json`"),
    ("documents.rs", "PacksDocument", "`packs.json`"),
    ("documents.rs", "PackPointer", "Pointer"),
    ("documents.rs", "PackDocument", "`packs/<ref>.json`"),
    ("statistics.rs", "StatisticsDocument", "`statistics.json`"),
    ("statistics.rs", "PackDownloads", "Downloads"),
    ("documents.rs", "Deprecation", "Deprecation"),
    ("documents.rs", "VersionDocument", "Version"),
    ("documents.rs", "Yank", "Yank"),
    ("patch.rs", "MetadataPatch", "Patch"),
    ("documents.rs", "ArchiveRecord", "Archive"),
    ("documents.rs", "IconRecord", "Icon"),
    ("documents.rs", "Components", "Components"),
    ("documents.rs", "Component", "Component"),
    ("documents.rs", "Task", "Task"),
    ("documents.rs", "Parameter", "Parameter"),
];

/// The first cells of the tables of the page, by heading.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(project().join("docs/registry-format.md")).unwrap();
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut heading = String::new();
    for line in text.lines() {
        if let Some(title) = line.trim_start_matches('#').strip_prefix(' ')
            && line.starts_with('#')
        {
            title.clone_into(&mut heading);
        } else if let Some((name, _)) = line
            .strip_prefix("| `")
            .and_then(|rest| rest.split_once("` |"))
        {
            let is_new = tables
                .entry(heading.clone())
                .or_default()
                .insert(name.to_owned());
            assert!(is_new, "{heading}: `{name}` twice");
        }
    }
    tables
}

/// Names of the fields of a struct as JSON has them.
fn fields(file: &str, name: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(project().join("crates/pack-format/src").join(file)).unwrap();
    let (_, rest) = text
        .split_once(&format!("\npub struct {name} {{\n"))
        .unwrap();
    let (body, _) = rest.split_once("\n}\n").unwrap();
    let mut found = BTreeSet::new();
    let mut renamed = None;
    for line in body.lines().map(str::trim) {
        if let Some((_, rest)) = line.split_once("rename = \"") {
            renamed = rest.split_once('"').map(|(name, _)| name.to_owned());
        } else if let Some((field, _)) = line
            .strip_prefix("pub ")
            .and_then(|rest| rest.split_once(':'))
        {
            found.insert(renamed.take().unwrap_or_else(|| field.to_owned()));
        }
    }
    assert!(found.len() > 1, "{name}");
    found
}

#[test]
fn fields_of_the_page_are_those_of_the_code() {
    let documented = documented();
    for (file, name, heading) in STRUCTS {
        let rows = documented
            .get(heading)
            .unwrap_or_else(|| panic!("no table under `{heading}`"));
        assert_eq!(*rows, fields(file, name), "`{heading}`");
    }
}

/// Every key that occurs in the example registry stands on the page, in whatever table.
#[test]
fn keys_of_a_built_tree_are_on_the_page() {
    let place = Place::new();
    let packs = project().join("registry-example/packs");
    place.run(
        &[
            "registry",
            "build",
            packs.to_str().unwrap(),
            "--out",
            "tree",
            "--base-url",
            "https://packs.example.org/",
        ],
        0,
    );
    place.run(
        &[
            "pack",
            "yank",
            "slack@2.0.0",
            "--tree",
            "tree",
            "--reason",
            "r",
        ],
        0,
    );
    place.run(
        &[
            "pack",
            "deprecate",
            "monitoring",
            "--tree",
            "tree",
            "--successor",
            "core",
        ],
        0,
    );
    let names: BTreeSet<String> = documented().into_values().flatten().collect();
    let mut found = BTreeSet::new();
    for file in [
        "index.json",
        "registry.json",
        "packs.json",
        "packs/slack.json",
        "packs/core.json",
        "packs/aws.json",
        "packs/monitoring.json",
    ] {
        let text = fs::read(place.path("tree").join(file)).unwrap();
        keys(&serde_json::from_slice(&text).unwrap(), &mut found);
    }
    assert!(found.len() > 50, "{found:?}");
    let unknown: Vec<_> = found.difference(&names).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// Files of a built tree match the patterns of the page's first table.
#[test]
fn files_of_a_built_tree_are_on_the_page() {
    let place = Place::new();
    place.pack("alpha", "alpha", "1.0.0", "keywords: [k]\n");
    place.build();
    let patterns = &documented()["Files"];
    let files = crate::support::snapshot(&place.path("tree"));
    let is_archive = |name: &str| name.starts_with("archives/");
    let is_file = |name: &&String| place.path("tree").join(name).is_file();
    for name in files.keys().filter(is_file) {
        let plain = name
            .strip_suffix(".zst")
            .or_else(|| name.strip_suffix(".gz").filter(|_| !is_archive(name)));
        let name = plain.unwrap_or(name);
        assert!(
            patterns.iter().any(|pattern| matches(pattern, name)),
            "`{name}` is not on the page"
        );
    }
}

/// Whether a name is as a pattern says, where `<…>` stands for anything without a slash.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('<') else {
        return pattern == name;
    };
    let (_, after) = rest.split_once('>').unwrap();
    let Some(name) = name.strip_prefix(before) else {
        return false;
    };
    let end = name.find('/').unwrap_or(name.len());
    (1..=end).any(|i| name.is_char_boundary(i) && matches(after, &name[i..]))
}

/// Keys of all objects; those of free-form members and of maps keyed by names are not fields.
fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                found.insert(name.clone());
                match (name.as_str(), member) {
                    ("meta" | "limits" | "default" | "component_counts", _) => {}
                    ("packs", Value::Object(by_ref)) => {
                        by_ref.values().for_each(|v| keys(v, found));
                    }
                    _ => keys(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}
