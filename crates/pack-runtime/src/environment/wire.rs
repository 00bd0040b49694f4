//! `PackEnvironments`: the environments of a pack, in the wire form of the platform's API.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Environment, EnvironmentKind};

/// The member `environments` of a built pack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackEnvironments {
    /// Null if the pack needs no Python packages.
    pub python: Option<PythonEnvironment>,
    /// Null if the pack needs no Node.js packages.
    pub nodejs: Option<NodeEnvironment>,
}

/// A virtualenv.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonEnvironment {
    /// Where it is.
    pub virtualenv_path: PathBuf,
    /// Whether it holds what the pack requires; an environment that is complete does.
    pub requirements_installed: bool,
    /// How many packages it holds.
    pub package_count: u64,
    /// Such as `Python 3.11.4`.
    pub python_version: String,
}

/// A `node_modules`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeEnvironment {
    /// Where it is.
    pub node_modules_path: PathBuf,
    /// Whether it holds what the pack depends on; an environment that is complete does.
    pub dependencies_installed: bool,
    /// How many packages it holds.
    pub package_count: u64,
    /// Such as `v20.11.1`.
    pub nodejs_version: String,
}

impl PackEnvironments {
    /// The wire form of a pack's environments, of which it has at most one of each kind.
    pub fn of(environments: &[Environment]) -> Self {
        let mut wire = Self::default();
        for environment in environments {
            match environment.kind {
                EnvironmentKind::Python => {
                    wire.python = Some(PythonEnvironment {
                        virtualenv_path: environment.path.clone(),
                        requirements_installed: true,
                        package_count: environment.package_count,
                        python_version: format!("Python {}", environment.runtime_version),
                    });
                }
                EnvironmentKind::Nodejs => {
                    wire.nodejs = Some(NodeEnvironment {
                        node_modules_path: environment.path.join("node_modules"),
                        dependencies_installed: true,
                        package_count: environment.package_count,
                        nodejs_version: format!("v{}", environment.runtime_version),
                    });
                }
            }
        }
        wire
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The names and forms of the API, and null for what a pack does not need.
    #[test]
    fn environments_have_the_wire_form() {
        let record = json!({"kind": "python", "key": "ab", "path": "/p/.attune/envs/ab",
            "runtime_version": "3.11.4", "package_count": 15});
        let python: Environment = serde_json::from_value(record.clone()).unwrap();
        let mut node: Environment = serde_json::from_value(record).unwrap();
        node.kind = EnvironmentKind::Nodejs;
        let wire = |list: &[Environment]| serde_json::to_value(PackEnvironments::of(list)).unwrap();
        assert_eq!(
            wire(&[python]),
            json!({"python": {"virtualenv_path": "/p/.attune/envs/ab", "requirements_installed": true,
                "package_count": 15, "python_version": "Python 3.11.4"}, "nodejs": null})
        );
        assert_eq!(
            wire(&[node])["nodejs"],
            json!({"node_modules_path": "/p/.attune/envs/ab/node_modules", "dependencies_installed": true,
                "package_count": 15, "nodejs_version": "v3.11.4"})
        );
    }
}
