//! The examples, run against a registry on a loopback port.

use crate::support::{Pack, Server, TestRegistry};

#[expect(dead_code, reason = "a test does not run its `main`")]
#[path = "../../examples/lifecycle.rs"]
mod lifecycle;
#[expect(dead_code, reason = "a test does not run its `main`")]
#[path = "../../../crates/pack-client/examples/search.rs"]
mod search;

fn registry() -> TestRegistry {
    TestRegistry::with(&[
        Pack::new("slack", "2.0.0"),
        Pack::new("slack", "2.1.0"),
        Pack::new("core", "1.0.0"),
    ])
}

#[tokio::test]
async fn search_finds_packs_with_their_versions() {
    let registry = registry();
    let server = Server::start(registry.path());
    let found = search::search(&server.url(), "slack").await.unwrap();
    assert_eq!(found, ["slack 2.1.0 2.0.0: Does slack things"]);
    assert!(
        search::search(&server.url(), "zzz")
            .await
            .unwrap()
            .is_empty()
    );
    let error = search::search("http://127.0.0.1:1/", "slack")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}

#[test]
fn lifecycle_installs_lists_and_rolls_back() {
    let registry = registry();
    let server = Server::start(registry.path());
    let dir = tempfile::tempdir().unwrap();
    let packs = dir.path().join("packs");
    let events = lifecycle::Events::default();
    let wanted = ["core", "slack@2.0.0", "slack"];
    let states = lifecycle::lifecycle(&server.url(), packs.to_str().unwrap(), wanted, &events);
    assert_eq!(
        states.unwrap(),
        [["core@1.0.0", "slack@2.1.0"], ["core@1.0.0", "slack@2.0.0"]]
    );
    let mut events = events.take();
    // Two packs are verified at the same time.
    events[..2].sort();
    assert_eq!(
        events,
        [
            "verified core@1.0.0",
            "verified slack@2.0.0",
            "generation 1 is active",
            "verified slack@2.1.0",
            "generation 2 is active",
            "generation 3 is active",
        ]
    );
}
