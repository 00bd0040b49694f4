//! `pack outdated` and `pack update`: how far packs may move, what is said first, and that refusals change nothing.

use std::fs;

use serde_json::json;

use crate::support::{Place, snapshot};

/// `slack` 1.0.0, 1.1.0 and 2.0.0 (which has lost an action), `core` alone, and `monitor` that needs `slack@^1`; the oldest
/// are installed.
fn installed() -> Place {
    let place = Place::new();
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        place.pack(&format!("slack-{version}"), "slack", version, "");
    }
    fs::remove_dir_all(place.path("packs/slack-2.0.0/actions")).unwrap();
    place.pack("core", "core", "1.0.0", "");
    place.pack(
        "monitor",
        "monitor",
        "1.0.0",
        "dependencies: [\"slack@>=1\"]\n",
    );
    place.build();
    place.pack_run(&["install", "slack@1.0.0", "core", "--registry", "tree"], 0);
    place
}

impl Place {
    fn outdated(&self, args: &[&str]) -> serde_json::Value {
        let all = [&["outdated", "--registry", "tree", "--json"], args].concat();
        self.pack_run(&all, 0).json()
    }
}

/// Where an update would go, what there is, and why one is not the other.
#[test]
fn outdated_packs_are_listed_with_reasons() {
    let place = installed();
    assert_eq!(
        place.outdated(&[]),
        json!([{"ref": "slack", "installed": "1.0.0", "wanted": "1.1.0", "latest": "2.0.0", "bump": "major",
                "policy": "minor", "current": false, "notes": ["policy `minor`"]}])
    );
    assert_eq!(place.outdated(&["--all"]).as_array().unwrap().len(), 2);
    let run = place.pack_run(&["outdated", "--registry", "tree", "--exit-code"], 1);
    assert!(
        run.stdout.contains("slack") && run.stderr.starts_with("error: 1 pack is not current\n"),
        "{run:?}"
    );
    let run = place.pack_run(
        &["outdated", "core", "--registry", "tree", "--exit-code"],
        0,
    );
    assert_eq!(run.stdout, "✓ Every pack is current\n");
    fs::write(place.path("packs.yaml"), "packs: {slack: \">=2\"}\n").unwrap();
    assert_eq!(place.outdated(&[])[0]["wanted"], "2.0.0");
}

/// What holds a pack back, and what its registry says against it.
#[test]
fn outdated_notes_name_what_holds_a_pack() {
    let place = installed();
    place.pack("bot", "bot", "1.0.0", "dependencies: [\"slack@^1\"]\n");
    place.build();
    place.install("bot");
    for args in [
        ["yank", "slack@1.0.0", "--reason", "leaks"],
        ["deprecate", "slack", "--successor", "chat"],
    ] {
        place.run(&[&["pack"], &args[..], &["--tree", "tree"]].concat(), 0);
    }
    let rows = place.outdated(&["slack"]);
    assert_eq!(
        rows[0]["notes"],
        json!([
            "the installed version is yanked: leaks",
            "deprecated; use `chat`",
            "`bot@1.0.0` needs `slack@^1`"
        ])
    );
    let run = place.pack_run(&["update", "--to", "major", "--registry", "tree"], 0);
    assert!(
        run.stdout.contains("~ slack 1.0.0 -> 1.1.0 (minor)\n"),
        "{run:?}"
    );
    assert_eq!(place.active("slack").as_deref(), Some("1.1.0"));
}

/// A dry run says what an update does; the update is one generation, and can be undone.
#[test]
fn update_does_what_its_dry_run_says() {
    let place = installed();
    let state = place.path("installed/.attune/generations");
    let before = snapshot(&state);
    let run = place.pack_run(&["update", "--dry-run", "--registry", "tree"], 0);
    assert_eq!(
        run.stdout,
        "~ slack 1.0.0 -> 1.1.0 (minor)\nnothing was changed (--dry-run)\n"
    );
    let dry = [
        "update",
        "--dry-run",
        "--to",
        "major",
        "--registry",
        "tree",
        "--json",
    ];
    let run = place.pack_run(&dry, 0);
    assert_eq!(run.json()["packs"][0]["bump"], "major");
    assert!(
        run.stderr
            .contains("⚠ `slack` 1.0.0 -> 2.0.0 breaks users: action `run`"),
        "{run:?}"
    );
    assert_eq!(snapshot(&state), before);
    let run = place.pack_run(&["update", "--registry", "tree"], 0);
    assert!(
        run.stdout.starts_with(
            "~ slack 1.0.0 -> 1.1.0 (minor)\n✓ Pack 'slack' installed successfully (was 1.0.0)\n"
        ),
        "{run:?}"
    );
    let again = place.pack_run(&["update", "--registry", "tree"], 0);
    assert_eq!(again.stdout, "✓ Nothing to change\n");
    let history = place.pack_run(&["history", "--json"], 0).json();
    assert_eq!(history.as_array().unwrap().len(), 2);
    place.pack_run(&["rollback", "slack"], 0);
    assert_eq!(place.active("slack").as_deref(), Some("1.0.0"));
}

