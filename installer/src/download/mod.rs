//! `download`: packs into a directory of the caller's, verified as an installation would, without one.
//!
//! Everything is made complete in a directory beside the target and gets its name at the end. No lock is
//! taken and no packs directory is needed.

mod target;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pack_client::Registries;
use pack_format::{Checksum, Hint, PackRef, StoreKey, TreeDigest, Version};
use pack_fs::FsError;
use serde::Serialize;

use self::target::Target;
use crate::failure::{Classify, FailureClass};
use crate::fetch::{Arrived, Job};
use crate::install::wanted::Wanted;
use crate::install::{Dependencies, InstallError, Mismatch, direct_jobs};
use crate::installer::Installer;
use crate::plan::Plan;
use crate::policy::{Policy, Requirements};
use crate::record::{State, Verified};
use crate::source::Source;

/// What to download, and how.
#[derive(Debug, Clone, Default)]
pub struct DownloadRequest {
    /// The sources, each a pack.
    pub sources: Vec<Source>,
    /// What the one direct source must have, as for an installation.
    pub checksum: Option<Checksum>,
    /// Whether what the packs need comes too.
    pub dependencies: Dependencies,
    /// What a wrong [`DownloadRequest::checksum`] means.
    pub mismatch: Mismatch,
    /// Whether the archives are kept beside the trees.
    pub archives: bool,
}

/// What a download gave.
#[derive(Debug, Clone)]
pub struct DownloadReport {
    /// Dependencies first, else as asked for.
    pub packs: Vec<DownloadedPack>,
}

/// One pack of a download.
#[derive(Debug, Clone, Serialize)]
pub struct DownloadedPack {
    /// The pack.
    #[serde(rename = "ref")]
    pub pack_ref: PackRef,
    /// Its version.
    pub version: Version,
    /// Its tree: `<target>/<ref>`.
    pub path: PathBuf,
    /// Its archive, if that was to be kept: `<target>/<ref>-<version>.<kind>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<PathBuf>,
    /// URL of the bytes.
    pub url: String,
    /// The commit, if it came from a git repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Of the archive, if it came as one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive_digest: Option<Checksum>,
    /// Of the tree.
    pub tree_digest: TreeDigest,
    /// What an installation would call the tree.
    pub store_key: StoreKey,
    /// What was compared with what.
    pub verified: Verified,
    /// Whether it was asked for, or is there because something needs it.
    pub requested: bool,
}

/// Why nothing was downloaded. The target is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// A source was not found, did not arrive, or is not what it must be.
    #[error(transparent)]
    Source(#[from] InstallError),
    /// There is something at the target.
    #[error("`{}` is not an empty directory", path.display())]
    Occupied {
        /// The target.
        path: PathBuf,
    },
    /// A source that has no archive to keep.
    #[error("`{name}` does not come as an archive, so there is none to keep")]
    NoArchive {
        /// Which.
        name: String,
    },
    /// The disk refused.
    #[error(transparent)]
    File(#[from] FsError),
}

impl Hint for DownloadError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Source(error) => error.hint(),
            Self::Occupied { .. } => {
                Some("name a directory that is empty or does not exist".to_owned())
            }
            Self::NoArchive { .. } => Some("leave `--archive` out".to_owned()),
            Self::File(error) => error.hint(),
        }
    }
}

impl Classify for DownloadError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Source(error) => error.class(),
            _ => FailureClass::Failed,
        }
    }
}

impl Installer<'_> {
    /// Brings packs into the directory `to`, each as `<to>/<ref>`. Success is durable.
    ///
    /// A target that does not exist appears as a whole; in an empty one the packs appear one after the other.
    ///
    /// # Errors
    /// [`DownloadError`]; the target is as it was.
    pub fn download(
        &self,
        request: &DownloadRequest,
        registries: &Registries,
        to: &Path,
    ) -> Result<DownloadReport, DownloadError> {
        let target = Target::prepare(to)?;
        let direct_jobs = direct_jobs(&request.sources, request.checksum.as_ref())?;
        let bring = |name: &str, jobs: &[Job]| -> Result<Vec<Arrived>, DownloadError> {
            let round = target.round(name)?;
            let place = target.place(&round, request, registries.settings());
            Ok(self.bring_all(jobs, place)?)
        };
        let direct = bring("direct", &direct_jobs)?;
        // What is fetched is for other hosts too.
        let policy = Policy {
            requirements: Requirements::Warn,
            ..self.policy.clone()
        };
        let wanted = Wanted {
            sources: &request.sources,
            direct: &direct,
            dependencies: request.dependencies,
            policy: &policy,
            layout: &self.layout,
        };
        let plan = wanted.plan(&State::empty(), registries, self.reporter)?;
        let listed = bring("listed", &listed_jobs(&plan, &direct))?;
        let mut packs = Vec::new();
        for (arrived, is_direct) in (direct.into_iter().map(|pack| (pack, true)))
            .chain(listed.into_iter().map(|pack| (pack, false)))
        {
            let pack_ref = &arrived.staged.manifest.pack_ref;
            let requested = is_direct || names(&request.sources, pack_ref);
            packs.push(target.put(arrived, request.archives, requested)?);
        }
        let order = &plan.resolution.packs;
        packs.sort_by_key(|pack| order.iter().position(|p| p.pack_ref == pack.pack_ref));
        target.finish()?;
        Ok(DownloadReport { packs })
    }
}

/// The jobs for everything that was chosen from registries.
fn listed_jobs(plan: &Plan, direct: &[Arrived]) -> Vec<Job> {
    let is_direct = |pack_ref: &PackRef| {
        let mut refs = direct
            .iter()
            .map(|arrived| &arrived.staged.manifest.pack_ref);
        refs.any(|own| own == pack_ref)
    };
    (plan.resolution.packs.iter())
        .filter(|picked| !is_direct(&picked.pack_ref))
        .filter_map(|picked| {
            let (registry, listing) = plan.listings.get(&picked.pack_ref)?;
            let mut candidates = listing.candidates.iter();
            Some(Job::Listed {
                registry: Arc::clone(registry.as_ref()?),
                candidate: Box::new(candidates.find(|c| c.version == picked.version)?.clone()),
            })
        })
        .collect()
}

/// Whether one of the sources is this ref.
fn names(sources: &[Source], pack_ref: &PackRef) -> bool {
    sources
        .iter()
        .any(|source| matches!(source, Source::Registry { pack_ref: own, .. } if own == pack_ref))
}
