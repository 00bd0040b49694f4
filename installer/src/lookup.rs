//! Several refs looked up at once.

use futures_util::StreamExt as _;
use pack_client::{Found, Registries};
use pack_format::PackRef;

use crate::install::InstallError;
use crate::installer::Installer;

impl Installer<'_> {
    /// What the registries say of refs, in their order.
    ///
    /// # Errors
    /// [`InstallError::Lookup`] of the first ref that a registry could not be asked for.
    pub(crate) fn find_all(
        &self,
        refs: &[&PackRef],
        registries: &Registries,
    ) -> Result<Vec<Found>, InstallError> {
        let reporter = self.reporter;
        let answers = crate::runtime::block_on(reporter, || async {
            let lookups = (refs.iter()).map(|pack_ref| registries.find(pack_ref, reporter));
            let parallel = registries.settings().parallel_downloads.max(1);
            let stream = futures_util::stream::iter(lookups).buffered(parallel);
            stream.collect::<Vec<_>>().await
        });
        let answers = answers.map_err(InstallError::stopped)?.into_iter();
        answers.map(|answer| Ok(answer?)).collect()
    }
}
