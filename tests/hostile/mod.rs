//! Hostile archives and texts through the built binary: right exit codes, nothing left behind, within
//! time and memory.
//!
//! `ATTUNE_TEST_HOSTILE` names the folder with the generators `make_hostile_archives.py` and
//! `make_hostile_text.py`; without it, or without python3, the tests say that they are skipped.

#![expect(clippy::print_stdout, reason = "a test reports what it saw")]

mod corpus;
mod driver;

use std::collections::BTreeMap;
use std::fs;

use pack_format::ArchiveDigest;
use serde_json::{Value, json};

use self::corpus::{Case, Corpus, Verdict, tree_of};
use crate::support::{Place, snapshot};

/// A pack without a checksum can be looked at and is not installed: refused where it matters.
const NOT_INSTALLED: &str = "checksum-missing.index.json";

/// The tree the case describes, below the directory that is the pack; `None` if no pack is there.
fn expected_tree(case: &Case) -> Option<BTreeMap<String, String>> {
    let holds = |prefix: &str| case.tree.contains_key(&format!("{prefix}pack.yaml"));
    let tops = case.tree.keys().filter_map(|path| path.split_once('/'));
    let mut candidates: Vec<String> = tops.map(|(top, _)| format!("{top}/")).collect();
    candidates.dedup();
    candidates.retain(|prefix| holds(prefix));
    let prefix = match candidates.as_slice() {
        _ if holds("") => "",
        _ if holds("pack/") => "pack/",
        [one] => one,
        _ => return None,
    };
    let mut tree = BTreeMap::new();
    for (path, node) in &case.tree {
        let Some(path) = path.strip_prefix(prefix).filter(|path| !path.is_empty()) else {
            continue;
        };
        for (at, _) in path.match_indices('/') {
            tree.insert(path[..at].to_owned(), "dir 755".to_owned());
        }
        let described = if node["type"] == "file" {
            let mode = if node["exec"] == true { "755" } else { "644" };
            let digest = node["sha256"].as_str().unwrap();
            format!("file {mode} sha256:{digest} 1")
        } else {
            "dir 755".to_owned()
        };
        tree.insert(path.to_owned(), described);
    }
    Some(tree)
}

/// What a refused installation may leave: the lock and the empty place of work.
const LEFT: [&str; 3] = [".attune", ".attune/lock", ".attune/staging"];

fn judge_archive(corpus: &mut Corpus, case: &Case, place: &Place) -> Verdict {
    let archive = corpus.directory.path().join(&case.file);
    let ran = corpus.run(case, place, &["pack", "install", archive.to_str().unwrap()]);
    let installed = place.path("installed");
    let is_forbidden = |path: &String| {
        let places = [
            installed.join("demo"),
            installed.join(".attune/staging/s/r"),
        ];
        places
            .iter()
            .any(|p| p.join(path).symlink_metadata().is_ok())
    };
    // An archive that is taken has exactly its tree, whatever paths are forbidden to others.
    let absolute = |path: &&String| path.starts_with('/') || ran.code != 0;
    for path in case.forbidden.iter().filter(absolute) {
        if is_forbidden(path) {
            corpus.score.wrong(case, &format!("made `{path}`"));
        }
    }
    let around: Vec<String> = snapshot(&installed).into_keys().collect();
    if ran.code != 0 {
        if around.iter().any(|path| !LEFT.contains(&path.as_str())) {
            corpus.score.wrong(case, &format!("left {around:?}"));
        }
        let names_it = ran
            .stderr
            .lines()
            .any(|l| l.starts_with("error:") && l.contains(&case.file));
        let is_refusal = matches!(ran.code, 1 | 2 | 5) && names_it;
        let has_no_pack = case.expect == "accept"
            && expected_tree(case).is_none()
            && ran.stderr.contains("pack.yaml not found");
        let is_right = has_no_pack || (case.expect == "reject" && is_refusal);
        if !is_refusal {
            corpus.score.wrong(case, &format!("{ran:?}"));
        }
        return Verdict::of(is_right, || format!("{ran:?}"));
    }
    let tree = tree_of(&installed.join("demo"));
    let is_exact = expected_tree(case).is_none_or(|wanted| wanted == tree);
    let tops = around.iter().filter(|path| !path.contains('/'));
    if !is_exact || tops.ne([".attune", "demo"].iter()) {
        corpus
            .score
            .wrong(case, &format!("is not its tree: {tree:?}"));
    }
    Verdict::of(case.expect == "accept", || "exit code 0".to_owned())
}

