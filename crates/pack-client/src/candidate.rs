//! `Candidate`: one version of a pack as a registry of either format lists it.

use std::path::PathBuf;
use std::sync::Arc;

use pack_format::documents::{Deprecation, PackDependency, VersionDocument, Yank};
use pack_format::entry::{Contents, Dependencies, IndexEntry};
use pack_format::source::InstallSource;
use pack_format::{Checksum, PackRef, StoreKey, Timestamp, TreeDigest, Version};
use serde::{Deserialize, Serialize};
use url::Url;

/// Which registry said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryIdentity {
    /// Its name.
    pub name: String,
    /// Its URL.
    pub url: String,
}

/// Every version of one pack in the registry that owns the ref.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The pack.
    pub pack_ref: PackRef,
    /// Who lists it.
    pub registry: Arc<RegistryIdentity>,
    /// Set when newcomers should choose something else.
    pub deprecated: Option<Deprecation>,
    /// Accounts or teams that own the ref; empty in format 1.
    pub owners: Vec<String>,
    /// Newest version first.
    pub candidates: Vec<Candidate>,
}

impl Listing {
    /// The version a newcomer gets: the newest stable one that is not yanked, else the newest that is
    /// not yanked, else the newest.
    pub fn newest(&self) -> Option<&Candidate> {
        let usable = || self.candidates.iter().filter(|c| c.yanked.is_none());
        usable()
            .find(|c| !c.version.is_prerelease())
            .or_else(|| usable().next())
            .or_else(|| self.candidates.first())
    }
}

/// One version that can be chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The pack.
    pub pack_ref: PackRef,
    /// The version.
    pub version: Version,
    /// When it entered the registry; unknown in format 1.
    pub published_at: Option<Timestamp>,
    /// Set when it is yanked.
    pub yanked: Option<Yank>,
    /// What must be there before it works.
    pub requirements: Dependencies,
    /// Archives whose digest is known: the registry's own first, then the others in listed order.
    pub archives: Vec<ArchiveSource>,
    /// All sources besides the registry's own archive, as listed.
    pub install_sources: Vec<InstallSource>,
    /// Digest of the tree; unknown in format 1.
    pub tree: Option<TreeDigest>,
    /// Store key of the tree; unknown in format 1.
    pub store_key: Option<StoreKey>,
    /// What people read.
    pub about: About,
}

impl Candidate {
    /// The packs it needs.
    pub fn dependencies(&self) -> &[PackDependency] {
        &self.requirements.packs
    }
}

/// What people read about a version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct About {
    /// Name people see.
    pub label: String,
    /// One or two sentences; may be empty.
    pub description: String,
    /// Who wrote it.
    pub author: String,
    /// SPDX expression or `NOASSERTION`.
    pub license: String,
    /// Web page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Source repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Sorted.
    pub keywords: Vec<String>,
    /// Runtimes it asks for.
    pub runtime_deps: Vec<String>,
    /// Oldest Python, as the manifest's `python` says it; unknown in format 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Oldest Node.js, as the manifest's `nodejs` says it; unknown in format 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodejs: Option<String>,
    /// Components by kind.
    pub contents: Contents,
}

/// An archive and what its bytes must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveSource {
    /// Where it is.
    pub place: Place,
    /// What its bytes must have.
    pub checksum: Checksum,
    /// Its size, if listed, in bytes.
    pub size_bytes: Option<u64>,
    /// Whether the registry itself holds it.
    pub own: bool,
}

/// Where bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file of this machine.
    File(PathBuf),
    /// On a web server.
    Web(Url),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => match Url::from_file_path(path) {
                Ok(url) => url.fmt(f),
                Err(()) => path.display().fmt(f),
            },
            Self::Web(url) => url.fmt(f),
        }
    }
}

impl Candidate {
    /// A version of a format 2 document; `own` is where the registry's archive is, if it has one.
    pub(crate) fn of_document(
        pack_ref: &PackRef,
        document: VersionDocument,
        own: Option<Place>,
    ) -> Self {
        let own = own
            .zip(document.archive.as_ref())
            .map(|(place, record)| ArchiveSource {
                place,
                checksum: record.checksum.into(),
                size_bytes: Some(record.size_bytes),
                own: true,
            });
        Self {
            pack_ref: pack_ref.clone(),
            about: About {
                label: document.label,
                description: document.description,
                author: document.author,
                license: document.license,
                homepage: document.homepage,
                repository: document.repository,
                keywords: document.keywords,
                runtime_deps: document.runtime_deps,
                python: document.python,
                nodejs: document.nodejs,
                contents: document.components.contents(),
            },
            version: document.version,
            published_at: Some(document.published_at),
            yanked: document.yanked,
            requirements: document.dependencies.unwrap_or_default(),
            archives: own
                .into_iter()
                .chain(elsewhere(&document.install_sources))
                .collect(),
            install_sources: document.install_sources,
            tree: document.tree,
            store_key: document.store_key,
        }
    }

    /// The one version of a format 1 entry.
    pub(crate) fn of_entry(entry: &IndexEntry) -> Self {
        Self {
            pack_ref: entry.pack_ref.clone(),
            version: entry.version.clone(),
            published_at: None,
            yanked: None,
            requirements: entry.dependencies.clone().unwrap_or_default(),
            archives: elsewhere(&entry.install_sources).collect(),
            install_sources: entry.install_sources.clone(),
            tree: None,
            store_key: None,
            about: About {
                label: entry.label.clone(),
                description: entry.description.clone(),
                author: entry.author.clone(),
                license: entry.license.clone(),
                homepage: entry.homepage.clone(),
                repository: entry.repository.clone(),
                keywords: entry.keywords.clone(),
                runtime_deps: entry.runtime_deps.clone(),
                python: None,
                nodejs: None,
                contents: entry.contents.clone(),
            },
        }
    }
}

/// The archives among `sources` whose bytes can be checked.
fn elsewhere(sources: &[InstallSource]) -> impl Iterator<Item = ArchiveSource> {
    sources.iter().filter_map(|source| match source {
        InstallSource::Archive {
            url,
            checksum: Some(checksum),
        } => Some(ArchiveSource {
            place: Place::Web(url.as_url().clone()),
            checksum: checksum.clone(),
            size_bytes: None,
            own: false,
        }),
        _ => None,
    })
}
