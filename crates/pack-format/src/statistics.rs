//! `statistics.json`: how often the archives of a registry were downloaded, a day at most old.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::pack_ref::PackRef;
use crate::time::Day;
use crate::version::Version;

/// How many days [`PackDownloads::days`] goes back, the last one included.
pub const RECENT_DAYS: i64 = 30;

/// `statistics.json`: what was counted of all packs. Packs that nobody downloaded are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatisticsDocument {
    /// Always [`FORMAT`](crate::documents::FORMAT).
    pub format: u32,
    /// The last day that is counted, to its end.
    pub until: Day,
    /// By ref, sorted.
    pub packs: BTreeMap<PackRef, PackDownloads>,
}

/// How often the archives of one pack were downloaded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackDownloads {
    /// Of all versions, since counting began.
    pub total: u64,
    /// By version; those that nobody downloaded are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<Version, u64>,
    /// By day, of the last [`RECENT_DAYS`]; days without a download are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub days: BTreeMap<Day, u64>,
}
