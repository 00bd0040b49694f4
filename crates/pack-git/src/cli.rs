//! The git command line as a backend: bare repositories only, and nothing of a person's configuration but SSH's.
//!
//! SECURITY: git reads configuration from many places and some of it runs programs. Here it gets none but
//! what is set below, through `GIT_CONFIG_COUNT`, which also keeps credentials off its command line. One
//! protocol is allowed, that of the URL; whatever is not an option stands after `--`.

use std::ffi::OsString;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use pack_format::text::is_deceptive;
use pack_fs::error::Context as _;

use crate::error::GitError;
use crate::process::{self, Bounds, Ended};
use crate::select::Advertised;
use crate::settings::GitSettings;
use crate::url::{RepositoryUrl, Scheme};

/// The program.
const GIT: &str = "git";
/// What ssh is called with unless the environment has `GIT_SSH_COMMAND` or `GIT_SSH`: never ask anybody.
const SSH: &str =
    "ssh -oBatchMode=yes -oConnectTimeout=30 -oServerAliveInterval=15 -oServerAliveCountMax=2";
/// Longest reason in an error, in characters.
const LONGEST_REASON: usize = 300;

/// The files of a bare repository.
const REPOSITORY: [(&str, &str); 2] = [
    ("HEAD", "ref: refs/heads/main\n"),
    (
        "config",
        "[core]\n\trepositoryformatversion = 0\n\tbare = true\n",
    ),
];

/// Settings in force for every call.
const CONFIGURATION: [(&str, &str); 15] = [
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.askPass", "false"),
    ("credential.helper", ""),
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("fetch.unpackLimit", "1"),
    ("transfer.bundleURI", "false"),
    ("protocol.version", "2"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "30"),
];

/// One repository, fetched by the git command line.
pub(crate) struct Cli<'a> {
    pub(crate) settings: &'a GitSettings,
    pub(crate) url: &'a RepositoryUrl,
    /// See [`crate::GitRequest::addresses`].
    pub(crate) addresses: &'a [SocketAddr],
    /// See [`crate::GitRequest::proxy`].
    pub(crate) proxy: Option<&'a str>,
    /// PEM file of the authorities to trust, if not those of the system.
    pub(crate) authorities: Option<PathBuf>,
    /// The bare repository to fetch into.
    pub(crate) directory: &'a Path,
    pub(crate) deadline: Instant,
    /// See [`crate::GitRequest::is_cancelled`].
    pub(crate) is_cancelled: &'a dyn Fn() -> bool,
}

/// Why git did not fetch.
pub(crate) enum CliError {
    /// The server does not give commits that no ref leads to.
    Unadvertised,
    /// Anything else.
    Failed(GitError),
}

impl From<GitError> for CliError {
    fn from(error: GitError) -> Self {
        Self::Failed(error)
    }
}

