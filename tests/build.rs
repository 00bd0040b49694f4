//! `registry build` as people run it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::support::{Place, snapshot};

/// One document on stdout, what happened to each pack in it, and nothing else there.
#[test]
fn build_reports_every_pack_as_json() {
    let place = Place::new();
    place.pack("slack", "slack", "2.1.0", "");
    let report = place.build().json();
    assert_eq!(report["added"], 1);
    assert_eq!(report["results"][0]["result"], "added");
    assert_eq!(report["results"][0]["ref"], "slack");
    let again = place.build().json();
    assert_eq!(
        (&again["unchanged"], &again["files_written"]),
        (&1.into(), &0.into())
    );
}

/// The errors people meet, word for word, each with its exit code and nothing changed.
#[test]
fn build_errors_say_what_where_and_what_to_do() {
    let place = Place::new();
    let missing = place.run(&["registry", "build", "nowhere", "--out", "tree"], 2);
    assert_eq!(
        missing.stderr,
        "error: cannot list `nowhere`\n  caused by: No such file or directory (os error 2)\n"
    );
    fs::create_dir(place.path("empty")).unwrap();
    let empty = place.run(&["registry", "build", "empty", "--out", "tree"], 2);
    assert_eq!(
        empty.stderr,
        "error: no pack in `empty`: searched `empty/pack.yaml` and `empty/*/pack.yaml`\n\
         hint: name a directory with a `pack.yaml`, or a folder of such directories\n"
    );
    place.pack("slack", "slack", "2.1", "");
    let version = place.run(&["registry", "build", "packs", "--out", "tree"], 1);
    assert_eq!(
        version.stderr,
        "✗ packs/slack: `packs/slack/pack.yaml`, line 3, field `version`: `2.1` is not a SemVer version\n  \
         hint: write three numbers, such as `2.1.0`\n\
         error: 1 of 1 packs were refused; nothing was published\n\
         hint: correct them, or pass `--skip-invalid` to publish the others\n"
    );
    assert!(!place.path("tree").exists());
}

/// A changed version is refused with both digests, and the tree stays.
#[test]
fn build_refuses_a_changed_version() {
    let place = Place::new();
    place.pack("slack", "slack", "2.1.0", "");
    place.build();
    let before = snapshot(&place.path("tree"));
    place.pack("slack", "slack", "2.1.0", "description: other\n");
    let refused = place.run(&["registry", "build", "packs", "--out", "tree"], 1);
    assert!(
        refused.stderr.contains(
            "`slack@2.1.0` is already published with different contents\n  published  sha256:"
        ),
        "{}",
        refused.stderr
    );
    assert!(
        refused
            .stderr
            .contains("raise `version` in `pack.yaml` and build again")
    );
    assert_eq!(snapshot(&place.path("tree")), before);
}

/// The same packs give the same bytes under another time zone, locale and folder.
#[test]
fn build_gives_the_same_bytes_everywhere() {
    let trees = [
        ("Pacific/Kiritimati", "C", "a"),
        ("America/New_York", "de_DE.UTF-8", "deep/er"),
    ]
    .map(|(zone, locale, out)| {
        let place = Place::new();
        place.pack("slack", "slack", "2.1.0", "");
        place.pack("aws", "aws", "1.0.0", "");
        let done = place
            .attune(&[
                "registry",
                "build",
                "packs",
                "--out",
                out,
                "--base-url",
                "https://packs.example.org/",
            ])
            .env("TZ", zone)
            .env("LC_ALL", locale)
            .env("SOURCE_DATE_EPOCH", "1700000000")
            .output()
            .unwrap();
        assert!(done.status.success());
        snapshot(&place.path(out))
    });
    assert_eq!(trees[0], trees[1]);
    assert!(trees[0].len() > 20);
}

/// Without a base URL the tree is for development only, and the command says so.
#[test]
fn build_without_base_url_says_so() {
    let place = Place::new();
    place.pack("slack", "slack", "2.1.0", "");
    let run = place.run(&["registry", "build", "packs", "--out", "tree"], 0);
    assert!(
        run.stderr.contains("for development only"),
        "{}",
        run.stderr
    );
    assert_eq!(
        run.stdout,
        "1 pack, 1 version in `tree`: 1 added, 0 updated, 0 unchanged\n"
    );
    let index = fs::read_to_string(place.path("tree/index.json")).unwrap();
    assert!(index.contains("http://127.0.0.1:8470/archives/slack/slack-2.1.0.tar.gz"));
}

