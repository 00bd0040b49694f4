//! `packs/dependencies`: what packs need, and what of it is there. Nothing is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use attune_indexer::check::check_directory;
use attune_installer::State;
use pack_check::{Checked, Severity};
use pack_format::documents::PackDependency;
use pack_format::manifest::Manifest;
use pack_format::{PackRef, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::download::{MAX_PACKS, within};
use super::workshop::{Workshop, reader, reason};
use crate::problem::Problem;

/// Packs whose needs are asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DependenciesRequest")]
pub(super) struct Request {
    /// Absolute paths of folders.
    #[schemars(length(max = MAX_PACKS))]
    pack_paths: Vec<String>,
    /// Whether packs with errors are analysed, too.
    #[serde(default)]
    skip_validation: bool,
}

#[derive(Debug, Clone, Serialize)]
struct Dependency {
    pack_ref: PackRef,
    version_spec: String,
    required_by: PackRef,
    already_installed: bool,
}

/// A pack of the request.
struct Pack {
    text: String,
    path: PathBuf,
    manifest: Manifest,
}

impl Pack {
    fn needs(&self) -> &[PackDependency] {
        let dependencies = self.manifest.dependencies.as_ref();
        dependencies.map_or(&[], |dependencies| &dependencies.packs)
    }

    /// What it needs of Python and Node.js, if anything.
    fn runtimes(&self) -> Option<Value> {
        let stated = self.manifest.dependencies.as_ref();
        let python = (self.manifest.python.as_ref())
            .or_else(|| stated.and_then(|stated| stated.python_version.as_ref()));
        let nodejs = (self.manifest.nodejs.as_ref())
            .or_else(|| stated.and_then(|stated| stated.nodejs_version.as_ref()));
        let file = |name: &str| Some(self.path.join(name)).filter(|path| path.is_file());
        let entry = |version: Option<&String>, member: &str, file: Option<PathBuf>| {
            let is_needed = version.is_some() || file.is_some();
            is_needed.then(|| json!({ "version": version, member: file }))
        };
        let python = entry(python, "requirements_file", file("requirements.txt"));
        let nodejs = entry(nodejs, "package_file", file("package.json"));
        (python.is_some() || nodejs.is_some()).then(|| {
            let pack_ref = &self.manifest.pack_ref;
            json!({ "pack_ref": pack_ref, "python": python, "nodejs": nodejs })
        })
    }
}

/// Analyses packs together: they satisfy each other.
pub(super) async fn run(workshop: &Arc<Workshop>, request: Request) -> Result<Value, Problem> {
    within(request.pack_paths.len())?;
    workshop
        .run(move |workshop| analyse(workshop, &request))
        .await
}

fn analyse(workshop: &Workshop, request: &Request) -> Value {
    let mut errors = Vec::new();
    let packs = read(workshop, request, &mut errors);
    let base = &workshop.options.packs_base_dir;
    let installed = reader(base).list();
    let installed = installed.unwrap_or_else(|error| {
        let text = format!("cannot tell what is installed: {}", reason(&error));
        errors.push(json!({ "pack_path": base, "error": text }));
        State::empty()
    });
    let there = there(&packs, &installed);
    let mut dependencies = Vec::new();
    for pack in &packs {
        for needed in pack.needs() {
            let found = there.get(&needed.pack_ref);
            let is_there = found.is_some_and(|version| needed.constraint.matches(version));
            if let Some(version) = found.filter(|_| !is_there) {
                let text = format!(
                    "`{}` needs `{}` {}, and it is there as {version}",
                    pack.manifest.pack_ref, needed.pack_ref, needed.constraint
                );
                errors.push(json!({ "pack_path": pack.text, "error": text }));
            }
            dependencies.push(Dependency {
                pack_ref: needed.pack_ref.clone(),
                version_spec: needed.constraint.to_string(),
                required_by: pack.manifest.pack_ref.clone(),
                already_installed: is_there,
            });
        }
    }
    errors.extend(cycles(&packs));
    let missing: Vec<&Dependency> = dependencies
        .iter()
        .filter(|d| !d.already_installed)
        .collect();
    let requirements: Map<String, Value> = packs
        .iter()
        .filter_map(|pack| Some((pack.manifest.pack_ref.to_string(), pack.runtimes()?)))
        .collect();
    let analysed: Vec<Value> = packs
        .iter()
        .map(|pack| {
            json!({
                "pack_ref": pack.manifest.pack_ref,
                "pack_path": pack.text,
                "has_dependencies": !pack.needs().is_empty(),
                "dependency_count": pack.needs().len(),
            })
        })
        .collect();
    json!({
        "dependencies": dependencies,
        "runtime_requirements": requirements,
        "missing_dependencies": missing,
        "analyzed_packs": analysed,
        "errors": errors,
    })
}

/// The packs that can be read; of the others, and of files that are wrong, an error.
fn read(workshop: &Workshop, request: &Request, errors: &mut Vec<Value>) -> Vec<Pack> {
    let mut packs: Vec<Pack> = Vec::new();
    for text in &request.pack_paths {
        let mut fail = |error: String| errors.push(json!({ "pack_path": text, "error": error }));
        let (path, manifest) = match workshop.pack(text) {
            Ok(found) => found,
            Err(error) => {
                fail(error);
                continue;
            }
        };
        let is_same = |pack: &&Pack| pack.manifest.pack_ref == manifest.pack_ref;
        if let Some(twin) = packs.iter().find(is_same) {
            fail(format!("`{}` is `{}` too", twin.text, manifest.pack_ref));
            continue;
        }
        if !request.skip_validation {
            match check_directory(&path) {
                Ok(checked) => wrong(&checked).into_iter().for_each(&mut fail),
                Err(error) => fail(reason(&error)),
            }
        }
        packs.push(Pack {
            text: text.clone(),
            path,
            manifest,
        });
    }
    packs
}

/// The errors of a check, a line each.
pub(super) fn wrong(checked: &Checked) -> Vec<String> {
    let errors = checked.diagnostics.iter();
    errors
        .filter(|found| found.severity == Severity::Error)
        .map(|found| match found.line {
            Some(line) => format!("{}, line {line}: {}", found.file, found.message),
            None => format!("{}: {}", found.file, found.message),
        })
        .collect()
}

/// Which version of a pack is there once the packs of the request are: theirs win over what is installed.
fn there(packs: &[Pack], installed: &State) -> BTreeMap<PackRef, Version> {
    let installed = installed.packs.values();
    let mut there: BTreeMap<PackRef, Version> = installed
        .map(|record| (record.pack_ref.clone(), record.version.clone()))
        .collect();
    there.extend(packs.iter().map(|pack| {
        let manifest = &pack.manifest;
        (manifest.pack_ref.clone(), manifest.version.clone())
    }));
    there
}

/// An error for each pack of the request that needs itself by way of others.
fn cycles(packs: &[Pack]) -> Vec<Value> {
    let by_ref: BTreeMap<&PackRef, &Pack> = packs
        .iter()
        .map(|pack| (&pack.manifest.pack_ref, pack))
        .collect();
    let in_cycle = packs
        .iter()
        .filter(|pack| reached(pack, &by_ref).contains(&pack.manifest.pack_ref));
    in_cycle
        .map(|pack| {
            let text = format!(
                "`{}` needs packs that need it: a cycle",
                pack.manifest.pack_ref
            );
            json!({ "pack_path": pack.text, "error": text })
        })
        .collect()
}

/// Everything of the request that a pack needs, directly or not.
fn reached<'p>(start: &'p Pack, by_ref: &BTreeMap<&PackRef, &'p Pack>) -> BTreeSet<&'p PackRef> {
    let mut seen = BTreeSet::new();
    let mut waiting = vec![start];
    while let Some(pack) = waiting.pop() {
        for needed in pack.needs() {
            if let Some(next) = by_ref.get(&needed.pack_ref)
                && seen.insert(&needed.pack_ref)
            {
                waiting.push(next);
            }
        }
    }
    seen
}
