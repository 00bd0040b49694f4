//! `packs/download`: the requests of the design documents, and that every member of them counts.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::{Api, shape};
use crate::support::git::Repository;
use crate::support::{Answer, Hosted, Place, names, snapshot};

/// A registry with `core` and `aws`, hosted, and a server of the API that is configured for it.
pub(super) fn with_registry() -> (Api, Hosted) {
    let place = Place::new();
    place.pack("core", "core", "1.0.0", "");
    place.pack("aws", "aws", "2.1.0", "dependencies: [core@>=1.0.0]\n");
    place.build();
    fs::remove_dir_all(place.path("packs")).unwrap();
    let registry = place.serve("tree");
    let config = format!(
        "pack_registry:\n  indices:\n    - url: {}index.json\n",
        registry.url
    );
    (Api::with(place, &config), registry)
}

fn packs(answer: &Answer) -> (&Value, &Value) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let data = &answer.body["data"];
    (&data["downloaded_packs"], &data["failed_packs"])
}

/// The minimal and the full request of the documents, their answer to the letter, and what then lies on the disk.
#[test]
fn documented_requests_have_documented_answers() {
    let (api, registry) = with_registry();
    let token = api.login();
    let to = api.place.path("home/pack-downloads");
    let minimal = json!({"packs": ["core", "invalid-pack"], "destination_dir": to});
    let answer = api.post(&token, "packs/download", &minimal);
    assert_eq!(
        shape(&answer.body),
        json!({"data": {
            "downloaded_packs": [{"source": "string", "source_type": "string", "pack_path": "string",
                "pack_ref": "string", "pack_version": "string", "git_commit": "null", "checksum": "string"}],
            "failed_packs": [{"source": "string", "error": "string"}],
            "total_count": "number", "success_count": "number", "failure_count": "number"}})
    );
    let (downloaded, failed) = packs(&answer);
    let pins = fs::read_to_string(api.place.path("tree/index.json")).unwrap();
    let index: Value = serde_json::from_str(&pins).unwrap();
    let entry = index["packs"]
        .as_array()
        .unwrap()
        .iter()
        .find(|e| e["ref"] == "core");
    let source = &entry.unwrap()["install_sources"][0];
    assert_eq!(
        downloaded,
        &json!([{"source": "core", "source_type": "registry", "pack_path": to.join("core"), "pack_ref": "core",
            "pack_version": "1.0.0", "git_commit": null, "checksum": source["checksum"]}])
    );
    assert!(to.join("core/pack.yaml").is_file());
    assert_eq!(failed[0]["source"], "invalid-pack");
    let data = &answer.body["data"];
    assert_eq!(
        (
            &data["total_count"],
            &data["success_count"],
            &data["failure_count"]
        ),
        (&json!(2), &json!(1), &json!(1))
    );
    let full = json!({"packs": ["aws"], "destination_dir": to, "registry_url": format!("{}index.json", registry.url),
        "ref_spec": "main", "timeout": 300, "verify_ssl": true});
    let answer = api.post(&token, "packs/download", &full);
    assert_eq!(packs(&answer).0[0]["pack_version"], "2.1.0");
    // Again: the older download goes in the same step, and nothing else is left there.
    fs::write(to.join("core/marker"), "").unwrap();
    let answer = api.post(&token, "packs/download", &minimal);
    assert_eq!(packs(&answer).0[0]["pack_ref"], "core");
    assert!(!to.join("core/marker").exists());
    assert_eq!(names(&to), ["aws", "core"]);
}

/// A registry in the same process is hosted, and is the one to ask where none is configured.
#[test]
fn hosted_registry_is_asked() {
    let place = Place::new();
    place.pack("core", "core", "1.0.0", "");
    place.build();
    let api = Api::hosting(place);
    let index = api.hosted.get("/index.json");
    assert_eq!(
        index.2,
        fs::read(api.place.path("tree/index.json")).unwrap()
    );
    let to = api.place.path("home/to");
    let body = json!({"packs": ["core"], "destination_dir": to});
    let answer = api.post(&api.login(), "packs/download", &body);
    assert_eq!(packs(&answer).0[0]["pack_version"], "1.0.0", "{answer:?}");
    assert_eq!(names(&to), ["core"]);
}

/// Repositories have the ref of the request unless they name one, and say the commit; directories are copied.
#[test]
fn repositories_and_directories_are_downloaded() {
    let place = Place::new();
    let repository = Repository::new(place.path("packs/tools"));
    repository.pack("", "tools", "1.0.0");
    let first = repository.commit();
    repository.git(&["branch", "old"]);
    repository.pack("", "tools", "2.0.0");
    repository.commit();
    place.pack("plain", "plain", "0.1.0", "");
    let roots = format!(
        "server:\n  allow_roots: ['{}']\n",
        place.path("packs").display()
    );
    let api = Api::with(place, &roots);
    let token = api.login();
    let to = api.place.path("home/to");
    let plain = api.place.path("packs/plain");
    let body = json!({"packs": [format!("file://{}", repository.path.display()), plain], "destination_dir": to, "ref_spec": "old"});
    let answer = api.post(&token, "packs/download", &body);
    let (downloaded, failed) = packs(&answer);
    assert_eq!(failed, &json!([]), "{answer:?}");
    assert_eq!(
        (
            &downloaded[0]["source_type"],
            &downloaded[0]["pack_version"],
            &downloaded[0]["git_commit"]
        ),
        (&json!("git"), &json!("1.0.0"), &json!(first.trim()))
    );
    assert_eq!(
        (&downloaded[1]["source_type"], &downloaded[1]["checksum"]),
        (&json!("local_directory"), &Value::Null)
    );
}

