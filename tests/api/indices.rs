//! `pack-indices`: registries added over the API are asked like those of the configuration, and keep their secrets.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use super::{Api, shape};
use crate::support::{Answer, Place, snapshot};

const SECRET: &str = "Bearer s3cr3t-of-the-index";

/// A folder below the API's own with a registry of these packs.
fn tree(api: &Api, name: &str, packs: &[(&str, &str)]) -> String {
    let _ = fs::remove_dir_all(api.place.path("packs"));
    for (pack_ref, version) in packs {
        api.place
            .pack(pack_ref, pack_ref, version, "tags: [thing]\n");
    }
    let out = api.place.path("home").join(name);
    let out_text = out.to_str().unwrap();
    api.place.run(
        &["registry", "build", "packs", "--out", out_text, "--json"],
        0,
    );
    format!("file://{out_text}")
}

fn add(api: &Api, token: &str, body: &Value) -> Answer {
    api.post(token, "pack-indices", body)
}

/// Added, shown, changed and removed, over a restart; values of headers are neither shown nor in any file.
#[test]
fn indices_are_managed() {
    let mut api = Api::new();
    let token = api.login();
    let body = json!({"url": "https://registry.example.org/index.json", "name": "Internal",
        "headers": {"Authorization": SECRET, "X-Team": "platform"}});
    let answer = add(&api, &token, &body);
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(
        answer.head.contains("location: /api/v1/pack-indices/1"),
        "{}",
        answer.head
    );
    let index = answer.body["data"].clone();
    assert_eq!(
        shape(&index),
        json!({"id": "number", "name": "string", "url": "string", "position": "number", "enabled": "boolean",
            "headers": {"Authorization": "string", "X-Team": "string"}, "source": "string", "created": "string", "updated": "string"})
    );
    assert_eq!(
        index["headers"],
        json!({"Authorization": "[REDACTED]", "X-Team": "[REDACTED]"})
    );
    api.restart();
    let change = json!({"position": 7, "headers": {"authorization": "[REDACTED]"}});
    let answer = api.ask("PUT", &token, "pack-indices/1", &change.to_string());
    assert_eq!(
        (
            &answer.body["data"]["position"],
            &answer.body["data"]["headers"]
        ),
        (&json!(7), &json!({"authorization": "[REDACTED]"})),
        "{answer:?}"
    );
    let second = add(
        &api,
        &token,
        &json!({"url": "https://other.example.org/", "enabled": false}),
    );
    assert_eq!(second.body["data"]["position"], 8);
    let list = api.ask("GET", &token, "pack-indices", "").body["data"].clone();
    assert_eq!(list["pagination"]["total_items"], 2);
    assert_eq!(
        api.ask("GET", &token, "pack-indices/1", "").body["data"]["name"],
        "Internal"
    );
    let answer = api.ask("DELETE", &token, "pack-indices/1", "");
    assert_eq!(
        shape(&answer.body["data"]),
        json!({"success": "boolean", "message": "string"})
    );
    assert_eq!(api.ask("GET", &token, "pack-indices/1", "").status, 404);
    // An id means one registry for ever: those who noted it do not get another.
    api.ask("DELETE", &token, "pack-indices/2", "");
    let third = add(&api, &token, &body);
    assert_eq!(third.body["data"]["id"], 3);
}

/// No file of the server holds the value of a header as it is.
#[test]
fn secrets_of_indices_are_sealed() {
    let mut api = Api::new();
    let token = api.login();
    let body = json!({"url": "https://a.example.org/", "headers": {"Authorization": SECRET}});
    assert_eq!(add(&api, &token, &body).status, 201);
    api.hosted.stop();
    let key = api.place.path("data/secret.key");
    let mode = fs::metadata(&key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for (name, bytes) in snapshot(&api.place.path("data")) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains(SECRET), "{name}");
    }
}

