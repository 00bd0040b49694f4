//! One runner: its program, its end, its results.

use std::path::{Path, PathBuf};

use pack_format::testing::{Runner, RunnerKind, Testing};
use pack_fs::error::Context as _;
use serde::Deserialize;

use super::report::{CaseStatus, Counts, TestCase, TestSuite};
use super::scratch::Scratch;
use super::{TestError, TestRun, output, place_of};
use crate::confine::{Confined, Confinement};
use crate::environment::EnvironmentKind;
use crate::process::{End, Ended, Job, Watcher};
use crate::variables::{find_program, put_first};

/// What runs unittest and pytest and tells each case.
const PYTHON_RUNNER: &str = include_str!("python_runner.py");
/// Most bytes of results that are read (32 MiB, inclusive).
const MAX_RESULT_BYTES: usize = 32 * 1024 * 1024;
/// How much of a script's output explains its failure, in bytes.
const SHOWN_BYTES: usize = 16 * 1024;

/// One runner about to be run.
pub(super) struct One<'a> {
    pub(super) run: &'a TestRun<'a>,
    pub(super) testing: &'a Testing,
    pub(super) runner: &'a Runner,
    pub(super) scratch: &'a Scratch,
    pub(super) confinement: &'a Confinement,
}

/// What one runner gave.
#[derive(Debug, Clone)]
pub(super) struct Ran {
    pub(super) suite: TestSuite,
    pub(super) coverage: Option<f64>,
}

/// One line of the Python runner.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Case(TestCase),
    Coverage { coverage_percent: f64 },
    End { end: bool },
}

/// What the lines of the Python runner come to.
#[derive(Default)]
struct Told {
    cases: Vec<TestCase>,
    coverage: Option<f64>,
    is_complete: bool,
}

