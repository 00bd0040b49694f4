//! `registry patch` and `registry build --patch`: corrections without a new archive.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Place, snapshot};

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// `core` in two versions, and `slack`, which needs any of them.
fn place() -> Place {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "dependencies: [core]\n");
    for version in ["1.0.0", "2.0.0"] {
        place.pack("core", "core", version, "");
        build(&place, &[], 0);
    }
    place
}

fn build(place: &Place, more: &[&str], code: i32) -> crate::support::Run {
    let base = "https://packs.example.org/";
    let head = [
        "registry",
        "build",
        "packs",
        "--out",
        "tree",
        "--base-url",
        base,
    ];
    place.run(&[&head[..], more].concat(), code)
}

fn patch(place: &Place, more: &[&str], code: i32) -> crate::support::Run {
    place.run(&[&["registry", "patch", "tree"][..], more].concat(), code)
}

fn slack(place: &Place) -> Value {
    read(&place.path("tree/packs/slack.json"))["versions"][0].clone()
}

fn entry(place: &Place) -> Value {
    let index = read(&place.path("tree/index.json"));
    let packs = index["packs"].as_array().unwrap();
    packs
        .iter()
        .find(|pack| pack["ref"] == "slack")
        .unwrap()
        .clone()
}

const TIGHTEN: [&str; 5] = [
    "slack@1.0.0",
    "--set",
    "dependencies.packs=core@<2.0.0",
    "--reason",
    "core 2 is another thing",
];

/// A tightened dependency is in document, index and page, its archive is as it was, the installer heeds it, a
/// check finds nothing, and taking it back leaves no trace.
#[test]
fn patch_corrects_a_dependency_and_can_be_taken_back() {
    let place = place();
    let before = slack(&place);
    let archives = snapshot(&place.path("tree/archives"));
    let run = patch(&place, &TIGHTEN, 0);
    assert_eq!(run.stdout, "✓ `slack@1.0.0` is patched\n");
    let after = slack(&place);
    assert_eq!(after["dependencies"]["packs"], json!(["core@<2.0.0"]));
    let note = &after["patches"][0];
    assert_eq!(note["field"], "dependencies.packs");
    assert_eq!(
        (&note["from"], &note["to"]),
        (&json!(["core"]), &json!(["core@<2.0.0"]))
    );
    assert_eq!(note["reason"], "core 2 is another thing");
    assert_eq!(
        entry(&place)["dependencies"]["packs"],
        json!(["core@<2.0.0"])
    );
    let page = fs::read_to_string(place.path("tree/packs/slack/index.html")).unwrap();
    assert!(page.contains("core 2 is another thing"), "{page}");
    assert_eq!(snapshot(&place.path("tree/archives")), archives);
    place.run(&["registry", "check", "tree", "--strict"], 0);

    let same = snapshot(&place.path("tree"));
    assert_eq!(
        patch(&place, &TIGHTEN, 0).stdout,
        "✓ `slack@1.0.0` says so already\n"
    );
    assert_eq!(snapshot(&place.path("tree")), same);

    place.run(&["pack", "install", "slack", "--registry", "tree"], 0);
    let installed = place.run(&["pack", "list", "--json"], 0).json();
    let core = installed
        .as_array()
        .unwrap()
        .iter()
        .find(|pack| pack["pack_ref"] == "core" || pack["ref"] == "core");
    assert_eq!(core.unwrap()["version"], "1.0.0");
    // What the host remembers is what the registry said.
    let refused = place.run(&["pack", "install", "core@2.0.0", "--registry", "tree"], 3);
    assert!(refused.stderr.contains("slack"), "{}", refused.stderr);

    patch(&place, &["slack", "--remove", "dependencies.packs"], 0);
    assert_eq!(slack(&place), before);
}

/// Corrections stay when the pack is built again, as long as its author says what was corrected.
#[test]
fn patches_survive_builds() {
    let place = place();
    patch(&place, &TIGHTEN, 0);
    let license = [
        "slack",
        "--set",
        "license=MIT",
        "--from",
        "license=NOASSERTION",
        "--reason",
        "asked",
    ];
    patch(&place, &license, 0);
    let patched = slack(&place);
    assert_eq!(patched["patches"].as_array().unwrap().len(), 2);
    // The directory is read again, since the build knows it no more.
    fs::remove_dir_all(place.path("tree.state")).unwrap();
    build(&place, &[], 0);
    assert_eq!(slack(&place), patched);
    place.pack("slack", "slack", "1.1.0", "dependencies: [core]\n");
    build(&place, &[], 0);
    let versions = read(&place.path("tree/packs/slack.json"))["versions"].clone();
    assert_eq!(versions[1], patched);
    assert!(versions[0].get("patches").is_none());

    // Under `--dev` an author may change what was corrected; nobody guesses then.
    place.pack(
        "slack",
        "slack",
        "1.0.0",
        "dependencies: ['core@>=1.0.0']\n",
    );
    let before = snapshot(&place.path("tree"));
    let refused = build(&place, &["--dev"], 1);
    let expected = "the patch of `slack@1.0.0` cannot be kept: `dependencies.packs` does not say what the patch corrects\n  expected  [\"core\"]\n  found     [\"core@>=1.0.0\"]";
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    assert_eq!(snapshot(&place.path("tree")), before);
    // What the author says by himself needs no correction any more.
    place.pack(
        "slack",
        "slack",
        "1.0.0",
        "license: MIT\ndependencies: ['core@<2.0.0']\n",
    );
    build(&place, &["--dev"], 0);
    let versions = read(&place.path("tree/packs/slack.json"))["versions"].clone();
    assert!(versions[1].get("patches").is_none(), "{versions}");
}

