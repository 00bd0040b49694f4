//! A registry is built from a repository, kept on a branch, and hosted.

use std::fs;

use super::place::Pipeline;
use super::template::runnable;
use crate::support::git::git_in;
use crate::support::snapshot;

const TEMPLATE: &str = "registry";

/// A pipeline whose repository has one pack and pushes to `index.git`.
fn registry(service: &'static str) -> Pipeline {
    let mut pipeline = Pipeline::new(service);
    pipeline.pack("packs/alpha", "alpha", "1.0.0", &["hello"]);
    pipeline.repository.commit();
    let url = pipeline.variables["INDEX_REPO"].clone();
    pipeline.repository.git(&["remote", "add", "origin", &url]);
    if service != "github" {
        pipeline.set("TREE_REPO", &url);
    }
    pipeline.set("BASE_URL", "https://packs.example.org/");
    let www = pipeline.place.path("www");
    pipeline.set("DEPLOY_TO", www.to_str().unwrap());
    pipeline.at_push(None);
    pipeline
}

/// Takes away what only this machine has, as a fresh runner would.
fn fresh(pipeline: &Pipeline) {
    for name in ["public", "public.git", "public.state"] {
        let _ = fs::remove_dir_all(pipeline.repository.path.join(name));
    }
}

/// Files of the branch that keeps the tree.
fn kept(pipeline: &Pipeline) -> Vec<String> {
    let names = git_in(
        &pipeline.place.path("index.git"),
        &["ls-tree", "-r", "--name-only", "tree"],
    );
    names.lines().map(str::to_owned).collect()
}

/// The tree is kept: a fresh machine builds on it, and a build with nothing new changes nothing.
#[test]
fn tree_is_built_and_kept() {
    for service in runnable() {
        let pipeline = registry(service);
        let said = pipeline
            .run(TEMPLATE)
            .unwrap_or_else(|said| panic!("{service}\n{said}"));
        assert!(
            kept(&pipeline).contains(&"archives/alpha/alpha-1.0.0.tar.gz".to_owned()),
            "{said}"
        );
        let before = pipeline.branches();
        fresh(&pipeline);
        let said = pipeline
            .run(TEMPLATE)
            .unwrap_or_else(|said| panic!("{service}\n{said}"));
        assert!(said.contains("nothing changed"), "{said}");
        assert_eq!(pipeline.branches(), before, "{service}");

        pipeline.pack("packs/alpha", "alpha", "1.1.0", &["hello", "wave"]);
        pipeline.repository.commit();
        fresh(&pipeline);
        let said = pipeline
            .run(TEMPLATE)
            .unwrap_or_else(|said| panic!("{service}\n{said}"));
        assert!(said.contains("1.1.0"), "{said}");
        for version in ["1.0.0", "1.1.0"] {
            assert!(
                kept(&pipeline).contains(&format!("archives/alpha/alpha-{version}.tar.gz")),
                "{said}"
            );
        }
        let site = pipeline.repository.path.join("public");
        let index = fs::read_to_string(site.join("index.json")).unwrap();
        assert!(index.contains("https://packs.example.org/archives/alpha/alpha-1.1.0.tar.gz"));
        if service == "jenkins" {
            assert_eq!(snapshot(&pipeline.place.path("www")), snapshot(&site));
            let installed = [
                "pack",
                "install",
                "alpha@1.0.0",
                "--registry",
                "www",
                "--skip-tests",
                "--json",
            ];
            pipeline.place.run(&installed, 0);
        }
    }
}

/// A published version never changes: neither the build nor the comparison before the push lets it through.
#[test]
fn published_versions_stay_as_they_are() {
    if runnable().is_empty() {
        return;
    }
    let pipeline = registry("github");
    pipeline
        .run(TEMPLATE)
        .unwrap_or_else(|said| panic!("{said}"));
    let before = pipeline.branches();
    fs::write(
        pipeline.repository.path.join("packs/alpha/README.md"),
        "# other\n",
    )
    .unwrap();
    pipeline.repository.commit();
    fresh(&pipeline);
    let said = pipeline.run(TEMPLATE).unwrap_err();
    assert!(
        said.contains("already published with different contents"),
        "{said}"
    );

    fresh(&pipeline);
    let script = "sh ci/attune/tree.sh; attune registry build packs --out public --dev --base-url https://packs.example.org/";
    assert!(pipeline.shell(script, &[]).status.success());
    let done = pipeline.shell("sh ci/attune/verify.sh", &[]);
    assert_eq!(done.status.code(), Some(5), "{done:?}");
    assert_eq!(pipeline.branches(), before);
}

/// A host that does not answer is not taken for one without a tree: what is here stays, and nothing is built.
#[test]
fn unreachable_tree_ends_the_run() {
    for service in runnable() {
        let mut pipeline = registry(service);
        pipeline
            .run(TEMPLATE)
            .unwrap_or_else(|said| panic!("{service}\n{said}"));
        let site = pipeline.repository.path.join("public");
        let before = (pipeline.branches(), snapshot(&site));
        pipeline.set("TREE_REPO", "file:///nowhere/tree.git");
        let said = pipeline.run(TEMPLATE).unwrap_err();
        assert!(!said.contains("a new tree"), "{said}");
        assert_eq!((pipeline.branches(), snapshot(&site)), before, "{service}");
    }
}

/// A folder that the steps did not make is not removed.
#[test]
fn foreign_site_is_left_alone() {
    let pipeline = registry("github");
    let site = pipeline.repository.path.join("public");
    fs::create_dir(&site).unwrap();
    fs::write(site.join("mine.txt"), "mine").unwrap();
    let done = pipeline.shell("sh ci/attune/tree.sh", &[]);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&done.stderr).contains("was not made by this step"),
        "{done:?}"
    );
    assert_eq!(fs::read_to_string(site.join("mine.txt")).unwrap(), "mine");
}

/// Without packs, indexes are merged; a name that two of them list ends the run.
#[test]
fn indexes_are_merged() {
    for service in runnable() {
        let mut pipeline = registry(service);
        fs::remove_dir_all(pipeline.repository.path.join("packs")).unwrap();
        let entry = crate::support::index::entry;
        let write = |name: &str, entries: &[serde_json::Value]| {
            let index = crate::support::index::index("R", entries);
            fs::write(pipeline.repository.path.join(name), index).unwrap();
        };
        write(
            "index.json",
            &[entry("ours", "1.0.0", "https://example.org/ours")],
        );
        write(
            "theirs.json",
            &[entry("theirs", "2.0.0", "https://example.org/theirs")],
        );
        write(
            "evil.json",
            &[entry("ours", "9.0.0", "https://evil.example.org/ours")],
        );
        pipeline.repository.commit();
        pipeline.set("UPSTREAMS", "theirs.json");
        let said = pipeline
            .run(TEMPLATE)
            .unwrap_or_else(|said| panic!("{service}\n{said}"));
        let listed = git_in(
            &pipeline.place.path("index.git"),
            &["show", "tree:index.json"],
        );
        assert!(
            listed.contains("\"ours\"") && listed.contains("\"theirs\""),
            "{said}"
        );

        let before = pipeline.branches();
        pipeline
            .run(TEMPLATE)
            .unwrap_or_else(|said| panic!("{service}\n{said}"));
        assert_eq!(pipeline.branches(), before);

        pipeline.set("UPSTREAMS", "theirs.json evil.json");
        let said = pipeline.run(TEMPLATE).unwrap_err();
        assert!(said.contains("ours"), "{said}");
        assert_eq!(pipeline.branches(), before);
    }
}
