//! `Reporter`: what an installation tells while it runs.

use pack_fs::lock::Holder;

use crate::prune::PruneReport;

/// Told about the steps of a change, besides what registries tell. Every method may do nothing.
///
/// Called from several threads at once.
pub trait Reporter: pack_client::Reporter {
    /// Another process holds the lock; we wait.
    fn waiting(&self, holder: &Holder) {
        let _ = holder;
    }

    /// `total` packs are going to be fetched and unpacked.
    fn planned(&self, total: usize) {
        let _ = total;
    }

    /// A git repository is being fetched; `by` names the program.
    fn fetching_repository(&self, url: &str, by: &str) {
        let _ = (url, by);
    }

    /// A pack is verified and complete in staging.
    fn staged(&self, subject: &str) {
        let _ = subject;
    }

    /// An environment is being built for a pack; `kind` is `python` or `nodejs`.
    fn building(&self, subject: &str, kind: &str) {
        let _ = (subject, kind);
    }

    /// The tests of a pack run.
    fn testing(&self, subject: &str) {
        let _ = subject;
    }

    /// Generation `number` is active.
    fn activated(&self, number: u64) {
        let _ = number;
    }

    /// After a change, this much was removed because the settings do not keep it.
    fn pruned(&self, removed: &PruneReport) {
        let _ = removed;
    }
}

impl Reporter for pack_client::Silent {}
