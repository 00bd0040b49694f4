//! Servers that are killed in the middle of `packs/install` and `packs/register-batch`, at every stage: afterwards the
//! disk, the database and the list of jobs agree.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::{Value, json};

use super::Api;
use super::jobs::{Gated, begin, data, job, nothing_is_installed};
use crate::support::{Place, names};

/// Where a job is when its server is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Queued,
    Asking,
    Building,
    Testing,
    /// It is active, and the database cannot be written to.
    Active,
}

const OPERATIONS: [&str; 2] = ["packs/install", "packs/register-batch"];

fn body(operation: &str, path: &str) -> Value {
    match operation {
        "packs/install" => json!({ "source": path }),
        _ => json!({ "pack_paths": [path] }),
    }
}

/// Somebody else who writes to the database, and lets nobody write what is installed.
struct Writer {
    child: Child,
    _input: ChildStdin,
}

impl Writer {
    fn begin(api: &Api) -> Self {
        const SQLITE: &str = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\nc.execute('PRAGMA busy_timeout = 60000')\n\
                              c.execute('BEGIN IMMEDIATE')\nprint('begun', flush=True)\nsys.stdin.read()\n";
        let mut command = if let Some(postgres) = &api.postgres {
            postgres.session()
        } else {
            let mut command = Command::new("python3");
            command.args(["-c", SQLITE]);
            command.arg(api.place.path("data/server.db"));
            command
        };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        // The other one reads nothing.
        input
            .write_all(b"BEGIN; LOCK TABLE packs IN ACCESS EXCLUSIVE MODE; SELECT 'begun';\n")
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "begun\n");
        Self {
            child,
            _input: input,
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the events of a job until one has this word.
fn wait_for_event(api: &Api, token: &str, (id, word): (&str, &str)) {
    let mut child = Command::new("curl")
        .args(["-sSN", "-H"])
        .arg(format!("Authorization: Bearer {token}"))
        .arg(format!("{}api/v1/jobs/{id}/events", api.hosted.url))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = output.lines().map_while(Result::ok);
    let found = lines.any(|line| line.contains(word));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(found, "no event has `{word}`");
}

/// Kills a server there; returns it started again, with the token, the job, and the pack.
fn cut(operation: &str, stage: Stage) -> (Api, String, Value) {
    let place = Place::new();
    let gated = Gated::new(&place, "core");
    let first = Gated::new(&place, "first");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = "server: {jobs: {at_once: 1}}\n".to_owned();
    let address = silent.local_addr().unwrap();
    if stage == Stage::Asking {
        config.push_str(&format!("pack_registry: {{allow_http: true, indices: [{{url: 'http://{address}/index.json'}}]}}\n"));
        let manifest = format!("{}/pack.yaml", gated.path);
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, format!("{text}dependencies: [nothing]\n")).unwrap();
    }
    if stage == Stage::Building {
        config.push_str(&format!(
            "environments: {{python_index: 'http://{address}/simple'}}\n"
        ));
        fs::write(format!("{}/requirements.txt", gated.path), "tiny==1.0.0\n").unwrap();
    }
    let mut api = Api::with(place, &config);
    let token = api.login();
    // The one place is taken.
    let occupied = (stage == Stage::Queued).then(|| {
        begin(
            &api,
            &token,
            ("packs/register-batch", &json!({"pack_paths": [first.path]})),
        );
        first.reached()
    });
    let id = begin(&api, &token, (operation, &body(operation, &gated.path)));
    let mut connections = Vec::new();
    let held = match stage {
        Stage::Queued => occupied,
        // Nobody answers there.
        Stage::Asking | Stage::Building => {
            connections.push(silent.accept().unwrap());
            None
        }
        Stage::Testing => Some(gated.reached()),
        Stage::Active => {
            let mut gate = gated.reached();
            let writer = Writer::begin(&api);
            gate.write_all(b"pass\n").unwrap();
            wait_for_event(&api, &token, (&id, "generation 1 is active"));
            api.hosted.kill();
            drop(writer);
            None
        }
    };
    api.crash();
    drop((held, connections));
    let over = job(&api, &token, &id);
    (api, token, over)
}

/// Before the switch nothing is left, after it everything is there; the job says which.
#[test]
fn killed_servers_are_made_whole() {
    let stages = [
        Stage::Queued,
        Stage::Asking,
        Stage::Building,
        Stage::Testing,
        Stage::Active,
    ];
    for operation in OPERATIONS {
        for stage in stages {
            let (api, token, over) = cut(operation, stage);
            let what = format!("{operation}, {stage:?}: {over}");
            assert_eq!(over["state"], "interrupted", "{what}");
            let told = over["error"]["message"].as_str().unwrap();
            let base = api.place.path("installed");
            if stage == Stage::Active {
                assert!(told.contains("this is active: +core@1.0.0;"), "{what}");
                assert!(base.join("core/pack.yaml").is_file(), "{what}");
                assert_eq!(
                    api.rows("SELECT ref, version FROM packs"),
                    json!([["core", "1.0.0"]]),
                    "{what}"
                );
                assert_eq!(
                    api.rows("SELECT ref FROM components"),
                    json!([["core.run"]]),
                    "{what}"
                );
            } else {
                let expected = if stage == Stage::Queued {
                    "before it began"
                } else {
                    "no pack was changed"
                };
                assert!(told.contains(expected), "{what}");
                nothing_is_installed(&base);
                assert_eq!(api.rows("SELECT ref FROM packs"), json!([]), "{what}");
            }
            let staging = base.join(".attune/staging");
            assert!(!staging.exists() || names(staging).is_empty(), "{what}");
            let list = api.ask("GET", &token, "jobs", "");
            let open = |job: &&Value| job["state"] == "queued" || job["state"] == "running";
            let open = data(&list)["items"]
                .as_array()
                .unwrap()
                .iter()
                .filter(open)
                .count();
            assert_eq!(open, 0, "{what}");
        }
    }
}
