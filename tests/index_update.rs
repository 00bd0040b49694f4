//! `pack index-update`: adding, replacing, refusing, and what an update leaves alone.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::Place;
use crate::support::index::{conforming, entry, index};

const GIT: [&str; 4] = [
    "--git-url",
    "https://example.org/slack.git",
    "--git-ref",
    "v1.0.0",
];

/// A place with a pack `slack` 1.0.0 and an index that lists `aws`.
fn place() -> Place {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    let aws = entry("aws", "1.0.0", "https://example.org/aws");
    fs::write(place.path("index.json"), index("Registry", &[aws])).unwrap();
    place
}

/// Runs an update of `slack` with a git source, at a fixed time, and more flags.
#[track_caller]
fn update(place: &Place, time: &str, more: &[&str], code: i32) -> (Value, String) {
    let base = [
        "pack",
        "index-update",
        "packs/slack",
        "--index",
        "index.json",
        "--json",
    ];
    let mut command = place.attune(&[&base[..], &GIT, more].concat());
    let done = command.env("SOURCE_DATE_EPOCH", time).output().unwrap();
    let stderr = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(code), "{stderr}");
    (
        serde_json::from_slice(&done.stdout).unwrap_or_default(),
        stderr,
    )
}

fn read(place: &Place) -> Value {
    conforming(&fs::read(place.path("index.json")).unwrap())
}

/// Added, unchanged, updated: the result programs read, the time that moves with content only, and an
/// index that obeys every rule each time.
#[test]
fn update_adds_and_replaces() {
    let place = place();
    let tree = place
        .run(&["pack", "checksum", "packs/slack", "--json"], 0)
        .json();
    let (added, _) = update(&place, "1780000000", &[], 0);
    assert_eq!(
        added,
        json!({
            "success": true, "index_file": "index.json", "pack_ref": "slack", "version": "1.0.0",
            "checksum": tree["checksum"], "action": "added"
        })
    );
    let index = read(&place);
    assert_eq!(index["last_updated"], "2026-05-28T20:26:40Z");
    assert_eq!(index["packs"][0]["ref"], "aws");
    assert_eq!(index["packs"][1]["install_sources"][0]["ref"], "v1.0.0");
    let before = fs::metadata(place.path("index.json")).unwrap();
    let (same, _) = update(&place, "1790000000", &[], 0);
    assert_eq!(same["action"], "unchanged");
    let after = fs::metadata(place.path("index.json")).unwrap();
    assert_eq!(
        (after.ino(), after.mtime_nsec()),
        (before.ino(), before.mtime_nsec())
    );
    place.pack("slack", "slack", "1.1.0", "");
    let (updated, _) = update(&place, "1790000000", &["--update"], 0);
    assert_eq!(
        (&updated["action"], &updated["previous_version"]),
        (&"updated".into(), &"1.0.0".into())
    );
    let index = read(&place);
    assert_eq!(index["packs"].as_array().unwrap().len(), 2);
    assert_eq!(index["last_updated"], "2026-09-21T14:13:20Z");
    // The clock of another machine may be behind; the index never goes back.
    place.pack("slack", "slack", "1.2.0", "");
    update(&place, "1770000000", &["-u"], 0);
    assert_eq!(read(&place)["last_updated"], "2026-09-21T14:13:20Z");
    let table = place.run(
        &[
            &["pack", "index-update", "packs/slack", "-i", "index.json"],
            &GIT[..],
        ]
        .concat(),
        0,
    );
    assert!(
        table
            .stdout
            .starts_with("✓ 'slack' 1.2.0 is in index.json already; nothing was written\n"),
        "{table:?}"
    );
}

