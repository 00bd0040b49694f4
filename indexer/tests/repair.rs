//! What a build does about a tree that is not as the last build left it.

mod support;

#[path = "case/mod.rs"]
mod case;

use std::fs;
use std::os::unix::fs::symlink;

use attune_indexer::{BuildError, build};
use case::Case;
use pack_format::ArchiveDigest;
use pack_format::documents::RegistryDocument;
use support::{bytes_of, options, write_pack};

/// Whatever is lost of what can be made again is made again, with the same bytes.
#[test]
fn lost_files_are_made_again() {
    let case = Case::new();
    case.pack("a", "a", "1.0.0", "");
    case.build();
    let whole = bytes_of(&case.out());
    for path in [
        "archives/a/a-1.0.0.tar.gz",
        "packs/a.json",
        "packs/a/index.html",
        "index.html",
        "index.json",
        "registry.json",
    ] {
        fs::remove_file(case.out().join(path)).unwrap();
        case.build();
        assert_eq!(bytes_of(&case.out()), whole, "{path} removed");
        fs::write(case.out().join(path), "").unwrap();
        case.build_anyway();
        if path != "registry.json" {
            assert_eq!(bytes_of(&case.out()), whole, "{path} emptied");
        }
        let _ = fs::remove_file(case.out().join(path));
        case.build();
    }
}

/// A published archive that cannot be made again with its bytes is never replaced by another.
#[test]
fn lost_archive_is_never_replaced_by_other_bytes() {
    let case = Case::new();
    case.pack("a", "a", "1.0.0", "");
    case.build();
    fs::remove_file(case.out().join("archives/a/a-1.0.0.tar.gz")).unwrap();
    let before = bytes_of(&case.out());
    let mut later = case.options();
    later.archive_time = 2000;
    let error = build(&later, |_| {}).unwrap_err();
    let BuildError::Refused { report } = &error else {
        panic!("{error}");
    };
    let reason = report.packs[0].outcome.as_ref().unwrap_err().to_string();
    assert!(
        reason.contains("published  sha256:") && reason.contains("new        sha256:"),
        "{reason}"
    );
    assert_eq!(bytes_of(&case.out()), before);
}

/// A crash between the pointers leaves an old `registry.json`; the next build brings it up to date.
#[test]
fn stale_registry_document_is_brought_up_to_date() {
    let case = Case::new();
    case.pack("a", "a", "1.0.0", "");
    case.build();
    let stale = fs::read(case.out().join("registry.json")).unwrap();
    case.pack("b", "b", "1.0.0", "");
    case.build();
    fs::write(case.out().join("registry.json"), stale).unwrap();
    case.build();
    let registry = fs::read(case.out().join("registry.json")).unwrap();
    let registry: RegistryDocument = serde_json::from_slice(&registry).unwrap();
    assert_eq!((registry.pack_count, registry.version_count), (2, 2));
}

/// A development build leaves the archive that readers still have pinned, under its own name.
#[test]
fn dev_build_keeps_the_replaced_archive() {
    let case = Case::new();
    case.pack("a", "a", "1.0.0", "");
    case.build();
    let first = case.document("a").versions[0].archive.clone().unwrap();
    case.pack("a", "a", "1.0.0", "description: new\n");
    let mut dev = case.options();
    dev.dev = true;
    build(&dev, |_| {}).unwrap();
    let second = case.document("a").versions[0].archive.clone().unwrap();
    assert_ne!(first.path, second.path);
    for archive in [first, second] {
        let bytes = fs::read(case.out().join(&archive.path)).unwrap();
        assert_eq!(ArchiveDigest::of(&bytes), archive.checksum);
    }
}

/// A huge file is refused by its size, without being read.
#[test]
fn huge_file_is_refused_unread() {
    let case = Case::new();
    case.pack("a", "a", "1.0.0", "");
    let file = fs::File::create(case.packs().join("a/big.bin")).unwrap();
    file.set_len(1 << 43).unwrap();
    case.refused(&["a"]);
}

/// A page that lists who needs a pack follows when nobody does any more.
#[test]
fn page_forgets_a_pack_that_needs_it_no_more() {
    let case = Case::new();
    let repository = "repository: https://example.org/d\n";
    case.pack("a", "a", "1.0.0", "");
    case.pack(
        "d",
        "d",
        "1.0.0",
        &format!("{repository}dependencies: [a]\n"),
    );
    case.build();
    let page = || fs::read_to_string(case.out().join("packs/a/index.html")).unwrap();
    assert!(page().contains("../d/"));
    case.pack("d", "d", "1.1.0", repository);
    case.build();
    assert!(!page().contains("../d/"));
}

/// A link to a tree is the tree: one lock, one state.
#[test]
fn linked_tree_shares_its_state() {
    let case = Case::new();
    case.pack("a", "a", "1.0.0", "");
    case.build();
    let link = case.packs().parent().unwrap().join("link");
    symlink("tree", &link).unwrap();
    let mut through = case.options();
    through.out = link;
    let report = build(&through, |_| {}).unwrap();
    assert_eq!(
        (report.changes.unchanged, report.changes.files_written),
        (1, 0)
    );
}

/// A tree inside a pack would archive itself; one among packs is passed over.
#[test]
fn tree_may_lie_among_packs_but_not_in_one() {
    let case = Case::new();
    write_pack(&case.packs().join("a"), "a", "1.0.0", "");
    let among = options(&[case.packs()], &case.packs().join("public"));
    for expected in [1, 0] {
        let report = build(&among, |_| {}).unwrap();
        assert_eq!((report.changes.added, report.warnings.len()), (expected, 0));
    }
    let inside = options(&[case.packs().join("a")], &case.packs().join("a/public"));
    let error = build(&inside, |_| {}).unwrap_err();
    assert!(
        error.to_string().contains("lies inside the pack"),
        "{error}"
    );
    assert!(!case.packs().join("a/public").exists());
    // What ignore rules leave out is no part of the pack: it is published without the tree, again and again.
    fs::write(case.packs().join("a/.attuneignore"), "/public*\n").unwrap();
    let first = build(&inside, |_| {}).unwrap();
    assert_eq!((first.changes.added, first.changes.refused), (1, 0));
    let second = build(&inside, |_| {}).unwrap();
    assert_eq!(
        (second.changes.unchanged, second.changes.files_written),
        (1, 0)
    );
}

/// `--only` does not see past a directory that contradicts it.
#[test]
fn only_heeds_the_other_directories() {
    let case = Case::new();
    let repository = "repository: https://example.org/x\n";
    case.pack("a", "x", "1.0.0", repository);
    case.pack(
        "b",
        "x",
        "1.0.0",
        &format!("{repository}description: other\n"),
    );
    let mut only = case.options();
    only.only = vec![case.packs().join("b")];
    assert!(build(&only, |_| {}).is_err());
    assert!(!case.out().exists());
}

/// A directory with somebody's files is not taken for a tree.
#[test]
fn foreign_directory_is_refused() {
    let case = Case::new();
    case.pack("a", "a", "1.0.0", "");
    fs::create_dir(case.out()).unwrap();
    fs::write(case.out().join("thesis.tex"), "mine").unwrap();
    fs::write(case.out().join("index.html"), "mine").unwrap();
    let error = build(&case.options(), |_| {}).unwrap_err();
    assert!(
        error.to_string().contains("is not a registry tree"),
        "{error}"
    );
    assert_eq!(fs::read(case.out().join("index.html")).unwrap(), b"mine");
}
