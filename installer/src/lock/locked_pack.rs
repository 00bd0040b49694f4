//! `LockedPack`: one pack of a lock, and what it takes to bring exactly it.

use pack_client::{About, ArchiveSource, Candidate, CommitKey, Place, RegistryIdentity};
use pack_format::documents::PackDependency;
use pack_format::entry::Dependencies;
use pack_format::git_ref::GitRef;
use pack_format::source::InstallSource;
use pack_format::{Checksum, PackRef, StoreKey, TreeDigest, Version};
use pack_git::RepositoryUrl;
use serde::{Deserialize, Serialize};
use url::Url;

use super::requirements::LockedRequirements;
use crate::fetch::Arrived;
use crate::plan::{Settled, dependencies_of};
use crate::source::{Source, SourceError};

/// One locked pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedPack {
    /// Its version.
    pub version: Version,
    /// The registry that listed it; absent for what the file of wanted packs says where to find.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<RegistryIdentity>,
    /// URL of the archive, repository or directory; a `file:` URL for what is on this machine, which the file names as
    /// seen from where it lies.
    pub source: String,
    /// The commit, where it comes from a git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<LockedCommit>,
    /// What the archive's bytes must have, where it comes as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_digest: Option<Checksum>,
    /// Size of the archive, in bytes, where a registry says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Digest of the tree; unknown for archives of format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree_digest: Option<TreeDigest>,
    /// Store key of the tree; unknown for archives of format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_key: Option<StoreKey>,
    /// What it needs of a host, as its registry says it; absent in older locks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires: Option<LockedRequirements>,
    /// Packs it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<PackDependency>,
}

/// A locked commit of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedCommit {
    /// All its digits.
    pub commit: GitRef,
    /// The branch, tag or commit it was found by; the default branch when absent.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<GitRef>,
    /// Where the pack is looked for, when not at the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdir: Option<String>,
}

impl LockedPack {
    /// What pins a listed version: its first archive. `None` where it has none.
    pub(super) fn of_listed(registry: RegistryIdentity, candidate: &Candidate) -> Option<Self> {
        let archive = candidate.archives.first()?;
        Some(Self {
            version: candidate.version.clone(),
            registry: Some(registry),
            source: archive.place.to_string(),
            git: None,
            archive_digest: Some(archive.checksum.clone()),
            size_bytes: archive.size_bytes,
            tree_digest: candidate.tree,
            store_key: candidate.store_key,
            requires: Some(LockedRequirements::of_listed(candidate)),
            dependencies: candidate.dependencies().to_vec(),
        })
    }

    /// What pins what has arrived; a registry that `listed` it may have corrected what the manifest says.
    pub(super) fn of_arrived(
        arrived: &Arrived,
        listed: Option<(RegistryIdentity, &Candidate)>,
    ) -> Self {
        let staged = &arrived.staged;
        let git = arrived.git.as_ref().and_then(|origin| {
            Some(LockedCommit {
                commit: origin.commit.parse().ok()?,
                git_ref: origin.place.git_ref.clone(),
                subdir: origin.place.subdir.clone(),
            })
        });
        let (registry, requires, dependencies) = match listed {
            Some((registry, candidate)) => (
                Some(registry),
                LockedRequirements::of_listed(candidate),
                candidate.dependencies().to_vec(),
            ),
            None => (
                None,
                LockedRequirements::of_manifest(&staged.manifest),
                dependencies_of(staged).cloned().collect(),
            ),
        };
        Self {
            version: staged.manifest.version.clone(),
            registry,
            source: arrived.url.clone(),
            git,
            archive_digest: staged.archive_digest.clone(),
            size_bytes: None,
            tree_digest: Some(staged.inventory.tree),
            store_key: Some(staged.inventory.key),
            requires: Some(requires),
            dependencies,
        }
    }

    /// The same with what the registry says by now that it needs.
    pub(super) fn with_needs_of(&self, candidate: &Candidate) -> Self {
        Self {
            requires: Some(LockedRequirements::of_listed(candidate)),
            dependencies: candidate.dependencies().to_vec(),
            ..self.clone()
        }
    }

    /// The pack as its version is settled.
    pub fn settled(&self, pack_ref: &PackRef) -> Settled {
        Settled {
            pack_ref: pack_ref.clone(),
            version: self.version.clone(),
            dependencies: self.dependencies.clone(),
        }
    }

    /// Where it comes from, as sentences name it.
    pub(super) fn described(&self) -> String {
        let mut text = format!("`{}`", self.source);
        if let Some(registry) = &self.registry {
            text = format!("registry `{}`", registry.url);
        }
        if let Some(git) = &self.git {
            let found_by = git.git_ref.as_ref().unwrap_or(&git.commit);
            text.push_str(&format!(" at `{found_by}`"));
            if let Some(subdir) = &git.subdir {
                text.push_str(&format!(", directory `{subdir}`"));
            }
        }
        text
    }

