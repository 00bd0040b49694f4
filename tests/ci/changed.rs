//! A repository with several packs: those that changed are looked at.

use std::fs;

use super::place::Pipeline;
use super::template::runnable;

const TEMPLATE: &str = "publish-changed-packs";

/// A pipeline with the packs alpha and beta, not published yet.
fn two_packs(service: &'static str) -> Pipeline {
    let pipeline = Pipeline::new(service);
    pipeline.pack("packs/alpha", "alpha", "1.0.0", &["hello", "wave"]);
    pipeline.pack("packs/beta", "beta", "1.0.0", &["hello"]);
    pipeline.repository.commit();
    pipeline
}

/// What is listed on the branch the service's template publishes to.
fn listed(pipeline: &Pipeline) -> Vec<String> {
    let bare = pipeline.place.path("index.git");
    let branches = crate::support::git::git_in(
        &bare,
        &["for-each-ref", "--format=%(refname:short)", "refs/heads"],
    );
    let mut found: Vec<String> = branches
        .lines()
        .flat_map(|branch| crate::support::index::versions(&pipeline.index(branch)))
        .collect();
    found.sort();
    found
}

/// The first run publishes all packs, later ones those that changed, each by its own version.
#[test]
fn changed_packs_are_published() {
    for service in runnable() {
        let mut pipeline = two_packs(service);
        pipeline.at_push(None);
        let said = pipeline
            .run(TEMPLATE)
            .unwrap_or_else(|said| panic!("{service}\n{said}"));
        assert_eq!(
            listed(&pipeline),
            ["alpha@1.0.0", "beta@1.0.0"],
            "{service}\n{said}"
        );
        let names: Vec<String> = pipeline.host.files().into_keys().collect();
        assert_eq!(names.len(), 4, "{names:?}");
        let expected = match service {
            "github" => "/org/demo/releases/download/alpha-1.0.0/alpha-1.0.0.tar.gz",
            "gitlab" => "/api/v4/projects/7/packages/generic/alpha/1.0.0/alpha-1.0.0.tar.gz",
            _ => "/packs/alpha-1.0.0.tar.gz",
        };
        assert_eq!(names[0], expected);

        // Again by hand: everything is looked at, nothing changes.
        let before = (pipeline.branches(), pipeline.host.files());
        let said = pipeline
            .run(TEMPLATE)
            .unwrap_or_else(|said| panic!("{service}\n{said}"));
        assert!(
            said.contains("== packs/alpha") && said.contains("== packs/beta"),
            "{said}"
        );
        assert_eq!(
            (pipeline.branches(), pipeline.host.files()),
            before,
            "{service}"
        );

        let head = pipeline.repository.git(&["rev-parse", "HEAD"]);
        pipeline.pack("packs/beta", "beta", "1.1.0", &["hello", "wave"]);
        pipeline.repository.commit();
        pipeline.at_push(Some(&head));
        let said = pipeline
            .run(TEMPLATE)
            .unwrap_or_else(|said| panic!("{service}\n{said}"));
        assert!(
            !said.contains("== packs/alpha") && said.contains("== packs/beta"),
            "{said}"
        );
        assert!(
            listed(&pipeline).contains(&"beta@1.1.0".to_owned()),
            "{said}"
        );

        let head = pipeline.repository.git(&["rev-parse", "HEAD"]);
        fs::write(pipeline.repository.path.join("README.md"), "# packs\n").unwrap();
        pipeline.repository.commit();
        pipeline.at_push(Some(&head));
        let before = pipeline.branches();
        let said = pipeline
            .run(TEMPLATE)
            .unwrap_or_else(|said| panic!("{service}\n{said}"));
        assert!(said.contains("no pack changed"), "{said}");
        assert_eq!(pipeline.branches(), before);
    }
}

