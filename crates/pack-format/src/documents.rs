//! The documents of a registry tree, format 2: `registry.json`, `packs.json`, `packs/<ref>.json`.
//!
//! ```text
//! registry.json ─ what this registry is
//! packs.json ─ ref -> newest version, time, digest of ─┐
//! docs/<sha256>.<ref>.json  <──────────────────────────┘  every version of one pack, immutable name
//! packs/<ref>.json                                         the same bytes under a name people can guess
//! ```
//!
//! Reading ignores unknown fields and refuses unknown `format` numbers; writing omits empty fields.
//! URLs are relative to the tree's root, so that a tree works wherever it is put.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::{ArchiveDigest, StoreKey, TreeDigest};
use crate::entry::{Contents, Dependencies};
use crate::pack_ref::PackRef;
use crate::patch::MetadataPatch;
use crate::source::InstallSource;
use crate::statistics::PackDownloads;
use crate::time::Timestamp;
use crate::version::{Constraint, Version};

/// The `format` member of every document this module describes.
pub const FORMAT: u32 = 2;

/// `registry.json`: what a registry is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegistryDocument {
    /// Always [`FORMAT`].
    pub format: u32,
    /// Name people see.
    pub name: String,
    /// One sentence about the registry.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Where the tree is hosted, with a trailing slash; absent when it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Base of archive URLs, with a trailing slash; relative to the tree's root unless absolute.
    #[serde(default = "root_url", skip_serializing_if = "is_root_url")]
    pub archive_base_url: String,
    /// When content last changed.
    pub updated_at: Timestamp,
    /// Number of packs.
    pub pack_count: u64,
    /// Number of versions of all packs.
    pub version_count: u64,
    /// Number of components of the newest versions, by kind.
    pub component_counts: BTreeMap<String, u64>,
    /// What the registry offers beyond its files, such as `search` or `publish`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
}

fn root_url() -> String {
    "./".to_owned()
}

fn is_root_url(url: &str) -> bool {
    url == "./"
}

/// `packs.json`: one line per pack; pins every document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PacksDocument {
    /// Always [`FORMAT`].
    pub format: u32,
    /// When content last changed.
    pub updated_at: Timestamp,
    /// By ref, sorted.
    pub packs: BTreeMap<PackRef, PackPointer>,
}

/// What `packs.json` says of one pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PackPointer {
    /// Newest version: stable and not yanked where there is one.
    pub version: Version,
    /// When that version was published.
    pub published_at: Timestamp,
    /// SHA-256 of the pack's document.
    pub document: ArchiveDigest,
}

impl PackPointer {
    /// Path of the document under its immutable name.
    pub fn document_path(&self, pack_ref: &PackRef) -> String {
        format!("docs/{}.{pack_ref}.json", self.document.to_hex())
    }

    /// The pack that a [`document_path`](Self::document_path) is of; `None` for another path.
    pub fn ref_of_path(path: &str) -> Option<&str> {
        let name = path.strip_prefix("docs/")?.strip_suffix(".json")?;
        name.split_once('.').map(|(_, pack_ref)| pack_ref)
    }
}

/// `packs/<ref>.json`: every version of one pack, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PackDocument {
    /// Always [`FORMAT`].
    pub format: u32,
    /// The pack.
    #[serde(rename = "ref")]
    pub pack_ref: PackRef,
    /// Set when the pack should no longer be chosen by newcomers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Deprecation>,
    /// Accounts or teams that own the ref.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
    /// How often its archives were downloaded, where the registry counts that; follows `statistics.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downloads: Option<PackDownloads>,
    /// Newest version first, by SemVer precedence.
    pub versions: Vec<VersionDocument>,
}

impl PackDocument {
    /// Downloads of all versions: as counted, else what the newest version says in `meta.downloads`, a number or
    /// an object with a `total`.
    pub fn download_count(&self) -> Option<u64> {
        if let Some(counted) = &self.downloads {
            return Some(counted.total);
        }
        match self.newest()?.meta.get("downloads")? {
            Value::Object(counts) => counts.get("total")?.as_u64(),
            count => count.as_u64(),
        }
    }

