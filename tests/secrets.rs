//! A canary in every place for a secret; then every command that talks to somebody, with success and with each kind
//! of failure. Nothing it prints, writes or hands to another program may hold one of them, in any form.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::login::private;
use crate::support::git::Repository;
use crate::support::git_http::GitHttp;
use crate::support::{Place, snapshot};

/// Each as its program takes it, with characters that other forms write differently.
const TOKEN: &str = "cAnAry+t0k/en=1";
const HEADER: &str = "cAnAry+heAd/er=2";
const VARIABLE: &str = "cAnAry+vAri/able=3";
const PROXY: &str = "cAnAryproxy4";
const NETRC: &str = "cAnAry+ne/trc=5";
const URL: &str = "cAnAryurl6";
/// What every form of them holds: as it is, in percent-encoding, and in Base64 at any offset.
const FORMS: [&str; 4] = ["cAnAry", "Y0FuQXJ5", "NBbkFye", "jQW5Bcn"];

/// A private registry, a private repository, a proxy, and what a person needs for all of them.
struct Secrets {
    place: Place,
    registry: String,
    repository: String,
}

impl Secrets {
    fn new() -> Self {
        let mut place = Place::new();
        place.pack("core", "core", "1.0.0", "");
        place.pack("slack", "slack", "1.0.0", "dependencies: [core]\n");
        place.build();
        let repository = Repository::new(place.path("served/chat.git"));
        repository.pack("", "chat", "1.0.0");
        repository.commit();
        let git = GitHttp::start(
            &place.path("served"),
            // `reader` and the password of netrc.
            Some("Basic cmVhZGVyOmNBbkFyeStuZS90cmM9NQ=="),
        );
        let registry = private(place.path("tree"), TOKEN);
        for folder in ["tmp", "bin"] {
            fs::create_dir(place.path(folder)).unwrap();
        }
        let netrc = format!("machine 127.0.0.1 login reader password {NETRC}\n");
        fs::write(place.path("home/.netrc"), netrc).unwrap();
        // Says what git is called with, and with which variables.
        let script = format!(
            "#!/bin/sh\n{{ echo \"$@\"; env; }} >> '{}'\nPATH=${{PATH#*:}} exec git \"$@\"\n",
            place.path("called").display()
        );
        let wrapper = place.path("bin/git");
        fs::write(&wrapper, script).unwrap();
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
        place.prefer_programs_of(place.path("bin"));
        let secrets = Self {
            repository: git.url("chat.git"),
            place,
            registry,
        };
        secrets.configure(&secrets.registry, "");
        secrets.log_in();
        secrets
    }

    fn configure(&self, url: &str, more: &str) {
        let text = format!(
            "pack_registry:\n  retries: 0\n  cache_ttl: 0\n  indices:\n    - url: \"{url}\"\n      name: Private\n      \
             headers: {{X-Key: \"{HEADER}\", X-Other: \"${{SECRET}}\"}}\n{more}"
        );
        fs::write(self.place.path("config.yaml"), text).unwrap();
    }

