//! `Reporter`: what an installation tells while it runs.

use pack_fs::lock::Holder;
use pack_runtime::testing::TestReport;
use pack_runtime::{Stream, Watcher};

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

    /// A program that runs for a pack, to build its environment or to test it, wrote this.
    fn output(&self, subject: &str, bytes: &[u8]) {
        let _ = (subject, bytes);
    }

    /// The tests of a pack run.
    fn testing(&self, subject: &str) {
        let _ = subject;
    }

    /// The tests of a pack ran, and these are their results, whether or not they are good enough.
    fn tested(&self, report: &TestReport) {
        let _ = report;
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

/// Shows a reporter what programs write that run for a pack, and stops them when it calls the work off.
pub(crate) struct Watched<'a> {
    pub(crate) reporter: &'a dyn Reporter,
    /// `ref@version`.
    pub(crate) subject: &'a str,
}

impl Watcher for Watched<'_> {
    fn output(&self, _: Stream, bytes: &[u8]) {
        self.reporter.output(self.subject, bytes);
    }

    fn is_cancelled(&self) -> bool {
        self.reporter.is_cancelled()
    }
}
