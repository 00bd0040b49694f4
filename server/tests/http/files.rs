//! Types, caching, methods, security fields, missing files.

use crate::support::{Server, Tree, at};

const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; \
                           base-uri 'none'; form-action 'self'; frame-ancestors 'none'; connect-src 'self'";

const FOREVER: &str = "public, max-age=31536000, immutable";

/// Name, type, caching, and who else may read it.
const KINDS: [(&str, &str, &str, &str); 16] = [
    ("registry.json", "application/json", "no-cache", "*"),
    ("packs/slack.json", "application/json", "no-cache", "*"),
    ("docs/00ff.slack.json", "application/json", FOREVER, "*"),
    ("changes/0-00ff.json", "application/json", FOREVER, "*"),
    ("changes/head.json", "application/json", "no-cache", "*"),
    (
        "archives/slack/slack-1.0.0.tar.gz",
        "application/gzip",
        FOREVER,
        "*",
    ),
    (
        "assets/style.00ff.css",
        "text/css; charset=utf-8",
        FOREVER,
        "",
    ),
    (
        "assets/search.00ff.js",
        "text/javascript; charset=utf-8",
        FOREVER,
        "",
    ),
    ("assets/icon.svg", "image/svg+xml", FOREVER, ""),
    ("assets/icon.png", "image/png", FOREVER, ""),
    ("index.html", "text/html; charset=utf-8", "no-cache", ""),
    ("feed.atom", "application/atom+xml", "no-cache", ""),
    ("opensearch.xml", "application/xml", "no-cache", ""),
    ("robots.txt", "text/plain; charset=utf-8", "no-cache", ""),
    (
        "packs/slack/README.md",
        "text/plain; charset=utf-8",
        "no-cache",
        "",
    ),
    ("LICENSE", "application/octet-stream", "no-cache", ""),
];

/// Each kind of file has its type, caching and sharing; all have the security fields.
#[test]
fn file_fields_follow_the_table() {
    let tree = Tree::new();
    let server = Server::start(&tree);
    for (name, media_type, caching, shared) in KINDS {
        tree.file(name, name);
        let reply = server.get(&format!("/{name}"));
        assert_eq!((reply.status, reply.text()), (200, name));
        assert_eq!(reply.field("content-type"), media_type, "{name}");
        assert_eq!(reply.field("cache-control"), caching, "{name}");
        assert_eq!(reply.field("access-control-allow-origin"), shared, "{name}");
        assert_eq!(reply.field("x-content-type-options"), "nosniff");
        assert_eq!(reply.field("referrer-policy"), "no-referrer");
        assert_eq!(reply.field("accept-ranges"), "bytes");
        assert!(reply.field("etag").starts_with('"'));
        let attachment = if name.ends_with(".tar.gz") {
            "attachment"
        } else {
            ""
        };
        assert_eq!(reply.field("content-disposition"), attachment, "{name}");
    }
    assert_eq!(
        server.get("/").field("content-security-policy"),
        PAGE_POLICY
    );
    assert!(
        server
            .get("/assets/icon.svg")
            .field("content-security-policy")
            .ends_with("; sandbox")
    );
    assert_eq!(
        server
            .get("/registry.json")
            .field("content-security-policy"),
        ""
    );
}

/// Only GET and HEAD; everything else learns which.
#[test]
fn method_other_than_get_and_head_is_405() {
    let tree = Tree::new();
    tree.file("big.json", vec![b'x'; 400_000]);
    let server = Server::start(&tree);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        let reply = server.ask(method, "/index.json", &[]);
        assert_eq!(
            (reply.status, reply.field("allow")),
            (405, "GET, HEAD"),
            "{method}"
        );
        assert_eq!(reply.field("cache-control"), "no-store");
    }
    for path in ["/index.json", "/big.json", "/missing.json"] {
        let mut client = server.connect();
        let get = client.ask("GET", path, &[]);
        let head = client.ask("HEAD", path, &[]);
        let length = get.body.len().to_string();
        assert_eq!(head.status, get.status);
        assert_eq!(head.field("content-length"), length, "{path}");
        assert_eq!(head.field("etag"), get.field("etag"));
        // The connection is still in step: nothing followed the head.
        assert_eq!(client.ask("GET", "/index.json", &[]).status, 200);
    }
}