/// Refused archives leave nothing anywhere, the others exactly their tree, each in good time.
#[test]
fn hostile_archives_through_pack_install() {
    let Some(corpus) = Corpus::generate("make_hostile_archives.py") else {
        return;
    };
    corpus.judge(247, judge_archive);
}

fn judge_manifest(corpus: &mut Corpus, case: &Case, place: &Place) -> Verdict {
    let pack = place.path("packs/demo");
    fs::create_dir_all(&pack).unwrap();
    fs::copy(
        corpus.directory.path().join(&case.file),
        pack.join("pack.yaml"),
    )
    .unwrap();
    let ran = corpus.run(
        case,
        place,
        &["registry", "build", "packs", "--out", "tree", "--json"],
    );
    if ran.code != 0 {
        if ran.code != 1 || !ran.stderr.contains("packs/demo/pack.yaml") {
            corpus.score.wrong(case, &format!("{ran:?}"));
        }
        if place.path("tree").symlink_metadata().is_ok() {
            corpus.score.wrong(case, "was refused, and there is a tree");
        }
        // A page that is never made holds nothing it must not hold.
        return Verdict::of(case.expect != "accept", || format!("{ran:?}"));
    }
    for page in ["index.html", "packs/demo/index.html"] {
        let text = fs::read_to_string(place.path("tree").join(page)).unwrap();
        for never in case.never.iter().filter(|never| text.contains(*never)) {
            corpus
                .score
                .wrong(case, &format!("`{page}` holds `{never}`"));
        }
    }
    let document = fs::read(place.path("tree/packs/demo.json")).unwrap();
    let document: Value = serde_json::from_slice(&document).unwrap();
    let version = &document["versions"][0];
    let found = |pointer: &str| {
        version
            .pointer(pointer)
            .or_else(|| document.pointer(pointer))
    };
    let is_kept = case
        .value
        .iter()
        .all(|(pointer, text)| found(pointer) == Some(text));
    // A text that others would read as something else may also be kept as it is.
    let may_be_taken = case.expect != "reject" || !case.value.is_empty();
    Verdict::of(may_be_taken && is_kept, || document.to_string())
}

fn judge_index(corpus: &mut Corpus, case: &Case, place: &Place) -> Verdict {
    let registry = place.path("registry");
    fs::create_dir(&registry).unwrap();
    let index = registry.join("index.json");
    fs::copy(corpus.directory.path().join(&case.file), &index).unwrap();
    let url = format!("file://{}", index.display());
    let search = ["pack", "search", "demo", "--registry", &url, "--json"];
    let search = corpus.run(case, place, &search);
    let hits: Value = serde_json::from_str(&search.stdout).unwrap_or_default();
    let is_read = search.code == 0 && !search.stderr.contains("is left out");
    let show = ["pack", "show", "demo", "--registry", "registry", "--json"];
    let show = corpus.run(case, place, &show);
    let is_found = hits[0]["ref"] == "demo";
    if is_found != (show.code == 0) {
        corpus.score.wrong(case, &format!("{search:?}\n{show:?}"));
    }
    if !is_read && !search.stderr.contains("index.json") {
        corpus
            .score
            .wrong(case, &format!("is not named: {search:?}"));
    }
    if case.expect == "accept" {
        return Verdict::of(is_read, || format!("{search:?}"));
    }
    if is_found && case.file != NOT_INSTALLED {
        return Verdict::Otherwise(format!("{search:?}"));
    }
    // No server is asked for what a refused entry names, so this takes no time.
    let install = ["pack", "install", "demo", "--registry", "registry"];
    let install = corpus.run(case, place, &install);
    let left = snapshot(&place.path("installed"));
    if left
        .keys()
        .any(|path| !LEFT.contains(&path.as_str()) && path != ".attune/cache")
    {
        corpus.score.wrong(case, &format!("left {:?}", left.keys()));
    }
    Verdict::of(matches!(install.code, 1 | 5), || format!("{install:?}"))
}

