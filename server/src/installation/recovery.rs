//! The start of a server: jobs of the one before it that did not end are over, and the database says what is on the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use attune_installer::{ChangeSettings, Installer};
use hyper::StatusCode;
use pack_client::Silent;

use super::projection::{self, Care};
use super::workshop::{Workshop, reason};
use crate::clock::now;
use crate::jobs::command_of;
use crate::problem::Problem;
use crate::state::{JobRow, JobState, State, StateError};

/// Longest wait for another process that changes the packs, at the start.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// What is known of a packs directory after its recovery.
struct Place {
    /// Changes of each command in history, oldest first.
    changes: BTreeMap<String, Vec<String>>,
    problem: Option<String>,
}

/// Ends what a former server left, and brings the database up to date.
///
/// # Errors
/// [`StateError`].
pub(super) async fn run(
    workshop: &Arc<Workshop>,
    database: &State,
    place: &str,
) -> Result<(), StateError> {
    let unfinished = database.unfinished_jobs(place).await?;
    let care = if unfinished.is_empty() {
        Care::Versions
    } else {
        Care::Everything
    };
    let mut bases = BTreeSet::from([workshop.options.packs_base_dir.clone()]);
    bases.extend(unfinished.iter().map(|job| PathBuf::from(&job.base)));
    let mut places: BTreeMap<PathBuf, Place> = BTreeMap::new();
    for base in bases {
        let found = recover(database, &base, care).await;
        places.insert(base, found);
    }
    for mut job in unfinished {
        let problem = explain(&job, places.get(Path::new(&job.base)));
        job.state = JobState::Interrupted;
        job.finished_at = Some(now());
        job.error = Some(problem.json());
        database.finish_job(&job).await?;
    }
    Ok(())
}

/// Removes what was cut off in `base`, and writes to the database what is active there.
async fn recover(database: &State, base: &Path, care: Care) -> Place {
    let directory = base.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let mut settings = ChangeSettings::new(now(), "", "recovery");
        settings.lock_timeout = LOCK_TIMEOUT;
        let installer = Installer::new(&directory, settings, &Silent);
        super::upload::sweep(&directory).map_err(|e| format!("cannot remove uploads: {e}"))?;
        let active = installer.recover().map_err(|e| reason(&e))?;
        let history = installer.history().map_err(|e| reason(&e))?;
        Ok::<_, String>((active, history))
    });
    let read = read.await.unwrap_or_else(|e| Err(e.to_string()));
    let (active, history) = match read {
        Ok(read) => read,
        Err(problem) => {
            return Place {
                changes: BTreeMap::new(),
                problem: Some(problem),
            };
        }
    };
    let mut changes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in history.into_iter().rev() {
        let of_command = changes.entry(entry.command).or_default();
        of_command.extend(entry.changes.iter().map(ToString::to_string));
    }
    let problems = projection::reconcile(database, (base, care), &active).await;
    Place {
        changes,
        problem: (!problems.is_empty()).then(|| problems.join("; ")),
    }
}

/// What became of a job that was cut off.
fn explain(job: &JobRow, place: Option<&Place>) -> Problem {
    let mut text = match job.state {
        JobState::Queued => "the server ended before it began".to_owned(),
        _ => format!("the server ended while it ran, at this step: {}", job.step),
    };
    let done = place.and_then(|place| place.changes.get(&command_of(&job.operation, &job.id)));
    match done.filter(|changes| !changes.is_empty()) {
        Some(changes) => {
            text.push_str(&format!(
                "; this is active: {}; the rest was rolled back",
                changes.join(", ")
            ));
        }
        None => text.push_str("; no pack was changed, and what was begun was rolled back"),
    }
    if let Some(problem) = place.and_then(|place| place.problem.as_deref()) {
        text.push_str(&format!("; after it: {problem}"));
    }
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "interrupted", text)
}