/// Flag before packs.yaml before configuration; wrong values are named.
#[test]
fn policies_say_how_far_updates_go() {
    let place = installed();
    let wanted = |place: &Place| place.outdated(&["slack"])[0]["wanted"].clone();
    fs::write(
        place.path("config.yaml"),
        "updates: {policy: major, packs: {slack: none}}\n",
    )
    .unwrap();
    assert_eq!(wanted(&place), "1.0.0");
    fs::write(
        place.path("packs.yaml"),
        "packs: {slack: {version: \"*\", update: minor}}\n",
    )
    .unwrap();
    assert_eq!(wanted(&place), "1.1.0");
    let run = place.pack_run(
        &[
            "update",
            "slack",
            "--to",
            "major",
            "--dry-run",
            "--registry",
            "tree",
        ],
        0,
    );
    assert!(run.stdout.contains("-> 2.0.0"), "{run:?}");
    fs::remove_file(place.path("packs.yaml")).unwrap();
    fs::write(
        place.path("config.yaml"),
        "updates: {policy: major, minimum_age: 36500d}\n",
    )
    .unwrap();
    assert_eq!(wanted(&place), "1.0.0");
    for (text, part) in [
        ("updates: {policy: weekly}\n", "`updates.policy`"),
        ("updates: {packs: {slack: 1}}\n", "`updates.packs.slack`"),
        ("updates: {packs: [slack]}\n", "`updates.packs`"),
        ("updates: {minimum_age: old}\n", "`updates.minimum_age`"),
    ] {
        fs::write(place.path("config.yaml"), text).unwrap();
        let said = place.refused(&["update", "--registry", "tree"], 2);
        assert!(
            said.contains(part) && said.contains("`config.yaml`, line 1"),
            "{text}: {said}"
        );
    }
}

/// A timer can leave alone what breaks users, and still update the rest.
#[test]
fn breaking_updates_can_be_held() {
    let place = installed();
    place.pack("core-2", "core", "2.0.0", "description: more\n");
    place.build();
    let args = [
        "update",
        "--to",
        "major",
        "--hold-breaking",
        "--registry",
        "tree",
    ];
    let run = place.pack_run(&args, 0);
    assert!(
        run.stderr
            .contains("⚠ `slack` stays at 1.0.0: 2.0.0 breaks what uses it"),
        "{run:?}"
    );
    assert_eq!(place.active("slack").as_deref(), Some("1.0.0"));
    assert_eq!(place.active("core").as_deref(), Some("2.0.0"));
}

/// A pack that is held is not moved by what another one needs either.
#[test]
fn held_packs_are_not_moved_by_others() {
    let place = installed();
    place.pack("bot-1", "bot", "1.0.0", "dependencies: [\"slack@>=1\"]\n");
    place.pack("bot-2", "bot", "1.1.0", "dependencies: [\"slack@^2\"]\n");
    place.build();
    place.install("bot@1.0.0");
    let args = ["update", "bot", "--registry", "tree", "--json"];
    let dry = place
        .pack_run(&[&args[..], &["--dry-run"]].concat(), 0)
        .json();
    assert_eq!(dry["packs"].as_array().unwrap().len(), 2);
    let run = place.pack_run(&[&args[..], &["--hold-breaking"]].concat(), 0);
    assert!(run.stderr.contains("`slack` stays at 1.0.0"), "{run:?}");
    assert_eq!(
        run.json(),
        json!({"success": true, "generation": null, "packs": []})
    );
    assert_eq!(place.active("bot").as_deref(), Some("1.0.0"));
}

/// What cannot be updated is refused by name, and nothing changes.
#[test]
fn refused_updates_change_nothing() {
    let place = installed();
    place.pack_run(&["install", "packs/monitor"], 0);
    let hosted = place.serve("tree");
    let url = hosted.url.clone();
    drop(hosted);
    let rows: [(&[&str], i32, &str); 4] = [
        (
            &["update", "nosuch", "--registry", "tree"],
            1,
            "`nosuch` is not installed",
        ),
        (
            &["update", "monitor", "--registry", "tree"],
            1,
            "and not from a registry",
        ),
        (&["update", "--registry", &url], 4, "cannot use registry"),
        (
            &["outdated", "--file", "other.yaml", "--registry", "tree"],
            2,
            "`other.yaml`",
        ),
    ];
    for (args, code, part) in rows {
        let said = place.refused(args, code);
        assert!(said.contains(part), "{args:?}: {said}");
    }
    // The second of two archives is damaged: neither pack moves.
    place.pack("core-2", "core", "1.5.0", "");
    place.build();
    let archive = place.path("tree/archives/slack/slack-1.1.0.tar.gz");
    let mut bytes = fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&archive, bytes).unwrap();
    place.refused(&["update", "--registry", "tree"], 5);
    assert_eq!(place.active("core").as_deref(), Some("1.0.0"));
}