    /// Whether it says which bytes are meant.
    pub(super) fn is_pinned(&self) -> bool {
        let by_tree = self.tree_digest.is_some() && self.store_key.is_some();
        let is_directory = self.registry.is_none() && self.source.starts_with("file:");
        match &self.git {
            Some(git) => git.commit.is_commit() && by_tree && self.archive_digest.is_none(),
            None => self.archive_digest.is_some() || (by_tree && is_directory),
        }
    }

    /// Where it is, if on this machine.
    fn path(&self) -> Option<std::path::PathBuf> {
        let url = Url::parse(&self.source).ok();
        let url = url.filter(|url| url.scheme() == "file")?;
        url.to_file_path().ok()
    }

    /// Where exactly it comes from, and what it must have, where no registry has a say.
    pub(crate) fn direct(
        &self,
        allow_http: bool,
    ) -> Result<(Source, Option<Checksum>), SourceError> {
        let checksum = (self.archive_digest.clone()).or(self.tree_digest.map(Checksum::from));
        let source = match (&self.git, self.path()) {
            (Some(git), path) => Source::Git {
                url: match path {
                    Some(path) => RepositoryUrl::local(&path),
                    None => RepositoryUrl::parse(&self.source, allow_http)?,
                },
                git_ref: Some(git.commit.clone()),
                subdir: git.subdir.clone(),
            },
            (None, Some(path)) if self.archive_digest.is_some() => Source::LocalArchive(path),
            (None, Some(path)) => Source::LocalDirectory(path),
            (None, None) => Source::archive_url(&self.source, allow_http)?,
        };
        Ok((source, checksum))
    }

    /// What a cache knows it by, if it is locked at a commit.
    pub(crate) fn commit_key(&self) -> Option<CommitKey> {
        let git = self.git.as_ref()?;
        Some(CommitKey {
            repository: self.source.clone(),
            commit: git.commit.to_string(),
            subdir: git.subdir.clone(),
        })
    }

    /// Whether nothing has to be fetched for it but what lies on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.path().is_some()
    }

    /// The locked version as a registry would list it, without repositories: of those, a registry must say where they are.
    pub(crate) fn candidate(&self, pack_ref: &PackRef) -> Candidate {
        let requires = self.requires.clone().unwrap_or_default();
        let place = match (self.path(), Url::parse(&self.source)) {
            (Some(path), _) => Some(Place::File(path)),
            (None, url) => url.ok().map(Place::Web),
        };
        Candidate {
            pack_ref: pack_ref.clone(),
            version: self.version.clone(),
            published_at: None,
            yanked: None,
            requirements: Dependencies {
                attune_version: requires.attune_version,
                python_version: requires.python_version,
                nodejs_version: requires.nodejs_version,
                packs: self.dependencies.clone(),
            },
            archives: (place.zip(self.archive_digest.clone()).into_iter())
                .map(|(place, checksum)| ArchiveSource {
                    place,
                    checksum,
                    size_bytes: self.size_bytes,
                    own: true,
                })
                .collect(),
            install_sources: Vec::new(),
            tree: self.tree_digest,
            store_key: self.store_key,
            about: About {
                runtime_deps: requires.runtime_deps,
                python: requires.python,
                nodejs: requires.nodejs,
                ..About::default()
            },
        }
    }

    /// The same with those of a registry's sources that hold what is locked: its archive, or its commit.
    pub(crate) fn listed(&self, found: &Candidate) -> Option<Candidate> {
        let archives: Vec<ArchiveSource> = (found.archives.iter())
            .filter(|archive| Some(&archive.checksum) == self.archive_digest.as_ref())
            .cloned()
            .collect();
        let install_sources: Vec<InstallSource> = match &self.git {
            Some(git) => (found.install_sources.iter())
                .filter_map(|source| self.at_commit(source, &git.commit))
                .collect(),
            None => Vec::new(),
        };
        let is_there = !archives.is_empty() || !install_sources.is_empty();
        is_there.then(|| Candidate {
            archives,
            install_sources,
            ..self.candidate(&found.pack_ref)
        })
    }

    /// A repository that is listed with the locked tree, at the locked commit.
    fn at_commit(&self, source: &InstallSource, commit: &GitRef) -> Option<InstallSource> {
        match source {
            InstallSource::Git {
                url,
                checksum: Some(checksum),
                subdir,
                ..
            } if checksum.as_tree_digest() == self.tree_digest => Some(InstallSource::Git {
                url: url.clone(),
                git_ref: Some(commit.clone()),
                checksum: Some(checksum.clone()),
                subdir: subdir.clone(),
            }),
            _ => None,
        }
    }
}
