//! `Prepared`: a pack whose tree is complete, on its way into the state.

use pack_client::{Candidate, Listing, RegistryIdentity};
use pack_format::documents::PackDependency;
use pack_format::manifest::Manifest;
use pack_format::{Checksum, StoreKey, TreeDigest};
use url::Url;

use super::InstallError;
use crate::fetch::{Arrived, GitOrigin};
use crate::inventory::read_listing;
use crate::lock::LockedPack;
use crate::pack_dir::PackDir;
use crate::plan::dependencies_of;
use crate::record::{Check, InstalledFrom, Record, SourceType, Verified};
use crate::session::{ChangeSettings, Session};

/// Everything a record is made of.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) manifest: Manifest,
    pub(super) key: StoreKey,
    pub(super) origin: Origin,
    /// Packs it needs: a registry may have corrected what the manifest says.
    pub(super) needs: Vec<PackDependency>,
    tree: TreeDigest,
    archive_digest: Option<Checksum>,
    checks: Vec<Check>,
    file_count: u64,
    unpacked_bytes: u64,
}

/// Where a pack came from.
#[derive(Debug)]
pub(super) struct Origin {
    kind: SourceType,
    pub(super) url: String,
    subdir: Option<String>,
    git: Option<OriginCommit>,
    registry: Option<RegistryIdentity>,
}

/// A commit, and what it was found by.
#[derive(Debug)]
struct OriginCommit {
    git_ref: Option<String>,
    commit: String,
}

impl OriginCommit {
    fn of(origin: &GitOrigin) -> Self {
        Self {
            git_ref: origin.place.git_ref.as_ref().map(ToString::to_string),
            commit: origin.commit.clone(),
        }
    }
}

impl Origin {
    /// A source that was named itself.
    pub(super) fn direct(arrived: &Arrived) -> Self {
        let local = Url::parse(&arrived.url)
            .ok()
            .filter(|url| url.scheme() == "file");
        let kind = match (local, &arrived.staged.archive_digest) {
            _ if arrived.git.is_some() => SourceType::Git,
            (None, _) => SourceType::Archive,
            (Some(_), Some(_)) => SourceType::LocalArchive,
            (Some(_), None) => SourceType::LocalDirectory,
        };
        Self {
            kind,
            url: arrived.url.clone(),
            subdir: subdir(arrived),
            git: arrived.git.as_ref().map(OriginCommit::of),
            registry: None,
        }
    }

    /// A source a registry listed.
    pub(super) fn listed(arrived: &Arrived, registry: Option<RegistryIdentity>) -> Self {
        Self {
            kind: if arrived.git.is_some() {
                SourceType::Git
            } else {
                SourceType::Archive
            },
            url: arrived.url.clone(),
            subdir: subdir(arrived),
            git: arrived.git.as_ref().map(OriginCommit::of),
            registry,
        }
    }

    /// What a lock says of a commit, or of a source that is no registry.
    pub(super) fn locked(pack: &LockedPack, arrived: Option<&Arrived>) -> Self {
        let git = pack.git.as_ref();
        let kind = match (git, pack.is_local(), &pack.archive_digest) {
            (Some(_), _, _) => SourceType::Git,
            (None, false, _) => SourceType::Archive,
            (None, true, Some(_)) => SourceType::LocalArchive,
            (None, true, None) => SourceType::LocalDirectory,
        };
        Self {
            kind,
            url: pack.source.clone(),
            subdir: arrived.map_or_else(|| git.and_then(|git| git.subdir.clone()), subdir),
            git: git.map(|git| OriginCommit {
                git_ref: git.git_ref.as_ref().map(ToString::to_string),
                commit: git.commit.to_string(),
            }),
            registry: pack.registry.clone(),
        }
    }

