//! Confinement: a program that may not leave its scratch directory nor talk to anybody.
//!
//! ```text
//! wrap    a job becomes: launcher, order file, the job's own program
//! enter   the launcher: namespaces, then itself again inside them:
//!           limits, file rules, system calls, the program
//! ```
//! In namespaces three processes stand in a row: the launcher outside, the first process inside, the program. Each ends
//! after the one behind it, so that a job that is over has left no process.
//!
//! The launcher is the program that links this crate, called with [`LAUNCH`] before it started any thread. What the
//! kernel lacks is left out and told: the order's report says what holds. SECURITY: nothing is left out that was
//! promised; a measure that fails although the kernel has it ends the launcher.

mod calls;
mod files;
mod launch;
mod limits;
mod namespaces;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use pack_fs::FsError;
use pack_fs::error::Context as _;
use serde::{Deserialize, Serialize};

pub use self::launch::{LaunchError, enter};
use crate::process::Job;

/// The first argument of a launcher.
pub const LAUNCH: &str = "__confined";

/// Whether a confined program may talk to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// As this process may.
    Everywhere,
    /// At most to itself, over the loopback interface.
    Nowhere,
}

/// What a program may do.
#[derive(Debug, Clone)]
pub struct Confinement {
    /// The program that calls [`enter`] when its first argument is [`LAUNCH`].
    pub launcher: PathBuf,
    /// Directories it may write below.
    pub writable: Vec<PathBuf>,
    /// Whom it may talk to.
    pub reach: Reach,
}

/// What holds of a confined program, as results say it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confined {
    /// `namespace`: its own, with a loopback interface; `seccomp`: no socket can be made; `open`: asked for;
    /// `unconfined`.
    pub network: String,
    /// `landlock`: only below what is writable; `unconfined`.
    pub writes: String,
    /// `namespace`: it sees and signals only its own; `landlock`: it signals only its own; `unconfined`.
    pub processes: String,
    /// `seccomp`: none that reach into other processes or the kernel; `unconfined`.
    pub system_calls: String,
    /// `rlimit`: memory, file size, open files, processes; `unconfined`.
    pub resources: String,
}

/// What [`Confined`] says where nothing holds.
pub const UNCONFINED: &str = "unconfined";

impl Confined {
    /// That nothing holds.
    pub fn nothing() -> Self {
        let nothing = || UNCONFINED.to_owned();
        Self {
            network: nothing(),
            writes: nothing(),
            processes: nothing(),
            system_calls: nothing(),
            resources: nothing(),
        }
    }

    /// What may make a program fail that does nothing wrong.
    pub fn remark(&self) -> Option<&'static str> {
        (self.network == "seccomp").then_some(
            "this system lets nobody make a network of their own, so that no socket can be made, not even for loopback",
        )
    }

    /// Measures that do not hold, by name.
    pub fn missing(&self) -> Vec<&'static str> {
        let all = [
            ("network", &self.network),
            ("writes", &self.writes),
            ("processes", &self.processes),
            ("system calls", &self.system_calls),
            ("resources", &self.resources),
        ];
        let missing = all.into_iter().filter(|(_, how)| *how == UNCONFINED);
        missing.map(|(name, _)| name).collect()
    }
}

impl std::fmt::Display for Confined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "network: {}, writes: {}, processes: {}, system calls: {}, resources: {}",
            self.network, self.writes, self.processes, self.system_calls, self.resources
        )
    }
}

/// What the launcher is told, in a file that the program cannot write.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    program: PathBuf,
    writable: Vec<PathBuf>,
    reach: Reach,
    report: PathBuf,
    /// What the launcher outside the namespaces made of them; none before.
    inside: Option<Confined>,
}

/// A job whose program is confined, and where its report will be.
#[derive(Debug)]
pub struct Wrapped {
    /// To be run instead.
    pub job: Job,
    report: PathBuf,
}

impl Confinement {
    /// Wraps a job. `control` is a directory of the caller's outside of everything writable.
    ///
    /// # Errors
    /// [`FsError`] if the order cannot be written.
    pub fn wrap(&self, job: &Job, control: &Path) -> Result<Wrapped, FsError> {
        let order_path = control.join("order.json");
        let report = control.join("report.json");
        let order = Order {
            program: job.program.clone(),
            writable: self.writable.clone(),
            reach: self.reach,
            report: report.clone(),
            inside: None,
        };
        let bytes = serde_json::to_vec(&order).map_err(std::io::Error::other);
        let bytes = bytes.on("write", &order_path)?;
        std::fs::write(&order_path, bytes).on("write", &order_path)?;
        let mut arguments: Vec<OsString> = vec![LAUNCH.into(), order_path.into(), "--".into()];
        arguments.extend(job.arguments.iter().cloned());
        Ok(Wrapped {
            job: Job {
                program: self.launcher.clone(),
                arguments,
                ..job.clone()
            },
            report,
        })
    }
}

impl Wrapped {
    /// What held of the program; `None` if it was never started.
    pub fn confined(&self) -> Option<Confined> {
        let bytes = pack_fs::limited::read(&self.report, 64 * 1024).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

/// Whether these are the arguments of a launcher, the name of the program left out.
pub fn is_launch(first: Option<&OsStr>) -> bool {
    first == Some(OsStr::new(LAUNCH))
}
