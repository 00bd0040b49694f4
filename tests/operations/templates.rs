//! Templates of an operator in place of the built-in ones.

use std::fs;

use super::until;
use crate::support::{Place, snapshot};

/// A template with `text` above the heading of the page, made of the built-in one.
fn changed(place: &Place, name: &str, text: &str) {
    let built_in = crate::support::project().join("templates/pages").join(name);
    let source = fs::read_to_string(built_in).unwrap();
    let (head, rest) = source.split_once("<main").unwrap();
    let (attributes, rest) = rest.split_once('>').unwrap();
    let page = format!("{head}<main{attributes}>{text}{rest}");
    fs::create_dir_all(place.path("own")).unwrap();
    fs::write(place.path("own").join(name), page).unwrap();
}

/// They are in every page, whoever makes it and whenever, until they are given up; the served ones follow at once.
#[test]
fn own_templates_are_in_every_page() {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    place.pack("more", "slack", "1.1.0", "");
    place.build();
    let before = snapshot(&place.path("tree"));
    let hosted = place.serve("tree");
    let page = |path: &str| {
        let (status, _, body) = hosted.get(path);
        assert_eq!(status, 200, "{path}");
        String::from_utf8(body).unwrap()
    };
    let pages = [
        "/",
        "/packs/slack/",
        "/search?q=slack",
        "/packs/slack/diff?from=1.0.0&to=1.1.0",
    ];
    assert!(pages.iter().all(|path| !page(path).contains("OWN MARK")));

    changed(&place, "layout.html", "<p>OWN MARK</p>");
    let build = ["registry", "build", "packs", "--out", "tree"];
    place.run(&[&build[..], &["--templates", "own"]].concat(), 0);
    for path in pages {
        assert!(page(path).contains("<p>OWN MARK</p>"), "{path}");
    }
    // Who makes pages later need not be told.
    place.run(
        &[
            "pack",
            "yank",
            "slack@1.1.0",
            "--tree",
            "tree",
            "--reason",
            "broken",
        ],
        0,
    );
    place.run(&build, 0);
    for path in pages {
        assert!(page(path).contains("<p>OWN MARK</p>"), "{path}");
    }
    place.run(&["pack", "unyank", "slack@1.1.0", "--tree", "tree"], 0);

    // The setting is the flag; an empty folder gives them up.
    fs::create_dir(place.path("none")).unwrap();
    fs::write(place.path("config.yaml"), "pages: {templates: none}\n").unwrap();
    place.run(&[&["--config", "config.yaml"], &build[..]].concat(), 0);
    until("the built-in pages are back", || {
        !page("/search?q=slack").contains("OWN MARK")
    });
    let after = snapshot(&place.path("tree"));
    for name in ["index.html", "packs/slack/index.html", "404.html"] {
        assert!(before[name].len() <= after[name].len(), "{name}");
        assert!(
            !String::from_utf8_lossy(&after[name]).contains("OWN MARK"),
            "{name}"
        );
    }
}

/// A template that cannot be used is named with its line, and nothing is changed.
#[test]
fn bad_template_is_named_and_changes_nothing() {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    place.build();
    let state = place.path("tree.state/templates.json");
    let own = place.path("own");
    fs::create_dir(&own).unwrap();
    let build = [
        "registry",
        "build",
        "packs",
        "--out",
        "tree",
        "--templates",
        "own",
    ];
    let before = snapshot(&place.path("tree"));
    for (name, text, said) in [
        ("home.html", "one\n{% if %}\n", "`own/home.html:2`"),
        (
            "home.html",
            "one\ntwo\n{{ nobody.knows }}\n",
            "`own/home.html:3`",
        ),
        (
            "row.html",
            "{{ this is no expression }}",
            "`own/row.html:1`",
        ),
        (
            "homepage.html",
            "any",
            "`own/homepage.html` replaces nothing",
        ),
        ("style.css", "\u{0}", ""),
    ] {
        fs::write(own.join(name), text).unwrap();
        if said.is_empty() {
            fs::write(own.join(name), [0xff, 0xfe]).unwrap();
        }
        let run = place.run(&build, 1);
        let said = if said.is_empty() {
            "`own/style.css`"
        } else {
            said
        };
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
        assert_eq!(snapshot(&place.path("tree")), before, "{name}");
        assert!(!state.exists());
        fs::remove_file(own.join(name)).unwrap();
    }
    fs::write(own.join("style.css"), "body { color: red }").unwrap();
    place.run(&build, 0);
    let styles = snapshot(&place.path("tree"));
    let is_own = |(name, bytes): (&String, &Vec<u8>)| {
        name.starts_with("assets/style.") && bytes.starts_with(b"body{color:red")
    };
    assert!(styles.iter().any(is_own), "{:?}", styles.keys());
}
