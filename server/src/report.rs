//! What the server tells whoever runs it. The library itself prints nothing.

use crate::statistics::StatisticsError;
use attune_indexer::edit::EditError;
use hyper::{Method, StatusCode};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Receives what happens while serving; every method may be left out.
///
/// Methods are called from the tasks that serve, so they must be quick and must not block.
pub trait Reporter: fmt::Debug + Send + Sync + 'static {
    /// A request has its answer; the body may still be on its way.
    fn answered(&self, _answered: &Answered<'_>) {}

    /// A file of the tree could not be read for the request `id`, though it is there. The client was told 500 or 503.
    fn file_failed(&self, _id: &str, _path: &str, _error: &io::Error) {}

    /// What somebody sends cannot be kept below `folder`; they were told that there is no room.
    fn body_not_kept(&self, _folder: &Path, _error: &io::Error) {}

    /// Settings or certificates changed and are in force.
    fn reloaded(&self, _what: &str) {}

    /// Changed settings or certificates cannot be used; those before them stay in force.
    fn reload_failed(&self, _message: &str) {}

    /// The tree could not be changed for those who had asked for it. Called from a thread of its own.
    fn change_failed(&self, _error: &EditError) {}

    /// Downloads could not be counted. It is tried again; this is told once until it works.
    fn statistics_failed(&self, _error: &StatisticsError) {}

    /// New connections cannot be accepted at the moment. Called at most once a second; `unreported`
    /// failures have happened since the last call.
    fn accept_failed(&self, _error: &io::Error, _unreported: u64) {}

    /// A connection was closed because the client let a wait run out.
    fn timed_out(&self, _client: SocketAddr, _wait: TimedOut) {}
}

/// A reporter that drops everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {}

/// One answered request, for an access log.
#[derive(Debug)]
pub struct Answered<'a> {
    /// The name of the request in its answer.
    pub id: &'a str,
    /// Who asked: the other end of the connection, or whom a trusted proxy names.
    pub client: SocketAddr,
    /// The request's method.
    pub method: &'a Method,
    /// The path as it came, without the query. Not decoded; visible ASCII or UTF-8.
    pub path: &'a str,
    /// The status of the answer.
    pub status: StatusCode,
    /// Length of the body, where it is known before it is sent.
    pub bytes: Option<u64>,
    /// Who answered, such as `tree` or `search`.
    pub route: &'static str,
    /// What the client calls itself.
    pub agent: Option<&'a str>,
    /// From the complete head of the request to the head of the answer.
    pub took: Duration,
}

/// Which wait a client let run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimedOut {
    /// The head of a request did not come in time.
    Header,
    /// No further request came.
    Idle,
    /// The body of a request stopped coming.
    RequestBody,
    /// The client stopped reading the response.
    Response,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "the head of a request did not come in time",
            Self::Idle => "no further request came",
            Self::RequestBody => "the body of a request stopped coming",
            Self::Response => "the client stopped reading",
        })
    }
}
