//! `packs/{ref}/rollback`: a pack as it was before its last change.

use std::path::PathBuf;
use std::sync::Arc;

use attune_installer::{
    Classify as _, FailureClass, RollbackError, RollbackReport, RollbackTarget,
};
use hyper::StatusCode;
use pack_format::{PackRef, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::activate;
use super::workshop::{Workshop, reason};
use crate::jobs::Job;
use crate::problem::Problem;
use crate::state::State;

/// Where a pack goes back.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RollbackRequest")]
pub(super) struct Request {
    /// Where packs are installed; the configured place by default.
    pub(super) packs_base_dir: Option<String>,
}

/// Where a pack went back.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RolledBack {
    #[schemars(with = "String")]
    pack_ref: PackRef,
    /// `null` where it was not installed.
    #[schemars(with = "Option<String>")]
    from_version: Option<Version>,
    /// `null` where it is not installed any more.
    #[schemars(with = "Option<String>")]
    to_version: Option<Version>,
    /// The generation it made; `null` where everything was like that already.
    generation: Option<u64>,
}

/// Goes back, and tells which versions that was about.
pub(super) async fn run(
    workshop: &Arc<Workshop>,
    (base, pack_ref): (PathBuf, PackRef),
    (job, database): (Arc<Job>, State),
) -> Result<RolledBack, Problem> {
    let (place, wanted, own) = (base.clone(), pack_ref.clone(), Arc::clone(&job));
    let done = workshop
        .run(move |workshop| {
            let installer = workshop.installer(&place, &own);
            installer.rollback(&RollbackTarget::Pack(wanted))
        })
        .await?;
    let done: RollbackReport = done.map_err(|e| problem_of(&e))?;
    let refs = done.changes.iter().map(|change| change.pack_ref.clone());
    let record = activate::record(workshop, &database, (&base, refs.collect())).await;
    record
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "not_recorded", error))?;
    let own = done.changes.into_iter().find(|c| c.pack_ref == pack_ref);
    let (from_version, to_version) = own.map_or((None, None), |own| (own.from, own.to));
    Ok(RolledBack {
        pack_ref,
        from_version,
        to_version,
        generation: done.generation,
    })
}

fn problem_of(error: &RollbackError) -> Problem {
    let (status, code) = match error {
        RollbackError::NoEarlier { .. } | RollbackError::NoGeneration(_) => {
            (StatusCode::NOT_FOUND, "not_found")
        }
        RollbackError::Gone { .. } => (StatusCode::CONFLICT, "gone"),
        error if error.class() == FailureClass::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    };
    Problem::new(status, code, reason(error))
}
