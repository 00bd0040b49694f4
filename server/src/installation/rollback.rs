//! `packs/{ref}/rollback`: a pack as it was before its last change.

use std::path::PathBuf;
use std::sync::Arc;

use attune_installer::{
    Classify as _, FailureClass, RollbackError, RollbackReport, RollbackTarget,
};
use hyper::StatusCode;
use pack_format::PackRef;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::activate;
use super::workshop::{Workshop, reason};
use crate::jobs::{Job, Outcome};
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

/// Goes back, and tells which versions that was about.
pub(super) async fn run(
    workshop: &Arc<Workshop>,
    (base, pack_ref): (PathBuf, PackRef),
    (job, database): (Arc<Job>, State),
) -> Outcome {
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
    let own = done.changes.iter().find(|c| c.pack_ref == pack_ref);
    Ok(json!({
        "pack_ref": pack_ref,
        "from_version": own.and_then(|change| change.from.as_ref()),
        "to_version": own.and_then(|change| change.to.as_ref()),
        "generation": done.generation,
    }))
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
