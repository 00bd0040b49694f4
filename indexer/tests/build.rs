//! What a build does, and what it refuses, on small packs.

mod support;

#[path = "case/mod.rs"]
mod case;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use attune_indexer::build;
use case::Case;
use pack_format::documents::PacksDocument;
use pack_format::{Hint as _, Timestamp};
use support::{bytes_of, options, snapshot};

/// The tree holds every document and archive it names, and the same bytes under both names.
#[test]
fn build_writes_a_complete_tree() {
    let case = Case::new();
    case.pack(
        "slack",
        "slack",
        "2.1.0",
        "repository: https://example.org/slack\n",
    );
    let report = case.build();
    assert_eq!((report.changes.added, report.totals), (1, (1, 1)));
    let packs: PacksDocument =
        serde_json::from_slice(&fs::read(case.out().join("packs.json")).unwrap()).unwrap();
    for (pack_ref, pointer) in &packs.packs {
        let immutable = fs::read(case.out().join(pointer.document_path(pack_ref))).unwrap();
        assert_eq!(
            immutable,
            fs::read(case.out().join(format!("packs/{pack_ref}.json"))).unwrap()
        );
        assert_eq!(pack_format::ArchiveDigest::of(&immutable), pointer.document);
    }
    let archive = case.document("slack").versions[0].archive.clone().unwrap();
    let bytes = fs::read(case.out().join(&archive.path)).unwrap();
    assert_eq!(pack_format::ArchiveDigest::of(&bytes), archive.checksum);
    assert_eq!(bytes.len() as u64, archive.size_bytes);
    for page in [
        "index.html",
        "packs/slack/index.html",
        "404.html",
        "packs/slack/index.html.gz",
        "packs/slack/index.html.zst",
    ] {
        assert!(case.out().join(page).is_file(), "{page} is missing");
    }
}

/// The same packs elsewhere, written in another order and at another time, give the same bytes.
#[test]
fn build_is_a_function_of_its_inputs() {
    let one = Case::new();
    let two = Case::new();
    let names = ["zeta", "alpha", "mid"];
    for name in names {
        one.pack(name, name, "1.0.0", "");
    }
    for name in names.iter().rev() {
        two.pack(name, name, "1.0.0", "");
        fs::File::open(two.packs().join(name).join("README.md"))
            .unwrap()
            .set_modified(std::time::UNIX_EPOCH)
            .unwrap();
    }
    one.build();
    two.build();
    assert_eq!(bytes_of(&one.out()), bytes_of(&two.out()));
}

/// Nothing new: no file of the tree or of its state changes. Then an edit of the same size, with its old
/// time put back, is still noticed.
#[test]
fn build_of_nothing_new_writes_nothing_and_misses_no_edit() {
    let case = Case::new();
    case.pack("slack", "slack", "1.0.0", "");
    case.build();
    let tree = snapshot(&case.out());
    for _ in 0..2 {
        let report = case.build();
        assert_eq!(report.changes.files_written, 0);
        assert_eq!(report.changes.unchanged, 1);
        assert_eq!(snapshot(&case.out()), tree);
    }
    let script = case.packs().join("slack/actions/run.sh");
    let time = fs::metadata(&script).unwrap().modified().unwrap();
    fs::write(&script, "#!/bin/sh\necho no\n").unwrap();
    fs::File::options()
        .write(true)
        .open(&script)
        .unwrap()
        .set_modified(time)
        .unwrap();
    case.refused(&["`slack@1.0.0` is already published with different contents"]);
}

/// A higher version joins the history, the first one keeps its time and its archive's bytes.
#[test]
fn build_keeps_the_history_of_versions() {
    let case = Case::new();
    case.pack(
        "slack",
        "slack",
        "9.0.0",
        "repository: https://example.org/slack\n",
    );
    case.build();
    let first = fs::read(case.out().join("archives/slack/slack-9.0.0.tar.gz")).unwrap();
    case.pack(
        "slack",
        "slack",
        "10.0.0",
        "repository: https://example.org/slack\n",
    );
    let mut later = case.options();
    later.now = Timestamp::from_unix(1_800_000_000);
    build(&later, |_| {}).unwrap();
    assert_eq!(case.versions("slack"), ["10.0.0", "9.0.0"]);
    let document = case.document("slack");
    assert_eq!(document.versions[0].published_at, later.now);
    assert_eq!(document.versions[1].published_at, case.options().now);
    assert_eq!(
        fs::read(case.out().join("archives/slack/slack-9.0.0.tar.gz")).unwrap(),
        first
    );
}

