//! What was fetched of a repository is installed again without its server.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::Origin;
use super::listed::{FROM, list, tree_digest};
use crate::support::Place;
use crate::support::git_http::GitHttp;

/// The entries of one group of the cache.
fn entries(place: &Place, group: &str) -> Vec<PathBuf> {
    let group = place.path("installed/.attune/cache").join(group);
    let entries = fs::read_dir(group).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Forgets everything that is installed, but not what was fetched.
fn forget(place: &Place) {
    let cache = place.path("kept");
    fs::rename(place.path("installed/.attune/cache"), &cache).unwrap();
    fs::remove_dir_all(place.path("installed")).unwrap();
    fs::create_dir_all(place.path("installed/.attune")).unwrap();
    fs::rename(cache, place.path("installed/.attune/cache")).unwrap();
}

/// A full commit that was fetched by a branch is installed with the server gone; a branch, another commit or another
/// directory is not, nor is a damaged entry, and neither is anything once the cache is cleared.
#[test]
fn full_commit_is_installed_without_its_server() {
    let origin = Origin::new();
    let place = &origin.place;
    let server = GitHttp::start(&place.path("served"), None);
    let url = server.url("slack.git");
    place.install_git(&url, &["--ref", "main"], 0);
    let fetched = place.record_of("slack");
    drop(server);
    forget(place);

    let [_, other, commit] = &origin.commits;
    for refused in [
        vec!["--ref", "main"],
        vec!["--ref", &commit[..12]],
        vec!["--ref", other],
        vec!["--ref", commit, "--subdir", "actions"],
        vec![],
    ] {
        let said = place.refuses_git(&url, &[&refused[..], &["--offline"]].concat(), 4);
        assert!(said.contains("is not cached"), "{refused:?}: {said}");
    }
    let options = ["--ref", commit, "--offline"];
    place.install_git(&url, &options, 0);
    let again = place.record_of("slack");
    for member in ["store_key", "tree_digest", "verified", "archive_digest"] {
        assert_eq!(again[member], fetched[member], "{member}");
    }
    assert_eq!(again["installed_from"]["commit"], commit.as_str());
    place.run(&["pack", "verify"], 0);

    // A checksum somebody gives is held against it, as it is online.
    let zeros = format!("sha256:{}", "0".repeat(64));
    let said = place.refuses_git(
        &url,
        &[&options[..], &["--force", "--checksum", &zeros]].concat(),
        5,
    );
    assert!(said.contains(&zeros), "{said}");

    forget(place);
    let [archive] = entries(place, "archives").try_into().unwrap();
    let mut bytes = fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&archive, bytes).unwrap();
    let said = place.install_git(&url, &options, 4).stderr;
    assert!(!archive.exists() && !place.path("installed/.attune/current").exists());
    assert!(said.contains("is damaged and is not used"), "{said}");
    assert!(said.contains("is not cached"), "{said}");
}

/// The cache of commits is counted, pruned by size and age, and cleared as the rest of it.
#[test]
fn commits_are_counted_pruned_and_bounded() {
    let origin = Origin::new();
    let place = &origin.place;
    let server = GitHttp::start(&place.path("served"), None);
    let url = server.url("slack.git");
    let [_, first, second] = &origin.commits;
    let fetch = |commit: &String| {
        place.install_git(&url, &["--ref", commit, "--force"], 0);
    };
    fetch(first);
    fetch(second);
    let info = place.run(&["cache", "info", "--json"], 0).json();
    let counted = |name: &str| {
        let groups = info["cache"]["groups"].as_array().unwrap();
        let group = groups.iter().find(|group| group["name"] == name);
        group.unwrap()["entries"].clone()
    };
    assert_eq!(
        (counted("commits"), counted("archives")),
        (2.into(), 2.into())
    );
    // The same commit again comes from there.
    server.requests();
    fetch(second);
    assert_eq!(server.requests(), Vec::<String>::new());
    place.run(&["cache", "prune", "--size", "0B"], 0);
    assert!(entries(place, "commits").is_empty() && entries(place, "archives").is_empty());
    fetch(second);
    assert!(!server.requests().is_empty());
    assert_eq!(entries(place, "commits").len(), 1);
    place.run(&["cache", "clear"], 0);
    drop(server);
    let said = place.refuses_git(&url, &["--ref", second, "--offline", "--force"], 4);
    assert!(said.contains("is not cached"), "{said}");
}

/// A version that only a repository holds is installed from its lock, frozen, with registry and server gone.
#[test]
fn locked_commit_of_a_registry_is_installed_frozen() {
    let origin = Origin::new();
    let place = &origin.place;
    let server = GitHttp::start(&place.path("served"), None);
    let checksum = tree_digest(place, &origin.repository);
    let source =
        json!({"type": "git", "url": server.url("slack.git"), "ref": "main", "checksum": checksum});
    list(place, &json!([source]));
    fs::write(place.path("packs.yaml"), "packs: {slack: \"*\"}\n").unwrap();
    let run = |args: &[&str], code| place.run(&[&["pack"], args, &FROM].concat(), code);
    run(&["lock"], 0);
    drop(server);
    run(&["install", "--frozen"], 0);
    let record = place.record_of("slack");
    assert_eq!(
        record["installed_from"]["commit"],
        origin.commits[2].as_str()
    );
    assert_eq!(record["installed_from"]["ref"], "main");
    assert_eq!(record["tree_digest"], checksum.as_str());
    place.run(&["pack", "verify"], 0);

    // Another commit under the same lock is not in the cache; other bytes under the same commit are refused.
    forget(place);
    let good = fs::read_to_string(place.path("packs.lock")).unwrap();
    let other = good.replace(&origin.commits[2], &origin.commits[1]);
    assert_ne!(other, good);
    fs::write(place.path("packs.lock"), other).unwrap();
    let said = run(&["install", "--frozen"], 4).stderr;
    assert!(said.contains("`slack@2.0.0` from `"), "{said}");
    fs::write(place.path("packs.lock"), &good).unwrap();
    run(&["install", "--frozen"], 0);
}
