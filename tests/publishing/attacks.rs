//! What must not be taken: each with its status, and nothing left of it anywhere.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;

use super::Registry;
use crate::support::snapshot;

type Headers<'h> = &'h [(&'h str, &'h str)];

/// Bodies and addresses that are refused.
#[test]
fn refused_uploads_leave_nothing() {
    let registry = Registry::new();
    let token = registry.token("ann", &["--scope", "publish"]);
    let good = registry.archive("one", "1.0.0", "");
    let directory = registry.place.path("packs/one-1.0.0");
    fs::write(
        directory.join("actions/run.yaml"),
        "ref: one.run\nrunner_type: shell\nentry_point: gone.sh\n",
    )
    .unwrap();
    registry.place.run(
        &[
            "pack",
            "archive",
            "packs/one-1.0.0",
            "--out",
            "broken.tar.gz",
        ],
        0,
    );
    let broken = fs::read(registry.place.path("broken.tar.gz")).unwrap();
    let before = (registry.tree(), names(&registry));
    let rows: [(&str, &[u8], u16, &str); 8] = [
        ("one/1.0.0", b"", 422, "invalid_pack"),
        ("one/1.0.0", b"PK\x03\x04 a zip", 422, "invalid_pack"),
        ("one/1.0.0", &good[..good.len() / 2], 422, "invalid_pack"),
        ("one/1.0.0", &broken, 422, "invalid_pack"),
        ("one/1.0.1", &good, 422, "identity_mismatch"),
        ("two/1.0.0", &good, 422, "identity_mismatch"),
        ("One/1.0.0", &good, 400, "invalid_ref"),
        ("one/latest", &good, 400, "invalid_version"),
    ];
    for (path, body, status, code) in rows {
        let answer = registry.put(path, &token, body);
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (status, &json!(code)),
            "{path}: {answer:?}"
        );
        assert_eq!(answer.body["status"], status);
    }
    assert_eq!((registry.tree(), names(&registry)), before);
}

/// Headers that make a good upload one that is refused.
#[test]
fn refused_headers_leave_nothing() {
    let registry = Registry::new();
    let token = registry.token("ann", &["--scope", "publish"]);
    let good = registry.archive("one", "1.0.0", "");
    let before = (registry.tree(), names(&registry));
    let bearer = format!("Bearer {token}");
    let authorised = ("Authorization", bearer.as_str());
    let headers: [(Headers<'_>, u16, &str); 6] = [
        (
            &[authorised, ("Content-Encoding", "gzip")],
            415,
            "unsupported_media_type",
        ),
        (
            &[authorised, ("Content-Digest", "sha-256=:AAAA:")],
            400,
            "digest_mismatch",
        ),
        (
            &[authorised, ("Origin", "https://evil.example")],
            403,
            "forbidden",
        ),
        (
            &[authorised, ("Sec-Fetch-Site", "cross-site")],
            403,
            "forbidden",
        ),
        (&[authorised, authorised], 401, "unauthorized"),
        (&[("Authorization", "Basic eDp5")], 401, "unauthorized"),
    ];
    for (headers, status, code) in headers {
        let answer = registry.ask("PUT", "one/1.0.0", headers, &good);
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (status, &json!(code)),
            "{headers:?}: {answer:?}"
        );
    }
    assert_eq!((registry.tree(), names(&registry)), before);
    assert_eq!(registry.put("one/1.0.0", &token, &good).status, 201);
}

/// The files of the state, by name.
fn names(registry: &Registry) -> Vec<String> {
    let state = snapshot(&registry.place.path("tree.state"));
    state
        .into_keys()
        .filter(|name| !name.starts_with("server.db"))
        .collect()
}

/// A body beyond the limit is refused before it is read, whether its length is said or not.
#[test]
fn bodies_beyond_the_limit_are_not_taken() {
    let registry = Registry::with("server:\n  publish:\n    max_archive_size: 100KB\n");
    let token = registry.token("ann", &["--scope", "publish"]);
    let before = names(&registry);
    let head = |length: &str| {
        format!(
            "PUT /api/v1/packs/one/1.0.0 HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\n{length}\r\n\r\n"
        )
    };
    let declared = registry
        .hosted
        .send(head("Content-Length: 10000000000").as_bytes());
    assert_eq!(declared.status, 413);
    let mut chunked = head("Transfer-Encoding: chunked").into_bytes();
    for _ in 0..4 {
        chunked.extend(b"10000\r\n");
        chunked.extend(vec![b'x'; 0x10000]);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    assert_eq!(registry.hosted.send(&chunked).status, 413);
    // Who may not publish is told so before the length counts.
    let nobody = head("Content-Length: 90000").replace(&token, "guess");
    assert_eq!(registry.hosted.send(nobody.as_bytes()).status, 401);
    assert_eq!(names(&registry), before);
}

/// A publish that breaks off, at any byte, publishes nothing and leaves nothing.
#[test]
fn half_a_publish_is_none() {
    let registry = Registry::new();
    let token = registry.token("ann", &["--scope", "publish"]);
    let archive = registry.archive("one", "1.0.0", "");
    let before = (registry.tree(), names(&registry));
    let request = [
        format!("PUT /api/v1/packs/one/1.0.0 HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n", archive.len()).as_bytes(),
        &archive,
    ]
    .concat();
    for cut in (0..200).map(|n| n * (request.len() - 1) / 199) {
        let mut stream = TcpStream::connect(registry.hosted.address()).unwrap();
        stream.write_all(&request[..cut]).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "cut at {cut}");
    }
    assert_eq!((registry.tree(), names(&registry)), before);
    assert_eq!(registry.put("one/1.0.0", &token, &archive).status, 201);
}