/// What is refused changes nothing; only administrators decide from where is installed.
#[test]
fn indices_are_judged() {
    let api = Api::new();
    let token = api.login();
    let body =
        json!({"url": "https://registry.example.org/", "headers": {"Authorization": SECRET}});
    assert_eq!(add(&api, &token, &body).status, 201);
    let rows = || api.ask("GET", &token, "pack-indices", "").body["data"].clone();
    let before = rows();
    let refused = [
        (json!({"url": "https://registry.example.org"}), 409),
        (json!({"url": "ftp://registry.example.org/"}), 400),
        (json!({"url": "http://registry.example.org/"}), 400),
        (
            json!({"url": "https://user:word@registry.example.org/x"}),
            400,
        ),
        (json!({"url": "file:///etc/passwd"}), 400),
        (json!({"url": "/etc"}), 400),
        (json!({"url": "https://a.example/", "position": -1}), 400),
        (
            json!({"url": "https://a.example/", "headers": {"A B": "c"}}),
            400,
        ),
        (
            json!({"url": "https://a.example/", "headers": {"A": "b\r\nC: d"}}),
            400,
        ),
        (
            json!({"url": "https://a.example/", "headers": {"A": "[REDACTED]"}}),
            400,
        ),
        (json!({"url": "https://a.example/", "unknown": 1}), 400),
        (json!({}), 400),
    ];
    for (body, status) in refused {
        let answer = add(&api, &token, &body);
        assert_eq!(answer.status, status, "{body} {answer:?}");
        assert!(!answer.body.to_string().contains("word"), "{answer:?}");
    }
    let put = |body: Value| api.ask("PUT", &token, "pack-indices/1", &body.to_string());
    // The secret must not follow a URL to another host.
    assert_eq!(put(json!({"url": "https://evil.example/"})).status, 400);
    let moved = json!({"url": "https://evil.example/", "headers": {"Authorization": "[REDACTED]"}});
    assert_eq!(put(moved).status, 400);
    let viewer = api.token("viewer");
    let installer = api.token("installer");
    for token in [&viewer, &installer] {
        assert_eq!(
            add(&api, token, &json!({"url": "https://b.example/"})).status,
            403
        );
        assert_eq!(api.ask("DELETE", token, "pack-indices/1", "").status, 403);
        assert_eq!(api.ask("GET", token, "pack-indices", "").status, 200);
    }
    assert_eq!(rows(), before);
}

/// Refs and ids of registries.
fn refs(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap().iter();
    let text = |item: &Value| {
        let pack_ref = item["pack"]["ref"].as_str().unwrap();
        format!("{pack_ref}{}", item["registry"]["id"])
    };
    items.map(text).collect()
}

/// Packs of all registries or one, by page and by question.
#[test]
fn indices_are_browsed() {
    let api = Api::new();
    let token = api.login();
    let get = |path: &str| api.ask("GET", &token, path, "").body["data"].clone();
    let one = tree(&api, "one", &[("aws", "1.0.0"), ("slack", "1.0.0")]);
    let two = tree(&api, "two", &[("aws", "2.0.0"), ("zoom", "1.0.0")]);
    for url in [one, two] {
        assert_eq!(add(&api, &token, &json!({"url": url})).status, 201);
    }
    let all = get("pack-indices/packs");
    assert_eq!(refs(&all), ["aws1", "slack1", "aws2", "zoom2"]);
    assert_eq!(all["errors"], json!([]));
    assert_eq!(
        refs(&get("pack-indices/packs?page=2&page_size=3")),
        ["zoom2"]
    );
    assert_eq!(
        get("pack-indices/packs?page_size=3")["pagination"]["total_pages"],
        2
    );
    assert_eq!(
        refs(&get("pack-indices/packs?registry_id=2")),
        ["aws2", "zoom2"]
    );
    assert_eq!(refs(&get("pack-indices/2/packs?q=zoo")), ["zoom2"]);
    let found = get("pack-indices/packs/aws");
    assert_eq!(
        (&found["pack"]["version"], &found["registry"]["id"]),
        (&json!("1.0.0"), &json!(1))
    );
    assert_eq!(
        api.ask("GET", &token, "pack-indices/packs/nothing", "")
            .status,
        404
    );
    assert_eq!(
        api.ask("GET", &token, "pack-indices/9/packs", "").status,
        404
    );
}

