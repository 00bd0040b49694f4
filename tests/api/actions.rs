//! The four actions of the example pack `core`, against the server they are made for.

use std::fs;

use serde_json::{Value, json};

use super::Api;
use super::download::with_registry;
use crate::support::{Run, project};

/// Runs an action of `core` with these parameters; returns its exit code and result.
fn execute(api: &Api, token: &str, action: &str, parameters: &Value) -> (Option<i32>, Value) {
    let file = api.place.path("parameters.json");
    fs::write(&file, parameters.to_string()).unwrap();
    let output = api
        .place
        .attune(&["action", "execute", action, "--params-file"])
        .arg(&file)
        .arg("--json")
        .env("ATTUNE__PACKS_BASE_DIR", api.place.path("actions"))
        .env("ATTUNE_API_URL", api.hosted.url.trim_end_matches('/'))
        .env("ATTUNE_API_TOKEN", token)
        .output()
        .unwrap();
    (
        output.status.code(),
        Run::of(&output).json()["result"].clone(),
    )
}

/// Download, dependencies, environments and registration through the actions: what they say is what the server did.
#[test]
fn actions_of_core_drive_an_installation() {
    let (api, _registry) = with_registry();
    let token = api.login();
    let example = project().join("registry-example/packs/core");
    let mut install = api.place.attune(&["pack", "install", "--skip-tests"]);
    install
        .arg(example)
        .env("ATTUNE__PACKS_BASE_DIR", api.place.path("actions"));
    assert!(install.output().unwrap().status.success());
    let to = api.place.path("home/packs");
    let (code, found) = execute(
        &api,
        &token,
        "core.download_packs",
        &json!({"packs": ["aws", "absent"], "destination_dir": to}),
    );
    assert_eq!(
        (&found["success_count"], &found["failure_count"]),
        (&json!(1), &json!(1)),
        "{found}"
    );
    assert_eq!(code, Some(0));
    let pack = found["downloaded_packs"][0]["pack_path"].as_str().unwrap();
    assert!(fs::exists(format!("{pack}/pack.yaml")).unwrap());
    let paths = json!({"pack_paths": [pack]});
    let (code, found) = execute(&api, &token, "core.get_pack_dependencies", &paths);
    assert_eq!(
        found["missing_dependencies"][0]["pack_ref"], "core",
        "{found}"
    );
    assert_eq!(code, Some(0));
    let (code, found) = execute(&api, &token, "core.build_pack_envs", &paths);
    assert_eq!(
        (code, &found["summary"]["success_count"]),
        (Some(0), &json!(1)),
        "{found}"
    );
    let registration = json!({"pack_paths": [pack], "skip_tests": true});
    let (code, found) = execute(&api, &token, "core.register_packs", &registration);
    assert_eq!(
        (code, &found["registered_packs"][0]["pack_ref"]),
        (Some(0), &json!("aws")),
        "{found}"
    );
    assert!(api.place.installed().join("aws/pack.yaml").is_file());
    // Without the right token nothing is done, and the result has the same form.
    let (code, found) = execute(&api, "wrong", "core.register_packs", &registration);
    assert_eq!(code, Some(1));
    assert_eq!(
        found["failed_packs"][0]["error_stage"], "api_call",
        "{found}"
    );
}
