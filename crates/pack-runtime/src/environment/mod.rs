//! Environments: what a pack needs of Python and Node.js packages, built once and used by every pack that needs the same.
//!
//! ```text
//! plan     read and check requirements.txt, package.json and its lock; name what they come to
//! find     an environment of that name that is complete
//! build    at its final path: a virtualenv is not movable. Its record is written last
//! ```
//! SECURITY: a pack's requirements are code. They come from the operator's index, run nothing while they are installed,
//! and are installed by a program that may write to the new environment only, unless the operator says otherwise.

mod build;
mod build_node;
mod health;
mod key;
mod node;
mod requirements;
mod settings;
mod wire;

use std::path::{Path, PathBuf};

use pack_format::Hint;
use pack_fs::FsError;
use serde::{Deserialize, Serialize};

pub use self::health::Broken;
pub use self::key::EnvironmentKey;
use self::key::KeyParts;
use self::node::Modules;
use self::requirements::Requirements;
pub use self::settings::{Allowed, DEFAULT_TIMEOUT, EnvironmentSettings};
pub use self::wire::{NodeEnvironment, PackEnvironments, PythonEnvironment};
use crate::interpreter::Interpreter;
use crate::variables::{Variables, put_first};

/// Name of the record inside an environment.
const RECORD: &str = "environment.json";

/// Whose packages an environment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentKind {
    /// A virtualenv.
    Python,
    /// A `node_modules`.
    Nodejs,
}

impl EnvironmentKind {
    /// `python` or `nodejs`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Nodejs => "nodejs",
        }
    }
}

/// What a pack's file asks for and is not given.
#[derive(Debug)]
pub struct Refusal {
    /// The file, in the pack.
    pub file: String,
    /// The line, if the file has lines.
    pub line: Option<usize>,
    /// What stands there.
    pub what: String,
    /// Why it is refused.
    pub why: String,
    /// The setting that allows it, if one does.
    pub setting: Option<&'static str>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`", self.file)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if !self.what.is_empty() {
            write!(f, ": `{}`", self.what)?;
        }
        write!(f, " is refused: {}", self.why)
    }
}

/// Why there is no environment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// The pack asks for what the operator does not allow.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// What builds or runs it is not on this machine.
    #[error("the environment needs `{program}`, which is not on this machine")]
    NoRuntime {
        /// The program.
        program: &'static str,
    },
    /// A program failed.
    #[error("cannot build the {} environment: {step}: {reason}", kind.as_str())]
    Failed {
        /// Whose.
        kind: EnvironmentKind,
        /// What it was doing.
        step: &'static str,
        /// How it ended, and the end of what it said.
        reason: String,
    },
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FsError),
    /// The watcher called it off.
    #[error("the build of the environment was called off")]
    Cancelled,
}

impl Hint for EnvironmentError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(refusal) => {
                let setting = refusal.setting?;
                Some(format!(
                    "if you trust it, an operator can set `environments.{setting}`"
                ))
            }
            Self::NoRuntime { program } => Some(format!(
                "install it, or put the directory of `{program}` on the `PATH`"
            )),
            Self::File(error) => error.hint(),
            Self::Failed { .. } | Self::Cancelled => None,
        }
    }
}

/// An environment that is complete. Also its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Whose packages it holds.
    pub kind: EnvironmentKind,
    /// Its name.
    pub key: EnvironmentKey,
    /// Where it is.
    pub path: PathBuf,
    /// Version of the interpreter it is for.
    pub runtime_version: String,
    /// How many packages it holds.
    pub package_count: u64,
}

impl Environment {
    /// The environment of that name below `directory`, if it is complete.
    pub fn find(directory: &Path, key: &EnvironmentKey) -> Option<Self> {
        const MOST: usize = 64 * 1024;
        // Written as the kernel knows it, however the caller came there.
        let path = directory.canonicalize().ok()?.join(key.as_str());
        let bytes = pack_fs::limited::read(&path.join(RECORD), MOST).ok()?;
        let found: Self = serde_json::from_slice(&bytes).ok()?;
        // Moved or copied, it would lead to what is elsewhere.
        (found.key == *key && found.path == path).then_some(found)
    }

    /// Whether what lies at `path` was built to its end; what was not is nobody's, unless it is being built.
    pub fn is_complete(path: &Path) -> bool {
        path.join(RECORD).is_file()
    }

    /// Lets a program with these variables find what is in it.
    pub fn enter(&self, variables: &mut Variables) {
        match self.kind {
            EnvironmentKind::Python => {
                put_first(variables, &self.path.join("bin"));
                variables.insert("VIRTUAL_ENV".into(), self.path.clone().into());
            }
            EnvironmentKind::Nodejs => {
                let modules = self.path.join("node_modules");
                put_first(variables, &modules.join(".bin"));
                variables.insert("NODE_PATH".into(), modules.into());
            }
        }
    }

    /// The interpreter that sees what is in it; of a virtualenv only.
    pub fn python(&self) -> PathBuf {
        self.path.join("bin/python")
    }
}

/// An environment that a pack needs.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Its name.
    pub key: EnvironmentKey,
    interpreter: Interpreter,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Python(Requirements),
    Node(Modules),
}

impl Planned {
    /// Whose packages it will hold.
    pub fn kind(&self) -> EnvironmentKind {
        match self.content {
            Content::Python(_) => EnvironmentKind::Python,
            Content::Node(_) => EnvironmentKind::Nodejs,
        }
    }
}

/// What the pack at `pack` needs; nothing if it has neither requirements nor modules. Nothing is written or run.
///
/// # Errors
/// [`EnvironmentError`] if its files ask for what is not allowed, or need a runtime this machine lacks.
pub fn plan(pack: &Path, settings: &EnvironmentSettings) -> Result<Vec<Planned>, EnvironmentError> {
    let mut planned = Vec::new();
    let is_wanted = |kind| !settings.skipped.contains(&kind);
    let found = if is_wanted(EnvironmentKind::Python) {
        requirements::read(pack, settings.allowed)?
    } else {
        None
    };
    if let Some(requirements) = found.filter(|r| !r.lines.is_empty()) {
        let missing = EnvironmentError::NoRuntime { program: "python3" };
        let interpreter = settings.interpreters.python().cloned().ok_or(missing)?;
        let mut parts = KeyParts::new(EnvironmentKind::Python, &interpreter);
        for line in requirements.lines.iter().chain(&requirements.constraints) {
            parts.add(line);
        }
        for path in &requirements.local {
            parts.add_files(pack, path)?;
        }
        planned.push(Planned {
            key: parts.key(),
            interpreter,
            content: Content::Python(requirements),
        });
    }
    if is_wanted(EnvironmentKind::Nodejs)
        && let Some(modules) = node::read(pack, settings.npm_registry.as_deref(), settings.allowed)?
    {
        let missing = EnvironmentError::NoRuntime { program: "node" };
        let interpreter = settings.interpreters.node().cloned().ok_or(missing)?;
        let mut parts = KeyParts::new(EnvironmentKind::Nodejs, &interpreter);
        parts.add(&String::from_utf8_lossy(&modules.manifest));
        if let Some((name, bytes)) = &modules.lock {
            parts.add(name);
            parts.add(&String::from_utf8_lossy(bytes));
        }
        for path in &modules.local {
            parts.add_files(pack, path)?;
        }
        planned.push(Planned {
            key: parts.key(),
            interpreter,
            content: Content::Node(modules),
        });
    }
    Ok(planned)
}
