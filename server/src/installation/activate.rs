//! Making packs active: what `packs/install`, `packs/register`, `packs/upload` and `packs/register-batch` share.

use std::path::Path;
use std::sync::Arc;

use attune_installer::{
    Change, Dependencies, InstallError, InstallReport, InstallRequest, Installer, Mismatch,
    Preparation, Replace, Source,
};
use pack_client::RegistryConfig;
use pack_format::{Checksum, PackRef};

use super::workshop::{Workshop, reason};
use crate::jobs::Job;
use crate::state::{State, TestRun, Trigger};

/// One pack that is to become active, and how.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) source: Source,
    pub(super) checksum: Option<Checksum>,
    pub(super) dependencies: Dependencies,
    pub(super) replace: Replace,
    pub(super) skip_tests: bool,
    pub(super) registries: Vec<RegistryConfig>,
    /// Of which pack a directory that lies in place of its link gives way to that.
    pub(super) adopts: Option<PackRef>,
}

/// For changes that `job` makes, whose packs are made ready first.
pub(super) fn preparing<'j>(
    workshop: &Workshop,
    (base, job): (&Path, &'j Job),
    skip_tests: bool,
) -> Installer<'j> {
    let configured = &workshop.options.preparation;
    let tests = configured.tests.clone().filter(|_| !skip_tests);
    workshop.installer(base, job).with_preparation(Preparation {
        environments: configured.environments.clone(),
        tests,
    })
}

/// Installs it, for `job`.
pub(super) fn install(
    workshop: &Workshop,
    (base, job): (&Path, &Job),
    wish: &Wish,
) -> Result<InstallReport, InstallError> {
    let mut installer = preparing(workshop, (base, job), wish.skip_tests);
    if let Some(pack_ref) = &wish.adopts {
        installer = installer.adopting(pack_ref.clone());
    }
    let request = InstallRequest {
        sources: vec![wish.source.clone()],
        checksum: wish.checksum.clone(),
        dependencies: wish.dependencies,
        replace: wish.replace,
        mismatch: Mismatch::Refuse,
    };
    let registries = workshop.registries(wish.registries.clone(), None);
    installer.install(&request, &registries)
}

/// The packs of a report that became what they are with it.
pub(super) fn changed(report: &InstallReport) -> Vec<PackRef> {
    let changed = report.packs.iter();
    changed
        .filter(|pack| pack.change != Change::Unchanged)
        .map(|pack| pack.record.pack_ref.clone())
        .collect()
}

/// Writes to the database what changed in `base`.
pub(super) async fn record(
    workshop: &Arc<Workshop>,
    database: &State,
    (base, refs): (&Path, Vec<PackRef>),
) -> Result<(), String> {
    let names: Vec<&str> = refs.iter().map(PackRef::as_str).collect();
    let names = names.join("`, `");
    let written = workshop.record(database, base, refs).await;
    written.map_err(|error| format!("`{names}` is active, and not in the database: {error}"))
}

/// Writes to the database what tests of a job gave, and returns it.
pub(super) async fn record_tests(
    database: &State,
    (base, job): (&Path, &Job),
    trigger: Trigger,
) -> Result<Vec<TestRun>, String> {
    let mut runs = Vec::new();
    for report in job.take_tests() {
        let run = TestRun::new(&base.display().to_string(), trigger, report);
        let run = run.map_err(|e| reason(&e))?;
        database.add_test_run(&run).await.map_err(|e| reason(&e))?;
        runs.push(run);
    }
    Ok(runs)
}
