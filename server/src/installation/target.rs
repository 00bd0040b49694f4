//! Which operation a request means.

use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, StatusCode};

use crate::problem::Problem;
use crate::state::Role;

pub(super) const PREFIX: &str = "/api/v1/";

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
    Install,
    Register,
    Upload,
    Update,
    Rollback,
    Test,
    Tests,
    LatestTest,
    ListJobs,
    ShowJob,
    JobEvents,
    CancelJob,
    ListPacks,
    ShowPack,
    ChangePack,
    ShowConfig,
    Uninstall,
    Components,
    ListIndices,
    AddIndex,
    ShowIndex,
    ChangeIndex,
    RemoveIndex,
    TestIndex,
    RefreshIndex,
    BrowseIndices,
    BrowseIndex,
    FindIndexed,
    CacheUsage,
    PruneCache,
    ClearCache,
}

/// Method, path below [`PREFIX`], operation, and the role it needs; a login needs none.
pub(super) type Row = (Method, &'static str, Operation, Role);

/// Of paths that fit, the first counts. `{}` is any one part.
pub(super) const OPERATIONS: [Row; 39] = {
    use Operation as O;
    use Role::{Administrator, Installer, Viewer};
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const PUT: Method = Method::PUT;
    const DELETE: Method = Method::DELETE;
    [
        (POST, "auth/login", O::Login, Viewer),
        (POST, "auth/logout", O::Logout, Viewer),
        (GET, "auth/whoami", O::Whoami, Viewer),
        (POST, "packs/download", O::Download, Installer),
        (POST, "packs/dependencies", O::Dependencies, Viewer),
        (POST, "packs/build-envs", O::BuildEnvs, Installer),
        (POST, "packs/register-batch", O::RegisterBatch, Installer),
        (POST, "packs/install", O::Install, Installer),
        (POST, "packs/register", O::Register, Installer),
        (POST, "packs/upload", O::Upload, Installer),
        (POST, "packs/{}/update", O::Update, Installer),
        (POST, "packs/{}/rollback", O::Rollback, Installer),
        (POST, "packs/{}/test", O::Test, Installer),
        (GET, "packs/{}/tests", O::Tests, Viewer),
        (GET, "packs/{}/tests/latest", O::LatestTest, Viewer),
        (GET, "jobs", O::ListJobs, Viewer),
        (GET, "jobs/{}", O::ShowJob, Viewer),
        (DELETE, "jobs/{}", O::CancelJob, Installer),
        (POST, "jobs/{}/cancel", O::CancelJob, Installer),
        (GET, "jobs/{}/events", O::JobEvents, Viewer),
        (GET, "packs", O::ListPacks, Viewer),
        (GET, "packs/{}", O::ShowPack, Viewer),
        (PUT, "packs/{}", O::ChangePack, Installer),
        (DELETE, "packs/{}", O::Uninstall, Installer),
        (GET, "packs/{}/config", O::ShowConfig, Administrator),
        (GET, "packs/{}/components", O::Components, Viewer),
        (GET, "pack-indices", O::ListIndices, Viewer),
        (POST, "pack-indices", O::AddIndex, Administrator),
        (GET, "pack-indices/packs", O::BrowseIndices, Viewer),
        (GET, "pack-indices/packs/{}", O::FindIndexed, Viewer),
        (GET, "pack-indices/{}", O::ShowIndex, Viewer),
        (PUT, "pack-indices/{}", O::ChangeIndex, Administrator),
        (DELETE, "pack-indices/{}", O::RemoveIndex, Administrator),
        (GET, "pack-indices/{}/packs", O::BrowseIndex, Viewer),
        (POST, "pack-indices/{}/test", O::TestIndex, Administrator),
        (POST, "pack-indices/{}/refresh", O::RefreshIndex, Installer),
        (GET, "cache", O::CacheUsage, Viewer),
        (DELETE, "cache", O::ClearCache, Installer),
        (POST, "cache/prune", O::PruneCache, Installer),
    ]
};

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) operation: Operation,
    /// The part of the path that names a thing; empty where none does.
    pub(super) name: String,
}

impl Target {
    /// The operation of a path that is one of the API's.
    pub(super) fn of(method: &Method, path: &str) -> Result<Self, Problem> {
        let mut allowed: Vec<&str> = Vec::new();
        let mut fitting = None;
        for (own, pattern, operation, _) in &OPERATIONS {
            let Some(name) = fit(path, pattern) else {
                continue;
            };
            // `packs/{}` fits `packs/install` too, and is not meant.
            if fitting.is_some_and(|first| first != *pattern) {
                break;
            }
            fitting = Some(*pattern);
            if own == method {
                return Ok(Self {
                    operation: *operation,
                    name: name.to_owned(),
                });
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
}

impl Operation {
    /// Whether it is about registries.
    pub(super) fn is_of_indices(self) -> bool {
        let found = OPERATIONS.iter().find(|(_, _, own, _)| *own == self);
        found.is_some_and(|(_, pattern, _, _)| pattern.starts_with("pack-indices"))
    }

    /// The role that may ask for it.
    pub(super) fn least(self) -> Role {
        let found = OPERATIONS.iter().find(|(_, _, own, _)| *own == self);
        found.map_or(Role::Administrator, |(_, _, _, role)| *role)
    }
}

/// Whether a path is one of the API's, whatever the method.
pub(super) fn is_of_installation(path: &str) -> bool {
    let mut patterns = OPERATIONS.iter().map(|(_, pattern, _, _)| pattern);
    patterns.any(|pattern| fit(path, pattern).is_some())
}

/// The part of `path` that stands for `{}`, if the pattern fits; empty if it has none.
fn fit<'p>(path: &'p str, pattern: &str) -> Option<&'p str> {
    let mut found = "";
    let mut parts = path.strip_prefix(PREFIX)?.split('/');
    for wanted in pattern.split('/') {
        match (wanted, parts.next()?) {
            ("{}", part) if !part.is_empty() => found = part,
            (wanted, part) if wanted == part => {}
            _ => return None,
        }
    }
    parts.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths name operations and things; other methods are told which ones there are.
    #[test]
    fn paths_name_operations_and_things() {
        let of = |method: Method, path: &str| {
            let target = Target::of(&method, &format!("{PREFIX}{path}"));
            target.map(|target| (target.operation, target.name))
        };
        let rows = [
            (Method::POST, "packs/download", Operation::Download, ""),
            (Method::GET, "packs/core/tests", Operation::Tests, "core"),
            (
                Method::GET,
                "packs/core/tests/latest",
                Operation::LatestTest,
                "core",
            ),
            (Method::DELETE, "jobs/x", Operation::CancelJob, "x"),
        ];
        for (method, path, operation, name) in rows {
            assert_eq!(
                of(method, path).unwrap(),
                (operation, name.to_owned()),
                "{path}"
            );
        }
        let problem = of(Method::PUT, "jobs/x").unwrap_err();
        assert!(problem.message().contains("GET, DELETE"), "{problem:?}");
        for other in ["jobs/", "jobs/x/y", "packs//test", "job"] {
            assert!(!is_of_installation(&format!("{PREFIX}{other}")), "{other}");
        }
    }
}
