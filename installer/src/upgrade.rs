//! What an upgrade breaks for the users of a pack, said before anything changes.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use pack_client::Registries;
use pack_diff::{PackDiff, Severity};
use pack_format::text::printable;
use pack_format::{PackRef, Version};

use crate::installer::Installer;
use crate::plan::Plan;
use crate::record::State;
use crate::reporter::Reporter;

/// Most broken things that are told of one pack.
const SHOWN: usize = 5;

/// A pack and the two versions of a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Upgrade {
    /// The pack.
    pub pack_ref: PackRef,
    /// The version that is installed.
    pub from: Version,
    /// The version that would be.
    pub to: Version,
}

impl Installer<'_> {
    /// What changes for users with each upgrade, by pack; nothing for packs whose registry does not tell, as
    /// one of format 1.
    pub fn upgrades(
        &self,
        upgrades: &[Upgrade],
        registries: &Registries,
    ) -> BTreeMap<PackRef, PackDiff> {
        let reporter = self.reporter;
        let compared = crate::runtime::block_on(reporter, || async {
            let asked = upgrades.iter().map(|upgrade| async move {
                let diff = difference(upgrade, registries, reporter).await?;
                Some((upgrade.pack_ref.clone(), diff))
            });
            let parallel = registries.settings().parallel_downloads.max(1);
            let stream = futures_util::stream::iter(asked).buffered(parallel);
            stream.collect::<Vec<_>>().await
        });
        // Without a thread for it nothing can be fetched either, and that is told.
        compared.unwrap_or_default().into_iter().flatten().collect()
    }

    /// Warns of what upgrades break.
    pub(crate) fn warn_of_upgrades(&self, plan: &Plan, state: &State, registries: &Registries) {
        let changes = plan.resolution.packs.iter().filter_map(|picked| {
            let record = state.packs.get(&picked.pack_ref)?;
            (record.version != picked.version).then(|| Upgrade {
                pack_ref: picked.pack_ref.clone(),
                from: record.version.clone(),
                to: picked.version.clone(),
            })
        });
        let upgrades: Vec<Upgrade> = changes.collect();
        if upgrades.is_empty() {
            return;
        }
        let diffs = self.upgrades(&upgrades, registries);
        for upgrade in &upgrades {
            let Some(diff) = diffs.get(&upgrade.pack_ref) else {
                continue;
            };
            for line in broken(upgrade, diff) {
                self.reporter.warning(&line);
            }
        }
    }
}

/// What breaks, one line each.
pub fn broken(upgrade: &Upgrade, diff: &PackDiff) -> Vec<String> {
    let Upgrade { pack_ref, from, to } = upgrade;
    let breaking: Vec<_> = diff.of(Severity::Breaking).collect();
    let mut lines: Vec<String> = breaking
        .iter()
        .take(SHOWN)
        .map(|change| {
            let place = change
                .component
                .as_ref()
                .map_or_else(String::new, |component| format!("{component} "));
            let message = printable(&change.message);
            format!("`{pack_ref}` {from} -> {to} breaks users: {place}{message}")
        })
        .collect();
    if breaking.len() > SHOWN {
        let more = breaking.len() - SHOWN;
        lines.push(format!(
            "`{pack_ref}` {from} -> {to}: {more} more; see `attune pack diff {pack_ref}@{from} {pack_ref}@{to}`"
        ));
    }
    lines
}

async fn difference(
    upgrade: &Upgrade,
    registries: &Registries,
    reporter: &dyn Reporter,
) -> Option<PackDiff> {
    let found = registries.find(&upgrade.pack_ref, reporter).await.ok()?;
    let (registry, _) = found.owner?;
    let document = registry
        .document(&upgrade.pack_ref, reporter)
        .await
        .ok()??;
    let version = |wanted: &Version| document.versions.iter().find(|v| v.version == *wanted);
    Some(pack_diff::compare(
        version(&upgrade.from)?,
        version(&upgrade.to)?,
    ))
}
