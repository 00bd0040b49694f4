//! `packs/build-envs`: environments are built, used again, built anew, and left out.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde_json::{Value, json};

use super::{Api, shape};
use crate::environments::wheel;
use crate::support::{Answer, Place};

/// A server that fetches nothing, and a pack with a wheel it needs.
fn with_pack() -> (Api, String) {
    let place = Place::new();
    let pack = place.path("home/aws");
    wheel(&pack.join("wheels"), "1.0.0");
    fs::write(
        pack.join("pack.yaml"),
        "ref: aws\nlabel: AWS\nversion: 1.0.0\n",
    )
    .unwrap();
    fs::write(
        pack.join("requirements.txt"),
        "--find-links wheels\ntiny==1.0.0\n",
    )
    .unwrap();
    let api = Api::with(place, "environments: {offline: true}\n");
    (api, pack.display().to_string())
}

fn data(answer: &Answer) -> &Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    &answer.body["data"]
}

fn place_of(data: &Value) -> &Path {
    let python = &data["built_environments"][0]["environments"]["python"];
    Path::new(
        python["virtualenv_path"]
            .as_str()
            .unwrap_or_else(|| panic!("{data}")),
    )
}

/// The full request of the documents and its answer; what it names is there and works. The next request uses it again,
/// `force_rebuild` builds it again, and a `packs_base_dir` of its own gets its own.
#[test]
fn documented_request_has_documented_answer() {
    let (api, pack) = with_pack();
    let token = api.login();
    let base = api.place.path("installed");
    let mut body = json!({"pack_paths": [pack], "packs_base_dir": base, "python_version": "3.11", "nodejs_version": "20",
        "skip_python": false, "skip_nodejs": false, "force_rebuild": false, "timeout": 600});
    let answer = api.post(&token, "packs/build-envs", &body);
    assert_eq!(
        shape(&answer.body),
        json!({"data": {
            "built_environments": [{"pack_ref": "string", "pack_path": "string",
                "environments": {"python": {"virtualenv_path": "string", "requirements_installed": "boolean",
                    "package_count": "number", "python_version": "string"}, "nodejs": "null"},
                "duration_ms": "number"}],
            "failed_environments": [],
            "summary": {"total_packs": "number", "success_count": "number", "failure_count": "number",
                "python_envs_built": "number", "nodejs_envs_built": "number", "total_duration_ms": "number"}}})
    );
    let first = data(&answer);
    let built = place_of(first);
    assert!(built.starts_with(base.canonicalize().unwrap().join(".attune/envs")));
    let python = std::process::Command::new(built.join("bin/python"))
        .args([
            "-c",
            "import sys, tiny; print('Python', '.'.join(map(str, sys.version_info[:3])))",
        ])
        .output()
        .unwrap();
    let said = &first["built_environments"][0]["environments"]["python"];
    assert_eq!(
        said["python_version"].as_str().unwrap(),
        String::from_utf8_lossy(&python.stdout).trim()
    );
    assert_eq!(said["package_count"], 1);
    assert_eq!(first["summary"]["python_envs_built"], 1);
    let inode = |path: &Path| fs::metadata(path.join("environment.json")).unwrap().ino();
    let made = inode(built);
    let answer = api.post(&token, "packs/build-envs", &json!({"pack_paths": [pack]}));
    assert_eq!((place_of(data(&answer)), inode(built)), (built, made));
    body["force_rebuild"] = json!(true);
    let answer = api.post(&token, "packs/build-envs", &body);
    assert_eq!(place_of(data(&answer)), built);
    assert_ne!(inode(built), made);
    let other = api.place.path("home/other");
    let answer = api.post(
        &token,
        "packs/build-envs",
        &json!({"pack_paths": [pack], "packs_base_dir": other}),
    );
    assert!(place_of(data(&answer)).starts_with(other.canonicalize().unwrap()));
}

/// What is left out is not looked at; what fails says whose environment it is, and a failed rebuild keeps the old one.
#[test]
fn kinds_are_left_out_and_failures_told() {
    let (api, pack) = with_pack();
    let token = api.login();
    let answer = api.post(
        &token,
        "packs/build-envs",
        &json!({"pack_paths": [pack], "skip_python": true}),
    );
    let skipped = data(&answer);
    assert_eq!(
        skipped["built_environments"][0]["environments"],
        json!({"python": null, "nodejs": null})
    );
    assert_eq!(skipped["summary"]["python_envs_built"], 0);
    let answer = api.post(&token, "packs/build-envs", &json!({"pack_paths": [pack]}));
    let record = place_of(data(&answer)).join("environment.json");
    let before = fs::read(&record).unwrap();
    for wheel in fs::read_dir(format!("{pack}/wheels")).unwrap() {
        fs::remove_file(wheel.unwrap().path()).unwrap();
    }
    let body = json!({"pack_paths": [pack, "/etc", api.place.path("home")], "force_rebuild": true});
    let answer = api.post(&token, "packs/build-envs", &body);
    let failed = &data(&answer)["failed_environments"];
    assert_eq!(
        shape(failed),
        json!([{"pack_ref": "string", "pack_path": "string", "runtime": "string", "error": "string"}])
    );
    assert_eq!(
        (&failed[0]["pack_ref"], &failed[0]["runtime"]),
        (&json!("aws"), &json!("python")),
        "{failed}"
    );
    assert!(
        failed[1]["error"]
            .as_str()
            .unwrap()
            .contains("outside the folders")
    );
    assert_eq!(failed[2]["error"], "pack.yaml not found");
    assert_eq!(data(&answer)["summary"]["failure_count"], 3);
    assert_eq!(fs::read(&record).unwrap(), before);
    for wrong in ["3.x", "", "../python", "3..1"] {
        let body = json!({"pack_paths": [], "python_version": wrong});
        assert_eq!(
            api.post(&token, "packs/build-envs", &body).status,
            400,
            "{wrong}"
        );
    }
}