impl One<'_> {
    pub(super) fn run(&self, watcher: &dyn Watcher) -> Result<(Ran, Confined), TestError> {
        let results = self
            .scratch
            .writable()
            .join(format!("results-{}", self.runner.kind.as_str()));
        let mut job = match self.runner.kind {
            RunnerKind::Script => self.script()?,
            RunnerKind::Unittest | RunnerKind::Pytest => self.python(&results)?,
        };
        self.surround(&mut job);
        let settings = self.run.settings;
        job.timeout = Some(self.runner.timeout.unwrap_or(settings.timeout));
        let wrapped = self.confinement.wrap(&job, self.scratch.control())?;
        let ended = wrapped.job.run(watcher)?;
        if ended.end == End::Cancelled {
            return Err(TestError::Cancelled);
        }
        let Some(confined) = wrapped.confined() else {
            let reason = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
            return Err(TestError::Unconfined { reason });
        };
        let ran = match self.runner.kind {
            RunnerKind::Script => self.of_script(&ended),
            RunnerKind::Unittest | RunnerKind::Pytest => self.of_python(&ended, &results),
        };
        Ok((ran, confined))
    }

    /// A file that is executable and says by what is started itself, any other by a shell.
    fn script(&self) -> Result<Job, TestError> {
        let place = place_of(self.testing, self.runner);
        let script = self.scratch.pack().join(place);
        if crate::action::is_script(&script) {
            return Ok(Job::new(script, self.scratch.pack()));
        }
        let mut job = Job::new(self.program("sh")?, self.scratch.pack());
        job.arguments.push(script.into());
        Ok(job)
    }

    fn python(&self, results: &Path) -> Result<Job, TestError> {
        let file = self.scratch.control().join("python_runner.py");
        std::fs::write(&file, PYTHON_RUNNER).on("write", &file)?;
        let own = (self.run.environments.iter()).find(|e| e.kind == EnvironmentKind::Python);
        let python = match (own, self.run.settings.interpreters.python()) {
            (Some(environment), _) => environment.python(),
            (None, Some(interpreter)) => interpreter.executable.clone(),
            (None, None) => return Err(self.missing("python3")),
        };
        let mut job = Job::new(python, self.scratch.pack());
        job.arguments = vec![
            file.into(),
            self.runner.kind.as_str().into(),
            place_of(self.testing, self.runner).into(),
            results.into(),
        ];
        Ok(job)
    }

    fn program(&self, name: &str) -> Result<PathBuf, TestError> {
        let found = find_program(&self.run.settings.variables, name);
        found.ok_or_else(|| self.missing(name))
    }

    fn missing(&self, program: &str) -> TestError {
        TestError::NoRuntime {
            runner: self.runner.name.clone(),
            program: program.to_owned(),
        }
    }

    /// A home and a temporary folder of its own, and nothing that changes from run to run.
    fn surround(&self, job: &mut Job) {
        job.variables = self.run.settings.variables.clone();
        let writable = self.scratch.writable();
        let set = [
            ("HOME", writable.join("home").into_os_string()),
            ("TMPDIR", writable.join("tmp").into_os_string()),
            (
                "ATTUNE_PACK_REF",
                self.run.manifest.pack_ref.as_str().into(),
            ),
            ("ATTUNE_PACK_DIR", self.scratch.pack().into_os_string()),
            ("PYTHONDONTWRITEBYTECODE", "1".into()),
            ("PYTHONNOUSERSITE", "1".into()),
            ("PYTHONHASHSEED", "0".into()),
        ];
        for (name, value) in set {
            job.variables.insert(name.into(), value);
        }
        // Scripts call interpreters too; what the `PATH` leads to may need the home that is not theirs.
        let interpreters = &self.run.settings.interpreters;
        for interpreter in [interpreters.node(), interpreters.python()]
            .into_iter()
            .flatten()
        {
            put_first(&mut job.variables, interpreter.directory());
        }
        for environment in self.run.environments {
            environment.enter(&mut job.variables);
        }
    }

    fn of_script(&self, ended: &Ended) -> Ran {
        let stdout = String::from_utf8_lossy(&ended.stdout);
        let stderr = String::from_utf8_lossy(&ended.stderr);
        let format = self
            .runner
            .result_format
            .as_ref()
            .or(self.testing.result_format.as_ref());
        let mut cases = Vec::new();
        let mut counts = None;
        if format.is_some_and(|format| format == "tap") {
            cases = output::tap(&stdout);
        } else {
            counts = output::simple(&stdout);
        }
        let told_failure = cases
            .iter()
            .any(|c| Counts::of(std::slice::from_ref(c)).failed > 0)
            || counts.is_some_and(|c| c.failed > 0);
        if (cases.is_empty() && counts.is_none_or(|c| c.total() == 0))
            || (!ended.end.is_success() && !told_failure)
        {
            // It tells nothing, or not what its end tells: the script itself is a test.
            cases.push(self.itself(ended, &stdout, &stderr));
        }
        let of_cases = Counts::of(&cases);
        let told = counts.unwrap_or_default();
        let sum = Counts {
            passed: told.passed + of_cases.passed,
            failed: told.failed + of_cases.failed,
            skipped: told.skipped + of_cases.skipped,
        };
        Ran {
            suite: self.suite(sum, cases, ended),
            coverage: None,
        }
    }

    fn of_python(&self, ended: &Ended, results: &Path) -> Ran {
        let bytes = pack_fs::limited::read(results, MAX_RESULT_BYTES).unwrap_or_default();
        let mut told = told(&bytes);
        let failed = Counts::of(&told.cases).failed;
        if !told.is_complete || (!ended.end.is_success() && failed == 0) {
            let (stdout, stderr) = (&ended.stdout, &ended.stderr);
            let (stdout, stderr) = (
                String::from_utf8_lossy(stdout),
                String::from_utf8_lossy(stderr),
            );
            told.cases.push(TestCase {
                status: CaseStatus::Error,
                ..self.itself(ended, &stdout, &stderr)
            });
        }
        Ran {
            suite: self.suite(Counts::of(&told.cases), told.cases, ended),
            coverage: told.coverage,
        }
    }

    /// The runner as one test.
    fn itself(&self, ended: &Ended, stdout: &str, stderr: &str) -> TestCase {
        let good = ended.end.is_success();
        TestCase {
            name: place_of(self.testing, self.runner),
            status: if good {
                CaseStatus::Passed
            } else {
                CaseStatus::Failed
            },
            duration_ms: millis(ended),
            error_message: (!good).then(|| ended.end.to_string()),
            stdout: tail(stdout),
            stderr: tail(stderr),
        }
    }

    fn suite(&self, counts: Counts, test_cases: Vec<TestCase>, ended: &Ended) -> TestSuite {
        TestSuite {
            name: self.runner.name.clone(),
            runner_type: self.runner.kind.as_str().to_owned(),
            total: counts.total(),
            passed: counts.passed,
            failed: counts.failed,
            skipped: counts.skipped,
            duration_ms: millis(ended),
            test_cases,
        }
    }
}

fn told(bytes: &[u8]) -> Told {
    let mut told = Told::default();
    for line in bytes.split(|b| *b == b'\n') {
        match serde_json::from_slice(line) {
            Ok(Line::Case(case)) => told.cases.push(case),
            Ok(Line::Coverage { coverage_percent }) => told.coverage = Some(coverage_percent),
            Ok(Line::End { end }) => told.is_complete |= end,
            // Half a line of a run that was cut off.
            Err(_) => {}
        }
    }
    told
}

fn millis(ended: &Ended) -> u64 {
    u64::try_from(ended.duration.as_millis()).unwrap_or(u64::MAX)
}

/// The end of a text, where the reason of a failure usually is.
fn tail(text: &str) -> String {
    let mut start = text.len().saturating_sub(SHOWN_BYTES);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text[start..].to_owned()
}
