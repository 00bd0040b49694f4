//! Locks of npm and pnpm, as they are given to those: without addresses where a hash says what the package is.
//!
//! Both then ask the operator's registry for the version, and take only what has the hash, whatever address the lock
//! named.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pack_format::yaml::Node;
use pack_fs::error::Context as _;
use serde_json::{Map, Value};

use super::place::{Checked, names_a_place};
use super::{MAX_LOCK_BYTES, bytes_of, json, refused};
use crate::environment::EnvironmentError;

/// Members of npm's locks with words for people, addresses of people and projects, or names of programs.
const WORDS: [&str; 7] = [
    "bin",
    "deprecated",
    "engines",
    "funding",
    "license",
    "man",
    "os",
];

/// A lock of npm.
pub(super) fn npm(
    checked: &Checked<'_>,
    name: &str,
    local: &mut BTreeSet<PathBuf>,
) -> Result<Vec<u8>, EnvironmentError> {
    let path = checked.pack.join(name);
    let mut lock = json(&path)?;
    npm_value(checked, name, &mut lock, local)?;
    anonymous(&mut lock);
    bytes_of(&lock, &path)
}

fn npm_value(
    checked: &Checked<'_>,
    file: &str,
    value: &mut Value,
    local: &mut BTreeSet<PathBuf>,
) -> Result<(), EnvironmentError> {
    let Value::Object(map) = value else {
        return Ok(());
    };
    if map.get("link") == Some(&Value::Bool(true)) {
        let shown = map.get("resolved").and_then(Value::as_str);
        let why = "it leads to a directory, not to an archive";
        return Err(refused(file, shown.unwrap_or("link"), why, None));
    }
    forget_address(map, "resolved", map_has_hash(map));
    for (key, inner) in map {
        if WORDS.contains(&key.as_str()) {
            continue;
        }
        match inner {
            Value::Object(_) => npm_value(checked, file, inner, local)?,
            other => checked.strings(file, other, local)?,
        }
    }
    Ok(())
}

/// A lock of pnpm, read as metadata is and written as JSON, which is YAML that everybody reads alike.
pub(super) fn pnpm(
    checked: &Checked<'_>,
    name: &str,
    local: &mut BTreeSet<PathBuf>,
) -> Result<Vec<u8>, EnvironmentError> {
    let path = checked.pack.join(name);
    let unreadable = |e: String| refused(name, "", &format!("it cannot be read: {e}"), None);
    let bytes = pack_fs::limited::read(&path, MAX_LOCK_BYTES).on("read", &path)?;
    let node = Node::parse(name, &bytes).map_err(|e| unreadable(e.to_string()))?;
    let value = node.to_json();
    let mut lock =
        value.map_err(|line| unreadable(format!("line {line} holds no value of JSON")))?;
    let importers = lock.get("importers").and_then(Value::as_object);
    if importers.is_some_and(|all| all.keys().any(|name| name != ".")) {
        let why = "workspaces lead to further manifests";
        return Err(refused(name, "importers", why, None));
    }
    for key in ["importers", "overrides"] {
        if let Some(specifiers) = lock.get(key) {
            checked.strings(name, specifiers, local)?;
        }
    }
    let packages = lock.get_mut("packages").and_then(Value::as_object_mut);
    for (subject, package) in packages.into_iter().flatten() {
        if let Some(resolution) = package.get_mut("resolution") {
            pnpm_resolution(checked, (name, subject), resolution, local)?;
        }
    }
    bytes_of(&lock, &path)
}

/// Where one package comes from: a hash of what the registry has, or an archive of the pack.
fn pnpm_resolution(
    checked: &Checked<'_>,
    (file, subject): (&str, &str),
    resolution: &mut Value,
    local: &mut BTreeSet<PathBuf>,
) -> Result<(), EnvironmentError> {
    let Value::Object(map) = resolution else {
        return checked.foreign(file, subject);
    };
    forget_address(map, "tarball", map_has_hash(map));
    for (key, value) in &*map {
        match (key.as_str(), value) {
            ("integrity", Value::String(_)) => {}
            ("tarball", Value::String(text)) if names_a_place(text) => {
                checked.place(file, text, local)?;
            }
            ("directory", _) => {
                let why = "it leads to a directory, not to an archive";
                return Err(refused(file, subject, why, None));
            }
            // Repositories, programs, and what later versions think of.
            _ => checked.foreign(file, subject)?,
        }
    }
    Ok(())
}

fn map_has_hash(map: &Map<String, Value>) -> bool {
    map.get("integrity").is_some_and(Value::is_string)
}

fn forget_address(map: &mut Map<String, Value>, key: &str, has_hash: bool) {
    let is_web = |text: &str| {
        ["http://", "https://", "//"]
            .iter()
            .any(|start| text.starts_with(start))
    };
    if has_hash && map.get(key).and_then(Value::as_str).is_some_and(is_web) {
        map.shift_remove(key);
    }
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

/// The text of a lock of yarn.
pub(super) fn text(path: &Path) -> Result<String, EnvironmentError> {
    let bytes = pack_fs::limited::read(path, MAX_LOCK_BYTES).on("read", path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    String::from_utf8(bytes).map_err(|_| refused(&name, "", "it is not UTF-8", None))
}
