//! The server over real sockets, one module per promise.
//!
//! ```text
//! support.rs       a tree on disk, a server on a free port, a client that writes raw bytes
//! files.rs         types, caching, methods, security fields, missing files
//! conditional.rs   ETag, 304, 412            ranges.rs    206, 416, If-Range
//! encodings.rs     twins                     traversal.rs nothing outside the tree
//! framing.rs       heads with two readings   updates.rs   a tree rewritten while it is served
//! timeouts.rs      every wait ends           shutdown.rs  cap, drain, cut
//! errors.rs        texts for people          routes.rs    what comes before the tree
//! warm.rs          files asked for all the time
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside test functions fail a test the same way"
)]

mod conditional;
mod encodings;
mod errors;
mod files;
mod framing;
mod ranges;
mod routes;
mod shutdown;
mod support;
mod timeouts;
mod traversal;
mod updates;
mod warm;
