//! What git says of a pack directory, and what it must not hide.

#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod case;
mod support;

use std::fs;
use std::path::Path;

use attune_indexer::{BuildError, build};
use case::Case;
use git2::Repository;
use pack_format::Hint as _;
use support::write_pack;

fn file_count(case: &Case, pack_ref: &str) -> u64 {
    case.document(pack_ref).versions[0].file_count
}

fn add(repository: &Repository, path: &str) {
    let mut index = repository.index().unwrap();
    index.add_path(Path::new(path)).unwrap();
    index.write().unwrap();
}

fn remove(repository: &Repository, path: &str) {
    let mut index = repository.index().unwrap();
    index.remove_path(Path::new(path)).unwrap();
    index.write().unwrap();
}

/// A secret ignored at the root of the work tree stays out; once tracked it is the operator's choice;
/// rules above the work tree and rules against the pack itself do not count.
#[test]
fn rules_of_the_work_tree_count() {
    let case = Case::new();
    case.pack("group/slack", "slack", "1.0.0", "");
    let group = case.packs().join("group");
    let work = case.packs();
    fs::write(work.join("../.gitignore"), "README.md\n").unwrap();
    fs::write(
        work.join(".gitignore"),
        ".env\n/group/slack/token\n/group/\n",
    )
    .unwrap();
    fs::write(group.join(".gitignore"), "*.key\n").unwrap();
    for secret in [".env", "token", "a.key", "actions/b.key"] {
        fs::write(group.join("slack").join(secret), "secret").unwrap();
    }
    let repository = Repository::init(&work).unwrap();
    let mut options = case.options();
    options.inputs = vec![group];
    build(&options, |_| {}).unwrap();
    assert_eq!(file_count(&case, "slack"), 4);

    add(&repository, "group/slack/a.key");
    options.dev = true;
    build(&options, |_| {}).unwrap();
    assert_eq!(file_count(&case, "slack"), 5);
}

/// `git add -f` and `git rm --cached` change what a pack holds although no file of it changes.
#[test]
fn tracking_a_file_is_noticed() {
    let case = Case::new();
    case.pack("slack", "slack", "1.0.0", "");
    let pack = case.packs().join("slack");
    fs::write(pack.join(".gitignore"), "made.txt\n").unwrap();
    fs::write(pack.join("made.txt"), "made").unwrap();
    let repository = Repository::init(case.packs()).unwrap();
    let mut options = case.options();
    options.dev = true;
    // Stamps must be old enough to be trusted, or the cache would not be asked at all.
    std::thread::sleep(std::time::Duration::from_millis(60));
    build(&options, |_| {}).unwrap();
    assert_eq!(file_count(&case, "slack"), 5);
    add(&repository, "slack/made.txt");
    build(&options, |_| {}).unwrap();
    assert_eq!(file_count(&case, "slack"), 6);
    remove(&repository, "slack/made.txt");
    build(&options, |_| {}).unwrap();
    assert_eq!(file_count(&case, "slack"), 5);
}

/// A checkout git cannot read is an error of its packs; a `.git` folder that is none is not.
#[test]
fn unreadable_checkout_is_named() {
    let case = Case::new();
    case.pack("slack", "slack", "1.0.0", "");
    fs::create_dir(case.packs().join(".git")).unwrap();
    case.build();
    fs::remove_dir(case.packs().join(".git")).unwrap();
    fs::write(case.packs().join(".git"), "gitdir: /nowhere\n").unwrap();
    let BuildError::Refused { report } = build(&case.options(), |_| {}).unwrap_err() else {
        unreachable!()
    };
    let error = report.packs[0].outcome.as_ref().unwrap_err();
    let reason = std::error::Error::source(error).unwrap().to_string();
    let place = case.packs().canonicalize().unwrap().display().to_string();
    assert!(
        reason.starts_with(&format!("cannot read the git repository of `{place}`: ")),
        "{reason}"
    );
    assert_eq!(error.hint(), None);
}

/// Somebody else's checkout says how it can be trusted.
#[test]
fn checkout_of_another_user_is_named() {
    let case = Case::new();
    case.pack("slack", "slack", "1.0.0", "");
    Repository::init(case.packs()).unwrap();
    let changed = std::os::unix::fs::chown(case.packs(), Some(4711), None)
        .and_then(|()| std::os::unix::fs::chown(case.packs().join(".git"), Some(4711), None));
    if changed.is_err() {
        return; // Only root can give a directory away.
    }
    let BuildError::Refused { report } = build(&case.options(), |_| {}).unwrap_err() else {
        unreachable!()
    };
    let hint = report.packs[0].outcome.as_ref().unwrap_err().hint();
    assert!(hint.unwrap().contains("safe.directory"));
}

/// What an ignore rule leaves out may be as deep or as strange as it likes.
#[test]
fn ignored_depths_do_not_refuse_a_pack() {
    let case = Case::new();
    case.pack("slack", "slack", "1.0.0", "");
    let pack = case.packs().join("slack");
    fs::create_dir_all(pack.join("node_modules").join("d/".repeat(70))).unwrap();
    case.refused(&["lies deeper than 64 directories"]);
    fs::write(pack.join(".attuneignore"), "node_modules\n").unwrap();
    case.build();
}

/// A pack that is a link to a directory is refused.
#[test]
fn linked_pack_is_refused() {
    let case = Case::new();
    let real = case.packs().join("../elsewhere");
    write_pack(&real, "slack", "1.0.0", "");
    fs::create_dir_all(case.packs()).unwrap();
    std::os::unix::fs::symlink(&real, case.packs().join("slack")).unwrap();
    case.refused(&["symbolic link"]);
}
