//! `PUT packs/{ref}`: the configuration of a pack, which updates and rollbacks leave alone, and `packs/{ref}/update`.

use std::fs;

use serde_json::{Value, json};

use super::jobs::data;
use super::packs::register;
use super::{Api, shape};
use crate::support::{Place, Run, snapshot};

const SECRET: &str = "s3cr3t-of-the-pack";

const SCHEMA: &str = "conf_schema:\n  region: {type: string, default: here}\n  retries: {type: integer, maximum: 5}\n  \
    key: {type: string, secret: true, required: true}\nconfig: {retries: 2}\n";

/// Values are checked against the schema, kept over a restart and an update, and are secrets where the schema says so.
#[test]
fn packs_are_configured() {
    let mut api = Api::new();
    let token = api.login();
    register(&api, &token, &[("aws", "1.0.0", SCHEMA)]);
    let show = |api: &Api| api.ask("GET", &token, "packs/aws", "").body["data"].clone();
    let before = show(&api);
    assert_eq!(before["config"], json!({"region": "here", "retries": 2}));
    assert_eq!(before["created"], before["updated"]);
    let put = |api: &Api, config: Value| {
        let body = json!({ "config": config }).to_string();
        api.ask("PUT", &token, "packs/aws", &body)
    };
    let answer = put(&api, json!({"region": "there", "key": SECRET}));
    let expected = json!({"region": "there", "retries": 2, "key": "[REDACTED]"});
    assert_eq!(data(&answer)["config"], expected);
    assert_eq!(data(&answer)["created"], before["created"]);
    refuses_what_it_must(&api, &token);
    api.restart();
    assert_eq!(show(&api)["config"], expected);
    register(&api, &token, &[("aws", "1.1.0", SCHEMA)]);
    let after = show(&api);
    assert_eq!(
        (&after["version"], &after["config"]),
        (&json!("1.1.0"), &expected)
    );
    assert_eq!(after["created"], before["created"]);
    assert!(after["updated"].as_str() >= before["updated"].as_str());
    let answer = put(&api, json!({"key": "[REDACTED]", "retries": 5}));
    assert_eq!(
        data(&answer)["config"],
        json!({"region": "here", "retries": 5, "key": "[REDACTED]"})
    );
    let all = api.ask("GET", &token, "packs/aws/config", "");
    assert_eq!(
        data(&all)["config"],
        json!({"region": "here", "retries": 5, "key": SECRET})
    );
    assert_eq!(data(&put(&api, json!({})))["config"], before["config"]);
}

/// Where `aws` is configured; nothing changes.
fn refuses_what_it_must(api: &Api, token: &str) {
    let before = api.rows("SELECT ref, sealed FROM pack_configs");
    let refused = [
        (
            json!({"config": {"key": SECRET, "retries": "5"}}),
            "`retries`",
        ),
        (
            json!({"config": {"key": SECRET, "retries": 6}}),
            "at most 5",
        ),
        (json!({"config": {"region": "there"}}), "`key` is required"),
        (
            json!({"config": {"key": SECRET, "regoin": "there"}}),
            "did you mean `region`?",
        ),
        (
            json!({"config": {"key": SECRET, "retries": "[REDACTED]"}}),
            "",
        ),
        (json!({"config": []}), ""),
        (json!({}), ""),
        (
            json!({"config": {"key": SECRET}, "label": "Mine"}),
            "`label`",
        ),
    ];
    for (body, text) in refused {
        let answer = api.ask("PUT", token, "packs/aws", &body.to_string());
        let message = answer.body["message"].as_str().unwrap_or_default();
        // What was given may have been a secret.
        assert!(
            message.contains(text) && !message.contains(SECRET),
            "{answer:?}"
        );
        let is_kept = body["config"]["retries"] == "[REDACTED]";
        assert_eq!(answer.status, if is_kept { 200 } else { 400 }, "{answer:?}");
        if is_kept {
            let body = json!({"config": {"region": "there", "key": SECRET}}).to_string();
            data(&api.ask("PUT", token, "packs/aws", &body));
        }
    }
    let body = json!({"config": {}}).to_string();
    assert_eq!(api.ask("PUT", token, "packs/nothing", &body).status, 404);
    assert_eq!(api.ask("PUT", "", "packs/aws", &body).status, 401);
    let viewer = api.token("viewer");
    assert_eq!(api.ask("PUT", &viewer, "packs/aws", &body).status, 403);
    let installer = api.token("installer");
    assert_eq!(
        api.ask("GET", &installer, "packs/aws/config", "").status,
        403
    );
    let after = api.rows("SELECT ref, sealed FROM pack_configs");
    assert_eq!(before[0][0], after[0][0]);
    let shown = api.ask("GET", &viewer, "packs/aws", "");
    assert_eq!(data(&shown)["config"]["key"], "[REDACTED]");
}