impl Cli<'_> {
    /// Makes the bare repository: without a template, which may hold hooks, and without a look at anybody's settings.
    pub(crate) fn init(&self) -> Result<(), GitError> {
        let at = |name: &str| self.directory.join(name);
        for path in [self.directory.to_owned(), at("objects"), at("refs")] {
            fs::create_dir(&path).on("create directory", &path)?;
        }
        for (name, content) in REPOSITORY {
            fs::write(at(name), content).on("write", &at(name))?;
        }
        Ok(())
    }

    /// What the server lists.
    pub(crate) fn list(&self) -> Result<Advertised, GitError> {
        let mut command = self.git("ls-remote");
        command.args(["--", self.url.as_str()]);
        let stdout = self.run(command).map_err(|error| self.unlisted(error))?;
        let mut advertised = Advertised::default();
        for line in String::from_utf8_lossy(&stdout).lines() {
            if let Some((id, name)) = line.split_once('\t') {
                advertised.add(name, id);
            }
        }
        Ok(advertised)
    }

    /// Fetches one object, a ref or a commit, without its history.
    pub(crate) fn fetch_one(&self, what: &str) -> Result<(), CliError> {
        self.fetch(
            &["--depth=1"],
            &[format!("+{what}:{}", crate::fetch::WANTED)],
        )
    }

    /// Fetches every branch and tag with its history.
    pub(crate) fn fetch_all(&self) -> Result<(), CliError> {
        let refspecs = ["heads", "tags"].map(|kind| format!("+refs/{kind}/*:refs/{kind}/*"));
        self.fetch(&[], &refspecs)
    }

    fn fetch(&self, options: &[&str], refspecs: &[String]) -> Result<(), CliError> {
        let mut command = self.git("fetch");
        command
            .args([
                "--quiet",
                "--no-tags",
                "--no-recurse-submodules",
                "--no-write-fetch-head",
            ])
            .args(options)
            .args(["--", self.url.as_str()])
            .args(refspecs);
        self.run(command).map(drop)
    }

    fn unlisted(&self, error: CliError) -> GitError {
        match error {
            CliError::Failed(error) => error,
            CliError::Unadvertised => GitError::Repository {
                url: self.url.to_string(),
                reason: "the server refuses to list its refs".to_owned(),
            },
        }
    }

    fn run(&self, command: Command) -> Result<Vec<u8>, CliError> {
        let limits = &self.settings.limits;
        let bounds = Bounds {
            deadline: self.deadline,
            is_cancelled: self.is_cancelled,
            stdout_bytes: limits.refs_bytes,
            directory: Some((self.directory, limits.received_bytes)),
        };
        let url = || self.url.to_string();
        match process::run(command, b"", &bounds) {
            Ok(Ended::Done {
                success: true,
                stdout,
                ..
            }) => Ok(stdout),
            Ok(Ended::Done { stderr, .. }) => Err(sort(&url(), &stderr)),
            Ok(Ended::TooLate) => Err(GitError::Timeout {
                url: url(),
                seconds: self.settings.timeout.as_secs(),
            }
            .into()),
            Ok(Ended::CalledOff) => Err(GitError::CalledOff { url: url() }.into()),
            Ok(Ended::TooLarge) => Err(GitError::TooLarge {
                url: url(),
                limit: limits.received_bytes,
                unit: "bytes",
            }
            .into()),
            Err(error) => Err(GitError::Program {
                program: GIT.to_owned(),
                url: url(),
                reason: error.to_string(),
            }
            .into()),
        }
    }

    /// `git VERB` on the bare repository, isolated.
    fn git(&self, verb: &str) -> Command {
        let mut command = Command::new(program(self.settings));
        command
            .env_clear()
            .envs(
                self.settings
                    .environment
                    .iter()
                    .map(|(name, value)| (name, value)),
            )
            .env("LC_ALL", "C")
            .env("GIT_DIR", self.directory)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_LFS_SKIP_SMUDGE", "1")
            .env("GIT_ALLOW_PROTOCOL", self.url.protocol())
            .current_dir(self.directory);
        if matches!(self.url.scheme(), Scheme::Ssh)
            && self.settings.variable("GIT_SSH_COMMAND").is_none()
            && self.settings.variable("GIT_SSH").is_none()
        {
            command.env("GIT_SSH_COMMAND", SSH);
        }
        let fixed = CONFIGURATION.map(|(key, value)| (key.to_owned(), value.into()));
        let configuration: Vec<(String, OsString)> =
            fixed.into_iter().chain(self.configuration()).collect();
        command.env("GIT_CONFIG_COUNT", configuration.len().to_string());
        for (number, (key, value)) in configuration.into_iter().enumerate() {
            command
                .env(format!("GIT_CONFIG_KEY_{number}"), key)
                .env(format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        command.arg(verb);
        command
    }

    /// What belongs to this repository: how its host may be reached and proves itself, and who we are there.
    fn configuration(&self) -> Vec<(String, OsString)> {
        let Scheme::Web(url) = self.url.scheme() else {
            return Vec::new();
        };
        let mut found = Vec::new();
        if let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default())
            && !self.addresses.is_empty()
        {
            let list: Vec<String> = self.addresses.iter().map(address).collect();
            let value = format!("{host}:{port}:{}", list.join(","));
            found.push(("http.curloptResolve".to_owned(), value.into()));
        }
        if let Some(proxy) = self.proxy {
            found.push(("http.proxy".to_owned(), proxy.into()));
        }
        if let Some(authorities) = &self.authorities {
            found.push(("http.sslCAInfo".to_owned(), authorities.into()));
        }
        if let Some(helper) = &self.settings.credential_helper {
            found.push(("credential.helper".to_owned(), helper.into()));
        }
        found
    }
}

