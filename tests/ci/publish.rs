//! A pack is published when a tag is pushed.

use std::fs;

use super::place::{PUBLIC, Pipeline};
use super::template::runnable;

/// Where a service's template leaves the entry, and where it puts the archive of demo 1.0.0.
fn outcome(service: &str) -> (&'static str, &'static str) {
    match service {
        "github" => (
            "main",
            "/org/demo/releases/download/v1.0.0/demo-1.0.0.tar.gz",
        ),
        "gitlab" => (
            "publish/demo-1.0.0",
            "/api/v4/projects/7/packages/generic/demo/1.0.0/demo-1.0.0.tar.gz",
        ),
        _ => ("publish/demo-1.0.0", "/packs/demo-1.0.0.tar.gz"),
    }
}

/// A pipeline whose pack is published as 1.0.0.
fn published(service: &'static str) -> Pipeline {
    let mut pipeline = Pipeline::new(service);
    pipeline.pack("", "demo", "1.0.0", &["hello", "wave"]);
    pipeline.tag("v1.0.0");
    let said = pipeline
        .run("publish-pack")
        .unwrap_or_else(|said| panic!("{service}\n{said}"));
    assert!(said.contains("Tests: 1/1 passed"), "{said}");
    assert!(said.contains("pushed demo 1.0.0"), "{said}");
    for secret in ["job-secret", "upload-secret", "github-secret"] {
        assert!(!said.contains(secret), "{said}");
    }
    pipeline
}

/// The entry is in the index, its checksums are those of what was uploaded and committed; again, nothing changes.
#[test]
fn tag_publishes_the_pack_once() {
    for service in runnable() {
        let pipeline = published(service);
        let (branch, path) = outcome(service);
        let index = pipeline.index(branch);
        let entry = &index["packs"][0];
        assert_eq!(
            (&entry["ref"], &entry["version"]),
            (&"demo".into(), &"1.0.0".into())
        );

        let files = pipeline.host.files();
        let archive = &files[path];
        let digest = pack_format::ArchiveDigest::of(archive).to_string();
        let sources = entry["install_sources"].as_array().unwrap();
        let listed = sources.iter().find(|s| s["type"] == "archive").unwrap();
        assert_eq!(listed["url"], format!("{PUBLIC}{path}"));
        assert_eq!(listed["checksum"], digest.as_str());
        let line = format!(
            "{}  demo-1.0.0.tar.gz\n",
            digest.trim_start_matches("sha256:")
        );
        assert_eq!(files[&format!("{path}.sha256")], line.as_bytes());
        if service != "github" {
            let git = sources.iter().find(|s| s["type"] == "git").unwrap();
            assert_eq!(git["ref"], pipeline.repository.git(&["rev-parse", "HEAD"]));
            let tree = pipeline
                .place
                .run(&["pack", "checksum", "repository", "--json"], 0)
                .json();
            assert_eq!(git["checksum"], tree["checksum"]);
        }
        let sent: &[&str] = match service {
            "github" => &[],
            "gitlab" => &["JOB-TOKEN: job-secret"; 2],
            _ => &["Authorization: Bearer upload-secret"; 2],
        };
        assert_eq!(pipeline.host.credentials(), sent, "{service}");

        let before = (pipeline.branches(), files);
        let said = pipeline
            .run("publish-pack")
            .unwrap_or_else(|said| panic!("{said}"));
        let again = if branch == "main" {
            "listed as it is"
        } else {
            "proposes it already"
        };
        assert!(said.contains(again), "{said}");
        assert_eq!(
            (pipeline.branches(), pipeline.host.files()),
            before,
            "{service}"
        );
    }
}

/// A merge request is asked for in the push itself.
#[test]
fn gitlab_opens_a_merge_request() {
    if runnable().is_empty() {
        return;
    }
    let pipeline = published("gitlab");
    let options = fs::read_to_string(pipeline.place.path("index.git/push-options")).unwrap();
    let options: Vec<&str> = options
        .lines()
        .map(|l| l.split_once('=').unwrap().1)
        .collect();
    assert_eq!(
        options,
        [
            "merge_request.create",
            "merge_request.target=main",
            "merge_request.title=Publish demo 1.0.0"
        ]
    );
}

/// GitHub is asked for a pull request, once.
#[test]
fn github_opens_a_pull_request() {
    if runnable().is_empty() {
        return;
    }
    let mut pipeline = published("github");
    pipeline.forget_index();
    for _ in 0..2 {
        let script = "sh ci/attune/publish.sh";
        let mode = [("PUBLISH".to_owned(), "pull-request".to_owned())];
        pipeline.set("INDEX_TOKEN", "index-secret");
        let done = pipeline.shell(script, &mode);
        assert!(done.status.success(), "{done:?}");
    }
    assert_eq!(
        pipeline.index("publish/demo-1.0.0")["packs"][0]["ref"],
        "demo"
    );
    assert_eq!(pipeline.index("main")["packs"].as_array().unwrap().len(), 0);
    let asked = fs::read_to_string(pipeline.place.path("pull-requests")).unwrap();
    let url = &pipeline.variables["INDEX_REPO"];
    assert_eq!(
        asked,
        format!("index-secret {url} main publish/demo-1.0.0 Publish demo 1.0.0\n")
    );
}

