//! `TestReport`: the results of a pack's tests, in the wire form of the platform's API.

use pack_format::{PackRef, Timestamp, Version};
use serde::{Deserialize, Serialize};

use crate::confine::Confined;

/// The results of all runners of a pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestReport {
    /// The pack.
    pub pack_ref: PackRef,
    /// Its version.
    pub pack_version: Version,
    /// When they were run.
    pub execution_time: Timestamp,
    /// What they come to.
    pub status: TestStatus,
    /// How many there are.
    pub total_tests: u64,
    /// How many passed.
    pub passed: u64,
    /// How many failed, with those that could not be run.
    pub failed: u64,
    /// How many were left out.
    pub skipped: u64,
    /// The part that passed of those that were not left out, from 0 to 1; 1 where there were none.
    pub pass_rate: f64,
    /// From the start of the first runner to the end of the last.
    pub duration_ms: u64,
    /// One per runner, in the order of the manifest.
    pub test_suites: Vec<TestSuite>,
    /// Part of the pack's own lines that were run, in percent; null where no runner measures it.
    pub coverage: Option<f64>,
    /// What held of the programs; null if none was run.
    pub confinement: Option<Confined>,
}

/// What tests come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestStatus {
    /// Enough of them passed.
    Passed,
    /// Too few passed.
    Failed,
    /// The pack has none, or says that they are off.
    Skipped,
}

/// The results of one runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestSuite {
    /// The runner's name in the manifest.
    pub name: String,
    /// `script`, `unittest` or `pytest`.
    pub runner_type: String,
    /// How many tests there are.
    pub total: u64,
    /// How many passed.
    pub passed: u64,
    /// How many failed, with those that could not be run.
    pub failed: u64,
    /// How many were left out.
    pub skipped: u64,
    /// From start to end.
    pub duration_ms: u64,
    /// Its tests, in the order they were run; none where a script tells numbers only.
    pub test_cases: Vec<TestCase>,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestCase {
    /// As its runner names it.
    pub name: String,
    /// How it ended.
    pub status: CaseStatus,
    /// From start to end.
    pub duration_ms: u64,
    /// What went wrong, or why it was left out.
    pub error_message: Option<String>,
    /// What it wrote to standard output.
    #[serde(default)]
    pub stdout: String,
    /// What it wrote to standard error.
    #[serde(default)]
    pub stderr: String,
}

/// How one test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseStatus {
    /// As it should.
    Passed,
    /// Otherwise.
    Failed,
    /// It was left out.
    Skipped,
    /// It could not be run.
    Error,
}

/// Numbers of tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

impl Counts {
    pub(super) fn of(cases: &[TestCase]) -> Self {
        let mut counts = Self::default();
        for case in cases {
            match case.status {
                CaseStatus::Passed => counts.passed += 1,
                CaseStatus::Failed | CaseStatus::Error => counts.failed += 1,
                CaseStatus::Skipped => counts.skipped += 1,
            }
        }
        counts
    }

    pub(super) fn total(self) -> u64 {
        self.passed + self.failed + self.skipped
    }

    /// From 0 to 1.
    pub(super) fn pass_rate(self) -> f64 {
        let run = self.passed + self.failed;
        if run == 0 {
            return 1.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "no pack has 2^52 tests")]
        let rate = self.passed as f64 / run as f64;
        rate
    }
}

impl TestSuite {
    pub(super) fn counts(&self) -> Counts {
        Counts {
            passed: self.passed,
            failed: self.failed,
            skipped: self.skipped,
        }
    }
}

impl TestReport {
    /// `15/15 passed`, with those left out where there are some.
    pub fn summary(&self) -> String {
        let run = self.total_tests - self.skipped;
        let skipped = match self.skipped {
            0 => String::new(),
            n => format!(", {n} skipped"),
        };
        format!("{}/{run} passed{skipped}", self.passed)
    }
}
