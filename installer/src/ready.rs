//! Making packs ready before they become active: their environments are built, then their tests run in them.
//!
//! What was built is removed again if the change does not happen; an environment that was there is used as it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pack_format::Hint;
use pack_format::manifest::Manifest;
use pack_fs::error::Context as _;
use pack_fs::{FsError, durable, remove};
use pack_runtime::environment::{self, Environment, EnvironmentError, EnvironmentSettings};
use pack_runtime::testing::{CaseStatus, TestError, TestReport, TestRun, TestSettings, TestStatus};
use pack_runtime::{Confined, EnvironmentKey, EnvironmentKind};
use serde::{Deserialize, Serialize};

use crate::failure::{Classify, FailureClass};
use crate::installer::Installer;
use crate::reporter::{Reporter, Watched};
use crate::session::{ChangeError, Session};

/// Most failed tests that an error names.
const MAX_NAMED: usize = 10;

/// What is done before a pack becomes active; nothing by default.
#[derive(Debug, Clone, Default)]
pub struct Preparation {
    /// How environments are built; without it, none are.
    pub environments: Option<EnvironmentSettings>,
    /// How tests are run; without it, none are.
    pub tests: Option<TestSettings>,
}

/// What happens to environments that are there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rebuild {
    /// They are used as they are.
    #[default]
    Never,
    /// Those that do not work any more are built again.
    Broken,
    /// They are built again.
    Always,
}

/// What is recorded of a pack's tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestSummary {
    /// What they came to.
    pub status: TestStatus,
    /// How many there are.
    pub total_tests: u64,
    /// How many passed.
    pub passed: u64,
    /// How many failed.
    pub failed: u64,
    /// How many were left out.
    pub skipped: u64,
}

impl TestSummary {
    fn of(report: &TestReport) -> Self {
        Self {
            status: report.status,
            total_tests: report.total_tests,
            passed: report.passed,
            failed: report.failed,
            skipped: report.skipped,
        }
    }
}

impl std::fmt::Display for TestSummary {
    /// `15/15 passed`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{} passed", self.passed, self.passed + self.failed)?;
        match self.skipped {
            0 => Ok(()),
            n => write!(f, ", {n} skipped"),
        }
    }
}

/// Why a pack is not ready.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadyError {
    /// It has no environment.
    #[error("`{subject}` cannot be made ready")]
    Environment {
        /// `ref@version`.
        subject: String,
        /// Why.
        source: EnvironmentError,
    },
    /// Its tests could not be run.
    #[error("the tests of `{subject}` cannot be run")]
    Tests {
        /// `ref@version`.
        subject: String,
        /// Why.
        source: TestError,
    },
    /// Too few of them passed.
    #[error("tests of `{subject}` failed: {summary}{}", crate::lines::below(.failed.iter().cloned()))]
    Failed {
        /// `ref@version`.
        subject: String,
        /// Numbers.
        summary: TestSummary,
        /// The first of those that failed, with their reasons.
        failed: Vec<String>,
    },
    /// Another process changes the packs.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FsError),
}

impl Classify for ReadyError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Change(error) => error.class(),
            _ => FailureClass::Failed,
        }
    }
}

impl Installer<'_> {
    /// The environments of the pack at `tree`, which need not be installed; those that are missing are built,
    /// and the others as `settings` say.
    ///
    /// # Errors
    /// [`ReadyError`]; nothing new is there then, and what was there is.
    pub fn environments_of(
        &self,
        tree: &Path,
        manifest: &Manifest,
        settings: (&EnvironmentSettings, Rebuild),
    ) -> Result<Vec<Environment>, ReadyError> {
        let mut session = Session::begin(&self.layout, &self.settings, self.reporter)?;
        let unready = Unready {
            tree,
            manifest,
            name: "",
        };
        let environments = session.environments(unready, settings, self.reporter)?;
        session.keep_stored();
        Ok(environments)
    }
}

impl Hint for ReadyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Environment { source, .. } => source.hint(),
            Self::Tests { source, .. } => source.hint(),
            Self::Failed { .. } => Some(
                "nothing was changed; see every test with `attune pack fetch` and `attune pack test --detailed`"
                    .to_owned(),
            ),
            Self::Change(error) => error.hint(),
            Self::File(error) => error.hint(),
        }
    }
}

/// What a pack that is ready has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ready {
    pub(crate) environments: BTreeMap<EnvironmentKind, EnvironmentKey>,
    pub(crate) tests: Option<TestSummary>,
}

/// A pack to be made ready.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unready<'a> {
    pub(crate) tree: &'a Path,
    pub(crate) manifest: &'a Manifest,
    /// Name of the tree in the store.
    pub(crate) name: &'a str,
}

