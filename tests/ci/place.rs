//! Repositories, variables of the services, and a host for archives: what a pipeline meets, on loopback.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::host::Host;
use super::template::{Step, steps};
use crate::support::Place;
use crate::support::git::{Repository, git_in};
use crate::support::index::{conforming, index};

/// What an index says in place of the host on loopback when it is read by this module.
pub(crate) const PUBLIC: &str = "https://files.example.org";

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
        fs::write(registry.path.join("index.json"), index("R", &[])).unwrap();
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
        // What a release of GitHub takes is kept by the host, under the address a release has.
        let gh = format!(
            "#!/bin/sh\nset -eu\nmkdir -p '{0}/releases'\ncase \"$1 $2\" in\n'release view') [ -d \"{0}/releases/$3\" ] && ls \"{0}/releases/$3\" ;;\n'release create') mkdir -p \"{0}/releases/$3\" ;;\n'release upload') cp \"$4\" \"{0}/releases/$3/\"; curl -sf -T \"$4\" \"$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/releases/download/$3/$(basename \"$4\")\" ;;\nesac\n",
            place.path("").display()
        );
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

    /// What the service says about a run for a tag; an empty tag is a run for the branch `main`.
    pub(crate) fn at(&mut self, tag: &str) {
        let commit = self.repository.git(&["rev-parse", "HEAD"]);
        let url = self.host.url.clone();
        let name = if tag.is_empty() { "main" } else { tag };
        self.set("CI", "true");
        match self.service {
            "github" => {
                self.set("GITHUB_ACTIONS", "true");
                self.set("GITHUB_REF_NAME", name);
                self.set(
                    "GITHUB_REF_TYPE",
                    if tag.is_empty() { "branch" } else { "tag" },
                );
                self.set("GITHUB_SHA", &commit);
                self.set("GITHUB_REPOSITORY", "org/demo");
                self.set("GITHUB_SERVER_URL", &url);
            }
            "gitlab" => {
                self.set("GITLAB_CI", "true");
                self.set("CI_COMMIT_TAG", tag);
                self.set("CI_COMMIT_REF_NAME", name);
                self.set("CI_COMMIT_SHA", &commit);
                self.set("CI_PROJECT_ID", "7");
                self.set("CI_PROJECT_URL", "https://git.example.org/org/demo");
                self.set("CI_API_V4_URL", &format!("{url}/api/v4"));
                self.set("CI_JOB_TOKEN", "job-secret");
            }
            _ => {
                self.set("JENKINS_URL", "http://127.0.0.1/");
                self.set("TAG_NAME", tag);
                self.set("BRANCH_NAME", name);
                self.set("GIT_COMMIT", &commit);
                self.set("GIT_URL", "https://git.example.org/org/demo.git");
                self.set("ARCHIVE_BASE", &format!("{url}/packs/"));
                self.set("UPLOAD_TOKEN", "upload-secret");
            }
        }
    }

    /// Runs the steps of a template in their order; the first that fails ends it, as it would there.
    pub(crate) fn run(&self, template: &str) -> Result<String, String> {
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
            let variables: Vec<_> = variables
                .into_iter()
                .filter_map(|(name, value)| Some((name, self.expand(&value)?)))
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

    /// A value of a template as its service expands it; nothing where the run sets it otherwise.
    fn expand(&self, value: &str) -> Option<String> {
        let Some(expression) = value
            .strip_prefix("${{ ")
            .and_then(|v| v.strip_suffix(" }}"))
        else {
            return Some(value.to_owned());
        };
        let (source, name) = expression.split_once('.').unwrap();
        match (source, name) {
            ("vars" | "secrets", name) => self.variables.get(name).cloned(),
            ("github", "token") => Some("github-secret".to_owned()),
            ("github", "event.before") => self.variables.get("BEFORE").cloned(),
            _ => panic!("no test knows `{value}`"),
        }
    }

    /// Runs a script in the checkout with the variables of the run and these.
    pub(crate) fn shell(&self, script: &str, variables: &[(String, String)]) -> Output {
        let binary = Path::new(env!("CARGO_BIN_EXE_attune")).parent().unwrap();
        let path = format!(
            "{}:{}:{}",
            self.place.path("bin").display(),
            binary.display(),
            crate::support::path_variable().to_string_lossy()
        );
        Command::new("sh")
            .args(["-euc", script])
            .current_dir(&self.repository.path)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.place.path("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(&self.variables)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap()
    }

    /// Commits what is in the checkout and tags it.
    pub(crate) fn tag(&mut self, tag: &str) {
        self.repository.commit();
        self.repository.git(&["tag", tag]);
        self.at(tag);
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
