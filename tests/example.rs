//! The example packs.

use std::process::Command;

use crate::support::{Place, project};

/// Every pack's own tests pass, offline.
#[test]
fn example_packs_pass_their_own_tests() {
    let done = Command::new("sh")
        .arg("test.sh")
        .current_dir(project().join("registry-example"))
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
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
