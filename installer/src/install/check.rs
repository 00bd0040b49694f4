//! What a change means for packs that are installed already.

use std::collections::BTreeMap;

use pack_format::PackRef;
use pack_format::documents::PackDependency;

use super::run::Outcome;
use super::{Change, Dependencies, InstallError, InstallRequest};
use crate::record::{Record, State};
use crate::reporter::Reporter;

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
