//! Runs the binary and measures it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::json;

use crate::support::Place;

/// Runs commands and measures each: python3 has `wait4`, which tells the peak of one child exactly.
/// A child starts as a copy of the driver, so nothing below the driver's own 10 MiB can be told.
const DRIVER: &str = r#"
import json, os, signal, subprocess, sys, tempfile, time
for line in sys.stdin:
    job = json.loads(line)
    out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
    start = time.monotonic()
    child = subprocess.Popen(job["args"], cwd=job["cwd"], env=job["env"], stdin=subprocess.DEVNULL,
                             stdout=out, stderr=err, preexec_fn=lambda: signal.alarm(60))
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    out.seek(0); err.seek(0)
    text = lambda f: f.read(1 << 20).decode("utf-8", "replace")
    print(json.dumps({"code": child.returncode, "wall": wall, "rss_kib": usage.ru_maxrss,
                      "stdout": text(out), "stderr": text(err)}), flush=True)
    out.close(); err.close()
"#;

/// One run of the binary.
#[derive(Debug, Deserialize)]
pub(super) struct Measured {
    pub(super) code: i32,
    pub(super) wall: f64,
    pub(super) rss_kib: u64,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Measured {
    /// Nothing but a plain exit; refusals say one error.
    pub(super) fn is_orderly(&self) -> bool {
        let errors = self
            .stderr
            .lines()
            .filter(|l| l.starts_with("error:"))
            .count();
        matches!(self.code, 0..=8)
            && !self.stderr.contains("panicked")
            && errors == usize::from(self.code != 0)
    }
}

pub(super) struct Driver {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Driver {
    pub(super) fn start() -> Self {
        let mut child = Command::new("python3")
            .args(["-c", DRIVER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self {
            input: child.stdin.take(),
            child,
            output,
        }
    }

    pub(super) fn run(&mut self, place: &Place, args: &[&str]) -> Measured {
        let command = place.attune(args);
        let text = |os: &std::ffi::OsStr| os.to_string_lossy().into_owned();
        let mut environment: BTreeMap<String, String> = command
            .get_envs()
            .filter_map(|(name, value)| Some((text(name), text(value?))))
            .collect();
        environment.insert("TMPDIR".to_owned(), place.path("tmp").display().to_string());
        let mut whole = vec![text(command.get_program())];
        whole.extend(command.get_args().map(text));
        let job = json!({"args": whole, "cwd": command.get_current_dir(), "env": environment});
        writeln!(self.input.as_mut().unwrap(), "{job}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
