//! `packs/install`, `packs/register`, `packs/upload`, `packs/{ref}/rollback` and `packs/{ref}/test`.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::download::with_registry;
use super::jobs::{Gated, begin, data, ended};
use super::{Api, shape};
use crate::support::{Answer, Run, snapshot};

/// The shape of an installed pack in answers; what differs from pack to pack left out.
fn is_pack(pack: &Value) {
    let told = shape(pack);
    let members = [
        ("id", "number"),
        ("ref", "string"),
        ("label", "string"),
        ("description", "string"),
        ("version", "string"),
        ("is_standard", "boolean"),
        ("created", "string"),
        ("updated", "string"),
    ];
    for (name, kind) in members {
        assert_eq!(told[name], kind, "{name}: {pack}");
    }
    for name in [
        "conf_schema",
        "config",
        "meta",
        "tags",
        "runtime_deps",
        "dependencies",
    ] {
        assert!(
            pack[name].is_object() || pack[name].is_array(),
            "{name}: {pack}"
        );
    }
}

fn code(answer: &Answer) -> (u16, &str) {
    (
        answer.status,
        answer.body["code"].as_str().unwrap_or_default(),
    )
}

/// From a registry with what it needs; again only by force; unknown refs, other places and misspelt members are refused.
#[test]
fn packs_are_installed_from_registries() {
    let (api, _registry) = with_registry();
    let token = api.login();
    let install = |body: Value| api.post(&token, "packs/install", &body);
    let answer = install(
        json!({"source": "aws@^2", "ref_spec": null, "skip_tests": false, "skip_deps": false}),
    );
    let told = data(&answer);
    is_pack(&told["pack"]);
    assert_eq!(
        (
            &told["pack"]["ref"],
            &told["pack"]["version"],
            &told["test_result"],
            &told["tests_skipped"]
        ),
        (&json!("aws"), &json!("2.1.0"), &Value::Null, &json!(false))
    );
    assert_eq!(
        api.rows("SELECT ref, version FROM packs ORDER BY ref"),
        json!([["aws", "2.1.0"], ["core", "1.0.0"]])
    );
    refuses_what_it_must(&api, &token);
    data(&install(json!({"source": "aws", "force": true})));
    let ids = api.rows("SELECT id FROM packs WHERE ref = 'aws'");
    assert_eq!(ids.as_array().unwrap().len(), 1);
}

/// Where `aws` is installed; nothing changes.
fn refuses_what_it_must(api: &Api, token: &str) {
    let install = |body: Value| api.post(token, "packs/install", &body);
    let before = snapshot(&api.place.path("installed/.attune/generations"));
    let refusals = [
        (json!({"source": "aws"}), (400, "already_exists")),
        (json!({"source": "nothing"}), (404, "not_found")),
        (
            json!({"source": "aws@9", "force": true}),
            (400, "dependencies"),
        ),
        (json!({"source": "/etc"}), (400, "bad_request")),
        (
            json!({"source": "aws", "no_registry": true}),
            (400, "bad_request"),
        ),
        (
            json!({"source": "aws", "skip_test": true}),
            (400, "bad_request"),
        ),
        (
            json!({"source": "aws", "force": true, "packs_base_dir": "/etc"}),
            (400, "bad_request"),
        ),
    ];
    for (body, expected) in refusals {
        let answer = install(body.clone());
        assert_eq!(code(&answer), expected, "{body}: {answer:?}");
    }
    let text = install(json!({"source": "aws"})).body["message"].clone();
    assert_eq!(
        text,
        "Pack 'aws' already exists. Use force=true to reinstall."
    );
    assert_eq!(
        snapshot(&api.place.path("installed/.attune/generations")),
        before
    );
}