/// `--watch` builds after a save; a broken save is said and mended, and Ctrl-C ends it.
#[test]
fn watch_builds_after_each_save() {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    let mut child = place
        .attune(&["registry", "build", "packs", "--out", "tree", "--watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().ends_with("1 added, 0 updated, 0 unchanged"));
    place.pack("slack", "slack", "1.0.0", "description: changed\n");
    // A save may be seen in parts; the last build has them all.
    while !next().contains("1 updated") {}
    let document = fs::read_to_string(place.path("tree/packs/slack.json")).unwrap();
    assert!(
        document.contains("\"description\":\"changed\""),
        "{document}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A full disk is named, and the tree keeps its state.
#[test]
fn build_on_a_full_disk_changes_nothing() {
    let place = Place::new();
    let mount = place.path("small");
    fs::create_dir(&mount).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
        .arg(&mount)
        .output();
    if !mounted.is_ok_and(|m| m.status.success()) {
        println!("skipped: only root can mount a small file system");
        return;
    }
    let _unmount = Unmount(mount.clone());
    place.pack("slack", "slack", "1.0.0", "");
    place.run(&["registry", "build", "packs", "--out", "small/tree"], 0);
    let before = snapshot(&mount.join("tree"));
    place.pack("big", "big", "1.0.0", "");
    let mut noise = vec![0_u8; 300_000];
    let mut state = 1_u32;
    for byte in &mut noise {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = state.to_be_bytes()[0];
    }
    fs::write(place.path("packs/big/noise.bin"), noise).unwrap();
    let full = place.run(&["registry", "build", "packs", "--out", "small/tree"], 1);
    assert!(
        full.stderr.contains("small/tree.state") && full.stderr.contains("No space left"),
        "{full:?}"
    );
    assert_eq!(snapshot(&mount.join("tree")), before);
}

/// Unmounts when the test ends, however it ends.
struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// What format 1 clients cannot read stays out of `index.json`; the document keeps what the manifest says.
#[test]
fn index_holds_only_what_its_readers_can_read() {
    let place = Place::new();
    place.pack(
        "slack",
        "slack",
        "2.1.0",
        "homepage: not a url\nmeta: {stars: many, downloads: 3, category: [chat], other: [1]}\n",
    );
    place.run(
        &[
            "registry",
            "build",
            "packs",
            "--out",
            "tree",
            "--base-url",
            "https://packs.example.org/",
        ],
        0,
    );
    let read = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&fs::read(place.path("tree").join(name)).unwrap()).unwrap()
    };
    let entry = &read("index.json")["packs"][0];
    assert_eq!(entry.get("homepage"), None);
    assert_eq!(
        entry["meta"],
        serde_json::json!({"category": "uncategorized", "downloads": 3, "other": [1]})
    );
    assert_eq!(
        read("packs/slack.json")["versions"][0]["homepage"],
        "not a url"
    );
}

/// What was typed wrong is said before anything is built.
#[test]
fn build_refuses_wrong_usage() {
    let place = Place::new();
    place.pack("slack", "slack", "2.1.0", "");
    fs::write(place.path("broken.yaml"), "server: [\n").unwrap();
    let rows: [(&[&str], &str); 5] = [
        (&["packs", "--name", "  "], "it is blank"),
        (
            &["packs", "--config", "nowhere.yaml"],
            "cannot read configuration file `nowhere.yaml`",
        ),
        (&["packs", "--config", "broken.yaml"], "`broken.yaml`"),
        (&["packs", "--watch", "--json"], "leave one of them out"),
        (&["nowhere", "--watch"], "nowhere"),
    ];
    for (args, expected) in rows {
        let mut all = vec!["registry", "build", "--out", "tree"];
        all.extend(args);
        let run = place.run(&all, 2);
        assert!(run.stderr.contains(expected), "{args:?}: {run:?}");
        assert_eq!(run.stdout, "", "{args:?}");
        assert!(!place.path("tree").exists(), "{args:?}");
    }
}

/// `-q` leaves out what is going on, not what is wrong; a directory's name cannot drive the terminal.
#[test]
fn quiet_build_still_says_why_packs_are_refused() {
    let place = Place::new();
    place.pack("sl\u{1b}[2Jack", "slack", "2.1", "");
    let run = place.run(&["registry", "build", "packs", "--out", "tree", "-q"], 1);
    assert!(
        run.stderr.starts_with("✗ packs/sl\\u{1b}[2Jack: ")
            && run.stderr.contains("`2.1` is not a SemVer version")
            && run.stderr.contains("hint: write three numbers"),
        "{}",
        run.stderr
    );
}

/// A base URL that format 1 clients refuse is for development, whoever named it.
#[test]
fn build_for_a_plain_http_url_says_so() {
    let place = Place::new();
    place.pack("slack", "slack", "2.1.0", "");
    let args = [
        "registry",
        "build",
        "packs",
        "--out",
        "tree",
        "--base-url",
        "http://127.0.0.1:9000/",
    ];
    let run = place.run(&args, 0);
    assert_eq!(
        run.stderr,
        "⚠ the base URL http://127.0.0.1:9000/ is not https: archive URLs in `index.json` are for development only\n"
    );
}

/// Without a base URL, archives are where the configured `registry serve` would host them.
#[test]
fn development_url_follows_the_configuration() {
    let place = Place::new();
    place.pack("slack", "slack", "2.1.0", "");
    for (listen, expected) in [
        ("127.0.0.1:9123", "http://127.0.0.1:9123/"),
        ("0.0.0.0:9123", "http://127.0.0.1:8470/"),
    ] {
        let config = format!("server: {{registry_listen: \"{listen}\"}}\n");
        fs::write(place.path("config.yaml"), config).unwrap();
        place.build();
        let index = fs::read_to_string(place.path("tree/index.json")).unwrap();
        assert!(
            index.contains(&format!("{expected}archives/slack/")),
            "{listen}: {index}"
        );
    }
}

/// A tree whose documents were changed or lost is not continued: the first is a failed verification, and
/// both say what helps.
#[test]
fn build_refuses_to_continue_a_damaged_tree() {
    let place = Place::new();
    place.pack("slack", "slack", "2.1.0", "");
    place.build();
    let documents = fs::read_dir(place.path("tree/docs")).unwrap();
    let document = documents
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "json"))
        .unwrap();
    let hint = "hint: restore the tree from a copy, or build it again into an empty directory\n";
    fs::write(&document, "{}").unwrap();
    let changed = place.run(&["registry", "build", "packs", "--out", "tree"], 5);
    assert!(
        changed.stderr.contains("does not match `packs.json`") && changed.stderr.ends_with(hint),
        "{}",
        changed.stderr
    );
    fs::remove_file(&document).unwrap();
    let lost = place.run(&["registry", "build", "packs", "--out", "tree"], 1);
    assert!(
        lost.stderr.contains("cannot read `tree/docs/") && lost.stderr.ends_with(hint),
        "{}",
        lost.stderr
    );
}
