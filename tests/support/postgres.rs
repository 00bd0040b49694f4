//! One PostgreSQL for a run of the tests, from the distribution's binaries, and a database of its own for each test.

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

/// The binaries that are used.
const NEEDED: [&str; 4] = ["initdb", "postgres", "pg_isready", "psql"];

/// Ends the server and removes its folder once nobody holds the other end of its input: however a run ends.
const KEEPER: &str =
    r#"dir=$1; shift; "$@" & pid=$!; read -r _; kill -QUIT $pid; wait $pid; rm -rf "$dir""#;

/// The server of this run.
struct Server {
    programs: PathBuf,
    port: u16,
    databases: AtomicUsize,
    /// Its input, held open here, ends with this process.
    _keeper: Child,
}

/// A database of its own.
pub(crate) struct Postgres {
    server: &'static Server,
    name: String,
}

impl Postgres {
    /// A new one. Without binaries the test says so, and fails where everything must run.
    pub(crate) fn new() -> Option<Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        let programs = programs();
        let named = programs
            .as_ref()
            .map_or("postgres".into(), |p| p.join("postgres"));
        if !super::installed(named.to_str().unwrap()) {
            return None;
        }
        let server = SERVER
            .get_or_init(|| programs.map(Server::start))
            .as_ref()?;
        let number = server.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        server.query("postgres", &format!("CREATE DATABASE {name}"));
        Some(Self { server, name })
    }

    /// What `database.url` says.
    pub(crate) fn url(&self) -> String {
        format!(
            "postgres://attune@127.0.0.1:{}/{}",
            self.server.port, self.name
        )
    }

    /// `psql`, which does what it reads.
    pub(crate) fn session(&self) -> Command {
        let mut command = self.server.client("psql");
        command.args(["-U", "attune", "-d", &self.name, "-Atq"]);
        command
    }

    /// Does what statements say.
    pub(crate) fn alter(&self, statements: &str) {
        self.server.query(&self.name, statements);
    }

    /// The rows of a query, each a list of its values.
    pub(crate) fn rows(&self, query: &str) -> Value {
        let query = format!("SELECT coalesce(json_agg(t), '[]') FROM ({query}) t");
        let text = self.server.query(&self.name, &query);
        let rows: Vec<serde_json::Map<String, Value>> = serde_json::from_str(&text).unwrap();
        let values = rows.into_iter().map(|row| row.into_values().collect());
        json!(values.collect::<Vec<Vec<Value>>>())
    }
}

impl Server {
    fn start(programs: PathBuf) -> Self {
        let dir = tempfile::tempdir().unwrap().keep();
        if is_root() {
            let given = Command::new("chown").arg("nobody").arg(&dir).status();
            assert!(given.unwrap().success());
        }
        let data = dir.join("data");
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
        let mut server = run_as(&programs.join("postgres"));
        server.arg("-D").arg(&data).arg("-k").arg(&dir);
        server.args(["-p", &port.to_string(), "-F"]);
        server.args([
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "max_connections=300",
        ]);
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&dir)
            .arg(server.get_program())
            .args(server.get_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            programs,
            port,
            databases: AtomicUsize::new(0),
            _keeper: keeper,
        };
        let is_ready = |_| {
            let mut asked = server.client("pg_isready");
            asked.arg("-q").status().unwrap().success()
        };
        assert!((0..2000).any(is_ready), "PostgreSQL does not start");
        server
    }

    fn query(&self, database: &str, query: &str) -> String {
        let output = self
            .client("psql")
            .args(["-U", "attune", "-d", database, "-Atc", query])
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
