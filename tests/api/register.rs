//! `packs/register-batch`: what is registered is active, and the database says the same.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Api, shape};
use crate::support::{Answer, snapshot};

const TESTS: &str = "testing: {runners: {python: {type: unittest}}}\n";

fn data(answer: &Answer) -> &Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    &answer.body["data"]
}

/// Makes a pack in `folder`, with two tests of which the second passes if `passes`.
fn pack(
    api: &Api,
    folder: &str,
    (pack_ref, version): (&str, &str),
    passes: bool,
    extra: &str,
) -> String {
    api.place
        .pack(pack_ref, pack_ref, version, &format!("{TESTS}{extra}"));
    let to = api.place.path(folder).join(pack_ref);
    let _ = fs::remove_dir_all(&to);
    fs::create_dir_all(api.place.path(folder)).unwrap();
    fs::rename(api.place.path("packs").join(pack_ref), &to).unwrap();
    let passes = if passes { "True" } else { "False" };
    let tests = format!(
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n    def test_b(self): self.assertTrue({passes})\n"
    );
    fs::create_dir_all(to.join("tests")).unwrap();
    fs::write(to.join("tests/test_x.py"), tests).unwrap();
    to.display().to_string()
}

/// What `pack list` says is installed.
fn listed(api: &Api) -> Value {
    let mut command = api.place.attune(&["pack", "list", "--json"]);
    command.env("ATTUNE__PACKS_BASE_DIR", api.place.path("installed"));
    let output = command.output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The full request of the documents and its answer, for packs that lie in the packs directory already: they are
/// adopted there, in the order of their needs, and the database holds their components.
#[test]
fn documented_request_has_documented_answer() {
    let api = Api::new();
    let token = api.login();
    let aws = pack(
        &api,
        "installed",
        ("aws", "2.1.0"),
        true,
        "dependencies: [core@^1]\n",
    );
    let core = pack(&api, "installed", ("core", "1.0.0"), true, "");
    fs::create_dir(format!("{core}/policies")).unwrap();
    fs::write(format!("{core}/policies/limit.yaml"), "ref: core.limit\n").unwrap();
    let base = api.place.path("installed");
    let body = json!({"pack_paths": [aws, core], "packs_base_dir": base, "skip_validation": false, "skip_tests": false, "force": false});
    let answer = api.post(&token, "packs/register-batch", &body);
    let counts = json!({"actions": "number", "sensors": "number", "triggers": "number", "rules": "number", "workflows": "number", "policies": "number"});
    assert_eq!(
        shape(&answer.body),
        json!({"data": {
            "registered_packs": [{"pack_ref": "string", "pack_id": "number", "pack_version": "string", "storage_path": "string",
                "components_registered": counts,
                "test_result": {"status": "string", "total_tests": "number", "passed": "number", "failed": "number"},
                "validation_results": {"valid": "boolean", "errors": []}}],
            "failed_packs": [],
            "summary": {"total_packs": "number", "success_count": "number", "failure_count": "number",
                "total_components": "number", "duration_ms": "number"}}})
    );
    let found = data(&answer);
    let packs = &found["registered_packs"];
    assert_eq!(
        (&packs[0]["pack_ref"], &packs[1]["pack_ref"]),
        (&json!("core"), &json!("aws"))
    );
    assert_eq!(
        packs[0]["test_result"],
        json!({"status": "passed", "total_tests": 2, "passed": 2, "failed": 0})
    );
    assert_eq!(
        packs[0]["components_registered"],
        json!({"actions": 1, "sensors": 0, "triggers": 0, "rules": 0, "workflows": 0, "policies": 1})
    );
    let place = packs[0]["storage_path"].as_str().unwrap();
    assert!(Path::new(place).is_symlink() && Path::new(place).join("pack.yaml").is_file());
    assert_eq!(
        api.rows("SELECT kind, ref FROM components ORDER BY pack, kind, ref"),
        json!([
            ["actions", "aws.run"],
            ["actions", "core.run"],
            ["policies", "core.limit"]
        ])
    );
    assert_eq!(
        api.rows("SELECT ref, id, version FROM packs ORDER BY id"),
        json!([["core", 1, "1.0.0"], ["aws", 2, "2.1.0"]])
    );
    assert_eq!(found["summary"]["total_components"], 3);
    assert_eq!(listed(&api).as_array().unwrap().len(), 2);
}

/// Without `force` a pack that is there is refused; with it, components that the new version lacks go, and id and
/// place stay.
#[test]
fn packs_are_replaced_only_by_force() {
    let api = Api::new();
    let token = api.login();
    let core = pack(&api, "home", ("core", "1.0.0"), true, "");
    let register = |more: Value| {
        let mut body = json!({"pack_paths": [core]});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        api.post(&token, "packs/register-batch", &body)
    };
    assert_eq!(data(&register(json!({})))["summary"]["success_count"], 1);
    let before = snapshot(&api.place.path("installed"));
    let again = register(json!({}));
    let failed = &data(&again)["failed_packs"][0];
    assert_eq!(
        failed,
        &json!({"pack_ref": "core", "pack_path": core, "error_stage": "registration",
            "error": "Pack 'core' already exists. Use force=true to reinstall."})
    );
    assert_eq!(snapshot(&api.place.path("installed")), before);
    pack(&api, "home", ("core", "1.1.0"), true, "");
    fs::remove_file(format!("{core}/actions/run.yaml")).unwrap();
    let forced = register(json!({"force": true, "skip_tests": true}));
    let told = &data(&forced)["registered_packs"][0];
    assert_eq!(
        (
            &told["pack_id"],
            &told["pack_version"],
            &told["test_result"]
        ),
        (&json!(1), &json!("1.1.0"), &Value::Null),
        "{forced:?}"
    );
    assert_eq!(api.rows("SELECT ref FROM components"), json!([]));
    assert_eq!(
        api.rows("SELECT id, version FROM packs"),
        json!([[1, "1.1.0"]])
    );
}

/// Each stage refuses what is its own, and nothing of the pack is anywhere afterwards.
#[test]
fn failures_name_their_stage() {
    let api = Api::new();
    let token = api.login();
    let failing = pack(&api, "home", ("failing", "1.0.0"), false, "");
    let needy = pack(
        &api,
        "home",
        ("needy", "1.0.0"),
        true,
        "dependencies: [nothing]\n",
    );
    let wrong = pack(&api, "home", ("wrong", "1.0.0"), true, "");
    fs::write(
        format!("{wrong}/actions/x.yaml"),
        "ref: wrong.x\nentry_point: nothing.sh\nrunner_type: shell\n",
    )
    .unwrap();
    let body = json!({"pack_paths": [failing, needy, wrong, "/etc", format!("{failing}/tests")]});
    let answer = api.post(&token, "packs/register-batch", &body);
    let found = data(&answer);
    assert_eq!(
        shape(&found["failed_packs"]),
        json!([{"pack_ref": "string", "pack_path": "string", "error": "string", "error_stage": "string"}])
    );
    let stage = |path: &str| {
        let mut failed = found["failed_packs"].as_array().unwrap().iter();
        let failed = failed.find(|failed| failed["pack_path"] == path);
        failed.unwrap()["error_stage"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (stage(&failing), stage(&needy), stage(&wrong), stage("/etc")),
        (
            "testing".into(),
            "dependencies".into(),
            "validation".into(),
            "input_validation".into()
        ),
        "{found}"
    );
    assert_eq!(found["summary"]["failure_count"], 5);
    assert_eq!(api.rows("SELECT ref FROM packs"), json!([]));
    assert_eq!(listed(&api), json!([]));
    let body = json!({"pack_paths": [failing], "skip_tests": true});
    assert_eq!(
        data(&api.post(&token, "packs/register-batch", &body))["summary"]["success_count"],
        1
    );
    let answer = api.post(&token, "packs/register-batch", &json!({"pack_paths": []}));
    assert_eq!(data(&answer)["summary"]["total_packs"], 0);
}