/// A registry that fails is told, and hides no other; an installation stops at it.
#[test]
fn failing_indices_are_told() {
    let api = Api::new();
    let token = api.login();
    let get = |path: &str| api.ask("GET", &token, path, "").body["data"].clone();
    let ask = |path: &str| api.ask("POST", &token, path, "").body["data"].clone();
    for (name, version) in [("one", "1.0.0"), ("two", "2.0.0")] {
        let url = tree(&api, name, &[("aws", version)]);
        assert_eq!(add(&api, &token, &json!({"url": url})).status, 201);
    }
    let tested = ask("pack-indices/1/test");
    assert_eq!(
        (&tested["success"], &tested["format"], &tested["error"]),
        (&json!(true), &json!(2), &Value::Null)
    );
    assert_eq!(tested["pack_count"], 1);
    fs::remove_dir_all(api.place.path("home/one")).unwrap();
    let all = get("pack-indices/packs");
    assert_eq!(refs(&all), ["aws2"]);
    assert_eq!(all["errors"][0]["registry_id"], 1);
    let found = api.ask("GET", &token, "pack-indices/packs/aws", "");
    assert_eq!(found.status, 502, "{found:?}");
    let tested = ask("pack-indices/1/refresh");
    assert_eq!(
        (&tested["success"], tested["error"].is_string()),
        (&json!(false), true)
    );
    api.ask("PUT", &token, "pack-indices/1", r#"{"enabled":false}"#);
    assert_eq!(get("pack-indices/packs")["errors"], json!([]));
    let found = get("pack-indices/packs/aws");
    assert_eq!(found["pack"]["version"], "2.0.0");
}

/// A download asks a registry that was added, with its header, and none that was removed.
#[test]
fn indices_are_installed_from() {
    let place = Place::new();
    fs::write(place.path("server.yaml"), "server: {access: private}\n").unwrap();
    place.pack("slack", "slack", "1.2.0", "");
    place.build();
    let args = [
        "registry", "token", "create", "--tree", "tree", "--scope", "read", "--user", "reader",
        "--json",
    ];
    let made = place.run(&args, 0).json();
    let read = made["token"].as_str().unwrap().to_owned();
    let serve = [
        "--config",
        "server.yaml",
        "registry",
        "serve",
        "tree",
        "--listen",
        "127.0.0.1:0",
    ];
    let registry = crate::support::Hosted::start(place.attune(&serve));
    let mut api = Api::with(place, "");
    let token = api.login();
    let download = |api: &Api, to: &Path| {
        let body = json!({"packs": ["slack"], "destination_dir": to});
        api.post(&token, "packs/download", &body).body["data"].clone()
    };
    let to = api.place.path("home/to");
    let url = &registry.url;
    let wrong = json!({"url": url, "headers": {"Authorization": "Bearer wrong"}});
    assert_eq!(add(&api, &token, &wrong).status, 201);
    assert_eq!(download(&api, &to)["failure_count"], 1);
    assert!(!to.join("slack").exists());
    let right = json!({"headers": {"Authorization": format!("Bearer {read}")}});
    let answer = api.ask("PUT", &token, "pack-indices/1", &right.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    api.restart();
    let found = download(&api, &to);
    assert_eq!(
        found["downloaded_packs"][0]["pack_version"], "1.2.0",
        "{found}"
    );
    let tested = api.ask("POST", &token, "pack-indices/1/refresh", "").body["data"].clone();
    assert_eq!(tested["pack_count"], 1, "{tested}");
    // With another key the secret is gone, and the registry refuses: no other one is asked in its place.
    api.hosted.stop();
    fs::remove_file(api.place.path("data/secret.key")).unwrap();
    api.crash();
    let index = api.ask("GET", &token, "pack-indices/1", "").body["data"].clone();
    assert_eq!(index["headers"], Value::Null);
    assert_eq!(api.ask("DELETE", &token, "cache", "").status, 200);
    assert_eq!(
        download(&api, &api.place.path("home/other"))["failure_count"],
        1
    );
}

/// What the cache costs, and what is left of it.
#[test]
fn cache_is_shown_and_pruned() {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    place.build();
    let registry = place.serve("tree");
    let api = Api::with(place, "");
    let token = api.login();
    assert_eq!(add(&api, &token, &json!({"url": registry.url})).status, 201);
    api.ask("GET", &token, "pack-indices/packs", "");
    let usage = || api.ask("GET", &token, "cache", "").body["data"].clone();
    let entries = usage()["cache"]["entries"].as_u64().unwrap();
    assert!(entries > 0, "{}", usage());
    let answer = api.post(&token, "cache/prune", &json!({}));
    assert_eq!(
        answer.body["data"],
        json!({"success": true, "entries": 0, "size_bytes": 0}),
        "{answer:?}"
    );
    assert_eq!(
        api.post(&token, "cache/prune", &json!({"days": -1})).status,
        400
    );
    assert_eq!(
        api.ask("DELETE", &api.token("viewer"), "cache", "").status,
        403
    );
    assert_eq!(usage()["cache"]["entries"], entries);
    let answer = api.ask("DELETE", &token, "cache", "");
    assert_eq!(answer.body["data"]["entries"], entries, "{answer:?}");
    assert_eq!(usage()["cache"]["entries"], 0);
}
