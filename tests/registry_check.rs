//! `registry check`: a tree that is right, and every way one can be wrong.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Place, project, snapshot};

const CORE: &str = "tree/archives/core/core-1.0.0.tar.gz";

/// `core`, and two versions of `slack` that need it.
fn place() -> Place {
    let place = Place::new();
    place.pack("core", "core", "1.0.0", "");
    for version in ["1.0.0", "1.1.0"] {
        let needs = "description: Sends messages.\ndependencies: ['core@^1.0']\n";
        place.pack("slack", "slack", version, needs);
        build(&place);
    }
    place
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    pack_format::ArchiveDigest::of(bytes).to_hex()
}

/// Builds the tree as one that is to be published.
fn build(place: &Place) {
    let url = "https://packs.example.org/";
    place.run(
        &[
            "registry",
            "build",
            "packs",
            "--out",
            "tree",
            "--base-url",
            url,
        ],
        0,
    );
}

/// Writes a file of the tree without the twins that would be stale.
fn put(place: &Place, path: &str, bytes: &[u8]) {
    remove(place, path);
    fs::write(place.path(path), bytes).unwrap();
}

/// Removes a file of the tree and its twins. A view and its object may be one file under two names.
fn remove(place: &Place, path: &str) {
    let path = place.path(path);
    let _ = fs::remove_file(&path);
    for suffix in ["gz", "zst"] {
        let _ = fs::remove_file(format!("{}.{suffix}", path.display()));
    }
}

/// Changes a JSON document of the tree that nothing pins.
fn edit(place: &Place, path: &str, change: impl FnOnce(&mut Value)) {
    let mut document = read(&place.path(path));
    change(&mut document);
    put(place, path, document.to_string().as_bytes());
}

/// Changes the document of a pack, and pins the new one in place of the old.
pub(crate) fn repin(place: &Place, pack: &str, change: impl FnOnce(&mut Value)) {
    let old = read(&place.path("tree/packs.json"))["packs"][pack]["document"]
        .as_str()
        .unwrap()
        .trim_start_matches("sha256:")
        .to_owned();
    let old = format!("tree/docs/{old}.{pack}.json");
    let mut document = read(&place.path(&old));
    change(&mut document);
    let bytes = document.to_string().into_bytes();
    let digest = sha256(&bytes);
    remove(place, &old);
    put(place, &format!("tree/docs/{digest}.{pack}.json"), &bytes);
    put(place, &format!("tree/packs/{pack}.json"), &bytes);
    edit(place, "tree/packs.json", |packs| {
        packs["packs"][pack]["document"] = json!(format!("sha256:{digest}"));
    });
}

