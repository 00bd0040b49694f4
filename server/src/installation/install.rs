//! `packs/install`, `packs/register` and `packs/upload`: one pack, from a source, a folder or the body of the request.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use attune_indexer::check::check_directory;
use attune_installer::{
    Classify as _, Dependencies, FailureClass, InstallError, InstallReport, ReadyError, Record,
    Replace, Source,
};
use hyper::StatusCode;
use pack_client::RegistryConfig;
use pack_format::Checksum;
use pack_resolve::ResolveError;
use pack_runtime::TestReport;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::activate::{self, Wish, changed};
use super::body::malformed;
use super::config::Config;
use super::dependencies::wrong;
use super::download::git_ref;
use super::mirrors;
use super::packs::{self, InstalledPack};
use super::register::exists;
use super::sources::detected;
use super::upload::Upload;
use super::workshop::{Workshop, failed, reason};
use crate::jobs::Job;
use crate::problem::Problem;
use crate::state::{State, Trigger};

/// A pack from a source.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InstallRequest")]
#[expect(clippy::struct_excessive_bools, reason = "the members of its JSON")]
pub(super) struct Install {
    /// A ref, a git URL, an archive URL or an absolute path.
    source: String,
    /// Branch, tag or commit of a repository.
    ref_spec: Option<String>,
    /// Digest of an archive, or of the tree of a directory.
    checksum: Option<String>,
    /// The one registry to ask.
    registry_url: Option<String>,
    /// Ask no registry.
    #[serde(default)]
    no_registry: bool,
    /// Replace what is installed.
    #[serde(default)]
    force: bool,
    /// Run no tests; implies `skip_deps`.
    #[serde(default)]
    skip_tests: bool,
    /// Install and check nothing that the pack needs.
    #[serde(default)]
    skip_deps: bool,
    /// Where packs are installed; the configured place by default.
    packs_base_dir: Option<String>,
}

/// A pack of a folder.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RegisterRequest")]
pub(super) struct Register {
    /// An absolute path.
    path: String,
    /// Replace what is installed.
    #[serde(default)]
    force: bool,
    /// Run no tests.
    #[serde(default)]
    skip_tests: bool,
    /// Errors in its files refuse nothing.
    #[serde(default)]
    skip_validation: bool,
    /// Where packs are installed; the configured place by default.
    packs_base_dir: Option<String>,
}

/// A pack that is active now.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Installed {
    pub(super) pack: InstalledPack,
    /// What its tests gave; `null` where none were run.
    #[schemars(with = "Option<mirrors::TestReport>")]
    pub(super) test_result: Option<TestReport>,
    /// Whether the request says that none are run.
    pub(super) tests_skipped: bool,
}

/// What one of the three requests comes to.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) base: PathBuf,
    wish: Wish,
    trigger: Trigger,
    /// Whether errors in the files of the directory refuse it.
    is_checked: bool,
    /// What came with the request; removed when it is done.
    _upload: Option<Upload>,
}

impl Install {
    /// What it comes to, if it makes sense and its paths may be followed.
    pub(super) fn task(self, workshop: &Workshop) -> Result<Task, Problem> {
        let refuse = |error: String| malformed(&error);
        let git_ref = git_ref(self.ref_spec.as_deref())?;
        let source = detected(workshop, (&self.source, git_ref.as_ref())).map_err(refuse)?;
        let checksum = self.checksum.as_deref().map(str::parse::<Checksum>);
        let checksum = checksum.transpose();
        let checksum = checksum.map_err(|e| malformed(&format!("`checksum`: {e}")))?;
        let registries = registries(workshop, &self)?;
        if registries.is_empty() && matches!(source, Source::Registry { .. }) {
            return Err(malformed(
                "`source` is a ref, and `no_registry` says that no registry is asked",
            ));
        }
        Ok(Task {
            base: workshop
                .base(self.packs_base_dir.as_deref())
                .map_err(refuse)?,
            wish: Wish {
                source,
                checksum,
                // As on the command line.
                dependencies: if self.skip_deps || self.skip_tests {
                    Dependencies::Skip
                } else {
                    Dependencies::Install
                },
                replace: replace(self.force),
                skip_tests: self.skip_tests,
                registries,
                adopts: None,
            },
            trigger: Trigger::Install,
            is_checked: false,
            _upload: None,
        })
    }
}

fn registries(workshop: &Workshop, request: &Install) -> Result<Vec<RegistryConfig>, Problem> {
    match (&request.registry_url, request.no_registry) {
        (Some(_), true) => Err(malformed(
            "`registry_url` and `no_registry` exclude each other",
        )),
        (None, true) => Ok(Vec::new()),
        (url, false) => workshop.asked(url.as_deref()).map_err(|e| malformed(&e)),
    }
}

fn replace(force: bool) -> Replace {
    if force {
        Replace::Force
    } else {
        Replace::Refuse
    }
}

impl Register {
    /// What it comes to, if its folder holds a pack.
    pub(super) fn task(self, workshop: &Workshop) -> Result<Task, Problem> {
        let refuse = |error: String| malformed(&error);
        let path = workshop.roots.admit(&self.path).map_err(refuse)?;
        let shown = pack_format::text::printable(&self.path);
        if !path.is_dir() {
            return Err(malformed(&format!(
                "Pack directory does not exist: {shown}"
            )));
        }
        if !path.join("pack.yaml").exists() {
            return Err(malformed(&format!(
                "pack.yaml not found in directory: {shown}"
            )));
        }
        let (path, manifest) = workshop.pack(&self.path).map_err(refuse)?;
        Ok(Task {
            base: workshop
                .base(self.packs_base_dir.as_deref())
                .map_err(refuse)?,
            wish: Wish {
                source: Source::LocalDirectory(path),
                checksum: None,
                dependencies: Dependencies::Install,
                replace: replace(self.force),
                skip_tests: self.skip_tests,
                registries: workshop.options.registries.clone(),
                adopts: Some(manifest.pack_ref),
            },
            trigger: Trigger::Register,
            is_checked: !self.skip_validation,
            _upload: None,
        })
    }
}

