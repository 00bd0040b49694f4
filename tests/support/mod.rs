//! The binary under test, and small packs for it.

mod answer;
pub(crate) mod contract;
mod gate;
pub(crate) mod git;
pub(crate) mod git_http;
pub(crate) mod index;
pub(crate) mod postgres;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

pub(crate) use answer::Answer;
pub(crate) use gate::Gate;

/// The root of the project.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// A folder of its own for one test, with a home that holds no configuration.
pub(crate) struct Place {
    dir: TempDir,
    /// Where programs are looked for first.
    programs: Option<PathBuf>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("home")).unwrap();
        let programs = None;
        Self { dir, programs }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `attune` in this place, with a fixed clock for builds and no settings from outside.
    pub(crate) fn attune(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_attune"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", self.path_variable())
            .env("HOME", self.path("home"))
            .env("ATTUNE__PACKS_BASE_DIR", self.path("installed"));
        command
    }

    /// From now on, programs are looked for in `directory` first.
    pub(crate) fn prefer_programs_of(&mut self, directory: PathBuf) {
        self.programs = Some(directory);
    }

    fn path_variable(&self) -> OsString {
        let everywhere = path_variable();
        let all = self.programs.iter().cloned();
        let all = all.chain(std::env::split_paths(&everywhere));
        std::env::join_paths(all).unwrap()
    }

    /// Runs to the end; the exit code must be `code`.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str], code: i32) -> Run {
        let output = self.attune(args).output().unwrap();
        let run = Run::of(&output);
        assert_eq!(output.status.code(), Some(code), "attune {args:?}\n{run:?}");
        run
    }

    /// Writes a small valid pack into `packs/<directory>`.
    pub(crate) fn pack(&self, directory: &str, pack_ref: &str, version: &str, extra: &str) {
        let root = self.path("packs").join(directory);
        fs::create_dir_all(root.join("actions")).unwrap();
        let manifest = format!(
            "ref: {pack_ref}\nlabel: {pack_ref}\nversion: \"{version}\"\nrepository: https://example.org/{pack_ref}\n{extra}"
        );
        fs::write(root.join("pack.yaml"), manifest).unwrap();
        let action = format!("ref: {pack_ref}.run\nrunner_type: shell\nentry_point: run.sh\n");
        fs::write(root.join("actions/run.yaml"), action).unwrap();
        fs::write(root.join("actions/run.sh"), "#!/bin/sh\necho ok\n").unwrap();
    }

    /// Builds `packs` into `tree`.
    #[track_caller]
    pub(crate) fn build(&self) -> Run {
        self.run(
            &["registry", "build", "packs", "--out", "tree", "--json"],
            0,
        )
    }

    /// Hosts `what` on a free port.
    pub(crate) fn serve(&self, what: &str) -> Hosted {
        Hosted::start(self.attune(&["registry", "serve", what, "--listen", "127.0.0.1:0"]))
    }
}

#[expect(clippy::disallowed_methods, reason = "tests run other programs")]
pub(crate) fn path_variable() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// A search path on which scripts find the program under test before everything else.
pub(crate) fn path_with_attune() -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_attune")).parent().unwrap();
    format!("{}:{}", binary.display(), path_variable().to_string_lossy())
}

/// What a run printed.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The one JSON document on stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// A server that is stopped when dropped.
pub(crate) struct Hosted {
    child: Child,
    pub(crate) url: String,
}

impl Hosted {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .trim()
            .rsplit(' ')
            .next()
            .unwrap_or_default()
            .to_owned();
        let hosted = Self { child, url };
        // Dropped where this fails, so that the server ends.
        assert!(hosted.url.starts_with("http"), "the server said `{line}`");
        hosted
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, such as `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Ends it without asking, and waits until it has ended: only then its address is free.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        assert!(self.child.wait().unwrap().success());
    }

    pub(crate) fn address(&self) -> &str {
        let address = self.url.split("://").nth(1).unwrap();
        address.trim_end_matches('/')
    }

    /// Status line, headers and body of one GET.
    pub(crate) fn get(&self, path: &str) -> (u16, String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head, answer[end + 4..].to_vec())
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every operation of a description has its place on the page that `/api` shows everyone, whose links lead to its parts.
pub(crate) fn people_can_read(hosted: &Hosted) {
    let (_, _, document) = hosted.get("/openapi.json");
    let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
    let (status, head, body) = hosted.get("/api");
    assert_eq!(status, 200, "{head}");
    assert!(
        head.contains("text/html") && head.contains("style-src 'sha256-"),
        "{head}"
    );
    let page = String::from_utf8(body).unwrap();
    assert!(!page.contains("<script"));
    let ids: Vec<&str> = (page.split(" id=\"").skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let unique: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(unique.len(), ids.len());
    let items = document["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| item.as_object().unwrap().values());
    let named: Vec<&str> = operations
        .filter_map(|operation| operation["operationId"].as_str())
        .collect();
    assert!(
        named.len() > 5 && named.iter().all(|id| unique.contains(id)),
        "{named:?}"
    );
    for link in registry_pages::links(&page) {
        let is_there = match link.target.strip_prefix('#') {
            Some(id) => unique.contains(id),
            None => link.target == "openapi.json",
        };
        assert!(is_there, "{}", link.target);
    }
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: impl AsRef<Path>) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The folder a test variable names; without it the test says so, and fails where everything must run. An empty variable says
/// that the folder is not to be had.
#[expect(clippy::print_stdout, reason = "a test says that it is skipped")]
pub(crate) fn material(variable: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let read = |name| std::env::var_os(name);
    let folder = read(variable).map(PathBuf::from);
    assert!(
        folder.is_some() || read("CI").is_none_or(|ci| ci != "true"),
        "{variable} is not set"
    );
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_none() {
        println!("skipped: {variable} is not set");
    }
    folder
}

/// Whether a program is there; if not the test says so, and fails where everything must run.
#[expect(clippy::print_stdout, reason = "a test says that it is skipped")]
pub(crate) fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let everything = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(found || !everything, "{program} is not installed");
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}

/// Every file and link below a directory with what it holds; empty if there is none.
pub(crate) fn snapshot(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries {
            let entry = entry.unwrap();
            let name = entry
                .path()
                .strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let kind = entry.file_type().unwrap();
            if kind.is_symlink() {
                let target = fs::read_link(entry.path()).unwrap();
                found.insert(name, target.to_string_lossy().into_owned().into_bytes());
            } else if kind.is_dir() {
                waiting.push(entry.path());
                found.insert(name, Vec::new());
            } else {
                found.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}
