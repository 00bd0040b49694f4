//! `registry serve` as people run it.

use std::fs;

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
