//! `pack index-update` on the index of a registry tree: documents, pages and index stay one.

use std::fs;

use serde_json::Value;

use crate::support::index::conforming;
use crate::support::{Place, snapshot};

const UPDATE: [&str; 5] = [
    "pack",
    "index-update",
    "packs/slack",
    "--index",
    "tree/index.json",
];

/// A hosted tree with `slack` 1.0.0, whose 0.9.0 is yanked, and `aws`.
fn place() -> Place {
    let place = Place::new();
    place.pack("old", "slack", "0.9.0", "");
    place.pack("slack", "slack", "1.0.0", "");
    place.pack("aws", "aws", "1.0.0", "dependencies: [slack]\n");
    let operator = "name: Tree\nurl: https://packs.example.org/\npacks:\n  slack:\n    yanked: {\"0.9.0\": broken}\n";
    fs::write(place.path("packs/registry.yaml"), operator).unwrap();
    place.build();
    fs::remove_dir_all(place.path("packs/old")).unwrap();
    place
}

fn json(place: &Place, path: &str) -> Value {
    serde_json::from_slice(&fs::read(place.path("tree").join(path)).unwrap()).unwrap()
}

/// The index and the documents say the same, and what they name is there.
#[track_caller]
fn consistent(place: &Place) -> Value {
    let index = conforming(&fs::read(place.path("tree/index.json")).unwrap());
    let packs = json(place, "packs.json");
    for entry in index["packs"].as_array().unwrap() {
        let name = entry["ref"].as_str().unwrap();
        assert_eq!(packs["packs"][name]["version"], entry["version"]);
        let bytes = fs::read(place.path("tree").join(format!("packs/{name}.json"))).unwrap();
        let digest = pack_format::ArchiveDigest::of(&bytes).to_string();
        assert_eq!(packs["packs"][name]["document"], digest.as_str());
        let document: Value = serde_json::from_slice(&bytes).unwrap();
        for version in document["versions"].as_array().unwrap() {
            let path = version["archive"]["path"].as_str().unwrap();
            let archive = fs::read(place.path("tree").join(path)).unwrap();
            let digest = pack_format::ArchiveDigest::of(&archive).to_string();
            assert_eq!(version["archive"]["checksum"], digest.as_str());
        }
        let page = fs::read_to_string(place.path("tree").join(format!("packs/{name}/index.html")));
        assert!(page.unwrap().contains(entry["version"].as_str().unwrap()));
    }
    index
}

/// A new version joins the history: index, documents, archive and pages follow, yanks stay, and an
/// installation gets it.
#[test]
fn tree_update_refreshes_the_whole_tree() {
    let place = place();
    place.pack("slack", "slack", "1.1.0", "");
    let sources = [
        "--git-url",
        "https://example.org/slack.git",
        "--git-ref",
        "v1.1.0",
    ];
    let run = place.run(
        &[&UPDATE[..], &sources, &["--update", "--json"]].concat(),
        0,
    );
    let result = run.json();
    assert_eq!(
        (
            &result["action"],
            &result["version"],
            &result["previous_version"]
        ),
        (&"updated".into(), &"1.1.0".into(), &"1.0.0".into())
    );
    let index = consistent(&place);
    assert_eq!(index["packs"][1]["version"], "1.1.0");
    let kinds: Vec<&Value> = index["packs"][1]["install_sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| &source["type"])
        .collect();
    assert_eq!(kinds, ["git", "archive"]);
    let document = json(&place, "packs/slack.json");
    let versions: Vec<&Value> = document["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| &v["version"])
        .collect();
    assert_eq!(versions, ["1.1.0", "1.0.0", "0.9.0"]);
    assert_eq!(document["versions"][2]["yanked"]["reason"], "broken");
    let before = snapshot(&place.path("tree"));
    let again = place.run(&[&UPDATE[..], &sources, &["--json"]].concat(), 0);
    assert_eq!(again.json()["action"], "unchanged");
    assert_eq!(snapshot(&place.path("tree")), before);
    place.run(&["pack", "install", "slack", "--registry", "tree"], 0);
    let installed = fs::read_to_string(place.path("installed/slack/pack.yaml")).unwrap();
    assert!(installed.contains("1.1.0"), "{installed}");
    // A build goes on from there.
    place.build();
    assert_eq!(consistent(&place)["packs"][1]["version"], "1.1.0");
}

/// A pack the tree does not list needs no flags: its archive is the source.
#[test]
fn tree_update_adds_a_pack_with_its_own_archive() {
    let place = place();
    place.pack("new", "new", "1.0.0", "");
    let args = [
        "pack",
        "index-update",
        "packs/new",
        "--index",
        "tree/index.json",
    ];
    let added = place.run(&args, 0);
    assert!(
        added
            .stdout
            .starts_with("✓ Added 'new' 1.0.0 to tree/index.json\n"),
        "{added:?}"
    );
    let index = consistent(&place);
    assert_eq!(index["packs"][1]["ref"], "new");
    assert_eq!(index["packs"][1]["install_sources"][0]["type"], "archive");
}

/// Refused: a listed pack without `--update`, a published version with other files, flags that would make
/// the index say something else than the documents. The tree stays as it is.
#[test]
fn tree_update_refusals_change_nothing() {
    let place = place();
    let before = snapshot(&place.path("tree"));
    let refused = |more: &[&str], code| {
        let run = place.run(&[&UPDATE[..], more].concat(), code);
        assert_eq!(snapshot(&place.path("tree")), before);
        run.stderr
    };
    place.pack("slack", "slack", "1.1.0", "");
    let listed = refused(&[], 1);
    assert!(
        listed.starts_with("error: Pack 'slack' already exists in index."),
        "{listed}"
    );
    let flags = refused(&["--update", "--allow-downgrade"], 2);
    assert!(flags.contains("belongs to a registry tree"), "{flags}");
    refused(&["--name", "Other"], 2);
    place.pack("slack", "slack", "1.0.0", "description: changed\n");
    let changed = refused(&["--update"], 1);
    assert!(
        changed.contains("`slack@1.0.0` is already published with different contents"),
        "{changed}"
    );
    place.pack("slack", "slack", "2.0.0", "");
    let manifest = place.path("packs/slack/pack.yaml");
    fs::write(
        manifest,
        "ref: slack\nversion: 2.0.0\nrepository: https://evil.org/slack\n",
    )
    .unwrap();
    let taken = refused(&["--update"], 1);
    assert!(taken.contains("the ref `slack` belongs to"), "{taken}");
    fs::rename(place.path("tree"), place.path("packs/slack/tree")).unwrap();
    let inside = [
        "pack",
        "index-update",
        "packs/slack",
        "--index",
        "packs/slack/tree/index.json",
    ];
    let inside = place.run(&inside, 1);
    assert!(inside.stderr.contains("lies inside the pack"), "{inside:?}");
}
