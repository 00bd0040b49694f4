//! `packs`: what is installed is listed and shown, and removing it leaves what others need.

use serde_json::json;

use super::{Api, shape};
use crate::support::{names, snapshot};

const EXTRA: &str =
    "description: Of clouds\ntags: [cloud]\nconf_schema: {region: {type: string, default: here}}\n";

/// Registers small packs; of each its ref, version and what else its manifest says.
pub(super) fn register(api: &Api, token: &str, packs: &[(&str, &str, &str)]) {
    let mut paths = Vec::new();
    for (pack_ref, version, extra) in packs {
        api.place.pack(pack_ref, pack_ref, version, extra);
        let to = api.place.path("home").join(pack_ref);
        let _ = std::fs::remove_dir_all(&to);
        std::fs::rename(api.place.path("packs").join(pack_ref), &to).unwrap();
        paths.push(to);
    }
    let body = json!({"pack_paths": paths, "force": true});
    let answer = api.post(token, "packs/register-batch", &body);
    assert_eq!(
        answer.body["data"]["summary"]["failure_count"], 0,
        "{answer:?}"
    );
}

/// Pages by ref, with totals.
#[test]
fn packs_are_listed_and_shown() {
    let api = Api::new();
    let token = api.login();
    let get = |path: &str| api.ask("GET", &token, path, "");
    let empty = get("packs").body["data"].clone();
    assert_eq!(empty["items"], json!([]));
    assert_eq!(empty["pagination"]["total_pages"], 0);
    register(
        &api,
        &token,
        &[
            ("core", "1.0.0", ""),
            ("aws", "2.0.0", EXTRA),
            ("slack", "1.0.0", ""),
        ],
    );
    let list = get("packs?page=1&page_size=2").body["data"].clone();
    assert_eq!(
        shape(&list),
        json!({"items": [{"id": "number", "ref": "string", "label": "string", "description": "string", "version": "string",
            "is_standard": "boolean", "storage_path": "string", "created": "string", "updated": "string"}],
            "pagination": {"page": "number", "page_size": "number", "total_items": "number", "total_pages": "number",
            "has_previous": "boolean", "has_next": "boolean"}})
    );
    assert_eq!(
        (&list["items"][0]["ref"], &list["items"][1]["ref"]),
        (&json!("aws"), &json!("core"))
    );
    assert_eq!(
        list["pagination"],
        json!({"page": 1, "page_size": 2, "total_items": 3, "total_pages": 2, "has_previous": false, "has_next": true})
    );
    let second = get("packs?page=2&page_size=2").body["data"].clone();
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        get("packs?q=CLOUD").body["data"]["pagination"]["total_items"],
        1
    );
}

/// A pack with its record and manifest; its components from the database.
#[test]
fn packs_are_shown() {
    let api = Api::new();
    let token = api.login();
    let get = |path: &str| api.ask("GET", &token, path, "");
    register(&api, &token, &[("aws", "2.0.0", EXTRA)]);
    let pack = get("packs/aws").body["data"].clone();
    assert_eq!(
        (
            &pack["version"],
            &pack["tags"],
            &pack["conf_schema"]["region"]["default"]
        ),
        (&json!("2.0.0"), &json!(["cloud"]), &json!("here"))
    );
    assert_eq!(pack["installed_from"]["type"], "local_directory");
    assert_eq!(pack["storage_path"], json!(api.place.path("installed/aws")));
    let components = get("packs/aws/components").body["data"].clone();
    assert_eq!(
        components["items"],
        json!([{"kind": "actions", "ref": "aws.run"}])
    );
    assert_eq!(
        get("packs/aws/components?kind=rules").body["data"]["items"],
        json!([])
    );
    for (path, status) in [
        ("packs/nothing", 404),
        ("packs/nothing/components", 404),
        ("packs/No%20ref", 400),
        ("packs?page=0", 400),
        ("packs?page_size=1000", 400),
    ] {
        assert_eq!(get(path).status, status, "{path}");
    }
    assert_eq!(api.ask("GET", "", "packs", "").status, 401);
    let answer = api.ask("PATCH", &token, "packs/aws", "{}");
    assert_eq!(answer.status, 405);
    assert!(
        answer.head.contains("allow: GET, PUT, DELETE"),
        "{}",
        answer.head
    );
}

/// What is needed stays unless it is forced; what goes is in neither the folder nor the database.
#[test]
fn packs_are_removed() {
    let api = Api::new();
    let token = api.login();
    register(
        &api,
        &token,
        &[
            ("core", "1.0.0", ""),
            ("aws", "1.0.0", "dependencies: [core]\n"),
        ],
    );
    let active = || {
        let installed = snapshot(&api.place.path("installed"));
        let is_lock = |name: &str| name == ".attune/lock";
        let kept = installed.into_iter().filter(|(name, _)| !is_lock(name));
        kept.collect::<Vec<_>>()
    };
    let before = active();
    let delete = |token: &str, path: &str| api.ask("DELETE", token, path, "");
    let answer = delete(&token, "packs/core");
    assert_eq!(
        (answer.status, &answer.body["code"]),
        (409, &json!("needed")),
        "{answer:?}"
    );
    assert_eq!(delete(&token, "packs/core?force=maybe").status, 400);
    assert_eq!(delete(&token, "packs/nothing").status, 404);
    assert_eq!(delete("", "packs/aws").status, 401);
    assert_eq!(delete(&api.token("viewer"), "packs/aws").status, 403);
    assert!(active() == before);
    let answer = delete(&token, "packs/core?force=true");
    assert_eq!(
        shape(&answer.body),
        json!({"data": {"success": "boolean", "message": "string", "generation": "number"}}),
        "{answer:?}"
    );
    assert_eq!(api.ask("GET", &token, "packs/core", "").status, 404);
    assert_eq!(
        api.ask("GET", &token, "packs/core/components", "").status,
        404
    );
    let links: Vec<String> = names(api.place.path("installed"));
    assert_eq!(links, [".attune", "aws"]);
    assert_eq!(delete(&token, "packs/aws").status, 200);
    let list = api.ask("GET", &token, "packs", "").body["data"].clone();
    assert_eq!(list["pagination"]["total_items"], 0);
}
