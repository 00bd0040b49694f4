//! Whether an environment that is complete still works: interpreters are updated and removed, files deleted.

use std::path::PathBuf;

use super::build::python_packages;
use super::build_node::node_packages;
use super::{Environment, EnvironmentKind};
use crate::interpreter::Interpreters;

/// Why an environment does not work any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// What runs its programs does not start.
    #[error("its interpreter `{}` does not run", path.display())]
    NoInterpreter {
        /// The interpreter.
        path: PathBuf,
    },
    /// What runs its programs is another one than it was built for.
    #[error("it was built for version {built_for} of its interpreter, which is {found} now")]
    OtherInterpreter {
        /// Version it was built for.
        built_for: String,
        /// Version there is now.
        found: String,
    },
    /// Packages are gone, or came in some other way.
    #[error("it holds {found} packages, where {built} were installed")]
    Packages {
        /// How many were installed.
        built: u64,
        /// How many there are.
        found: u64,
    },
}

impl Environment {
    /// Starts its interpreter and counts its packages; a virtualenv is asked itself, modules need what
    /// `interpreters` leads to.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn check(&self, interpreters: &Interpreters) -> Result<(), Broken> {
        // Compiled modules are made for as many numbers of a version.
        let (interpreter, path, numbers) = match self.kind {
            EnvironmentKind::Python => (interpreters.python_at(&self.python()), self.python(), 2),
            EnvironmentKind::Nodejs => (interpreters.node().cloned(), PathBuf::from("node"), 1),
        };
        let interpreter = interpreter.ok_or(Broken::NoInterpreter { path })?;
        let begins = |version: &str| -> Vec<String> {
            version
                .split('.')
                .take(numbers)
                .map(str::to_owned)
                .collect()
        };
        if begins(&interpreter.version) != begins(&self.runtime_version) {
            return Err(Broken::OtherInterpreter {
                built_for: self.runtime_version.clone(),
                found: interpreter.version,
            });
        }
        let found = match self.kind {
            EnvironmentKind::Python => python_packages(&self.path),
            EnvironmentKind::Nodejs => node_packages(&self.path.join("node_modules")),
        };
        if found == self.package_count {
            return Ok(());
        }
        Err(Broken::Packages {
            built: self.package_count,
            found,
        })
    }
}
