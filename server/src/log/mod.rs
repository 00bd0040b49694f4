//! The log of a server: a line for each request, and what its operator should know.
//!
//! ```text
//! line.rs    how a request and an event are written     writer.rs  lines to a file, off the path of requests
//! ```
//!
//! Queries, headers and bodies are never written: tokens stand there.

mod line;
mod writer;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use attune_indexer::edit::EditError;
use pack_format::{Hint, error_chain};

use self::line::Lines;
use self::writer::Writer;
use crate::operations::Metrics;
use crate::report::{Answered, Reporter, TimedOut};
use crate::statistics::StatisticsError;
use std::net::SocketAddr;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Where requests are written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AccessLog {
    /// Nowhere.
    #[default]
    Off,
    /// To standard error, with the events.
    Stderr,
    /// To the end of a file, which is made if it is not there.
    File(PathBuf),
}

/// How a server logs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogOptions {
    /// Where requests are written.
    pub access: AccessLog,
    /// How.
    pub format: LogFormat,
}

/// A reporter that writes lines.
#[derive(Debug)]
pub struct ServerLog {
    lines: Lines,
    access: Option<Writer>,
}

impl ServerLog {
    /// Logs as `options` say; lines that there is no room for are counted by `metrics`.
    ///
    /// # Errors
    /// What the system says of a file that cannot be opened.
    pub fn open(options: &LogOptions, metrics: Arc<Metrics>) -> io::Result<Self> {
        let access = match &options.access {
            AccessLog::Off => None,
            AccessLog::Stderr => Some(Writer::to_stderr(metrics)?),
            AccessLog::File(path) => Some(Writer::to_file(path, metrics)?),
        };
        Ok(Self {
            lines: Lines::new(options.format),
            access,
        })
    }

    /// Opens the file of requests again, for those who move it away from time to time.
    ///
    /// # Errors
    /// What the system says; the old file stays in use.
    pub fn reopen(&self) -> io::Result<()> {
        self.access.as_ref().map_or(Ok(()), Writer::reopen)
    }

    /// Writes the lines of requests that wait, and none after them: a process that ends does not wait for them by itself.
    pub fn finish(&self) {
        if let Some(access) = &self.access {
            access.finish();
        }
    }

    /// Writes an event.
    fn event(&self, level: &'static str, message: &str) {
        let mut line = Vec::new();
        self.lines.event(&mut line, level, message);
        // Who cannot be told, cannot be told that either.
        let _ = io::stderr().lock().write_all(&line);
    }

    fn failure<E: std::error::Error + Hint>(&self, error: &E) {
        let mut message = error_chain(error);
        if let Some(hint) = error.hint() {
            message.push_str("; ");
            message.push_str(&hint);
        }
        self.event("error", &message);
    }
}

impl Reporter for ServerLog {
    fn answered(&self, answered: &Answered<'_>) {
        if let Some(access) = &self.access {
            access.line(|line| self.lines.request(line, answered));
        }
    }

    fn file_failed(&self, id: &str, path: &str, error: &io::Error) {
        let path = pack_format::text::printable(path);
        self.event(
            "error",
            &format!("cannot read `{path}` for request {id}: {error}"),
        );
    }

    fn body_not_kept(&self, folder: &Path, error: &io::Error) {
        let folder = folder.display();
        self.event(
            "error",
            &format!("cannot keep in `{folder}` what is published: {error}"),
        );
    }

    fn change_failed(&self, error: &EditError) {
        self.failure(error);
    }

    fn statistics_failed(&self, error: &StatisticsError) {
        self.failure(error);
    }

    fn reloaded(&self, what: &str) {
        self.event("info", what);
    }

    fn reload_failed(&self, message: &str) {
        self.event("error", message);
    }

    fn accept_failed(&self, error: &io::Error, unreported: u64) {
        let more = match unreported {
            0 => String::new(),
            count => format!(" ({count} more times)"),
        };
        self.event(
            "warning",
            &format!("cannot accept connections: {error}{more}"),
        );
    }

    fn timed_out(&self, client: SocketAddr, wait: TimedOut) {
        if self.access.is_some() && wait != TimedOut::Idle {
            self.event("info", &format!("{} closed: {wait}", client.ip()));
        }
    }
}