/// A folder is registered, checked and tested; a rollback goes back, on the disk and in the database; tests of what is
/// installed can be run again, and stand in the history.
#[test]
fn folders_are_registered_and_rolled_back() {
    let api = Api::new();
    let token = api.login();
    let gated = Gated::new(&api.place, "core");
    let register = |more: Value| {
        let mut body = json!({"path": gated.path});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    let id = begin(&api, &token, ("packs/register", &register(json!({}))));
    gated.pass();
    let over = ended(&api, &token, &id);
    is_pack(&over["result"]["pack"]);
    assert_eq!(over["result"]["test_result"]["passed"], 1, "{over}");
    let answer = api.post(&token, "packs/register", &register(json!({})));
    assert_eq!(code(&answer), (400, "already_exists"));
    let manifest = fs::read_to_string(format!("{}/pack.yaml", gated.path)).unwrap();
    fs::write(
        format!("{}/pack.yaml", gated.path),
        manifest.replace("1.0.0", "1.1.0"),
    )
    .unwrap();
    fs::remove_file(format!("{}/actions/run.yaml", gated.path)).unwrap();
    let answer = api.post(
        &token,
        "packs/register",
        &register(json!({"force": true, "skip_tests": true})),
    );
    assert_eq!(
        (answer.status, &answer.body["data"]["tests_skipped"]),
        (201, &json!(true)),
        "{answer:?}"
    );
    assert_eq!(api.rows("SELECT ref FROM components"), json!([]));
    let answer = api.ask("POST", &token, "packs/core/rollback", "");
    assert_eq!(
        *data(&answer),
        json!({"pack_ref": "core", "from_version": "1.1.0", "to_version": "1.0.0", "generation": 3})
    );
    assert_eq!(
        api.rows(
            "SELECT version, ref FROM packs, (SELECT ref AS component FROM components) AS own"
        ),
        json!([["1.0.0", "core"]])
    );
    let answer = api.ask("POST", &token, "packs/other/rollback", "");
    assert_eq!(code(&answer), (404, "not_found"));
    tests_stand_in_the_history(&api, &token, &gated);
    folders_without_packs_are_refused(&api, &token);
}

fn folders_without_packs_are_refused(api: &Api, token: &str) {
    let home = api.place.path("home");
    for (path, message) in [
        (home.join("nowhere"), "Pack directory does not exist: "),
        (home, "pack.yaml not found in directory: "),
    ] {
        let answer = api.post(token, "packs/register", &json!({ "path": path }));
        let text = format!("{message}{}", path.display());
        assert_eq!(
            (answer.status, &answer.body["message"]),
            (400, &json!(text))
        );
    }
}

/// Tests of what is installed are run again, and fail; those of its registration passed.
fn tests_stand_in_the_history(api: &Api, token: &str, gated: &Gated) {
    let id = begin(api, token, ("packs/core/test", &json!({"timeout": 60})));
    drop(gated.reached());
    let over = ended(api, token, &id);
    assert_eq!(
        (&over["state"], &over["result"]["status"]),
        (&json!("succeeded"), &json!("failed")),
        "{over}"
    );
    let history = api.ask("GET", token, "packs/core/tests", "");
    let items = data(&history)["items"].as_array().unwrap();
    let told: Vec<[&Value; 2]> = items
        .iter()
        .map(|run| [&run["trigger_reason"], &run["status"]])
        .collect();
    assert_eq!(
        json!(told),
        json!([["manual", "failed"], ["register", "passed"]])
    );
}

/// Sends a body with curl; status and answer.
fn upload(api: &Api, token: &str, args: &[&str], query: &str) -> (u16, Value) {
    let output = Command::new("curl")
        .args(["-sS", "-w", "\n%{http_code}", "-H"])
        .arg(format!("Authorization: Bearer {token}"))
        .args(args)
        .arg(format!("{}api/v1/packs/upload{query}", api.hosted.url))
        .output()
        .unwrap();
    let run = Run::of(&output);
    let (body, status) = run.stdout.rsplit_once('\n').unwrap();
    (
        status.parse().unwrap(),
        serde_json::from_str(body).unwrap_or(Value::Null),
    )
}

/// An archive is uploaded in a form and as it is; what is no archive, too large or malformed is refused, and no body
/// stays.
#[test]
fn archives_are_uploaded() {
    let api = Api::new();
    let token = api.login();
    api.place.pack("core", "core", "1.0.0", "");
    let made = Command::new("tar")
        .args(["-czf", "core.tar.gz", "-C", "packs", "core"])
        .current_dir(api.place.path(""))
        .status();
    assert!(made.unwrap().success());
    let at = |name: &str| api.place.path(name).display().to_string();
    let form = format!("pack=@{}", at("core.tar.gz"));
    let (status, answer) = upload(&api, &token, &["-F", &form, "-F", "skip_tests=true"], "");
    assert_eq!(
        (status, &answer["data"]["pack"]["ref"]),
        (201, &json!("core")),
        "{answer}"
    );
    assert_eq!(answer["data"]["tests_skipped"], true);
    assert_eq!(api.rows("SELECT ref FROM packs"), json!([["core"]]));
    refuses_other_bodies(&api, &token);
    let left = snapshot(&api.place.path("installed/.attune/uploads"));
    assert!(left.is_empty(), "{left:?}");
}

/// Where `core.tar.gz` is installed.
fn refuses_other_bodies(api: &Api, token: &str) {
    let at = |name: &str| api.place.path(name).display().to_string();
    let form = format!("pack=@{}", at("core.tar.gz"));
    let whole = format!("@{}", at("core.tar.gz"));
    let bare = [
        "--data-binary",
        &whole,
        "-H",
        "Content-Type: application/gzip",
    ];
    assert_eq!(upload(api, token, &bare, "").0, 400);
    assert_eq!(upload(api, token, &bare, "?force=true").0, 201);
    fs::write(api.place.path("text"), "no archive").unwrap();
    let text = format!("@{}", at("text"));
    let wrong = [
        "--data-binary",
        &text,
        "-H",
        "Content-Type: application/gzip",
    ];
    let (status, answer) = upload(api, token, &wrong, "");
    assert!((400..500).contains(&status), "{status} {answer}");
    assert_eq!(upload(api, token, &bare, "?force=yes").0, 400);
    assert_eq!(upload(api, token, &["-F", &form, "-F", &form], "").0, 400);
    assert_eq!(upload(api, token, &["-F", "other=true"], "").0, 400);
    assert_eq!(
        upload(
            api,
            token,
            &["-d", "{}", "-H", "Content-Type: application/json"],
            ""
        )
        .0,
        415
    );
    let large = "Content-Length: 99999999999";
    assert_eq!(
        upload(api, token, &["-X", "POST", "-H", large, "-H", bare[3]], "").0,
        413
    );
    assert_eq!(upload(api, "", &bare, "").0, 401);
}
