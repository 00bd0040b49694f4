//! `LockedRequirements`: what a locked pack needs of a host.

use pack_client::Candidate;
use pack_format::entry::Dependencies;
use pack_format::manifest::Manifest;
use serde::{Deserialize, Serialize};

/// What a locked pack needs of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockedRequirements {
    /// Range of platform versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attune_version: Option<String>,
    /// Range of Python versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python_version: Option<String>,
    /// Range of Node.js versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodejs_version: Option<String>,
    /// Runtimes it asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runtime_deps: Vec<String>,
    /// Oldest Python.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Oldest Node.js.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodejs: Option<String>,
}

impl LockedRequirements {
    pub(super) fn of_listed(candidate: &Candidate) -> Self {
        let about = &candidate.about;
        let runtimes = (about.runtime_deps.clone(), &about.python, &about.nodejs);
        Self::new(&candidate.requirements, runtimes)
    }

    pub(super) fn of_manifest(manifest: &Manifest) -> Self {
        let needs = manifest.dependencies.clone().unwrap_or_default();
        let runtimes = (
            manifest.runtime_deps.clone(),
            &manifest.python,
            &manifest.nodejs,
        );
        Self::new(&needs, runtimes)
    }

    fn new(
        needs: &Dependencies,
        (runtime_deps, python, nodejs): (Vec<String>, &Option<String>, &Option<String>),
    ) -> Self {
        Self {
            attune_version: needs.attune_version.clone(),
            python_version: needs.python_version.clone(),
            nodejs_version: needs.nodejs_version.clone(),
            runtime_deps,
            python: python.clone(),
            nodejs: nodejs.clone(),
        }
    }
}
