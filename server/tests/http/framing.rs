//! Heads that could be read in two ways, and bodies nobody asked for.

use crate::support::{Server, Tree, request};

fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .lines()
        .next()
        .unwrap_or("")
        .to_owned()
}

/// Malformed requests get 400 and the end of the connection, so that what follows is never obeyed.
#[test]
fn request_malformed_is_400_and_closed() {
    let tree = Tree::new();
    let server = Server::start(&tree);
    let chunked = "Transfer-Encoding: chunked\r\n";
    for lines in [
        // Two readings of where the body ends.
        format!("GET / HTTP/1.1\r\nHost: a\r\n{chunked}Content-Length: 5\r\n\r\n0\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n{chunked}\r\n0\r\n\r\n"),
        format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n{chunked}\r\n0\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"
            .to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"
            .to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,5\r\n\r\nhello".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.0\r\n{chunked}\r\n0\r\n\r\n"),
        format!(
            "GET / HTTP/1.1\r\nHost: a\r\n{chunked}\r\n5;{}\r\nhello\r\n0\r\n\r\n",
            "x".repeat(20_000)
        ),
        format!("GET / HTTP/1.1\r\nHost: a\r\n{chunked}\r\n10000000000000000\r\n"),
        // Two readings of where a line ends.
        "GET / HTTP/1.1\nHost: a\n\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n folded\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n".to_owned(),
        "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        // No or several hosts, no HTTP at all.
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(),
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "GET / HTTP/3.7\r\nHost: a\r\n\r\n".to_owned(),
        "G\u{e4}T / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ] {
        let mut client = server.connect();
        client.send(&lines);
        client.send(request("GET", "/index.json", &[]));
        let rest = client.rest();
        // A client that still writes may lose the answer to a reset, never get a second one.
        let shown = String::from_utf8_lossy(&rest);
        assert!(
            rest.is_empty()
                || shown.starts_with("HTTP/1.1 400 ")
                || shown.starts_with("HTTP/1.0 400 "),
            "{lines:?}: {shown}"
        );
        assert!(!shown.contains("200 OK"), "{lines:?}");
    }
}

/// The same, sent alone: the answer is 400 for certain.
#[test]
fn request_ambiguous_alone_is_400() {
    let tree = Tree::new();
    let server = Server::start(&tree);
    for lines in [
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut client = server.connect();
        client.send(lines);
        assert!(first_line(&client.rest()).contains(" 400 "), "{lines:?}");
    }
}

/// Heads of up to 32 KiB and 100 lines are read; more is refused, and never kept.
#[test]
fn head_over_the_limit_is_431() {
    let tree = Tree::new();
    let server = Server::start(&tree);
    let of_size = |size: usize| {
        let padding = size - request("GET", "/index.json", &[("X", "")]).len();
        request("GET", "/index.json", &[("X", &"x".repeat(padding))])
    };
    let of_lines = |count: usize| {
        // `Host` is one of them.
        let fields = vec![("X", "x"); count - 1];
        request("GET", "/index.json", &fields)
    };
    for (head, status) in [
        (of_size(32 * 1024), "200"),
        (of_size(32 * 1024 + 1), "431"),
        (of_lines(100), "200"),
        (of_lines(101), "431"),
    ] {
        let mut client = server.connect();
        client.send(&head);
        assert_eq!(
            client.reply("GET").status.to_string(),
            status,
            "{} bytes",
            head.len()
        );
    }
    // A head without an end is refused before it is read to its end.
    let mut client = server.connect();
    let endless = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX: {}",
        "x".repeat(1024 * 1024)
    );
    drop(std::io::Write::write_all(
        &mut client.stream,
        endless.as_bytes(),
    ));
    let line = first_line(&client.rest());
    assert!(line.is_empty() || line.contains(" 431 "), "{line}");
}

/// A body of a GET is not taken for the next request.
#[test]
fn body_of_a_get_is_not_a_request() {
    let tree = Tree::new();
    let server = Server::start(&tree);
    let hidden = request("GET", "/index.json", &[]);
    let mut client = server.connect();
    let length = hidden.len().to_string();
    client.send(format!(
        "{}{hidden}",
        request("GET", "/none.json", &[("Content-Length", &length)])
    ));
    let reply = client.reply("GET");
    assert_eq!((reply.status, reply.field("connection")), (404, "close"));
    assert!(client.is_closed());
}

/// Requests sent ahead are answered in turn, and one byte at a time is as good as all at once.
#[test]
fn request_pipelined_or_split_is_answered() {
    let tree = Tree::new();
    tree.file("a.json", "a").file("b.json", "b");
    let server = Server::start(&tree);
    let mut client = server.connect();
    client.send(
        ["/a.json", "/b.json", "/a.json"]
            .map(|path| request("GET", path, &[]))
            .concat(),
    );
    assert_eq!(
        ["", "", ""]
            .map(|_| client.reply("GET").text().to_owned())
            .concat(),
        "aba"
    );
    for byte in request("GET", "/b.json", &[]).bytes() {
        client.send([byte]);
    }
    assert_eq!(client.reply("GET").text(), "b");
}

/// A client that closes its sending side after asking still gets its answer.
#[test]
fn client_half_closed_is_answered() {
    let tree = Tree::new();
    tree.file("big.bin", vec![b'x'; 3_000_000]);
    let server = Server::start(&tree);
    let mut client = server.connect();
    client.send(request("GET", "/big.bin", &[]));
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.reply("GET").body.len(), 3_000_000);
    assert!(client.is_closed());
}
