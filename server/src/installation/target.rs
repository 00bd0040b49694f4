//! Which operation a request means.

use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, StatusCode};

use crate::problem::Problem;
use crate::state::Role;

const PREFIX: &str = "/api/v1/";

/// What the API does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Login,
    Logout,
    Whoami,
    Download,
    Dependencies,
    BuildEnvs,
    RegisterBatch,
}

/// Method, path below [`PREFIX`], operation, and the role it needs; a login needs none.
const OPERATIONS: [(Method, &str, Operation, Role); 7] = [
    (Method::POST, "auth/login", Operation::Login, Role::Viewer),
    (Method::POST, "auth/logout", Operation::Logout, Role::Viewer),
    (Method::GET, "auth/whoami", Operation::Whoami, Role::Viewer),
    (
        Method::POST,
        "packs/download",
        Operation::Download,
        Role::Installer,
    ),
    (
        Method::POST,
        "packs/dependencies",
        Operation::Dependencies,
        Role::Viewer,
    ),
    (
        Method::POST,
        "packs/build-envs",
        Operation::BuildEnvs,
        Role::Installer,
    ),
    (
        Method::POST,
        "packs/register-batch",
        Operation::RegisterBatch,
        Role::Installer,
    ),
];

impl Operation {
    /// The operation of a path that is one of the API's.
    pub(super) fn of(method: &Method, path: &str) -> Result<Self, Problem> {
        let mut allowed = Vec::new();
        for (own, name, operation, _) in &OPERATIONS {
            if path.strip_prefix(PREFIX) != Some(name) {
                continue;
            }
            if own == method {
                return Ok(*operation);
            }
            allowed.push(own.as_str());
        }
        let allowed = allowed.join(", ");
        let problem = Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            format!("this takes {allowed}"),
        );
        let field = HeaderValue::try_from(allowed);
        Err(match field {
            Ok(field) => problem.with(ALLOW, field),
            Err(_) => problem,
        })
    }

    /// The role that may ask for it.
    pub(super) fn least(self) -> Role {
        let found = OPERATIONS.iter().find(|(_, _, own, _)| *own == self);
        found.map_or(Role::Administrator, |(_, _, _, role)| *role)
    }
}

/// Whether a path is one of the API's, whatever the method.
pub(super) fn is_of_installation(path: &str) -> bool {
    let name = path.strip_prefix(PREFIX);
    name.is_some_and(|name| OPERATIONS.iter().any(|(_, own, _, _)| *own == name))
}
