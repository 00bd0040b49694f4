//! Smart HTTP, open and behind a password.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::Origin;
use super::refs::{every_ref_installs, missing_refs_are_refused};
use crate::support::git_http::GitHttp;

/// `reader` and `s3cret`, as HTTP sends them.
const AUTHORIZATION: &str = "Basic cmVhZGVyOnMzY3JldA==";

/// Every kind of ref over smart HTTP.
#[test]
fn smart_http_serves_every_ref() {
    let origin = Origin::new();
    let server = GitHttp::start(&origin.place.path("served"), None);
    let url = server.url("slack.git");
    every_ref_installs(&origin, &url, &[]);
    missing_refs_are_refused(&origin, &url, &[]);
}

/// Without a password the install says who asks; with one from netrc or a helper it works, and the password is
/// nowhere to be seen.
#[test]
fn private_repository_needs_credentials() {
    let origin = Origin::new();
    let place = &origin.place;
    let server = GitHttp::start(&place.path("served"), Some(AUTHORIZATION));
    let url = server.url("slack.git");
    let said = place.refuses_git(&url, &[], 7);
    assert!(said.contains("slack.git"), "{said}");

    let netrc = place.path("home/.netrc");
    fs::write(&netrc, "machine 127.0.0.1 login reader password s3cret\n").unwrap();
    let run = place.install_git(&url, &["-v"], 0);
    assert!(!format!("{run:?}").contains("s3cret"), "{run:?}");
    fs::write(&netrc, "machine 127.0.0.1 login reader password wrong\n").unwrap();
    let said = place.refuses_git(&url, &["--force"], 7);
    assert!(!said.contains("wrong"), "{said}");
    fs::remove_file(&netrc).unwrap();

    let helper = place.path("helper");
    fs::write(
        &helper,
        "#!/bin/sh\necho username=reader\necho password=s3cret\n",
    )
    .unwrap();
    fs::set_permissions(&helper, PermissionsExt::from_mode(0o755)).unwrap();
    let output = place
        .attune(&["pack", "install", &url, "--force"])
        .env("ATTUNE__GIT_CREDENTIAL_HELPER", &helper)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let state = fs::read_to_string(place.path("installed/.attune/current/state.json")).unwrap();
    assert!(!state.contains("s3cret") && !said.contains("s3cret"));
}

/// One commit is fetched without its history, by branch, tag and commit; a short commit, which only the history tells,
/// takes all of it.
#[test]
fn history_is_not_fetched() {
    let mut origin = Origin::new();
    let server = GitHttp::start(&origin.place.path("served"), None);
    let url = server.url("slack.git");
    let called = origin.place.path("called");
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> '{}'\nPATH=${{PATH#*:}} exec git \"$@\"\n",
        called.display()
    );
    fs::create_dir(origin.place.path("bin")).unwrap();
    let wrapper = origin.place.path("bin/git");
    fs::write(&wrapper, script).unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    origin.place.prefer_programs_of(origin.place.path("bin"));
    let short = &origin.commits[0][..10];
    for (git_ref, shallow) in [
        // Before the branch that leads to it: after that, it would be cached.
        (origin.commits[2].as_str(), true),
        ("main", true),
        ("v1.0.0", true),
        (short, false),
    ] {
        origin
            .place
            .install_git(&url, &["--ref", git_ref, "--force"], 0);
        let calls = fs::read_to_string(&called).unwrap();
        let fetches: Vec<&str> = calls.lines().filter(|l| l.contains("fetch ")).collect();
        assert!(!fetches.is_empty(), "{calls}");
        let depth = fetches.iter().all(|fetch| fetch.contains("--depth=1 "));
        assert_eq!(depth, shallow, "{git_ref}: {calls}");
        fs::remove_file(&called).unwrap();
    }
}