/// An address as curl takes it.
fn address(address: &SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Where git is: looked for in the `PATH` children get, as `Command` would in ours.
fn program(settings: &GitSettings) -> OsString {
    let found = settings.variable("PATH").and_then(|path| {
        std::env::split_paths(path)
            .filter(|directory| directory.is_absolute())
            .map(|directory| directory.join(GIT))
            .find(|candidate| candidate.is_file())
    });
    found.map_or_else(|| GIT.into(), Into::into)
}

/// Sorts what git complained about.
fn sort(url: &str, stderr: &str) -> CliError {
    let said = |parts: &[&str]| parts.iter().any(|part| stderr.contains(part));
    let url = url.to_owned();
    let reason = reason(stderr);
    if said(&["not our ref", "unadvertised object"]) {
        return CliError::Unadvertised;
    }
    CliError::Failed(
        if said(&[
            "Host key verification failed",
            "HOST IDENTIFICATION HAS CHANGED",
        ]) {
            GitError::HostKey { url, reason }
        } else if said(&[
            "Permission denied",
            "could not read Username",
            "could not read Password",
            "Authentication failed",
            "returned error: 401",
            "returned error: 403",
            "Too many authentication failures",
        ]) {
            GitError::Authentication { url, reason }
        } else if said(&[
            "not found",
            "does not appear to be a git repository",
            "returned error: 404",
            "not exported",
            "no such repository",
        ]) {
            GitError::NotFound { url, reason }
        } else if said(&["unable to update url base from redirection"]) {
            let reason = "it redirects elsewhere; give the URL it redirects to".to_owned();
            GitError::Refused { url, reason }
        } else if said(&[
            "mismatched algorithms",
            "bad object",
            "unresolved delta",
            "fsck error",
            "dubious ownership",
        ]) {
            GitError::Repository { url, reason }
        } else if said(&["cannot run ssh", "error: cannot run"]) {
            GitError::Program {
                program: "ssh".to_owned(),
                url,
                reason,
            }
        } else {
            GitError::Network { url, reason }
        },
    )
}

/// The lines that say something, on one line, harmless to a terminal.
fn reason(stderr: &str) -> String {
    const NOISE: [&str; 4] = [
        "Please make sure you have the correct access rights",
        "and the repository exists",
        "fatal: Could not read from remote repository",
        "warning: ",
    ];
    let lines = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('@'))
        .filter(|line| NOISE.iter().all(|noise| !line.starts_with(noise)))
        .map(|line| {
            line.strip_prefix("fatal: ")
                .or_else(|| line.strip_prefix("error: "))
                .unwrap_or(line)
        });
    let text = lines.collect::<Vec<_>>().join("; ");
    let text: String = text
        .chars()
        .filter(|c| !is_deceptive(*c))
        .take(LONGEST_REASON)
        .collect();
    if text.is_empty() {
        "git gave no reason".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What git says in its own words becomes the kind of failure people can act on.
    #[test]
    fn complaints_of_git_are_sorted() {
        let rows = [
            (
                "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.\n",
                "does not let us in",
            ),
            ("Host key verification failed.\n", "host key"),
            (
                "fatal: could not read Username for 'http://h': terminal prompts disabled\n",
                "does not let us in",
            ),
            (
                "fatal: repository 'http://h/x/' not found\n",
                "no git repository",
            ),
            (
                "fatal: remote error: access denied or repository not exported: /x\n",
                "no git repository",
            ),
            (
                "fatal: unable to access 'http://h/': Could not resolve host: h\n",
                "cannot fetch",
            ),
            ("", "git gave no reason"),
        ];
        for (stderr, part) in rows {
            let CliError::Failed(error) = sort("URL", stderr) else {
                panic!("{stderr}");
            };
            assert!(error.to_string().contains(part), "{stderr}: {error}");
        }
        assert!(matches!(
            sort("URL", "fatal: remote error: upload-pack: not our ref 1"),
            CliError::Unadvertised
        ));
        assert!(!reason("fatal: \x1b[2Jx\n").contains('\x1b'));
    }
}
