//! Git repositories and real servers for them, on loopback.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::path_variable;

/// A git repository with a work tree, made by the git command line without anybody's configuration.
pub(crate) struct Repository {
    pub(crate) path: PathBuf,
}

impl Repository {
    /// An empty one whose default branch is `main`.
    pub(crate) fn new(path: PathBuf) -> Self {
        fs::create_dir_all(&path).unwrap();
        let repository = Self { path };
        repository.git(&["init", "-q", "-b", "main", "."]);
        repository
    }

    /// Runs git in it; returns what it printed, trimmed.
    #[track_caller]
    pub(crate) fn git(&self, args: &[&str]) -> String {
        git_in(&self.path, args)
    }

    /// Writes a small valid pack below `directory` (empty for the root).
    pub(crate) fn pack(&self, directory: &str, pack_ref: &str, version: &str) {
        let root = self.path.join(directory);
        fs::create_dir_all(root.join("actions")).unwrap();
        let manifest = format!("ref: {pack_ref}\nlabel: {pack_ref}\nversion: \"{version}\"\n");
        fs::write(root.join("pack.yaml"), manifest).unwrap();
        let action = format!("ref: {pack_ref}.run\nrunner_type: shell\nentry_point: run.sh\n");
        fs::write(root.join("actions/run.yaml"), action).unwrap();
        let script = root.join("actions/run.sh");
        fs::write(&script, "#!/bin/sh\necho ok\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&script, mode).unwrap();
    }

    /// Commits everything; returns the commit.
    pub(crate) fn commit(&self) -> String {
        self.git(&["add", "-A", "."]);
        self.git(&["commit", "-q", "-m", "x", "--allow-empty"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Commits a tree made of raw entries, `mode type id\tname` lines as `git mktree` takes them.
    pub(crate) fn commit_raw(&self, entries: &[String]) -> String {
        let id = self.tree(entries);
        let commit = self.git(&["commit-tree", &id, "-m", "raw"]);
        self.git(&["update-ref", "refs/heads/main", &commit]);
        commit
    }

    /// Writes a tree object as it is, valid for git or not.
    pub(crate) fn tree(&self, entries: &[String]) -> String {
        let mut bytes = Vec::new();
        for entry in entries {
            let (head, name) = entry.split_once('\t').unwrap();
            let (mode, id) = head.split_once(' ').unwrap();
            bytes.extend(format!("{mode} {name}\0").into_bytes());
            let pairs = id.as_bytes().chunks(2);
            bytes.extend(
                pairs.map(|p| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap()),
            );
        }
        self.object("tree", &bytes)
    }

    /// Writes a file's content as an object.
    pub(crate) fn blob(&self, content: &[u8]) -> String {
        self.object("blob", content)
    }

    fn object(&self, kind: &str, content: &[u8]) -> String {
        let file = self.path.join(".git/new-object");
        fs::write(&file, content).unwrap();
        self.git(&[
            "hash-object",
            "--literally",
            "-w",
            "-t",
            kind,
            ".git/new-object",
        ])
    }
}

/// Runs git somewhere, without anybody's configuration.
#[track_caller]
pub(crate) fn git_in(directory: &Path, args: &[&str]) -> String {
    let output = isolated(Command::new("git").args(args).current_dir(directory))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {said}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The same for any program of git.
pub(crate) fn isolated(command: &mut Command) -> &mut Command {
    command.env_clear().env("PATH", path_variable()).envs([
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_AUTHOR_NAME", "a"),
        ("GIT_AUTHOR_EMAIL", "a@example.org"),
        ("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z"),
        ("GIT_COMMITTER_NAME", "a"),
        ("GIT_COMMITTER_EMAIL", "a@example.org"),
        ("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z"),
    ])
}

/// A server that is a child process, stopped when dropped.
pub(crate) struct Daemon {
    child: Child,
    pub(crate) port: u16,
}

impl Daemon {
    /// `git daemon` for every repository below `root`.
    pub(crate) fn git(root: &Path) -> Self {
        let port = free_port();
        // The program itself: `git daemon` would start it as a child, which would outlive its parent.
        let programs = git_in(root, &["--exec-path"]);
        let mut command = Command::new(Path::new(&programs).join("git-daemon"));
        command
            .args([
                "--verbose",
                "--export-all",
                "--reuseaddr",
                "--listen=127.0.0.1",
            ])
            .arg(format!("--port={port}"))
            .arg(format!("--base-path={}", root.display()))
            .arg(root);
        isolated(&mut command)
            // Repositories of the test may belong to another user than the daemon runs as.
            .envs([
                ("GIT_CONFIG_COUNT", "1"),
                ("GIT_CONFIG_KEY_0", "safe.directory"),
                ("GIT_CONFIG_VALUE_0", "*"),
            ]);
        Self::start(command, port, "Ready to rumble")
    }

    /// Starts a server that says `ready` on its standard error when it is.
    pub(crate) fn start(mut command: Command, port: u16, ready: &str) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains(ready) {
            line.clear();
            let read = lines.read_line(&mut line).unwrap();
            assert!(read > 0, "the server ended before it was ready");
        }
        // Nobody reads what it says later, and it must not wait for that.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Self { child, port }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
