//! Downloads: each counted once, kept over every end of the server, and shown to everybody.

use std::fs;

use serde_json::{Value, json};

use super::until;
use crate::publishing::Registry;

const ARCHIVE: &str = "/archives/base/base-1.0.0.tar.gz";

/// A registry with `base` 1.0.0 and 1.1.0, and `idle`, which nobody downloads.
fn registry() -> Registry {
    let registry = Registry::new();
    let token = registry.token("ann", &["--scope", "admin"]);
    for (pack_ref, version) in [("base", "1.1.0"), ("idle", "1.0.0")] {
        let archive = registry.archive(pack_ref, version, "");
        let put = registry.put(&format!("{pack_ref}/{version}"), &token, &archive);
        assert_eq!(put.status, 201);
    }
    registry
}

fn counted(registry: &Registry, more: &[&str]) -> Value {
    let args = ["registry", "statistics", "--tree", "tree", "--json"];
    registry.place.run(&[&args[..], more].concat(), 0).json()["packs"].clone()
}

fn count_is(registry: &Registry, pack_ref: &str, count: u64) -> bool {
    counted(registry, &[])[pack_ref]["total"] == json!(count)
}

/// Pieces, repetitions and questions of one client are one download; a stop, and a kill soon after, lose nothing.
#[test]
fn downloads_are_counted_once_and_kept() {
    let mut registry = registry();
    let size = fs::metadata(registry.place.path("tree").join(&ARCHIVE[1..]))
        .unwrap()
        .len();
    let ask = |registry: &Registry, method: &str, range: &str| {
        let range = [("Range", range)];
        let headers = if range[0].1.is_empty() {
            &[][..]
        } else {
            &range
        };
        registry.request(method, ARCHIVE, headers, b"").status
    };
    // No download: a question, the first half, something else.
    assert_eq!(ask(&registry, "HEAD", ""), 200);
    assert_eq!(ask(&registry, "GET", "bytes=0-9"), 206);
    assert_eq!(
        registry.hosted.get("/archives/base/base-9.0.0.tar.gz").0,
        404
    );
    assert_eq!(registry.hosted.get("/packs/base.json").0, 200);
    registry.hosted.stop();
    assert_eq!(counted(&registry, &[]), json!({}));
    // One, in whatever way.
    registry.hosted = registry.place.serve("tree");
    assert_eq!(
        ask(&registry, "GET", &format!("bytes=10-{}", size - 1)),
        206
    );
    assert_eq!(ask(&registry, "GET", "bytes=10-"), 206);
    for _ in 0..3 {
        assert_eq!(ask(&registry, "GET", ""), 200);
    }
    let url = registry.hosted.url.clone();
    registry
        .place
        .run(&["pack", "install", "base", "--registry", &url], 0);
    registry.hosted.stop();
    let today = counted(&registry, &[])["base"].clone();
    assert_eq!(today["total"], 2);
    assert_eq!(today["versions"], json!({"1.0.0": 1, "1.1.0": 1}));
    assert_eq!(today["days"].as_object().unwrap().len(), 1);
    // After a kill what was written is there, and counting goes on.
    registry.hosted = registry.place.serve("tree");
    assert_eq!(
        registry.hosted.get("/archives/idle/idle-1.0.0.tar.gz").0,
        200
    );
    until("the count is written", || count_is(&registry, "idle", 1));
    registry.hosted.signal("KILL");
    registry.hosted = registry.place.serve("tree");
    assert_eq!(ask(&registry, "GET", ""), 200);
    registry.hosted.stop();
    assert!(count_is(&registry, "idle", 1) && count_is(&registry, "base", 3));
}

/// Counts reach documents, index, pages and search once they are in the tree, and stay there.
#[test]
fn published_counts_are_everywhere() {
    let mut registry = registry();
    for version in ["1.0.0", "1.1.0"] {
        let path = format!("/archives/base/base-{version}.tar.gz");
        assert_eq!(registry.hosted.get(&path).0, 200);
    }
    registry.hosted.stop();
    let before = registry.tree();
    counted(&registry, &[]);
    assert_eq!(registry.tree(), before);
    counted(&registry, &["--publish"]);
    registry.is_sound();
    let shows = |registry: &Registry| {
        let json = |path: &str| -> Value {
            let bytes = fs::read(registry.place.path("tree").join(path)).unwrap();
            serde_json::from_slice(&bytes).unwrap()
        };
        let index = json("index.json");
        assert_eq!(index["packs"][0]["meta"]["downloads"], 2);
        assert!(index["packs"][1]["meta"].get("downloads").is_none());
        assert_eq!(json("packs/base.json")["downloads"]["total"], 2);
        assert_eq!(json("statistics.json")["packs"]["base"]["total"], 2);
        let page = fs::read_to_string(registry.place.path("tree/packs/base/index.html")).unwrap();
        assert!(page.contains("<dt>Downloads</dt><dd>2") && page.contains("2 in the 30 days to "));
        let rank = fs::read_to_string(registry.place.path("tree/search/rank.json")).unwrap();
        assert!(rank.contains("base"), "{rank}");
        registry.is_sound();
    };
    shows(&registry);
    let found = registry.place.run(
        &["pack", "search", "run", "--registry", "tree", "--json"],
        0,
    );
    let first = found.stdout.find("\"base\"").unwrap();
    assert!(first < found.stdout.find("\"idle\"").unwrap(), "{found:?}");
    let after = registry.tree();
    counted(&registry, &["--publish"]);
    assert_eq!(registry.tree(), after);
    // Further versions and builds keep them; an older day does not come back.
    registry.hosted = registry.place.serve("tree");
    let token = registry.token("ann", &["--scope", "admin"]);
    let archive = registry.archive("base", "1.2.0", "");
    assert_eq!(registry.put("base/1.2.0", &token, &archive).status, 201);
    shows(&registry);
    registry.place.build();
    shows(&registry);
    counted(&registry, &["--publish", "--until", "2020-01-01"]);
    shows(&registry);
}

/// A build follows the file it finds in the tree; one that is none is an error and changes nothing.
#[test]
fn build_follows_the_statistics_of_the_tree() {
    let registry = Registry::new();
    let file = registry.place.path("tree/statistics.json");
    let text = r#"{"format": 2, "until": "2026-01-31", "packs": {"base": {"total": 7000}}}"#;
    fs::write(&file, text).unwrap();
    registry.place.pack("other", "other", "1.0.0", "");
    registry.place.build();
    let index = fs::read_to_string(registry.place.path("tree/index.json")).unwrap();
    assert!(index.contains("\"downloads\": 7000"), "{index}");
    let again = registry.place.build().json();
    assert_eq!(again["files_written"], 0, "{again}");
    fs::write(&file, "{").unwrap();
    let before = registry.tree();
    let build = ["registry", "build", "packs", "--out", "tree"];
    let refused = registry.place.run(&build, 1);
    assert!(refused.stderr.contains("statistics.json"), "{refused:?}");
    assert_eq!(registry.tree(), before);
}