const FILE: &str = r#"patches:
  - pack: slack
    reason: core 2 is another thing
    fields:
      dependencies.packs: {from: [core], to: ["core@<2.0.0"]}
      homepage: {to: "https://example.org/slack"}
    sources:
      - {type: archive, url: "https://mirror.example.org/slack.tar.gz", checksum: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}
"#;

/// A patch file is applied by the build it is given to, once; the next build without it keeps what it said.
#[test]
fn patch_files_are_applied_by_builds() {
    let place = place();
    fs::write(place.path("patches.yaml"), FILE).unwrap();
    build(&place, &["--patch", "patches.yaml"], 0);
    let patched = slack(&place);
    assert_eq!(patched["dependencies"]["packs"], json!(["core@<2.0.0"]));
    assert_eq!(patched["homepage"], "https://example.org/slack");
    let given = &patched["given_sources"][0];
    assert_eq!(given["url"], "https://mirror.example.org/slack.tar.gz");
    assert_eq!(&patched["install_sources"][0], given);
    assert_eq!(entry(&place)["homepage"], "https://example.org/slack");
    place.run(&["registry", "check", "tree", "--strict"], 0);
    let before = snapshot(&place.path("tree"));
    build(&place, &["--patch", "patches.yaml"], 0);
    assert_eq!(snapshot(&place.path("tree")), before);
    fs::remove_dir_all(place.path("tree.state")).unwrap();
    build(&place, &[], 0);
    assert_eq!(slack(&place), patched);
    // A file of the operator that says nothing of sources takes none of these away.
    fs::write(place.path("packs/registry.yaml"), "name: Packs\n").unwrap();
    build(&place, &[], 0);
    assert_eq!(slack(&place), patched);
    patch(&place, &["slack@1.0.0", "--remove", "sources"], 0);
    assert!(slack(&place).get("install_sources").is_none());

    fs::write(
        place.path("patches.yaml"),
        FILE.replace("pack: slack", "pack: chat"),
    )
    .unwrap();
    let run = build(&place, &["--patch", "patches.yaml"], 0);
    assert!(
        run.stderr
            .contains("`patches.yaml`, line 2: the registry has no pack `chat`"),
        "{}",
        run.stderr
    );
}

/// Values of `--set` for `slack@1.0.0` that are refused, the exit code, and what is said.
const WRONG_VALUES: [(&str, i32, &str); 9] = [
    (
        "checksum=sha256:00",
        2,
        "the field `checksum` cannot be patched; name one of label,",
    ),
    ("version=2.0.0", 2, "the field `version` cannot be patched"),
    (
        "repository=https://e.org",
        2,
        "the field `repository` cannot be patched",
    ),
    ("label", 2, "write it like this: `license=MIT`"),
    (
        "license=",
        1,
        "the patch of `slack@1.0.0` is refused: `license`: it must say something",
    ),
    (
        "homepage=e.org",
        1,
        "`homepage`: `e.org` is not an absolute http or https URL",
    ),
    (
        "dependencies.packs=Core",
        1,
        "`dependencies.packs`: `Core` is not a pack dependency",
    ),
    ("runtime_deps=python3>=three", 1, "`runtime_deps`: needs "),
    (
        "python=three",
        1,
        "which is no version range that can be checked",
    ),
];

/// Other arguments, the same way.
const WRONG_ARGUMENTS: [(&str, i32, &str); 7] = [
    (
        "slack --set license=MIT --from license=Apache-2.0 --reason x",
        1,
        "`license` does not say what the patch corrects\n  expected  \"Apache-2.0\"\n  found     \"NOASSERTION\"",
    ),
    ("slack --remove license", 1, "`license` is not patched"),
    (
        "slack --remove sources",
        1,
        "no version of `slack` that is meant has sources",
    ),
    (
        "slack@3.0.0 --unset email --reason x",
        1,
        "the registry tree lists no `slack@3.0.0`",
    ),
    (
        "chat --unset email --reason x",
        1,
        "the registry tree lists no pack `chat`",
    ),
    ("slack --set license=MIT", 2, "--reason"),
    ("slack", 2, "--set"),
];

