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
