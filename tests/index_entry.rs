//! `pack index-entry`: form, sources, and what is refused.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::Place;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const GIT: [&str; 4] = [
    "--git-url",
    "https://example.org/slack.git",
    "--git-ref",
    COMMIT,
];

/// Makes a repository of a directory, with everything in one commit.
fn commit(directory: &Path) {
    git(directory, &["init", "-q"]);
    git(directory, &["add", "-A"]);
    git(directory, &["commit", "-qm", "one"]);
}

fn git(directory: &Path, args: &[&str]) {
    let done = Command::new("git")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.org",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(args)
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(done.status.success(), "git {args:?}: {done:?}");
}

/// The one document, in the order the published indexes have, with nothing else on stdout.
#[test]
fn entry_is_pure_json_or_yaml_in_the_published_order() {
    let place = Place::new();
    place.pack(
        "slack",
        "slack",
        "1.0.0",
        "tags: [b, a, b, 3.0]\nlicense: MIT\nemail: a@example.org\n",
    );
    let mut args = vec!["pack", "index-entry", "packs/slack"];
    args.extend(GIT);
    let run = place.run(&args, 0);
    let entry = run.json();
    let members: Vec<&String> = entry.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "ref",
            "label",
            "description",
            "version",
            "author",
            "license",
            "keywords",
            "runtime_deps",
            "install_sources",
            "contents",
            "meta",
            "repository",
            "email"
        ]
    );
    assert_eq!(entry["keywords"], json!(["3.0", "a", "b"]));
    assert_eq!(entry["meta"], json!({"category": "uncategorized"}));
    assert_eq!(
        entry["contents"]["actions"],
        json!([{"name": "run", "description": ""}])
    );
    assert_eq!(entry["contents"]["rules"], json!([]));
    let tree = place
        .run(&["pack", "checksum", "packs/slack", "--json"], 0)
        .json();
    assert_eq!(
        entry["install_sources"],
        json!([{"type": "git", "url": GIT[1], "ref": COMMIT, "checksum": tree["checksum"]}])
    );
    for format in ["--json", "--format=json", "--output=json"] {
        let mut formatted = args.clone();
        formatted.push(format);
        assert_eq!(place.run(&formatted, 0).stdout, run.stdout, "{format}");
    }
    args.push("--yaml");
    assert!(place.run(&args, 0).stdout.starts_with("ref: slack\n"));
}

/// What an archive source is pinned by is the digest of the archive, never that of the directory; the
/// archive must be of this pack.
#[test]
fn entry_pins_an_archive_by_its_bytes() {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    place.build();
    let archive = "tree/archives/slack/slack-1.0.0.tar.gz";
    let url = "https://example.org/slack-1.0.0.tar.gz";
    let file = place
        .run(&["pack", "checksum", archive, "--json"], 0)
        .json();
    let checksum = file["checksum"].as_str().unwrap().to_owned();
    let expected = json!([{"type": "archive", "url": url, "checksum": checksum}]);
    let base = ["pack", "index-entry", "packs/slack", "--archive-url", url];
    let with = |more: &[&str], code| place.run(&[&base[..], more].concat(), code);
    assert_eq!(
        with(&["--archive-file", archive], 0).json()["install_sources"],
        expected
    );
    assert_eq!(
        with(&["--archive-checksum", &checksum], 0).json()["install_sources"],
        expected
    );
    let other = format!("sha256:{}", "0".repeat(64));
    let wrong = with(
        &["--archive-checksum", &other, "--archive-file", archive],
        5,
    );
    assert!(
        wrong.stderr.contains(&other) && wrong.stderr.contains(&checksum),
        "{wrong:?}"
    );
    let long = with(
        &["--archive-checksum", &format!("sha512:{}", "0".repeat(128))],
        2,
    );
    assert!(
        long.stderr.contains("an index takes sha256 only"),
        "{long:?}"
    );
    // The URL is fetched where nothing else tells the digest; plain http only from this machine.
    let hosted = place.serve("tree");
    let local = format!("{}archives/slack/slack-1.0.0.tar.gz", hosted.url);
    let fetched = place.run(&["pack", "index-entry", "packs/slack", "-a", &local], 0);
    assert_eq!(
        fetched.json()["install_sources"][0]["checksum"],
        checksum.as_str()
    );
    assert!(
        fetched.stderr.contains("for development only"),
        "{fetched:?}"
    );
    let missing = format!("{}nothing.tar.gz", hosted.url);
    place.run(&["pack", "index-entry", "packs/slack", "-a", &missing], 4);
    // Another version is in it.
    place.pack("slack", "slack", "1.1.0", "");
    let stale = with(&["--archive-file", archive], 1);
    assert_eq!(
        stale.stderr.lines().rev().nth(1).unwrap(),
        format!(
            "error: the archive `{url}` holds `slack@1.0.0`, and the directory is `slack@1.1.0`"
        )
    );
}

