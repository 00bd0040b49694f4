//! A PostgreSQL of its own, from the distribution's binaries, for one test.

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// The binaries that are used.
const NEEDED: [&str; 4] = ["initdb", "postgres", "pg_isready", "psql"];

/// A server with one database.
pub(crate) struct Postgres {
    child: Child,
    programs: PathBuf,
    port: u16,
    _dir: TempDir,
}

impl Postgres {
    /// Starts one. Without binaries the test says so, and fails where everything must run.
    pub(crate) fn start() -> Option<Self> {
        let programs = programs();
        let named = programs
            .as_ref()
            .map_or("postgres".into(), |p| p.join("postgres"));
        if !super::installed(named.to_str().unwrap()) {
            return None;
        }
        let programs = programs?;
        let dir = tempfile::tempdir().unwrap();
        if is_root() {
            let given = Command::new("chown").arg("nobody").arg(dir.path()).status();
            assert!(given.unwrap().success());
        }
        let data = dir.path().join("data");
        let made = run_as(&programs.join("initdb"))
            .arg("-D")
            .arg(&data)
            .args(["-A", "trust", "-U", "attune", "-E", "UTF8", "--no-sync"])
            .stdout(Stdio::null())
            .status();
        assert!(made.unwrap().success());
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let child = run_as(&programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(dir.path())
            .args(["-p", &port.to_string(), "-F"])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            child,
            programs,
            port,
            _dir: dir,
        };
        let is_ready = |_| {
            server
                .client("pg_isready")
                .arg("-q")
                .status()
                .unwrap()
                .success()
        };
        assert!((0..2000).any(is_ready), "PostgreSQL does not start");
        Some(server)
    }

    /// What `database.url` says.
    pub(crate) fn url(&self) -> String {
        format!("postgres://attune@127.0.0.1:{}/postgres", self.port)
    }

    /// The rows of a query, a line each, columns divided by `|`.
    pub(crate) fn rows(&self, query: &str) -> String {
        let output = self
            .client("psql")
            .args(["-U", "attune", "-d", "postgres", "-Atc", query])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn client(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT: ends at once, with its children; a runner passes it on.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-s", "INT", &pid]).status();
        let _ = self.child.wait();
    }
}

/// The directory that has all binaries: in the `PATH`, or where distributions put them.
fn programs() -> Option<PathBuf> {
    let path = super::path_variable();
    let mut directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    directories.extend(versions.flatten().map(|version| version.path().join("bin")));
    directories
        .into_iter()
        .find(|directory| NEEDED.iter().all(|name| directory.join(name).is_file()))
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A program that refuses to be run by root.
fn run_as(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    // It becomes the program, so that signals reach that.
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"])
        .arg(program);
    command
}
