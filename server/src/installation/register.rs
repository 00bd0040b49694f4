//! `packs/register-batch`: packs of directories are checked, tested, made active below `packs_base_dir`, and what they
//! bring along is written to the database.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use attune_indexer::check::check_directory;
use attune_installer::{
    Dependencies, InstallError, ReadyError, Record, Replace, Source, TestSummary,
};
use pack_client::Reporter as _;
use pack_format::manifest::Manifest;
use pack_format::{PackRef, Version};
use pack_runtime::TestStatus;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::activate::{Wish, changed, install, record, record_tests};
use super::build_envs::millis;
use super::dependencies::wrong;
use super::download::{MAX_PACKS, within};
use super::mirrors;
use super::projection::{self, POLICIES};
use super::workshop::{Workshop, reader, reason};
use crate::jobs::Job;
use crate::problem::Problem;
use crate::state::{RegisteredPack, State, Trigger};

/// The stage of paths that are no packs.
const INPUT: &str = "input_validation";

/// Packs of folders.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RegisterBatchRequest")]
pub(super) struct Request {
    /// Absolute paths of folders.
    #[schemars(length(max = MAX_PACKS))]
    pack_paths: Vec<String>,
    /// Where packs are installed; the configured place by default.
    pub(super) packs_base_dir: Option<String>,
    /// Errors are told and refuse nothing.
    #[serde(default)]
    skip_validation: bool,
    /// Run no tests.
    #[serde(default)]
    skip_tests: bool,
    /// Replace what is installed.
    #[serde(default)]
    force: bool,
}

/// Packs that are active, and those that are not.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Registered")]
pub(super) struct Answer {
    registered_packs: Vec<Told>,
    summary: Summary,
    failed_packs: Vec<Unregistered>,
}

/// How many packs and components there were.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Summary {
    total_packs: usize,
    success_count: usize,
    failure_count: usize,
    total_components: usize,
    duration_ms: u64,
}

/// A pack that is active.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Told {
    #[schemars(with = "String")]
    pack_ref: PackRef,
    /// Counts packs per packs directory; an upgrade keeps it.
    pack_id: u64,
    #[schemars(with = "String")]
    pack_version: Version,
    /// Where it is.
    storage_path: String,
    components_registered: Counts,
    /// `null` where it has no tests, or they were not run.
    test_result: Option<Tested>,
    validation_results: Validated,
}

/// How many components a pack brings along, by kind.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Counts {
    actions: usize,
    sensors: usize,
    triggers: usize,
    rules: usize,
    workflows: usize,
    policies: usize,
}

/// What tests came to.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Tested {
    #[schemars(with = "mirrors::TestStatus")]
    status: TestStatus,
    total_tests: u64,
    passed: u64,
    failed: u64,
}

/// What is wrong with the files of a pack.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Validated {
    valid: bool,
    errors: Vec<String>,
}

/// A pack that is not active.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Unregistered {
    /// `unknown` where there is no pack.
    pack_ref: String,
    /// As the request names it.
    pack_path: String,
    error: String,
    /// How far it came.
    error_stage: &'static str,
}

/// A pack of the request.
#[derive(Debug)]
struct Pack {
    text: String,
    path: PathBuf,
    manifest: Manifest,
}

/// A pack that is not registered, and how far it came.
struct Failed {
    stage: &'static str,
    error: String,
}

/// A pack that is active.
struct Active {
    record: Record,
    projection: RegisteredPack,
    /// What changed with it: itself, and packs that came along because it needs them.
    changed: Vec<PackRef>,
    /// What is wrong with its files.
    errors: Vec<String>,
}

impl Request {
    /// Refuses what makes no sense, whatever the state of the server.
    pub(super) fn check(&self) -> Result<(), Problem> {
        within(self.pack_paths.len())
    }
}

