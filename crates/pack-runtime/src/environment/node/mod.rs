//! `Modules`: what a `package.json` and its lock ask for, read before a package manager reads them.
//!
//! SECURITY: package managers read files that run code or send secrets before any policy of theirs counts: `.npmrc`,
//! `.yarnrc.yml`, `.pnpmfile.cjs`. They get a directory of ours with the manifest, the lock and the archives of the pack,
//! and none of these. What the lock fetches from elsewhere than the operator's registry is refused.

mod locks;
mod place;
pub(super) mod yarn_lock;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pack_format::text::printable;
use pack_fs::FsError;
use pack_fs::error::Context as _;
use serde_json::Value;

use self::place::Checked;
use super::{Allowed, EnvironmentError, Refusal};

/// Largest lock that is read (64 MiB, inclusive).
pub(super) const MAX_LOCK_BYTES: usize = 64 * 1024 * 1024;
/// Files that run code or reroute a package manager.
const CONFIGURATION: [&str; 8] = [
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".yarnrc.yaml",
    ".pnpmfile.cjs",
    ".pnpmfile.mjs",
    "pnpmfile.js",
    "pnpm-workspace.yaml",
];

/// The package manager that wrote the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manager {
    Npm,
    Pnpm,
    /// Yarn 1.
    Yarn,
    /// Yarn 2 and later.
    Berry,
}

/// Stands for the address of the registry in a checked lock of yarn 1: no line of a file holds it.
pub(super) const REGISTRY: char = '\0';

impl Manager {
    /// Its program.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pnpm => "pnpm",
            Self::Yarn | Self::Berry => "yarn",
        }
    }
}

/// Locks in the order they are looked for.
const LOCKS: [(&str, Manager); 4] = [
    ("package-lock.json", Manager::Npm),
    ("npm-shrinkwrap.json", Manager::Npm),
    ("pnpm-lock.yaml", Manager::Pnpm),
    ("yarn.lock", Manager::Yarn),
];

