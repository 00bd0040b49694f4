//! `IndexEntry`: one version's record in `index.json`, format 1.
//!
//! Members are written in the order the published indexes have; reading takes looser entries: arrays
//! may be missing, members we do not know are passed over.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::documents::{Components, PackDependency};
use crate::manifest::Manifest;
use crate::pack_ref::PackRef;
use crate::source::InstallSource;
use crate::version::Version;

/// One pack in `index.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IndexEntry {
    /// The pack.
    #[serde(rename = "ref")]
    pub pack_ref: PackRef,
    /// Name people see, not empty.
    pub label: String,
    /// May be empty.
    pub description: String,
    /// The version.
    pub version: Version,
    /// Not empty; `Unknown` where nobody says.
    pub author: String,
    /// SPDX expression or `NOASSERTION`.
    pub license: String,
    /// Sorted, unique.
    pub keywords: Vec<String>,
    /// Sorted, unique.
    pub runtime_deps: Vec<String>,
    /// At least one.
    pub install_sources: Vec<InstallSource>,
    /// Components by kind.
    pub contents: Contents,
    /// Free form.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub meta: Map<String, Value>,
    /// https URL of the source repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// How to reach the author.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Web page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// What the pack is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_case: Option<String>,
    /// What must be there first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<Dependencies>,
}

/// What `meta.category` says where the manifest does not.
pub const UNCATEGORIZED: &str = "uncategorized";

impl IndexEntry {
    /// The entry a pack's own files give, with the sources its publisher names.
    ///
    /// [`Manifest`] and the component inventory have settled which field speaks for which; here the
    /// publisher's default of `meta.category` joins. The entry may break rules of the format, such as a
    /// `repository` that is not https: see [`crate::index::entry_violations`].
    pub fn new(
        manifest: &Manifest,
        components: &Components,
        install_sources: Vec<InstallSource>,
    ) -> Self {
        let mut meta = manifest.meta.clone();
        if !meta.contains_key("category") {
            meta.insert("category".to_owned(), UNCATEGORIZED.into());
        }
        Self {
            pack_ref: manifest.pack_ref.clone(),
            label: manifest.label.clone(),
            description: manifest.description.clone(),
            version: manifest.version.clone(),
            author: manifest.author.clone(),
            license: manifest.license.clone(),
            keywords: manifest.keywords.clone(),
            runtime_deps: manifest.runtime_deps.clone(),
            install_sources,
            contents: components.contents(),
            meta,
            repository: manifest.repository.clone(),
            email: manifest.email.clone(),
            homepage: manifest.homepage.clone(),
            use_case: manifest.use_case.clone(),
            dependencies: manifest.dependencies.clone(),
        }
    }
}

/// Names and descriptions of components, by kind; all five lists are always written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contents {
    /// Actions, sorted by name.
    pub actions: Vec<ContentItem>,
    /// Sensors, sorted by name.
    pub sensors: Vec<ContentItem>,
    /// Triggers, sorted by name.
    pub triggers: Vec<ContentItem>,
    /// Rules, sorted by name.
    pub rules: Vec<ContentItem>,
    /// Workflows, sorted by name.
    pub workflows: Vec<ContentItem>,
}

/// One component in [`Contents`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentItem {
    /// Not empty, without the pack ref.
    pub name: String,
    /// May be empty.
    #[serde(default)]
    pub description: String,
}

/// What a pack needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dependencies {
    /// Range of platform versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attune_version: Option<String>,
    /// Range of Python versions, by Python's own rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python_version: Option<String>,
    /// Range of Node.js versions, by npm's rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodejs_version: Option<String>,
    /// Other packs, sorted.
    pub packs: Vec<PackDependency>,
}
