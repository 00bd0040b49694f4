//! Counting downloads, off the path of requests.
//!
//! ```text
//! delivery.rs  an archive on its way: counts when its last byte has left
//! counter.rs   what was delivered, each download once
//! daily.rs     from the counter to the database, and once a day into the tree
//! ```
//!
//! A download counts when the last byte of an archive has been handed over, in whatever pieces it was asked for; and
//! once for the same address within ten minutes, so that neither a broken connection nor an impatient client counts
//! twice.

mod counter;
mod daily;
mod delivery;

pub use self::counter::Downloads;
pub use self::daily::{Statistics, StatisticsError, StatisticsOptions};
pub(crate) use self::delivery::Delivery;
