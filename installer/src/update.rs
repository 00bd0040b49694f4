//! Updates: how far installed packs may move, what there is to move to, and moving there.

use std::collections::{BTreeMap, BTreeSet};

use pack_client::Registries;
use pack_diff::{Bump, PackDiff, Severity};
use pack_format::documents::{Deprecation, PackDependency, Yank};
use pack_format::{Constraint, PackRef, Version};

use crate::install::{InstallError, InstallReport, InstallRequest};
use crate::installer::Installer;
use crate::lock::{PacksFile, UpdatePolicy};
use crate::preview::{Preview, PreviewRequest, PreviewedPack};
use crate::record::{Record, State};
use crate::source::Source;
use crate::upgrade::Upgrade;

/// How far packs may move.
#[derive(Debug, Clone)]
pub struct UpdateRules {
    /// Packs no other rule names.
    pub default: UpdatePolicy,
    /// By pack.
    pub packs: BTreeMap<PackRef, UpdatePolicy>,
    /// Ranges that wanted packs must stay in.
    pub ranges: BTreeMap<PackRef, Constraint>,
    /// What becomes of upgrades that break users of a pack.
    pub breaking: Breaking,
}

/// What becomes of upgrades that break users of a pack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Breaking {
    /// They are made, with a warning.
    #[default]
    Warn,
    /// Those packs stay as they are.
    Hold,
}

impl Default for UpdateRules {
    fn default() -> Self {
        Self {
            default: UpdatePolicy::Minor,
            packs: BTreeMap::new(),
            ranges: BTreeMap::new(),
            breaking: Breaking::default(),
        }
    }
}

impl UpdateRules {
    /// The same with what a file of wanted packs says, which wins.
    #[must_use]
    pub fn with_file(mut self, file: &PacksFile) -> Self {
        self.default = file.update.unwrap_or(self.default);
        for (pack_ref, wanted) in &file.packs {
            if wanted.source.is_some() {
                // What no registry lists has no newer versions in one.
                continue;
            }
            let range = wanted.constraint.clone();
            self.ranges.insert(pack_ref.clone(), range);
            if let Some(policy) = wanted.update.or(file.update) {
                self.packs.insert(pack_ref.clone(), policy);
            }
        }
        self
    }

    /// How far a pack may move.
    pub fn policy(&self, pack_ref: &PackRef) -> UpdatePolicy {
        self.packs.get(pack_ref).copied().unwrap_or(self.default)
    }

    /// The versions a pack may move to. A version outside the range that is wanted may move into it.
    pub fn constraint(&self, pack_ref: &PackRef, version: &Version) -> Constraint {
        let policy = self.policy(pack_ref);
        let reach = policy.constraint(version);
        match self.ranges.get(pack_ref) {
            Some(_) if policy == UpdatePolicy::None => reach,
            Some(range) if !range.matches(version) => range.clone(),
            Some(range) => format!("{range},{reach}").parse().unwrap_or(reach),
            None => reach,
        }
    }
}

/// What there is for one installed pack.
#[derive(Debug, Clone)]
pub struct Outlook {
    /// The pack.
    pub pack_ref: PackRef,
    /// The version that is installed.
    pub installed: Version,
    /// Where an update would take it; the installed version where it stays.
    pub wanted: Version,
    /// The version a newcomer gets; `None` where no registry lists the pack any more.
    pub latest: Option<Version>,
    /// From the installed version to the latest; `None` where that is older.
    pub bump: Option<Bump>,
    /// How far it may move.
    pub policy: UpdatePolicy,
    /// Set when the installed version is yanked.
    pub yanked: Option<Yank>,
    /// Set when newcomers should choose another pack.
    pub deprecated: Option<Deprecation>,
    /// Installed packs that do not go with the latest version, such as `` `monitor@1.0.0` needs `slack@^2` ``.
    pub held_by: Vec<String>,
}

impl Outlook {
    /// Whether there is anything to say about it.
    pub fn is_current(&self) -> bool {
        let newest = self.latest.as_ref().is_some_and(|v| *v <= self.installed);
        newest
            && self.wanted == self.installed
            && self.yanked.is_none()
            && self.deprecated.is_none()
    }
}

