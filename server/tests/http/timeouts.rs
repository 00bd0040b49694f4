//! Every wait ends, for the client that lets it run out and for no other.

use crate::support::{PATIENCE, Recorder, Server, Tree, request};
use attune_server::{ServeOptions, TimedOut};
use std::io::Write;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// Long enough for a busy machine to send a request in, short enough to wait for.
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_hours(1);

/// A server on which one wait is short and all others are as good as endless.
fn server(tree: &Tree, change: impl FnOnce(&mut ServeOptions)) -> (Server, Receiver<TimedOut>) {
    let (recorder, timed_out) = Recorder::new();
    let mut options = ServeOptions {
        header_timeout: LONG,
        idle_timeout: LONG,
        body_timeout: LONG,
        reporter: recorder,
        ..ServeOptions::default()
    };
    change(&mut options);
    (Server::with(tree, options), timed_out)
}

/// A client that never asks, and one that stops inside a head, are closed without an answer.
#[test]
fn head_never_finished_is_closed() {
    let tree = Tree::new();
    let (server, timed_out) = server(&tree, |options| options.header_timeout = SHORT);
    for start in ["", "GET /index", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n"] {
        let mut client = server.connect();
        client.send(start);
        assert!(client.is_closed());
        assert_eq!(timed_out.recv_timeout(PATIENCE), Ok(TimedOut::Header));
    }
    // The second head of a connection has the same time as the first.
    let mut client = server.connect();
    assert_eq!(client.ask("GET", "/index.json", &[]).status, 200);
    client.send("GET /");
    assert!(client.is_closed());
    assert_eq!(timed_out.recv_timeout(PATIENCE), Ok(TimedOut::Header));
    // So has one that begins before the answer to the first.
    let mut client = server.connect();
    client.send(request("GET", "/index.json", &[]) + "GET /");
    assert_eq!(client.reply("GET").status, 200);
    assert!(client.is_closed());
    assert_eq!(timed_out.recv_timeout(PATIENCE), Ok(TimedOut::Header));
}

/// A connection that waited for long goes on as before, however its next head comes.
#[test]
fn connection_at_rest_is_woken() {
    let tree = Tree::new();
    let (server, timed_out) = server(&tree, |_| {});
    let mut client = server.connect();
    assert_eq!(client.ask("GET", "/index.json", &[]).status, 200);
    let long = request("GET", "/index.json", &[("X-Long", &"x".repeat(20_000))]);
    for head in ["\r\n", "", &long[..1500], &long[..1]] {
        // Paces the client; nothing is expected to arrive here.
        assert!(timed_out.recv_timeout(SHORT).is_err());
        client.send(head);
        assert!(timed_out.recv_timeout(SHORT).is_err());
        let all = if head.trim().is_empty() {
            &long
        } else {
            &long[head.len()..]
        };
        client.send(all);
        assert_eq!(client.reply("GET").status, 200);
    }
    client.send(request("GET", "/index.json", &[]).repeat(2));
    for _ in 0..2 {
        assert_eq!(client.reply("GET").status, 200);
    }
}

/// Bytes that trickle in do not extend the time of a head.
#[test]
fn head_trickled_is_closed() {
    let tree = Tree::new();
    let (server, timed_out) = server(&tree, |options| options.header_timeout = SHORT);
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
    let begun = Instant::now();
    let outcome = loop {
        // Paces the bytes without sleeping, and is where the end is noticed.
        match timed_out.recv_timeout(Duration::from_millis(10)) {
            Ok(outcome) => break outcome,
            Err(_) => drop(client.stream.write_all(b"x")),
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "trickled bytes keep the connection open"
        );
    };
    assert_eq!(outcome, TimedOut::Header);
}

/// A connection kept alive without a request is closed; one that keeps asking is not.
#[test]
fn connection_idle_is_closed() {
    let tree = Tree::new();
    let (server, timed_out) = server(&tree, |options| options.idle_timeout = SHORT * 3);
    let mut client = server.connect();
    let begun = Instant::now();
    while begun.elapsed() < SHORT * 4 {
        assert_eq!(client.ask("GET", "/index.json", &[]).status, 200);
    }
    assert!(client.is_closed());
    assert_eq!(timed_out.recv_timeout(PATIENCE), Ok(TimedOut::Idle));
}

/// A client that stops reading is closed, while others are served as ever.
#[test]
fn reader_stalled_is_closed() {
    let tree = Tree::new();
    let size = 200_000_000;
    let big = std::fs::File::create(tree.root().join("big.bin")).unwrap();
    big.set_len(size).unwrap();
    let (server, timed_out) = server(&tree, |options| options.body_timeout = SHORT);
    let stalled: Vec<_> = (0..8)
        .map(|_| {
            let mut client = server.connect();
            client.send(request("GET", "/big.bin", &[]));
            client
        })
        .collect();
    let mut other = server.connect();
    let mut ended = 0;
    while ended < stalled.len() {
        assert_eq!(other.ask("GET", "/index.json", &[]).status, 200);
        if let Ok(outcome) = timed_out.recv_timeout(Duration::from_millis(10)) {
            assert_eq!(outcome, TimedOut::Response);
            ended += 1;
        }
    }
    for client in stalled {
        assert!((client.rest().len() as u64) < size);
    }
    assert_eq!(other.ask("GET", "/index.json", &[]).status, 200);
}

/// A reader that is slow but reads on is not closed.
#[test]
fn reader_slow_is_not_closed() {
    let tree = Tree::new();
    let size = 30_000_000;
    tree.file("big.bin", vec![b'x'; size]);
    let (server, timed_out) = server(&tree, |options| {
        options.body_timeout = Duration::from_secs(1);
    });
    let mut client = server.connect();
    client.send(request("GET", "/big.bin", &[]));
    // Paces the reader; nothing is expected to arrive here.
    assert!(timed_out.recv_timeout(SHORT).is_err());
    assert_eq!(client.reply("GET").body.len(), size);
    assert!(timed_out.try_recv().is_err());
}