/// What a pack needs of Node.js.
#[derive(Debug, Clone)]
pub(super) struct Modules {
    pub(super) manager: Manager,
    /// The manifest, as the package manager gets it.
    pub(super) manifest: Vec<u8>,
    /// Name and content of the lock as the package manager gets it; without one, versions are chosen at the time of the
    /// build.
    pub(super) lock: Option<(&'static str, Vec<u8>)>,
    /// Archives of the pack that are installed, relative to it, sorted.
    pub(super) local: BTreeSet<PathBuf>,
}

/// Sections of a manifest that name packages to be installed.
const SECTIONS: [&str; 4] = [
    "dependencies",
    "optionalDependencies",
    "peerDependencies",
    DEVELOPMENT,
];
/// Not installed, but a lock holds them, and to npm, pnpm and yarn 1 a manifest without them is not the one that was locked.
const DEVELOPMENT: &str = "devDependencies";
/// Further members that decide what is installed.
const CHOICES: [&str; 4] = [
    "overrides",
    "resolutions",
    "peerDependenciesMeta",
    "engines",
];

/// Reads what the pack at `pack` needs; nothing if it needs no modules.
///
/// `registry` is the operator's.
pub(super) fn read(
    pack: &Path,
    registry: Option<&str>,
    allowed: Allowed,
) -> Result<Option<Modules>, EnvironmentError> {
    let manifest = pack.join("package.json");
    if !pack_fs::is_file(&manifest)? {
        return Ok(None);
    }
    for name in CONFIGURATION {
        if pack.join(name).exists() {
            let why = "package managers run it, or take its word before the operator's";
            return Err(refused(name, "", why, None));
        }
    }
    let value = json(&manifest)?;
    let mut found = Modules {
        manager: Manager::Npm,
        manifest: bytes_of(&essence(&value, None), &manifest)?,
        lock: None,
        local: BTreeSet::new(),
    };
    let checked = Checked {
        pack,
        registry,
        allowed,
    };
    let mut any = false;
    for section in SECTIONS {
        let entries = value.get(section).and_then(Value::as_object);
        for (name, spec) in entries.into_iter().flatten() {
            any |= section != DEVELOPMENT;
            let spec = spec.as_str().unwrap_or_default();
            checked.specifier("package.json", (name, spec), &mut found.local)?;
        }
    }
    if value.get("pnpm").is_some() {
        let why = "it configures a package manager";
        return Err(refused("package.json", "pnpm", why, None));
    }
    for section in ["overrides", "resolutions"] {
        if let Some(inner) = value.get(section) {
            checked.strings("package.json", inner, &mut found.local)?;
        }
    }
    if value.get("workspaces").is_some() {
        let why = "workspaces lead to further manifests";
        return Err(refused("package.json", "workspaces", why, None));
    }
    if let Some((name, manager)) = lock_of(pack)? {
        found.take_lock(&checked, name, manager)?;
    }
    if found.manager == Manager::Berry {
        // Its lock names the package that it is of.
        let mut kept = essence(&value, value.get("name").cloned());
        if let Some(members) = kept.as_object_mut() {
            members.remove(DEVELOPMENT);
        }
        found.manifest = bytes_of(&kept, &manifest)?;
    }
    Ok(any.then_some(found))
}

impl Modules {
    /// Reads the lock.
    fn take_lock(
        &mut self,
        checked: &Checked<'_>,
        name: &'static str,
        manager: Manager,
    ) -> Result<(), EnvironmentError> {
        self.manager = manager;
        let bytes = match manager {
            Manager::Npm => locks::npm(checked, name, &mut self.local)?,
            Manager::Pnpm => locks::pnpm(checked, name, &mut self.local)?,
            Manager::Yarn | Manager::Berry => {
                let text = locks::text(&checked.pack.join(name))?;
                self.manager = yarn_lock::manager(&text);
                yarn_lock::read(checked, (name, &text), &mut self.local)?
            }
        };
        self.lock = Some((name, bytes));
        Ok(())
    }
}

/// The lock of a pack, if it has one, and who wrote it.
fn lock_of(pack: &Path) -> Result<Option<(&'static str, Manager)>, FsError> {
    for (name, manager) in LOCKS {
        if pack_fs::is_file(&pack.join(name))? {
            return Ok(Some((name, manager)));
        }
    }
    Ok(None)
}

fn json(path: &Path) -> Result<Value, EnvironmentError> {
    let bytes = pack_fs::limited::read(path, MAX_LOCK_BYTES).on("read", path)?;
    let parsed = serde_json::from_slice(&bytes).map_err(std::io::Error::from);
    Ok(parsed.map_err(|e| FsError::new("read", path, e))?)
}

fn bytes_of(value: &Value, path: &Path) -> Result<Vec<u8>, EnvironmentError> {
    let bytes = serde_json::to_vec(value).map_err(std::io::Error::from);
    Ok(bytes.on("read", path)?)
}

/// Of a manifest, what decides what is installed: a new version of the pack with the same needs gives the same bytes.
fn essence(manifest: &Value, name: Option<Value>) -> Value {
    let mut kept = serde_json::Map::new();
    kept.extend(name.map(|name| ("name".to_owned(), name)));
    kept.insert("private".to_owned(), Value::Bool(true));
    for section in SECTIONS.iter().chain(&CHOICES) {
        if let Some(value) = manifest.get(section) {
            kept.insert((*section).to_owned(), value.clone());
        }
    }
    Value::Object(kept)
}

fn refused(file: &str, what: &str, why: &str, setting: Option<&'static str>) -> EnvironmentError {
    EnvironmentError::Refused(Box::new(Refusal {
        file: file.to_owned(),
        line: None,
        what: printable(what),
        why: why.to_owned(),
        setting,
    }))
}