/// A folder's page is at the name with a slash, and nothing of the request but its path decides that.
#[test]
fn folder_without_slash_redirects_beside_itself() {
    let tree = Tree::new();
    tree.file("index.html", "home")
        .file("packs/slack/index.html", "slack")
        .file("packs/slack.json", "{}");
    let server = Server::start(&tree);
    assert_eq!(server.get("/").text(), "home");
    assert_eq!(server.get("/packs/slack/").text(), "slack");
    let evil = [
        ("Host", "evil.test"),
        ("X-Forwarded-Host", "evil.test"),
        ("Forwarded", "host=evil.test"),
    ];
    let mut client = server.connect();
    client.send(
        "GET /packs/slack?q=1 HTTP/1.1\r\nHost: evil.test\r\nX-Forwarded-Host: evil.test\r\n\r\n",
    );
    let reply = client.reply("GET");
    assert_eq!((reply.status, reply.field("location")), (308, "./slack/"));
    assert!(!format!("{reply:?}").contains("evil"));
    assert_eq!(
        server
            .ask("GET", "/packs/slack", &evil[1..])
            .field("location"),
        "./slack/"
    );
    // A folder without a page is as good as none.
    assert_eq!(server.get("/packs").status, 404);
    assert_eq!(server.get("/packs/").status, 404);
    assert_eq!(server.get("/packs/slack.json/").status, 404);
}

/// Programs get JSON, people the tree's page, else a line of text; none of it is cached.
#[test]
fn missing_file_answers_in_the_clients_manner() {
    let tree = Tree::new();
    let server = Server::start(&tree);
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    let reply = server.get("/packs/none");
    assert_eq!(
        (reply.status, reply.field("content-type")),
        (404, "application/json")
    );
    assert_eq!(reply.field("cache-control"), "no-store");
    assert_eq!(
        reply.text(),
        "{\"error\":\"Not Found\",\"message\":\"there is no such file in this registry\",\"status\":404,\
         \"code\":\"not_found\",\"type\":\"about:blank\",\"title\":\"Not Found\",\
         \"detail\":\"there is no such file in this registry\"}\n"
    );
    let reply = server.get_with("/none", "Accept", browser);
    assert_eq!(reply.field("content-type"), "text/plain; charset=utf-8");
    assert_eq!(
        reply.text(),
        "404 Not Found: there is no such file in this registry\n"
    );

    tree.file("404.html", "<h1>Not here</h1>");
    let reply = server.get_with("/none", "Accept", browser);
    assert_eq!((reply.status, reply.text()), (404, "<h1>Not here</h1>"));
    assert_eq!(reply.field("content-security-policy"), PAGE_POLICY);
    assert_eq!(
        (reply.field("cache-control"), reply.field("etag")),
        ("no-store", "")
    );
    for path in ["/none.json", "/api/none", "/api"] {
        assert_eq!(
            server
                .get_with(path, "Accept", browser)
                .field("content-type"),
            "application/json",
            "{path}"
        );
    }
    let reply = server.get_with("/none", "Accept", "text/html, application/json");
    assert_eq!(reply.field("content-type"), "application/json");
}

/// A file of any size arrives whole, from memory, by pieces, and at the limit between the two.
#[test]
fn file_of_any_size_arrives_whole() {
    let tree = Tree::new();
    let server = Server::start(&tree);
    for size in [
        0, 1, 1399, 1400, 1401, 262_143, 262_144, 262_145, 700_001, 5_000_000,
    ] {
        let bytes: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect();
        tree.file("file.bin", &bytes);
        let mut client = server.connect();
        for _ in 0..2 {
            let reply = client.ask("GET", "/file.bin", &[]);
            assert_eq!(reply.status, 200);
            assert!(reply.body == bytes, "{size}");
        }
    }
}

/// Times before 1970 and in the future are no modification times HTTP could use.
#[test]
fn last_modified_is_never_in_the_future() {
    let tree = Tree::new();
    tree.file_at("old.json", "{}", at(784_111_777))
        .file_at("new.json", "{}", at(32_000_000_000));
    let server = Server::start(&tree);
    assert_eq!(
        server.get("/old.json").field("last-modified"),
        "Sun, 06 Nov 1994 08:49:37 GMT"
    );
    assert_eq!(server.get("/new.json").field("last-modified"), "");
}