fn rules_of(document: &Value) -> BTreeSet<String> {
    document["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["rule"].as_str().unwrap().to_owned())
        .collect()
}

fn check(place: &Place, args: &[&str], code: i32) -> Value {
    let args = [&["registry", "check", "--json"], args].concat();
    place.run(&args, code).json()
}

/// A tree that was built is right, in a folder and over HTTP, and so is its index alone; nothing is written.
#[test]
fn check_finds_nothing_in_a_tree_that_was_built() {
    let place = place();
    let before = snapshot(&place.path("."));
    let found = check(&place, &["tree", "--strict"], 0);
    assert_eq!(found["diagnostics"], json!([]));
    assert_eq!(found["looked_at"]["packs"], 2);
    assert_eq!(found["looked_at"]["versions"], 3);
    assert_eq!(found["looked_at"]["archives"], 3);
    assert_eq!(before, snapshot(&place.path(".")));

    let hosted = place.serve("tree");
    let found = check(&place, &[&hosted.url, "--strict"], 0);
    assert_eq!(found["diagnostics"], json!([]));
    assert_eq!(found["looked_at"]["archives"], 3);
    assert_eq!(found["looked_at"].get("files"), None);

    let text = place.run(&["registry", "check", "tree"], 0);
    assert!(
        text.stdout.starts_with(
            "✓ Nothing to complain about\n  Format 2: 2 packs, 3 versions, 3 archives read"
        ),
        "{}",
        text.stdout
    );
}

/// What is changed, the rule it breaks, the file that is named, and the exit code.
type Case = (&'static str, &'static str, i32, fn(&Place));

const CASES: &[Case] = &[
    ("file-irregular", "assets/link", 1, |place| {
        symlink("../index.html", place.path("tree/assets/link")).unwrap();
    }),
    ("file-missing", "index.json", 1, |place| {
        remove(place, "tree/index.json");
    }),
    ("file-missing", "packs/core.json", 1, |place| {
        remove(place, "tree/packs/core.json");
    }),
    ("document-invalid", "registry.json", 1, |place| {
        put(place, "tree/registry.json", b"{\n  \"format\": 2,\n}");
    }),
    ("document-invalid", "packs.json", 1, |place| {
        edit(place, "tree/packs.json", |packs| packs["format"] = json!(3));
    }),
    ("document-digest", "docs/", 5, |place| {
        let core = fs::read_dir(place.path("tree/docs")).unwrap();
        let core = core
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .find(|name| name.ends_with(".core.json"));
        edit(place, &format!("tree/docs/{}", core.unwrap()), |document| {
            document["owners"] = json!(["somebody"]);
        });
    }),
    ("document-view", "packs/core.json", 5, |place| {
        edit(place, "tree/packs/core.json", |document| {
            document["owners"] = json!(["somebody"]);
        });
    }),
    ("document-ref", "docs/", 1, |place| {
        repin(place, "core", |document| document["ref"] = json!("other"));
    }),
    ("document-pointer", "packs.json", 1, |place| {
        edit(place, "tree/packs.json", |packs| {
            packs["packs"]["slack"]["version"] = json!("1.0.0");
        });
    }),
    ("version-order", "docs/", 1, |place| {
        repin(place, "slack", |document| {
            document["versions"].as_array_mut().unwrap().swap(0, 1);
        });
    }),
    ("version-source", "docs/", 1, |place| {
        repin(place, "slack", |document| {
            let version = document["versions"][1].as_object_mut().unwrap();
            version.remove("archive");
        });
    }),
    ("archive-missing", "docs/", 5, |place| {
        fs::remove_file(place.path(CORE)).unwrap();
    }),
    ("archive-size", "docs/", 5, |place| {
        let bytes = fs::read(place.path(CORE)).unwrap();
        fs::write(place.path(CORE), &bytes[1..]).unwrap();
    }),
    ("archive-digest", "docs/", 5, |place| {
        let mut bytes = fs::read(place.path(CORE)).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(place.path(CORE), bytes).unwrap();
    }),
    ("archive-refused", "docs/", 5, |place| {
        let mut bytes = fs::read(place.path(CORE)).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(place.path(CORE), &bytes).unwrap();
        repin(place, "core", |document| {
            document["versions"][0]["archive"]["checksum"] =
                json!(format!("sha256:{}", sha256(&bytes)));
        });
    }),
    ("archive-identity", "docs/", 5, |place| {
        let slack = fs::read(place.path("tree/archives/slack/slack-1.1.0.tar.gz")).unwrap();
        fs::write(place.path(CORE), &slack).unwrap();
        repin(place, "core", |document| {
            let archive = &mut document["versions"][0]["archive"];
            archive["checksum"] = json!(format!("sha256:{}", sha256(&slack)));
            archive["size_bytes"] = json!(slack.len());
        });
    }),
    ("archive-tree", "docs/", 5, |place| {
        repin(place, "core", |document| {
            document["versions"][0]["file_count"] = json!(99);
        });
    }),
    ("archive-components", "docs/", 1, |place| {
        repin(place, "core", |document| {
            document["versions"][0]["components"]["actions"][0]["name"] = json!("renamed");
        });
    }),
    ("patch-wrong", "docs/", 1, |place| {
        repin(place, "core", |document| {
            let note = json!({"field": "license", "from": "NOASSERTION", "to": "MIT", "at": "2020-01-01T00:00:00Z"});
            document["versions"][0]["patches"] = json!([note]);
        });
    }),
    ("count-wrong", "registry.json", 1, |place| {
        edit(place, "tree/registry.json", |registry| {
            registry["version_count"] = json!(2);
        });
    }),
    ("time-mismatch", "packs.json", 1, |place| {
        edit(place, "tree/packs.json", |packs| {
            packs["updated_at"] = json!("2020-01-01T00:00:00Z");
        });
    }),
    ("index-invalid", "index.json", 1, |place| {
        put(place, "tree/index.json", b"{\"packs\": [");
    }),
    ("index-root", "index.json", 1, |place| {
        edit(place, "tree/index.json", |index| {
            index["generated_by"] = json!("hand");
        });
    }),
    ("index-entry", "index.json", 1, |place| {
        edit(place, "tree/index.json", |index| {
            index["packs"][0]
                .as_object_mut()
                .unwrap()
                .remove("keywords");
        });
    }),
    ("index-order", "index.json", 1, |place| {
        edit(place, "tree/index.json", |index| {
            index["packs"].as_array_mut().unwrap().swap(0, 1);
        });
    }),
    ("index-differs", "index.json", 1, |place| {
        edit(place, "tree/index.json", |index| {
            index["packs"][1]["version"] = json!("1.0.0");
        });
    }),
    ("index-differs", "index.json", 1, |place| {
        edit(place, "tree/index.json", |index| {
            index["packs"].as_array_mut().unwrap().pop();
        });
    }),
    ("index-development", "index.json", 0, |place| {
        fs::remove_dir_all(place.path("tree")).unwrap();
        fs::remove_dir_all(place.path("tree.state")).unwrap();
        place.run(&["registry", "build", "packs", "--out", "tree"], 0);
    }),
    ("dependency-unknown", "packs/slack.json", 0, |place| {
        fs::remove_dir_all(place.path("tree")).unwrap();
        fs::remove_dir_all(place.path("tree.state")).unwrap();
        fs::remove_dir_all(place.path("packs/core")).unwrap();
        build(place);
    }),
    ("dependency-unsatisfied", "packs/slack.json", 0, |place| {
        place.pack("slack", "slack", "2.0.0", "dependencies: ['core@^7']\n");
        build(place);
    }),
    ("successor-unknown", "packs/slack.json", 0, |place| {
        let deprecate = [
            "pack",
            "deprecate",
            "slack",
            "--tree",
            "tree",
            "--successor",
            "core",
        ];
        place.run(&deprecate, 0);
        repin(place, "slack", |document| {
            document["deprecated"]["successor"] = json!("chat");
        });
    }),
    ("twin-stale", "packs.json.gz", 5, |place| {
        let twin = fs::read(place.path("tree/index.json.gz")).unwrap();
        fs::write(place.path("tree/packs.json.gz"), twin).unwrap();
    }),
    ("page-missing", "packs/core/index.html", 1, |place| {
        remove(place, "tree/packs/core/index.html");
    }),
    ("search-stale", "search/terms/t-.json", 1, |place| {
        let words = fs::read_to_string(place.path("tree/search/terms/t-.json")).unwrap();
        let other = words.replacen("slack", "slick", 1);
        assert_ne!(words, other);
        put(place, "tree/search/terms/t-.json", other.as_bytes());
    }),
    ("search-stale", "search/packs/0.json", 1, |place| {
        remove(place, "tree/search/packs/0.json");
    }),
    ("view-stale", "packs/core/badge.svg", 1, |place| {
        let badge = fs::read_to_string(place.path("tree/packs/core/badge.svg")).unwrap();
        let other = badge.replace("1.0.0", "9.9.9");
        assert_ne!(badge, other);
        fs::write(place.path("tree/packs/core/badge.svg"), other).unwrap();
    }),
    ("view-stale", "packs/slack/feed.atom", 1, |place| {
        remove(place, "tree/packs/slack/feed.atom");
    }),
    ("view-stale", "feed.atom", 1, |place| {
        put(place, "tree/feed.atom", b"<feed/>");
    }),
    ("changes-broken", "changes/head.json", 5, |place| {
        edit(place, "tree/changes/head.json", |head| {
            head["records"][0]["number"] = json!(7);
        });
    }),
    ("file-orphan", "changes/0-x.json", 0, |place| {
        fs::write(place.path("tree/changes/0-x.json"), b"{}").unwrap();
    }),
    ("file-orphan", "search/terms/t-x.json", 0, |place| {
        fs::write(place.path("tree/search/terms/t-x.json"), b"{}").unwrap();
    }),
    ("file-orphan", "keywords/nobody/index.html", 0, |place| {
        fs::create_dir_all(place.path("tree/keywords/nobody")).unwrap();
        fs::write(place.path("tree/keywords/nobody/index.html"), b"<p>").unwrap();
    }),
    ("link-broken", "404.html", 1, |place| {
        put(
            place,
            "tree/404.html",
            b"<p>\n<a href=\"packs/nobody/\">x</a>",
        );
    }),
    (
        "file-orphan",
        "archives/core/core-0.9.0.tar.gz",
        0,
        |place| {
            fs::copy(
                place.path(CORE),
                place.path("tree/archives/core/core-0.9.0.tar.gz"),
            )
            .unwrap();
        },
    ),
];

/// Each breach is found under its rule, at its file, with its exit code; nothing is written.
#[test]
fn check_finds_every_breach() {
    for (rule, file, code, change) in CASES {
        let place = place();
        change(&place);
        let before = snapshot(&place.path("tree"));
        let found = check(&place, &["tree"], *code);
        assert_eq!(before, snapshot(&place.path("tree")), "{rule}");
        let list = found["diagnostics"].as_array().unwrap();
        assert!(
            list.iter()
                .any(|found| found["rule"] == *rule
                    && found["file"].as_str().unwrap().starts_with(file)),
            "{rule} at {file}: {found:#}"
        );
        check(
            &place,
            &["tree", "--strict"],
            if *code == 0 { 1 } else { *code },
        );
    }
}

/// Every rule of the document has a case above, but for what needs a broken disk.
#[test]
fn every_rule_has_a_case() {
    let document = fs::read_to_string(project().join("docs/registry-check.md")).unwrap();
    let documented: BTreeSet<&str> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let mut tried: BTreeSet<&str> = CASES.iter().map(|(rule, ..)| *rule).collect();
    tried.insert("file-unreadable");
    assert_eq!(documented, tried);
}

/// A change that says one thing is told once: damage to an archive is no finding about anything else.
#[test]
fn check_tells_damage_once() {
    let place = place();
    let mut bytes = fs::read(place.path(CORE)).unwrap();
    bytes[20] ^= 1;
    fs::write(place.path(CORE), bytes).unwrap();
    let found = check(&place, &["tree"], 5);
    assert_eq!(
        rules_of(&found),
        BTreeSet::from(["archive-digest".to_owned()])
    );
    assert_eq!(found["errors"], 1);
    let text = place.run(&["registry", "check", "tree"], 5);
    assert!(text.stdout.contains("error[archive-digest] `versions.1.0.0.archive`: `archives/core/core-1.0.0.tar.gz` has other bytes\n  expected  sha256:"), "{}", text.stdout);
    // A quick check looks at sizes only.
    check(&place, &["tree", "--quick"], 0);
    fs::remove_file(place.path(CORE)).unwrap();
    let found = check(&place, &["tree", "--quick"], 5);
    assert_eq!(
        rules_of(&found),
        BTreeSet::from(["archive-missing".to_owned()])
    );
    // The same over HTTP.
    let hosted = place.serve("tree");
    let found = check(&place, &[&hosted.url], 5);
    assert_eq!(
        rules_of(&found),
        BTreeSet::from(["archive-missing".to_owned()])
    );
}

/// Archives of a lone index are fetched and compared; dependencies are looked for in it.
#[test]
fn check_reads_a_lone_index() {
    let place = place();
    let hosted = place.serve("tree");
    let text = fs::read_to_string(place.path("tree/index.json")).unwrap();
    let here = text.replace("https://packs.example.org/", &hosted.url);
    fs::write(place.path("lone.json"), &here).unwrap();
    let found = check(&place, &["lone.json"], 0);
    assert_eq!(
        rules_of(&found),
        BTreeSet::from(["index-development".to_owned()])
    );
    assert_eq!(found["looked_at"]["format"], 1);
    assert_eq!(found["looked_at"]["archives"], 2);

    let mut index: Value = serde_json::from_str(&here).unwrap();
    let digest = format!("sha256:{}", "0".repeat(64));
    index["packs"][0]["install_sources"][0]["checksum"] = json!(digest);
    index["packs"][1]["install_sources"][0]["url"] = json!(format!("{}nothing.tar.gz", hosted.url));
    index["packs"][1]["dependencies"]["packs"] = json!(["nobody"]);
    fs::write(place.path("lone.json"), index.to_string()).unwrap();
    let found = check(&place, &["lone.json"], 5);
    let expected = [
        "archive-digest",
        "archive-missing",
        "dependency-unknown",
        "index-development",
    ];
    assert_eq!(rules_of(&found), expected.map(str::to_owned).into());
    let quick = check(&place, &["lone.json", "--quick"], 0);
    assert_eq!(quick["looked_at"]["archives"], 0);
}

/// A path that leaves the tree is not followed.
#[test]
fn check_stays_inside_the_registry() {
    let place = place();
    fs::copy(place.path(CORE), place.path("outside.tar.gz")).unwrap();
    repin(&place, "core", |document| {
        document["versions"][0]["archive"]["path"] = json!("../outside.tar.gz");
    });
    let found = check(&place, &["tree"], 1);
    let told = found["diagnostics"].to_string();
    assert!(told.contains("leaves the registry"), "{told}");
    let hosted = place.serve("tree");
    let found = check(&place, &[&hosted.url], 1);
    assert!(rules_of(&found).contains("file-unreadable"), "{found:#}");
}

/// What is no registry, and what does not answer, is an error and no finding.
#[test]
fn check_needs_a_registry() {
    let place = Place::new();
    fs::create_dir(place.path("empty")).unwrap();
    let run = place.run(&["registry", "check", "empty"], 1);
    assert!(
        run.stderr
            .contains("has neither `registry.json` nor `index.json`"),
        "{}",
        run.stderr
    );
    place.run(&["registry", "check", "./nowhere"], 2);
    let sarif = place.run(&["registry", "check", "empty", "--format", "sarif"], 1);
    assert_eq!(sarif.stdout, "");
}
