//! What `ArchiveBuilder` writes: the same bytes for the same tree, readable by everyone.

#![expect(clippy::unwrap_used, reason = "a test fails loudly")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::process::Command;

use pack_archive::{ArchiveBuilder, MemberPath, Sink, read_archive, read_file, unpack};
use pack_format::digest::TreeHasher;
use pack_format::{ArchiveDigest, Limits};
use proptest::prelude::*;
use support::{Node, Tree, scratch, tree_of};

/// Path to execute bit and content.
type Files = BTreeMap<String, (bool, Vec<u8>)>;

fn build(files: &Files) -> Vec<u8> {
    let mut builder = ArchiveBuilder::new("demo-1.0.0", 1_700_000_000);
    for (path, (executable, content)) in files {
        builder.file(path, *executable, content).unwrap();
    }
    builder.finish().unwrap()
}

fn tiny() -> Files {
    let long = format!("{}/{}.txt", "d".repeat(120), "n".repeat(200));
    Files::from([
        ("README.md".to_owned(), (false, b"# demo\n".to_vec())),
        (
            "actions/run.sh".to_owned(),
            (true, b"#!/bin/sh\necho ok\n".to_vec()),
        ),
        ("data/caf\u{e9}.txt".to_owned(), (false, Vec::new())),
        (
            "pack.yaml".to_owned(),
            (false, b"ref: demo\nversion: 1.0.0\n".to_vec()),
        ),
        (
            format!("{}/b.txt", "a".repeat(120)),
            (false, b"prefix\n".to_vec()),
        ),
        (long, (false, b"pax\n".to_vec())),
    ])
}

fn as_tree(files: &Files) -> Tree {
    let mut tree = Tree::new();
    for (path, (executable, content)) in files {
        for (at, _) in path.match_indices('/') {
            tree.insert(path[..at].to_owned(), Node::Directory);
        }
        tree.insert(path.clone(), Node::File(*executable, content.clone()));
    }
    tree
}

/// The bytes of a tiny archive, for ever: a change here changes the digest of every published pack.
#[test]
fn archive_of_a_tiny_tree_has_its_golden_digest() {
    let digest = ArchiveDigest::of(&build(&tiny())).to_string();
    assert_eq!(
        digest,
        "sha256:40dbcf29fcb8ae57ce914d542badd7ad2a0844a2fd43c97fd41b6c592307ddcd"
    );
}

/// As above for a tar that does not fit in memory and goes through the other compressor.
#[test]
fn archive_of_a_large_tree_has_its_golden_digest() {
    let line = b"every file is a line, every line is a file, and all of them are large\n";
    let large: Vec<u8> = line
        .iter()
        .copied()
        .cycle()
        .take(12 * 1024 * 1024)
        .collect();
    let noise: Vec<u8> = (0..1_500_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let file = |content: &[u8]| (false, content.to_vec());
    let files = Files::from([
        ("a.txt".to_owned(), file(&large)),
        ("b.bin".to_owned(), file(&noise)),
        ("c.txt".to_owned(), file(&large)),
        ("d.txt".to_owned(), file(&large)),
    ]);
    let archive = build(&files);
    assert_eq!(archive[..10], *b"\x1f\x8b\x08\0\0\0\0\0\0\xff");
    assert_eq!(
        ArchiveDigest::of(&archive).to_string(),
        "sha256:86aa3f1fa7cee201ba9149c08962a4700d3c145aa16d10992aca6fdffc32d0dd"
    );
    let scratch = scratch();
    let unpacked = unpack(
        &mut Cursor::new(archive),
        &scratch.path().join("x"),
        &Limits::default(),
    )
    .unwrap();
    assert!(tree_of(&unpacked.root.join("demo-1.0.0")) == as_tree(&files));
}

/// Header fields that must not depend on machine or time.
#[test]
fn archive_carries_nothing_of_the_machine_that_made_it() {
    let archive = build(&tiny());
    assert_eq!(archive[..10], *b"\x1f\x8b\x08\0\0\0\0\0\0\xff");
    let mut tar = Vec::new();
    flate2::read::GzDecoder::new(&archive[..])
        .read_to_end(&mut tar)
        .unwrap();
    assert!(tar.ends_with(&[0; 1024]));
    let mut paths = Vec::new();
    for entry in tar::Archive::new(&tar[..]).entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        assert_eq!(
            (header.username().unwrap(), header.groupname().unwrap()),
            (Some(""), Some(""))
        );
        assert_eq!(header.mtime().unwrap(), 1_700_000_000);
        paths.push(entry.path().unwrap().to_str().unwrap().to_owned());
    }
    let mut expected = vec!["demo-1.0.0/".to_owned()];
    expected.extend(tiny().keys().map(|p| format!("demo-1.0.0/{p}")));
    assert_eq!(paths, expected);
}

