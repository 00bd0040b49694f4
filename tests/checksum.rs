//! `pack checksum`: directories, archives, files, and comparing with a checksum.

use std::fs;

use crate::support::Place;

/// The published vector V7: a file beside a directory of the same stem, whole paths in byte order.
const V7: &str = "sha256:fd556f57e1dd27f2b719e53406e0a3b04c4248d60519031c3414bb861c117ad0";
/// SHA-256 of `Hello, world!`.
const HELLO: &str = "sha256:315f5bdb76d078c43b8ac0064e4a0164612b1fce77c869345bfc94c75894edd3";

fn vector_7(place: &Place) {
    let root = place.path("demo");
    fs::create_dir_all(root.join("actions")).unwrap();
    fs::write(root.join("pack.yaml"), "ref: demo\nversion: 1.0.0\n").unwrap();
    fs::write(root.join("actions.md"), "# actions\n").unwrap();
    fs::write(root.join("actions/run.yaml"), "ref: demo.run\n").unwrap();
}

/// The lines people and scripts know, and one document with the members they read.
#[test]
fn checksum_prints_lines_and_one_document() {
    let place = Place::new();
    vector_7(&place);
    fs::write(place.path("hello.txt"), "Hello, world!").unwrap();
    let table = place.run(&["pack", "checksum", "demo"], 0);
    assert_eq!(
        table.stdout,
        format!(
            "Checksum for: demo\nAlgorithm: SHA256\nHash: {}\nFormatted: {V7}\n",
            &V7[7..]
        )
    );
    assert_eq!(table.stderr, "");
    let tree = place.run(&["pack", "checksum", "demo", "--json"], 0).json();
    assert_eq!(
        tree,
        serde_json::json!({
            "path": "demo", "checksum": V7, "algorithm": "sha256", "kind": "tree",
            "size_bytes": 49, "file_count": 3
        })
    );
    let file = place
        .run(&["--json", "pack", "checksum", "hello.txt"], 0)
        .json();
    assert_eq!(
        (&file["checksum"], &file["kind"]),
        (&HELLO.into(), &"file".into())
    );
    let long = place.run(
        &["pack", "checksum", "hello.txt", "--algorithm", "sha512"],
        0,
    );
    assert!(long.stdout.contains("Formatted: sha512:c1527cd893c124773d811911970c8fe6e857d6df5dc9226bd8a160614c0cd963a4ddea2b94bb7d36021ef9d865d5cea294a82dd49a0bb269f51f6e7a57f79421"), "{long:?}");
}

/// The digest of a directory is the one a build records, and the one inside its archive: git's folder
/// and what an ignore rule names do not count.
#[test]
fn checksum_of_a_directory_is_what_a_build_records() {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    let root = place.path("packs/slack");
    let digest = || {
        let run = place.run(&["pack", "checksum", "packs/slack", "--json"], 0);
        run.json()["checksum"].as_str().unwrap().to_owned()
    };
    let bare = digest();
    fs::create_dir_all(root.join(".git/objects")).unwrap();
    fs::write(root.join(".git/objects/x"), "x").unwrap();
    assert_eq!(digest(), bare);
    fs::write(root.join(".attuneignore"), "*.log\n").unwrap();
    let ruled = digest();
    assert_ne!(ruled, bare);
    fs::write(root.join("run.log"), "x").unwrap();
    assert_eq!(digest(), ruled);
    place.build();
    let document: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("tree/packs/slack.json")).unwrap()).unwrap();
    assert_eq!(document["versions"][0]["tree"], ruled.as_str());
    let archive = "tree/archives/slack/slack-1.0.0.tar.gz";
    let file = place
        .run(&["pack", "checksum", archive, "--json"], 0)
        .json();
    assert_eq!(
        file["checksum"],
        document["versions"][0]["archive"]["checksum"]
    );
    assert_ne!(file["checksum"], ruled.as_str());
    assert_eq!(
        file["pack"],
        serde_json::json!({"ref": "slack", "version": "1.0.0", "tree_checksum": ruled})
    );
}

/// Both values on a mismatch, exit code 5, and a word where the two digests were mixed up.
#[test]
fn checksum_verifies_and_shows_both_values() {
    let place = Place::new();
    fs::write(place.path("hello.txt"), "Hello, world!").unwrap();
    let good = place.run(&["pack", "checksum", "hello.txt", "--verify", HELLO], 0);
    assert!(good.stdout.ends_with("✓ Verified\n"), "{good:?}");
    let weak = "md5:6cd3556deb0da54bca060b4c39479839";
    let weak = place.run(&["pack", "checksum", "hello.txt", "--verify", weak], 0);
    assert!(weak.stderr.contains("md5 is broken"), "{weak:?}");
    let other = format!("sha256:{}", "0".repeat(64));
    let bad = place.run(
        &[
            "pack",
            "checksum",
            "hello.txt",
            "--verify",
            &other,
            "--json",
        ],
        5,
    );
    assert_eq!(bad.json()["verified"], false);
    assert_eq!(
        bad.stderr,
        format!(
            "error: checksum mismatch for `hello.txt`\n  expected  {other}\n  computed  {HELLO}\n\
             hint: compare with the checksum of an archive source; a directory has another one\n"
        )
    );
    place.pack("slack", "slack", "1.0.0", "");
    place.build();
    let tree = place
        .run(&["pack", "checksum", "packs/slack", "--json"], 0)
        .json();
    let tree = tree["checksum"].as_str().unwrap();
    let archive = "tree/archives/slack/slack-1.0.0.tar.gz";
    let mixed = place.run(&["pack", "checksum", archive, "--verify", tree], 5);
    assert!(
        mixed
            .stderr
            .contains("the expected one is the tree digest of the pack in it"),
        "{mixed:?}"
    );
}

/// What cannot be done says so, and with what else to do.
#[test]
fn checksum_refusals_say_what_and_why() {
    let place = Place::new();
    vector_7(&place);
    let missing = place.run(&["pack", "checksum", "nowhere"], 1);
    assert_eq!(
        missing.stderr,
        "error: `nowhere` does not exist\nhint: name a pack directory or a file\n"
    );
    let long = place.run(&["pack", "checksum", "demo", "--algorithm", "sha512"], 2);
    assert!(
        long.stderr
            .contains("a tree digest is always sha256, not sha512"),
        "{long:?}"
    );
    let weak = place.run(&["pack", "checksum", "demo", "--algorithm", "md5"], 2);
    assert!(weak.stderr.contains("too weak to be written"), "{weak:?}");
    std::os::unix::fs::symlink("pack.yaml", place.path("demo/link")).unwrap();
    let link = place.run(&["pack", "checksum", "demo"], 1);
    assert!(
        link.stderr.contains("`demo/link` is a symbolic link"),
        "{link:?}"
    );
    fs::write(place.path("broken.tar.gz"), [0x1f, 0x8b, 8, 0, 0]).unwrap();
    let broken = place.run(&["pack", "checksum", "broken.tar.gz"], 0);
    assert!(
        broken
            .stderr
            .contains("`broken.tar.gz` cannot be installed"),
        "{broken:?}"
    );
}