/// A change for review is checked against what is published, and only what it changes itself.
#[test]
fn reviews_are_checked_and_publish_nothing() {
    for service in runnable() {
        let mut pipeline = two_packs(service);
        pipeline.at_push(None);
        pipeline
            .run(TEMPLATE)
            .unwrap_or_else(|said| panic!("{service}\n{said}"));
        merge_proposals(&pipeline);
        let repository = &pipeline.repository;
        repository.git(&["switch", "-q", "-c", "change"]);
        // What main changed in the meantime is not part of the change.
        repository.git(&["switch", "-q", "main"]);
        pipeline.pack("packs/beta", "beta", "1.1.0", &["hello", "wave"]);
        let main = repository.commit();
        repository.git(&["update-ref", "refs/remotes/origin/main", &main]);
        repository.git(&["switch", "-q", "change"]);
        pipeline.pack("packs/alpha", "alpha", "1.0.1", &["hello"]);
        repository.commit();
        pipeline.at_review();
        let before = (pipeline.branches(), pipeline.host.files());
        let said = pipeline.run_jobs(TEMPLATE, "check").unwrap_err();
        assert!(
            said.contains("== packs/alpha") && !said.contains("== packs/beta"),
            "{service}\n{said}"
        );
        assert!(
            said.contains("call for a major version"),
            "{service}\n{said}"
        );

        pipeline.pack("packs/alpha", "alpha", "2.0.0", &["hello"]);
        pipeline.repository.commit();
        let said = pipeline
            .run_jobs(TEMPLATE, "check")
            .unwrap_or_else(|said| panic!("{service}\n{said}"));
        assert!(said.contains("== packs/alpha"), "{said}");
        assert_eq!(
            (pipeline.branches(), pipeline.host.files()),
            before,
            "{service}"
        );
    }
}

/// Merges every branch for review into the index, as people would.
fn merge_proposals(pipeline: &Pipeline) {
    let bare = pipeline.place.path("index.git");
    let proposals = crate::support::git::git_in(
        &bare,
        &[
            "for-each-ref",
            "--format=%(refname:short)",
            "refs/heads/publish",
        ],
    );
    let mut arguments = vec!["pack", "index-merge", "--output", "merged.json", "--force"];
    let mut files = Vec::new();
    for (i, branch) in proposals.lines().enumerate() {
        let text = crate::support::git::git_in(&bare, &["show", &format!("{branch}:index.json")]);
        let file = format!("proposal-{i}.json");
        fs::write(pipeline.place.path(&file), text).unwrap();
        files.push(file);
    }
    if files.is_empty() {
        return;
    }
    arguments.extend(files.iter().map(String::as_str));
    pipeline.place.run(&arguments, 0);
    let seed = pipeline.place.path("seed");
    fs::rename(pipeline.place.path("merged.json"), seed.join("index.json")).unwrap();
    crate::support::git::git_in(&seed, &["commit", "-q", "-am", "merged"]);
    crate::support::git::git_in(&seed, &["push", "-q", bare.to_str().unwrap(), "main"]);
}

/// Names of folders come from a change that nobody has read yet.
#[test]
fn hostile_folders_do_nothing() {
    if runnable().is_empty() {
        return;
    }
    for name in ["a;touch x", "a b", "$(touch x)", "-rf", "a\ntouch x", "*"] {
        let mut pipeline = two_packs("github");
        pipeline.pack(&format!("packs/{name}"), "gamma", "1.0.0", &["hello"]);
        pipeline.repository.commit();
        pipeline.at_push(None);
        let before = pipeline.branches();
        let run = pipeline.run(TEMPLATE);
        assert!(!pipeline.repository.path.join("x").exists(), "{name}");
        if name == "-rf" {
            // An odd name, and a harmless one.
            assert!(run.unwrap().contains("== packs/-rf"));
            assert!(listed(&pipeline).contains(&"gamma@1.0.0".to_owned()));
        } else {
            let said = run.unwrap_err();
            assert!(said.contains("error: rename the folder"), "{name}\n{said}");
            assert_eq!(pipeline.branches(), before);
        }
    }
}
