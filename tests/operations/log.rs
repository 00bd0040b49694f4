//! The log of requests: a line each, in both forms, under the id of the answer, and no secret in it.

use std::fs;

use serde_json::Value;

use super::until;
use crate::publishing::Registry;

const SECRET: &str = "attune_s3cret-s3cret-s3cret";

fn id_of(head: &str) -> String {
    let id = head.split("x-request-id: ").nth(1).unwrap();
    id.lines().next().unwrap().to_owned()
}

/// Sends requests that a log must tell of without their secrets; returns the ids of the answers.
fn ask(registry: &Registry) -> Vec<String> {
    let bearer = format!("Bearer {SECRET}");
    let secret = [
        ("Authorization", bearer.as_str()),
        ("User-Agent", "probe/1 \"x\""),
    ];
    let given = [("X-Request-Id", "my-id.1")];
    let insane = [("X-Request-Id", "a b\tc")];
    let query = format!("/search?q={SECRET}");
    let answers = [
        registry.request("GET", "/packs.json", &given, b""),
        registry.request("GET", "/nothing%0afake", &insane, b""),
        registry.request("GET", &query, &[], b""),
        registry.ask("PUT", "one/1.0.0", &secret, b""),
    ];
    let statuses = answers.each_ref().map(|answer| answer.status);
    assert_eq!(statuses, [200, 404, 200, 401]);
    answers.iter().map(|answer| id_of(&answer.head)).collect()
}

#[test]
fn json_log_tells_of_every_request_and_no_secret() {
    let mut registry = Registry::with("server:\n  log: {access: access.log, format: json}\n");
    let ids = ask(&registry);
    assert_eq!(ids[0], "my-id.1");
    assert!(ids[1..].iter().all(|id| id.len() == 16), "{ids:?}");
    registry.hosted.stop();
    let text = fs::read_to_string(registry.place.path("access.log")).unwrap();
    assert!(!text.contains(SECRET), "{text}");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let found: Vec<&str> = lines
        .iter()
        .map(|line| line["request_id"].as_str().unwrap())
        .collect();
    assert_eq!(found, ids);
    assert_eq!(lines[0]["path"], "/packs.json");
    assert_eq!(
        (&lines[0]["method"], &lines[0]["status"]),
        (&"GET".into(), &200.into())
    );
    assert_eq!(
        (&lines[0]["route"], &lines[0]["client"]),
        (&"tree".into(), &"127.0.0.1".into())
    );
    let size = fs::metadata(registry.place.path("tree/packs.json"))
        .unwrap()
        .len();
    assert_eq!(lines[0]["bytes"], size);
    assert_eq!(lines[3]["agent"], "probe/1 \"x\"");
}

#[test]
fn text_log_tells_of_every_request_and_no_secret() {
    let mut registry = Registry::with("server:\n  log: {access: access.log}\n");
    let ids = ask(&registry);
    registry.hosted.stop();
    let text = fs::read_to_string(registry.place.path("access.log")).unwrap();
    assert!(!text.contains(SECRET), "{text}");
    assert_eq!(text.lines().count(), ids.len());
    for (line, id) in text.lines().zip(&ids) {
        assert!(
            line.contains(id.as_str()) && line.contains(" 127.0.0.1 "),
            "{line}"
        );
    }
}

/// A file that was moved away is begun anew when the server is told.
#[test]
fn log_goes_on_in_a_new_file() {
    let registry = Registry::with("server:\n  log: {access: access.log}\n");
    let [log, old] = ["access.log", "access.log.1"].map(|name| registry.place.path(name));
    registry.hosted.get("/packs.json");
    until("the first line", || {
        fs::read_to_string(&log).is_ok_and(|text| !text.is_empty())
    });
    fs::rename(&log, &old).unwrap();
    registry.hosted.signal("HUP");
    until("the new file", || log.exists());
    registry.hosted.get("/index.json");
    until("the second line", || {
        fs::read_to_string(&log).is_ok_and(|text| text.contains("/index.json"))
    });
}
