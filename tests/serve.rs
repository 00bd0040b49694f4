//! `registry serve` as people run it.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::Place;

/// Documents, pages and archives of a tree; a rebuilt tree is served without a restart.
#[test]
fn serve_hosts_a_tree_and_follows_it() {
    let place = Place::new();
    place.pack("slack", "slack", "2.1.0", "");
    place.build();
    let hosted = place.serve("tree");
    let (status, head, page) = hosted.get("/");
    assert_eq!(status, 200);
    assert!(
        head.to_lowercase().contains("content-type: text/html"),
        "{head}"
    );
    assert!(String::from_utf8_lossy(&page).contains("slack"));
    let (status, _, archive) = hosted.get("/archives/slack/slack-2.1.0.tar.gz");
    assert_eq!(status, 200);
    assert_eq!(
        archive,
        fs::read(place.path("tree/archives/slack/slack-2.1.0.tar.gz")).unwrap()
    );
    assert_eq!(hosted.get("/packs/nowhere/").0, 404);
    place.pack("aws", "aws", "1.0.0", "");
    place.build();
    assert_eq!(hosted.get("/packs/aws/").0, 200);
    let (_, _, packs) = hosted.get("/packs.json");
    assert_eq!(packs, fs::read(place.path("tree/packs.json")).unwrap());
}

/// A lone index is hosted with its own bytes and with pages.
#[test]
fn serve_hosts_a_lone_index() {
    let place = Place::new();
    place.pack("slack", "slack", "2.1.0", "");
    place.build();
    fs::copy(place.path("tree/index.json"), place.path("index.json")).unwrap();
    let hosted = place.serve("index.json");
    assert_eq!(
        hosted.get("/index.json").2,
        fs::read(place.path("index.json")).unwrap()
    );
    let (status, _, page) = hosted.get("/packs/slack/");
    assert_eq!(status, 200);
    assert!(String::from_utf8_lossy(&page).contains("slack"));
}

/// A folder that is no registry, and a port that is taken, are named.
#[test]
fn serve_errors_say_what_is_wrong() {
    let place = Place::new();
    fs::create_dir(place.path("empty")).unwrap();
    let empty = place.run(
        &["registry", "serve", "empty", "--listen", "127.0.0.1:0"],
        1,
    );
    assert!(empty.stderr.contains("`empty`"), "{}", empty.stderr);
    place.pack("slack", "slack", "2.1.0", "");
    place.build();
    let first = place.serve("tree");
    let taken = place.run(
        &["registry", "serve", "tree", "--listen", first.address()],
        1,
    );
    assert!(taken.stderr.contains(first.address()), "{}", taken.stderr);
    assert!(taken.stderr.contains("hint: "), "{}", taken.stderr);
}

/// A pack that leaves a lone index takes its page along, even when the file's time says nothing.
#[test]
fn lone_index_is_followed() {
    let place = Place::new();
    place.pack("slack", "slack", "2.1.0", "");
    place.pack("aws", "aws", "1.0.0", "");
    place.build();
    let both = fs::read_to_string(place.path("tree/index.json")).unwrap();
    fs::write(place.path("index.json"), &both).unwrap();
    let time = fs::metadata(place.path("index.json"))
        .and_then(|m| m.modified())
        .unwrap();
    let hosted = place.serve("index.json");
    assert_eq!(hosted.get("/packs/aws/").0, 200);
    fs::remove_dir_all(place.path("packs/aws")).unwrap();
    fs::remove_dir_all(place.path("tree")).unwrap();
    place.build();
    let one = fs::File::create(place.path("next.json")).unwrap();
    std::io::copy(
        &mut fs::File::open(place.path("tree/index.json")).unwrap(),
        &mut &one,
    )
    .unwrap();
    one.set_modified(time).unwrap();
    fs::rename(place.path("next.json"), place.path("index.json")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while hosted.get("/packs/aws/").0 != 404 {
        assert!(Instant::now() < deadline, "the page is still there");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(hosted.get("/packs/aws.json").0, 404);
    assert_eq!(hosted.get("/packs/slack/").0, 200);
    assert_eq!(
        hosted.get("/index.json").2,
        fs::read(place.path("index.json")).unwrap()
    );
}

/// What is wrong with a lone index is said when it is first read, not only when it changes.
#[test]
fn lone_index_names_broken_entries_at_once() {
    let place = Place::new();
    place.pack("slack", "slack", "2.1.0", "");
    place.build();
    let index = fs::read_to_string(place.path("tree/index.json")).unwrap();
    let mut index: serde_json::Value = serde_json::from_str(&index).unwrap();
    let packs = index["packs"].as_array_mut().unwrap();
    packs.push(serde_json::json!({"ref": "Bad"}));
    fs::write(place.path("index.json"), index.to_string()).unwrap();
    let first = place.serve("tree");
    // The port is taken, so the command ends once it has read the file.
    let run = place.run(
        &[
            "registry",
            "serve",
            "index.json",
            "--listen",
            first.address(),
        ],
        1,
    );
    assert!(run.stderr.contains("⚠ entry 1 (`Bad`): "), "{}", run.stderr);
}
