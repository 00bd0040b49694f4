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

/// What packs need.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Dependencies")]
pub(super) struct Needs {
    dependencies: Vec<Dependency>,
    /// By ref, of packs that need something of Python or Node.js.
    #[schemars(with = "BTreeMap<String, Runtimes>")]
    runtime_requirements: BTreeMap<PackRef, Runtimes>,
    /// Those of `dependencies` that are not there.
    missing_dependencies: Vec<Dependency>,
    analyzed_packs: Vec<Analyzed>,
    errors: Vec<Wrong>,
}

/// A pack that another one needs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct Dependency {
    #[schemars(with = "String")]
    pack_ref: PackRef,
    /// The versions that will do.
    version_spec: String,
    #[schemars(with = "String")]
    required_by: PackRef,
    /// Whether such a version is installed, or a pack of the request.
    already_installed: bool,
}

/// What a pack needs of Python and Node.js.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Runtimes {
    #[schemars(with = "String")]
    pack_ref: PackRef,
    python: Option<PythonNeeds>,
    nodejs: Option<NodeNeeds>,
}

/// What a pack needs of Python.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct PythonNeeds {
    /// The versions that will do.
    version: Option<String>,
    /// Where its `requirements.txt` is.
    requirements_file: Option<PathBuf>,
}

/// What a pack needs of Node.js.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct NodeNeeds {
    /// The versions that will do.
    version: Option<String>,
    /// Where its `package.json` is.
    package_file: Option<PathBuf>,
}

/// A pack that was read.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Analyzed {
    #[schemars(with = "String")]
    pack_ref: PackRef,
    /// As the request names it.
    pack_path: String,
    has_dependencies: bool,
    dependency_count: usize,
}

/// Something that is wrong with a pack.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Wrong {
    /// As the request names it.
    pack_path: String,
    error: String,
}

/// A pack of the request.
struct Pack {
    text: String,
    path: PathBuf,
    manifest: Manifest,
}

impl Pack {
    fn wrong(&self, error: String) -> Wrong {
        Wrong {
            pack_path: self.text.clone(),
            error,
        }
    }

    fn needs(&self) -> &[PackDependency] {
        let dependencies = self.manifest.dependencies.as_ref();
        dependencies.map_or(&[], |dependencies| &dependencies.packs)
    }

    /// What it needs of Python and Node.js, if anything.
    fn runtimes(&self) -> Option<Runtimes> {
        let stated = self.manifest.dependencies.as_ref();
        let python = (self.manifest.python.as_ref())
            .or_else(|| stated.and_then(|stated| stated.python_version.as_ref()));
        let nodejs = (self.manifest.nodejs.as_ref())
            .or_else(|| stated.and_then(|stated| stated.nodejs_version.as_ref()));
        let file = |name: &str| Some(self.path.join(name)).filter(|path| path.is_file());
        let python = PythonNeeds {
            version: python.cloned(),
            requirements_file: file("requirements.txt"),
        };
        let nodejs = NodeNeeds {
            version: nodejs.cloned(),
            package_file: file("package.json"),
        };
        let python = Some(python).filter(|p| p.version.is_some() || p.requirements_file.is_some());
        let nodejs = Some(nodejs).filter(|n| n.version.is_some() || n.package_file.is_some());
        (python.is_some() || nodejs.is_some()).then(|| Runtimes {
            pack_ref: self.manifest.pack_ref.clone(),
            python,
            nodejs,
        })
    }
}

/// Analyses packs together: they satisfy each other.
pub(super) async fn run(workshop: &Arc<Workshop>, request: Request) -> Result<Needs, Problem> {
    within(request.pack_paths.len())?;
    workshop
        .run(move |workshop| analyse(workshop, &request))
        .await
}

fn analyse(workshop: &Workshop, request: &Request) -> Needs {
    let mut errors = Vec::new();
    let packs = read(workshop, request, &mut errors);
    let base = &workshop.options.packs_base_dir;
    let installed = reader(base).list();
    let installed = installed.unwrap_or_else(|error| {
        let text = format!("cannot tell what is installed: {}", reason(&error));
        errors.push(Wrong {
            pack_path: base.display().to_string(),
            error: text,
        });
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
                errors.push(pack.wrong(text));
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
    let missing = dependencies.iter().filter(|d| !d.already_installed);
    let runtimes = packs.iter().filter_map(Pack::runtimes);
    let analyzed = packs.iter().map(|pack| Analyzed {
        pack_ref: pack.manifest.pack_ref.clone(),
        pack_path: pack.text.clone(),
        has_dependencies: !pack.needs().is_empty(),
        dependency_count: pack.needs().len(),
    });
    Needs {
        missing_dependencies: missing.cloned().collect(),
        dependencies,
        runtime_requirements: runtimes
            .map(|needs| (needs.pack_ref.clone(), needs))
            .collect(),
        analyzed_packs: analyzed.collect(),
        errors,
    }
}

/// The packs that can be read; of the others, and of files that are wrong, an error.
fn read(workshop: &Workshop, request: &Request, errors: &mut Vec<Wrong>) -> Vec<Pack> {
    let mut packs: Vec<Pack> = Vec::new();
    for text in &request.pack_paths {
        let mut fail = |error: String| {
            errors.push(Wrong {
                pack_path: text.clone(),
                error,
            });
        };
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
fn cycles(packs: &[Pack]) -> Vec<Wrong> {
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
            pack.wrong(text)
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