/// No source, half a source, a source nobody should use: refused with the way out, and no placeholder.
#[test]
fn entry_refusals_say_what_to_do() {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    let none = place.run(&["pack", "index-entry", "packs/slack"], 1);
    assert_eq!(none.stdout, "");
    assert_eq!(
        none.stderr,
        "error: no install source for `slack@1.0.0`\n\
         hint: say where it can be fetched: `--git-url URL --git-ref TAG`, `--archive-url URL`, or both\n"
    );
    let entry = |more: &[&str], code| {
        let run = place.run(
            &[&["pack", "index-entry", "packs/slack"], more].concat(),
            code,
        );
        assert_eq!(run.stdout, "");
        run.stderr
    };
    let no_ref = entry(&["-g", GIT[1]], 2);
    assert!(
        no_ref.contains("`--git-url` without `--git-ref`"),
        "{no_ref}"
    );
    for url in [
        "http://example.org/slack.git",
        "git@example.org:slack.git",
        "https://user:secret@example.org/slack.git",
        "https://example.org/slack.git?x=1",
    ] {
        let refused = entry(&["-g", url, "-r", "v1.0.0"], 2);
        assert!(
            refused.contains("`--git-url`:") && !refused.contains("secret"),
            "{refused}"
        );
    }
    for bad in ["-x", "", "a b", "v1..v2"] {
        let refused = entry(&["-g", GIT[1], &format!("--git-ref={bad}")], 2);
        assert!(refused.contains("is not a git ref"), "{refused}");
    }
}

/// A directory that is no pack, or one that cannot be listed.
#[test]
fn entry_refuses_what_is_no_pack() {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    let entry = |more: &[&str], code| {
        let run = place.run(
            &[&["pack", "index-entry", "packs/slack"], more].concat(),
            code,
        );
        assert_eq!(run.stdout, "");
        run.stderr
    };
    let missing = place.run(&["pack", "index-entry", "nowhere"], 1);
    assert!(
        missing
            .stderr
            .starts_with("error: Pack directory not found: nowhere\n")
    );
    let empty = place.run(&["pack", "index-entry", "home"], 1);
    assert!(
        empty
            .stderr
            .starts_with("error: pack.yaml not found in directory: home\n")
    );
    let manifest = place.path("packs/slack/pack.yaml");
    for (text, error) in [
        (
            "label: x\nversion: 1.0.0\n",
            "error: Missing 'ref' field in pack.yaml\n",
        ),
        (
            "ref: slack\n",
            "error: Missing 'version' field in pack.yaml\n",
        ),
    ] {
        fs::write(&manifest, text).unwrap();
        assert!(entry(&GIT, 1).starts_with(error));
    }
    fs::write(
        &manifest,
        "ref: slack\nversion: 1.0.0\nrepository: git@example.org:slack.git\n",
    )
    .unwrap();
    assert_eq!(
        entry(&GIT, 1),
        "error: `slack@1.0.0` cannot be listed: `repository` is not https\n\
         hint: correct `pack.yaml` or the sources\n"
    );
}

/// The checksum of a git source is the tree at its ref: files git does not track are left out, and a
/// directory that is not what the ref holds is refused.
#[test]
fn entry_of_a_checkout_is_the_tree_at_the_ref() {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    let root = place.path("packs/slack");
    commit(&root);
    git(&root, &["tag", "v1.0.0"]);
    let clean = place
        .run(&["pack", "checksum", "packs/slack", "--json"], 0)
        .json();
    let args = [
        "pack",
        "index-entry",
        "packs/slack",
        "-g",
        GIT[1],
        "-r",
        "v1.0.0",
    ];
    // A clone of the registry inside the pack, as scripts of continuous integration make it.
    fs::create_dir_all(root.join("registry")).unwrap();
    fs::write(root.join("registry/index.json"), "{}").unwrap();
    fs::write(root.join("actions/draft.yaml"), "ref: slack.draft\n").unwrap();
    let run = place.run(&args, 0);
    let entry = run.json();
    assert_eq!(entry["install_sources"][0]["checksum"], clean["checksum"]);
    assert_eq!(entry["install_sources"][0]["ref"], "v1.0.0");
    assert_eq!(entry["contents"]["actions"].as_array().unwrap().len(), 1);
    assert!(
        run.stderr.contains(
            "2 files are not tracked by git and left out: actions/draft.yaml, registry/index.json"
        ),
        "{run:?}"
    );
    assert!(run.stderr.contains("`v1.0.0` is commit "), "{run:?}");
    fs::write(root.join("actions/run.sh"), "#!/bin/sh\necho changed\n").unwrap();
    let changed = place.run(&args, 1);
    assert!(
        changed
            .stderr
            .contains("`packs/slack` is not what `v1.0.0` holds"),
        "{changed:?}"
    );
    assert!(
        changed.stderr.contains(clean["checksum"].as_str().unwrap()),
        "{changed:?}"
    );
    let unknown = place.run(
        &[
            "pack",
            "index-entry",
            "packs/slack",
            "-g",
            GIT[1],
            "-r",
            "v9",
        ],
        0,
    );
    assert!(
        unknown.stderr.contains("this checkout does not know `v9`"),
        "{unknown:?}"
    );
}

/// A clean checkout of a published commit tells its source itself, and says so.
#[test]
fn entry_of_a_published_checkout_needs_no_flags() {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    let root = place.path("packs/slack");
    commit(&root);
    git(
        &root,
        &["remote", "add", "origin", "git@example.org:packs/slack.git"],
    );
    let unpublished = place.run(&["pack", "index-entry", "packs/slack"], 1);
    assert!(
        unpublished.stderr.contains("no install source"),
        "{unpublished:?}"
    );
    git(&root, &["update-ref", "refs/remotes/origin/main", "HEAD"]);
    let run = place.run(&["pack", "index-entry", "packs/slack"], 0);
    let source = &run.json()["install_sources"][0];
    assert_eq!(source["url"], "https://example.org/packs/slack.git");
    assert_eq!(source["ref"].as_str().unwrap().len(), 40);
    assert!(
        run.stderr
            .starts_with("git source: https://example.org/packs/slack.git at "),
        "{run:?}"
    );
}