    /// A version whose tree the store has, as a registry lists it.
    pub(super) fn stored(candidate: &Candidate, listing: &Listing) -> Self {
        let source = candidate.archives.first();
        Self {
            kind: SourceType::Archive,
            url: source.map_or_else(|| listing.registry.url.clone(), |s| s.place.to_string()),
            subdir: None,
            git: None,
            registry: Some(listing.registry.as_ref().clone()),
        }
    }
}

/// The pack's directory inside the source, unless it is the usual single one at the top.
fn subdir(arrived: &Arrived) -> Option<String> {
    let subdir = &arrived.staged.subdir;
    let manifest = &arrived.staged.manifest;
    let usual = format!("{}-{}", manifest.pack_ref, manifest.version);
    (!subdir.is_empty() && *subdir != usual).then(|| subdir.clone())
}

impl Prepared {
    /// `listed`: as the registry it came from lists it.
    pub(super) fn of_staged(arrived: &Arrived, origin: Origin, listed: Option<&Candidate>) -> Self {
        let staged = &arrived.staged;
        Self {
            needs: listed.map_or_else(
                || dependencies_of(staged).cloned().collect(),
                |listed| listed.dependencies().to_vec(),
            ),
            manifest: staged.manifest.clone(),
            key: staged.inventory.key,
            tree: staged.inventory.tree,
            origin,
            archive_digest: staged.archive_digest.clone(),
            checks: staged.checks.clone(),
            file_count: staged.inventory.files.len() as u64,
            unpacked_bytes: staged.inventory.unpacked_bytes(),
        }
    }

    /// A version whose tree the store has: nothing is fetched, the store key is what is compared.
    pub(super) fn of_stored(
        session: &Session<'_>,
        candidate: &Candidate,
        key: StoreKey,
        (origin, stated_by): (Origin, &str),
    ) -> Result<Self, InstallError> {
        let subject = format!("{}@{}", candidate.pack_ref, candidate.version);
        let found = PackDir::locate(&session.layout.stored(&key), &subject).map_err(|cause| {
            InstallError::Stored {
                subject: subject.clone(),
                cause,
            }
        })?;
        let manifest = &found.manifest;
        if manifest.pack_ref != candidate.pack_ref || manifest.version != candidate.version {
            return Err(InstallError::Identity {
                subject,
                found: format!("{}@{}", manifest.pack_ref, manifest.version),
                key,
            });
        }
        let files = read_listing(&session.layout.listing(&key)).unwrap_or_default();
        let source = candidate.archives.first();
        Ok(Self {
            manifest: found.manifest,
            needs: candidate.dependencies().to_vec(),
            key,
            tree: candidate.tree.unwrap_or(TreeDigest::from_bytes([0; 32])),
            origin,
            archive_digest: source.map(|s| s.checksum.clone()),
            checks: vec![Check::new("store_key", stated_by)],
            file_count: files.len() as u64,
            unpacked_bytes: files.iter().map(|file| file.size_bytes).sum(),
        })
    }

    /// The record of the pack under `id`.
    pub(super) fn record(self, id: u64, settings: &ChangeSettings) -> Record {
        let (git_ref, commit) = self
            .origin
            .git
            .map_or((None, None), |git| (git.git_ref, Some(git.commit)));
        Record {
            id,
            pack_ref: self.manifest.pack_ref,
            version: self.manifest.version,
            label: self.manifest.label,
            description: self.manifest.description,
            installed_at: settings.now,
            first_installed_at: None,
            installed_by: settings.user.clone(),
            installed_from: InstalledFrom {
                kind: self.origin.kind,
                url: self.origin.url,
                git_ref,
                commit,
                subdir: self.origin.subdir,
            },
            registry: self.origin.registry,
            archive_digest: self.archive_digest,
            tree_digest: self.tree,
            store_key: self.key,
            verified: Verified(self.checks),
            dependencies: self.needs,
            environments: std::collections::BTreeMap::new(),
            tests: None,
            file_count: self.file_count,
            unpacked_bytes: self.unpacked_bytes,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
