//! What an operator may set about serving: how long each wait lasts and how much is held at once.

use crate::operations::Metrics;
use crate::report::{Reporter, Silent};
use crate::tls::TlsIdentity;
use pack_format::Limits;
use std::sync::Arc;
use std::time::Duration;

/// Most bytes of one request's head, inclusive (32 KiB): request line and header lines together.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Most header lines of one request, inclusive. It is hyper's own default, which costs no allocation.
pub const MAX_HEADERS: usize = 100;

/// Waits and bounds of [`serve`](crate::serve()). Every bound is inclusive.
///
/// ```
/// let options = attune_server::ServeOptions {
///     max_connections: 500,
///     ..attune_server::ServeOptions::default()
/// };
/// assert_eq!(options.header_timeout.as_secs(), 10);
/// ```
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// From the first byte of a request's head to its last; also from the connection being accepted
    /// to the end of its first head. Trickled bytes do not extend it. Default 10 s.
    pub header_timeout: Duration,
    /// How long a kept-alive connection may wait for its next request. Default 60 s.
    pub idle_timeout: Duration,
    /// How long the client may take without accepting a byte of a response, or without sending a
    /// byte of a request body that is being read. Any byte restarts it. Default 25 s: whoever never goes on is gone within 30.
    pub body_timeout: Duration,
    /// Largest body a request may declare, in bytes; more is answered 413 before it is read.
    /// Default: the largest archive a pack may have.
    pub request_body_limit: u64,
    /// Connections served at once; further ones wait in the kernel's queue. At least one is always
    /// served, and no more than three quarters of the file handles the process may have. Default 10,000.
    pub max_connections: usize,
    /// After the shutdown signal, how long requests in progress may take to finish. Default 10 s.
    pub shutdown_deadline: Duration,
    /// Speaks TLS with this certificate. Default: plain HTTP.
    pub tls: Option<Arc<TlsIdentity>>,
    /// Told what happens. Default: nobody.
    pub reporter: Arc<dyn Reporter>,
    /// Counts what happens.
    pub metrics: Arc<Metrics>,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            body_timeout: Duration::from_secs(25),
            request_body_limit: Limits::default().archive_bytes,
            max_connections: 10_000,
            shutdown_deadline: Duration::from_secs(10),
            tls: None,
            reporter: Arc::new(Silent),
            metrics: Arc::default(),
        }
    }
}
