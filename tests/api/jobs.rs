//! Requests that take a while: they become jobs that can be watched, called off, and found after a cut.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{Api, shape};
use crate::support::{Answer, Gate, Place, names, snapshot};

/// A pack whose test waits until somebody opens its gate.
pub(super) struct Gated {
    pub(super) path: String,
    gate: Gate,
}

impl Gated {
    /// In the home of the place, with a gate beside it.
    pub(super) fn new(place: &Place, pack_ref: &str) -> Self {
        let testing = "testing: {runners: {gate: {type: script, entry_point: tests/gate.sh}}}\n";
        place.pack(pack_ref, pack_ref, "1.0.0", testing);
        let path = place.path("home").join(pack_ref);
        fs::rename(place.path("packs").join(pack_ref), &path).unwrap();
        let gate = Gate::new(place.path("home").join(format!("{pack_ref}.gate")));
        fs::create_dir(path.join("tests")).unwrap();
        let script = format!(
            "echo the test waits\nread line < '{}'\n[ \"$line\" = pass ]\n",
            gate.path().display()
        );
        fs::write(path.join("tests/gate.sh"), script).unwrap();
        Self {
            path: path.display().to_string(),
            gate,
        }
    }

    /// Waits until the test is there.
    pub(super) fn reached(&self) -> File {
        self.gate.reached()
    }

    /// Lets the test that waits, or the next one, pass.
    pub(super) fn pass(&self) {
        self.reached().write_all(b"pass\n").unwrap();
    }
}

pub(super) fn data(answer: &Answer) -> &Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    &answer.body["data"]
}

const ASYNC: &str = "Prefer: respond-async\r\n";

/// Asks for a job; returns its name.
pub(super) fn begin(api: &Api, token: &str, (path, body): (&str, &Value)) -> String {
    let answer = api.ask_with("POST", token, (path, ASYNC), &body.to_string());
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.body["data"]["id"].as_str().unwrap().to_owned();
    let place = format!("location: /api/v1/jobs/{id}\r\n");
    assert!(answer.head.to_lowercase().contains(&place), "{answer:?}");
    id
}

pub(super) fn job(api: &Api, token: &str, id: &str) -> Value {
    data(&api.ask("GET", token, &format!("jobs/{id}"), "")).clone()
}

/// The events of a job until its end: name and data of each.
pub(super) fn events(api: &Api, token: &str, (id, fields): (&str, &str)) -> Vec<(String, Value)> {
    let text = raw_events(api, token, (id, fields));
    let field = |event: &str, name: &str| {
        let mut lines = event.lines();
        let line = lines.find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().to_owned()
    };
    text.split("\n\n")
        .filter(|event| event.contains("event: "))
        .map(|event| {
            let data = serde_json::from_str(&field(event, "data: ")).unwrap();
            (field(event, "event: "), data)
        })
        .collect()
}

fn raw_events(api: &Api, token: &str, (id, fields): (&str, &str)) -> String {
    let output = Command::new("curl")
        .args(["-sS", "-N", "-H"])
        .arg(format!("Authorization: Bearer {token}"))
        .args(fields.lines().flat_map(|field| ["-H", field]))
        .arg(format!("{}api/v1/jobs/{id}/events", api.hosted.url))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Waits for the end of a job; returns it.
pub(super) fn ended(api: &Api, token: &str, id: &str) -> Value {
    let events = events(api, token, (id, ""));
    let (name, last) = events.last().unwrap();
    assert_eq!(name, "end");
    assert_eq!(*last, job(api, token, id));
    last.clone()
}

/// Below `.attune`, what a pack would leave: nothing of it is there.
pub(super) fn nothing_is_installed(base: &Path) {
    let left = snapshot(base);
    let is_trace = |name: &&String| {
        [".attune/store/", ".attune/staging/", ".attune/generations/"]
            .iter()
            .any(|place| name.starts_with(place))
            || !name.starts_with(".attune")
    };
    let traces: Vec<&String> = left.keys().filter(is_trace).collect();
    assert!(traces.is_empty(), "{traces:?}");
}

/// 202 at once; the job can be looked at, listed and watched while it runs, and its result is what a request that
/// waits would get. Who comes again goes on where it was.
#[test]
fn jobs_run_after_their_request() {
    let api = Api::new();
    let token = api.login();
    let gated = Gated::new(&api.place, "core");
    let body = json!({"pack_paths": [gated.path]});
    let id = begin(&api, &token, ("packs/register-batch", &body));
    let gate = gated.reached();
    let running = job(&api, &token, &id);
    assert_eq!(
        shape(&running),
        json!({"id": "string", "operation": "string", "account": "string", "state": "string", "step": "string",
            "percent": "number", "created_at": "string", "started_at": "string", "finished_at": "null",
            "result": "null", "error": "null"})
    );
    assert_eq!(
        (&running["state"], &running["step"]),
        (&json!("running"), &json!("testing core@1.0.0"))
    );
    let list = api.ask("GET", &token, "jobs?page_size=1", "");
    assert_eq!(data(&list)["items"][0]["id"], json!(id));
    assert_eq!(data(&list)["pagination"]["total_items"], 1);
    drop(gate);
    // An open that ends without a word fails the test; the next one is another job.
    let over = ended(&api, &token, &id);
    assert_eq!(over["result"]["failed_packs"][0]["error_stage"], "testing");
    let id = begin(&api, &token, ("packs/register-batch", &body));
    gated.pass();
    let seen = events(&api, &token, (&id, ""));
    let names: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
    assert!(
        names.contains(&"step") && names.contains(&"log"),
        "{seen:?}"
    );
    let said = json!({"level": "output", "line": "the test waits"});
    assert!(seen.contains(&("log".to_owned(), said)), "{seen:?}");
    let over = job(&api, &token, &id);
    assert_eq!(
        (&over["state"], &over["percent"], &over["error"]),
        (&json!("succeeded"), &json!(100), &Value::Null)
    );
    assert_eq!(over["result"]["summary"]["success_count"], 1, "{over}");
    let rest = events(&api, &token, (&id, "Last-Event-ID: 2"));
    assert_eq!(rest[..], seen[2..]);
    assert_eq!(raw_events(&api, &token, (&id, "Last-Event-ID: end")), "");
    assert_eq!(api.ask("GET", &token, "jobs/nothing", "").status, 404);
}

/// A job that is called off stops its tests and leaves nothing; one that waits does not begin; one that is over
/// cannot be called off.
#[test]
fn jobs_are_called_off() {
    let place = Place::new();
    let (first, second) = (Gated::new(&place, "core"), Gated::new(&place, "aws"));
    let api = Api::with(place, "server: {jobs: {at_once: 1, queued: 1}}\n");
    let token = api.login();
    let of = |pack: &Gated| json!({"pack_paths": [pack.path]});
    let running = begin(&api, &token, ("packs/register-batch", &of(&first)));
    let _gate = first.reached();
    let waiting = begin(&api, &token, ("packs/register-batch", &of(&second)));
    assert_eq!(job(&api, &token, &waiting)["state"], "queued");
    // One runs, one waits: there is room for no more.
    let refused = api.post(&token, "packs/register-batch", &of(&second));
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (503, &json!("busy"))
    );
    assert!(
        refused.head.to_lowercase().contains("retry-after: "),
        "{refused:?}"
    );
    assert_eq!(
        data(&api.ask("GET", &token, "jobs", ""))["pagination"]["total_items"],
        2
    );
    data(&api.ask("DELETE", &token, &format!("jobs/{waiting}"), ""));
    assert_eq!(ended(&api, &token, &waiting)["state"], "cancelled");
    data(&api.ask("POST", &token, &format!("jobs/{running}/cancel"), ""));
    let over = ended(&api, &token, &running);
    assert_eq!(
        (&over["state"], &over["error"]["code"]),
        (&json!("cancelled"), &json!("cancelled")),
        "{over}"
    );
    nothing_is_installed(&api.place.path("installed"));
    assert!(first.gate.is_deserted());
    let again = api.ask("DELETE", &token, &format!("jobs/{running}"), "");
    assert_eq!((again.status, &again.body["code"]), (409, &json!("over")));
}