    /// The version a newcomer gets: the newest stable one that is not yanked, else the newest that is
    /// not yanked, else the newest.
    pub fn newest(&self) -> Option<&VersionDocument> {
        let usable = || self.versions.iter().filter(|v| v.yanked.is_none());
        usable()
            .find(|v| !v.version.is_prerelease())
            .or_else(|| usable().next())
            .or_else(|| self.versions.first())
    }
}

/// That a pack is deprecated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deprecation {
    /// Why, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What to use instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<PackRef>,
    /// Whether that was said of the tree itself: a build with a `registry.yaml` that does not say it keeps it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub on_tree: bool,
}

/// That a version is yanked: hidden from resolution, still there for who locked it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yank {
    /// Why, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// Whether that was said of the tree itself: a build with a `registry.yaml` that does not say it keeps it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub on_tree: bool,
}

/// That a version was taken down: nobody gets it any more, and nothing else gets its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Takedown {
    /// Why, in a sentence.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// The archive there was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveRecord>,
}

/// One version of a pack: everything an installer, a search and a page need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VersionDocument {
    /// The version.
    pub version: Version,
    /// When the version entered the registry; written once.
    pub published_at: Timestamp,
    /// Name of the account that published it over HTTP; absent where a build or an import entered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_by: Option<String>,
    /// Set when the version is yanked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<Yank>,
    /// Set when the version was taken down: it is yanked, and its archive and sources are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_down: Option<Takedown>,
    /// Name people see.
    pub label: String,
    /// One or two sentences.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What the pack is for, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_case: Option<String>,
    /// Who wrote it.
    pub author: String,
    /// How to reach them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// SPDX expression or `NOASSERTION`.
    pub license: String,
    /// Web page of the pack; any text the author wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Source repository; any text the author wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Sorted, unique.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// Runtimes the pack asks for, such as `python3>=3.9`; sorted, unique.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runtime_deps: Vec<String>,
    /// What must be there before the pack works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<Dependencies>,
    /// Oldest Python, as the manifest says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Oldest Node.js, as the manifest says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodejs: Option<String>,
    /// The archive this registry holds; absent when only other sources exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveRecord>,
    /// The picture the pack brings, where it can be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<IconRecord>,
    /// Sources elsewhere, in order of preference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub install_sources: Vec<InstallSource>,
    /// Those of them that were said of the tree itself: a build with other sources keeps them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_sources: Vec<InstallSource>,
    /// What was corrected since the version was published, one note a field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<MetadataPatch>,
    /// Digest of the tree the archive unpacks to; absent where only an index tells of the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<TreeDigest>,
    /// Key of that tree in a store: the digest together with the executable files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_key: Option<StoreKey>,
    /// Number of files in the tree.
    pub file_count: u64,
    /// Sum of the sizes of those files, in bytes.
    pub unpacked_bytes: u64,
    /// Components by kind, sorted by name.
    pub components: Components,
    /// Configuration of the pack, one row per key, in file order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub configuration: Vec<Parameter>,
    /// Free form, as the manifest and the operator gave it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub meta: BTreeMap<String, Value>,
}

impl VersionDocument {
    /// The dependencies on other packs.
    pub fn pack_dependencies(&self) -> &[PackDependency] {
        self.dependencies.as_ref().map_or(&[], |d| &d.packs)
    }

    /// Lists sources that builds keep, after those that are listed; each once.
    pub fn give_sources(&mut self, sources: &[InstallSource]) {
        for source in sources {
            for list in [&mut self.install_sources, &mut self.given_sources] {
                if !list.contains(source) {
                    list.push(source.clone());
                }
            }
        }
    }
}

/// An archive of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveRecord {
    /// Path relative to the registry's archive base URL.
    pub path: String,
    /// SHA-256 of the file.
    pub checksum: ArchiveDigest,
    /// Size of the file, in bytes.
    pub size_bytes: u64,
}

/// A pack's icon held by the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IconRecord {
    /// Path relative to the root of the registry.
    pub path: String,
    /// SHA-256 of the file.
    pub checksum: ArchiveDigest,
    /// Size of the file, in bytes.
    pub size_bytes: u64,
}

/// A dependency on another pack, written `ref` or `ref@constraint`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackDependency {
    /// The pack that is needed.
    pub pack_ref: PackRef,
    /// Which of its versions will do.
    pub constraint: Constraint,
}

