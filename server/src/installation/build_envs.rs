//! `packs/build-envs`: the environments of packs, really built, at their place below `packs_base_dir`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use attune_installer::{ReadyError, Rebuild};
use pack_format::manifest::Manifest;
use pack_runtime::environment::{EnvironmentSettings, PackEnvironments};
use pack_runtime::{EnvironmentError, EnvironmentKind, Interpreters};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::malformed;
use super::download::{MAX_PACKS, MAX_TIMEOUT, seconds, within};
use super::mirrors;
use super::whole::Whole;
use super::workshop::{Workshop, reason};
use crate::jobs::Job;
use crate::problem::Problem;

/// Seconds one environment may take.
const DEFAULT_TIMEOUT: u64 = 600;

/// The version of Python that is preferred if nobody says.
const DEFAULT_PYTHON: &str = "3.11";

/// The version of Node.js that is preferred if nobody says.
const DEFAULT_NODEJS: &str = "20";

/// Packs whose environments are built.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BuildEnvsRequest")]
pub(super) struct Request {
    /// Absolute paths of folders.
    #[schemars(length(max = MAX_PACKS))]
    pack_paths: Vec<String>,
    /// Where packs are installed; the configured place by default.
    pub(super) packs_base_dir: Option<String>,
    /// The Python that is taken if it is there, such as `3.11`.
    python_version: Option<String>,
    /// The Node.js that is taken if it is there, such as `20`.
    nodejs_version: Option<String>,
    /// Build no Python environments.
    #[serde(default)]
    skip_python: bool,
    /// Build no Node.js environments.
    #[serde(default)]
    skip_nodejs: bool,
    /// Build again what is there.
    #[serde(default)]
    force_rebuild: bool,
    /// Seconds for each environment.
    #[schemars(range(min = 1, max = MAX_TIMEOUT), extend("default" = DEFAULT_TIMEOUT))]
    timeout: Option<Whole<u64>>,
}

/// Environments of packs, and what was not built.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Environments")]
pub(super) struct Answer {
    summary: Summary,
    built_environments: Vec<Built>,
    failed_environments: Vec<Failed>,
}

/// How many packs there were, and environments.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Summary {
    total_packs: usize,
    success_count: usize,
    failure_count: usize,
    python_envs_built: usize,
    nodejs_envs_built: usize,
    total_duration_ms: u64,
}

/// A pack that has what it needs.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Built {
    pack_ref: String,
    /// As the request names it.
    pack_path: String,
    #[schemars(with = "mirrors::PackEnvironments")]
    environments: PackEnvironments,
    duration_ms: u64,
}

/// A pack without what it needs.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Failed {
    /// `unknown` where there is no pack.
    pack_ref: String,
    /// As the request names it.
    pack_path: String,
    /// `python`, `nodejs` or `unknown`.
    runtime: &'static str,
    error: String,
}

impl Request {
    /// Refuses what makes no sense, whatever the state of the server.
    pub(super) fn check(&self) -> Result<(), Problem> {
        seconds(self.timeout, DEFAULT_TIMEOUT)?;
        within(self.pack_paths.len())?;
        self.versions().map(drop)
    }

    /// The versions of Python and Node.js that are preferred.
    fn versions(&self) -> Result<(String, String), Problem> {
        let (python, nodejs) = (&self.python_version, &self.nodejs_version);
        Ok((
            version(python.as_deref(), DEFAULT_PYTHON, "python_version")?,
            version(nodejs.as_deref(), DEFAULT_NODEJS, "nodejs_version")?,
        ))
    }
}

/// Builds what every pack needs and lacks; the failure of one is no other's.
pub(super) async fn run(
    workshop: &Arc<Workshop>,
    request: Request,
    job: Arc<Job>,
) -> Result<Answer, Problem> {
    let timeout = seconds(request.timeout, DEFAULT_TIMEOUT)?;
    let (python, nodejs) = request.versions()?;
    let settings = workshop.options.preparation.environments.clone();
    let settings = settings.map(|settings| EnvironmentSettings {
        timeout,
        interpreters: Arc::new(
            Interpreters::new(settings.variables.clone()).preferring(python, nodejs),
        ),
        skipped: [
            (request.skip_python, EnvironmentKind::Python),
            (request.skip_nodejs, EnvironmentKind::Nodejs),
        ]
        .into_iter()
        .filter_map(|(skip, kind)| skip.then_some(kind))
        .collect(),
        ..settings
    });
    workshop
        .run(move |workshop| build(workshop, &request, (settings.as_ref(), &job)))
        .await
}

