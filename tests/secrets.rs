//! A canary in every place for a secret; then every command that talks to somebody, with success and with each kind
//! of failure. Nothing it prints, writes or hands to another program may hold one of them, in any form.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::environments::wheel;
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
        self.clean_with(args, &[], code);
    }

    /// The same with more variables.
    #[track_caller]
    fn clean_with(&self, args: &[&str], variables: &[(&str, &str)], code: i32) {
        let mut command = self.command(args);
        command.envs(variables.iter().copied());
        let (output, children) = watched(&mut command);
        for child in children {
            assert_clean(&format!("{args:?}: a child"), child.as_bytes());
        }
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

/// Runs a command to its end, and reads again and again what `/proc` shows to others of the processes it started: their
/// command lines, and their variables but for those of proxies, which are theirs to know.
fn watched(command: &mut Command) -> (Output, BTreeSet<String>) {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (top, done) = (child.id(), AtomicBool::new(false));
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !done.load(Ordering::Acquire) {
                look(top, &mut seen);
                thread::yield_now();
            }
            seen
        });
        let output = child.wait_with_output().unwrap();
        done.store(true, Ordering::Release);
        (output, watcher.join().unwrap())
    })
}

/// One look at a process and everything it has started.
fn look(top: u32, seen: &mut BTreeSet<String>) {
    // A process that has ended meanwhile shows nothing.
    let text = |path: String| {
        let bytes = fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let stat = text(format!("/proc/{pid}/stat"));
        let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        if let Some(parent) = after_name.split(' ').nth(1).and_then(|p| p.parse().ok()) {
            parents.insert(pid, parent);
        }
    }
    let descends = |pid: u32| {
        let mut above = parents.get(&pid);
        while let Some(parent) = above {
            if *parent == top {
                return true;
            }
            above = parents.get(parent);
        }
        false
    };
    for pid in parents.keys().copied().filter(|pid| descends(*pid)) {
        seen.insert(text(format!("/proc/{pid}/cmdline")));
        // Between fork and exec its environment is still that of the program itself, which people filled. Looked at in this
        // order: what is another program now had its own environment before.
        if fs::read_link(format!("/proc/{pid}/exe")).ok()
            == fs::read_link(format!("/proc/{top}/exe")).ok()
        {
            continue;
        }
        let environment = text(format!("/proc/{pid}/environ"));
        let mut before = "";
        for entry in environment.split('\0') {
            // A shell that starts cuts each variable in two at its `=` while it reads it.
            let cut = !before.contains('=') && before.to_uppercase().ends_with("_PROXY");
            let is_of_proxy = cut || entry.to_uppercase().contains("_PROXY=");
            if !is_of_proxy {
                seen.insert(entry.to_owned());
            }
            before = entry;
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

/// A panic at any step of a change, with everything that can be told of it, tells no secret; nothing has changed, or the
/// change is done, and the next command works.
#[test]
fn secrets_are_not_seen_in_panics() {
    let secrets = Secrets::new();
    secrets.clean(&["pack", "install", "core"], 0);
    let steps = [
        "Download", "Locked", "Swept", "Staged", "Synced", "Stored", "Written", "Linked",
        "Switched", "Tidied",
    ];
    for step in steps {
        let variables = [("ATTUNE_TEST_PANIC", step), ("RUST_BACKTRACE", "full")];
        let expected = if step == "Download" {
            "`Download`"
        } else {
            "a test asked for a panic"
        };
        for what in ["slack", secrets.repository.as_str()] {
            // Repositories are not announced as downloads are.
            if step == "Download" && what != "slack" {
                continue;
            }
            secrets.place.run(&["cache", "clear"], 0);
            let mut command = secrets.command(&["pack", "install", what, "--force"]);
            let output = command.envs(variables).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains(expected), "{step}: {said}");
            assert_ne!(output.status.code(), Some(0), "{step}: {said}");
            secrets.clean_with(&["pack", "install", what, "--force"], &variables, 101);
            secrets.clean(&["pack", "verify"], 0);
        }
    }
    secrets.clean(
        &["pack", "install", "slack", &secrets.repository, "--force"],
        0,
    );
}

/// Package managers, runners and tests of packs are started without what is not theirs to know.
#[test]
fn secrets_are_not_seen_by_package_managers_and_tests() {
    let secrets = Secrets::new();
    let place = &secrets.place;
    wheel(&place.path("demo/wheels"), "1.0.0");
    // A test that tells everything it can find out.
    let test =
        "#!/bin/sh\nid\nenv\ncat /proc/*/environ | tr '\\0' '\\n' | grep -a 'cA[n]Ary'\nexit 0\n";
    for (name, text) in [
        (
            "pack.yaml",
            "ref: demo\nlabel: Demo\nversion: \"1.0.0\"\ntesting: {runners: {shell: {type: script, entry_point: tests/run.sh}}}\n",
        ),
        ("requirements.txt", "--find-links wheels\ntiny==1.0.0\n"),
        ("tests/run.sh", test),
    ] {
        let path = place.path("demo").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    for more in [&["--offline"][..], &["--force"]] {
        let args = [&["pack", "install", "./demo", "--json"], more].concat();
        secrets.clean(&args, 0);
    }
    secrets.clean(&["pack", "test", "demo", "--detailed"], 0);
    // What a test says is told where it fails.
    fs::write(
        place.path("demo/tests/run.sh"),
        test.replace("exit 0", "exit 1"),
    )
    .unwrap();
    let args = ["pack", "test", "./demo", "--detailed", "--json"];
    secrets.clean(&args, 1);
    let ran = secrets.place.run(&args, 1);
    assert!(
        ran.stdout.contains("PATH=") && ran.stdout.contains("uid="),
        "{ran:?}"
    );
}
