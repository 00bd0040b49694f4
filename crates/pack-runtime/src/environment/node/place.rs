//! Where packages come from, as manifests and locks name it.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use pack_fs::error::Context as _;
use serde_json::Value;

use super::refused;
use crate::environment::{Allowed, EnvironmentError};

/// A pack whose files are checked, and against what.
pub(super) struct Checked<'a> {
    pub(super) pack: &'a Path,
    pub(super) registry: Option<&'a str>,
    pub(super) allowed: Allowed,
}

impl Checked<'_> {
    /// One dependency of a manifest.
    pub(super) fn specifier(
        &self,
        file: &str,
        (name, spec): (&str, &str),
        local: &mut BTreeSet<PathBuf>,
    ) -> Result<(), EnvironmentError> {
        let shown = format!("{name}: {spec}");
        if let Some(path) = spec.strip_prefix("file:") {
            return self.archive(file, &shown, path, local);
        }
        if leads_to_a_directory(spec) {
            let why = "it leads to a directory, not to an archive";
            return Err(refused(file, &shown, why, None));
        }
        // Ranges, tags and `npm:` names hold neither; repositories and their short forms hold one.
        let is_alias = spec.starts_with("npm:");
        if !is_alias && (spec.contains(':') || spec.contains('/')) && !self.is_ours(spec) {
            return self.foreign(file, &shown);
        }
        Ok(())
    }

    /// An archive of the pack.
    pub(super) fn archive(
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

    /// Every text in a JSON value that names a place.
    pub(super) fn strings(
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

    /// A text that names a place.
    pub(super) fn place(
        &self,
        file: &str,
        text: &str,
        local: &mut BTreeSet<PathBuf>,
    ) -> Result<(), EnvironmentError> {
        if let Some(path) = text.strip_prefix("file:") {
            return self.archive(file, text, path, local);
        }
        if leads_to_a_directory(text) {
            let why = "it leads to a directory, not to an archive";
            return Err(refused(file, text, why, None));
        }
        if self.is_ours(text) {
            return Ok(());
        }
        self.foreign(file, text)
    }

    /// Whether an address is of the operator's registry.
    pub(super) fn is_ours(&self, address: &str) -> bool {
        let base = self.registry.unwrap_or_default().trim_end_matches('/');
        let own = address
            .strip_prefix(base)
            .is_some_and(|rest| rest.starts_with('/'));
        !base.is_empty() && own
    }

    /// Refuses a place that is not of the operator's registry, unless those are allowed.
    pub(super) fn foreign(&self, file: &str, shown: &str) -> Result<(), EnvironmentError> {
        if self.allowed.foreign_sources {
            return Ok(());
        }
        let why = "it comes from a place of its own, not from the configured registry";
        Err(refused(file, shown, why, Some("allow_foreign_sources")))
    }
}

/// Whether a text is a path, or what is linked, not unpacked.
fn leads_to_a_directory(text: &str) -> bool {
    let links = ["link:", "portal:", "workspace:"];
    links.iter().any(|prefix| text.starts_with(prefix)) || is_path(text)
}

/// Whether a text is a path, written as one. What begins with two slashes is an address without its scheme.
pub(super) fn is_path(text: &str) -> bool {
    let beginnings = ["./", "../", "~/"];
    let is_bare = [".", "..", "~"].contains(&text);
    let is_absolute = text.starts_with('/') && !text.starts_with("//");
    is_bare || is_absolute || beginnings.iter().any(|start| text.starts_with(start))
}

/// Whether a text is an address, a repository, or a path.
pub(super) fn names_a_place(text: &str) -> bool {
    let prefixes = [
        "//",
        "git+",
        "git:",
        "git@",
        "ssh:",
        "github:",
        "gitlab:",
        "bitbucket:",
        "gist:",
        "file:",
        "link:",
        "portal:",
        "exec:",
        "patch:",
    ];
    let has_prefix = prefixes.iter().any(|prefix| text.starts_with(prefix));
    text.contains("://") || has_prefix || is_path(text)
}
