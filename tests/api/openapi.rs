//! `/openapi.json` of the installation API: what is sent and answered is as it says.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::Api;
use crate::support::{Place, people_can_read};

fn document(api: &Api) -> Value {
    let (status, _, body) = api.hosted.get("/openapi.json");
    assert_eq!(status, 200);
    serde_json::from_slice(&body).unwrap()
}

/// Holds values to schemas of a document, by name.
fn hold(document: &Value, values: &[(&str, Value)]) {
    const SCRIPT: &str = r##"
import json, sys
import jsonschema
given = json.load(sys.stdin)
for name, value in given["values"]:
    schema = {"$ref": "#/components/schemas/" + name, "components": given["document"]["components"]}
    jsonschema.Draft202012Validator.check_schema(schema)
    for error in jsonschema.Draft202012Validator(schema).iter_errors(value):
        print(name, list(error.absolute_path), error.message[:300])
"##;
    if !crate::schema::has_validator() {
        return;
    }
    let mut child = Command::new("python3")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let given = json!({"document": document, "values": values}).to_string();
    let mut input = child.stdin.take().unwrap();
    input.write_all(given.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
}

/// Requests and answers of the design documents.
fn examples() -> Vec<(&'static str, Value)> {
    vec![
        (
            "DownloadRequest",
            json!({"packs": ["core", "github:attune-io/pack-aws@v1.0.0"], "destination_dir": "/tmp/pack-downloads",
            "registry_url": "https://registry.attune.io/index.json", "ref_spec": "main", "timeout": 300, "verify_ssl": true}),
        ),
        (
            "Downloads",
            json!({"downloaded_packs": [{"source": "core", "source_type": "registry", "pack_path": "/tmp/pack-downloads/core",
            "pack_ref": "core", "pack_version": "1.0.0", "git_commit": null, "checksum": "sha256:abc123..."}],
            "failed_packs": [{"source": "invalid-pack", "error": "Pack not found in registry"}],
            "total_count": 2, "success_count": 1, "failure_count": 1}),
        ),
        (
            "DependenciesRequest",
            json!({"pack_paths": ["/tmp/pack-downloads/core", "/tmp/pack-downloads/aws"], "skip_validation": false}),
        ),
        (
            "Dependencies",
            json!({"dependencies": [{"pack_ref": "core", "version_spec": ">=1.0.0", "required_by": "aws", "already_installed": true}],
            "runtime_requirements": {"aws": {"pack_ref": "aws", "python": {"version": ">=3.9",
            "requirements_file": "/tmp/pack-downloads/aws/requirements.txt"}, "nodejs": null}}, "missing_dependencies": [],
            "analyzed_packs": [{"pack_ref": "core", "pack_path": "/tmp/pack-downloads/core", "has_dependencies": false, "dependency_count": 0}],
            "errors": []}),
        ),
        (
            "BuildEnvsRequest",
            json!({"pack_paths": ["/tmp/pack-downloads/aws"], "packs_base_dir": "/opt/attune/packs", "python_version": "3.11",
            "nodejs_version": "20", "skip_python": false, "skip_nodejs": false, "force_rebuild": false, "timeout": 600}),
        ),
        (
            "Environments",
            json!({"built_environments": [{"pack_ref": "aws", "pack_path": "/tmp/pack-downloads/aws", "environments": {
            "python": {"virtualenv_path": "/tmp/pack-downloads/aws/venv", "requirements_installed": true, "package_count": 15,
            "python_version": "Python 3.11.4"}, "nodejs": null}, "duration_ms": 2500}], "failed_environments": [],
            "summary": {"total_packs": 1, "success_count": 1, "failure_count": 0, "python_envs_built": 1, "nodejs_envs_built": 0,
            "total_duration_ms": 2500}}),
        ),
        (
            "RegisterBatchRequest",
            json!({"pack_paths": ["/opt/attune/packs/core", "/opt/attune/packs/aws"], "packs_base_dir": "/opt/attune/packs",
            "skip_validation": false, "skip_tests": false, "force": false}),
        ),
        (
            "Registered",
            json!({"registered_packs": [{"pack_ref": "core", "pack_id": 1, "pack_version": "1.0.0",
            "storage_path": "/opt/attune/packs/core", "components_registered": {"actions": 25, "sensors": 5, "triggers": 10, "rules": 3,
            "workflows": 2, "policies": 1}, "test_result": {"status": "passed", "total_tests": 27, "passed": 27, "failed": 0},
            "validation_results": {"valid": true, "errors": []}}], "failed_packs": [], "summary": {"total_packs": 2, "success_count": 2,
            "failure_count": 0, "total_components": 46, "duration_ms": 1500}}),
        ),
    ]
}

/// Answers to requests that change something.
fn changes(api: &Api, token: &str) -> Vec<(&'static str, Value)> {
    let mut values = Vec::new();
    let url = format!("file://{}", api.place.path("home/tree").display());
    std::fs::rename(api.place.path("tree"), api.place.path("home/tree")).unwrap();
    std::fs::rename(api.place.path("packs/slack"), api.place.path("home/slack")).unwrap();
    let slack = api.place.path("home/slack");
    let new = json!({"url": url, "headers": {"A": "b"}});
    let posts = [
        ("PackIndex", "pack-indices", new),
        (
            "Registered",
            "packs/register-batch",
            json!({"pack_paths": [slack]}),
        ),
        (
            "Dependencies",
            "packs/dependencies",
            json!({"pack_paths": [slack, "/x"]}),
        ),
        (
            "Environments",
            "packs/build-envs",
            json!({"pack_paths": [slack, "/x"]}),
        ),
        ("CacheRemoved", "cache/prune", json!({"days": 1})),
        ("PackIndexAnswer", "pack-indices/1/test", json!({})),
        (
            "Installed",
            "packs/install",
            json!({"source": "slack", "force": true}),
        ),
        ("Updated", "packs/slack/update", json!({})),
    ];
    for (name, path, body) in posts {
        let answer = api.post(token, path, &body);
        assert!(answer.status < 300, "{path}: {answer:?}");
        values.push((name, answer.body["data"].clone()));
    }
    values
}

/// The examples of the design documents, and what a server answers.
#[test]
fn examples_and_answers_are_as_the_document_says() {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "tags: [chat]\n");
    place.build();
    let api = Api::with(place, "");
    let token = api.login();
    let document = document(&api);
    let mut values = examples();
    values.extend(changes(&api, &token));
    let jobs = api.ask("GET", &token, "jobs", "").body["data"].clone();
    let job = format!("jobs/{}", jobs["items"][0]["id"].as_str().unwrap());
    let gets = [
        ("Whoami", "auth/whoami"),
        ("InstalledPacks", "packs"),
        ("InstalledPack", "packs/slack"),
        ("PackConfig", "packs/slack/config"),
        ("Components", "packs/slack/components"),
        ("TestRuns", "packs/slack/tests"),
        ("PackIndices", "pack-indices"),
        ("IndexedPacks", "pack-indices/packs"),
        ("IndexedPack", "pack-indices/packs/slack"),
        ("CacheUsage", "cache"),
        ("Jobs", "jobs"),
        ("Job", job.as_str()),
        ("Problem", "packs/nothing"),
    ];
    for (name, path) in gets {
        let answer = api.ask("GET", &token, path, "");
        let value = if name == "Problem" {
            &answer.body
        } else {
            &answer.body["data"]
        };
        assert!(!value.is_null(), "{path}: {answer:?}");
        values.push((name, value.clone()));
    }
    let removed = api.ask("DELETE", &token, "packs/slack", "");
    values.push(("Uninstalled", removed.body["data"].clone()));
    hold(&document, &values);
}

