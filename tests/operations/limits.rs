//! Rates, addresses behind proxies, measures, health, and what browsers ask first.

use serde_json::json;

use crate::publishing::Registry;
use crate::support::Place;

/// One address asks as much as the rate allows, then is told when to come again; health is always told.
#[test]
fn rate_of_an_address_is_kept() {
    let registry = Registry::with("server:\n  rate_limit: {per_address: 5/h}\n");
    for _ in 0..5 {
        assert_eq!(registry.hosted.get("/packs.json").0, 200);
    }
    let refused = registry.request("GET", "/packs.json", &[], b"");
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (429, &json!("too_many_requests"))
    );
    let wait = refused.head.split("retry-after: ").nth(1).unwrap();
    let wait: u32 = wait.lines().next().unwrap().parse().unwrap();
    assert!((1..=720).contains(&wait), "{wait}");
    assert_eq!(registry.hosted.get("/health/live").0, 200);
    assert_eq!(registry.hosted.get("/health/ready").0, 200);
    // The word of somebody who is no trusted proxy changes nothing.
    let forwarded = ("X-Forwarded-For", "198.51.100.7");
    assert_eq!(
        registry
            .request("GET", "/packs.json", &[forwarded], b"")
            .status,
        429
    );
}

/// Behind a trusted proxy each of its clients has a rate of its own.
#[test]
fn clients_of_a_trusted_proxy_are_told_apart() {
    let registry = Registry::with(
        "server:\n  trusted_proxies: [127.0.0.1]\n  rate_limit: {per_address: 2/h}\n",
    );
    for client in ["198.51.100.7", "198.51.100.8"] {
        let forwarded = [("X-Forwarded-For", client)];
        for expected in [200, 200, 429] {
            let answer = registry.request("GET", "/packs.json", &forwarded, b"");
            assert_eq!(answer.status, expected, "{client}");
        }
    }
}

/// One token does as much as the rate allows, wherever it is used from; others are not touched.
#[test]
fn rate_of_a_token_is_kept() {
    let registry = Registry::with("server:\n  access: private\n  rate_limit: {per_token: 2/h}\n");
    let tokens = ["ann", "bob"].map(|user| registry.token(user, &["--scope", "read"]));
    for token in tokens {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str())];
        for expected in [200, 200, 429, 429] {
            let answer = registry.request("GET", "/packs.json", &headers, b"");
            assert_eq!(answer.status, expected);
        }
    }
    assert_eq!(registry.hosted.get("/packs.json").0, 401);
}

/// Measures are for administrators, unless it is said otherwise, and say what happened.
#[test]
fn metrics_are_for_administrators() {
    let registry = Registry::new();
    let ask = |token: &str| {
        let bearer = format!("Bearer {token}");
        registry
            .request("GET", "/metrics", &[("Authorization", &bearer)], b"")
            .status
    };
    assert_eq!(registry.hosted.get("/metrics").0, 401);
    let (admin, read) = (["--scope", "admin"], ["--scope", "read"]);
    assert_eq!(ask("guess"), 401);
    assert_eq!(ask(&registry.token("ann", &read)), 403);
    assert_eq!(ask(&registry.token("ann", &admin)), 200);
    let loopback = Registry::with("server: {metrics: loopback, access: private}\n");
    assert_eq!(loopback.hosted.get("/packs.json").0, 401);
    // A request is counted after its answer, and its connection until the server has seen the end of it.
    let counted = "attune_http_requests_total{route=\"tree\",status=\"4xx\"} 1";
    let text = std::iter::repeat_with(|| {
        let (status, head, text) = loopback.hosted.get("/metrics");
        assert_eq!(status, 200);
        assert!(head.contains("text/plain; version=0.0.4"), "{head}");
        String::from_utf8(text).unwrap()
    })
    .take(1_000)
    .find(|text| text.lines().any(|line| line == counted))
    .expect("the refused request is counted");
    for name in [
        "attune_http_request_duration_seconds_count ",
        "attune_http_connections ",
    ] {
        let number = text.lines().find_map(|line| line.strip_prefix(name));
        let number: u32 = number.and_then(|n| n.parse().ok()).expect(&text);
        assert!(number >= 1, "{name}\n{text}");
    }
    assert!(text.contains("process_resident_memory_bytes "));
    let off = Registry::with("server: {metrics: off}\n");
    assert_eq!(off.hosted.get("/metrics").0, 404);
}

/// A server whose tree is gone says that it cannot answer, and recovers; without a database nothing is made.
#[test]
fn readiness_follows_the_tree() {
    let place = Place::new();
    place.pack("base", "base", "1.0.0", "");
    place.build();
    let hosted = place.serve("tree");
    let ready = || {
        let (status, _, body) = hosted.get("/health/ready");
        (status, String::from_utf8(body).unwrap())
    };
    assert_eq!(ready().0, 200);
    assert!(!place.path("tree.state/server.db").exists());
    std::fs::rename(place.path("tree"), place.path("away")).unwrap();
    assert_eq!(
        ready(),
        (
            503,
            "{\"status\":\"unavailable\",\"failing\":[\"tree\"]}\n".to_owned()
        )
    );
    assert_eq!(hosted.get("/health/live").0, 200);
    std::fs::rename(place.path("away"), place.path("tree")).unwrap();
    assert_eq!(ready().0, 200);
}

/// A page of another site may read and not change, and learns nothing of a private registry by asking.
#[test]
fn browsers_are_told_that_they_may_read() {
    for config in ["", "server: {access: private}\n"] {
        let registry = Registry::with(config);
        for path in ["/packs.json", "/nothing", "/api/v1/packs/base/1.0.0"] {
            let headers = [
                ("Origin", "https://example.org"),
                ("Access-Control-Request-Method", "PUT"),
            ];
            let answer = registry.request("OPTIONS", path, &headers, b"");
            assert_eq!(answer.status, 204, "{path}");
            assert!(
                answer
                    .head
                    .contains("access-control-allow-methods: GET, HEAD\r\n")
            );
            assert!(!answer.head.contains("allow-credentials"));
        }
    }
}