/// What one item asks for and is not given is its own failure; nothing is left of it.
#[test]
fn failures_belong_to_their_items() {
    let (api, _registry) = with_registry();
    let token = api.login();
    let home = api.place.path("home");
    let to = home.join("to");
    fs::create_dir_all(to.join("aws")).unwrap();
    fs::write(to.join("aws/mine"), "").unwrap();
    symlink(api.place.path("tree"), home.join("way-out")).unwrap();
    let before = snapshot(&api.place.path("tree"));
    let out = home.join("way-out/packs");
    let rows = [
        (json!("aws"), "in the way"),
        (json!("/etc"), "outside the folders"),
        (json!(api.place.path("tree")), "outside the folders"),
        (json!("./core"), "must be absolute"),
        (json!("file:///etc"), "outside the folders"),
        (json!(out), "outside the folders"),
        (json!(home.join("nothing")), "nothing at"),
        (json!("Core!"), "is not a pack ref"),
    ];
    for (source, expected) in rows {
        let body = json!({"packs": [source, "core"], "destination_dir": to});
        let answer = api.post(&token, "packs/download", &body);
        let (downloaded, failed) = packs(&answer);
        assert_eq!(downloaded[0]["pack_ref"], "core", "{answer:?}");
        let error = failed[0]["error"].as_str().unwrap();
        assert!(error.contains(expected), "{source}: {error}");
    }
    let twice = json!({"packs": ["core", "core@1.0.0"], "destination_dir": to});
    let answer = api.post(&token, "packs/download", &twice);
    assert!(
        packs(&answer).1[0]["error"]
            .as_str()
            .unwrap()
            .contains("is `core` too")
    );
    for destination in [api.place.path("tree/new"), out, "relative".into()] {
        let body = json!({"packs": ["core"], "destination_dir": destination});
        let answer = api.post(&token, "packs/download", &body);
        assert_eq!(packs(&answer).0, &json!([]));
    }
    assert_eq!(snapshot(&api.place.path("tree")), before);
    assert_eq!(names(&to), ["aws", "core"]);
}

/// A registry that says nothing is given up after `timeout`; unchecked certificates need an operator.
#[test]
fn timeout_and_verify_ssl_count() {
    let (api, _registry) = with_registry();
    let token = api.login();
    let to = api.place.path("home/to");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/index.json", silent.local_addr().unwrap());
    let body =
        json!({"packs": ["core"], "destination_dir": to, "registry_url": url, "timeout": 1.0});
    let answer = api.post(&token, "packs/download", &body);
    assert!(
        packs(&answer).1[0]["error"]
            .as_str()
            .unwrap()
            .contains("within 1 s"),
        "{answer:?}"
    );
    let body = json!({"packs": ["core"], "destination_dir": to, "verify_ssl": false});
    let answer = api.post(&token, "packs/download", &body);
    let error = packs(&answer).1[0]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("allow_insecure_tls"), "{error}");
    for wrong in [
        json!({"timeout": 0}),
        json!({"timeout": 4000}),
        json!({"tiemout": 1}),
        json!({"ref_spec": "-x"}),
    ] {
        let mut body = json!({"packs": [], "destination_dir": to});
        body.as_object_mut()
            .unwrap()
            .extend(wrong.as_object().unwrap().clone());
        assert_eq!(
            api.post(&token, "packs/download", &body).status,
            400,
            "{wrong}"
        );
    }
    let empty = api.post(
        &token,
        "packs/download",
        &json!({"packs": [], "destination_dir": to}),
    );
    assert_eq!(empty.body["data"]["total_count"], 0);
}

/// Scopes of a registry, and no token at all, download nothing.
#[test]
fn download_needs_the_role() {
    let (api, _registry) = with_registry();
    let to = api.place.path("home/to");
    let body = json!({"packs": ["core"], "destination_dir": to});
    let config = format!("database:\n  url: {}\n", api.database_url());
    fs::write(api.place.path("config.yaml"), config).unwrap();
    for (scope, status) in [
        ("publish", 403),
        ("admin", 403),
        ("viewer", 403),
        ("installer", 200),
    ] {
        let args = [
            "registry",
            "token",
            "create",
            "--tree",
            "tree",
            "--user",
            "ci",
            "--scope",
            scope,
            "--config",
            "config.yaml",
        ];
        let run = api.place.run(&args, 0);
        let answer = api.post(run.stdout.trim(), "packs/download", &body);
        assert_eq!(answer.status, status, "{scope}: {answer:?}");
        assert_eq!(to.exists(), status == 200, "{scope}");
    }
    assert_eq!(api.post("", "packs/download", &body).status, 401);
}
