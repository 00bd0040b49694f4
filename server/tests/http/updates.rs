//! A tree rewritten while it is served.

use crate::support::{Server, Tree, at, put};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// The request after a rename gets the new bytes, on a connection that has seen the old ones.
#[test]
fn file_renamed_into_place_is_served_at_once() {
    let tree = Tree::new();
    let server = Server::start(&tree);
    let mut client = server.connect();
    for round in 0..100 {
        for size in [20, 300_000] {
            let text = format!("{round:04}").repeat(size / 4);
            tree.file("packs.json", &text);
            assert!(client.ask("GET", "/packs.json", &[]).text() == text);
        }
    }
    std::fs::remove_file(tree.root().join("packs.json")).unwrap();
    assert_eq!(client.ask("GET", "/packs.json", &[]).status, 404);
}

/// A tree put in place of another is served at once; while there is none, clients are told to come back.
#[test]
fn tree_replaced_whole_is_served_at_once() {
    let tree = Tree::new();
    tree.file("packs/a.json", "old");
    let new = tree.outside().join("new");
    put(&new, "index.json", b"{}", at(1_700_000_000));
    put(&new, "packs/a.json", b"new", at(1_700_000_000));
    let server = Server::start(&tree);
    let mut client = server.connect();
    assert_eq!(client.ask("GET", "/packs/a.json", &[]).text(), "old");
    std::fs::rename(tree.root(), tree.outside().join("old")).unwrap();
    let reply = client.ask("GET", "/packs/a.json", &[]);
    assert_eq!((reply.status, reply.field("retry-after")), (503, "1"));
    assert_eq!(reply.field("cache-control"), "no-store");
    std::fs::rename(&new, tree.root()).unwrap();
    assert_eq!(client.ask("GET", "/packs/a.json", &[]).text(), "new");
    assert_eq!(client.ask("GET", "/packs/none.json", &[]).status, 404);
}

/// Readers of a file rewritten all the time, twins and all, get one state or another, never two at once.
#[test]
fn file_rewritten_is_never_a_mixture() {
    for size in [4_000, 600_000] {
        let tree = Tree::new();
        write_state(&tree, 0, size);
        let server = Server::start(&tree);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for accept in ["identity", "gzip", "zstd, gzip"] {
                let (server, done) = (&server, &done);
                scope.spawn(move || {
                    let mut client = server.connect();
                    let mut last = 0;
                    while !done.load(Relaxed) {
                        let reply =
                            client.ask("GET", "/packs.json", &[("Accept-Encoding", accept)]);
                        assert_eq!(reply.status, 200, "{reply:?}");
                        let state = state_of(&reply.body, reply.field("content-encoding"), size);
                        assert!(state >= last, "went back from {last} to {state}");
                        last = state;
                    }
                });
            }
            for state in 1..=150 {
                write_state(&tree, state, size);
            }
            done.store(true, Relaxed);
        });
    }
}

/// Writes the file and its twins with one time, in an order that changes from state to state.
fn write_state(tree: &Tree, state: u8, size: usize) {
    let time = at(1_700_000_000) + Duration::from_nanos(state.into());
    let mut files = [
        ("packs.json", b'-'),
        ("packs.json.gz", b'g'),
        ("packs.json.zst", b'z'),
    ];
    files.rotate_left(usize::from(state) % 3);
    for (name, mark) in files {
        let mut bytes = vec![state; size];
        bytes[0] = mark;
        tree.file_at(name, bytes, time);
    }
}

fn state_of(body: &[u8], coding: &str, size: usize) -> u8 {
    let mark = match coding {
        "gzip" => b'g',
        "zstd" => b'z',
        _ => b'-',
    };
    assert_eq!((body[0], body.len()), (mark, size));
    assert!(
        body[1..].iter().all(|byte| *byte == body[1]),
        "a mixture of two states"
    );
    body[1]
}

/// A download in progress is of the file it began with, whatever happens to the name.
#[test]
fn download_in_progress_keeps_its_file() {
    let tree = Tree::new();
    let size = 40_000_000;
    tree.file("big.bin", vec![b'a'; size]);
    let server = Server::start(&tree);
    let mut client = server.connect();
    client.send(crate::support::request("GET", "/big.bin", &[]));
    let mut first = [0; 1];
    client.stream.peek(&mut first).unwrap();
    tree.file("big.bin", vec![b'b'; size]);
    let reply = client.reply("GET");
    assert_eq!(reply.body.len(), size);
    assert!(reply.body.iter().all(|byte| *byte == b'a'));
    assert_eq!(
        client
            .ask("GET", "/big.bin", &[("Range", "bytes=0-0")])
            .text(),
        "b"
    );
}
