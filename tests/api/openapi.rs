//! `/openapi.json` of the installation API: what is sent and answered is as it says.

use std::process::Command;

use serde_json::{Value, json};

use super::Api;
use super::jobs::begin;
use crate::support::contract::{Description, media_type};
use crate::support::{Answer, Place, people_can_read};

/// Names of events, their data, and their ids, as they came.
type Events = Vec<(String, Value, String)>;

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
    Description::of(&api.hosted).hold_named(values);
}

/// Every operation is there, needs a token if it says so, and answers with a status that it names.
#[test]
fn every_operation_of_the_api_is_answered_as_it_says() {
    let api = Api::new();
    let description = Description::of(&api.hosted);
    let token = api.login();
    let mut answers = Vec::new();
    for (template, item) in description.0["paths"].as_object().unwrap() {
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
            let id = operation["operationId"].as_str().unwrap();
            let answer = api.ask(&method, "", &path, "[]");
            assert_eq!(answer.status == 401, !is_open, "{method} {path} {answer:?}");
            answers.push((id, answer));
            // Last, since it ends the token.
            if path != "auth/logout" {
                answers.push((id, api.ask(&method, &token, &path, "[]")));
            }
        }
    }
    assert!(answers.len() >= 70, "{}", answers.len());
    description.hold_answers(&answers);
}

/// A logout ends its token and no other one, once.
#[test]
fn logouts_are_answered_as_the_document_says() {
    let api = Api::new();
    let (token, other) = (api.login(), api.login());
    let out = || api.ask("POST", &token, "auth/logout", "");
    let (done, again) = (out(), out());
    assert_eq!(done.body, json!({"data": {"success": true}}), "{done:?}");
    assert!(done.head.to_lowercase().contains("cache-control: no-store"));
    assert_eq!(again.status, 401, "{again:?}");
    assert!(again.head.to_lowercase().contains("www-authenticate: "));
    assert_eq!(api.ask("GET", &token, "auth/whoami", "").status, 401);
    assert_eq!(api.ask("GET", &other, "auth/whoami", "").status, 200);
    let foreign = api.ask("POST", &api.token("publish"), "auth/logout", "");
    assert_eq!(foreign.status, 403, "{foreign:?}");
    let answers = [("logout", done), ("logout", again), ("logout", foreign)];
    Description::of(&api.hosted).hold_answers(&answers);
}

/// Asks for the events of a job until it is over.
fn stream(api: &Api, token: &str, (id, fields): (&str, &str)) -> (Answer, Events) {
    let output = Command::new("curl")
        .args(["-sS", "-N", "-i", "-H"])
        .arg(format!("Authorization: Bearer {token}"))
        .args(fields.lines().flat_map(|field| ["-H", field]))
        .arg(format!("{}api/v1/jobs/{id}/events", api.hosted.url))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let is_stream = media_type(head) == Some("text/event-stream");
    let answer = Answer {
        status,
        head: head.to_owned(),
        // The whole stream is one text.
        body: if is_stream {
            json!(body)
        } else {
            serde_json::from_str(body).unwrap_or_default()
        },
    };
    let events = body.split_terminator("\n\n").filter(|_| is_stream);
    // Nothing is between events but silence that is broken.
    let events = events.filter(|event| *event != ":").map(|event| {
        let lines: Vec<&str> = event.lines().collect();
        let [id, name, data] = lines[..] else {
            panic!("{event}")
        };
        let field = |line: &str, name: &str| line.strip_prefix(name).unwrap().to_owned();
        let data = serde_json::from_str(&field(data, "data: ")).unwrap();
        (field(name, "event: "), data, field(id, "id: "))
    });
    let events = events.collect();
    (answer, events)
}

/// Every kind of event comes, with data of its form and ids that grow; the last one is the job, and who has seen it is
/// sent nothing.
#[test]
fn events_of_jobs_are_as_the_document_says() {
    let place = Place::new();
    let testing = "testing: {runners: {all: {type: script, entry_point: tests/run.sh}}}\n";
    place.pack("slack", "slack", "1.0.0", testing);
    let tests = place.path("packs/slack/tests");
    std::fs::create_dir(&tests).unwrap();
    std::fs::write(tests.join("run.sh"), "echo it runs\n").unwrap();
    place.build();
    let registry = place.serve("tree");
    let api = Api::start(place, &[]);
    let token = api.login();
    let body = json!({"source": "slack", "registry_url": registry.url});
    let id = begin(&api, &token, ("packs/install", &body));
    let (answer, events) = stream(&api, &token, (&id, ""));
    assert!(
        answer
            .head
            .to_lowercase()
            .contains("cache-control: no-store")
    );
    let (last, before) = events.split_last().unwrap();
    assert_eq!((&*last.0, &*last.2), ("end", "end"));
    let shown = api.ask("GET", &token, &format!("jobs/{id}"), "");
    assert_eq!(last.1, shown.body["data"]);
    assert_eq!(last.1["state"], "succeeded", "{last:?}");
    let ids: Vec<u64> = (before.iter())
        .map(|event| event.2.parse().unwrap())
        .collect();
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    let description = Description::of(&api.hosted);
    let content = &description.operation("jobEvents")["responses"]["200"]["content"];
    let forms = content["text/event-stream"]["x-events"]
        .as_object()
        .unwrap();
    let seen: std::collections::BTreeSet<&str> = events.iter().map(|event| &*event.0).collect();
    let named: std::collections::BTreeSet<&str> = forms.keys().map(String::as_str).collect();
    assert_eq!(seen, named);
    let values = events
        .iter()
        .map(|(name, data, id)| (format!("{name} {id}"), forms[name].clone(), data.clone()));
    description.hold(&values.collect::<Vec<_>>());
    let (over, none) = stream(&api, &token, (&id, "Last-Event-ID: end"));
    assert_eq!((over.status, none), (204, Vec::new()), "{over:?}");
    let (unknown, _) = stream(&api, &token, ("nothing", ""));
    let (nobody, _) = stream(&api, "", (&id, ""));
    assert_eq!((unknown.status, nobody.status), (404, 401));
    let answers = [answer, over, unknown, nobody].map(|answer| ("jobEvents", answer));
    description.hold_answers(&answers);
}

/// A server says what it does, and nothing of a role that it does not have.
#[test]
fn documents_tell_the_roles_of_a_server() {
    let has = |api: &Api| {
        let document = Description::of(&api.hosted).0;
        ["/packs.json", "/api/v1/packs", "/metrics"]
            .map(|path| document["paths"].get(path).is_some())
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