/// `action execute` hands an action what the API was given, to whoever may see all of it; nobody else starts anything.
#[test]
fn actions_get_the_configuration_of_the_api() {
    let api = Api::new();
    let token = api.login();
    register(&api, &token, &[("aws", "1.0.0", SCHEMA)]);
    let script = "#!/bin/sh\necho started >>started\ncat \"$ATTUNE_PACK_CONFIG_FILE\"\n";
    let pack = api.place.path("home/aws-1.1.0");
    api.place.pack("aws-1.1.0", "aws", "1.1.0", SCHEMA);
    fs::rename(api.place.path("packs/aws-1.1.0"), &pack).unwrap();
    let action = "ref: aws.tell\nentry_point: tell.sh\noutput_format: json\n";
    fs::write(pack.join("actions/tell.yaml"), action).unwrap();
    fs::write(pack.join("actions/tell.sh"), script).unwrap();
    let body = json!({"path": pack, "force": true});
    assert_eq!(api.post(&token, "packs/register", &body).status, 201);
    let execute = |token: &str, code: i32| {
        let mut command = api
            .place
            .attune(&["action", "execute", "aws.tell", "--api-url"]);
        command.arg(&api.hosted.url).env("ATTUNE_API_TOKEN", token);
        command.env("ATTUNE__PACKS_BASE_DIR", api.place.path("installed"));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        Run::of(&output)
    };
    let bare = execute(&token, 0);
    assert_eq!(
        serde_json::from_str::<Value>(&bare.stdout).unwrap(),
        json!({"region": "here", "retries": 2})
    );
    assert!(bare.stderr.contains("`key` is required"), "{bare:?}");
    let config = json!({"config": {"key": SECRET, "region": "there", "retries": 5.0}});
    data(&api.ask("PUT", &token, "packs/aws", &config.to_string()));
    let told = execute(&token, 0);
    assert_eq!(
        serde_json::from_str::<Value>(&told.stdout).unwrap(),
        json!({"region": "there", "retries": 5, "key": SECRET})
    );
    assert!(!told.stderr.contains(SECRET), "{told:?}");
    let started = fs::read(api.place.path("started")).unwrap();
    let refused = execute(&api.token("installer"), 7);
    assert!(refused.stdout.is_empty(), "{refused:?}");
    execute("wrong", 7);
    let none = execute("", 7);
    assert!(none.stderr.contains("attune auth login"), "{none:?}");
    api.ask("DELETE", &token, "packs/aws", "");
    assert_eq!(fs::read(api.place.path("started")).unwrap(), started);
}