/// A pack that lost an action under a patch version is not published; neither archive nor entry leaves the machine.
#[test]
fn gate_refuses_too_small_a_bump() {
    for service in runnable() {
        let mut pipeline = published(service);
        let (branch, _) = outcome(service);
        crate::support::git::git_in(
            &pipeline.place.path("index.git"),
            &["update-ref", "refs/heads/main", branch],
        );
        pipeline.pack("", "demo", "1.0.1", &["hello"]);
        pipeline.tag("v1.0.1");
        let before = (pipeline.branches(), pipeline.host.files());
        let said = pipeline.run("publish-pack").unwrap_err();
        assert!(
            said.contains("call for a major version"),
            "{service}\n{said}"
        );
        assert!(
            said.contains("set `version` in `pack.yaml` to 2.0.0 or later"),
            "{said}"
        );
        assert_eq!(
            (pipeline.branches(), pipeline.host.files()),
            before,
            "{service}"
        );

        pipeline.pack("", "demo", "2.0.0", &["hello"]);
        pipeline.tag("v2.0.0");
        let said = pipeline
            .run("publish-pack")
            .unwrap_or_else(|said| panic!("{said}"));
        let branch = branch.replace("1.0.0", "2.0.0");
        assert_eq!(
            pipeline.index(&branch)["packs"][0]["version"],
            "2.0.0",
            "{said}"
        );
    }
}

/// A tag that names another version is refused, whatever it is made of.
#[test]
fn hostile_and_wrong_tags_do_nothing() {
    for service in runnable() {
        let mut pipeline = Pipeline::new(service);
        pipeline.pack("", "demo", "1.0.0", &["hello"]);
        pipeline.repository.commit();
        let before = pipeline.branches();
        let tags = [
            "v1.0.0;touch x",
            "v1.0.0;touch${IFS}x",
            "v1.0.0$(touch x)",
            "v1.0.0`touch x`",
            "v1.0.0\ntouch x",
            "--version",
            "v1.0.1",
            "*",
        ];
        for tag in tags {
            pipeline.at_tag(tag);
            let said = pipeline.run("publish-pack").unwrap_err();
            assert!(
                said.contains("does not name version 1.0.0"),
                "{service} {tag}\n{said}"
            );
            assert!(
                !pipeline.repository.path.join("x").exists(),
                "{service} {tag}"
            );
            assert_eq!(pipeline.branches(), before);
            assert!(pipeline.host.files().is_empty());
        }
    }
}

/// What fails in the pack ends the run before anything is published.
#[test]
fn findings_and_failing_tests_end_the_run() {
    for service in runnable() {
        let mut pipeline = Pipeline::new(service);
        pipeline.pack("", "demo", "1.0.0", &["hello"]);
        fs::write(
            pipeline.repository.path.join("tests/run.sh"),
            "echo broken; exit 1\n",
        )
        .unwrap();
        pipeline.tag("v1.0.0");
        let before = pipeline.branches();
        let said = pipeline.run("publish-pack").unwrap_err();
        assert!(
            said.contains("broken\n") && said.contains("tests of `demo` failed"),
            "{said}"
        );
        fs::remove_file(pipeline.repository.path.join("LICENSE")).unwrap();
        let said = pipeline.run("publish-pack").unwrap_err();
        assert!(said.contains("license-missing"), "{said}");
        assert_eq!(pipeline.branches(), before);
        assert!(pipeline.host.files().is_empty());
    }
}

/// Two packs published at once both arrive: the second push is made again on top of the first.
#[test]
fn publish_waits_for_nobody() {
    if runnable().is_empty() {
        return;
    }
    let mut pipeline = Pipeline::new("github");
    pipeline.pack("", "demo", "1.0.0", &["hello"]);
    pipeline.tag("v1.0.0");
    // Another pack arrives between the commit and the push, once.
    let place = pipeline.place.path("");
    let hook = pipeline.place.path("home/hooks/pre-push");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let script = format!(
        "#!/bin/sh\nset -e\n[ -f '{0}/raced' ] && exit 0\ntouch '{0}/raced'\nunset GIT_DIR\ngit -C '{0}/seed' -c user.name=b -c user.email=b@example.org commit -q --allow-empty -m other\ngit -C '{0}/seed' -c core.hooksPath=/dev/null push -q '{0}/index.git' main\n",
        place.display()
    );
    fs::write(&hook, script).unwrap();
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    pipeline.set("GIT_CONFIG_COUNT", "1");
    pipeline.set("GIT_CONFIG_KEY_0", "core.hooksPath");
    pipeline.set(
        "GIT_CONFIG_VALUE_0",
        hook.parent().unwrap().to_str().unwrap(),
    );
    let said = pipeline
        .run("publish-pack")
        .unwrap_or_else(|said| panic!("{said}"));
    assert!(pipeline.place.path("raced").exists(), "{said}");
    let log = crate::support::git::git_in(
        &pipeline.place.path("index.git"),
        &["log", "--format=%s", "main"],
    );
    assert_eq!(log, "Publish demo 1.0.0\nother\nx");
    assert_eq!(pipeline.index("main")["packs"][0]["ref"], "demo");
}

/// An archive that is already at the address of this one, with other bytes, ends the run.
#[test]
fn other_bytes_under_the_same_name_are_refused() {
    for service in runnable() {
        let mut pipeline = published(service);
        fs::write(pipeline.repository.path.join("README.md"), "# other\n").unwrap();
        pipeline.repository.git(&["tag", "--delete", "v1.0.0"]);
        pipeline.tag("v1.0.0");
        // The index does not know it, so only the upload can notice.
        pipeline.forget_index();
        let before = (pipeline.branches(), pipeline.host.files());
        let said = pipeline.run("publish-pack").unwrap_err();
        assert!(said.contains("upload.sh"), "{said}");
        assert!(
            said.contains("checksum") && said.contains("dist/uploaded"),
            "{service}\n{said}"
        );
        assert_eq!(
            (pipeline.branches(), pipeline.host.files()),
            before,
            "{service}"
        );
    }
}