impl Upload {
    /// What it comes to.
    pub(super) fn task(self, workshop: &Workshop) -> Task {
        Task {
            base: workshop.options.packs_base_dir.clone(),
            wish: Wish {
                source: Source::LocalArchive(self.path().to_owned()),
                checksum: None,
                dependencies: Dependencies::Install,
                replace: replace(self.says.force),
                skip_tests: self.says.skip_tests,
                registries: workshop.options.registries.clone(),
                adopts: None,
            },
            trigger: Trigger::Install,
            is_checked: false,
            _upload: Some(self),
        }
    }
}

/// Does it; the answer is the pack as it is now, and what its tests gave.
pub(super) async fn run(
    workshop: &Arc<Workshop>,
    task: Task,
    (job, database): (Arc<Job>, State),
) -> Result<Installed, Problem> {
    let (base, trigger, skip_tests) = (task.base.clone(), task.trigger, task.wish.skip_tests);
    let own = Arc::clone(&job);
    let outcome = workshop
        .run(move |workshop| activated(workshop, &task, &own))
        .await?;
    let place = (base.as_path(), &*job);
    // A run that is not in the history was run all the same.
    let runs = activate::record_tests(&database, place, trigger).await;
    let done = outcome?;
    let record = activate::record(workshop, &database, (&base, changed(&done))).await;
    record
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "not_recorded", error))?;
    let own = done.packs.into_iter().find(|pack| pack.requested);
    let record = own.ok_or_else(failed)?.record;
    let mut runs = runs.unwrap_or_default().into_iter();
    let tested = runs.find(|run| run.report.pack_ref == record.pack_ref);
    let pack = answered(workshop, &database, (&base, record)).await?;
    Ok(Installed {
        pack,
        test_result: tested.map(|run| run.report),
        tests_skipped: skip_tests,
    })
}

/// What is answered of a pack that is active.
pub(super) async fn answered(
    workshop: &Arc<Workshop>,
    database: &State,
    (base, record): (&Path, Record),
) -> Result<InstalledPack, Problem> {
    let config = Config::of(workshop, database, (base, &record.pack_ref)).await?;
    let base = base.to_owned();
    let pack = tokio::task::spawn_blocking(move || {
        let manifest = packs::manifest(&base, &record)?;
        Ok(packs::shown(&base, (&record, &manifest), &config))
    });
    pack.await.map_err(|_| failed())?
}

fn activated(workshop: &Workshop, task: &Task, job: &Job) -> Result<InstallReport, Problem> {
    job.item(0, 1);
    if let (Source::LocalDirectory(path), true) = (&task.wish.source, task.is_checked) {
        job.step("checking");
        let checked = check_directory(path).map_err(|e| malformed(&reason(&e)))?;
        let errors = wrong(&checked);
        if !errors.is_empty() {
            let text = format!("Pack validation failed: {}", errors.join("; "));
            return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid_pack", text));
        }
    }
    activate::install(workshop, (&task.base, job), &task.wish).map_err(|e| problem_of(&e))
}

/// What is answered where a pack was not installed.
pub(super) fn problem_of(error: &InstallError) -> Problem {
    let (status, code) = match error {
        InstallError::Exists { pack_ref } => {
            return Problem::new(StatusCode::BAD_REQUEST, "already_exists", exists(pack_ref));
        }
        InstallError::Resolve { cause, .. }
            if matches!(**cause, ResolveError::NotListed { .. }) =>
        {
            (StatusCode::NOT_FOUND, "not_found")
        }
        InstallError::Ready(error) => match **error {
            ReadyError::Failed { .. } | ReadyError::Tests { .. } => {
                (StatusCode::BAD_REQUEST, "tests_failed")
            }
            ReadyError::Environment { .. } => (StatusCode::BAD_REQUEST, "environment_failed"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        },
        InstallError::NoUpdates {
            source_text: None, ..
        } => (StatusCode::NOT_FOUND, "not_found"),
        InstallError::NoUpdates { .. } => (StatusCode::CONFLICT, "no_updates"),
        InstallError::Different(_) => (StatusCode::BAD_REQUEST, "different_files"),
        error => match error.class() {
            FailureClass::Usage => (StatusCode::BAD_REQUEST, "bad_request"),
            FailureClass::NoSolution => (StatusCode::BAD_REQUEST, "dependencies"),
            FailureClass::Verification => (StatusCode::UNPROCESSABLE_ENTITY, "not_verified"),
            FailureClass::Network => (StatusCode::BAD_GATEWAY, "not_fetched"),
            FailureClass::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            _ if matches!(error, InstallError::Fetch(_)) => (StatusCode::BAD_REQUEST, "no_pack"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        },
    };
    Problem::new(status, code, reason(error))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A body with a member that nobody knows is refused.
    #[test]
    fn bodies_are_closed() {
        let body = json!({"source": "core", "skip_test": true});
        assert!(serde_json::from_value::<Install>(body).is_err());
        let body = json!({"path": "/x", "force": true});
        assert!(serde_json::from_value::<Register>(body).is_ok());
    }
}
