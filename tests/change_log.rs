//! `changes/`: what happened to a registry, in order and without a gap.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Place, names, snapshot};

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn head(place: &Place) -> Value {
    json(&place.path("tree/changes/head.json"))
}

/// `<change> <ref>@<version>` of every record of the head.
fn said(place: &Place) -> Vec<String> {
    let head = head(place);
    let records = head["records"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or("*").to_owned();
    records
        .map(|r| {
            let (change, pack) = (text(&r["change"]), text(&r["ref"]));
            format!("{change} {pack}@{}", text(&r["version"]))
        })
        .collect()
}

/// Everything that can happen to a version is recorded once, with the document it led to; nothing new records nothing.
#[test]
fn what_happens_is_recorded_in_order() {
    let place = Place::new();
    place.pack("chat", "chat", "1.0.0", "");
    place.pack("slack", "slack", "1.0.0", "");
    place.build();
    assert_eq!(said(&place), ["publish chat@1.0.0", "publish slack@1.0.0"]);
    let before = snapshot(&place.path("tree"));
    place.build();
    assert_eq!(snapshot(&place.path("tree")), before);

    place.pack("slack", "slack", "1.1.0", "");
    place.build();
    let tree = ["--tree", "tree"];
    let reason = ["--reason", "cuts messages"];
    let run = |command: &[&str], more: &[&str]| {
        place.run(&[command, &tree, more].concat(), 0);
    };
    run(&["pack", "yank", "slack@1.1.0"], &reason);
    run(&["pack", "yank", "slack@1.1.0"], &reason);
    run(&["pack", "unyank", "slack@1.1.0"], &[]);
    run(&["pack", "deprecate", "chat"], &["--successor", "slack"]);
    run(
        &["registry", "takedown", "slack@1.1.0"],
        &["--reason", "not ours", "--yes"],
    );
    assert_eq!(
        said(&place),
        [
            "publish chat@1.0.0",
            "publish slack@1.0.0",
            "publish slack@1.1.0",
            "yank slack@1.1.0",
            "unyank slack@1.1.0",
            "deprecate chat@*",
            "takedown slack@1.1.0",
        ]
    );
    let head = head(&place);
    assert_eq!(head["next"], 7);
    assert_eq!(head.get("since"), None);
    let last = &head["records"][6];
    assert_eq!(last["number"], 6);
    let packs = json(&place.path("tree/packs.json"));
    assert_eq!(last["document"], packs["packs"]["slack"]["document"]);
    place.run(&["registry", "check", "tree"], 0);
}

/// A full segment is sealed under the name of its digest, and stays as it is.
#[test]
fn a_full_segment_is_sealed() {
    let place = Place::new();
    for number in 0..515 {
        let name = format!("p{number:03}");
        place.pack(&name, &name, "1.0.0", "");
    }
    place.build();
    let sealed = head(&place)["segments"].clone();
    assert_eq!(sealed.as_array().unwrap().len(), 1);
    assert_eq!(said(&place).len(), 3);
    let digest = sealed[0]["digest"].as_str().unwrap();
    let name = format!("0-{}.json", digest.trim_start_matches("sha256:"));
    let segment = json(&place.path("tree/changes").join(name));
    assert_eq!(segment["records"][511]["ref"], "p511");

    place.pack("p000", "p000", "1.1.0", "");
    place.build();
    assert_eq!(head(&place)["segments"], sealed);
    assert_eq!(said(&place).last().unwrap(), "publish p000@1.1.0");
    place.run(&["registry", "check", "tree"], 0);
}

/// A run that was cut between the record and the lists is finished by the next one: its records stay, the same is said
/// again of what came about, and nothing is left that the head does not name.
#[test]
fn a_cut_run_loses_no_record() {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    place.build();
    let old: Vec<(String, Vec<u8>)> = ["index.json", "packs.json", "registry.json"]
        .map(|name| {
            let path = format!("tree/{name}");
            let bytes = fs::read(place.path(&path)).unwrap();
            (path, bytes)
        })
        .into();
    place.pack("slack", "slack", "1.1.0", "");
    place.build();
    for (path, bytes) in &old {
        fs::write(place.path(path), bytes).unwrap();
    }
    fs::create_dir(place.path("tree.state/staging")).unwrap();
    let stray = format!("tree/changes/0-{}.json", "0".repeat(64));
    fs::write(place.path(&stray), b"{}").unwrap();
    place.build();
    assert_eq!(
        json(&place.path("tree/packs.json"))["packs"]["slack"]["version"],
        "1.1.0"
    );
    assert_eq!(
        said(&place),
        [
            "publish slack@1.0.0",
            "publish slack@1.1.0",
            "publish slack@1.1.0"
        ]
    );
    assert!(!place.path(&stray).exists());
    place.run(&["registry", "check", "tree"], 0);
}

/// A tree that is older than its records says since when they count.
#[test]
fn an_older_tree_says_since_when() {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    place.build();
    fs::remove_dir_all(place.path("tree/changes")).unwrap();
    place.build();
    assert!(!place.path("tree/changes").exists(), "nothing happened");
    place.pack("slack", "slack", "1.1.0", "");
    place.build();
    assert_eq!(said(&place), ["publish slack@1.1.0"]);
    assert_eq!(head(&place)["since"], head(&place)["records"][0]["at"]);
    assert_eq!(names(place.path("tree/changes")), ["head.json"]);
    place.run(&["registry", "check", "tree"], 0);
}

/// A head that is no document stops a change before anything is written.
#[test]
fn a_damaged_head_stops_the_change() {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    place.build();
    fs::write(place.path("tree/changes/head.json"), b"{").unwrap();
    let before = snapshot(&place.path("tree"));
    place.pack("slack", "slack", "1.1.0", "");
    let run = place.run(&["registry", "build", "packs", "--out", "tree"], 1);
    assert!(run.stderr.contains("changes/head.json"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    assert_eq!(snapshot(&place.path("tree")), before);
}
