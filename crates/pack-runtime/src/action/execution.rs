//! `Execution`: an action with its parameters, run to its end.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pack_fs::error::Context as _;

use super::configuration::Configuration;
use super::outcome::Outcome;
use super::parameters::Parameters;
use super::spec::{ActionSpec, Delivery, ParameterFormat, Runner};
use super::{ActionError, written};
use crate::process::{Job, Watcher};
use crate::variables::{Variables, find_program};

/// An action about to be run.
#[derive(Debug)]
pub struct Execution<'a> {
    /// The action.
    pub spec: &'a ActionSpec,
    /// Its parameters, complete.
    pub parameters: &'a Parameters,
    /// What its pack is configured with, complete.
    pub configuration: &'a Configuration,
    /// The pack.
    pub pack: &'a Path,
    /// Where it runs.
    pub directory: &'a Path,
    /// Its environment, without what is added here.
    pub variables: Variables,
    /// How long it may take; wins over what the action says.
    pub timeout: Option<Duration>,
}

impl Execution<'_> {
    /// Runs it.
    ///
    /// # Errors
    /// [`ActionError`] if it cannot be started. That it failed is its [`Outcome`].
    pub fn run(&self, watcher: &dyn Watcher) -> Result<Outcome, ActionError> {
        let spec = self.spec;
        let mut job = self.job()?;
        job.timeout = self.timeout.or(spec.timeout);
        let text = written::written(self.parameters, spec.format).map_err(|e| self.refused(e))?;
        self.announce(&mut job);
        // SECURITY: neither on a command line nor in a variable, which everything that the action starts would inherit.
        let configuration = written::written(self.configuration, ParameterFormat::Json);
        let configuration = configuration.map_err(|e| self.refused(e))?;
        let configuration = private_file("attune-config-", &configuration)?;
        set(&mut job, "ATTUNE_PACK_CONFIG_FILE", configuration.path());
        // They go when this function ends.
        let mut kept = None;
        match spec.delivery {
            Delivery::Stdin => job.input = text,
            Delivery::Environment => {
                for (name, value) in self.parameters {
                    let name = self.variable(name)?;
                    job.variables.insert(name, written::plain(value).into());
                }
            }
            Delivery::File => {
                let file = private_file("attune-parameters-", &text)?;
                set(&mut job, "ATTUNE_PARAMETER_FILE", file.path());
                kept = Some(file);
            }
        }
        let ended = job.run(watcher)?;
        drop((configuration, kept));
        Ok(Outcome::of(
            spec.action_ref.to_string(),
            &ended,
            spec.output,
        ))
    }

    /// Tells the action what it is, and how it gets its parameters.
    fn announce(&self, job: &mut Job) {
        let spec = self.spec;
        let action = spec.action_ref.to_string();
        set(job, "ATTUNE_ACTION", &action);
        set(job, "ATTUNE_PACK_REF", spec.action_ref.pack_ref.as_str());
        set(job, "ATTUNE_PACK_DIR", self.pack);
        set(job, "ATTUNE_PARAMETER_DELIVERY", spec.delivery.as_str());
        set(job, "ATTUNE_PARAMETER_FORMAT", spec.format.as_str());
        // What the pack's tree holds must stay as it is.
        for name in [
            "PYTHONDONTWRITEBYTECODE",
            "PYTHONNOUSERSITE",
            "PYTHONUNBUFFERED",
        ] {
            set(job, name, "1");
        }
    }

    /// The program that runs it.
    fn job(&self) -> Result<Job, ActionError> {
        let script = &self.spec.entry_point;
        let mut job = match self.spec.runner {
            Runner::Shell if !is_script(script) => Job::new(self.program("sh")?, self.directory),
            Runner::Shell | Runner::Native => Job::new(script, self.directory),
            Runner::Python => Job::new(self.program("python3")?, self.directory),
            Runner::Node => Job::new(self.program("node")?, self.directory),
        };
        if job.program != *script {
            job.arguments.push(script.into());
        }
        job.variables = self.variables.clone();
        Ok(job)
    }

    fn program(&self, name: &str) -> Result<PathBuf, ActionError> {
        find_program(&self.variables, name).ok_or_else(|| ActionError::NoRuntime {
            action_ref: self.spec.action_ref.clone(),
            program: name.to_owned(),
        })
    }

    fn variable(&self, name: &str) -> Result<OsString, ActionError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.chars().all(is_plain) {
            return Ok(format!("ATTUNE_ACTION_{}", name.to_ascii_uppercase()).into());
        }
        Err(self.refused(format!("`{name}` cannot be the name of a variable")))
    }

    fn refused(&self, problem: String) -> ActionError {
        ActionError::Parameters {
            action_ref: self.spec.action_ref.clone(),
            problems: vec![problem],
        }
    }
}

fn set(job: &mut Job, name: &str, value: impl AsRef<OsStr>) {
    job.variables.insert(name.into(), value.as_ref().to_owned());
}

/// Whether the file may be executed and says by what.
pub(crate) fn is_script(path: &Path) -> bool {
    let is_executable = std::fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o111 != 0);
    let start = pack_fs::limited::read(path, 2).unwrap_or_default();
    is_executable && start.starts_with(b"#!")
}

/// A file only its owner can read.
fn private_file(prefix: &str, text: &[u8]) -> Result<tempfile::NamedTempFile, ActionError> {
    let place = std::env::temp_dir();
    let mut file = tempfile::Builder::new()
        .prefix(prefix)
        .tempfile_in(&place)
        .on("create a file in", &place)?;
    file.write_all(text).on("write", file.path())?;
    let mode = std::fs::Permissions::from_mode(0o400);
    file.as_file()
        .set_permissions(mode)
        .on("change the mode of", file.path())?;
    Ok(file)
}
