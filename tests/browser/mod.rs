//! Every kind of page, as browsers and other programs read it: `look.mjs` in Chromium, and a checker of HTML.
//!
//! `ATTUNE_TEST_BROWSER` names a folder with the npm packages axe-core, html-validate and puppeteer-core, as `.ci/run`
//! makes one; into the folder that `ATTUNE_TEST_SHOTS` names go pictures. Without the first, the tests say so.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::support::{Hosted, Place, material, names, path_variable, project, snapshot};

/// A switch of these tests.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test's own switch, and what it says without it"
)]
fn variable(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).map(PathBuf::from);
    if value.is_none() {
        println!("skipped: {name} is not set");
    }
    value
}

/// Real packs where there are some, else the example packs, and one with two versions.
fn tree() -> Place {
    let place = Place::new();
    let real = material("ATTUNE_TEST_REAL_PACKS").map(|folder| folder.join("packs"));
    let packs = real.unwrap_or_else(|| project().join("registry-example/packs"));
    let build = |folder: &str| {
        let args = [
            "registry",
            "build",
            folder,
            "--out",
            "tree",
            "--skip-invalid",
            "--base-url",
            "https://packs.example.org/",
        ];
        let built = place.attune(&args).output().unwrap();
        assert!(matches!(built.status.code(), Some(0 | 1)), "{built:?}");
    };
    place.pack("twice", "twice", "1.0.0", "keywords: [chat]\n");
    build("packs");
    let action = "ref: twice.run\nrunner_type: shell\nentry_point: run.sh\nparameters:\n  to: {type: string, required: true}\n";
    place.pack(
        "twice",
        "twice",
        "2.0.0",
        "keywords: [chat]\nmeta: {category: Chat}\n",
    );
    fs::write(place.path("packs/twice/actions/run.yaml"), action).unwrap();
    build("packs");
    build(packs.to_str().unwrap());
    place
}

/// Packs with the largest page, one of middle size, and the one with two versions.
fn packs(place: &Place) -> Vec<String> {
    let folder = place.path("tree/packs");
    let page = |pack: &String| folder.join(pack).join("index.html");
    let mut packs = names(&folder);
    packs.retain(|pack| page(pack).is_file());
    packs.sort_by_key(|pack| fs::metadata(page(pack)).unwrap().len());
    let middle = packs[packs.len() / 2].clone();
    let largest = packs.split_off(packs.len() - 2);
    [largest, vec![middle, "twice".to_owned()]].concat()
}

/// Every kind of page, with its address.
fn kinds(place: &Place, served: &Hosted) -> Vec<[String; 2]> {
    let at = |path: &str| format!("{}{path}", served.url.trim_end_matches('/'));
    let mut kinds: Vec<[String; 2]> = [
        ("home", "/"),
        ("search", "/search?q=send"),
        ("search-script", "/search/index.html?q=message"),
        ("search-nothing", "/search?q=qqqqq"),
        ("changes", "/packs/twice/changes/"),
        ("diff", "/packs/twice/diff?from=1.0.0&to=2.0.0"),
        ("source", "/source?pack=twice&file=actions/run.yaml"),
        (
            "source-script",
            "/source/index.html?pack=twice&version=2.0.0&file=actions/run.sh",
        ),
        ("about", "/about/"),
        ("missing", "/packs/twise/"),
    ]
    .map(|(name, path)| [name.to_owned(), at(path)])
    .to_vec();
    for (name, folder) in [
        ("category", "categories"),
        ("keyword", "keywords"),
        ("author", "authors"),
    ] {
        let first = names(place.path("tree").join(folder)).swap_remove(0);
        kinds.push([name.to_owned(), at(&format!("/{folder}/{first}/"))]);
    }
    for pack in packs(place) {
        kinds.push([format!("pack-{pack}"), at(&format!("/packs/{pack}/"))]);
    }
    // Browsers ask for a password first.
    let private = place.path("private.html");
    fs::write(&private, registry_pages::PRIVATE).unwrap();
    kinds.push([
        "private".to_owned(),
        format!("file://{}", private.display()),
    ]);
    kinds
}

/// In a browser, at three widths, light and dark: axe-core finds nothing, nothing scrolls sideways, nothing moves, no
/// script fails, and the policy for content forbids nothing that is there.
#[test]
fn pages_are_right_in_a_browser() {
    let Some(modules) = variable("ATTUNE_TEST_BROWSER") else {
        return;
    };
    let place = tree();
    let served = place.serve("tree");
    let kinds = kinds(&place, &served);
    fs::write(place.path("kinds.json"), json!(kinds).to_string()).unwrap();
    let mut look = Command::new("node");
    look.arg(project().join("tests/browser/look.mjs"))
        .arg(modules)
        .arg(place.path("kinds.json"));
    if let Some(shots) = variable("ATTUNE_TEST_SHOTS") {
        look.arg(shots);
    }
    let looked = look.env("PATH", path_variable()).output().unwrap();
    let said = String::from_utf8_lossy(&looked.stdout).into_owned();
    let failed = String::from_utf8_lossy(&looked.stderr).into_owned();
    assert!(looked.status.success(), "{said}{failed}");
}

/// The pages of a tree keep the rules of HTML, as html-validate knows them.
#[test]
fn pages_are_valid_html() {
    let Some(modules) = variable("ATTUNE_TEST_BROWSER") else {
        return;
    };
    let place = tree();
    let pages: Vec<PathBuf> = snapshot(&place.path("tree"))
        .into_keys()
        .filter(|path| path.rsplit_once('.').is_some_and(|(_, end)| end == "html"))
        .map(|path| place.path("tree").join(path))
        .collect();
    assert!(pages.len() > 20);
    let check = |pages: &[PathBuf]| {
        let mut validate = Command::new("node");
        validate
            .arg(modules.join("node_modules/.bin/html-validate"))
            .arg("--config")
            .arg(project().join("tests/browser/html-validate.json"))
            .args(pages)
            .env("PATH", path_variable());
        validate.output().unwrap()
    };
    let checked = check(&pages);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success(), "{said}");
    let broken = place.path("broken.html");
    fs::write(&broken, "<!doctype html><title>x</title><ul><p>x</p></ul>").unwrap();
    assert!(!check(&[broken]).status.success());
}
