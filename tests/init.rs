//! `pack init`: what is begun passes the check and its own tests.

use std::fs;
use std::process::Command;

use crate::support::{Place, path_with_attune, snapshot};

const RUNNERS: [&str; 3] = ["python", "shell", "nodejs"];

/// For every runner, with every component: strict check, own tests, a build, and the same archive twice.
#[test]
fn init_begins_a_pack_that_is_right() {
    let place = Place::new();
    for runner in RUNNERS {
        let name = format!("my-{runner}");
        let args = [
            "pack",
            "init",
            &name,
            "--runner",
            runner,
            "--author",
            "Ada \"the first\" L.",
            "--description",
            "Greets: people, and @ref@s",
            "--with",
            "sensor,rule,workflow,trigger",
            "--json",
        ];
        let made = place.run(&args, 0).json();
        assert_eq!(made["ref"], name);
        let checked = place.run(&["pack", "check", &name, "--strict"], 0);
        assert!(
            checked.stdout.contains("Nothing to complain"),
            "{}",
            checked.stdout
        );
        let entry = place.run(
            &[
                "pack",
                "index-entry",
                &name,
                "--git-url",
                "https://github.com/org/x",
                "--git-ref",
                "v0.1.0",
            ],
            0,
        );
        assert_eq!(entry.json()["author"], "Ada \"the first\" L.");
        assert_eq!(entry.json()["description"], "Greets: people, and @ref@s");
        run_tests(&place, &name, made["test_command"].as_str().unwrap());
    }
}

/// What was begun can be published, with nothing to complain about.
#[test]
fn init_begins_a_pack_that_can_be_published() {
    let place = Place::new();
    place.run(&["pack", "init", "packs/greeter", "--with", "rule"], 0);
    place.build();
    place.run(&["registry", "check", "tree"], 0);
}

/// Runs the tests a pack begins with, where what they need is installed.
fn run_tests(place: &Place, name: &str, command: &str) {
    if name.ends_with("nodejs") && Command::new("node").arg("--version").output().is_err() {
        return;
    }
    let tests = Command::new("sh")
        .args(["-c", command])
        .env("PATH", path_with_attune())
        .env("HOME", place.path("home"))
        .env("ATTUNE__PACKS_BASE_DIR", place.installed())
        .current_dir(place.path(name))
        .output()
        .unwrap();
    assert!(tests.status.success(), "{name}: {tests:?}");
    assert!(
        String::from_utf8_lossy(&tests.stdout).contains("Tests: "),
        "{name}: {tests:?}"
    );
}

/// The smallest call: the ref is the folder's name, everything else has a default, nothing is asked.
#[test]
fn init_asks_nothing_without_a_terminal() {
    let place = Place::new();
    let run = place.run(&["pack", "init", "greeter"], 0);
    assert!(
        run.stdout.starts_with("✓ greeter@0.1.0 in greeter\n"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.ends_with(
            "\nNext:\n  cd greeter\n  attune pack test\n  attune pack check . --strict\n"
        ),
        "{}",
        run.stdout
    );
    let manifest = fs::read_to_string(place.path("greeter/pack.yaml")).unwrap();
    assert!(manifest.contains("\nlabel: \"Greeter\"\n"), "{manifest}");
    // Another licence: named, and its text is for the author to add.
    let other = place.run(&["pack", "init", "--ref", "other", "--license", "MIT"], 0);
    assert!(
        other.stderr.contains("put its full text there"),
        "{}",
        other.stderr
    );
    place.run(&["pack", "check", "other", "--strict"], 0);
}

/// Somebody's files, a wrong ref, no ref and an unknown licence are refused, and nothing is made.
#[test]
fn init_refuses_and_makes_nothing() {
    let place = Place::new();
    fs::create_dir(place.path("used")).unwrap();
    fs::write(place.path("used/notes.txt"), "mine").unwrap();
    let before = snapshot(&place.path("."));
    let used = place.run(&["pack", "init", "used"], 1);
    assert!(
        used.stderr
            .contains("`used` is not empty: it holds `notes.txt`"),
        "{}",
        used.stderr
    );
    let bad = place.run(&["pack", "init", "x", "--ref", "Bad.Ref"], 2);
    assert!(bad.stderr.contains("Bad.Ref"), "{}", bad.stderr);
    let none = place.run(&["pack", "init", "My Folder"], 2);
    assert!(
        none.stderr.contains("the pack has no ref"),
        "{}",
        none.stderr
    );
    let licence = place.run(&["pack", "init", "x", "--license", "My Own"], 2);
    assert!(
        licence.stderr.contains("no SPDX expression"),
        "{}",
        licence.stderr
    );
    assert_eq!(before, snapshot(&place.path(".")));
}
