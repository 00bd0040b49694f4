//! Icons of packs: taken where they can be shown, held by the tree, served so that they can do nothing.

use std::fs;

use serde_json::Value;

use crate::support::{Place, snapshot};

const DRAWING: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 24 24\"><path d=\"M0 0h24v24z\"/></svg>";

/// The start of a picture, which says how large it is.
fn png(side: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend([side.to_be_bytes(), side.to_be_bytes()].concat());
    bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

fn build(place: &Place) {
    place.run(&["registry", "build", "packs", "--out", "tree"], 0);
}

fn icon(place: &Place, pack: &str) -> Option<String> {
    let text = fs::read(place.path("tree/packs").join(format!("{pack}.json"))).unwrap();
    let document: Value = serde_json::from_slice(&text).unwrap();
    let path = &document["versions"][0]["icon"]["path"];
    path.as_str().map(str::to_owned)
}

fn text(place: &Place, path: &str) -> String {
    fs::read_to_string(place.path("tree").join(path)).unwrap()
}

/// A picture that can be shown stands on the page, in the lists and in the search; the tree keeps it, mends it, and a
/// build with nothing new writes nothing.
#[test]
fn icons_are_shown_and_kept() {
    let place = Place::new();
    for (pack, name, bytes) in [
        ("a", "icon.png", png(64)),
        ("b", "pack-icon.svg", DRAWING.into()),
    ] {
        place.pack(pack, pack, "1.0.0", "");
        fs::write(place.path("packs").join(pack).join(name), bytes).unwrap();
    }
    place.pack("c", "c", "1.0.0", "");
    build(&place);
    for (pack, extension) in [("a", ".png"), ("b", ".svg")] {
        let path = icon(&place, pack).unwrap();
        assert!(
            path.starts_with(&format!("icons/{pack}/")) && path.ends_with(extension),
            "{path}"
        );
        assert!(place.path("tree").join(&path).is_file());
        assert!(
            text(&place, &format!("packs/{pack}/index.html"))
                .contains(&format!("src=\"../../{path}\""))
        );
        assert!(text(&place, "index.html").contains(&format!("src=\"{path}\"")));
        assert!(text(&place, "search/packs/0.json").contains(&path));
    }
    assert_eq!(icon(&place, "c"), None);
    assert!(text(&place, "packs/c/index.html").contains("class=\"tile big hue-"));
    let before = snapshot(&place.path("tree"));
    build(&place);
    assert_eq!(snapshot(&place.path("tree")), before);
    let lost = place.path("tree").join(icon(&place, "a").unwrap());
    fs::remove_file(&lost).unwrap();
    place.run(&["registry", "check", "tree"], 1);
    build(&place);
    assert_eq!(fs::read(&lost).unwrap(), png(64));
    place.run(&["registry", "check", "tree"], 0);
}

/// What is no picture, or would do more than draw, is not taken; the author is told.
#[test]
fn icons_that_do_more_are_not_taken() {
    let place = Place::new();
    place.pack("a", "a", "1.0.0", "");
    for bad in [
        DRAWING
            .replace("<path", "<script>alert(1)</script><path")
            .into_bytes(),
        b"<html><script>alert(1)</script></html>".to_vec(),
        png(5000),
        vec![0; 70_000],
    ] {
        fs::write(place.path("packs/a/icon.png"), bad).unwrap();
        place.run(&["registry", "build", "packs", "--out", "tree", "--dev"], 0);
        assert_eq!(icon(&place, "a"), None);
        assert!(!place.path("tree/icons").exists());
        let checked = place
            .attune(&["pack", "check", "packs/a"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert!(said.contains("warning[icon-unusable]"), "{said}");
    }
    // A better one beside it is.
    fs::write(place.path("packs/a/pack-icon.svg"), DRAWING).unwrap();
    place.run(&["registry", "build", "packs", "--out", "tree", "--dev"], 0);
    assert!(icon(&place, "a").unwrap().contains(".svg"));
}

/// An icon opened on its own can do nothing, and may be kept for ever.
#[test]
fn icons_are_served_harmless() {
    let place = Place::new();
    place.pack("a", "a", "1.0.0", "");
    fs::write(place.path("packs/a/icon.svg"), DRAWING).unwrap();
    build(&place);
    let served = place.serve("tree");
    let path = format!("/{}", icon(&place, "a").unwrap());
    let (status, head, body) = served.get(&path);
    let head = head.to_ascii_lowercase();
    assert_eq!((status, body.as_slice()), (200, DRAWING.as_bytes()));
    for said in [
        "content-type: image/svg+xml",
        "content-security-policy: default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "x-content-type-options: nosniff",
        "cache-control: public, max-age=31536000, immutable",
    ] {
        assert!(head.contains(said), "{said}: {head}");
    }
}

/// A merged tree has the icons that it would have taken itself; a takedown leaves none.
#[test]
fn icons_go_where_their_packs_go() {
    let place = Place::new();
    place.pack("a", "a", "1.0.0", "");
    fs::write(place.path("packs/a/icon.svg"), DRAWING).unwrap();
    build(&place);
    let path = icon(&place, "a").unwrap();
    place.run(&["registry", "merge", "tree", "--out", "merged"], 0);
    assert!(place.path("merged").join(&path).is_file());
    // A tree that promises one icon and holds another is not believed.
    fs::write(
        place.path("tree").join(&path),
        DRAWING.replace("<path", "<script/><path"),
    )
    .unwrap();
    place.run(&["registry", "merge", "tree", "--out", "other"], 0);
    assert!(!place.path("other/icons").exists());
    place.run(
        &[
            "registry", "takedown", "a@1.0.0", "--tree", "merged", "--reason", "x", "--yes",
        ],
        0,
    );
    assert!(!place.path("merged").join(&path).exists());
    place.run(&["registry", "check", "merged"], 0);
}