/// Two directories of one ref: one history with the same repository, refused by name without, taken when
/// the operator says so.
#[test]
fn build_joins_directories_only_when_they_belong_together() {
    let same = Case::new();
    for version in ["1.0.0", "2.0.0"] {
        same.pack(
            version,
            "slack",
            version,
            "repository: https://example.org/slack\n",
        );
    }
    same.build();
    assert_eq!(same.versions("slack"), ["2.0.0", "1.0.0"]);

    let other = Case::new();
    other.pack("a", "slack", "1.0.0", "repository: https://example.org/a\n");
    other.pack("b", "slack", "2.0.0", "repository: https://example.org/b\n");
    other.refused(&[
        "the ref `slack` is claimed by",
        "the ref `slack` is claimed by",
    ]);
    fs::write(
        other.packs().join("registry.yaml"),
        "packs:\n  slack: {same_pack: true}\n",
    )
    .unwrap();
    other.build();
    assert_eq!(other.versions("slack"), ["2.0.0", "1.0.0"]);
}

/// One version with two contents is refused on both sides.
#[test]
fn build_refuses_one_version_with_two_contents() {
    let case = Case::new();
    for (directory, extra) in [("a", "description: one\n"), ("b", "description: two\n")] {
        let repository = format!("repository: https://example.org/slack\n{extra}");
        case.pack(directory, "slack", "1.0.0", &repository);
    }
    case.refused(&["with different contents", "with different contents"]);
}

/// Packs added one by one give the same pages, documents and indexes as all at once.
#[test]
fn incremental_builds_end_where_a_full_build_does() {
    let needs = |pack: &str| format!("repository: https://example.org/x\ndependencies: [{pack}]\n");
    let full = Case::new();
    let steps = Case::new();
    let packs = [("c", needs("b")), ("a", needs("c")), ("b", String::new())];
    for (name, extra) in &packs {
        full.pack(name, name, "1.0.0", extra);
        let rule = "ref: x.rule\ntrigger_ref: a.event\naction_ref: b.run\n";
        for case in [&full, &steps] {
            fs::create_dir_all(case.packs().join(name).join("rules")).unwrap();
            fs::write(case.packs().join(name).join("rules/rule.yaml"), rule).unwrap();
        }
    }
    full.build();
    for (name, extra) in &packs {
        steps.pack(name, name, "1.0.0", extra);
        let mut options = steps.options();
        options.skip_invalid = true;
        build(&options, |_| {}).unwrap();
    }
    // What happened on the way is not the same.
    let end = |case: &Case| {
        let mut bytes = bytes_of(&case.out());
        bytes.retain(|name, _| !name.starts_with("changes/"));
        bytes
    };
    assert_eq!(end(&steps), end(&full));
}

/// `--dev` lets a published version change.
#[test]
fn dev_build_replaces_a_version() {
    let case = Case::new();
    case.pack("slack", "slack", "1.0.0", "");
    case.build();
    case.pack("slack", "slack", "1.0.0", "description: new\n");
    case.refused(&["already published"]);
    let mut dev = case.options();
    dev.dev = true;
    let report = build(&dev, |_| {}).unwrap();
    assert_eq!(report.changes.updated, 1);
    let archive = case.document("slack").versions[0].archive.clone().unwrap();
    let bytes = fs::read(case.out().join(&archive.path)).unwrap();
    assert_eq!(pack_format::ArchiveDigest::of(&bytes), archive.checksum);
}

/// Every bad pack is named at once, nothing is published, and `--skip-invalid` publishes the rest.
#[test]
fn build_names_every_bad_pack() {
    let case = Case::new();
    case.pack("a-good", "good", "1.0.0", "");
    for (name, manifest) in [
        ("b-yaml", "ref: [\n"),
        ("c-type", "ref: x\nversion: \"1.0.0\"\nlabel: {}\n"),
        ("d-version", "ref: x\nversion: 1.0\n"),
    ] {
        fs::create_dir_all(case.packs().join(name)).unwrap();
        fs::write(case.packs().join(name).join("pack.yaml"), manifest).unwrap();
    }
    case.pack("e-link", "linked", "1.0.0", "");
    symlink("/etc/passwd", case.packs().join("e-link/secret")).unwrap();
    case.refused(&[
        "not valid YAML",
        "it is a mapping, not a string",
        "not a SemVer version",
        "symbolic link",
    ]);
    assert!(!case.out().exists());
    let mut skip = case.options();
    skip.skip_invalid = true;
    let report = build(&skip, |_| {}).unwrap();
    assert_eq!((report.changes.added, report.changes.refused), (1, 4));
}