/// What cannot be is said, and nothing changes.
#[test]
fn wrong_patches_change_nothing() {
    let place = place();
    let before = snapshot(&place.path("tree"));
    let refused = |arguments: &[&str], code: i32, expected: &str| {
        let run = patch(&place, arguments, code);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
        assert_eq!(snapshot(&place.path("tree")), before);
    };
    for (value, code, expected) in WRONG_VALUES {
        let set = ["slack@1.0.0", "--set", value, "--reason", "x"];
        refused(&set, code, expected);
    }
    for (arguments, code, expected) in WRONG_ARGUMENTS {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        refused(&arguments, code, expected);
    }
}

/// What is wrong in a patch file is said with its place, and nothing is built.
#[test]
fn wrong_patch_files_change_nothing() {
    let place = place();
    let before = snapshot(&place.path("tree"));
    let refused = |text: &str, code: i32, expected: &str| {
        fs::write(place.path("patches.yaml"), text).unwrap();
        let run = build(&place, &["--patch", "patches.yaml"], code);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
        assert_eq!(snapshot(&place.path("tree")), before);
    };
    let with = |old: &str, new: &str| FILE.replace(old, new);
    refused(
        &with("[core]", "['core@^1']"),
        1,
        "`dependencies.packs` does not say what the patch corrects\n  expected  [\"core@^1\"]\n  found     [\"core\"]",
    );
    refused(
        &with("from:", "form:"),
        2,
        "`patches.yaml`, line 5, field `fields.dependencies.packs.form`: there is no such key",
    );
    refused(
        &with("homepage:", "checksum:"),
        2,
        "line 6, field `fields.checksum`: the field `checksum` cannot be patched",
    );
    refused(
        &with("reason: core 2 is another thing", "reason: ''"),
        2,
        "line 2, field `reason`: the field is missing",
    );
    refused("patches: {}\n", 2, "line 1, field `patches`: it is no list");
    refused(
        "patches: [{pack: slack, reason: x}]\n",
        2,
        "the patch corrects nothing",
    );
}

/// `registry check` holds notes against the fields and against the archive.
#[test]
fn check_finds_notes_that_lie() {
    let place = place();
    patch(&place, &TIGHTEN, 0);
    crate::registry_check::repin(&place, "slack", |document| {
        document["versions"][0]["patches"][0]["from"] = json!(["core@^9"]);
    });
    let run = place.run(&["registry", "check", "tree"], 1);
    assert!(run.stdout.contains("patch-wrong"), "{}", run.stdout);
    assert!(
        run.stdout.contains("is not what was corrected"),
        "{}",
        run.stdout
    );
    crate::registry_check::repin(&place, "slack", |document| {
        let version = &mut document["versions"][0];
        version["patches"][0]["from"] = json!(["core"]);
        version["dependencies"]["packs"] = json!(["core@^9"]);
    });
    let run = place.run(&["registry", "check", "tree", "--quick"], 1);
    assert!(
        run.stdout.contains("does not say what it was patched to"),
        "{}",
        run.stdout
    );
}

/// A merge keeps the corrections of every tree.
#[test]
fn merges_keep_patches() {
    let place = place();
    place.run(&["registry", "merge", "tree", "--out", "merged"], 0);
    patch(&place, &TIGHTEN, 0);
    let license = ["slack", "--set", "license=MIT", "--reason", "asked"];
    place.run(
        &[&["registry", "patch", "merged"][..], &license].concat(),
        0,
    );
    place.run(&["registry", "merge", "tree", "--out", "merged"], 0);
    let merged = read(&place.path("merged/packs/slack.json"))["versions"][0].clone();
    assert_eq!(merged["license"], "MIT");
    assert_eq!(merged["dependencies"]["packs"], json!(["core@<2.0.0"]));
    assert_eq!(merged["patches"].as_array().unwrap().len(), 2);
}

/// Sources that `index-update` gave to a tree stay when the pack is built again.
#[test]
fn given_sources_survive_builds() {
    let place = place();
    let update = [
        "pack",
        "index-update",
        "packs/slack",
        "--index",
        "tree/index.json",
        "--git-url",
        "https://example.org/slack.git",
        "--git-ref",
        "v1.0.0",
        "--update",
    ];
    place.run(&update, 0);
    let given = slack(&place);
    assert_eq!(
        given["given_sources"][0]["url"],
        "https://example.org/slack.git"
    );
    fs::remove_dir_all(place.path("tree.state")).unwrap();
    build(&place, &[], 0);
    assert_eq!(slack(&place), given);
    assert_eq!(
        entry(&place)["install_sources"].as_array().unwrap().len(),
        2
    );
}