/// A version such as `3.11`.
fn version(given: Option<&str>, default: &str, name: &str) -> Result<String, Problem> {
    let text = given.unwrap_or(default);
    let is_version = text.len() <= 20
        && text
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if is_version {
        return Ok(text.to_owned());
    }
    Err(malformed(&format!(
        "`{name}` is a version such as `{default}`"
    )))
}

fn build(
    workshop: &Workshop,
    request: &Request,
    (settings, job): (Option<&EnvironmentSettings>, &Job),
) -> Answer {
    let begun = Instant::now();
    let (mut built, mut failures) = (Vec::new(), Vec::new());
    let (mut python, mut nodejs) = (0, 0);
    for (index, text) in request.pack_paths.iter().enumerate() {
        job.item(index, request.pack_paths.len());
        let begun = Instant::now();
        match one(workshop, request, (text, settings, job)) {
            Ok((pack_ref, environments)) => {
                python += usize::from(environments.python.is_some());
                nodejs += usize::from(environments.nodejs.is_some());
                built.push(Built {
                    pack_ref,
                    pack_path: text.clone(),
                    environments,
                    duration_ms: millis(begun),
                });
            }
            Err(failed) => failures.push(failed),
        }
    }
    Answer {
        summary: Summary {
            total_packs: built.len() + failures.len(),
            success_count: built.len(),
            failure_count: failures.len(),
            python_envs_built: python,
            nodejs_envs_built: nodejs,
            total_duration_ms: millis(begun),
        },
        built_environments: built,
        failed_environments: failures,
    }
}

/// Milliseconds since then.
pub(super) fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn one(
    workshop: &Workshop,
    request: &Request,
    (text, settings, job): (&str, Option<&EnvironmentSettings>, &Job),
) -> Result<(String, PackEnvironments), Failed> {
    let failed = |pack_ref: &str, runtime, error| Failed {
        pack_ref: pack_ref.to_owned(),
        pack_path: text.to_owned(),
        runtime,
        error,
    };
    let (path, base, manifest) =
        read(workshop, request, text).map_err(|error| failed("unknown", "unknown", error))?;
    let pack_ref = manifest.pack_ref.to_string();
    let settings = settings.ok_or_else(|| {
        let error = "environments are not built here: `environments.enabled` is false";
        failed(&pack_ref, "unknown", error.to_owned())
    })?;
    let rebuild = if request.force_rebuild {
        Rebuild::Always
    } else {
        Rebuild::Never
    };
    let environments = workshop
        .installer(&base, job)
        .environments_of(&path, &manifest, (settings, rebuild))
        .map_err(|error| failed(&pack_ref, runtime_of(&error), reason(&error)))?;
    Ok((pack_ref, PackEnvironments::of(&environments)))
}

fn read(
    workshop: &Workshop,
    request: &Request,
    text: &str,
) -> Result<(PathBuf, PathBuf, Manifest), String> {
    let base = workshop.base(request.packs_base_dir.as_deref())?;
    let (path, manifest) = workshop.pack(text)?;
    Ok((path, base, manifest))
}

/// Whose environment failed.
fn runtime_of(error: &ReadyError) -> &'static str {
    let ReadyError::Environment { source, .. } = error else {
        return "unknown";
    };
    match source {
        EnvironmentError::Failed { kind, .. } => kind.as_str(),
        EnvironmentError::NoRuntime { program: "node" } => EnvironmentKind::Nodejs.as_str(),
        EnvironmentError::Refused(refusal) if refusal.file.contains("package") => {
            EnvironmentKind::Nodejs.as_str()
        }
        EnvironmentError::NoRuntime { .. } | EnvironmentError::Refused(_) => {
            EnvironmentKind::Python.as_str()
        }
        _ => "unknown",
    }
}
