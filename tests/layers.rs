//! Crates depend downwards only (`docs/adr/0001-crates-and-layers.md`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::support::project;

/// Every crate of the workspace and its layer; within layer 1 the ones on the right may be used.
const LAYERS: [(&str, &str, u8, &[&str]); 16] = [
    ("crates/pack-format", "pack-format", 0, &[]),
    ("crates/pack-fs", "pack-fs", 1, &[]),
    ("crates/pack-archive", "pack-archive", 1, &["pack-fs"]),
    ("crates/registry-tree", "registry-tree", 1, &["pack-fs"]),
    (
        "crates/registry-pages",
        "registry-pages",
        1,
        &["pack-diff", "pack-search"],
    ),
    (
        "crates/pack-client",
        "pack-client",
        1,
        &["pack-fs", "pack-search"],
    ),
    (
        "crates/pack-git",
        "pack-git",
        1,
        &["pack-fs", "pack-archive", "pack-client"],
    ),
    ("crates/pack-resolve", "pack-resolve", 1, &[]),
    ("crates/pack-diff", "pack-diff", 1, &[]),
    ("crates/pack-check", "pack-check", 1, &["pack-resolve"]),
    ("crates/pack-runtime", "pack-runtime", 1, &["pack-fs"]),
    ("crates/pack-search", "pack-search", 1, &[]),
    ("indexer", "attune-indexer", 2, &[]),
    ("installer", "attune-installer", 2, &[]),
    ("server", "attune-server", 3, &[]),
    ("cli", "attune", 4, &[]),
];

/// What only some crates may know.
const RESERVED: [(&str, &[&str]); 5] = [
    (
        "tokio",
        &["attune-server", "attune-installer", "pack-client", "attune"],
    ),
    ("hyper", &["attune-server"]),
    ("reqwest", &["pack-client"]),
    ("minijinja", &["registry-pages"]),
    ("clap", &["attune"]),
];

/// Libraries that read arguments, ask or draw on a terminal, or take signals: what installs and what serves is driven over
/// HTTP as well as from a shell.
const OF_TERMINALS: [&str; 5] = ["clap", "comfy-table", "ctrlc", "indicatif", "rpassword"];

/// Names in the `[dependencies]` table of a manifest.
fn dependencies(manifest: &str) -> Vec<String> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// No crate uses one above it, beside it without permission, or a library that is not its business.
#[test]
fn crates_depend_downwards_only() {
    let layers: BTreeMap<&str, u8> = LAYERS
        .iter()
        .map(|(_, name, layer, _)| (*name, *layer))
        .collect();
    let mut wrong = Vec::new();
    for (folder, name, layer, beside) in LAYERS {
        let manifest = fs::read_to_string(project().join(folder).join("Cargo.toml")).unwrap();
        for dependency in dependencies(&manifest) {
            if let Some(other) = layers.get(dependency.as_str()) {
                let downwards = *other < layer || beside.contains(&dependency.as_str());
                if !downwards {
                    wrong.push(format!(
                        "{name} (layer {layer}) uses {dependency} (layer {other})"
                    ));
                }
            }
            for (library, users) in RESERVED {
                if dependency == library && !users.contains(&name) {
                    wrong.push(format!(
                        "{name} uses {library}, which is reserved for {users:?}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Everything a package is built of, itself included, by `Cargo.lock`.
fn parts(lock: &str, package: &str) -> BTreeSet<String> {
    let needs: BTreeMap<&str, Vec<&str>> = lock
        .split("[[package]]")
        .skip(1)
        .filter_map(|block| {
            let (_, rest) = block.split_once("name = \"")?;
            let (name, rest) = rest.split_once('"')?;
            let list = rest.split_once("dependencies = [").map_or("", |(_, l)| l);
            // An entry is a name, with a version where there are several.
            let entries = list
                .lines()
                .filter_map(|line| line.trim().strip_prefix('"')?.split([' ', '"']).next());
            Some((name, entries.collect()))
        })
        .collect();
    let mut found = BTreeSet::new();
    let mut open = vec![package];
    while let Some(name) = open.pop() {
        if found.insert(name.to_owned()) {
            open.extend(needs.get(name).into_iter().flatten());
        }
    }
    found
}

/// The binary alone knows of terminals.
#[test]
fn terminals_are_the_business_of_the_binary() {
    let lock = fs::read_to_string(project().join("Cargo.lock")).unwrap();
    let wanted: BTreeSet<String> = OF_TERMINALS.map(str::to_owned).into();
    assert!(parts(&lock, "attune").is_superset(&wanted));
    for (_, name, layer, _) in LAYERS.iter().filter(|(_, _, layer, _)| *layer < 4) {
        let parts = parts(&lock, name);
        let known: Vec<_> = parts.intersection(&wanted).collect();
        assert!(known.is_empty(), "{name} (layer {layer}) uses {known:?}");
        assert!(*name != "attune-installer" || parts.contains("tokio"));
    }
}

/// The list above is the workspace.
#[test]
fn every_crate_has_a_layer() {
    let workspace = fs::read_to_string(project().join("Cargo.toml")).unwrap();
    let members: Vec<&str> = workspace
        .lines()
        .skip_while(|line| !line.starts_with("members"))
        .skip(1)
        .take_while(|line| !line.starts_with(']'))
        .map(|line| line.trim().trim_matches(['"', ',']))
        .collect();
    let mut listed: Vec<&str> = LAYERS.iter().map(|(folder, ..)| *folder).collect();
    let mut found = members.clone();
    listed.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, listed);
}