/// Registers every pack, those that others need first; the failure of one is no other's, unless that needs it.
pub(super) async fn run(
    workshop: &Arc<Workshop>,
    request: Request,
    (job, state): (Arc<Job>, State),
) -> Result<Answer, Problem> {
    let begun = Instant::now();
    let request = Arc::new(request);
    let asked = Arc::clone(&request);
    let base = workshop.base(request.packs_base_dir.as_deref());
    let (packs, unreadable) = workshop
        .run(move |workshop| read(workshop, &asked.pack_paths))
        .await?;
    let (mut registered, mut failures) = (Vec::new(), Vec::new());
    for (text, error) in unreadable {
        let failed = Failed {
            stage: INPUT,
            error,
        };
        failures.push(failure("unknown".to_owned(), text, failed));
    }
    let total = packs.len();
    for (index, pack) in packs.into_iter().enumerate() {
        job.item(index, total);
        let pack_ref = pack.manifest.pack_ref.to_string();
        let text = pack.text.clone();
        let (asked, place, own) = (Arc::clone(&request), base.clone(), Arc::clone(&job));
        let outcome = workshop
            .run(move |workshop| activate(workshop, &asked, (&pack, place, &own)))
            .await?;
        let outcome = match outcome {
            Ok(active) => write(workshop, &state, active).await,
            failed @ Err(_) => failed,
        };
        if let Ok(base) = &base {
            let place = (base.as_path(), &*job);
            // A run that is not in the history was run all the same.
            let _ = record_tests(&state, place, Trigger::Register).await;
        }
        match outcome {
            Ok(active) => registered.push(active),
            Err(failed) => failures.push(failure(pack_ref, text, failed)),
        }
    }
    let components: usize = registered
        .iter()
        .map(|a| a.projection.components.len())
        .sum();
    Ok(Answer {
        summary: Summary {
            total_packs: registered.len() + failures.len(),
            success_count: registered.len(),
            failure_count: failures.len(),
            total_components: components,
            duration_ms: millis(begun),
        },
        registered_packs: registered.into_iter().map(told).collect(),
        failed_packs: failures,
    })
}

/// Writes to the database what is active.
async fn write(workshop: &Arc<Workshop>, state: &State, active: Active) -> Result<Active, Failed> {
    let base = PathBuf::from(&active.projection.base);
    let written = record(workshop, state, (&base, active.changed.clone())).await;
    written.map_err(|error| Failed {
        stage: "database",
        error,
    })?;
    Ok(active)
}

fn failure(pack_ref: String, pack_path: String, failed: Failed) -> Unregistered {
    Unregistered {
        pack_ref,
        pack_path,
        error: failed.error,
        error_stage: failed.stage,
    }
}

/// The packs that can be read, each behind those it needs; paths of the others, with why.
fn read(workshop: &Workshop, paths: &[String]) -> (Vec<Pack>, Vec<(String, String)>) {
    let (mut packs, mut unreadable) = (Vec::<Pack>::new(), Vec::new());
    for text in paths {
        match workshop.pack(text) {
            Err(error) => unreadable.push((text.clone(), error)),
            Ok((_, manifest))
                if packs
                    .iter()
                    .any(|p| p.manifest.pack_ref == manifest.pack_ref) =>
            {
                let error = format!(
                    "another path of this request is `{}` too",
                    manifest.pack_ref
                );
                unreadable.push((text.clone(), error));
            }
            Ok((path, manifest)) => packs.push(Pack {
                text: text.clone(),
                path,
                manifest,
            }),
        }
    }
    (ordered(packs), unreadable)
}

/// Puts what is needed before what needs it. Packs of a cycle keep their order.
fn ordered(mut waiting: Vec<Pack>) -> Vec<Pack> {
    let mut done = Vec::new();
    while !waiting.is_empty() {
        let left: BTreeSet<PackRef> = waiting
            .iter()
            .map(|p| p.manifest.pack_ref.clone())
            .collect();
        let is_next = |pack: &Pack| {
            let needs = pack.manifest.dependencies.as_ref();
            let mut needs = needs.iter().flat_map(|needs| &needs.packs);
            needs.all(|n| n.pack_ref == pack.manifest.pack_ref || !left.contains(&n.pack_ref))
        };
        let next = waiting.iter().position(is_next).unwrap_or(0);
        done.push(waiting.remove(next));
    }
    done
}