/// A server that is asked to end calls its jobs off and says so; the next one still knows them.
#[test]
fn jobs_end_with_their_server() {
    let mut api = Api::new();
    let token = api.login();
    let gated = Gated::new(&api.place, "core");
    let body = json!({"pack_paths": [gated.path]});
    let id = begin(&api, &token, ("packs/register-batch", &body));
    let _gate = gated.reached();
    api.restart();
    let over = job(&api, &token, &id);
    assert_eq!(
        (&over["state"], &over["error"]["code"]),
        (&json!("interrupted"), &json!("interrupted")),
        "{over}"
    );
    nothing_is_installed(&api.place.path("installed"));
    let told = events(&api, &token, (&id, ""));
    assert_eq!(told, [("end".to_owned(), over)]);
}

/// A server that is killed in the middle of a job: after the next start the job is over and says what was done, the
/// database knows what is on the disk, and the same request works.
#[test]
fn killed_servers_leave_nothing_half_done() {
    let mut api = Api::new();
    let token = api.login();
    let (core, aws) = (
        Gated::new(&api.place, "core"),
        Gated::new(&api.place, "aws"),
    );
    let body = json!({"pack_paths": [core.path, aws.path]});
    let id = begin(&api, &token, ("packs/register-batch", &body));
    core.pass();
    let gate = aws.reached();
    api.crash();
    // Killed with its server, and nobody is left who could wait for its end.
    Gate::left(&gate);
    let over = job(&api, &token, &id);
    assert_eq!(over["state"], "interrupted", "{over}");
    let told = over["error"]["message"].as_str().unwrap();
    assert!(told.contains("this is active: +core@1.0.0;"), "{told}");
    assert_eq!(
        api.rows("SELECT ref, version FROM packs"),
        json!([["core", "1.0.0"]])
    );
    assert_eq!(
        api.rows("SELECT pack, ref FROM components"),
        json!([["core", "core.run"]])
    );
    assert_eq!(
        api.rows("SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'running')"),
        json!([[0]])
    );
    let base = api.place.path("installed");
    assert!(base.join("core/pack.yaml").is_file() && !base.join("aws").exists());
    assert_eq!(names(base.join(".attune/staging")), Vec::<String>::new());
    let tests = api.ask("GET", &token, "packs/core/tests", "");
    assert_eq!(data(&tests)["items"][0]["status"], "passed");
    let body = json!({"pack_paths": [aws.path]});
    let id = begin(&api, &token, ("packs/register-batch", &body));
    aws.pass();
    assert_eq!(ended(&api, &token, &id)["state"], "succeeded");
    let latest = api.ask("GET", &token, "packs/aws/tests/latest", "");
    assert_eq!(data(&latest)["result"]["test_suites"][0]["name"], "gate");
    assert_eq!(
        api.ask("GET", &token, "packs/other/tests/latest", "")
            .status,
        404
    );
}
