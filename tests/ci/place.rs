//! Repositories, variables of the services, and a host for archives: what a pipeline meets, on loopback.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use serde_json::Value;

use super::host::Host;
use super::template::{Step, steps};
use crate::support::git::{Repository, git_in};
use crate::support::index::{conforming, index};
use crate::support::{Place, path_with_attune};

/// What an index says in place of the host on loopback when it is read by this module.
pub(crate) const PUBLIC: &str = "https://files.example.org";

/// The command of GitHub, as far as the steps use it: releases are folders, and their files are put on the host under the
/// address that files of a release have; pull requests are lines of a file.
const GH: &str = r#"#!/bin/sh
set -eu
release=PLACE/releases/${3:-}
case "$1 $2" in
"release view") [ -d "$release" ] ;;
"release create")
    mkdir -p "$release"
    shift 3
    for file; do
        case $file in
        dist/*) cp "$file" "$release/" ;;
        esac
    done
    ;;
"release download") cp "$release/$5" "$7" ;;
"release upload")
    shift 3
    for file; do
        cp "$file" "$release/"
        url=$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/releases/download/${release##*/}/${file##*/}
        curl --silent --fail --upload-file "$file" "$url"
    done
    ;;
"pr list") if [ -f PLACE/pull-requests ]; then echo 1; else echo 0; fi ;;
"pr create") echo "$GH_TOKEN $4 $6 $8 ${10}" >>PLACE/pull-requests ;;
*) exit 1 ;;
esac
"#;

/// A checkout `repository` with the steps in it, and the bare repository `index.git` that holds an empty index.
pub(crate) struct Pipeline {
    pub(crate) place: Place,
    pub(crate) repository: Repository,
    pub(crate) host: Host,
    service: &'static str,
    /// Variables of this run, beside those of the template.
    pub(crate) variables: BTreeMap<String, String>,
}

