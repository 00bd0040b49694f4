//! Files asked for again and again, which the kernel sends from pages of its own.

use crate::support::{Client, Server, Tree, at, request};

/// A name, so that the copy is told from those of other tests by its size.
const SIZE: usize = 100_003;

fn bytes_of(seed: usize, size: usize) -> Vec<u8> {
    (0..size)
        .map(|n| u8::try_from((n * n / 7 + n * seed) % 251).unwrap())
        .collect()
}

/// Sizes of the copies this process has.
fn copies() -> Vec<u64> {
    let is_copy = |path: &std::path::Path| {
        std::fs::read_link(path).is_ok_and(|name| name.to_string_lossy().contains("attune-served"))
    };
    let handles = std::fs::read_dir("/proc/self/fd").unwrap();
    let paths = handles.map(|handle| handle.unwrap().path());
    paths
        .filter(|path| is_copy(path))
        .filter_map(|path| Some(std::fs::metadata(path).ok()?.len()))
        .collect()
}

/// Asks until there is a copy of this size.
fn warm(client: &mut Client, fields: &[(&str, &str)], wanted: &[u8], size: usize) {
    for _ in 0..100_000 {
        let reply = client.ask("GET", "/packs.json", fields);
        assert!(reply.body == wanted);
        if copies().contains(&(size as u64)) {
            return;
        }
    }
    panic!("no copy was made");
}

/// Whole, as a twin, in part, as a head, and by many requests at once that nobody reads for a while: always the file's bytes.
#[test]
#[cfg(target_os = "linux")]
fn warm_file_is_sent_whole_and_in_parts() {
    let tree = Tree::new();
    let (text, twin) = (bytes_of(1, SIZE), bytes_of(2, SIZE - 50_000));
    tree.file_at("packs.json", &text, at(1_700_000_000));
    tree.file_at("packs.json.gz", &twin, at(1_700_000_000));
    let server = Server::start(&tree);
    let mut client = server.connect();
    warm(&mut client, &[], &text, SIZE);
    let gzip = [("accept-encoding", "gzip")];
    warm(&mut client, &gzip, &twin, SIZE - 50_000);
    let part = client.ask("GET", "/packs.json", &[("range", "bytes=5000-90000")]);
    assert_eq!(part.status, 206);
    assert!(part.body == text[5000..=90_000]);
    let head = client.ask("HEAD", "/packs.json", &[]);
    assert_eq!(head.field("content-length"), SIZE.to_string());
    // More than sockets hold, so that the server can send each time only a part.
    client.send(request("GET", "/packs.json", &[]).repeat(200));
    for _ in 0..200 {
        assert!(client.reply("GET").body == text);
    }
}

/// With the new bytes of a file comes a new copy, and the old one goes.
#[test]
#[cfg(target_os = "linux")]
fn warm_file_that_is_replaced_is_served_anew() {
    let tree = Tree::new();
    let (old, new) = (bytes_of(1, SIZE + 100), bytes_of(2, SIZE + 200));
    tree.file_at("packs.json", &old, at(1_700_000_000));
    let server = Server::start(&tree);
    let mut client = server.connect();
    warm(&mut client, &[], &old, old.len());
    tree.file_at("packs.json", &new, at(1_700_000_001));
    warm(&mut client, &[], &new, new.len());
    assert!(!copies().contains(&(old.len() as u64)));
}
