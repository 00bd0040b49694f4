//! `templates/ci`: every template is parsed, and every step of it is run as its service would run it.
//!
//! * `template`  the steps in the files of the three services
//! * `place`     repositories, variables of the services, and a host for archives, all on loopback
//! * `host`      takes archives by PUT and gives them back
//! * `changed`   a repository with several packs
//! * `publish`   a pack is published when a tag is pushed
//! * `registry`  a registry is built, kept and hosted
//! * `release`   this project is released
//! * `steps`     steps by themselves: installing the program, tokens

mod changed;
mod host;
mod place;
mod publish;
mod registry;
mod release;
mod steps;
mod template;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::support::{installed, path_variable, project};
use template::{SERVICES, Step, steps};

/// What there is a template for, with each service.
const TEMPLATES: [&str; 4] = [
    "publish-changed-packs",
    "publish-pack",
    "registry",
    "release",
];

/// What is not run here, because it needs the service or the network.
pub(crate) const OUTSIDE: [&str; 16] = [
    "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683",
    "actions/deploy-pages@v4",
    "actions/download-artifact@v4",
    "actions/upload-artifact@v4",
    "actions/upload-pages-artifact@v3",
    "apt-get update -qq && apt-get install -qq --no-install-recommends ca-certificates curl >/dev/null",
    "apt-get update -qq && apt-get install -qq --no-install-recommends ca-certificates curl git >/dev/null",
    "apt-get update -qq && apt-get install -qq --no-install-recommends ca-certificates curl git python3 >/dev/null",
    "apt-get update -qq && apt-get install -qq --no-install-recommends musl-tools >/dev/null",
    "archiveArtifacts artifacts: 'dist/*.tar.gz, dist/*.sha256', fingerprint: true",
    "archiveArtifacts artifacts: 'dist/*.tar.gz, dist/SHA256SUMS', fingerprint: true",
    "stash name: 'aarch64', includes: 'dist/*.tar.gz*'",
    "stash name: 'x86_64', includes: 'dist/*.tar.gz*'",
    "sudo apt-get update -qq && sudo apt-get install -qq musl-tools >/dev/null",
    "unstash 'aarch64'",
    "unstash 'x86_64'",
];

/// Each service has the same templates, and nothing else lies beside them.
#[test]
fn services_have_the_same_templates() {
    let names = |service: &str| -> BTreeSet<String> {
        template::files(service)
            .iter()
            .map(|file| file.split('.').next().unwrap().to_owned())
            .collect()
    };
    let expected = BTreeSet::from(TEMPLATES.map(str::to_owned));
    for service in SERVICES {
        assert_eq!(names(service), expected, "{service}");
    }
}

/// Every step is either run by a test of this folder or named above; nothing above is gone from the templates.
#[test]
fn every_step_is_run_or_named() {
    let mut outside = BTreeSet::new();
    for service in SERVICES {
        for file in template::files(service) {
            let found = steps(service, &file);
            assert!(
                found.iter().any(|s| matches!(s, Step::Shell { .. })),
                "{service}/{file} runs nothing"
            );
            for step in found {
                if let Step::Outside(what) = step {
                    assert!(
                        OUTSIDE.contains(&what.as_str()),
                        "{service}/{file}: `{what}` is neither run nor named"
                    );
                    outside.insert(what);
                }
            }
        }
    }
    assert_eq!(outside, OUTSIDE.map(str::to_owned).into());
}

/// Values reach scripts through the environment only: nothing of a service is put into their text.
#[test]
fn scripts_are_the_same_for_every_run() {
    for service in SERVICES {
        for file in template::files(service) {
            for step in steps(service, &file) {
                if let Step::Shell { script, .. } = step {
                    assert!(!script.contains("${{"), "{service}/{file}: {script}");
                }
            }
            let text = template::text(service, &file);
            assert!(
                !text.contains("sh \"") && !text.contains("sh(\""),
                "{service}/{file}"
            );
        }
    }
}

/// Workflows of GitHub get no more than they say, job by job; other people's code is pinned.
#[test]
fn workflows_ask_for_little() {
    for file in template::files("github") {
        let workflow = template::yaml("github", &file);
        assert_eq!(workflow["permissions"]["contents"], "read", "{file}");
        for line in template::text("github", &file).lines() {
            let Some((_, uses)) = line.split_once("uses: ") else {
                continue;
            };
            let (action, comment) = uses.split_once(" # ").unwrap_or((uses, ""));
            let (_, version) = action.split_once('@').unwrap();
            let pinned = version.len() == 40 && version.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(
                !comment.is_empty() && (pinned || comment.starts_with("pin it")),
                "{file}: {line}"
            );
        }
    }
}

/// Each script is valid for the strictest shell there is, and for shellcheck where it is installed.
#[test]
fn steps_are_valid_shell() {
    let folder = project().join("templates/ci/steps");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.push("../release.sh".to_owned());
    files.sort();
    assert!(files.len() > 10, "{files:?}");
    for file in &files {
        let done = Command::new("sh")
            .arg("-n")
            .arg(folder.join(file))
            .output()
            .unwrap();
        assert!(done.status.success(), "{file}: {done:?}");
    }
    if !installed("shellcheck") {
        return;
    }
    let done = Command::new("shellcheck")
        .arg("-x")
        .args(&files)
        .current_dir(&folder)
        .env_clear()
        .env("PATH", path_variable())
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stdout)
    );
}
