//! `pack yank`, `pack unyank` and `pack deprecate` on a registry tree.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::Place;

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Every file of the tree with its bytes.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.insert(path.display().to_string(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Two versions of one pack, in a tree.
fn place() -> Place {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    place.build();
    place.pack("slack", "slack", "1.1.0", "");
    place.build();
    place
}

fn listed(place: &Place) -> Value {
    json(&place.path("tree/index.json"))["packs"][0]["version"].clone()
}

const YANK: [&str; 7] = [
    "pack",
    "yank",
    "slack@1.1.0",
    "--tree",
    "tree",
    "--reason",
    "cuts messages",
];

/// A yanked version is hidden from every index and from the installer, its archive stays; unyank is the way back.
#[test]
fn yank_hides_a_version_and_unyank_shows_it() {
    let place = place();
    assert_eq!(listed(&place), "1.1.0");
    let archives = files(&place.path("tree/archives"));
    let run = place.run(&YANK, 0);
    assert_eq!(run.stdout, "✓ `slack@1.1.0` is yanked\n");
    assert_eq!(listed(&place), "1.0.0");
    let packs = json(&place.path("tree/packs.json"));
    assert_eq!(packs["packs"]["slack"]["version"], "1.0.0");
    let document = json(&place.path("tree/packs/slack.json"));
    assert_eq!(document["versions"][0]["yanked"]["reason"], "cuts messages");
    let page = fs::read_to_string(place.path("tree/packs/slack/index.html")).unwrap();
    assert!(page.contains("yanked"), "{page}");
    assert_eq!(files(&place.path("tree/archives")), archives);
    place.run(&["pack", "install", "slack", "--registry", "tree"], 0);
    let installed = place.run(&["pack", "list", "--json"], 0).json();
    assert_eq!(installed[0]["version"], "1.0.0");

    let before = files(&place.path("tree"));
    let again = place.run(&YANK, 0);
    assert_eq!(again.stdout, "✓ `slack@1.1.0` is yanked already\n");
    assert_eq!(files(&place.path("tree")), before);

    let back = place.run(
        &["pack", "unyank", "slack@1.1.0", "--tree", "tree", "--json"],
        0,
    );
    assert_eq!(back.json()["changed"], true);
    assert_eq!(listed(&place), "1.1.0");
}

/// What was said of the tree survives builds, with and without an operator's file that does not repeat it.
#[test]
fn yank_survives_the_next_build() {
    let place = place();
    place.run(&YANK, 0);
    place.build();
    assert_eq!(listed(&place), "1.0.0");
    fs::write(place.path("packs/registry.yaml"), "name: Packs\n").unwrap();
    place.build();
    assert_eq!(listed(&place), "1.0.0");
    place.pack("slack", "slack", "1.2.0", "");
    place.build();
    assert_eq!(listed(&place), "1.2.0");
    let document = json(&place.path("tree/packs/slack.json"));
    assert_eq!(document["versions"][1]["yanked"]["on_tree"], true);
}

/// A deprecation names a successor, and can be taken back.
#[test]
fn deprecate_says_what_to_use_instead() {
    let place = place();
    let arguments = [
        "pack",
        "deprecate",
        "slack",
        "--tree",
        "tree",
        "--successor",
        "chat",
        "--reason",
        "renamed",
    ];
    assert_eq!(place.run(&arguments, 0).stdout, "✓ `slack` is deprecated\n");
    let deprecated = &json(&place.path("tree/packs/slack.json"))["deprecated"];
    assert_eq!(deprecated["successor"], "chat");
    place.run(
        &["pack", "deprecate", "slack", "--tree", "tree", "--undo"],
        0,
    );
    let document = json(&place.path("tree/packs/slack.json"));
    assert!(document.get("deprecated").is_none(), "{document}");
}

/// What cannot be is said, and nothing changes.
#[test]
fn wrong_names_change_nothing() {
    let place = place();
    let before = files(&place.path("tree"));
    let refused = |arguments: &[&str], code: i32, expected: &str| {
        let run = place.run(arguments, code);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
        assert_eq!(files(&place.path("tree")), before);
    };
    let yank = |what| ["pack", "yank", what, "--tree", "tree", "--reason", "x"];
    refused(
        &yank("slack@3.0.0"),
        1,
        "the registry tree lists no `slack@3.0.0`\n  listed: 1.1.0, 1.0.0\n",
    );
    refused(
        &yank("chat@1.0.0"),
        1,
        "the registry tree lists no pack `chat`\n",
    );
    refused(&yank("slack"), 2, "write it like this: `slack@2.1.0`");
    refused(
        &[
            "pack",
            "deprecate",
            "slack",
            "--tree",
            "tree",
            "--successor",
            "slack",
        ],
        2,
        "`slack` cannot be its own successor",
    );
    let run = place.run(
        &[
            "pack",
            "yank",
            "slack@1.0.0",
            "--tree",
            "packs",
            "--reason",
            "x",
        ],
        1,
    );
    assert!(
        run.stderr.contains("`packs` is no registry tree"),
        "{}",
        run.stderr
    );
    assert!(!place.path("packs.state").exists());
}