/// What is mostly a mistake needs a word of its own; every refusal leaves the file alone.
#[test]
fn update_refuses_what_is_mostly_a_mistake() {
    let place = place();
    update(&place, "1780000000", &[], 0);
    let before = fs::read(place.path("index.json")).unwrap();
    let refused = |more: &[&str], code| {
        let (_, stderr) = update(&place, "1790000000", more, code);
        assert_eq!(fs::read(place.path("index.json")).unwrap(), before);
        stderr
    };
    place.pack("slack", "slack", "2.0.0", "");
    assert_eq!(
        refused(&[], 1),
        "error: Pack 'slack' already exists in index. Use --update to replace it.\n\
         hint: pass `--update` to put 2.0.0 in place of 1.0.0\n"
    );
    place.pack("slack", "slack", "0.9.0", "");
    assert_eq!(
        refused(&["--update"], 1),
        "error: `slack` is listed with 1.0.0, which is newer than 0.9.0\n\
         hint: pass `--allow-downgrade` too if clients shall get 0.9.0 from now on\n"
    );
    let manifest = place.path("packs/slack/pack.yaml");
    fs::write(
        &manifest,
        "ref: slack\nversion: 3.0.0\nrepository: https://evil.org/slack\n",
    )
    .unwrap();
    assert_eq!(
        refused(&["--update"], 1),
        "error: the ref `slack` belongs to `https://example.org/slack` in this index; the new entry is of `https://evil.org/slack`\n\
         hint: rename the pack, or pass `--same-pack` if it has moved to the new place\n"
    );
    refused(&["--update", "--allow-downgrade"], 1);
    refused(&["--allow-downgrade"], 2);
    update(&place, "1790000000", &["--update", "--same-pack"], 0);
    assert_eq!(
        read(&place)["packs"][1]["repository"],
        "https://evil.org/slack"
    );
    place.pack("slack", "slack", "0.9.0", "");
    let intended = ["--update", "--allow-downgrade", "--same-pack"];
    update(&place, "1790000000", &intended, 0);
    assert_eq!(read(&place)["packs"][1]["version"], "0.9.0");
    // Versions are compared as versions: ten is more than nine.
    place.pack("slack", "slack", "0.10.0", "");
    update(&place, "1790000000", &["--update"], 0);
    // The same version with other files: done, as people do before they publish, and said.
    place.pack("slack", "slack", "0.10.0", "description: other\n");
    let (_, stderr) = update(&place, "1790000000", &["--update"], 0);
    assert!(
        stderr.contains("`slack@0.10.0` changes its contents: the git source was sha256:"),
        "{stderr}"
    );
}

