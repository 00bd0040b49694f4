//! `packs/dependencies`: what packs need, told with what is there.

use std::fs;

use serde_json::{Value, json};

use super::{Api, shape};
use crate::support::{Answer, snapshot};

fn data(answer: &Answer) -> &Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    &answer.body["data"]
}

/// Makes a pack that may be named by requests.
fn pack(api: &Api, pack_ref: &str, version: &str, extra: &str) -> String {
    api.place.pack(pack_ref, pack_ref, version, extra);
    let to = api.place.path("home").join(pack_ref);
    let _ = fs::remove_dir_all(&to);
    fs::rename(api.place.path("packs").join(pack_ref), &to).unwrap();
    to.display().to_string()
}

/// The request of the documents and its answer; the one of the quick start, without packs.
#[test]
fn documented_requests_have_documented_answers() {
    let api = Api::new();
    let token = api.login();
    let core = pack(&api, "core", "1.0.0", "");
    let aws = pack(
        &api,
        "aws",
        "1.0.0",
        "python: '>=3.9'\ndependencies: [core@>=1.0.0]\n",
    );
    fs::write(format!("{aws}/requirements.txt"), "").unwrap();
    let before = snapshot(&api.place.path("home"));
    let body = json!({"pack_paths": [core, aws], "skip_validation": false});
    let answer = api.post(&token, "packs/dependencies", &body);
    assert_eq!(
        data(&answer),
        &json!({
            "dependencies": [{"pack_ref": "core", "version_spec": ">=1.0.0", "required_by": "aws", "already_installed": true}],
            "runtime_requirements": {"aws": {"pack_ref": "aws",
                "python": {"version": ">=3.9", "requirements_file": format!("{aws}/requirements.txt")}, "nodejs": null}},
            "missing_dependencies": [],
            "analyzed_packs": [
                {"pack_ref": "core", "pack_path": core, "has_dependencies": false, "dependency_count": 0},
                {"pack_ref": "aws", "pack_path": aws, "has_dependencies": true, "dependency_count": 1}],
            "errors": []
        })
    );
    let answer = api.post(&token, "packs/dependencies", &json!({"pack_paths": []}));
    let expected = json!({"dependencies": [], "runtime_requirements": {}, "missing_dependencies": [], "analyzed_packs": [], "errors": []});
    assert_eq!(data(&answer), &expected);
    assert_eq!(snapshot(&api.place.path("home")), before);
}

/// A dependency is there in a version that will do or not at all; the packs of the request win over installed ones.
#[test]
fn constraints_are_compared_with_what_is_there() {
    let api = Api::new();
    let token = api.login();
    let core = pack(&api, "core", "1.0.0", "");
    let args = ["pack", "install", &core];
    let mut install = api.place.attune(&args);
    install.env("ATTUNE__PACKS_BASE_DIR", api.place.path("installed"));
    assert!(install.output().unwrap().status.success());
    let newer = pack(&api, "core", "2.0.0", "");
    let rows = [
        ("^1", vec![], true),
        ("^2", vec![], false),
        ("^2", vec![&newer], true),
        ("^1", vec![&newer], false),
    ];
    for (constraint, with, expected) in rows {
        let aws = pack(
            &api,
            "aws",
            "1.0.0",
            &format!("dependencies: ['core@{constraint}', other]\n"),
        );
        let mut paths = vec![&aws];
        paths.extend(with);
        let answer = api.post(&token, "packs/dependencies", &json!({"pack_paths": paths}));
        let data = data(&answer);
        assert_eq!(
            data["dependencies"][0]["already_installed"], expected,
            "{constraint}: {data}"
        );
        let missing = data["missing_dependencies"].as_array().unwrap();
        assert_eq!(missing.last().unwrap()["pack_ref"], "other");
        assert_eq!(missing.len(), if expected { 1 } else { 2 });
        let errors = data["errors"].to_string();
        assert_eq!(errors.contains("needs `core`"), !expected, "{errors}");
    }
}

/// Cycles, packs that cannot be read, wrong files and paths out of the folders are errors of their own paths.
#[test]
fn errors_name_their_paths() {
    let api = Api::new();
    let token = api.login();
    let a = pack(&api, "a", "1.0.0", "dependencies: [b]\n");
    let b = pack(&api, "b", "1.0.0", "dependencies: [a]\n");
    let empty = api.place.path("home/empty").display().to_string();
    fs::create_dir(&empty).unwrap();
    let broken = pack(&api, "broken", "1.0.0", "");
    fs::write(format!("{broken}/pack.yaml"), "ref: [\n").unwrap();
    let wrong = pack(&api, "wrong", "1.0.0", "");
    fs::write(
        format!("{wrong}/actions/x.yaml"),
        "ref: wrong.x\nentry_point: nothing.sh\nrunner_type: shell\n",
    )
    .unwrap();
    let body = json!({"pack_paths": [a, b, empty, broken, wrong, "/etc"]});
    let answer = api.post(&token, "packs/dependencies", &body);
    let errors = data(&answer)["errors"].as_array().unwrap();
    assert_eq!(
        shape(&data(&answer)["errors"]),
        json!([{"pack_path": "string", "error": "string"}])
    );
    let of = |path: &str| -> String {
        let own = errors.iter().filter(|error| error["pack_path"] == path);
        own.map(|error| error["error"].as_str().unwrap()).collect()
    };
    assert!(of(&a).contains("a cycle") && of(&b).contains("a cycle"));
    assert_eq!(of(&empty), "pack.yaml not found");
    assert!(
        of(&broken).starts_with("Failed to parse pack.yaml"),
        "{errors:?}"
    );
    assert!(of(&wrong).contains("nothing.sh"), "{errors:?}");
    assert!(of("/etc").contains("outside the folders"));
    let refs: Vec<&Value> = data(&answer)["analyzed_packs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["pack_ref"])
        .collect();
    assert_eq!(refs, ["a", "b", "wrong"]);
    let body = json!({"pack_paths": [wrong], "skip_validation": true});
    assert_eq!(
        data(&api.post(&token, "packs/dependencies", &body))["errors"],
        json!([])
    );
}
