//! `pack diff` as people run it.

use std::fs;

use crate::support::{Place, snapshot};

const OLD: &str = "ref: slack.post\nrunner_type: shell\nentry_point: run.sh\nparameters:\n  channel: {type: string}\n  text: {type: string, enum: [a, b]}\n";
const NEW: &str = "ref: slack.post\nrunner_type: shell\nentry_point: run.sh\nparameters:\n  channel: {type: string, required: true}\n  text: {type: string, enum: [a, b, c]}\n";

/// Two versions of a pack: the second asks for more and declares a minor bump.
fn two_versions() -> Place {
    let place = Place::new();
    for (directory, version, action) in [("old", "2.1.0", OLD), ("new", "2.2.0", NEW)] {
        place.pack(directory, "slack", version, "");
        fs::write(
            place
                .path("packs")
                .join(directory)
                .join("actions/post.yaml"),
            action,
        )
        .unwrap();
    }
    fs::write(place.path("packs/new/notes.txt"), "new\n").unwrap();
    place
}

/// People see what breaks, what is new, what else changed, the files and the verdict.
#[test]
fn diff_of_directories_says_what_changed_for_users() {
    let place = two_versions();
    let before = snapshot(&place.path("packs"));
    let run = place.run(&["pack", "diff", "packs/old", "packs/new"], 0);
    assert_eq!(
        run.stdout,
        "slack 2.1.0 -> 2.2.0\n\
         \n\
         Breaking (1)\n  \
           action `post`: parameter `channel` must be given now\n\
         \n\
         New (1)\n  \
           action `post`: parameter `text` also takes `c`\n\
         \n\
         Changed (1)\n  \
           the files are not the same\n\
         \n\
         Files: 1 added, 0 removed, 2 changed\n  \
           + notes.txt (4 bytes)\n  \
           ~ actions/post.yaml (130 -> 149 bytes)\n  \
           ~ pack.yaml (79 -> 79 bytes)\n\
         \n\
         ✗ The changes call for a major version (3.0.0 or later); 2.2.0 is only a minor one.\n"
    );
    assert_eq!(run.stderr, "");
    assert_eq!(snapshot(&place.path("packs")), before);
}

/// Programs get one document with stable ids.
#[test]
fn diff_prints_one_document() {
    let place = two_versions();
    let run = place.run(&["pack", "diff", "packs/old", "packs/new", "--json"], 0);
    let document = run.json();
    let change = &document["changes"][0];
    assert_eq!(
        (&change["kind"], &change["severity"], &change["field"]),
        (
            &"parameter_now_required".into(),
            &"breaking".into(),
            &"channel".into()
        )
    );
    assert_eq!(
        change["component"],
        serde_json::json!({"kind": "action", "name": "post"})
    );
    assert_eq!(
        document["verdict"],
        serde_json::json!({"required": "major", "declared": "minor", "satisfied": false, "suggested": "3.0.0"})
    );
    assert_eq!(document["counts"]["breaking"], 1);
    assert_eq!(document["old"]["source"], "directory");
    assert_eq!(document["files"]["added"][0]["path"], "notes.txt");
    let yaml = place.run(&["pack", "diff", "packs/old", "packs/new", "--yaml"], 0);
    assert!(yaml.stdout.starts_with("old:\n"), "{}", yaml.stdout);
}

/// A gate for CI: exit code 1 with what is wrong and which version to write.
#[test]
fn diff_fails_on_what_it_is_asked_to() {
    let place = two_versions();
    let diff = |old: &str, new: &str, what: &str, code: i32| {
        place.run(&["pack", "diff", old, new, "--fail-on", what], code)
    };
    let undeclared = diff("packs/old", "packs/new", "undeclared", 1);
    assert_eq!(
        undeclared.stderr,
        "error: `slack`: the changes since 2.1.0 call for a major version, and 2.2.0 is a minor one\n\
         hint: set `version` in `pack.yaml` to 3.0.0 or later\n"
    );
    let breaking = diff("packs/old", "packs/new", "breaking", 1);
    assert_eq!(
        breaking.stderr,
        "error: `slack`: 1 change breaks users of 2.1.0\n\
         hint: keep what users rely on, or leave out `--fail-on breaking` for a release that may break them\n"
    );
    let any = diff("packs/old", "packs/new", "any", 1);
    assert!(any.stderr.contains("3 changes between 2.1.0 and 2.2.0"));
    for what in ["undeclared", "breaking", "any"] {
        diff("packs/old", "packs/old", what, 0);
    }
    place.pack("new", "slack", "3.0.0", "");
    diff("packs/old", "packs/new", "undeclared", 0);
}

