//! `pack index-merge` where inputs list one name: what is told, and who decides.

use std::fs;

use serde_json::json;

use crate::support::index::{entry, read, versions, write};
use crate::support::{Place, Run};

const HERE: &str = "https://example.org/here";
const THERE: &str = "https://example.org/there";

/// Two inputs that list a name from two places, and one version with two contents.
fn shadowing() -> Place {
    let place = Place::new();
    write(
        &place,
        "ours.json",
        "Ours",
        &[entry("slack", "1.0.0", HERE), entry("aws", "1.0.0", HERE)],
    );
    let mut changed = entry("aws", "1.0.0", HERE);
    changed["description"] = json!("other");
    write(
        &place,
        "theirs.json",
        "Theirs",
        &[entry("slack", "99.0.0", THERE), changed],
    );
    place
}

/// Merges the two into `m.json`.
#[track_caller]
fn merge(place: &Place, more: &[&str], code: i32) -> Run {
    let base = [
        "pack",
        "index-merge",
        "-o",
        "m.json",
        "-f",
        "ours.json",
        "theirs.json",
    ];
    place.run(&[&base[..], more].concat(), code)
}

/// Both are loud warnings.
#[test]
fn merge_warns_of_shadowed_names() {
    let place = shadowing();
    let newest = merge(&place, &[], 0);
    assert_eq!(
        newest.stderr,
        format!(
            "⚠ `aws@1.0.0` is listed with different contents in `ours.json`, which is listed, and `theirs.json`, which is not\n\
             ⚠ `slack` comes from two places: {THERE} (99.0.0 in `theirs.json`) is listed, {HERE} (1.0.0 in `ours.json`) is not; make sure that the first one owns the name\n"
        )
    );
    assert_eq!(
        versions(&read(&place, "m.json")),
        ["aws@1.0.0", "slack@99.0.0"]
    );
    write(&place, "rc.json", "R", &[entry("aws", "2.0.0-rc.1", HERE)]);
    let rc = place.run(
        &[
            "pack",
            "index-merge",
            "-o",
            "r.json",
            "ours.json",
            "rc.json",
        ],
        0,
    );
    assert!(
        rc.stderr
            .contains("the pre-release 2.0.0-rc.1 takes the place of 1.0.0"),
        "{rc:?}"
    );
}

/// The operator says which one stays, or that none may.
#[test]
fn merge_lets_the_operator_decide_what_stays() {
    let place = shadowing();
    let first = merge(&place, &["--on-shadow", "first"], 0);
    assert!(
        first
            .stdout
            .contains("  Keeping 'slack' at 1.0.0 (listed before 99.0.0)\n"),
        "{first:?}"
    );
    assert_eq!(
        versions(&read(&place, "m.json")),
        ["aws@1.0.0", "slack@1.0.0"]
    );
    let before = fs::read(place.path("m.json")).unwrap();
    let refused = merge(&place, &["--on-shadow", "error"], 1);
    assert_eq!(
        refused.stderr,
        "error: 2 refs are listed differently in two inputs\n  \
         `aws`: 1.0.0 in `ours.json`, 1.0.0 in `theirs.json`\n  \
         `slack`: 99.0.0 in `theirs.json`, 1.0.0 in `ours.json`\n\
         hint: rename or remove one of each, or say which one stays with `--on-shadow newest` or `first`\n"
    );
    assert_eq!(fs::read(place.path("m.json")).unwrap(), before);
    // The same entry twice is no contradiction.
    let same = [
        "pack",
        "index-merge",
        "-o",
        "same.json",
        "ours.json",
        "ours.json",
    ];
    place.run(&[&same[..], &["--on-shadow", "error"]].concat(), 0);
}
