//! What those who run a server look at: health, metrics, ids of requests.
//!
//! ```text
//! health.rs    /health/live, /health/ready       metrics.rs    what is counted, and /metrics
//! process.rs   what the kernel counts of us      request_id.rs one name for a request, in answers and logs
//! ```

mod health;
mod metrics;
mod process;
mod request_id;

pub use self::health::HealthRoute;
pub use self::metrics::{Metrics, MetricsRoute};
pub(crate) use self::request_id::{X_REQUEST_ID, request_id};
