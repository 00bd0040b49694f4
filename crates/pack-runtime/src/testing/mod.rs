//! Tests: runs what a manifest's `testing` section names, confined, and gives the results.
//!
//! 1. Copy the pack into a scratch directory, which the tests may write to.
//! 2. Run each runner in the manifest's order, each with its time limit.
//! 3. Read what it tells: one line per case from unittest and pytest, TAP or numbers from scripts. A script that tells
//!    nothing is one test, passed if its exit code is 0.
//! 4. Compare the part that passed with `min_pass_rate`.
//!
//! SECURITY: tests are the pack's code. They get no token, no home and no network (`crate::confine`).

mod output;
mod report;
mod runner;
mod scratch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pack_format::manifest::Manifest;
use pack_format::testing::{OnFailure, Testing};
use pack_format::{Hint, MetadataError, Timestamp};
use pack_fs::FsError;

use self::report::Counts;
pub use self::report::{CaseStatus, TestCase, TestReport, TestStatus, TestSuite};
use self::scratch::Scratch;
use crate::confine::{Confined, Confinement, Reach};
use crate::environment::Environment;
use crate::interpreter::Interpreters;
use crate::process::{Job, Unwatched, Watcher};
use crate::variables::{Variables, find_program};

/// How long a runner may take if neither its manifest nor the caller says.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(5);

/// Why tests were not run to their end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestError {
    /// The section is wrong.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The scratch directory or a program cannot be used.
    #[error(transparent)]
    File(#[from] FsError),
    /// A program that a runner needs is not here.
    #[error("runner `{runner}` needs `{program}`, which is not on this machine")]
    NoRuntime {
        /// The runner.
        runner: String,
        /// The program.
        program: String,
    },
    /// The launcher ended without starting the tests.
    #[error("the tests could not be confined: {reason}")]
    Unconfined {
        /// What it said.
        reason: String,
    },
    /// The caller wants a confinement that this kernel does not offer.
    #[error("this kernel cannot confine the {} of tests", missing.join(", "))]
    Weak {
        /// What is missing.
        missing: Vec<&'static str>,
    },
    /// The watcher called it off.
    #[error("the tests were called off")]
    Cancelled,
}

impl Hint for TestError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Metadata(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::NoRuntime { program, .. } => Some(format!(
                "install it, or put the directory of `{program}` on the `PATH`"
            )),
            Self::Weak { .. } => Some("run them on a kernel with Landlock and seccomp".to_owned()),
            Self::Unconfined { .. } | Self::Cancelled => None,
        }
    }
}

/// Whether tests run where the kernel offers less than everything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strength {
    /// With what there is; the report tells.
    #[default]
    Offered,
    /// Only where network, writes and system calls can be confined.
    Required,
}

/// How tests are run.
#[derive(Debug, Clone)]
pub struct TestSettings {
    /// See [`Confinement::launcher`].
    pub launcher: PathBuf,
    /// The environment of tests, without what is set here.
    pub variables: Variables,
    /// The interpreters that run them.
    pub interpreters: Arc<Interpreters>,
    /// Where scratch directories are made.
    pub scratch: PathBuf,
    /// How long a runner may take that says nothing.
    pub timeout: Duration,
    /// What the kernel must offer.
    pub strength: Strength,
}

/// The tests of one pack, about to be run.
#[derive(Debug)]
pub struct TestRun<'a> {
    /// Its tree.
    pub pack: &'a Path,
    /// Its environments.
    pub environments: &'a [Environment],
    /// Its manifest.
    pub manifest: &'a Manifest,
    /// How.
    pub settings: &'a TestSettings,
    /// The present.
    pub now: Timestamp,
}

/// Results, and what follows from them.
#[derive(Debug, Clone)]
pub struct Tested {
    /// The results.
    pub report: TestReport,
    /// What the manifest wants if too few pass.
    pub on_failure: OnFailure,
    /// The part that has to pass.
    pub min_pass_rate: f64,
}

