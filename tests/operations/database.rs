//! The registry role on PostgreSQL: accounts, the audit log and counts are there, and nothing of them beside the tree.

use serde_json::{Value, json};

use crate::publishing::Registry;
use crate::support::postgres::Postgres;

/// Publishing, counting, the log and the backup, as with the database that comes along.
#[test]
fn registry_keeps_its_state_in_postgresql() {
    let Some(database) = Postgres::new() else {
        return;
    };
    let mut registry = Registry::with(&format!("database: {{url: \"{}\"}}\n", database.url()));
    let token = registry.token("ann", &["--scope", "publish"]);
    let archive = registry.archive("one", "1.0.0", "");
    assert_eq!(registry.put("one/1.0.0", &token, &archive).status, 201);
    assert_eq!(registry.put("one/1.0.0", "att_wrong", &archive).status, 401);
    assert_eq!(registry.hosted.get("/archives/one/one-1.0.0.tar.gz").0, 200);
    registry.hosted.stop();

    let place = &registry.place;
    let said = |args: &[&str]| place.run(args, 0).json();
    let counted = said(&[
        "registry",
        "statistics",
        "--tree",
        "tree",
        "--publish",
        "--json",
    ]);
    assert_eq!(counted["packs"]["one"]["total"], 1);
    let document: Value = serde_json::from_slice(&registry.tree()["packs/one.json"]).unwrap();
    assert_eq!(document["downloads"]["total"], 1);
    assert_eq!(document["versions"][0]["published_by"], "ann");
    let page = String::from_utf8_lossy(&registry.tree()["packs/one/index.html"]).into_owned();
    assert!(page.contains("by <bdi>ann</bdi>"), "{page}");
    let log = said(&["registry", "audit", "--tree", "tree", "--json"]);
    assert!(log.to_string().contains("\"one\""), "{log}");
    assert!(!place.path("tree.state/server.db").exists());
    // The database is copied with its own tools; the tree is ours.
    let made = said(&["registry", "backup", "tree", "--out", "backup", "--json"]);
    assert_eq!(made.get("database"), None, "{made}");
    place.run(&["registry", "check", "backup/tree"], 0);
    registry.hosted = place.serve("tree");
    assert_eq!(registry.put("one/1.0.0", &token, &archive).status, 200);
    let users = database.rows("SELECT count(*) FROM downloads");
    assert_ne!(users, json!([[0]]));
}