impl Session<'_> {
    /// Builds what the pack at `tree` needs and lacks; what was built goes if the session ends without a commit.
    pub(crate) fn environments(
        &mut self,
        pack: Unready<'_>,
        (settings, rebuild): (&EnvironmentSettings, Rebuild),
        reporter: &dyn Reporter,
    ) -> Result<Vec<Environment>, ReadyError> {
        let subject = format!("{}@{}", pack.manifest.pack_ref, pack.manifest.version);
        let failed = |source| ReadyError::Environment {
            subject: subject.clone(),
            source,
        };
        let directory = self.layout.environments();
        let mut environments = Vec::new();
        for planned in environment::plan(pack.tree, settings).map_err(failed)? {
            let path = directory.join(planned.key.as_str());
            let found = Environment::find(&directory, &planned.key);
            let is_good = |found: &Environment| match rebuild {
                Rebuild::Never => true,
                Rebuild::Broken => found.check(&settings.interpreters).is_ok(),
                Rebuild::Always => false,
            };
            let aside = match found {
                Some(found) if is_good(&found) => {
                    environments.push(found);
                    continue;
                }
                Some(_) => Some(self.move_out(&path)?),
                None => {
                    self.undo.remove(&path);
                    None
                }
            };
            reporter.building(&subject, planned.kind().as_str());
            let watched = Watched {
                reporter,
                subject: &subject,
            };
            let built = planned.build((pack.tree, &directory), settings, &watched);
            if let (Err(_), Some(aside)) = (&built, aside) {
                remove::remove_all(&path)?;
                fs::rename(&aside, &path).map_err(|e| FsError::new("move back", &path, e))?;
            }
            environments.push(built.map_err(failed)?);
        }
        Ok(environments)
    }

    /// Moves an environment out of the way of a new one.
    fn move_out(&mut self, path: &Path) -> Result<PathBuf, FsError> {
        let aside = self.new_staging("e-")?.join("environment");
        fs::rename(path, &aside).map_err(|e| FsError::new("move", path, e))?;
        Ok(aside)
    }

    /// Makes one pack ready.
    pub(crate) fn ready(
        &mut self,
        pack: Unready<'_>,
        preparation: &Preparation,
        reporter: &dyn Reporter,
    ) -> Result<Ready, ReadyError> {
        let environments = match &preparation.environments {
            Some(settings) => self.environments(pack, (settings, Rebuild::Never), reporter)?,
            None => Vec::new(),
        };
        let tests = match &preparation.tests {
            Some(settings) => self.test(pack, (&environments, settings), reporter)?,
            None => None,
        };
        let named = environments.into_iter().map(|e| (e.kind, e.key));
        Ok(Ready {
            environments: named.collect(),
            tests,
        })
    }

    fn test(
        &mut self,
        pack: Unready<'_>,
        (environments, settings): (&[Environment], &TestSettings),
        reporter: &dyn Reporter,
    ) -> Result<Option<TestSummary>, ReadyError> {
        let subject = format!("{}@{}", pack.manifest.pack_ref, pack.manifest.version);
        let settings = TestSettings {
            // Most packs have no tests: whoever has makes a directory of its own in it.
            scratch: self.staging()?.to_owned(),
            ..settings.clone()
        };
        reporter.testing(&subject);
        let run = TestRun {
            pack: pack.tree,
            environments,
            manifest: pack.manifest,
            settings: &settings,
            now: self.settings.now,
        };
        let watched = Watched {
            reporter,
            subject: &subject,
        };
        let tested = run.run(&watched).map_err(|source| ReadyError::Tests {
            subject: subject.clone(),
            source,
        })?;
        let report = &tested.report;
        if report.status == TestStatus::Skipped {
            return Ok(None);
        }
        reporter.tested(report);
        let summary = TestSummary::of(report);
        if !tested.may_activate() {
            let mut failed = failures(report);
            let remark = report.confinement.as_ref().and_then(Confined::remark);
            failed.extend(remark.map(str::to_owned));
            return Err(ReadyError::Failed {
                subject,
                summary,
                failed,
            });
        }
        if report.status == TestStatus::Failed
            && tested.on_failure == pack_format::testing::OnFailure::Warn
        {
            reporter.warning(&format!("tests of `{subject}` failed: {summary}"));
        }
        if let Some(confined) = &report.confinement
            && !confined.missing().is_empty()
        {
            let missing = confined.missing().join(", ");
            reporter.warning(&format!(
                "tests of `{subject}` ran with less confinement than wanted: this kernel does not confine their {missing}"
            ));
        }
        self.keep(report, pack.name)?;
        Ok(Some(summary))
    }

    /// Keeps the whole report beside the store.
    fn keep(&mut self, report: &TestReport, name: &str) -> Result<(), FsError> {
        let directory = self.layout.test_reports();
        durable::create_directories(&directory)?;
        let path = directory.join(format!("{name}.json"));
        if !path.try_exists().on("look at", &path)? {
            self.undo.remove(&path);
        }
        let bytes = serde_json::to_vec_pretty(report).map_err(std::io::Error::from);
        durable::replace_file(&path, &bytes.map_err(|e| FsError::new("write", &path, e))?)
    }
}

/// The first failed tests, one line each.
fn failures(report: &TestReport) -> Vec<String> {
    let suites = report.test_suites.iter();
    let cases = suites.flat_map(|suite| suite.test_cases.iter().map(move |case| (suite, case)));
    cases
        .filter(|(_, case)| matches!(case.status, CaseStatus::Failed | CaseStatus::Error))
        .take(MAX_NAMED)
        .map(|(suite, case)| {
            let reason = case.error_message.as_deref().unwrap_or_default();
            let last = reason.lines().rev().find(|line| !line.trim().is_empty());
            let name = pack_format::text::printable(&case.name);
            let reason = pack_format::text::printable(last.unwrap_or_default().trim());
            format!("{}: {name}: {reason}", suite.name)
        })
        .collect()
}
