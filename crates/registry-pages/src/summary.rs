//! `PackSummary`: one row of the list of packs.

use std::collections::BTreeSet;

use pack_format::documents::{Component, PackDocument, VersionDocument};
use pack_format::{PackRef, Timestamp, Version};
use serde::{Deserialize, Serialize};

use crate::limits::MAX_VALUE_CHARS;
use crate::text::one_line;

/// Characters of a name in a row or a facet (inclusive).
const MAX_NAME_CHARS: usize = 48;

/// Keywords and runtimes of a row (inclusive).
const MAX_ROW_NAMES: usize = 8;

/// What the list says of one pack; derived from its document, small enough to keep for every pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PackSummary {
    /// The pack.
    #[serde(rename = "ref")]
    pub pack_ref: PackRef,
    /// Name people see, on one line.
    pub label: String,
    /// One or two sentences, on one line.
    pub description: String,
    /// The version a newcomer gets.
    pub version: Version,
    /// When that version was published.
    pub published_at: Timestamp,
    /// When the first version was published.
    pub first_published_at: Timestamp,
    /// Number of versions.
    pub version_count: u64,
    /// SPDX expression or `NOASSERTION`.
    pub license: String,
    /// Who wrote it, on one line.
    pub author: String,
    /// `meta.category`, in lower case.
    pub category: Option<String>,
    /// Families of runtimes the pack needs, such as `python`; sorted, unique.
    pub runtimes: Vec<String>,
    /// Keywords.
    pub keywords: Vec<String>,
    /// Number of components by kind, in the order pages show them; kinds without any are left out.
    pub counts: Vec<(String, u64)>,
    /// The picture of the pack, from the root of the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// `meta.downloads`, where the registry counts them.
    pub downloads: Option<u64>,
    /// Whether the pack is deprecated.
    pub deprecated: bool,
    /// Whether every version is yanked.
    pub yanked: bool,
}

impl PackSummary {
    /// Sums up a document; `None` when it lists no version.
    pub fn from_document(document: &PackDocument) -> Option<Self> {
        let newest = document.newest()?;
        let first = document.versions.iter().map(|v| v.published_at).min();
        let counts = newest
            .components
            .by_kind()
            .iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(kind, list)| ((*kind).to_owned(), list.len() as u64))
            .collect();
        Some(Self {
            pack_ref: document.pack_ref.clone(),
            label: one_line(&newest.label, MAX_VALUE_CHARS),
            description: one_line(&newest.description, MAX_VALUE_CHARS),
            version: newest.version.clone(),
            published_at: newest.published_at,
            first_published_at: first.unwrap_or(newest.published_at),
            version_count: document.versions.len() as u64,
            license: one_line(&newest.license, MAX_NAME_CHARS),
            author: author_name(newest),
            category: category(newest),
            runtimes: runtimes(newest),
            keywords: keyword_names(newest),
            counts,
            icon: newest.icon.as_ref().map(|icon| icon.path.clone()),
            downloads: document.download_count(),
            deprecated: document.deprecated.is_some(),
            yanked: newest.yanked.is_some(),
        })
    }
}

/// Who wrote a version, as lists name them.
pub(crate) fn author_name(version: &VersionDocument) -> String {
    one_line(&version.author, MAX_NAME_CHARS)
}

/// The keywords of a version that lists know.
pub(crate) fn keyword_names(version: &VersionDocument) -> Vec<String> {
    short_names(version.keywords.iter().map(String::as_str))
}

/// The first few names, none of them long.
fn short_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names
        .take(MAX_ROW_NAMES)
        .map(|name| one_line(name, MAX_NAME_CHARS))
        .collect()
}

/// `meta.category`, where it is a word.
pub(crate) fn category(version: &VersionDocument) -> Option<String> {
    let text = version.meta.get("category")?.as_str()?.trim();
    (!text.is_empty()).then(|| one_line(&text.to_lowercase(), MAX_NAME_CHARS))
}

/// The families of runtimes a version asks for or whose runners its components name.
fn runtimes(version: &VersionDocument) -> Vec<String> {
    let asked = version.runtime_deps.iter().map(String::as_str);
    let parts = &version.components;
    let runners = parts
        .actions
        .iter()
        .chain(&parts.sensors)
        .filter_map(runner);
    let mut families: BTreeSet<String> = asked.chain(runners).filter_map(family).collect();
    let needs = version.dependencies.as_ref();
    if needs.is_some_and(|d| d.python_version.is_some()) {
        families.insert("python".to_owned());
    }
    if needs.is_some_and(|d| d.nodejs_version.is_some()) {
        families.insert("nodejs".to_owned());
    }
    short_names(families.iter().map(String::as_str))
}

fn runner(component: &Component) -> Option<&str> {
    component.runner_type.as_deref()
}

/// `python3>=3.9`, `python-script` and `python` are all `python`.
fn family(runtime: &str) -> Option<String> {
    let lower = runtime.trim().to_lowercase();
    let name = lower
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .next()?;
    let name = match name {
        _ if name.starts_with("python") => "python",
        _ if name.starts_with("node") => "nodejs",
        "bash" | "sh" | "shell" => "shell",
        _ if name.starts_with("local-shell") => "shell",
        _ if name.starts_with("remote-shell") => "remote shell",
        other => other,
    };
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spellings of one runtime fall into one family.
    #[test]
    fn family_joins_spellings() {
        for (runtime, name) in [
            ("python3>=3.9", "python"),
            ("python-script", "python"),
            ("node", "nodejs"),
            ("nodejs>=18", "nodejs"),
            ("local-shell-cmd", "shell"),
            ("bash", "shell"),
            ("remote-shell-script", "remote shell"),
            ("Go 1.22", "go"),
        ] {
            assert_eq!(family(runtime).as_deref(), Some(name));
        }
        assert_eq!(family(">=3"), None);
    }
}
