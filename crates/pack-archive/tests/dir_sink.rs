//! `DirSink` against whatever else happens in its directory.

#![expect(clippy::unwrap_used, reason = "a test fails loudly")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use pack_archive::{DirSink, MemberPath, Sink as _};
use pack_format::Limits;
use rustix::fs::Mode;
use support::{Node, scratch, tree_of};

fn path(text: &str) -> MemberPath {
    MemberPath::file(text.as_bytes(), &Limits::default()).unwrap()
}

fn outside(scratch: &Path) -> std::path::PathBuf {
    let outside = scratch.join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "intact").unwrap();
    outside
}

fn check_outside(outside: &Path) {
    assert_eq!(fs::read_dir(outside).unwrap().count(), 1);
    assert_eq!(fs::read(outside.join("file")).unwrap(), b"intact");
}

/// A directory swapped for a link between two members leads nowhere.
#[test]
fn swapped_directory_is_never_followed() {
    let scratch = scratch();
    let outside = outside(scratch.path());
    let root = scratch.path().join("root");
    let mut sink = DirSink::create(&root).unwrap();
    sink.write(&path("d/e/a"), false, b"a").unwrap();
    fs::rename(root.join("d"), scratch.path().join("moved")).unwrap();
    symlink(&outside, root.join("d")).unwrap();
    // The handles still are those of the directory that was made here.
    sink.write(&path("d/e/b"), false, b"b").unwrap();
    assert_eq!(fs::read(scratch.path().join("moved/e/b")).unwrap(), b"b");
    // Once they are closed, the link is met and refused.
    sink.write(&path("x"), false, b"x").unwrap();
    assert!(sink.write(&path("d/pwned"), false, b"p").is_err());
    assert!(sink.write(&path("d/e/pwned"), false, b"p").is_err());
    assert!(sink.directory(&path("d/made")).is_err());
    check_outside(&outside);
}

/// A link where a file is to be, or a file that is there, is never written through.
#[test]
fn existing_file_is_never_written_through() {
    let scratch = scratch();
    let outside = outside(scratch.path());
    let root = scratch.path().join("root");
    let mut sink = DirSink::create(&root).unwrap();
    symlink(outside.join("file"), root.join("link")).unwrap();
    symlink(outside.join("new"), root.join("dangling")).unwrap();
    fs::hard_link(outside.join("file"), root.join("hard")).unwrap();
    for name in ["link", "dangling", "hard"] {
        assert!(sink.write(&path(name), false, b"p").is_err(), "{name}");
    }
    check_outside(&outside);
}

/// Modes are ours whatever the umask; the umask of this process is set here alone.
#[test]
fn modes_do_not_depend_on_the_umask() {
    let scratch = scratch();
    for mask in [0o000, 0o022, 0o077, 0o027] {
        let before = rustix::process::umask(Mode::from_raw_mode(mask));
        let root = scratch.path().join(format!("{mask:o}"));
        let mut sink = DirSink::create(&root).unwrap();
        sink.directory(&path("d")).unwrap();
        sink.write(&path("d/run.sh"), true, b"x").unwrap();
        sink.file(&path("e/f"), false, &mut &b"y"[..]).unwrap();
        rustix::process::umask(before);
        let tree = tree_of(&root);
        assert_eq!(tree["d/run.sh"], Node::File(true, b"x".to_vec()));
        assert_eq!(tree["e/f"], Node::File(false, b"y".to_vec()));
        assert_eq!(tree.len(), 4);
    }
}
