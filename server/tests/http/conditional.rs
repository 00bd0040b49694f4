//! `ETag`, 304, 412.

use crate::support::{Server, Tree, at, put};
use std::time::SystemTime;

/// Each precondition gets the answer of the table, with the fields that belong to it.
#[test]
fn precondition_follows_the_table() {
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const OTHER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    let tree = Tree::new();
    tree.file_at("packs.json", "{}", at(784_111_777));
    let server = Server::start(&tree);
    let first = server.get("/packs.json");
    let etag = first.field("etag").to_owned();
    let list = format!("\"other\", W/{etag}");
    let weak = format!("W/{etag}");
    let split = [("If-None-Match", "\"x\""), ("If-None-Match", etag.as_str())];
    for (fields, status) in [
        (&[("If-None-Match", etag.as_str())][..], 304),
        (&[("If-None-Match", &list)], 304),
        (&[("If-None-Match", "*")], 304),
        (&split, 304),
        (&[("If-None-Match", "\"other\"")], 200),
        (&[("If-Modified-Since", SAME)], 304),
        (&[("If-Modified-Since", OTHER)], 200),
        (&[("If-Modified-Since", "never")], 200),
        (
            &[("If-None-Match", "\"other\""), ("If-Modified-Since", SAME)],
            200,
        ),
        (&[("If-Match", &etag)], 200),
        (&[("If-Match", &weak)], 412),
        (&[("If-Match", "\"other\"")], 412),
        (&[("If-Unmodified-Since", SAME)], 200),
        (
            &[("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT")],
            412,
        ),
    ] {
        for method in ["GET", "HEAD"] {
            let reply = server.ask(method, "/packs.json", fields);
            assert_eq!(reply.status, status, "{method} {fields:?}");
            match status {
                304 => {
                    assert_eq!(
                        (reply.field("etag"), reply.field("cache-control")),
                        (etag.as_str(), "no-cache")
                    );
                    assert_eq!(
                        (reply.field("vary"), reply.field("content-length")),
                        ("accept-encoding", "")
                    );
                }
                412 => assert_eq!(reply.field("cache-control"), "no-store"),
                _ => assert_eq!(reply.field("etag"), etag),
            }
        }
    }
    // A missing file has no state to compare.
    assert_eq!(
        server.get_with("/none.json", "If-None-Match", "*").status,
        404
    );
}

/// The tag outlives the server, and a copy of the tree has the same; other bytes have another.
#[test]
fn etag_is_of_the_bytes() {
    let (tree, copy) = (Tree::new(), Tree::new());
    for size in [10, 300_000] {
        tree.file("file.json", vec![b'a'; size]);
        let before = Server::start(&tree)
            .get("/file.json")
            .field("etag")
            .to_owned();
        let server = Server::start(&tree);
        assert_eq!(server.get("/file.json").field("etag"), before);
        if size == 10 {
            copy.file("file.json", vec![b'a'; size]);
            assert_eq!(Server::start(&copy).get("/file.json").field("etag"), before);
        }
        // Same size, same time, other bytes.
        let modified = std::fs::metadata(tree.root().join("file.json"))
            .unwrap()
            .modified()
            .unwrap();
        put(&tree.root(), "file.json", &vec![b'b'; size], modified);
        let reply = server.get_with("/file.json", "If-None-Match", &before);
        assert_eq!((reply.status, reply.body[0]), (200, b'b'));
        assert_ne!(reply.field("etag"), before);
    }
}

/// A file written in place, many times within one tick of the kernel's clock, is never served stale.
#[test]
fn file_rewritten_quickly_is_never_stale() {
    let tree = Tree::new();
    let server = Server::start(&tree);
    let mut client = server.connect();
    let path = tree.root().join("file.json");
    for round in 0..200_u32 {
        let text = format!("{round:04}");
        std::fs::write(&path, &text).unwrap();
        std::fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(SystemTime::UNIX_EPOCH)
            .unwrap();
        assert_eq!(client.ask("GET", "/file.json", &[]).text(), text);
    }
}
