//! `cache`: what is kept of registries, and making it smaller.

use std::sync::Arc;
use std::time::Duration;

use attune_installer::{CacheKeep, Classify as _, FailureClass, Installer, Usage};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Installation;
use super::body::{self, malformed};
use super::target::{Operation, Target};
use super::whole::Whole;
use super::workshop::{reader, reason};
use crate::access::Caller;
use crate::body::ResponseBody;
use crate::jobs::Order;
use crate::problem::Problem;

/// Days an unused file stays where a request does not say.
const DAYS: u64 = 30;
const MAX_DAYS: u64 = 36_500;

/// What stays of the cache.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CacheKeep")]
pub(super) struct Keep {
    /// Files that were used within so many days.
    #[schemars(range(max = MAX_DAYS))]
    days: Option<Whole<u64>>,
    /// So many bytes, of those that were used last.
    size_bytes: Option<Whole<u64>>,
}

/// What is gone.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CacheRemoved")]
pub(super) struct Removed {
    /// Always `true`.
    success: bool,
    /// Number of files.
    entries: u64,
    /// Sum of their sizes, in bytes.
    size_bytes: u64,
}

impl Keep {
    fn checked(&self) -> Result<CacheKeep, Problem> {
        let (days, size_bytes) = (self.days.map(|d| d.0), self.size_bytes.map(|s| s.0));
        if days.is_some_and(|days| days > MAX_DAYS) {
            return Err(malformed(&format!("`days` are at most {MAX_DAYS}")));
        }
        let is_empty = days.is_none() && size_bytes.is_none();
        let days = days.or(is_empty.then_some(DAYS));
        Ok(CacheKeep {
            age: days.map(|days| Duration::from_hours(24 * days)),
            size_bytes,
        })
    }
}

impl Installation {
    /// What the cache and the store cost.
    pub(super) async fn cache_usage(&self) -> Result<Usage, Problem> {
        (self.workshop.run(|workshop| {
            let usage = reader(&workshop.options.packs_base_dir).usage();
            usage.map_err(|error| {
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", reason(&error))
            })
        }))
        .await?
    }

    /// Removes files of the cache: a job, since an installation may be using them.
    pub(super) async fn prune_cache(
        &self,
        target: &Target,
        caller: &Caller,
        (parts, body): (&Parts, Incoming),
    ) -> Result<Response<ResponseBody>, Problem> {
        let keep = if target.operation == Operation::ClearCache {
            CacheKeep {
                age: None,
                size_bytes: Some(0),
            }
        } else {
            body::read::<Keep>(&parts.headers, body).await?.checked()?
        };
        let workshop = Arc::clone(&self.workshop);
        let base = workshop.options.packs_base_dir.clone();
        let order = Order::of(&caller.token.account, "cache/prune", base.clone());
        let how = (&parts.headers, StatusCode::OK);
        self.perform_job(order, how, move |job| async move {
            (workshop.run(move |workshop| prune(&workshop.installer(&base, &job), keep))).await?
        })
        .await
    }
}

fn prune(installer: &Installer<'_>, keep: CacheKeep) -> Result<Removed, Problem> {
    let removed = installer.prune_cache(keep).map_err(|error| {
        let (status, code) = match error.class() {
            FailureClass::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        };
        Problem::new(status, code, reason(&error))
    })?;
    Ok(Removed {
        success: true,
        entries: removed.entries,
        size_bytes: removed.size_bytes,
    })
}