/// GNU tar, bsdtar and Python see the same tree as we do.
#[test]
fn archive_is_read_alike_by_other_tools() {
    let scratch = scratch();
    let archive = scratch.path().join("a.tar.gz");
    fs::write(&archive, build(&tiny())).unwrap();
    let python = "python3 -c 'import tarfile; tarfile.open(\"../a.tar.gz\").extractall()'";
    for (tool, script) in [
        ("tar", "tar -xzf ../a.tar.gz"),
        ("bsdtar", "bsdtar -xf ../a.tar.gz"),
        ("python3", python),
    ] {
        let directory = scratch.path().join(tool);
        fs::create_dir(&directory).unwrap();
        let script = format!("command -v {tool} >/dev/null || exit 77; umask 022; {script}");
        let output = Command::new("sh")
            .args(["-c", &script])
            .current_dir(&directory)
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        if output.status.code() == Some(77) {
            println!("skipped: {tool} is not installed");
            continue;
        }
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{tool}: {output:?}"
        );
        assert_eq!(
            tree_of(&directory.join("demo-1.0.0")),
            as_tree(&tiny()),
            "{tool}"
        );
    }
}

/// What is in an archive is found by its path below the top directory, within the given size.
#[test]
fn file_of_an_archive_is_read_by_its_path() {
    let archive = build(&tiny());
    let read = |wanted, max| read_file(&mut Cursor::new(&archive), &Limits::default(), wanted, max);
    assert_eq!(
        read("README.md", 7).unwrap().as_deref(),
        Some(&b"# demo\n"[..])
    );
    assert_eq!(read("demo-1.0.0/README.md", 7).unwrap(), None);
    assert_eq!(read("readme.md", 7).unwrap(), None);
    assert_eq!(
        read("README.md", 6).unwrap_err().to_string(),
        "member 2 `demo-1.0.0/README.md` is larger than 6 bytes"
    );
}

/// A destination that is there already is neither used nor removed.
#[test]
fn unpack_leaves_an_existing_destination_alone() {
    let scratch = scratch();
    let destination = scratch.path().join("x");
    fs::create_dir(&destination).unwrap();
    fs::write(destination.join("mine"), "mine").unwrap();
    let error = unpack(
        &mut Cursor::new(build(&tiny())),
        &destination,
        &Limits::default(),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot create `{}`", destination.display())
    );
    assert!(!error.is_refusal());
    assert_eq!(fs::read(destination.join("mine")).unwrap(), b"mine");
    assert!(
        unpack(
            &mut Cursor::new(build(&tiny())),
            Path::new("/nowhere/x"),
            &Limits::default()
        )
        .is_err()
    );
}

/// Collects what it receives.
#[derive(Default)]
struct Collect(Files);

impl Sink for Collect {
    fn directory(&mut self, _: &MemberPath) -> io::Result<()> {
        Ok(())
    }

    fn file(
        &mut self,
        path: &MemberPath,
        executable: bool,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        self.0.insert(path.as_str().to_owned(), (executable, bytes));
        Ok(())
    }
}

fn digests(files: &Files) -> (String, String) {
    let mut hasher = TreeHasher::new();
    for (path, (executable, content)) in files {
        hasher.file(path, *executable, content).unwrap();
    }
    let (tree, key) = hasher.finish();
    (tree.to_string(), key.to_string())
}

/// Lower-case names that never clash: directories start with `d`, files with `f`.
fn files() -> impl Strategy<Value = Files> {
    let path = "(d[a-z0-9_.\u{e9}\u{65e5} -]{0,40}[a-z0-9]/){0,4}f[a-z0-9_.\u{e9}-]{0,120}[a-z0-9]";
    let content = prop::collection::vec(any::<u8>(), 0..2000);
    prop::collection::btree_map(path, (any::<bool>(), content), 0..24)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    /// Built and unpacked again, a tree is the same tree; built twice, the same bytes.
    #[test]
    fn tree_survives_the_round_trip(files in files()) {
        let archive = build(&files);
        prop_assert_eq!(&archive, &build(&files.clone()));
        let scratch = scratch();
        let unpacked = unpack(&mut Cursor::new(&archive), &scratch.path().join("x"), &Limits::default()).unwrap();
        prop_assert_eq!(tree_of(&unpacked.root.join("demo-1.0.0")), as_tree(&files));
        let mut collect = Collect::default();
        let summary = read_archive(&mut Cursor::new(&archive), &Limits::default(), &mut collect).unwrap();
        prop_assert_eq!(summary, unpacked.summary);
        let read: Files = collect.0.into_iter().map(|(path, file)| (path["demo-1.0.0/".len()..].to_owned(), file)).collect();
        prop_assert_eq!(digests(&read), digests(&files));
    }
}
