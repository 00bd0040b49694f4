//! What a change means for packs that are installed already.

use std::collections::BTreeMap;

use pack_client::Candidate;
use pack_format::PackRef;
use pack_format::documents::{Deprecation, PackDependency};
use pack_format::manifest::Manifest;
use pack_format::text::printable;
use pack_resolve::Requirement;

use super::run::Outcome;
use super::{Change, Dependencies, InstallError, InstallRequest};
use crate::fetch::{Arrived, FetchFailure};
use crate::installer::Installer;
use crate::plan::Plan;
use crate::policy::{self, Requirements, requirements_of};
use crate::record::{Record, State};
use crate::reporter::Reporter;
use crate::stage::StageError;

/// Refuses a change that takes from an installed pack what it needs; what was broken before stays broken.
pub(super) fn dependents(
    before: &State,
    outcome: &Outcome,
    request: &InstallRequest,
    reporter: &dyn Reporter,
) -> Result<(), InstallError> {
    let changed = |pack_ref: &PackRef| {
        outcome
            .packs
            .iter()
            .any(|p| p.record.pack_ref == *pack_ref && p.change != Change::Unchanged)
    };
    let mut broken = Vec::new();
    for (pack_ref, record) in &outcome.next.packs {
        if changed(pack_ref) {
            continue;
        }
        for need in &record.dependencies {
            if holds(&before.packs, need) && !holds(&outcome.next.packs, need) {
                let found = outcome.next.packs.get(&need.pack_ref);
                broken.push(sentence(record, need, found));
            }
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    if request.dependencies == Dependencies::Skip {
        for line in &broken {
            reporter.warning(line);
        }
        return Ok(());
    }
    Err(InstallError::Breaks { broken })
}

/// Warns of packs that newcomers should not choose, among those that were chosen.
pub(crate) fn deprecated(plan: &Plan, reporter: &dyn Reporter) {
    for picked in &plan.resolution.packs {
        let pack_ref = &picked.pack_ref;
        let listing = plan.listings.get(pack_ref).map(|(_, listing)| listing);
        let Some(deprecated) = listing.and_then(|listing| listing.deprecated.as_ref()) else {
            continue;
        };
        reporter.warning(&deprecation_text(pack_ref, deprecated));
    }
}

/// That a pack is deprecated, why, and what to use.
pub(crate) fn deprecation_text(pack_ref: &PackRef, deprecation: &Deprecation) -> String {
    let mut text = format!("`{pack_ref}` is deprecated");
    if !deprecation.reason.is_empty() {
        // Somebody else's words: on one line, so that they cannot pass for ours.
        text.push_str(&format!(": {}", printable(&deprecation.reason)));
    }
    if let Some(successor) = &deprecation.successor {
        text.push_str(&format!("; use `{successor}` instead"));
    }
    text
}

/// Refuses sources this host is not made for, and warns of what nobody can tell.
///
/// Listed versions that this host is not made for were not chosen, unless the policy lets them be.
pub(super) fn requirements(
    plan: &Plan,
    (direct, state): (&[Arrived], &State),
    installer: &Installer<'_>,
) -> Result<(), InstallError> {
    let of_direct = direct.iter().map(|arrived| {
        let manifest = &arrived.staged.manifest;
        let subject = format!("{}@{}", manifest.pack_ref, manifest.version);
        (subject, requirements_of(manifest))
    });
    let of_listed = plan.resolution.packs.iter().filter_map(|picked| {
        let record = state.packs.get(&picked.pack_ref);
        if record.is_some_and(|record| record.version == picked.version) {
            return None;
        }
        let (_, listing) = plan.listings.get(&picked.pack_ref)?;
        let same = |c: &&Candidate| c.version == picked.version;
        let candidate = listing.candidates.iter().find(same)?;
        Some((picked.to_string(), policy::requirements(candidate)))
    });
    host(of_direct.chain(of_listed), installer)
}

/// Refuses a pack that is not the one its source was said to hold.
pub(crate) fn identity(wanted: &PackDependency, arrived: &Arrived) -> Result<(), InstallError> {
    let manifest = &arrived.staged.manifest;
    if manifest.pack_ref == wanted.pack_ref && wanted.constraint.matches(&manifest.version) {
        return Ok(());
    }
    Err(InstallError::Fetch(FetchFailure::Stage(
        StageError::Identity {
            name: arrived.staged.name.clone(),
            expected: wanted.to_string(),
            found: format!("{}@{}", manifest.pack_ref, manifest.version),
        },
    )))
}

/// The same for packs that were not chosen here.
pub(super) fn manifests<'m>(
    manifests: impl Iterator<Item = &'m Manifest>,
    installer: &Installer<'_>,
) -> Result<(), InstallError> {
    let subjects = manifests.map(|manifest| {
        let subject = format!("{}@{}", manifest.pack_ref, manifest.version);
        (subject, requirements_of(manifest))
    });
    host(subjects, installer)
}

fn host(
    subjects: impl Iterator<Item = (String, Vec<Requirement>)>,
    installer: &Installer<'_>,
) -> Result<(), InstallError> {
    let mut refusals = Vec::new();
    for (subject, requirements) in subjects {
        let (refused, unclear) = installer.policy.check(&requirements);
        for reason in unclear {
            installer.reporter.warning(&format!("`{subject}` {reason}"));
        }
        for reason in refused {
            match installer.policy.requirements {
                Requirements::Refuse => refusals.push(format!("`{subject}` {reason}")),
                Requirements::Warn => {
                    installer.reporter.warning(&format!("`{subject}` {reason}"));
                }
            }
        }
    }
    if refusals.is_empty() {
        return Ok(());
    }
    Err(InstallError::Unmet { refusals })
}

/// Whether a need is met.
pub(crate) fn holds(packs: &BTreeMap<PackRef, Record>, need: &PackDependency) -> bool {
    packs
        .get(&need.pack_ref)
        .is_some_and(|record| need.constraint.matches(&record.version))
}

/// Who needs what, and what there is.
pub(crate) fn sentence(record: &Record, need: &PackDependency, found: Option<&Record>) -> String {
    let (pack_ref, version) = (&record.pack_ref, &record.version);
    match found {
        Some(found) => format!(
            "`{pack_ref}@{version}` needs `{need}`; `{}@{}` would be there",
            found.pack_ref, found.version
        ),
        None => format!("`{pack_ref}@{version}` needs `{need}`; nothing would be there"),
    }
}
