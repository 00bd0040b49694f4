//! `packs/{ref}/update`: an installed pack to the newest version that rules and the other packs let it reach.

use std::path::PathBuf;
use std::sync::Arc;

use attune_installer::{Breaking, Change, InstallReport, UpdatePlan, UpdatePolicy, UpdateRules};
use hyper::StatusCode;
use pack_client::RegistryConfig;
use pack_diff::Severity;
use pack_format::{PackRef, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::activate::{self, changed, preparing};
use super::body::malformed;
use super::install::{Installed, answered, problem_of};
use super::packs;
use super::workshop::Workshop;
use crate::jobs::Job;
use crate::problem::Problem;
use crate::state::{State, Trigger};

/// How far a pack goes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "UpdateRequest")]
pub(super) struct Request {
    /// How far to go, whatever the configuration says.
    to: Option<Reach>,
    /// Whether packs stay as they are whose new version breaks what uses them.
    #[serde(default)]
    hold_breaking: bool,
    /// The one registry to ask.
    registry_url: Option<String>,
    /// Run no tests.
    #[serde(default)]
    skip_tests: bool,
    /// Where packs are installed; the configured place by default.
    packs_base_dir: Option<String>,
}

/// How far an update goes.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Reach {
    Patch,
    Minor,
    Major,
}

/// A pack as it is now, and what changed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Updated {
    #[schemars(with = "String")]
    from_version: Version,
    #[schemars(with = "String")]
    to_version: Version,
    /// Every pack that changed.
    changes: Vec<Changed>,
    /// Packs that stay, since their new version breaks what uses them.
    held: Vec<Kept>,
    #[serde(flatten)]
    now: Installed,
}

/// A pack that changed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Changed {
    #[schemars(with = "String")]
    pack_ref: PackRef,
    /// `null` where it is new.
    #[schemars(with = "Option<String>")]
    from_version: Option<Version>,
    #[schemars(with = "String")]
    to_version: Version,
    /// What breaks its users, a sentence each, as far as registries tell.
    breaking: Vec<String>,
}

/// A pack that stays.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Kept {
    #[schemars(with = "String")]
    pack_ref: PackRef,
    /// The version it would have.
    #[schemars(with = "String")]
    version: Version,
    /// The version it keeps.
    #[schemars(with = "String")]
    held_at: Version,
}

/// What a request comes to.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) base: PathBuf,
    pack_ref: PackRef,
    rules: UpdateRules,
    registries: Vec<RegistryConfig>,
    skip_tests: bool,
}

/// What was to change, and what did.
struct Done {
    plan: UpdatePlan,
    report: InstallReport,
    /// The version before; `None` where it stays.
    from: Option<Version>,
}

impl Request {
    /// What it comes to for a pack, if its paths may be followed.
    pub(super) fn task(self, workshop: &Workshop, pack_ref: PackRef) -> Result<Task, Problem> {
        let refuse = |error: String| malformed(&error);
        let mut rules = workshop.options.updates.clone();
        if let Some(to) = self.to {
            rules.packs.clear();
            rules.default = match to {
                Reach::Patch => UpdatePolicy::Patch,
                Reach::Minor => UpdatePolicy::Minor,
                Reach::Major => UpdatePolicy::Major,
            };
        }
        if self.hold_breaking {
            rules.breaking = Breaking::Hold;
        }
        Ok(Task {
            base: workshop
                .base(self.packs_base_dir.as_deref())
                .map_err(refuse)?,
            pack_ref,
            rules,
            registries: workshop
                .asked(self.registry_url.as_deref())
                .map_err(refuse)?,
            skip_tests: self.skip_tests,
        })
    }
}

/// Does it; the answer is the pack as it is now, and every pack that changed.
pub(super) async fn run(
    workshop: &Arc<Workshop>,
    task: Task,
    (job, database): (Arc<Job>, State),
) -> Result<Updated, Problem> {
    let (base, pack_ref, skip_tests) = (task.base.clone(), task.pack_ref.clone(), task.skip_tests);
    let own = Arc::clone(&job);
    let outcome = workshop
        .run(move |workshop| updated(workshop, &task, &own))
        .await?;
    // A run that is not in the history was run all the same.
    let runs = activate::record_tests(&database, (&base, &*job), Trigger::Install).await;
    let done = outcome?;
    let record = activate::record(workshop, &database, (&base, changed(&done.report))).await;
    record
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "not_recorded", error))?;
    let place = base.clone();
    let wanted = pack_ref.clone();
    let record = (workshop.run(move |_| packs::record(&place, &wanted))).await??;
    let tested = runs.unwrap_or_default().into_iter();
    let mut tested = tested.filter(|run| run.report.pack_ref == pack_ref);
    Ok(Updated {
        changes: done.changes(),
        held: done.held(),
        from_version: done.from.unwrap_or_else(|| record.version.clone()),
        to_version: record.version.clone(),
        now: Installed {
            pack: answered(workshop, &database, (&base, record)).await?,
            test_result: tested.next().map(|run| run.report),
            tests_skipped: skip_tests,
        },
    })
}

fn updated(workshop: &Workshop, task: &Task, job: &Job) -> Result<Done, Problem> {
    job.item(0, 1);
    let mut policy = workshop.options.policy.clone();
    policy.minimum_release_age = policy.minimum_release_age.max(workshop.options.update_age);
    let installer = preparing(workshop, (&task.base, job), task.skip_tests).with_policy(policy);
    let registries = workshop.registries(task.registries.clone(), None);
    let refs = [task.pack_ref.clone()];
    let plan = installer.plan_update(&refs, &task.rules, &registries);
    let plan = plan.map_err(|e| problem_of(&e))?;
    let report = if plan.changes.is_empty() {
        InstallReport::default()
    } else {
        let report = installer.update(&plan, &registries);
        report.map_err(|e| problem_of(&e))?
    };
    let own = plan
        .changes
        .iter()
        .find(|pack| pack.pack_ref == task.pack_ref);
    Ok(Done {
        from: own.and_then(|pack| pack.installed.clone()),
        report,
        plan,
    })
}

impl Done {
    fn changes(&self) -> Vec<Changed> {
        let packs = self.report.packs.iter();
        let packs = packs.filter(|pack| pack.change != Change::Unchanged);
        packs
            .map(|pack| {
                let from = match &pack.change {
                    Change::Replaced { from } => Some(from.clone()),
                    _ => None,
                };
                Changed {
                    pack_ref: pack.record.pack_ref.clone(),
                    from_version: from,
                    to_version: pack.record.version.clone(),
                    breaking: self.breaking(&pack.record.pack_ref),
                }
            })
            .collect()
    }

    /// What breaks users of a pack, a sentence each, as far as registries tell.
    fn breaking(&self, pack_ref: &PackRef) -> Vec<String> {
        let diff = self.plan.diffs.get(pack_ref);
        let changes = diff
            .into_iter()
            .flat_map(|diff| diff.of(Severity::Breaking));
        let told = changes.map(|change| match &change.component {
            Some(component) => format!("{component} {}", change.message),
            None => change.message.clone(),
        });
        told.collect()
    }

    fn held(&self) -> Vec<Kept> {
        let held = self.plan.held.iter();
        held.map(|upgrade| Kept {
            pack_ref: upgrade.pack_ref.clone(),
            version: upgrade.to.clone(),
            held_at: upgrade.from.clone(),
        })
        .collect()
    }
}