/// No pack where one was named.
#[test]
fn build_without_pack_says_where_it_looked() {
    let case = Case::new();
    fs::create_dir_all(case.packs()).unwrap();
    let error = build(&case.options(), |_| {}).unwrap_err();
    let packs = case.packs().display().to_string();
    assert_eq!(
        error.to_string(),
        format!("no pack in `{packs}`: searched `{packs}/pack.yaml` and `{packs}/*/pack.yaml`")
    );
    assert!(error.hint().is_some());
    assert!(!case.out().exists());
}

/// Ignore rules leave files out, links among them; nothing outside the pack counts.
#[test]
fn ignored_files_stay_out_of_the_archive() {
    let case = Case::new();
    case.pack("slack", "slack", "1.0.0", "");
    let pack = case.packs().join("slack");
    fs::write(case.packs().join(".gitignore"), "README.md\n").unwrap();
    fs::write(pack.join(".gitignore"), "venv/\n").unwrap();
    fs::write(pack.join(".attuneignore"), "*.pyc\n").unwrap();
    fs::write(pack.join("a.pyc"), "x").unwrap();
    fs::create_dir(pack.join("venv")).unwrap();
    symlink("/usr/bin/python3", pack.join("venv/python")).unwrap();
    case.build();
    assert_eq!(case.document("slack").versions[0].file_count, 6);
}

/// `--only` builds the named pack and leaves the others as they are.
#[test]
fn only_builds_the_named_pack() {
    let case = Case::new();
    for name in ["a", "b"] {
        case.pack(name, name, "1.0.0", "");
    }
    case.build();
    for name in ["a", "b"] {
        case.pack(name, name, "1.1.0", "");
    }
    let mut only = case.options();
    only.only = vec![case.packs().join("b")];
    build(&only, |_| {}).unwrap();
    assert_eq!(case.versions("a"), ["1.0.0"]);
    assert_eq!(case.versions("b"), ["1.1.0", "1.0.0"]);
    only.only = vec![case.packs().join("nowhere")];
    let error = build(&only, |_| {}).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("is not one of the packs of this build"),
        "{error}"
    );
}

/// The execute bit is part of what is published.
#[test]
fn changed_execute_bit_is_a_changed_version() {
    let case = Case::new();
    case.pack("slack", "slack", "1.0.0", "");
    case.build();
    let script = case.packs().join("slack/actions/run.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    case.refused(&["already published with different contents"]);
}

/// What the operator adds reaches the documents, and yanked versions leave `index.json`.
#[test]
fn operator_additions_reach_documents_and_index() {
    let case = Case::new();
    for version in ["1.0.0", "2.0.0"] {
        case.pack(
            version,
            "slack",
            version,
            "repository: https://example.org/slack\n",
        );
    }
    fs::write(
        case.packs().join("registry.yaml"),
        "name: Ops\npacks:\n  slack:\n    owners: [ops]\n    meta: {category: chat}\n    yanked: {\"2.0.0\": broken}\n",
    )
    .unwrap();
    case.build();
    let document = case.document("slack");
    assert_eq!(document.owners, ["ops"]);
    assert_eq!(
        document.versions[0].yanked.as_ref().unwrap().reason,
        "broken"
    );
    let index = fs::read_to_string(case.out().join("index.json")).unwrap();
    assert!(index.contains("\"version\": \"1.0.0\"") && !index.contains("\"version\": \"2.0.0\""));
    assert!(index.contains("\"category\": \"chat\""));
}

/// A tree that cannot be written is named, and nothing is left beside it.
#[test]
fn unwritable_target_is_named() {
    let case = Case::new();
    case.pack("slack", "slack", "1.0.0", "");
    let file = case.root().join("file");
    fs::write(&file, "").unwrap();
    let error = build(&options(&[case.packs()], &file.join("tree")), |_| {}).unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
    assert_eq!(fs::read(&file).unwrap(), b"");
}

/// While another process changes the tree, a build waits and then says whom for.
#[test]
fn second_build_is_told_who_is_building() {
    let case = Case::new();
    case.pack("slack", "slack", "1.0.0", "");
    let _held = registry_tree::TreeWriter::begin(
        &case.out(),
        "registry build",
        std::time::Duration::ZERO,
        |_| {},
    )
    .unwrap();
    let mut told = None;
    let error = build(&case.options(), |holder| told = Some(holder.clone())).unwrap_err();
    assert!(error.is_busy(), "{error}");
    assert_eq!(told.unwrap().pid, std::process::id());
    assert!(!Path::new(&case.out()).exists());
}
