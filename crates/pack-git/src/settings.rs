//! What a caller decides: which program fetches, with which environment, and how much it may cost.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Which program talks to the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Backend {
    /// Whichever suits the URL: `ssh` needs the git command line, and so does a proxy.
    #[default]
    Auto,
    /// The library in this program, and for `ssh` the git command line all the same.
    Libgit2,
    /// The git command line.
    Cli,
}

/// A word that names no backend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is none of `auto`, `libgit2` and `cli`", pack_format::text::printable(.0))]
pub struct BackendError(String);

impl FromStr for Backend {
    type Err = BackendError;

    fn from_str(text: &str) -> Result<Self, BackendError> {
        match text {
            "auto" => Ok(Self::Auto),
            "libgit2" => Ok(Self::Libgit2),
            "cli" => Ok(Self::Cli),
            other => Err(BackendError(other.to_owned())),
        }
    }
}

/// What one repository may cost. All bounds are inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GitLimits {
    /// Most bytes kept of what a server sends, in bytes.
    pub received_bytes: u64,
    /// Most objects in what a server sends.
    pub objects: usize,
    /// Longest list of refs, in bytes.
    pub refs_bytes: usize,
}

impl Default for GitLimits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            received_bytes: 512 * MIB,
            objects: 2_000_000,
            refs_bytes: 64 * 1024 * 1024,
        }
    }
}

/// How to fetch repositories.
#[derive(Clone)]
pub struct GitSettings {
    /// Who fetches.
    pub backend: Backend,
    /// All that child processes see of this program's environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Credential helper for https, as git's `credential.helper` takes it.
    pub credential_helper: Option<String>,
    /// Longest time for one repository, from the first request to the last object.
    pub timeout: Duration,
    /// What it may cost.
    pub limits: GitLimits,
}

impl Default for GitSettings {
    /// Without an environment, so that neither `PATH` nor a key agent is known.
    fn default() -> Self {
        Self {
            backend: Backend::Auto,
            environment: Vec::new(),
            credential_helper: None,
            timeout: Duration::from_mins(5),
            limits: GitLimits::default(),
        }
    }
}

impl GitSettings {
    /// A variable of [`GitSettings::environment`].
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        let found = self.environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_os_str())
    }
}

impl fmt::Debug for GitSettings {
    /// Values of the environment may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&OsString> = self.environment.iter().map(|(name, _)| name).collect();
        f.debug_struct("GitSettings")
            .field("backend", &self.backend)
            .field("environment", &names)
            .field("credential_helper", &self.credential_helper.is_some())
            .field("timeout", &self.timeout)
            .field("limits", &self.limits)
            .finish()
    }
}
