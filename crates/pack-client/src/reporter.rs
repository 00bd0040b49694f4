//! `Reporter`: what happens while it happens, for whoever draws it.

/// Told about progress and about everything that is not worth failing for. Every method may do nothing.
///
/// Called from several threads at once.
pub trait Reporter: Send + Sync {
    /// Something the reader should know although the work goes on.
    fn warning(&self, text: &str) {
        let _ = text;
    }

    /// A download of `subject` has begun; `size_bytes` where it is known.
    fn download_started(&self, subject: &str, size_bytes: Option<u64>) {
        let _ = (subject, size_bytes);
    }

    /// `bytes` more of `subject` have arrived.
    fn download_advanced(&self, subject: &str, bytes: u64) {
        let _ = (subject, bytes);
    }

    /// The download of `subject` starts again from nothing, after a failure.
    fn download_restarted(&self, subject: &str) {
        let _ = subject;
    }

    /// The download of `subject` is complete.
    fn download_finished(&self, subject: &str) {
        let _ = subject;
    }

    /// Whether the work is called off; asked several times a second, and between steps.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// A reporter that keeps quiet.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {}