/// No file of the server holds a value as it is; with another key nobody learns it; a removal keeps it unless it is to go, too.
#[test]
fn configurations_are_sealed_and_stay_until_they_are_purged() {
    let mut api = Api::new();
    let token = api.login();
    register(&api, &token, &[("aws", "1.0.0", SCHEMA)]);
    let body = json!({"config": {"key": SECRET, "region": SECRET}}).to_string();
    data(&api.ask("PUT", &token, "packs/aws", &body));
    assert!(
        !api.rows("SELECT * FROM pack_configs")
            .to_string()
            .contains(SECRET)
    );
    for (name, bytes) in snapshot(&api.place.path("data")) {
        assert!(!String::from_utf8_lossy(&bytes).contains(SECRET), "{name}");
    }
    let key = api.place.path("data/secret.key");
    let other = api.place.path("data/other.key");
    fs::rename(&key, &other).unwrap();
    api.restart();
    let shown = api.ask("GET", &token, "packs/aws", "");
    assert_eq!(data(&shown)["config"], Value::Null);
    assert_eq!(api.ask("GET", &token, "packs/aws/config", "").status, 409);
    let kept = json!({"config": {"key": "[REDACTED]"}}).to_string();
    assert_eq!(api.ask("PUT", &token, "packs/aws", &kept).status, 400);
    fs::rename(&other, &key).unwrap();
    api.restart();
    for (query, kept) in [("", 1), ("?purge=true", 0)] {
        let answer = api.ask("DELETE", &token, &format!("packs/aws{query}"), "");
        assert_eq!(answer.status, 200, "{answer:?}");
        let rows = api.rows("SELECT ref FROM pack_configs");
        assert_eq!(rows.as_array().unwrap().len(), kept);
        data(&api.ask("POST", &token, "packs/aws/rollback", ""));
        let config = data(&api.ask("GET", &token, "packs/aws", ""))["config"].clone();
        assert_eq!(config.get("key").is_some(), kept == 1, "{config}");
    }
    let wrong = api.ask("DELETE", &token, "packs/aws?purge=perhaps", "");
    assert_eq!(wrong.status, 400);
}

/// To what the rules let a pack reach, with a note of what breaks; what came from elsewhere has no updates.
#[test]
fn packs_are_updated() {
    let place = Place::new();
    for version in ["1.0.0", "1.2.0", "2.0.0"] {
        place.pack(&format!("aws-{version}"), "aws", version, "");
    }
    fs::remove_file(place.path("packs/aws-2.0.0/actions/run.yaml")).unwrap();
    place.build();
    let registry = place.serve("tree");
    let config = format!("pack_registry:\n  indices:\n    - url: {}\n", registry.url);
    let api = Api::with(place, &config);
    let token = api.login();
    data(&api.post(&token, "packs/install", &json!({"source": "aws@1.0.0"})));
    let update =
        |pack: &str, body: &str| api.ask("POST", &token, &format!("packs/{pack}/update"), body);
    let told = data(&update("aws", "")).clone();
    assert_eq!(
        (
            &told["from_version"],
            &told["to_version"],
            &told["pack"]["version"]
        ),
        (&json!("1.0.0"), &json!("1.2.0"), &json!("1.2.0"))
    );
    assert_eq!(
        shape(&told["changes"]),
        json!([{"pack_ref": "string", "from_version": "string", "to_version": "string", "breaking": []}])
    );
    assert_eq!(api.rows("SELECT version FROM packs"), json!([["1.2.0"]]));
    let again = data(&update("aws", "{}")).clone();
    assert_eq!(
        (&again["changes"], &again["to_version"]),
        (&json!([]), &json!("1.2.0"))
    );
    let held = data(&update("aws", r#"{"to": "major", "hold_breaking": true}"#)).clone();
    assert_eq!(
        held["held"],
        json!([{"pack_ref": "aws", "version": "2.0.0", "held_at": "1.2.0"}])
    );
    assert_eq!(api.rows("SELECT version FROM packs"), json!([["1.2.0"]]));
    let far = data(&update("aws", r#"{"to": "major"}"#)).clone();
    assert_eq!(far["to_version"], "2.0.0");
    assert!(
        !far["changes"][0]["breaking"].as_array().unwrap().is_empty(),
        "{far}"
    );
    register(&api, &token, &[("own", "1.0.0", "")]);
    let before = snapshot(&api.place.path("installed/.attune/generations"));
    for (pack, body, status) in [
        ("own", "", 409),
        ("nothing", "", 404),
        ("aws", r#"{"to": "moon"}"#, 400),
        ("aws", r#"{"too": "major"}"#, 400),
    ] {
        assert_eq!(update(pack, body).status, status, "{pack} {body}");
    }
    let viewer = api.token("viewer");
    assert_eq!(api.ask("POST", &viewer, "packs/aws/update", "").status, 403);
    assert_eq!(
        snapshot(&api.place.path("installed/.attune/generations")),
        before
    );
}
