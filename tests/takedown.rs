//! `registry takedown`: a version goes for good, and its name stays taken.

use std::fs;

use serde_json::Value;

use crate::support::{Place, snapshot};

const URL: &str = "https://packs.example.org/";
const ARCHIVE: &str = "tree/archives/slack/slack-1.1.0.tar.gz";
const TAKE: [&str; 7] = [
    "registry",
    "takedown",
    "slack@1.1.0",
    "--tree",
    "tree",
    "--reason",
    "ships somebody's code",
];

fn build(place: &Place, code: i32) -> String {
    let args = [
        "registry",
        "build",
        "packs",
        "--out",
        "tree",
        "--base-url",
        URL,
    ];
    place.run(&args, code).stderr
}

/// Two versions of one pack, in a tree.
fn place() -> Place {
    let place = Place::new();
    for version in ["1.0.0", "1.1.0"] {
        place.pack("slack", "slack", version, "");
        build(&place, 0);
    }
    place
}

fn document(place: &Place) -> Value {
    serde_json::from_slice(&fs::read(place.path("tree/packs/slack.json")).unwrap()).unwrap()
}

/// The archive is gone, the version is listed as taken down, the older one is offered; twice writes nothing.
#[test]
fn takedown_removes_a_version_for_good() {
    let place = place();
    let asked = [&TAKE[..], &["--yes"]].concat();
    let run = place.run(&asked, 0);
    assert_eq!(run.stdout, "✓ `slack@1.1.0` is taken down\n");
    assert!(!place.path(ARCHIVE).exists());
    let version = document(&place)["versions"][0].clone();
    assert_eq!(version["version"], "1.1.0");
    assert_eq!(version["taken_down"]["reason"], "ships somebody's code");
    assert_eq!(
        version["yanked"]["reason"],
        "taken down: ships somebody's code"
    );
    assert!(
        version["archive"].is_null() && version["taken_down"]["archive"]["checksum"].is_string()
    );
    let index = fs::read_to_string(place.path("tree/index.json")).unwrap();
    assert!(
        index.contains("slack-1.0.0.tar.gz") && !index.contains("slack-1.1.0"),
        "{index}"
    );
    let page = fs::read_to_string(place.path("tree/packs/slack/index.html")).unwrap();
    assert!(page.contains("taken down") && !page.contains("slack-1.1.0.tar.gz"));
    place.run(&["registry", "check", "tree", "--strict"], 0);
    let log = fs::read_to_string(place.path("tree.state/takedowns.jsonl")).unwrap();
    let line: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&line["ref"], &line["version"]),
        (&Value::from("slack"), &Value::from("1.1.0"))
    );

    let before = snapshot(&place.path("tree"));
    let again = place.run(&asked, 0);
    assert_eq!(again.stdout, "✓ `slack@1.1.0` is taken down already\n");
    assert_eq!(before, snapshot(&place.path("tree")));

    let install = ["pack", "install", "slack@1.1.0", "--registry", "tree"];
    let refused = place.run(&install, 3);
    assert!(
        refused.stderr.contains("taken down: ships somebody's code"),
        "{}",
        refused.stderr
    );
    place.run(&["pack", "install", "slack", "--registry", "tree"], 0);
}

/// Its directory does not bring it back, with the same bytes or others; a new version is welcome.
#[test]
fn takedown_is_not_undone_by_a_build() {
    let place = place();
    place.run(&[&TAKE[..], &["--yes"]].concat(), 0);
    let before = snapshot(&place.path("tree"));
    for readme in [None, Some("# Other bytes\n")] {
        if let Some(text) = readme {
            fs::write(place.path("packs/slack/README.md"), text).unwrap();
        }
        let refused = build(&place, 1);
        assert!(
            refused.contains("holds `slack@1.1.0`, which was taken down"),
            "{refused}"
        );
        let dev = place.run(&["registry", "build", "packs", "--out", "tree", "--dev"], 1);
        assert!(
            dev.stderr.contains("which was taken down"),
            "{}",
            dev.stderr
        );
        assert_eq!(before, snapshot(&place.path("tree")));
    }
    let unyank = place.run(&["pack", "unyank", "slack@1.1.0", "--tree", "tree"], 1);
    assert!(
        unyank.stderr.contains("`slack@1.1.0` was taken down"),
        "{}",
        unyank.stderr
    );
    assert_eq!(before, snapshot(&place.path("tree")));
    place.pack("slack", "slack", "1.2.0", "");
    build(&place, 0);
    let versions = document(&place)["versions"].clone();
    assert_eq!(versions[0]["version"], "1.2.0");
    assert!(versions[1]["taken_down"].is_object());
    place.run(&["registry", "check", "tree", "--strict"], 0);
}

/// Without `--yes`, of what is not listed, and of no tree: refused, and nothing changes.
#[test]
fn takedown_refuses_and_changes_nothing() {
    let place = place();
    let before = snapshot(&place.path("tree"));
    let asked = place.run(&TAKE, 2);
    assert!(
        asked.stderr.contains("`attune pack yank` only hides it"),
        "{}",
        asked.stderr
    );
    for what in ["slack@9.9.9", "nobody"] {
        place.run(
            &[
                "registry", "takedown", what, "--tree", "tree", "--reason", "x", "--yes",
            ],
            1,
        );
    }
    place.run(
        &[
            "registry", "takedown", "slack", "--tree", "none", "--reason", "x", "--yes",
        ],
        1,
    );
    assert_eq!(before, snapshot(&place.path("tree")));
    assert!(!place.path("tree.state/takedowns.jsonl").exists() && !place.path("none").exists());
    // Every version of a pack at once.
    place.run(
        &[
            "registry", "takedown", "slack", "--tree", "tree", "--reason", "x", "--yes",
        ],
        0,
    );
    assert!(!place.path(ARCHIVE).exists());
    assert!(
        !place
            .path("tree/archives/slack/slack-1.0.0.tar.gz")
            .exists()
    );
    place.run(&["registry", "check", "tree", "--strict"], 0);
}
