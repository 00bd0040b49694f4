//! `registry merge`: several trees into one.

use std::fs;

use serde_json::Value;

use crate::support::{Place, snapshot};

/// Builds the tree `out` of one pack; its manifest says `extra`.
fn tree(place: &Place, out: &str, pack: (&str, &str), extra: &str) {
    let directory = format!("of-{out}/{}", pack.0);
    place.pack("scratch", pack.0, pack.1, extra);
    fs::create_dir_all(place.path(&format!("of-{out}"))).unwrap();
    let _ = fs::remove_dir_all(place.path(&directory));
    fs::rename(place.path("packs/scratch"), place.path(&directory)).unwrap();
    let inputs = format!("of-{out}");
    let args = [
        "registry",
        "build",
        &inputs,
        "--out",
        out,
        "--base-url",
        "https://e.org/",
    ];
    place.run(&args, 0);
}

fn merge(place: &Place, more: &[&str], code: i32) -> crate::support::Run {
    let args = [
        "registry",
        "merge",
        "a",
        "b",
        "--out",
        "all",
        "--base-url",
        "https://all.example.org/",
    ];
    place.run(&[&args[..], more].concat(), code)
}

fn document(place: &Place, pack: &str) -> Value {
    let path = place.path(&format!("all/packs/{pack}.json"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Packs of both, histories joined, withdrawals kept; the result passes the check, and twice writes nothing.
#[test]
fn merge_joins_trees_and_histories() {
    let place = Place::new();
    tree(&place, "a", ("slack", "1.0.0"), "");
    tree(&place, "a", ("core", "1.0.0"), "");
    tree(&place, "b", ("slack", "1.0.0"), "");
    tree(&place, "b", ("slack", "1.1.0"), "");
    tree(&place, "b", ("aws", "3.0.0"), "");
    let yank = [
        "pack",
        "yank",
        "slack@1.0.0",
        "--tree",
        "b",
        "--reason",
        "cuts messages",
    ];
    place.run(&yank, 0);
    let inputs = [snapshot(&place.path("a")), snapshot(&place.path("b"))];
    let merged = merge(&place, &["--json"], 0).json();
    assert_eq!(
        (&merged["packs"], &merged["versions"]),
        (&Value::from(3), &Value::from(4))
    );
    assert_eq!(
        inputs,
        [snapshot(&place.path("a")), snapshot(&place.path("b"))]
    );
    let versions = document(&place, "slack")["versions"].clone();
    assert_eq!(versions[0]["version"], "1.1.0");
    assert_eq!(versions[1]["yanked"]["reason"], "cuts messages");
    let archive = "archives/aws/aws-3.0.0.tar.gz";
    assert_eq!(
        fs::read(place.path(&format!("all/{archive}"))).unwrap(),
        fs::read(place.path(&format!("b/{archive}"))).unwrap()
    );
    place.run(&["registry", "check", "all", "--strict"], 0);
    let before = snapshot(&place.path("all"));
    let again = merge(&place, &[], 0);
    assert!(again.stdout.contains("nothing new"), "{}", again.stdout);
    assert_eq!(before, snapshot(&place.path("all")));
    // What comes later is added.
    tree(&place, "a", ("slack", "2.0.0"), "");
    merge(&place, &[], 0);
    assert_eq!(document(&place, "slack")["versions"][0]["version"], "2.0.0");
    place.run(&["registry", "check", "all", "--strict"], 0);
    place.run(&["pack", "install", "slack", "aws", "--registry", "all"], 0);
}

/// Another pack of the same name: refused unless it is allowed, and then said.
#[test]
fn merge_refuses_shadowing() {
    let place = Place::new();
    tree(&place, "a", ("slack", "1.0.0"), "");
    tree(&place, "b", ("slack", "2.0.0"), "");
    // The other one declares another repository.
    let manifest = place.path("of-b/slack/pack.yaml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        text.replace("example.org/slack", "example.org/other"),
    )
    .unwrap();
    fs::remove_dir_all(place.path("b")).unwrap();
    fs::remove_dir_all(place.path("b.state")).unwrap();
    place.run(&["registry", "build", "of-b", "--out", "b"], 0);
    let refused = merge(&place, &[], 1);
    for expected in [
        "`slack` is another pack in `a` than in `b`",
        "declares `https://example.org/other`",
        "`--allow-shadow slack`",
    ] {
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    }
    assert!(!place.path("all/packs.json").exists());
    let allowed = merge(&place, &["--allow-shadow", "slack"], 0);
    assert!(
        allowed.stderr.contains("`slack` of `b` is left out"),
        "{}",
        allowed.stderr
    );
    assert_eq!(
        document(&place, "slack")["versions"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    merge(&place, &["--on-shadow", "first"], 0);
}

/// One version with two contents, a damaged archive, no tree, itself, and somebody's folder: refused, nothing changes.
#[test]
fn merge_refuses_and_changes_nothing() {
    let place = Place::new();
    tree(&place, "a", ("slack", "1.0.0"), "");
    tree(
        &place,
        "b",
        ("slack", "1.0.0"),
        "description: Other bytes.\n",
    );
    let refused = merge(&place, &[], 1);
    let expected = "`slack@1.0.0` has other contents in `a` than in `b`\n  sha256:";
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    assert!(!place.path("all/packs.json").exists());

    tree(&place, "a", ("core", "1.0.0"), "");
    fs::write(place.path("a/archives/core/core-1.0.0.tar.gz"), "damaged").unwrap();
    let damaged = place.run(&["registry", "merge", "a", "--out", "all"], 5);
    assert!(
        damaged
            .stderr
            .contains("is not the archive its document names"),
        "{}",
        damaged.stderr
    );
    assert!(!place.path("all/packs.json").exists());

    let before = snapshot(&place.path("a"));
    place.run(&["registry", "merge", "a", "--out", "a"], 2);
    place.run(&["registry", "merge", "a", "nothing", "--out", "all"], 1);
    place.run(&["registry", "merge", "b", "--out", "of-a"], 1);
    assert_eq!(before, snapshot(&place.path("a")));
    assert!(!place.path("of-a/packs.json").exists());
}

/// A tree cannot make the merge read or write outside of both.
#[test]
fn merge_follows_no_path_out_of_a_tree() {
    let place = Place::new();
    tree(&place, "tree", ("core", "1.0.0"), "");
    fs::copy(
        place.path("tree/archives/core/core-1.0.0.tar.gz"),
        place.path("outside.tar.gz"),
    )
    .unwrap();
    for path in [
        "../outside.tar.gz",
        "archives/core/../../../outside.tar.gz",
        "archives/aws/x.tar.gz",
        "index.html",
    ] {
        crate::registry_check::repin(&place, "core", |document| {
            document["versions"][0]["archive"]["path"] = Value::from(path);
        });
        let refused = place.run(&["registry", "merge", "tree", "--out", "deep/all"], 1);
        let expected = format!("names an archive of `core` outside of itself: `{path}`");
        assert!(refused.stderr.contains(&expected), "{}", refused.stderr);
        assert!(!place.path("deep/all/packs.json").exists());
    }
}