fn activate(
    workshop: &Workshop,
    request: &Request,
    (pack, base, job): (&Pack, Result<PathBuf, String>, &Job),
) -> Result<Active, Failed> {
    let pack_ref = &pack.manifest.pack_ref;
    let fail = |stage, error| Failed { stage, error };
    let base = &base.map_err(|error| fail(INPUT, error))?;
    if job.is_cancelled() {
        return Err(fail("registration", "it was called off".to_owned()));
    }
    job.step(format!("checking {pack_ref}"));
    let checked = check_directory(&pack.path).map_err(|e| fail("validation", reason(&e)))?;
    let errors = wrong(&checked);
    if !request.skip_validation && !errors.is_empty() {
        return Err(fail("validation", errors.join("; ")));
    }
    // Known without waiting for others; the installation itself refuses what comes between.
    let installed = reader(base).list();
    let installed = installed.map_err(|e| fail("registration", reason(&e)))?;
    if !request.force && installed.packs.contains_key(pack_ref) {
        return Err(fail("registration", exists(pack_ref)));
    }
    let wish = Wish {
        source: Source::LocalDirectory(pack.path.clone()),
        checksum: None,
        dependencies: Dependencies::Install,
        replace: if request.force {
            Replace::Force
        } else {
            Replace::Refuse
        },
        skip_tests: request.skip_tests,
        registries: workshop.configured(),
        adopts: Some(pack_ref.clone()),
    };
    let done = install(workshop, (base, job), &wish).map_err(|error| match error {
        InstallError::Exists { .. } => fail("registration", exists(pack_ref)),
        error => fail(stage_of(&error), reason(&error)),
    })?;
    let changed = changed(&done);
    let mut records = done.packs.into_iter().map(|installed| installed.record);
    let record = records.find(|record| record.pack_ref == *pack_ref);
    let record = record.ok_or_else(|| fail("registration", "it was not installed".to_owned()))?;
    let projection = projection::of(base, &record).map_err(|e| fail("components", e))?;
    Ok(Active {
        record,
        projection,
        changed,
        errors,
    })
}

/// That a pack is there which was to be new.
pub(super) fn exists(pack_ref: &PackRef) -> String {
    format!("Pack '{pack_ref}' already exists. Use force=true to reinstall.")
}

/// How far an installation came.
fn stage_of(error: &InstallError) -> &'static str {
    match error {
        InstallError::Ready(error) => match **error {
            ReadyError::Tests { .. } | ReadyError::Failed { .. } => "testing",
            ReadyError::Environment { .. } => "environments",
            _ => "registration",
        },
        InstallError::Resolve { .. }
        | InstallError::Lookup(_)
        | InstallError::Unmet { .. }
        | InstallError::Breaks { .. } => "dependencies",
        _ => "registration",
    }
}

/// What an answer says of a pack that is registered.
fn told(active: Active) -> Told {
    let components = &active.projection.components;
    let count = |kind: &str| components.iter().filter(|(own, _)| own == kind).count();
    let tested = |tests: &TestSummary| Tested {
        status: tests.status,
        total_tests: tests.total_tests,
        passed: tests.passed,
        failed: tests.failed,
    };
    Told {
        components_registered: Counts {
            actions: count("actions"),
            sensors: count("sensors"),
            triggers: count("triggers"),
            rules: count("rules"),
            workflows: count("workflows"),
            policies: count(POLICIES),
        },
        test_result: active.record.tests.as_ref().map(tested),
        pack_ref: active.record.pack_ref,
        pack_id: active.record.id,
        pack_version: active.record.version,
        storage_path: active.projection.storage_path,
        validation_results: Validated {
            valid: active.errors.is_empty(),
            errors: active.errors,
        },
    }
}
