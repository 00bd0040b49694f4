//! `packs/register-batch`: packs of directories are checked, tested, made active below `packs_base_dir`, and what they
//! bring along is written to the database.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use attune_indexer::PackDirectory;
use attune_indexer::check::check_directory;
use attune_installer::{
    Change, Dependencies, InstallError, InstallRequest, Layout, Mismatch, Preparation, ReadyError,
    Record, Replace, Source, TestSummary,
};
use pack_format::PackRef;
use pack_format::documents::Component;
use pack_format::manifest::Manifest;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::build_envs::millis;
use super::dependencies::wrong;
use super::download::within;
use super::workshop::{Workshop, reason};
use crate::clock::now;
use crate::problem::Problem;
use crate::state::{RegisteredPack, State};

/// What components are called in answers, and the folder of those that documents do not list.
const POLICIES: &str = "policies";

/// The stage of paths that are no packs.
const INPUT: &str = "input_validation";

/// The body of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pack_paths: Vec<String>,
    packs_base_dir: Option<String>,
    #[serde(default)]
    skip_validation: bool,
    #[serde(default)]
    skip_tests: bool,
    #[serde(default)]
    force: bool,
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
    /// Of packs that came along because it needs them.
    others: Vec<RegisteredPack>,
    /// What is wrong with its files.
    errors: Vec<String>,
}

/// Registers every pack, those that others need first; the failure of one is no other's, unless that needs it.
pub(super) async fn run(
    workshop: &Arc<Workshop>,
    request: Request,
    (user, state): (String, &State),
) -> Result<Value, Problem> {
    let begun = Instant::now();
    within(request.pack_paths.len())?;
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
        failures.push(failure("unknown", &text, &failed));
    }
    for pack in packs {
        let pack_ref = pack.manifest.pack_ref.to_string();
        let text = pack.text.clone();
        let (asked, base, user) = (Arc::clone(&request), base.clone(), user.clone());
        let outcome = workshop
            .run(move |workshop| activate(workshop, &asked, (&pack, base, &user)))
            .await?;
        let outcome = match outcome {
            Ok(active) => write(state, active).await,
            failed @ Err(_) => failed,
        };
        match outcome {
            Ok(active) => registered.push(active),
            Err(failed) => failures.push(failure(&pack_ref, &text, &failed)),
        }
    }
    let components: usize = registered
        .iter()
        .map(|a| a.projection.components.len())
        .sum();
    Ok(json!({
        "registered_packs": registered.iter().map(told).collect::<Vec<Value>>(),
        "summary": {
            "total_packs": registered.len() + failures.len(),
            "success_count": registered.len(),
            "failure_count": failures.len(),
            "total_components": components,
            "duration_ms": millis(begun),
        },
        "failed_packs": failures,
    }))
}

/// Writes to the database what is active.
async fn write(state: &State, active: Active) -> Result<Active, Failed> {
    for pack in active.others.iter().chain([&active.projection]) {
        state.register(pack, now()).await.map_err(|error| Failed {
            stage: "database",
            error: format!(
                "`{}` is active, and not in the database: {}",
                pack.pack_ref,
                reason(&error)
            ),
        })?;
    }
    Ok(active)
}

