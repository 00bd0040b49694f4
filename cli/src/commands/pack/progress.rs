//! `Progress`: bars on a terminal, plain lines elsewhere when details are asked for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use attune_installer::PruneReport;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use pack_fs::lock::Holder;

use super::prune;
use crate::report::{self, Report};

/// Draws what an installation tells.
#[derive(Debug)]
pub(crate) struct Progress {
    report: Report,
    bar: ProgressBar,
    bytes: AtomicU64,
}

impl Progress {
    pub(crate) fn new(report: Report) -> Self {
        Self {
            report,
            bar: ProgressBar::hidden(),
            bytes: AtomicU64::new(0),
        }
    }

    /// Removes the bar, if there is one.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn detail(&self, text: &str) {
        if self.report.is_verbose() {
            self.bar
                .suspend(|| self.report.note(&report::sanitised(text)));
        }
    }
}

impl pack_client::Reporter for Progress {
    fn warning(&self, text: &str) {
        self.bar
            .suspend(|| self.report.warning(&report::sanitised(text)));
    }

    fn download_started(&self, subject: &str, size_bytes: Option<u64>) {
        #[cfg(debug_assertions)]
        super::test_panic::at("Download");
        let size = size_bytes.map_or_else(String::new, |n| format!(" ({})", HumanBytes(n)));
        self.detail(&format!("fetching {subject}{size}"));
    }

    fn download_advanced(&self, _: &str, bytes: u64) {
        let total = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.bar.set_message(HumanBytes(total).to_string());
    }

    fn download_restarted(&self, subject: &str) {
        self.detail(&format!("fetching {subject} again"));
    }
}

impl attune_installer::Reporter for Progress {
    fn waiting(&self, holder: &Holder) {
        self.report.note(&format!("waiting for {holder}"));
    }

    fn planned(&self, total: usize) {
        if !self.report.draws_progress() {
            return;
        }
        self.bar
            .set_draw_target(indicatif::ProgressDrawTarget::stderr());
        self.bar
            .set_length(self.bar.length().unwrap_or(0) + total as u64);
        if let Ok(style) = ProgressStyle::with_template("  {bar:30} {pos}/{len} packs  {msg}") {
            self.bar.set_style(style);
        }
        self.bar.enable_steady_tick(Duration::from_millis(100));
    }

    fn fetching_repository(&self, url: &str, by: &str) {
        self.detail(&format!("fetching {url} with {by}"));
    }

    fn staged(&self, subject: &str) {
        self.bar.inc(1);
        self.detail(&format!("verified {subject}"));
    }

    fn building(&self, subject: &str, kind: &str) {
        let text = format!("building the {kind} environment of {subject}");
        self.bar.set_message(text.clone());
        self.detail(&text);
    }

    fn testing(&self, subject: &str) {
        self.bar.set_message(format!("testing {subject}"));
        self.detail(&format!("testing {subject}"));
    }

    fn activated(&self, number: u64) {
        self.detail(&format!("generation {number} is active"));
    }

    fn pruned(&self, removed: &PruneReport) {
        self.detail(&format!("retention: removed {}", prune::sentence(removed)));
    }
}
