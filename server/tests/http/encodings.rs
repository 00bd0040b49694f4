//! Twins: which client gets which bytes.

use crate::support::{Reply, Server, Tree, at};

/// A document and both twins, of one time.
fn tree_with_twins() -> Tree {
    let tree = Tree::new();
    let time = at(1_700_000_000);
    tree.file_at("packs.json", plain(), time)
        .file_at("packs.json.gz", "as gzip", time)
        .file_at("packs.json.zst", "as zstd", time);
    tree
}

fn plain() -> String {
    "p".repeat(2000)
}

fn coding(reply: &Reply) -> &str {
    assert_eq!(
        (reply.status, reply.field("vary")),
        (200, "accept-encoding")
    );
    let coding = reply.field("content-encoding");
    match coding {
        "gzip" => assert_eq!(reply.text(), "as gzip"),
        "zstd" => assert_eq!(reply.text(), "as zstd"),
        _ => assert_eq!(reply.text(), plain()),
    }
    coding
}

/// The preferred coding wins, zstd among equals; what is not accepted is not sent.
#[test]
fn twin_follows_accept_encoding() {
    let tree = tree_with_twins();
    let server = Server::start(&tree);
    for (accept, expected) in [
        ("", ""),
        ("identity", ""),
        ("br", ""),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, zstd;q=0.9", "gzip"),
        ("gzip;q=0.2, zstd;q=0.2", "zstd"),
        ("gzip;q=0", ""),
        ("zstd;q=0, *", "gzip"),
        ("gzip;q=0.5, identity;q=1", ""),
        ("gzip, identity;q=0", "gzip"),
    ] {
        let reply = server.get_with("/packs.json", "Accept-Encoding", accept);
        assert_eq!(coding(&reply), expected, "{accept}");
        assert_eq!(reply.field("content-type"), "application/json");
    }
    assert_eq!(coding(&server.get("/packs.json")), "");
}

/// Each twin has a tag of its own, and only that one is its 304.
#[test]
fn twin_has_its_own_etag() {
    let tree = tree_with_twins();
    let server = Server::start(&tree);
    let accepts = ["identity", "gzip", "zstd"];
    let tags = accepts.map(|accept| {
        let reply = server.get_with("/packs.json", "Accept-Encoding", accept);
        reply.field("etag").to_owned()
    });
    for (i, accept) in accepts.iter().enumerate() {
        for (j, tag) in tags.iter().enumerate() {
            let fields = [("Accept-Encoding", *accept), ("If-None-Match", tag)];
            let reply = server.ask("GET", "/packs.json", &fields);
            assert_eq!(
                reply.status,
                if i == j { 304 } else { 200 },
                "{accept} {tag}"
            );
            assert_eq!(reply.field("vary"), "accept-encoding");
        }
    }
}

/// A range is of the file itself; a client that prefers a twin gets all of it.
#[test]
fn twin_has_no_ranges() {
    let tree = tree_with_twins();
    let server = Server::start(&tree);
    let fields = [("Accept-Encoding", "gzip"), ("Range", "bytes=0-2")];
    let reply = server.ask("GET", "/packs.json", &fields);
    assert_eq!((coding(&reply), reply.field("accept-ranges")), ("gzip", ""));
    let reply = server.ask("GET", "/packs.json", &[("Range", "bytes=0-2")]);
    assert_eq!(
        (reply.status, reply.text(), reply.field("content-encoding")),
        (206, "ppp", "")
    );
}

/// A twin of another time belongs to other bytes.
#[test]
fn twin_of_another_time_is_not_used() {
    let tree = tree_with_twins();
    tree.file_at("packs.json.zst", "of other bytes", at(1_700_000_001));
    let server = Server::start(&tree);
    let both = |server: &Server| server.get_with("/packs.json", "Accept-Encoding", "gzip, zstd");
    assert_eq!(coding(&both(&server)), "gzip");
    // A nanosecond is another time.
    let later = at(1_700_000_000) + std::time::Duration::from_nanos(1);
    tree.file_at("packs.json", plain(), later);
    assert_eq!(coding(&both(&server)), "");
    // Twins may come after their file.
    tree.file_at("packs.json.gz", "as gzip", later);
    assert_eq!(coding(&both(&server)), "gzip");
    tree.file_at("packs.json.zst", "as zstd", later);
    assert_eq!(coding(&both(&server)), "zstd");
}

/// Archives are never coded, whatever lies beside them, and a link is no twin.
#[test]
fn twin_of_an_archive_is_never_used() {
    let tree = tree_with_twins();
    let time = at(1_700_000_000);
    let name = "archives/a/a-1.0.0.tar.gz";
    tree.file_at(name, plain(), time)
        .file_at(&format!("{name}.gz"), "as gzip", time);
    std::fs::remove_file(tree.root().join("packs.json.gz")).unwrap();
    std::os::unix::fs::symlink("packs.json.zst", tree.root().join("packs.json.gz")).unwrap();
    let server = Server::start(&tree);
    let reply = server.get_with(&format!("/{name}"), "Accept-Encoding", "gzip, zstd");
    assert_eq!(
        (reply.text(), reply.field("content-encoding")),
        (plain().as_str(), "")
    );
    assert_eq!(reply.field("vary"), "");
    let reply = server.get_with("/packs.json", "Accept-Encoding", "gzip");
    assert_eq!(coding(&reply), "");
}

/// Twins too large for memory are streamed like any file.
#[test]
fn twin_of_a_large_file_is_streamed() {
    let tree = Tree::new();
    let (time, large) = (at(1_700_000_000), "g".repeat(600_000));
    tree.file_at("index.json", "p".repeat(900_000), time)
        .file_at("index.json.gz", &large, time);
    let server = Server::start(&tree);
    let reply = server.get_with("/index.json", "Accept-Encoding", "gzip");
    assert_eq!(reply.field("content-encoding"), "gzip");
    assert!(reply.text() == large);
    let reply = server.ask("HEAD", "/index.json", &[("Accept-Encoding", "gzip")]);
    assert_eq!(reply.field("content-length"), "600000");
}
