//! `pack archive`: the bytes a build would publish.

use std::fs;

use crate::support::{Place, snapshot};

/// The archive is the one a build publishes; making it again changes nothing.
#[test]
fn archive_has_the_bytes_of_a_build() {
    let place = Place::new();
    place.pack("slack", "slack", "2.1.0", "");
    fs::write(place.path("packs/slack/.attuneignore"), "notes.txt\n").unwrap();
    fs::write(place.path("packs/slack/notes.txt"), "not for others\n").unwrap();
    place.build();
    fs::create_dir(place.path("dist")).unwrap();
    let args = ["pack", "archive", "packs/slack", "--out", "dist", "--json"];
    let made = place.run(&args, 0).json();
    let path = place.path("dist/slack-2.1.0.tar.gz");
    let published = fs::read(place.path("tree/archives/slack/slack-2.1.0.tar.gz")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), published);
    assert_eq!(made["written"], true);
    assert_eq!(made["size_bytes"], published.len());
    let checksum = |path: &str| {
        let run = place.run(&["pack", "checksum", path, "--json"], 0);
        run.json()["checksum"].clone()
    };
    assert_eq!(made["checksum"], checksum("dist/slack-2.1.0.tar.gz"));
    assert_eq!(made["tree_checksum"], checksum("packs/slack"));

    let before = fs::metadata(&path).unwrap().modified().unwrap();
    assert_eq!(place.run(&args, 0).json()["written"], false);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
}

/// What is listed is what the archive holds, and listing writes nothing.
#[test]
fn archive_lists_what_would_be_in_it() {
    let place = Place::new();
    place.pack("slack", "slack", "2.1.0", "");
    let before = snapshot(&place.path("."));
    let run = place.run(&["pack", "archive", "packs/slack", "--list"], 0);
    assert!(run.stdout.contains("  pack.yaml\n"), "{}", run.stdout);
    assert!(run.stdout.contains("\n  Archive:  "), "{}", run.stdout);
    assert_eq!(before, snapshot(&place.path(".")));
}

/// Other bytes under the same name are an error, and stay; a broken pack leaves nothing.
#[test]
fn archive_replaces_nothing_unasked() {
    let place = Place::new();
    place.pack("slack", "slack", "2.1.0", "");
    let args = ["pack", "archive", "packs/slack", "--out", "slack.tar.gz"];
    place.run(&args, 0);
    let first = fs::read(place.path("slack.tar.gz")).unwrap();
    fs::write(place.path("packs/slack/README.md"), "# Slack\n").unwrap();
    let refused = place.run(&args, 1);
    assert!(
        refused
            .stderr
            .contains("`slack.tar.gz` is there with other bytes\n  found  sha256:"),
        "{}",
        refused.stderr
    );
    assert_eq!(fs::read(place.path("slack.tar.gz")).unwrap(), first);
    place.run(&[&args[..], &["--force"]].concat(), 0);
    assert_ne!(fs::read(place.path("slack.tar.gz")).unwrap(), first);

    fs::write(place.path("packs/slack/pack.yaml"), "ref: slack\n").unwrap();
    let before = snapshot(&place.path("."));
    let broken = place.run(&["pack", "archive", "packs/slack"], 1);
    assert!(broken.stderr.contains("version"), "{}", broken.stderr);
    place.run(&["pack", "archive", "nowhere"], 1);
    assert_eq!(before, snapshot(&place.path(".")));
}