fn failure(pack_ref: &str, text: &str, failed: &Failed) -> Value {
    json!({
        "pack_ref": pack_ref,
        "pack_path": text,
        "error": failed.error,
        "error_stage": failed.stage,
    })
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
    (pack, base, user): (&Pack, Result<PathBuf, String>, &str),
) -> Result<Active, Failed> {
    let pack_ref = &pack.manifest.pack_ref;
    let fail = |stage, error| Failed { stage, error };
    let base = &base.map_err(|error| fail(INPUT, error))?;
    let checked = check_directory(&pack.path).map_err(|e| fail("validation", reason(&e)))?;
    let errors = wrong(&checked);
    if !request.skip_validation && !errors.is_empty() {
        return Err(fail("validation", errors.join("; ")));
    }
    let installer = workshop.installer(base, user, "packs/register-batch");
    let state = installer
        .list()
        .map_err(|e| fail("registration", reason(&e)))?;
    if !request.force && state.packs.contains_key(pack_ref) {
        let text = format!("Pack '{pack_ref}' already exists. Use force=true to reinstall.");
        return Err(fail("registration", text));
    }
    let configured = &workshop.options.preparation;
    let tests = configured.tests.clone().filter(|_| !request.skip_tests);
    let installer = installer
        .with_preparation(Preparation {
            environments: configured.environments.clone(),
            tests,
        })
        .adopting(pack_ref.clone());
    let install = InstallRequest {
        sources: vec![Source::LocalDirectory(pack.path.clone())],
        checksum: None,
        dependencies: Dependencies::Install,
        replace: Replace::Force,
        mismatch: Mismatch::Refuse,
    };
    let registries = workshop.registries(workshop.options.registries.clone(), None);
    let done = installer
        .install(&install, &registries)
        .map_err(|error| fail(stage_of(&error), reason(&error)))?;
    let (mut own, mut others) = (None, Vec::new());
    for installed in done.packs {
        let projection = projection(base, &installed.record);
        let projection = projection.map_err(|error| fail("components", error))?;
        if installed.record.pack_ref == *pack_ref {
            own = Some((installed.record, projection));
        } else if installed.change != Change::Unchanged {
            others.push(projection);
        }
    }
    let (record, projection) =
        own.ok_or_else(|| fail("registration", "it was not installed".to_owned()))?;
    Ok(Active {
        record,
        projection,
        others,
        errors,
    })
}

/// What the database says of a pack that is active.
fn projection(base: &Path, record: &Record) -> Result<RegisteredPack, String> {
    let layout = Layout::new(base);
    Ok(RegisteredPack {
        base: base.display().to_string(),
        pack_ref: record.pack_ref.to_string(),
        pack_id: i64::try_from(record.id).unwrap_or(i64::MAX),
        version: record.version.to_string(),
        storage_path: layout.pack(&record.pack_ref).display().to_string(),
        components: components(&layout.stored(&record.store_key))?,
    })
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

/// Kind and ref of what a pack brings along.
fn components(stored: &Path) -> Result<Vec<(&'static str, String)>, String> {
    let pack = PackDirectory::open(stored).map_err(|e| reason(&e))?;
    let pack_ref = &pack.manifest.pack_ref;
    let listed = &pack.components;
    let kinds: [(&str, &[Component]); 5] = [
        ("actions", &listed.actions),
        ("sensors", &listed.sensors),
        ("triggers", &listed.triggers),
        ("rules", &listed.rules),
        ("workflows", &listed.workflows),
    ];
    let mut found: BTreeSet<(&str, String)> = BTreeSet::new();
    for (kind, components) in kinds {
        let refs = components.iter().map(|c| format!("{pack_ref}.{}", c.name));
        found.extend(refs.map(|name| (kind, name)));
    }
    let policies = std::fs::read_dir(stored.join(POLICIES));
    for file in policies.into_iter().flatten().flatten() {
        let path = file.path();
        let is_yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
        if let Some(name) = path.file_stem().filter(|_| is_yaml) {
            found.insert((POLICIES, format!("{pack_ref}.{}", name.to_string_lossy())));
        }
    }
    Ok(found.into_iter().collect())
}

/// What an answer says of a pack that is registered.
fn told(active: &Active) -> Value {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (kind, _) in &active.projection.components {
        *counts.entry(kind).or_default() += 1;
    }
    let kinds = [
        "actions",
        "sensors",
        "triggers",
        "rules",
        "workflows",
        POLICIES,
    ];
    let counts: Map<String, Value> = kinds
        .iter()
        .map(|kind| {
            (
                (*kind).to_owned(),
                json!(counts.get(kind).copied().unwrap_or(0)),
            )
        })
        .collect();
    let test = |tests: &TestSummary| {
        json!({
            "status": tests.status,
            "total_tests": tests.total_tests,
            "passed": tests.passed,
            "failed": tests.failed,
        })
    };
    json!({
        "pack_ref": active.record.pack_ref,
        "pack_id": active.record.id,
        "pack_version": active.record.version,
        "storage_path": active.projection.storage_path,
        "components_registered": counts,
        "test_result": active.record.tests.as_ref().map(test),
        "validation_results": { "valid": active.errors.is_empty(), "errors": active.errors },
    })
}
