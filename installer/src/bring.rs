//! Sources into staging, for every operation that fetches.

use pack_client::ClientSettings;
use pack_fs::FsError;

use crate::fetch::{self, Arrived, FetchFailure, Job, Mismatch, Yard};
use crate::installer::Installer;
use crate::session::Session;

impl Installer<'_> {
    /// Brings sources into the session's staging; one outcome per job, in their order.
    ///
    /// # Errors
    /// If staging cannot be written.
    pub(crate) fn bring(
        &self,
        session: &mut Session<'_>,
        jobs: &[Job],
        client: &ClientSettings,
        mismatch: Mismatch,
    ) -> Result<Vec<Result<Arrived, FetchFailure>>, FsError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        self.reporter.planned(jobs.len());
        let round = session.new_staging("r-")?;
        let yard = Yard {
            staging: &round,
            limits: &self.limits,
            client,
            git: &self.git,
            reporter: self.reporter,
            mismatch,
        };
        Ok(fetch::run(jobs, yard))
    }
}
