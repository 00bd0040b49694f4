//! `pack tree`: text, DOT, SVG and documents, of what is installed and of what would be.

use std::fs;

use crate::support::{Place, snapshot};

/// `app` needs `left` and `right`, both need `core`; `ring` and `wheel` need each other.
fn registry() -> Place {
    let place = Place::new();
    place.pack("core-1", "core", "1.0.0", "");
    place.pack("core-2", "core", "1.1.0", "");
    place.pack("left", "left", "1.0.0", "dependencies: [\"core@>=1.0\"]\n");
    place.pack(
        "right",
        "right",
        "1.0.0",
        "dependencies: [\"core@^1\", left]\n",
    );
    place.pack("app", "app", "2.0.0", "dependencies: [left, right]\n");
    place.pack("ring", "ring", "1.0.0", "dependencies: [wheel]\n");
    place.pack("wheel", "wheel", "1.0.0", "dependencies: [ring]\n");
    place.build();
    place
}

/// As people know it from other tools; what was drawn is not drawn again, circles end.
#[test]
fn installed_packs_are_drawn_as_a_tree() {
    let place = registry();
    assert_eq!(
        place.pack_run(&["tree"], 0).stderr,
        "no packs are installed\n"
    );
    place.pack_run(&["install", "app", "ring", "--registry", "tree"], 0);
    let whole = "app 2.0.0\n├── left 1.0.0\n│   └── core 1.1.0\n└── right 1.0.0\n    ├── core 1.1.0\n    \
                 └── left 1.0.0 (*)\nring 1.0.0\n└── wheel 1.0.0\n    └── ring 1.0.0 (*)\n";
    assert_eq!(place.pack_run(&["tree"], 0).stdout, whole);
    assert_eq!(
        place.pack_run(&["tree", "left"], 0).stdout,
        "left 1.0.0\n└── core 1.1.0\n"
    );
    assert_eq!(
        place.pack_run(&["tree", "app", "--depth", "1"], 0).stdout,
        "app 2.0.0\n├── left 1.0.0\n└── right 1.0.0\n"
    );
    assert_eq!(
        place.pack_run(&["tree", "--invert", "core"], 0).stdout,
        "core 1.1.0\n├── left 1.0.0\n│   ├── app 2.0.0\n│   └── right 1.0.0\n│       └── app 2.0.0\n└── right 1.0.0 (*)\n"
    );
    let said = place.refused(&["tree", "nosuch"], 1);
    assert!(said.contains("`nosuch` is not installed"), "{said}");
}

/// What would be installed, from a server: nothing is locked, fetched or changed.
#[test]
fn tree_of_an_installation_changes_nothing() {
    let place = registry();
    let hosted = place.serve("tree");
    place.pack_run(&["install", "core@1.0.0", "--registry", &hosted.url], 0);
    let generations = place.path("installed/.attune/generations");
    let before = snapshot(&generations);
    let run = place.pack_run(&["tree", "app", "--registry", &hosted.url], 0);
    assert_eq!(
        run.stdout,
        "app 2.0.0 (new)\n├── left 1.0.0 (new)\n│   └── core 1.0.0\n└── right 1.0.0 (new)\n    ├── core 1.0.0\n    └── left 1.0.0 (new) (*)\n"
    );
    let run = place.pack_run(
        &["tree", "core@^1.1", "--registry", &hosted.url, "--json"],
        0,
    );
    assert_eq!(
        run.json(),
        serde_json::json!({"roots": ["core"], "packs": [
            {"ref": "core", "version": "1.1.0", "change": "replaced", "from": "1.0.0", "dependencies": []}
        ]})
    );
    let run = place.pack_run(&["tree", "packs/right", "--registry", &hosted.url], 0);
    assert!(
        run.stdout
            .starts_with("right 1.0.0 (new)\n├── core 1.0.0\n"),
        "{run:?}"
    );
    assert_eq!(snapshot(&generations), before);
    let said = place.refused(&["tree", "app@^9", "--registry", &hosted.url], 3);
    assert!(said.contains("no version of `app` matches `^9`"), "{said}");
}

/// Needs that are not met and packs that are not there can be seen in every form.
#[test]
fn broken_needs_are_marked_in_every_form() {
    let place = Place::new();
    place.pack("core", "core", "1.0.0", "");
    place.pack(
        "app",
        "app",
        "1.0.0",
        "dependencies: [\"core@>=2,<3\", gone]\n",
    );
    place.pack_run(&["install", "packs/core", "packs/app", "--skip-deps"], 0);
    let run = place.pack_run(&["tree", "--svg", "tree.svg"], 0);
    assert_eq!(
        run.stdout,
        "app 1.0.0\n├── core 1.0.0 ✗ `>=2,<3` is needed\n└── gone (not there)\n"
    );
    let dot = place.pack_run(&["tree", "--dot"], 0).stdout;
    assert!(
        dot.contains("  \"app\" -> \"core\" [label=\">=2,<3\", color=red];\n")
            && dot.contains("  \"gone\" [label=\"gone (not there)\", color=red];\n"),
        "{dot}"
    );
    let svg = fs::read_to_string(place.path("tree.svg")).unwrap();
    assert!(
        svg.contains("<path class=\"bad\"")
            && svg.contains("<title>app: core@&gt;=2,&lt;3</title>")
            && svg.contains("prefers-color-scheme: dark"),
        "{svg}"
    );
    // Nothing is loaded, run, or left open.
    for tag in ["<svg", "<g", "<text", "<path", "<title", "<style"] {
        let close = tag.replace('<', "</");
        assert_eq!(
            svg.matches(tag).count(),
            svg.matches(&close).count(),
            "{tag}: {svg}"
        );
    }
    assert!(!svg.contains("href") && !svg.contains("<script"), "{svg}");
    place.pack_run(&["tree", "--svg", "again.svg"], 0);
    assert_eq!(svg, fs::read_to_string(place.path("again.svg")).unwrap());
    place.run(&["pack", "tree", "--dot", "--json"], 2);
}