/// A text that is no pack dependency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a pack dependency", crate::text::printable(.text))]
pub struct PackDependencyError {
    text: String,
}

impl crate::hint::Hint for PackDependencyError {
    fn hint(&self) -> Option<String> {
        Some("write `ref` or `ref@constraint`, such as `core@^1.0`".to_owned())
    }
}

impl std::str::FromStr for PackDependency {
    type Err = PackDependencyError;

    fn from_str(text: &str) -> Result<Self, PackDependencyError> {
        let refuse = || PackDependencyError {
            text: text.to_owned(),
        };
        let (name, constraint) = text.split_once('@').unwrap_or((text, "*"));
        Ok(Self {
            pack_ref: name.trim().parse().map_err(|_| refuse())?,
            constraint: constraint.parse().map_err(|_| refuse())?,
        })
    }
}

impl TryFrom<String> for PackDependency {
    type Error = PackDependencyError;

    fn try_from(text: String) -> Result<Self, PackDependencyError> {
        text.parse()
    }
}

impl From<PackDependency> for String {
    fn from(dependency: PackDependency) -> Self {
        dependency.to_string()
    }
}

impl std::fmt::Display for PackDependency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.constraint.as_str() {
            "*" => write!(f, "{}", self.pack_ref),
            constraint => write!(f, "{}@{constraint}", self.pack_ref),
        }
    }
}

/// The components of a version, by kind, each list sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Components {
    /// What the pack can do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Component>,
    /// What watches for events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sensors: Vec<Component>,
    /// The events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Component>,
    /// Which trigger runs which action.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Component>,
    /// Actions made of tasks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workflows: Vec<Component>,
}

impl Components {
    /// The five kinds and their lists, in the order pages and indexes show them.
    pub fn by_kind(&self) -> [(&'static str, &[Component]); 5] {
        [
            ("actions", &self.actions),
            ("sensors", &self.sensors),
            ("triggers", &self.triggers),
            ("rules", &self.rules),
            ("workflows", &self.workflows),
        ]
    }

    /// Names and descriptions alone, as format 1 lists them.
    pub fn contents(&self) -> Contents {
        let list = |components: &[Component]| {
            components
                .iter()
                .map(|c| crate::entry::ContentItem {
                    name: c.name.clone(),
                    description: c.description.clone(),
                })
                .collect()
        };
        Contents {
            actions: list(&self.actions),
            sensors: list(&self.sensors),
            triggers: list(&self.triggers),
            rules: list(&self.rules),
            workflows: list(&self.workflows),
        }
    }
}

/// One component of a pack.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Component {
    /// Name without the pack ref.
    pub name: String,
    /// Label, when it says more than the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// One or two sentences; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether it stays off until somebody enables it.
    #[serde(skip_serializing_if = "is_false")]
    pub disabled: bool,
    /// What runs it: `shell`, `python`, `nodejs` and so on (actions and sensors).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner_type: Option<String>,
    /// Script, relative to the component's directory (actions and sensors).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_point: Option<String>,
    /// Input, one row per parameter, in file order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    /// Output or payload, one row per field, in file order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<Parameter>,
    /// Triggers a sensor emits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trigger_types: Vec<String>,
    /// Trigger of a rule, qualified by its pack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_ref: Option<String>,
    /// Action of a rule, qualified by its pack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_ref: Option<String>,
    /// Tasks of a workflow, in file order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task>,
}

/// One task of a workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Task {
    /// Name, unique in the workflow.
    pub name: String,
    /// Action it runs, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Tasks that may follow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
}

/// One row of a schema: a parameter, an output field or a configuration key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parameter {
    /// Name.
    pub name: String,
    /// JSON Schema type, `any` when not stated.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub value_type: String,
    /// Whether it must be there; a secret that has a default need not be given, and is not.
    #[serde(skip_serializing_if = "is_false")]
    pub required: bool,
    /// Whether its value is a secret.
    #[serde(skip_serializing_if = "is_false")]
    pub secret: bool,
    /// Value used when it is not given; never shown for a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Allowed values, if listed.
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Value>,
    /// What else JSON Schema asks of its value, such as `minimum` or `pattern`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, Value>,
    /// Rows of an object's own schema, or of the objects in an array, in file order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Parameter>,
    /// One or two sentences; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}
