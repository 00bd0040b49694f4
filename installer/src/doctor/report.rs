//! `Finding`: one thing that is not as the generations say, and what became of it.

use std::collections::BTreeMap;
use std::path::Path;

use pack_format::Hint;
use pack_fs::FsError;
use serde::Serialize;

use crate::failure::{Classify, FailureClass};
use crate::prune::PruneError;
use crate::record::Record;
use crate::repair::{RepairError, RepairReport};
use crate::session::ChangeError;
use crate::state::StateError;
use crate::verify::VerifyError;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum About {
    /// Files or links of an installed pack.
    Pack,
    /// An environment that an installed pack needs.
    Environment,
    /// A link to a pack that is not installed.
    Link,
    /// A generation that cannot be gone back to.
    Generation,
    /// An environment that nothing uses: nothing is wrong, but space could be free.
    Unused,
}

/// What became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Nothing was tried.
    Seen,
    /// It is gone.
    Mended,
    /// It is still there.
    Left,
}

/// One thing that is not as the generations say.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What it is about.
    pub about: About,
    /// `ref@version` of a pack, or a path.
    pub subject: String,
    /// What is wrong.
    pub problem: String,
    /// What became of it.
    pub state: Fate,
    /// Why it is still there, as far as that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl PartialEq for Finding {
    /// The same thing, whatever became of it.
    fn eq(&self, other: &Self) -> bool {
        (self.about, &self.subject, &self.problem) == (other.about, &other.subject, &other.problem)
    }
}

impl Finding {
    pub(super) fn new(about: About, subject: &str, problem: String) -> Self {
        Self {
            about,
            subject: subject.to_owned(),
            problem,
            state: Fate::Seen,
            reason: None,
        }
    }

    pub(super) fn of_path(about: About, path: &Path, problem: &str) -> Self {
        Self::new(about, &path.display().to_string(), problem.to_owned())
    }

    /// Whether something is wrong now.
    pub fn is_wrong(&self) -> bool {
        self.about != About::Unused && self.state != Fate::Mended
    }
}

impl std::fmt::Display for Finding {
    /// One sentence; more lines follow where the reason has some.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.about {
            About::Link | About::Unused => write!(f, "`{}` {}", self.subject, self.problem)?,
            _ => write!(f, "{}: {}", self.subject, self.problem)?,
        }
        match &self.reason {
            Some(why) => write!(f, "; not mended: {why}"),
            None => Ok(()),
        }
    }
}

/// `ref@version`.
pub(super) fn subject_of(record: &Record) -> String {
    format!("{}@{}", record.pack_ref, record.version)
}

/// Why packs could not be mended, by `ref@version`.
#[derive(Debug, Default)]
pub(super) struct Reasons(BTreeMap<String, String>);

impl Reasons {
    pub(super) fn add(&mut self, subject: String, reason: String) {
        self.0.insert(subject, reason);
    }

    pub(super) fn of_repair(&mut self, report: &RepairReport) {
        for pack in &report.packs {
            let subject = format!("{}@{}", pack.found.pack_ref, pack.found.version);
            let mut why: Vec<String> = pack.failures.iter().map(ToString::to_string).collect();
            why.extend(pack.needs.iter().map(|needs| format!("needs its {needs}")));
            if !why.is_empty() {
                self.add(subject, why.join("; "));
            }
        }
    }

    pub(super) fn why(&self, finding: &Finding) -> Option<String> {
        if finding.about == About::Generation {
            let why =
                "install that version again, or remove the generation with `attune pack prune`";
            return Some(why.to_owned());
        }
        self.0.get(&finding.subject).cloned()
    }
}

/// Why nothing could be looked at, or mended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoctorError {
    /// A generation cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// Packs cannot be looked at.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// What generations use cannot be told.
    #[error(transparent)]
    Prune(#[from] PruneError),
    /// Packs cannot be mended.
    #[error(transparent)]
    Repair(#[from] RepairError),
    /// The lock is held, or the disk refused.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<FsError> for DoctorError {
    fn from(error: FsError) -> Self {
        Self::Change(error.into())
    }
}

impl Hint for DoctorError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::State(error) => error.hint(),
            Self::Verify(error) => error.hint(),
            Self::Prune(error) => error.hint(),
            Self::Repair(error) => error.hint(),
            Self::Change(error) => error.hint(),
        }
    }
}

impl Classify for DoctorError {
    fn class(&self) -> FailureClass {
        match self {
            Self::State(_) => FailureClass::Failed,
            Self::Verify(error) => error.class(),
            Self::Prune(error) => error.class(),
            Self::Repair(error) => error.class(),
            Self::Change(error) => error.class(),
        }
    }
}
