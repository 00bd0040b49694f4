//! The example packs.

use std::process::Command;

use crate::support::{Place, path_with_attune, project};

/// Every pack's own tests pass, offline and confined; a name that is no pack is a failure.
#[test]
fn example_packs_pass_their_own_tests() {
    let place = Place::new();
    let run = |names: &[&str]| {
        let mut command = Command::new("sh");
        command.arg("test.sh").args(names);
        command.current_dir(project().join("registry-example"));
        command.env("PATH", path_with_attune());
        command.env("HOME", place.path("home"));
        command.env("ATTUNE__PACKS_BASE_DIR", place.installed());
        command.output().unwrap()
    };
    let done = run(&[]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{done:?}");
    assert!(said.ends_with("6 packs passed, 0 failed\n"), "{said}");
    let done = run(&["aws", "absent"]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(1));
    assert!(said.ends_with("1 packs passed, 1 failed\n"), "{said}");
}

/// The whole example builds without a refusal or warning, for hosting too.
#[test]
fn example_registry_builds_cleanly() {
    let place = Place::new();
    let packs = project().join("registry-example/packs");
    let packs = packs.to_str().unwrap();
    let run = place.run(
        &[
            "registry",
            "build",
            packs,
            "--out",
            "tree",
            "--base-url",
            "https://packs.example.org/",
            "--json",
        ],
        0,
    );
    assert_eq!(run.stderr, "");
    let report = run.json();
    assert_eq!(
        (&report["packs"], &report["versions"]),
        (&5.into(), &6.into())
    );
}
