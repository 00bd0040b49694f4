//! Sources into staging, for every operation that fetches.

use std::path::Path;

use pack_client::ClientSettings;

use crate::fetch::{self, Arrived, FetchFailure, Job, Mismatch, Yard};
use crate::install::InstallError;
use crate::installer::Installer;

/// Where and how sources are brought.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// A directory of their own.
    pub(crate) staging: &'a Path,
    pub(crate) client: &'a ClientSettings,
    pub(crate) mismatch: Mismatch,
    /// Where archives are kept beside their trees, if they are.
    pub(crate) archives: Option<&'a Path>,
    /// Who states checksums of direct sources, for records.
    pub(crate) stated_by: &'static str,
}

impl Installer<'_> {
    /// Brings sources into staging; one outcome per job, in their order.
    pub(crate) fn bring(
        &self,
        jobs: &[Job],
        place: Place<'_>,
    ) -> Vec<Result<Arrived, FetchFailure>> {
        if jobs.is_empty() {
            return Vec::new();
        }
        self.reporter.planned(jobs.len());
        let yard = Yard {
            staging: place.staging,
            limits: &self.limits,
            client: place.client,
            git: &self.git,
            reporter: self.reporter,
            mismatch: place.mismatch,
            archives: place.archives,
            stated_by: place.stated_by,
        };
        fetch::run(jobs, yard)
    }

    /// The same; either all arrive, or every failure is told.
    pub(crate) fn bring_all(
        &self,
        jobs: &[Job],
        place: Place<'_>,
    ) -> Result<Vec<Arrived>, InstallError> {
        let mut arrived = Vec::with_capacity(jobs.len());
        let mut failures: Vec<FetchFailure> = Vec::new();
        for outcome in self.bring(jobs, place) {
            match outcome {
                Ok(pack) => arrived.push(pack),
                Err(failure) => failures.push(failure),
            }
        }
        match failures.len() {
            0 => Ok(arrived),
            1 => Err(failures.remove(0).into()),
            _ => Err(InstallError::Several { failures }),
        }
    }
}