/// The same comparison from a registry, an archive and what is installed.
#[test]
fn diff_reads_registries_archives_and_installed_packs() {
    let place = two_versions();
    place.build();
    let kinds = |args: &[&str]| -> Vec<String> {
        let mut all = vec!["pack", "diff", "--json"];
        all.extend(args);
        let changes = place.run(&all, 0).json()["changes"].clone();
        changes
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    let expected = kinds(&["packs/old", "packs/new"]);
    let tree = ["--registry", "tree"];
    let with = |old: &str, new: &str| kinds(&[&[old, new], &tree[..]].concat());
    assert_eq!(with("slack@2.1.0", "slack@2.2.0"), expected);
    assert_eq!(with("slack@~2.1", "slack@latest"), expected);
    assert_eq!(with("packs/old", "slack@latest"), expected);
    assert_eq!(
        with("tree/archives/slack/slack-2.1.0.tar.gz", "packs/new"),
        expected
    );
    assert_eq!(
        with("slack@2.1.0", "tree/archives/slack/slack-2.1.0.tar.gz"),
        Vec::<String>::new()
    );
    place.run(&["pack", "install", "slack@2.1.0", "--registry", "tree"], 0);
    assert_eq!(with("slack", "slack@latest"), expected);
    assert_eq!(with("slack", "slack@2.1.0"), Vec::<String>::new());
    let files = place.run(
        &[
            "pack",
            "diff",
            "slack@2.1.0",
            "slack@2.2.0",
            "--registry",
            "tree",
            "--files",
            "--json",
        ],
        0,
    );
    assert_eq!(files.json()["files"]["added"][0]["path"], "notes.txt");
}

/// A registry of format 1 knows no parameters: the archive it names is read instead, once it is verified.
#[test]
fn diff_reads_archives_of_a_lone_index() {
    let place = two_versions();
    place.build();
    let hosted = place.serve("tree");
    let index = fs::read_to_string(place.path("tree/index.json")).unwrap();
    let index = index.replace("http://127.0.0.1:8470/", &hosted.url);
    fs::write(place.path("lone.json"), &index).unwrap();
    let run = place.run(
        &[
            "pack",
            "diff",
            "packs/old",
            "slack@2.2.0",
            "--registry",
            "lone.json",
        ],
        0,
    );
    assert!(run.stdout.contains("parameter `channel` must be given now"));
    let archive = place.path("tree/archives/slack/slack-2.2.0.tar.gz");
    let digest = index.split("sha256:").nth(1).unwrap()[..64].to_owned();
    fs::write(
        place.path("lone.json"),
        index.replace(&digest, &"0".repeat(64)),
    )
    .unwrap();
    let refused = place.run(
        &[
            "pack",
            "diff",
            "packs/old",
            "slack@2.2.0",
            "--registry",
            "lone.json",
        ],
        5,
    );
    assert!(
        refused.stderr.contains("checksum mismatch") && refused.stderr.contains(&digest),
        "{}",
        refused.stderr
    );
    assert_eq!(refused.stdout, "");
    assert!(archive.is_file());
}

/// What cannot be compared is said, with what to do.
#[test]
fn diff_refuses_what_it_cannot_compare() {
    let place = two_versions();
    place.pack("aws", "aws", "1.0.0", "");
    place.run(&["registry", "build", "packs/old", "--out", "tree"], 0);
    let rows: [(&[&str], i32, &str); 7] = [
        (
            &["packs/old", "packs/aws"],
            2,
            "error: `packs/old` is the pack `slack` and `packs/aws` the pack `aws`\nhint: name two versions of one pack, or pass `--allow-different-ref`\n",
        ),
        (
            &["packs/old", "./nowhere"],
            2,
            "error: there is nothing at `./nowhere`\n",
        ),
        (
            &["packs/old", "slack"],
            1,
            "error: `slack` is not installed\nhint: write `slack@latest`",
        ),
        (
            &["packs/old", "slack@9.0.0", "--registry", "tree"],
            3,
            "matches `9.0.0`\n  listed: 2.1.0\n",
        ),
        (
            &["packs/old", "other@1.0.0", "--registry", "tree"],
            3,
            "error: no registry lists `other`\n  searched `file://",
        ),
        (
            &["packs/old", "https://example.org/a.git"],
            2,
            "is a git repository, which is not read here",
        ),
        (
            &["packs/old", "packs"],
            1,
            "holds several packs: aws, new, old",
        ),
    ];
    for (args, code, expected) in rows {
        let mut all = vec!["pack", "diff"];
        all.extend(args);
        let run = place.run(&all, code);
        assert!(run.stderr.contains(expected), "{args:?}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{args:?}");
    }
}

/// Packs of different refs are compared when that is asked for.
#[test]
fn diff_compares_different_refs_on_request() {
    let place = two_versions();
    place.pack("aws", "aws", "1.0.0", "");
    let both = place.run(
        &[
            "pack",
            "diff",
            "packs/old",
            "packs/aws",
            "--allow-different-ref",
        ],
        0,
    );
    assert!(
        both.stdout.starts_with("slack 2.1.0 -> aws 1.0.0\n"),
        "{}",
        both.stdout
    );
}

/// An older version second is said to be older.
#[test]
fn diff_says_when_the_order_is_wrong() {
    let place = two_versions();
    let run = place.run(&["pack", "diff", "packs/new", "packs/old"], 0);
    assert!(
        run.stdout
            .ends_with("2.1.0 is older than 2.2.0: name the older version first.\n"),
        "{}",
        run.stdout
    );
}