impl Pipeline {
    pub(crate) fn new(service: &'static str) -> Self {
        let place = Place::new();
        let registry = Repository::new(place.path("seed"));
        fs::write(place.path("empty.json"), index("R", &[])).unwrap();
        let merge = [
            "pack",
            "index-merge",
            "--output",
            "seed/index.json",
            "empty.json",
        ];
        place.run(&merge, 0);
        registry.commit();
        git_in(
            &place.path(""),
            &["clone", "-q", "--bare", "seed", "index.git"],
        );
        let bare = place.path("index.git");
        git_in(&bare, &["config", "receive.advertisePushOptions", "true"]);
        let hook = bare.join("hooks/pre-receive");
        fs::create_dir_all(hook.parent().unwrap()).unwrap();
        fs::write(
            &hook,
            "#!/bin/sh\nenv | grep '^GIT_PUSH_OPTION_[0-9]' | sort >>push-options\nexit 0\n",
        )
        .unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();

        let repository = Repository::new(place.path("repository"));
        let steps = repository.path.join("ci/attune");
        fs::create_dir_all(&steps).unwrap();
        for entry in fs::read_dir(crate::support::project().join("templates/ci/steps")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), steps.join(entry.file_name())).unwrap();
        }

        let host = Host::start();
        let bin = place.path("bin");
        fs::create_dir(&bin).unwrap();
        let gh = GH.replace("PLACE", place.path("").to_str().unwrap());
        fs::write(bin.join("gh"), gh).unwrap();
        fs::set_permissions(bin.join("gh"), fs::Permissions::from_mode(0o755)).unwrap();
        let mut made = Self {
            place,
            repository,
            host,
            service,
            variables: BTreeMap::new(),
        };
        made.set("INDEX_REPO", &format!("file://{}", bare.display()));
        made
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// What the service says about a run for a tag.
    pub(crate) fn at_tag(&mut self, tag: &str) {
        match self.service {
            "github" => {
                self.set("GITHUB_REF_NAME", tag);
                self.set("GITHUB_REF_TYPE", "tag");
            }
            "gitlab" => {
                self.set("CI_COMMIT_TAG", tag);
                self.set("CI_COMMIT_REF_NAME", tag);
            }
            _ => {
                self.set("TAG_NAME", tag);
                self.set("BRANCH_NAME", tag);
            }
        }
        self.at_commit();
    }

    /// What the service says about a run for a push to `main` that was at the commit `before`; nothing if it never was.
    pub(crate) fn at_push(&mut self, before: Option<&str>) {
        let none = "0000000000000000000000000000000000000000";
        match self.service {
            "github" => {
                self.set("GITHUB_REF_NAME", "main");
                self.set("GITHUB_REF_TYPE", "branch");
                self.set("BEFORE", before.unwrap_or(none));
            }
            "gitlab" => {
                self.set("CI_COMMIT_BRANCH", "main");
                self.set("CI_COMMIT_REF_NAME", "main");
                self.set("CI_COMMIT_BEFORE_SHA", before.unwrap_or(none));
            }
            _ => {
                self.set("BRANCH_NAME", "main");
                match before {
                    Some(before) => self.set("GIT_PREVIOUS_SUCCESSFUL_COMMIT", before),
                    None => drop(self.variables.remove("GIT_PREVIOUS_SUCCESSFUL_COMMIT")),
                }
            }
        }
        self.at_commit();
    }

    /// What the service says about a run for a change that is to go to `main`, which the checkout knows as `origin/main`.
    pub(crate) fn at_review(&mut self) {
        match self.service {
            "github" => {
                self.set("GITHUB_REF_NAME", "3/merge");
                self.set("GITHUB_REF_TYPE", "branch");
                self.set("GITHUB_BASE_REF", "main");
            }
            "gitlab" => {
                let base = self.repository.git(&["merge-base", "origin/main", "HEAD"]);
                self.set("CI_MERGE_REQUEST_DIFF_BASE_SHA", &base);
            }
            _ => {
                self.set("BRANCH_NAME", "PR-3");
                self.set("CHANGE_TARGET", "main");
            }
        }
        self.at_commit();
    }

    /// What a service says about every run.
    fn at_commit(&mut self) {
        let commit = self.repository.git(&["rev-parse", "HEAD"]);
        let url = self.host.url.clone();
        self.set("CI", "true");
        match self.service {
            "github" => {
                self.set("GITHUB_ACTIONS", "true");
                self.set("GITHUB_SHA", &commit);
                self.set("GITHUB_REPOSITORY", "org/demo");
                self.set("GITHUB_SERVER_URL", &url);
            }
            "gitlab" => {
                self.set("GITLAB_CI", "true");
                self.set("CI_COMMIT_SHA", &commit);
                self.set("CI_PROJECT_ID", "7");
                self.set("CI_PROJECT_URL", "https://git.example.org/org/demo");
                self.set("CI_API_V4_URL", &format!("{url}/api/v4"));
                self.set("CI_JOB_TOKEN", "job-secret");
            }
            _ => {
                self.set("JENKINS_URL", "http://127.0.0.1/");
                self.set("GIT_COMMIT", &commit);
                self.set("GIT_URL", "https://git.example.org/org/demo.git");
                self.set("ARCHIVE_BASE", &format!("{url}/packs/"));
                self.set("UPLOAD_TOKEN", "upload-secret");
            }
        }
    }

    /// Runs all jobs of a template.
    pub(crate) fn run(&self, template: &str) -> Result<String, String> {
        self.run_jobs(template, "")
    }

    /// Runs the jobs of a template whose names contain `jobs`: the steps in their order; the first that fails ends it.
    pub(crate) fn run_jobs(&self, template: &str, jobs: &str) -> Result<String, String> {
        let file = super::template::files(self.service)
            .into_iter()
            .find(|file| file.split('.').next() == Some(template))
            .unwrap();
        let mut said = String::new();
        for step in steps(self.service, &file) {
            let Step::Shell {
                job,
                script,
                variables,
            } = step
            else {
                continue;
            };
            if !job.to_lowercase().contains(jobs) {
                continue;
            }
            let variables: Vec<_> = variables
                .into_iter()
                .filter_map(|(name, value)| Some((name.clone(), self.expand(&name, &value)?)))
                .collect();
            let done = self.shell(&script, &variables);
            said += &format!(
                "[{job}] {script}\n{}{}",
                String::from_utf8_lossy(&done.stdout),
                String::from_utf8_lossy(&done.stderr)
            );
            if !done.status.success() {
                return Err(said);
            }
        }
        Ok(said)
    }

    /// A value of a template as its service expands it; nothing where the settings of the service say it otherwise.
    fn expand(&self, name: &str, value: &str) -> Option<String> {
        if self.service == "gitlab" {
            let expanded = value.replace("$CI_PROJECT_URL", "https://git.example.org/org/demo");
            assert!(!expanded.contains('$'), "no test knows `{value}`");
            return (!self.variables.contains_key(name)).then_some(expanded);
        }
        let Some(expression) = value
            .strip_prefix("${{ ")
            .and_then(|v| v.strip_suffix(" }}"))
        else {
            return Some(value.to_owned());
        };
        let (source, name) = expression.split_once('.').unwrap();
        match (source, name) {
            ("vars" | "secrets", name) => self.variables.get(name).cloned(),
            ("github", "repository") => self.variables.get("GITHUB_REPOSITORY").cloned(),
            ("github", "token") => Some("github-secret".to_owned()),
            ("github", "event.before") => self.variables.get("BEFORE").cloned(),
            _ => panic!("no test knows `{value}`"),
        }
    }

    /// Runs a script in the checkout with the variables of the run and these.
    pub(crate) fn shell(&self, script: &str, variables: &[(String, String)]) -> Output {
        let stand_ins = self.place.path("bin");
        let path = format!("{}:{}", stand_ins.display(), path_with_attune());
        Command::new("sh")
            .args(["-ec", script])
            .current_dir(&self.repository.path)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.place.path("home"))
            .env("ATTUNE__PACKS_BASE_DIR", self.place.installed())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(&self.variables)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap()
    }

    /// Writes a pack that `pack check --strict` has nothing to say about, with a test of its own.
    pub(crate) fn pack(&self, folder: &str, pack_ref: &str, version: &str, actions: &[&str]) {
        let root = self.repository.path.join(folder);
        let _ = fs::remove_dir_all(root.join("actions"));
        fs::create_dir_all(root.join("actions")).unwrap();
        fs::create_dir_all(root.join("tests")).unwrap();
        let write = |name: &str, text: &str| fs::write(root.join(name), text).unwrap();
        write(
            "pack.yaml",
            &format!(
                "ref: {pack_ref}\nlabel: Demo\ndescription: Says hello\nversion: \"{version}\"\nauthor: a\nlicense: MIT\nrepository: https://git.example.org/org/demo\ntesting: {{runners: {{shell: {{type: script, entry_point: tests/run.sh}}}}}}\n"
            ),
        );
        write("README.md", "# demo\n");
        write("LICENSE", "MIT\n");
        write(
            "tests/run.sh",
            "test -f actions/hello.sh && echo 'Tests: 1/1 passed'\n",
        );
        write("actions/hello.sh", "#!/bin/sh\necho hello\n");
        for action in actions {
            write(
                &format!("actions/{action}.yaml"),
                &format!(
                    "ref: {pack_ref}.{action}\ndescription: says it\nrunner_type: shell\nentry_point: hello.sh\n"
                ),
            );
        }
    }

    /// Takes the index repository back to its empty index.
    pub(crate) fn forget_index(&self) {
        let bare = self.place.path("index.git");
        let first = git_in(&bare, &["rev-list", "--max-parents=0", "main"]);
        git_in(&bare, &["update-ref", "refs/heads/main", &first]);
        for branch in git_in(
            &bare,
            &["for-each-ref", "--format=%(refname)", "refs/heads/publish"],
        )
        .lines()
        {
            git_in(&bare, &["update-ref", "-d", branch]);
        }
    }

    /// Commits what is in the checkout and tags it.
    pub(crate) fn tag(&mut self, tag: &str) {
        self.repository.commit();
        self.repository.git(&["tag", tag]);
        self.at_tag(tag);
    }

    /// Every branch of the index repository with its commit, one a line.
    pub(crate) fn branches(&self) -> String {
        git_in(
            &self.place.path("index.git"),
            &["for-each-ref", "--format=%(refname:short) %(objectname)"],
        )
    }

    /// The index on a branch of the index repository, which must obey the rules with a public host in place of ours.
    pub(crate) fn index(&self, branch: &str) -> Value {
        let text = git_in(
            &self.place.path("index.git"),
            &["show", &format!("{branch}:index.json")],
        );
        let text = text.replace(&self.host.url, PUBLIC);
        conforming(format!("{text}\n").as_bytes())
    }
}
