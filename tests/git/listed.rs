//! Versions that registries list with git repositories as their only sources.

use std::fs;
use std::net::TcpListener;

use serde_json::json;

use super::Origin;
use crate::support::git_http::GitHttp;
use crate::support::{Place, git::Repository};

/// The tree digest of what a repository has checked out.
pub(super) fn tree_digest(place: &Place, repository: &Repository) -> String {
    let path = repository.path.to_str().unwrap();
    let sum = place.run(&["pack", "checksum", path, "--json"], 0).json();
    sum["checksum"].as_str().unwrap().to_owned()
}

/// An index of one entry, `slack` 2.0.0, with these sources.
pub(super) fn list(place: &Place, sources: &serde_json::Value) {
    let index = json!({
        "registry_name": "Listed", "registry_url": "https://packs.example.org/", "version": "1.0",
        "last_updated": "2026-01-01T00:00:00Z",
        "packs": [{
            "ref": "slack", "label": "Slack", "description": "x", "version": "2.0.0", "author": "a",
            "license": "MIT", "keywords": [], "runtime_deps": [], "contents": {}, "install_sources": sources,
        }],
    });
    fs::create_dir_all(place.path("listed")).unwrap();
    fs::write(place.path("listed/index.json"), index.to_string()).unwrap();
}

pub(super) const FROM: [&str; 2] = ["--registry", "listed/index.json"];

/// The commit is fetched and its tree compared with the digest the registry lists.
#[test]
fn git_source_is_verified_by_its_tree() {
    let origin = Origin::new();
    let place = &origin.place;
    let server = GitHttp::start(&place.path("served"), None);
    let checksum = tree_digest(place, &origin.repository);
    let source = json!({
        "type": "git", "url": server.url("slack.git"), "ref": origin.commits[2], "checksum": checksum,
    });
    list(place, &json!([source]));
    let run = place.install_git("slack", &FROM, 0);
    assert!(run.stdout.contains("Version: 2.0.0"), "{run:?}");
    let record = place.record_of("slack");
    assert_eq!(record["verified"][0]["what"], "tree_digest", "{record}");
    assert_eq!(record["tree_digest"], checksum.as_str());
    assert_eq!(
        record["installed_from"]["commit"],
        origin.commits[2].as_str()
    );
    assert_eq!(record["registry"]["name"], "Listed");
    place.run(&["pack", "verify"], 0);
}

/// Another tree, another version, or no digest at all: refused, and nothing changes.
#[test]
fn git_source_that_differs_is_refused() {
    let origin = Origin::new();
    let place = &origin.place;
    let server = GitHttp::start(&place.path("served"), None);
    let url = server.url("slack.git");
    let checksum = tree_digest(place, &origin.repository);
    let wrong = format!("sha256:{}", "0".repeat(64));
    let rows = [
        (
            json!({"ref": origin.commits[2], "checksum": wrong}),
            5,
            wrong.as_str(),
        ),
        (
            json!({"ref": "v1.0.0", "checksum": checksum}),
            5,
            "slack@1.0.0",
        ),
        (
            json!({"ref": "main"}),
            1,
            "has no source that can be verified",
        ),
    ];
    for (mut source, code, expected) in rows {
        source["type"] = "git".into();
        source["url"] = url.as_str().into();
        list(place, &json!([source]));
        let said = place.refuses_git("slack", &FROM, code);
        assert!(said.contains(expected), "{said}");
    }
}

/// Git is tried before archives of other hosts unless the configuration says otherwise; what fails is told, and the
/// next source is taken.
#[test]
fn sources_are_tried_in_the_preferred_order() {
    let origin = Origin::new();
    let place = &origin.place;
    let server = GitHttp::start(&place.path("served"), None);
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let git = json!({
        "type": "git", "url": server.url("slack.git"), "ref": origin.commits[2],
        "checksum": tree_digest(place, &origin.repository),
    });
    let archive = json!({
        "type": "archive", "url": format!("http://{closed}/slack.tar.gz"),
        "checksum": format!("sha256:{}", "0".repeat(64)),
    });
    list(place, &json!([archive, git]));
    let run = place.install_git("slack", &FROM, 0);
    assert!(!run.stderr.contains("trying the next source"), "{run:?}");
    assert!(
        server
            .requests()
            .iter()
            .any(|line| line.contains("upload-pack"))
    );
    let output = place
        .attune(&["pack", "install", "slack", "--force", FROM[0], FROM[1]])
        .env("ATTUNE__PACK_REGISTRY__PREFER_SOURCE", "archive")
        .env("ATTUNE__PACK_REGISTRY__RETRIES", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("trying the next source"), "{said}");
}

/// What a registry's entry in the configuration says of proxies and authorities holds for its repositories too.
#[test]
fn proxy_and_authorities_of_a_registry_are_for_its_repositories() {
    let origin = Origin::new();
    let place = &origin.place;
    let checksum = tree_digest(place, &origin.repository);
    let list_at = |url: &str| {
        let source = json!({
            "type": "git", "url": url, "ref": origin.commits[2], "checksum": checksum,
        });
        list(place, &json!([source]));
    };
    let configure = |entry: &str| {
        let text = format!(
            "pack_registry:\n  allow_http: true\n  indices:\n    - {{url: listed/index.json, {entry}}}\n"
        );
        fs::write(place.path("config.yaml"), text).unwrap();
    };
    let (secure, authority) = GitHttp::start_secure(&place.path("served"));
    list_at(&secure.url("slack.git"));
    configure("name: L");
    let said = place.refuses_git("slack", &[], 4);
    assert!(
        said.contains("slack.git") && said.contains("ertificate"),
        "{said}"
    );
    fs::write(place.path("ca.pem"), authority).unwrap();
    configure("ca_file: ca.pem");
    place.install_git("slack", &[], 0);
    place.run(&["cache", "clear"], 0);
    configure("ca_file: nowhere.pem");
    let said = place.refuses_git("slack", &["--force"], 1);
    assert!(said.contains("nowhere.pem"), "{said}");

    // Only the proxy knows this host.
    let proxy = GitHttp::start(&place.path("served"), None);
    list_at("http://packs.invalid/slack.git");
    configure("name: L");
    place.refuses_git("slack", &["--force"], 4);
    configure(&format!("proxy: \"http://{}\"", proxy.address));
    place.install_git("slack", &["--force"], 0);
    let requests = proxy.requests();
    assert!(
        requests
            .iter()
            .all(|line| line.contains("http://packs.invalid/slack.git/"))
            && requests.len() > 1,
        "{requests:?}"
    );
}
