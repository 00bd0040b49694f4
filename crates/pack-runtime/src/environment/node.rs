//! `Modules`: what a `package.json` and its lock ask for, read before a package manager reads them.
//!
//! SECURITY: package managers read files that run code or send secrets before any policy of theirs counts: `.npmrc`,
//! `.yarnrc.yml`, `.pnpmfile.cjs`. They get a directory of ours with the manifest, the lock and the archives of the pack,
//! and none of these. What the lock fetches from elsewhere than the operator's registry is refused.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use pack_format::text::printable;
use pack_fs::FsError;
use pack_fs::error::Context as _;
use serde_json::Value;

use super::{Allowed, EnvironmentError, Refusal};

/// Largest lock that is read (64 MiB, inclusive).
const MAX_LOCK_BYTES: usize = 64 * 1024 * 1024;
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
    Yarn,
}

impl Manager {
    /// Its program.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pnpm => "pnpm",
            Self::Yarn => "yarn",
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
    // Not installed, but a lock holds them, and a manifest without them is not the one that was locked.
    "devDependencies",
];
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
        manifest: bytes_of(&essence(&value), &manifest)?,
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
            any |= section != "devDependencies";
            let spec = spec.as_str().unwrap_or_default();
            checked.specifier("package.json", name, spec, &mut found.local)?;
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
        found.manager = manager;
        let bytes = match manager {
            Manager::Npm => {
                let path = pack.join(name);
                let mut lock = json(&path)?;
                checked.lock(name, &mut lock, &mut found.local)?;
                anonymous(&mut lock);
                bytes_of(&lock, &path)?
            }
            Manager::Pnpm | Manager::Yarn => checked.text(name)?,
        };
        found.lock = Some((name, bytes));
    }
    Ok(any.then_some(found))
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
fn essence(manifest: &Value) -> Value {
    let mut kept = serde_json::Map::new();
    kept.insert("private".to_owned(), Value::Bool(true));
    for section in SECTIONS.iter().chain(&CHOICES) {
        if let Some(value) = manifest.get(section) {
            kept.insert((*section).to_owned(), value.clone());
        }
    }
    Value::Object(kept)
}

/// Takes the pack's own name and version out of a lock.
fn anonymous(lock: &mut Value) {
    let forget = |value: Option<&mut Value>| {
        if let Some(map) = value.and_then(Value::as_object_mut) {
            map.shift_remove("name");
            map.shift_remove("version");
        }
    };
    forget(lock.pointer_mut("/packages/"));
    forget(Some(lock));
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

struct Checked<'a> {
    pack: &'a Path,
    registry: Option<&'a str>,
    allowed: Allowed,
}