    fn log_in(&self) {
        let mut child = self
            .command(&["registry", "login", "Private"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let token = format!("{TOKEN}\n");
        (child.stdin.take().unwrap().write_all(token.as_bytes())).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_clean("registry login", &output.stdout);
        assert_clean("registry login", &output.stderr);
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.place.attune(&[&["-vv"], args].concat());
        command
            .env("SECRET", VARIABLE)
            .env("TMPDIR", self.place.path("tmp"))
            .env("NO_PROXY", "127.0.0.1")
            .env("HTTPS_PROXY", format!("http://me:{PROXY}@127.0.0.1:9"));
        command
    }

    /// Runs a command, and looks everywhere.
    #[track_caller]
    fn clean(&self, args: &[&str], code: i32) {
        let output = self.command(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        let shown = format!("{args:?}");
        assert_clean(&shown, &output.stdout);
        assert_clean(&shown, &output.stderr);
        for (name, content) in snapshot(&self.place.path(".")) {
            // Where people put them, or this program for them, for their owner only.
            let known = ["config.yaml", "credentials.json", "home/.netrc", "called"];
            if !known.contains(&name.as_str()) {
                assert_clean(&format!("{shown}: {name}"), name.as_bytes());
                assert_clean(&format!("{shown}: {name}"), &content);
            }
        }
    }
}

#[track_caller]
fn assert_clean(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for form in FORMS {
        let at = text.find(form);
        assert!(at.is_none(), "{what} holds a secret, as `{form}`: {text}");
    }
}

/// Every command that talks to a registry or a repository, and succeeds.
#[test]
fn secrets_are_not_seen_where_all_is_well() {
    let secrets = Secrets::new();
    fs::write(secrets.place.path("packs.yaml"), "packs: {slack: \"*\"}\n").unwrap();
    for args in [
        &["pack", "install", "slack"][..],
        &["pack", "install", "slack", "--force", "--json"],
        &["pack", "install", &secrets.repository],
        &["pack", "registries", "--json"],
        &["pack", "registries"],
        &["pack", "search", "slack", "--json"],
        &["pack", "show", "slack", "--json"],
        &["pack", "list", "--json"],
        &["pack", "history", "--json"],
        &["pack", "tree", "slack@latest", "--json"],
        &["pack", "outdated", "--json"],
        &["pack", "update", "--dry-run", "--json"],
        &["pack", "lock", "--json"],
        &["pack", "install", "--locked"],
        &["pack", "fetch", "slack", "--to", "out", "--archive"],
        &["pack", "verify", "--repair", "--json"],
        &["pack", "uninstall", "chat", "--yes"],
        &["pack", "rollback", "--generation", "1"],
        &["cache", "info", "--json"],
        &["registry", "check", "Private"],
        &[
            "registry",
            "add",
            "https://other.invalid/",
            "--no-check",
            "--header",
            "X-A: ${SECRET}",
        ],
        &["registry", "remove", "https://other.invalid/"],
        &["registry", "logout", "Private"],
    ] {
        secrets.clean(args, 0);
    }
    // A password of a proxy and of a repository is git's to know, as it finds it itself; nothing else is.
    let called = fs::read_to_string(secrets.place.path("called")).unwrap();
    assert!(called.contains("fetch"), "{called}");
    let rest: String = (called.lines())
        .filter(|line| !line.starts_with("HTTPS_PROXY="))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_clean("the calls of git", rest.as_bytes());
}

/// Secrets where they may not be.
#[test]
fn secrets_are_not_seen_where_they_are_refused() {
    let secrets = Secrets::new();
    let with = |scheme: &str, rest: &str| format!("{scheme}://me:{URL}@{rest}");
    let bad_sources = [
        with("https", "example.org/slack.tar.gz"),
        with("https", "example.org/slack.git"),
        with("ssh", "example.org/slack.git"),
        with("git", "example.org/slack.git"),
        format!("https://example.org/slack.tar.gz?signature={URL}"),
    ];
    for source in &bad_sources {
        secrets.clean(&["pack", "install", source], 2);
        secrets.clean(&["pack", "install", source, "--ref", "main"], 2);
    }
    let registry = with("https", "example.org/");
    secrets.clean(&["registry", "add", &registry], 2);
    secrets.clean(
        &[
            "registry",
            "add",
            "https://e.org/",
            "--header",
            &format!("A B: {URL}"),
        ],
        2,
    );
}

/// Nobody is there, nobody behind the proxy, the token is not taken any more, the configuration is wrong.
#[test]
fn secrets_are_not_seen_where_nobody_answers() {
    let secrets = Secrets::new();
    let place = &secrets.place;
    for (url, code) in [
        ("http://127.0.0.1:9/", 4),
        ("https://packs.example.org/", 4),
        (secrets.registry.as_str(), 7),
    ] {
        secrets.configure(url, "");
        if code == 7 {
            secrets.clean(&["registry", "logout", &secrets.registry], 0);
        }
        for args in [
            &["pack", "install", "slack"][..],
            &["pack", "show", "slack"],
            &["registry", "check", "Private"],
        ] {
            let output = secrets.command(args).output().unwrap();
            assert_ne!(output.status.code(), Some(0), "{args:?}");
            assert_clean(url, &output.stdout);
            assert_clean(url, &output.stderr);
        }
        secrets.clean(&["pack", "install", "slack"], code);
    }
    // A wrong password for the repository.
    fs::write(
        place.path("home/.netrc"),
        format!("machine 127.0.0.1 login reader password {URL}\n"),
    )
    .unwrap();
    secrets.clean(&["pack", "install", &secrets.repository], 7);
    // Settings that cannot be used.
    for more in [
        format!("      proxy: \"socks9://me:{PROXY}@127.0.0.1:1\"\n"),
        format!("      headers: [{HEADER}]\n"),
        "      priority: x\n".to_owned(),
    ] {
        secrets.configure(&secrets.registry, &more);
        let output = secrets
            .command(&["pack", "install", "slack"])
            .output()
            .unwrap();
        assert_ne!(output.status.code(), Some(0), "{more}");
        assert_clean(&more, &output.stderr);
    }
}