impl TestRun<'_> {
    /// Runs all of them.
    ///
    /// # Errors
    /// [`TestError`] if they could not be run. That they failed is in the report.
    pub fn run(&self, watcher: &dyn Watcher) -> Result<Tested, TestError> {
        let testing = self.manifest.testing.read()?.filter(|t| t.enabled);
        let Some(testing) = testing.filter(|t| !t.runners.is_empty()) else {
            return Ok(self.concluded(&[], None, OnFailure::Block, 1.0));
        };
        let place = &self.settings.scratch;
        let scratch = Scratch::of(self.pack, place)?;
        let confinement = Confinement {
            launcher: self.settings.launcher.clone(),
            writable: vec![scratch.writable().to_owned()],
            reach: Reach::Nowhere,
        };
        if self.settings.strength == Strength::Required {
            self.probe(&confinement, &scratch)?;
        }
        let mut ran = Vec::new();
        let mut held: Option<Confined> = None;
        for runner in &testing.runners {
            let one = runner::One {
                run: self,
                testing: &testing,
                runner,
                scratch: &scratch,
                confinement: &confinement,
            };
            let (suite, confined) = one.run(watcher)?;
            held = Some(confined);
            ran.push(suite);
        }
        Ok(self.concluded(&ran, held, testing.on_failure, testing.min_pass_rate))
    }

    /// Confines a program that does nothing, before anything of the pack runs: what a kernel offers shows only when it
    /// is asked for.
    fn probe(&self, confinement: &Confinement, scratch: &Scratch) -> Result<(), TestError> {
        let nothing = find_program(&self.settings.variables, "true");
        let missing = || TestError::NoRuntime {
            runner: "confinement".to_owned(),
            program: "true".to_owned(),
        };
        let job = Job::new(nothing.ok_or_else(missing)?, scratch.pack());
        let wrapped = confinement.wrap(&job, scratch.control())?;
        let ended = wrapped.job.run(&Unwatched)?;
        let confined = wrapped.confined().ok_or_else(|| TestError::Unconfined {
            reason: String::from_utf8_lossy(&ended.stderr).trim().to_owned(),
        })?;
        let missing = confined.missing();
        if missing.is_empty() {
            return Ok(());
        }
        Err(TestError::Weak { missing })
    }

    fn concluded(
        &self,
        ran: &[runner::Ran],
        confinement: Option<Confined>,
        on_failure: OnFailure,
        min_pass_rate: f64,
    ) -> Tested {
        let mut counts = Counts::default();
        for suite in ran.iter().map(|ran| ran.suite.counts()) {
            counts.passed += suite.passed;
            counts.failed += suite.failed;
            counts.skipped += suite.skipped;
        }
        let pass_rate = counts.pass_rate();
        let status = if ran.is_empty() {
            TestStatus::Skipped
        } else if pass_rate >= min_pass_rate {
            TestStatus::Passed
        } else {
            TestStatus::Failed
        };
        let measured: Vec<f64> = ran.iter().filter_map(|ran| ran.coverage).collect();
        let report = TestReport {
            pack_ref: self.manifest.pack_ref.clone(),
            pack_version: self.manifest.version.clone(),
            execution_time: self.now,
            status,
            total_tests: counts.total(),
            passed: counts.passed,
            failed: counts.failed,
            skipped: counts.skipped,
            pass_rate,
            duration_ms: ran.iter().map(|ran| ran.suite.duration_ms).sum(),
            test_suites: ran.iter().map(|ran| ran.suite.clone()).collect(),
            // Several runners measure the same lines; the one that reached most speaks for the pack.
            coverage: measured.into_iter().reduce(f64::max),
            confinement,
        };
        Tested {
            report,
            on_failure,
            min_pass_rate,
        }
    }
}

impl Tested {
    /// Whether a pack with these results may become active.
    pub fn may_activate(&self) -> bool {
        self.report.status != TestStatus::Failed || self.on_failure != OnFailure::Block
    }
}

/// Where the tests of a runner are.
fn place_of(testing: &Testing, runner: &pack_format::testing::Runner) -> String {
    let named = runner
        .entry_point
        .as_ref()
        .or(testing.discovery.path.as_ref());
    named.map_or("tests", String::as_str).to_owned()
}
