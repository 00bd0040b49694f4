//! Private registries: everything of them against every kind of token.

use std::fs;
use std::process::Stdio;

use crate::publishing::Registry;
use crate::publishing::rights::callers;

const PRIVATE: &str = "server:\n  access: private\n";

/// What can be read, with the status that a reader gets.
const READS: [(&str, u16); 10] = [
    ("/", 200),
    ("/packs.json", 200),
    ("/packs/base/", 200),
    ("/packs/base.json", 200),
    ("/archives/base/base-1.0.0.tar.gz", 200),
    ("/feed.atom", 200),
    ("/search?q=base", 200),
    ("/api/v1/search?q=base", 200),
    ("/api/v1/packs/base/diff?from=1.0.0&to=1.0.0", 200),
    // Who may not read does not learn what is not there either.
    ("/packs/nothing.json", 404),
];

/// The matrix of reading: a public registry is for everyone, a private one for whoever has a token that counts.
#[test]
fn every_read_of_a_private_registry_needs_a_token() {
    let public = Registry::new();
    for (path, status) in READS {
        for headers in [&[][..], &[("Authorization", "Bearer guess")]] {
            let answer = public.request("GET", path, headers, b"");
            assert_eq!(answer.status, status, "{path}: {answer:?}");
            assert!(!answer.head.contains("private"), "{path}: {answer:?}");
        }
    }
    let private = Registry::with(PRIVATE);
    for (caller, token) in callers(&private) {
        let counts = !["no token", "unknown", "revoked", "ended"].contains(&caller);
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str())];
        let headers = if token.is_empty() { &[][..] } else { &headers };
        for (path, status) in READS {
            let expected = if counts { status } else { 401 };
            let answer = private.request("GET", path, headers, b"");
            assert_eq!(answer.status, expected, "{path}, {caller}: {answer:?}");
            if counts && status == 200 {
                assert!(
                    answer.head.contains("cache-control: private, "),
                    "{answer:?}"
                );
            } else if !counts {
                assert!(answer.head.contains("www-authenticate: Bearer\r\n"));
                assert!(answer.head.contains("www-authenticate: Basic realm="));
                assert!(answer.head.contains("cache-control: no-store"));
                assert_eq!(answer.body["code"], "unauthorized", "{path}, {caller}");
            }
        }
        // The others have used up the wrong tokens an address may send.
        if counts || token.is_empty() {
            let head = private.request("HEAD", "/packs.json", headers, b"");
            assert_eq!(head.status, if counts { 200 } else { 401 }, "{caller}");
        }
    }
}

/// A browser shows a token as a password, and is told so; it may not change anything with it.
#[test]
fn browsers_read_with_a_password() {
    let registry = Registry::with(PRIVATE);
    let token = registry.token("ann", &["--scope", "admin"]);
    let html = ("Accept", "text/html");
    let asked = registry.request("GET", "/", &[html], b"");
    assert_eq!(asked.status, 401);
    let policy = "content-security-policy: default-src 'none'; style-src 'sha256-";
    assert!(asked.head.contains(policy), "{}", asked.head);
    assert!(asked.head.contains("text/html"), "{}", asked.head);
    let encoded = base64(&format!("anything:{token}"));
    let basic = ("Authorization", encoded.as_str());
    assert_eq!(
        registry.request("GET", "/", &[html, basic], b"").status,
        200
    );
    let archive = registry.archive("one", "1.0.0", "");
    let before = registry.tree();
    let put = registry.ask("PUT", "one/1.0.0", &[basic], &archive);
    assert_eq!(put.status, 401);
    assert_eq!(registry.tree(), before);
    // Requests that are for nobody are for nobody here either.
    assert_eq!(registry.request("POST", "/", &[], b"").status, 401);
    assert_eq!(registry.request("POST", "/", &[basic], b"").status, 405);
}

/// `Basic`, as RFC 7617 has it.
fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = "Basic ".to_owned();
    for three in text.as_bytes().chunks(3) {
        let group = three
            .iter()
            .fold(0_usize, |n, byte| n << 8 | usize::from(*byte));
        let group = group << (8 * (3 - three.len()));
        for digit in 0..4 {
            let letter = DIGITS[group >> (18 - 6 * digit) & 63];
            encoded.push(if digit > three.len() {
                '='
            } else {
                letter.into()
            });
        }
    }
    encoded
}

/// The program installs from a private registry once it is logged in, and not before or after.
#[test]
fn logged_in_client_installs_from_a_private_registry() {
    let registry = Registry::with(PRIVATE);
    let url = registry.hosted.url.clone();
    let place = &registry.place;
    let token = registry.token("ann", &["--scope", "read"]);
    let config = format!(
        "pack_registry:\n  indices:\n    - {{url: \"{url}\", name: Ours}}\n  cache_enabled: false\n"
    );
    fs::write(place.path("config.yaml"), config).unwrap();
    place.run(&["pack", "install", "base"], 7);
    assert!(!place.path("installed/base").exists());
    let mut login = place
        .attune(&["registry", "login", "Ours"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut login.stdin.take().unwrap(), token.as_bytes()).unwrap();
    assert!(login.wait().unwrap().success());
    place.run(&["pack", "install", "base"], 0);
    let found = place.run(&["pack", "search", "base", "--json"], 0);
    assert!(found.stdout.contains("base"), "{found:?}");
    place.run(&["registry", "logout", "Ours"], 0);
    place.run(&["pack", "install", "base", "--force"], 7);
}
