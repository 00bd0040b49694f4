//! 206, 416, If-Range.

use crate::support::{Server, Tree, at};

fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect()
}

/// Each form of a range gets its part, of a file in memory and of one read by pieces.
#[test]
fn range_follows_the_table() {
    let tree = Tree::new();
    let server = Server::start(&tree);
    for size in [1000, 1_000_000] {
        let content = bytes(size);
        tree.file("a.tar.gz", &content);
        let (all, last) = (0..size, size - 1);
        for (range, part) in [
            ("bytes=0-99".to_owned(), Some(0..100)),
            ("bytes=500-".to_owned(), Some(500..size)),
            ("bytes=-10".to_owned(), Some(size - 10..size)),
            (format!("bytes=-{}", size * 2), Some(all.clone())),
            (format!("bytes={last}-{last}"), Some(last..size)),
            (format!("bytes={last}-{}", size * 9), Some(last..size)),
            ("bytes=0-1,5-6".to_owned(), None),
            ("bytes=9-1".to_owned(), None),
            ("pages=1-2".to_owned(), None),
        ] {
            let reply = server.get_with("/a.tar.gz", "Range", &range);
            let (status, field) = match &part {
                Some(part) => (206, format!("bytes {}-{}/{size}", part.start, part.end - 1)),
                None => (200, String::new()),
            };
            assert_eq!(
                (reply.status, reply.field("content-range")),
                (status, field.as_str()),
                "{range}"
            );
            assert!(
                reply.body == content[part.unwrap_or(all.clone())],
                "{range}"
            );
        }
        for range in [format!("bytes={size}-"), "bytes=-0".to_owned()] {
            let reply = server.get_with("/a.tar.gz", "Range", &range);
            let field = format!("bytes */{size}");
            assert_eq!(
                (reply.status, reply.field("content-range")),
                (416, field.as_str())
            );
            assert_eq!(reply.field("cache-control"), "no-store");
        }
        let head = server.ask("HEAD", "/a.tar.gz", &[("Range", "bytes=0-9")]);
        assert_eq!(
            (head.status, head.field("content-length")),
            (200, size.to_string().as_str())
        );
    }
    assert_eq!(
        server.get_with("/none.tar.gz", "Range", "bytes=0-1").status,
        404
    );
}

/// A part is only sent of the state the client has the rest of.
#[test]
fn if_range_needs_the_same_state() {
    let tree = Tree::new();
    tree.file_at("a.tar.gz", bytes(1000), at(784_111_777));
    let server = Server::start(&tree);
    let etag = server.get("/a.tar.gz").field("etag").to_owned();
    let weak = format!("W/{etag}");
    for (condition, status) in [
        (etag.as_str(), 206),
        (&weak, 200),
        ("\"other\"", 200),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 206),
        ("Sun, 06 Nov 1994 08:49:38 GMT", 200),
    ] {
        let fields = [("Range", "bytes=0-9"), ("If-Range", condition)];
        assert_eq!(
            server.ask("GET", "/a.tar.gz", &fields).status,
            status,
            "{condition}"
        );
    }
    // A range that would be refused does not matter either once the state differs.
    let fields = [("Range", "bytes=5000-"), ("If-Range", "\"other\"")];
    assert_eq!(server.ask("GET", "/a.tar.gz", &fields).status, 200);
}