/// An index that cannot be written by the rules is an error that names file, line, pack and rule.
#[test]
fn update_names_what_is_wrong_with_an_index() {
    let place = place();
    let file = place.path("index.json");
    let mut loose = entry("loose", "1.0.0", "https://example.org/loose");
    loose["install_sources"] =
        json!([{"type": "git", "url": "https://example.org/loose.git", "checksum": null}]);
    let mut counted = entry("counted", "1.0.0", "https://example.org/counted");
    counted["contents"] = json!({"actions": 2});
    let twice = entry("twice", "1.0.0", "https://example.org/twice");
    let rows: [(String, &str); 9] = [
        (
            index("R", &[loose]),
            "line 1, entry 0 (`loose`): an install source has no sha256 checksum; a git source has no `ref`",
        ),
        (
            index("R", &[counted]),
            "entry 0 (`counted`): invalid type: integer `2`",
        ),
        (
            index("R", &[twice.clone(), twice]),
            "entry 1 (`twice`): the ref is listed more than once",
        ),
        (
            r#"{"version": "1.0"}"#.to_owned(),
            "Invalid index format: missing 'packs' array in `index.json`",
        ),
        (
            r#"{"packs": []}"#.to_owned(),
            "`registry_name` is missing or empty",
        ),
        (index(" ", &[]), "`registry_name` is missing or empty"),
        (
            index("R", &[]).replace("https://packs", "http://packs"),
            "`http://packs.example.org/` is refused: its scheme is not https",
        ),
        (
            index("R", &[]).replace("2026-01-01", "yesterday "),
            "`last_updated` is `yesterday T00:00:00Z`",
        ),
        ("[1".to_owned(), "the index is not valid"),
    ];
    for (text, part) in rows {
        fs::write(&file, &text).unwrap();
        let (_, stderr) = update(&place, "1780000000", &[], 1);
        assert!(
            stderr.contains("index.json`") && stderr.contains(part),
            "{part}\n{stderr}"
        );
        assert!(stderr.contains("hint: "), "{stderr}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}

/// A file that is not there is an error; one that lacks its root is helped by flags.
#[test]
fn update_needs_a_file_and_its_root() {
    let place = place();
    let file = place.path("index.json");
    let missing = place.run(
        &[
            &[
                "pack",
                "index-update",
                "packs/slack",
                "--index",
                "none.json",
            ],
            &GIT[..],
        ]
        .concat(),
        1,
    );
    assert!(
        missing
            .stderr
            .starts_with("error: Index file not found: none.json\n"),
        "{missing:?}"
    );
    fs::write(&file, r#"{"packs": []}"#).unwrap();
    update(
        &place,
        "1780000000",
        &["--name", "N", "--url", "https://e.org"],
        0,
    );
    assert_eq!(read(&place)["registry_name"], "N");
}

/// Loose forms of older tools load and are written strictly; what is lost on the way is told.
#[test]
fn update_mends_loose_entries_and_tells() {
    let place = place();
    let mut old = entry("old", "1.0.0", "https://example.org/old");
    old["label"] = json!("");
    old["keywords"] = json!(["b", "a", "b"]);
    old["generated_by"] = json!("a tool");
    old["dependencies"] = json!({"packs": [{"ref": "core", "version": ">=1.0.0"}, "aws"]});
    old["contents"] = json!({"actions": [{"name": "x"}, {"name": "x", "description": "again"}]});
    let invalid = json!({"ref": "Bad", "version": "1"});
    let text = index("R", &[old, invalid]);
    fs::write(place.path("index.json"), text).unwrap();
    let (_, stderr) = update(&place, "1780000000", &["--skip-invalid"], 0);
    assert_eq!(
        stderr,
        "⚠ `index.json`: `generated_by` is no member of format 1, in `old`; left out\n\
         ⚠ `index.json`: one of `actions` is listed again, in `old`; left out\n\
         ⚠ `index.json`, line 1, entry 1 (`Bad`): `Bad` is not a pack ref: it does not start with a lower-case letter; left out\n"
    );
    let index = read(&place);
    let old = &index["packs"][0];
    assert_eq!(old["label"], "old");
    assert_eq!(old["keywords"], json!(["b", "a"]));
    assert_eq!(old["dependencies"]["packs"], json!(["core@>=1.0.0", "aws"]));
    assert_eq!(
        old["contents"]["actions"],
        json!([{"name": "x", "description": ""}])
    );
}

/// Mode and link of the file stay, and nothing is left beside it.
#[test]
fn update_keeps_what_belongs_to_the_file() {
    let place = place();
    fs::create_dir(place.path("real")).unwrap();
    fs::rename(place.path("index.json"), place.path("real/index.json")).unwrap();
    symlink("real/index.json", place.path("index.json")).unwrap();
    let real = place.path("real/index.json");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o664)).unwrap();
    update(&place, "1780000000", &[], 0);
    assert!(place.path("index.json").is_symlink());
    assert_eq!(
        fs::metadata(&real).unwrap().permissions().mode() & 0o777,
        0o664
    );
    assert_eq!(fs::read_dir(place.path("real")).unwrap().count(), 1);
    assert_eq!(read(&place)["packs"].as_array().unwrap().len(), 2);
}

/// Many at once: each waits for the one before, and no entry is lost.
#[test]
fn update_loses_nothing_when_many_run_at_once() {
    let place = place();
    let names: Vec<String> = (0..8).map(|i| format!("pack{i}")).collect();
    for name in &names {
        place.pack(name, name, "1.0.0", "");
    }
    let running: Vec<_> = names
        .iter()
        .map(|name| {
            let directory = format!("packs/{name}");
            let args = [
                "pack",
                "index-update",
                &directory,
                "--index",
                "index.json",
                "-q",
            ];
            place
                .attune(&[&args[..], &GIT].concat())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(read(&place)["packs"].as_array().unwrap().len(), 9);
}