/// Refused texts publish and install nothing, the others make pages without what they smuggle.
#[test]
fn hostile_texts_through_build_and_search() {
    let Some(corpus) = Corpus::generate("make_hostile_text.py") else {
        return;
    };
    corpus.judge(198, |corpus, case, place| {
        if case.kind == "pack.yaml" {
            judge_manifest(corpus, case, place)
        } else {
            judge_index(corpus, case, place)
        }
    });
}

/// `packs/demo.json` of a registry of two packs, changed by `lie` and pinned again.
fn lying_registry(lie: impl FnOnce(&mut Value)) -> Place {
    let place = Place::new();
    place.pack("demo", "demo", "1.0.0", "");
    place.pack("other", "other", "1.0.0", "");
    place.build();
    let tree = place.path("tree");
    fs::remove_file(tree.join("index.json")).unwrap();
    let read = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(tree.join(name)).unwrap()).unwrap()
    };
    let mut document = read("packs/demo.json");
    lie(&mut document);
    let bytes = document.to_string();
    let digest = ArchiveDigest::of(bytes.as_bytes()).to_string();
    let hex = digest.trim_start_matches("sha256:");
    fs::write(tree.join(format!("docs/{hex}.demo.json")), &bytes).unwrap();
    let mut packs = read("packs.json");
    packs["packs"]["demo"]["document"] = digest.into();
    fs::write(tree.join("packs.json"), packs.to_string()).unwrap();
    place
}

/// Whatever a registry says, nothing is read beyond it and nothing but the pack it promised is installed.
#[test]
fn lying_registry_installs_nothing() {
    let other = "archives/other/other-1.0.0.tar.gz";
    let rows = [
        (
            "archive/path",
            "../../etc/passwd",
            1,
            "it leaves the registry",
        ),
        ("archive/path", "/etc/passwd", 1, "it leaves the registry"),
        (
            "archive/path",
            "file:///etc/passwd",
            1,
            "it leaves the registry",
        ),
        (
            "archive/path",
            "https://127.0.0.1:1/x",
            1,
            "it leaves the registry",
        ),
        (
            "archive/path",
            "a/%2e%2e/%2e%2e/x",
            1,
            "it leaves the registry",
        ),
        ("archive/path", other, 5, "checksum mismatch"),
        ("archive/size_bytes", "1", 1, "is not valid"),
        ("version", "1.0.0/../..", 1, "is not a SemVer version"),
        (
            "version",
            "2.0.0",
            5,
            "holds `demo@1.0.0`, not `demo@2.0.0`",
        ),
        ("tree", ZEROS, 5, "checksum mismatch"),
        ("store_key", ZEROS, 5, "checksum mismatch"),
        ("store_key", "sha256:../../x", 1, "is not a checksum"),
    ];
    for (member, value, code, said) in rows {
        let pointer = format!("/versions/0/{member}");
        let place = lying_registry(|document| {
            *document.pointer_mut(&pointer).unwrap() = value.into();
        });
        refuses(&place, code, said);
    }
    refuses(
        &lying_registry(|document| document["ref"] = "other".into()),
        1,
        "is about `other`",
    );
}

const ZEROS: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

#[track_caller]
fn refuses(place: &Place, code: i32, said: &str) {
    let run = place.run(&["pack", "install", "demo", "--registry", "tree"], code);
    assert!(run.stderr.contains(said), "{run:?}");
    let left = snapshot(&place.path("installed"));
    let mut left = left.keys().map(String::as_str);
    assert!(left.all(|path| LEFT.contains(&path)), "{run:?}");
}

/// What a registry says stays on one line and does not drive the terminal.
#[test]
fn words_of_a_registry_cannot_pass_for_ours() {
    let place = lying_registry(|document| {
        document["deprecated"] = json!({"reason": "\u{1b}[2Jold\nerror: forged"});
    });
    let run = place.run(&["pack", "install", "demo", "--registry", "tree"], 0);
    assert!(run.stderr.contains("`demo` is deprecated: "), "{run:?}");
    assert!(
        !run.stderr.contains("\nerror:") && !run.stderr.contains('\u{1b}'),
        "{run:?}"
    );
}
