//! What an operator says about environments.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::EnvironmentKind;
use crate::interpreter::Interpreters;
use crate::variables::Variables;

/// How long one environment may take to build, if nobody says.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(10);

/// What an operator lets packs do while their environments are built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Packages may come from places the pack names: indexes, URLs, repositories.
    pub foreign_sources: bool,
    /// Packages may run code while they are installed: source archives, lifecycle scripts.
    pub build_scripts: bool,
}

/// How environments are built.
#[derive(Debug, Clone)]
pub struct EnvironmentSettings {
    /// See [`crate::confine::Confinement::launcher`].
    pub launcher: PathBuf,
    /// The environment of the programs, without what is set here.
    pub variables: Variables,
    /// The interpreters to build for.
    pub interpreters: Arc<Interpreters>,
    /// Directories of wheels and archives that are searched besides the index.
    pub find_links: Vec<PathBuf>,
    /// The index of Python packages; the one pip knows if none is named.
    pub python_index: Option<String>,
    /// The registry of Node.js packages; the one npm knows if none is named.
    pub npm_registry: Option<String>,
    /// Whether nothing is fetched.
    pub offline: bool,
    /// What packs may do.
    pub allowed: Allowed,
    /// Kinds that are neither looked for nor built.
    pub skipped: Vec<EnvironmentKind>,
    /// How long one environment may take.
    pub timeout: Duration,
}