/// Every operation is there, needs a token if it says so, and answers with a status that it names.
#[test]
fn every_operation_of_the_api_is_answered_as_it_says() {
    let api = Api::new();
    let document = document(&api);
    let token = api.login();
    let mut asked = 0;
    for (template, item) in document["paths"].as_object().unwrap() {
        let Some(path) = template.strip_prefix("/api/v1/") else {
            continue;
        };
        let path = path.replace("{ref}", "nothing").replace("{id}", "7");
        for method in ["get", "put", "post", "delete"] {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let method = method.to_uppercase();
            let is_open = operation["security"].as_array().is_some_and(Vec::is_empty);
            let answer = api.ask(&method, "", &path, "[]");
            assert_eq!(answer.status == 401, !is_open, "{method} {path} {answer:?}");
            // Last, since it ends the token.
            if path == "auth/logout" {
                continue;
            }
            let answer = api.ask(&method, &token, &path, "[]");
            let named = operation["responses"].get(answer.status.to_string());
            assert!(named.is_some(), "{method} {path}: {answer:?}");
            asked += 1;
        }
    }
    assert!(asked >= 29, "{asked}");
}

/// A server says what it does, and nothing of a role that it does not have.
#[test]
fn documents_tell_the_roles_of_a_server() {
    let has = |api: &Api| {
        let paths = document(api)["paths"].clone();
        ["/packs.json", "/api/v1/packs", "/metrics"].map(|path| paths.get(path).is_some())
    };
    let found = has(&Api::new());
    assert_eq!((found[0], found[1], found[2]), (false, true, true));
    people_can_read(&Api::new().hosted);
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    place.build();
    let found = has(&Api::hosting(place));
    assert_eq!((found[0], found[1], found[2]), (true, true, true));
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    place.build();
    people_can_read(&Api::hosting(place).hosted);
}