impl Checked<'_> {
    /// One dependency of a manifest.
    fn specifier(
        &self,
        file: &str,
        name: &str,
        spec: &str,
        local: &mut BTreeSet<PathBuf>,
    ) -> Result<(), EnvironmentError> {
        let shown = format!("{name}: {spec}");
        if let Some(path) = spec.strip_prefix("file:") {
            return self.archive(file, &shown, path, local);
        }
        if spec.starts_with("link:")
            || spec.starts_with("workspace:")
            || spec.starts_with(['.', '/', '~'])
        {
            return Err(refused(
                file,
                &shown,
                "it leads to a directory, not to an archive",
                None,
            ));
        }
        // Ranges, tags and `npm:` names hold neither; repositories and their short forms hold one.
        let is_alias = spec.starts_with("npm:");
        if !is_alias && (spec.contains(':') || spec.contains('/')) && !self.is_ours(spec) {
            return self.foreign(file, &shown);
        }
        Ok(())
    }

    /// An archive of the pack.
    fn archive(
        &self,
        file: &str,
        shown: &str,
        path: &str,
        local: &mut BTreeSet<PathBuf>,
    ) -> Result<(), EnvironmentError> {
        let path = Path::new(path);
        let is_inside = (path.components())
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let full = self.pack.join(path);
        if !is_inside || !full.is_file() {
            let why = "it is no archive inside the pack";
            return Err(refused(file, shown, why, None));
        }
        let real = full.canonicalize().on("look up", &full)?;
        let root = self.pack.canonicalize().on("look up", self.pack)?;
        if !real.starts_with(&root) {
            return Err(refused(file, shown, "it leads out of the pack", None));
        }
        local.insert(
            path.components()
                .filter(|c| *c != Component::CurDir)
                .collect(),
        );
        Ok(())
    }

    /// A lock of npm. Addresses of packages with a hash go: npm then asks the operator's registry for the version, and
    /// takes only what has the hash, whatever address the lock named.
    fn lock(
        &self,
        file: &str,
        value: &mut Value,
        local: &mut BTreeSet<PathBuf>,
    ) -> Result<(), EnvironmentError> {
        let Value::Object(map) = value else {
            return Ok(());
        };
        let is_web = |v: &Value| {
            v.as_str()
                .is_some_and(|t| t.starts_with("http://") || t.starts_with("https://"))
        };
        if map.get("integrity").is_some_and(Value::is_string)
            && map.get("resolved").is_some_and(is_web)
        {
            map.shift_remove("resolved");
        }
        for (key, inner) in map {
            match key.as_str() {
                // Addresses of people and projects are read by nobody here.
                "funding" | "engines" | "license" | "bin" => {}
                _ => match inner {
                    Value::Object(_) => self.lock(file, inner, local)?,
                    other => self.strings(file, other, local)?,
                },
            }
        }
        Ok(())
    }

    /// Every text in a JSON value that names a place.
    fn strings(
        &self,
        file: &str,
        value: &Value,
        local: &mut BTreeSet<PathBuf>,
    ) -> Result<(), EnvironmentError> {
        match value {
            Value::Object(map) => (map.values()).try_for_each(|v| self.strings(file, v, local)),
            Value::Array(items) => (items.iter()).try_for_each(|v| self.strings(file, v, local)),
            Value::String(text) if names_a_place(text) => self.place(file, text, local),
            _ => Ok(()),
        }
    }

    fn place(
        &self,
        file: &str,
        text: &str,
        local: &mut BTreeSet<PathBuf>,
    ) -> Result<(), EnvironmentError> {
        if let Some(path) = text.strip_prefix("file:") {
            return self.archive(file, text, path, local);
        }
        if self.is_ours(text) {
            return Ok(());
        }
        self.foreign(file, text)
    }

    /// A lock that is no JSON: every address in it has to be of the operator's registry.
    fn text(&self, name: &str) -> Result<Vec<u8>, EnvironmentError> {
        let path = self.pack.join(name);
        let bytes = pack_fs::limited::read(&path, MAX_LOCK_BYTES).on("read", &path)?;
        let text = String::from_utf8_lossy(&bytes);
        for line in text.lines().filter(|line| names_a_place(line)) {
            let start = line.find("://").unwrap_or(0);
            let begin = line[..start]
                .rfind([' ', '"', '\'', '{', '@', '('])
                .map_or(0, |at| at + 1);
            let address: String = line[begin..]
                .chars()
                .take_while(|c| !" \"'},)".contains(*c))
                .collect();
            if !self.is_ours(&address) {
                self.foreign(name, line.trim())?;
            }
        }
        Ok(bytes)
    }

    fn is_ours(&self, address: &str) -> bool {
        let base = self.registry.unwrap_or_default().trim_end_matches('/');
        let own = address
            .strip_prefix(base)
            .is_some_and(|rest| rest.starts_with('/'));
        !base.is_empty() && own
    }

    fn foreign(&self, file: &str, shown: &str) -> Result<(), EnvironmentError> {
        if self.allowed.foreign_sources {
            return Ok(());
        }
        let why = "it comes from a place of its own, not from the configured registry";
        Err(refused(file, shown, why, Some("allow_foreign_sources")))
    }
}

/// Whether a text is an address, a repository, or a path.
fn names_a_place(text: &str) -> bool {
    let prefixes = [
        "git+",
        "git:",
        "git@",
        "github:",
        "gitlab:",
        "bitbucket:",
        "gist:",
        "file:",
        "link:",
    ];
    text.contains("://") || prefixes.iter().any(|prefix| text.starts_with(prefix))
}
