//! `install`: any number of sources, one switch.
//!
//! 1. Take the lock. Bring direct sources (directories, archives, URLs) into staging: only their manifests
//!    say which packs they are.
//! 2. Plan: choose a version for everything that was asked for and everything that needs.
//! 3. Bring what is missing into staging, each verified against its registry.
//! 4. Check that nothing installed breaks, put the trees into the store, switch.

pub(crate) mod check;
mod error;
mod locked;
mod prepared;
mod request;
mod run;
pub(crate) mod wanted;

use pack_client::Registries;
use pack_format::Checksum;

pub use self::error::{Difference, InstallError};
pub use self::request::{Change, InstallReport, InstallRequest, InstalledPack, Replace};
pub use crate::fetch::Mismatch;
pub use crate::plan::Dependencies;

use self::run::Run;
use crate::fetch::{GitPlace, Job};
use crate::installer::Installer;
use crate::session::Session;
use crate::source::Source;

impl Installer<'_> {
    /// Installs packs and what they need.
    ///
    /// Success is durable, and all packs appear at once. Blocks; inside an asynchronous program call it
    /// where blocking is allowed.
    ///
    /// # Errors
    /// [`InstallError`]; nothing has changed then.
    pub fn install(
        &self,
        request: &InstallRequest,
        registries: &Registries,
    ) -> Result<InstallReport, InstallError> {
        let jobs = direct_jobs(&request.sources, request.checksum.as_ref())?;
        let session = Session::begin(&self.layout, &self.settings, self.reporter)?;
        let mut run = Run {
            installer: self,
            request,
            registries,
            session,
            lock: None,
        };
        let direct = run.fetch(&jobs)?;
        run.refuse_existing(&direct)?;
        let plan = run.plan(&direct)?;
        let chosen = run.choose(&plan, &direct)?;
        let arrived = run.fetch(&chosen.jobs)?;
        run.finish(&plan, chosen, direct, arrived)
    }
}

/// The jobs that direct sources make; a checksum belongs to exactly one source.
pub(crate) fn direct_jobs(
    sources: &[Source],
    checksum: Option<&Checksum>,
) -> Result<Vec<Job>, InstallError> {
    let jobs: Vec<Job> = sources
        .iter()
        .filter_map(|source| direct_job(source, checksum.cloned()))
        .collect();
    if checksum.is_some() && (jobs.len() != 1 || sources.len() != 1) {
        return Err(InstallError::Checksum);
    }
    Ok(jobs)
}

/// The job a source makes unless it is a ref for the registries.
pub(crate) fn direct_job(source: &Source, checksum: Option<Checksum>) -> Option<Job> {
    Some(match source {
        Source::Registry { .. } => return None,
        Source::LocalDirectory(path) => Job::Directory {
            path: path.clone(),
            checksum,
        },
        Source::LocalArchive(path) => Job::Archive {
            path: path.clone(),
            checksum,
        },
        Source::ArchiveUrl(url) => Job::Url {
            url: url.clone(),
            checksum,
        },
        Source::Git {
            url,
            git_ref,
            subdir,
        } => Job::Git {
            place: GitPlace {
                url: url.clone(),
                git_ref: git_ref.clone(),
                subdir: subdir.clone(),
            },
            checksum,
        },
    })
}