/// What an update would change.
#[derive(Debug, Clone)]
pub struct UpdatePlan {
    /// The packs that change, each after what it needs.
    pub changes: Vec<PreviewedPack>,
    /// What changes for users, by pack, where registries tell.
    pub diffs: BTreeMap<PackRef, PackDiff>,
    /// Upgrades that are held back because they break users.
    pub held: Vec<Upgrade>,
}

impl Installer<'_> {
    /// What there is for installed packs that came from registries: for all of them, or for `refs`.
    ///
    /// # Errors
    /// [`InstallError`] as of an installation, which this is not: nothing changes.
    pub fn outlook(
        &self,
        refs: &[PackRef],
        rules: &UpdateRules,
        registries: &Registries,
    ) -> Result<Vec<Outlook>, InstallError> {
        let state = self.list().map_err(crate::ChangeError::from)?;
        let records = chosen(&state, refs)?;
        let preview = self.reach((&records, &BTreeSet::new()), rules, registries)?;
        let packs: BTreeMap<&PackRef, &PreviewedPack> = (preview.packs.iter())
            .map(|pack| (&pack.pack_ref, pack))
            .collect();
        let outlooks = records.into_iter().filter_map(|record| {
            let pack = packs.get(&record.pack_ref)?;
            let latest = pack.latest.clone();
            Some(Outlook {
                pack_ref: record.pack_ref.clone(),
                installed: record.version.clone(),
                wanted: pack.version.clone(),
                bump: (latest.as_ref()).and_then(|v| Bump::between(&record.version, v)),
                policy: rules.policy(&record.pack_ref),
                yanked: pack.installed_yank.clone(),
                deprecated: pack.deprecated.clone(),
                held_by: (latest.as_ref()).map_or_else(Vec::new, |v| held_by(&state, record, v)),
                latest,
            })
        });
        Ok(outlooks.collect())
    }

    /// What updating installed packs would change: all that came from registries, or `refs`.
    ///
    /// # Errors
    /// As [`Installer::outlook`].
    pub fn plan_update(
        &self,
        refs: &[PackRef],
        rules: &UpdateRules,
        registries: &Registries,
    ) -> Result<UpdatePlan, InstallError> {
        let state = self.list().map_err(crate::ChangeError::from)?;
        let records = chosen(&state, refs)?;
        let mut held: BTreeSet<Upgrade> = BTreeSet::new();
        loop {
            let preview = self.reach((&records, &held), rules, registries)?;
            let changes: Vec<PreviewedPack> = preview
                .packs
                .into_iter()
                .filter(PreviewedPack::changes)
                .collect();
            let upgrades: Vec<Upgrade> = changes.iter().filter_map(upgrade).collect();
            let diffs = self.upgrades(&upgrades, registries);
            let breaks = |upgrade: &Upgrade| {
                let diff = diffs.get(&upgrade.pack_ref);
                diff.is_some_and(|diff| diff.of(Severity::Breaking).next().is_some())
            };
            let more: Vec<Upgrade> = match rules.breaking {
                Breaking::Warn => Vec::new(),
                Breaking::Hold => (upgrades.into_iter()).filter(breaks).collect(),
            };
            if more.is_empty() {
                return Ok(UpdatePlan {
                    changes,
                    diffs,
                    held: held.into_iter().collect(),
                });
            }
            held.extend(more);
        }
    }

    /// What an installation would change.
    ///
    /// # Errors
    /// As [`Installer::preview`].
    pub fn plan_install(
        &self,
        request: &PreviewRequest,
        registries: &Registries,
    ) -> Result<UpdatePlan, InstallError> {
        let preview = self.preview(request, registries)?;
        let packs = preview.packs.into_iter();
        let changes: Vec<PreviewedPack> = packs.filter(PreviewedPack::changes).collect();
        let upgrades: Vec<Upgrade> = changes.iter().filter_map(upgrade).collect();
        Ok(UpdatePlan {
            diffs: self.upgrades(&upgrades, registries),
            changes,
            held: Vec::new(),
        })
    }

    /// Makes the changes of a plan, in one switch. Warns of what they break.
    ///
    /// # Errors
    /// [`InstallError`]; nothing has changed then.
    pub fn update(
        &self,
        plan: &UpdatePlan,
        registries: &Registries,
    ) -> Result<InstallReport, InstallError> {
        let sources = plan.changes.iter().map(|pack| Source::Registry {
            pack_ref: pack.pack_ref.clone(),
            constraint: Constraint::exactly(&pack.version),
        });
        let request = InstallRequest {
            sources: sources.collect(),
            ..InstallRequest::default()
        };
        self.install(&request, registries)
    }

    /// The newest versions that the rules and everything that is installed let the packs reach, while packs
    /// that are held stay as they are.
    fn reach(
        &self,
        (records, held): (&[&Record], &BTreeSet<Upgrade>),
        rules: &UpdateRules,
        registries: &Registries,
    ) -> Result<Preview, InstallError> {
        let roots = records.iter().map(|record| PackDependency {
            pack_ref: record.pack_ref.clone(),
            constraint: rules.constraint(&record.pack_ref, &record.version),
        });
        // A pack may also be moved by what another one needs.
        let held = held.iter().map(|upgrade| PackDependency {
            pack_ref: upgrade.pack_ref.clone(),
            constraint: Constraint::exactly(&upgrade.from),
        });
        let request = PreviewRequest {
            roots: roots.chain(held).collect(),
            ..PreviewRequest::default()
        };
        self.preview(&request, registries)
    }
}

/// Installed packs that came from registries; those that are named must have.
fn chosen<'s>(state: &'s State, refs: &[PackRef]) -> Result<Vec<&'s Record>, InstallError> {
    if refs.is_empty() {
        let listed = state
            .packs
            .values()
            .filter(|record| record.registry.is_some());
        return Ok(listed.collect());
    }
    let named: BTreeSet<&PackRef> = refs.iter().collect();
    let record = |pack_ref: &&PackRef| {
        let record = state.packs.get(*pack_ref);
        (record.filter(|record| record.registry.is_some())).ok_or_else(|| InstallError::NoUpdates {
            pack_ref: (*pack_ref).clone(),
            source_text: record.map(|record| record.installed_from.url.clone()),
        })
    };
    named.iter().map(record).collect()
}

/// What an upgraded pack moves from and to; `None` for a new one.
fn upgrade(pack: &PreviewedPack) -> Option<Upgrade> {
    Some(Upgrade {
        pack_ref: pack.pack_ref.clone(),
        from: pack.installed.clone()?,
        to: pack.version.clone(),
    })
}

/// Who would be left without what it needs if a pack moved to `version`.
fn held_by(state: &State, record: &Record, version: &Version) -> Vec<String> {
    let others = state.packs.values().flat_map(|other| {
        let needs = other.dependencies.iter();
        needs.map(move |need| (other, need))
    });
    others
        .filter(|(_, need)| need.pack_ref == record.pack_ref)
        .filter(|(_, need)| {
            need.constraint.matches(&record.version) && !need.constraint.matches(version)
        })
        .map(|(other, need)| format!("`{}@{}` needs `{need}`", other.pack_ref, other.version))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Policy and range together: what may be moved to from 1.2.3.
    #[test]
    fn rules_say_how_far_a_pack_may_move() {
        let rows = [
            ("none", "", "1.2.3", "1.2.4 1.3.0 2.0.0"),
            ("patch", "", "1.2.3 1.2.9", "1.3.0 2.0.0 1.2.2"),
            ("minor", "", "1.2.3 1.9.0", "2.0.0 1.2.2"),
            ("major", "", "1.2.3 3.0.0", "1.2.2 3.0.0-rc.1"),
            ("major", "<2", "1.2.3 1.9.0", "2.0.0"),
            ("minor", "^2", "2.0.0 2.1.0", "1.9.0 3.0.0"),
            ("none", "^2", "1.2.3", "2.0.0"),
        ];
        let pack_ref: PackRef = "slack".parse().unwrap();
        for (policy, range, inside, outside) in rows {
            let mut rules = UpdateRules::default();
            rules
                .packs
                .insert(pack_ref.clone(), policy.parse().unwrap());
            if !range.is_empty() {
                rules
                    .ranges
                    .insert(pack_ref.clone(), range.parse().unwrap());
            }
            let constraint = rules.constraint(&pack_ref, &"1.2.3".parse().unwrap());
            let matches = |version: &str| constraint.matches(&version.parse().unwrap());
            assert!(
                inside.split(' ').all(matches),
                "{policy} {range}: {constraint}"
            );
            assert!(
                !outside.split(' ').any(matches),
                "{policy} {range}: {constraint}"
            );
        }
    }
}
