//! `Run`: one installation on its way, step by step.

use std::collections::BTreeMap;
use std::sync::Arc;

use pack_client::{Candidate, Registries};
use pack_format::manifest::Manifest;
use pack_format::{PackRef, StoreKey};

use super::error::Difference;
use super::prepared::{Origin, Prepared};
use super::wanted::Wanted;
use super::{
    Change, Dependencies, InstallError, InstallReport, InstallRequest, InstalledPack, Replace,
    check,
};
use crate::bring::Place;
use crate::fetch::{Arrived, COMMAND_LINE, Job};
use crate::installer::Installer;
use crate::lock::{Lock, LockedPack};
use crate::pack_dir::PackDir;
use crate::plan::Plan;
use crate::ready::Unready;
use crate::record::{Record, State};
use crate::session::{ChangeError, Session};
use crate::source::Source;
use crate::stage::StagedPack;
use crate::store::Existing;

/// One installation on its way.
pub(super) struct Run<'a> {
    pub(super) installer: &'a Installer<'a>,
    pub(super) request: &'a InstallRequest,
    pub(super) registries: &'a Registries,
    pub(super) session: Session<'a>,
    /// What is installed, where that is locked.
    pub(super) lock: Option<&'a Lock>,
}

/// What the plan asks for beyond what is there.
#[derive(Default)]
pub(super) struct Chosen {
    /// To be fetched, in the plan's order.
    pub(super) jobs: Vec<Job>,
    /// In the store already.
    stored: Vec<Prepared>,
    /// Refs that stay as they are.
    unchanged: Vec<PackRef>,
}

impl Chosen {
    /// Manifests of what the store has.
    pub(super) fn stored_manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.stored.iter().map(|prepared| &prepared.manifest)
    }
}

impl Run<'_> {
    /// Brings sources into staging; either all arrive, or every failure is told.
    pub(super) fn fetch(&mut self, jobs: &[Job]) -> Result<Vec<Arrived>, InstallError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let place = Place {
            staging: &self.session.new_yard()?,
            client: self.registries.settings(),
            mismatch: self.request.mismatch,
            archives: None,
            stated_by: self.stated_by(),
        };
        self.installer.bring_all(jobs, place)
    }

    /// Who says what must arrive where no registry does.
    fn stated_by(&self) -> &'static str {
        match self.lock {
            Some(_) => "lock",
            None => COMMAND_LINE,
        }
    }

    /// What the lock says of a pack that no registry's archive is the source of.
    fn locked(&self, pack_ref: &PackRef) -> Option<&LockedPack> {
        let locked = self.lock?.packs.get(pack_ref)?;
        (locked.git.is_some() || locked.registry.is_none()).then_some(locked)
    }

    /// Whether other files may come under the installed version: the source is no registry, and the lock says which ones.
    fn may_differ(&self, pack_ref: &PackRef) -> bool {
        let locked = self.locked(pack_ref);
        locked.is_some_and(|locked| locked.registry.is_none())
    }

    pub(super) fn plan(&self, direct: &[Arrived]) -> Result<Plan, InstallError> {
        let (state, reporter) = (&self.session.state, self.installer.reporter);
        let wanted = Wanted {
            sources: &self.request.sources,
            direct,
            dependencies: self.request.dependencies,
            policy: &self.installer.policy,
            layout: &self.installer.layout,
        };
        let plan = wanted.plan(state, self.registries, reporter)?;
        if self.request.dependencies == Dependencies::Install {
            check::requirements(&plan, (direct, state), self.installer)?;
        }
        (self.installer).warn_of_upgrades(&plan, state, self.registries);
        Ok(plan)
    }

    /// Refuses packs that are asked for and there already, where that is wanted.
    pub(super) fn refuse_existing(&self, direct: &[Arrived]) -> Result<(), InstallError> {
        if self.request.replace != Replace::Refuse {
            return Ok(());
        }
        let installed = &self.session.state.packs;
        let mut requested = self.requested(direct).into_iter();
        match requested.find(|pack_ref| installed.contains_key(pack_ref)) {
            Some(pack_ref) => Err(InstallError::Exists { pack_ref }),
            None => Ok(()),
        }
    }

    /// Sorts the plan's packs into those to fetch, those in the store, and those that stay.
    pub(super) fn choose(&self, plan: &Plan, direct: &[Arrived]) -> Result<Chosen, InstallError> {
        let force = self.request.replace == Replace::Force;
        let mut chosen = Chosen::default();
        for picked in &plan.resolution.packs {
            let pack_ref = &picked.pack_ref;
            if direct
                .iter()
                .any(|a| a.staged.manifest.pack_ref == *pack_ref)
            {
                continue;
            }
            let listed = plan.listings.get(pack_ref).and_then(|(registry, listing)| {
                let same = |c: &&Candidate| c.version == picked.version;
                Some((registry, listing, listing.candidates.iter().find(same)?))
            });
            let installed = self.session.state.packs.get(pack_ref);
            let same_version = installed.filter(|record| record.version == picked.version);
            let is_root = self.is_root(pack_ref);
            let Some((registry, listing, candidate)) = listed else {
                chosen.unchanged.push(pack_ref.clone());
                continue;
            };
            if let Some(record) = same_version
                && !(force && is_root)
            {
                let other = candidate.store_key.filter(|k| *k != record.store_key);
                match other.filter(|_| is_root) {
                    Some(_) if self.may_differ(pack_ref) => {}
                    Some(new) => return Err(different(record, new, &listing.registry.url)),
                    None => {
                        chosen.unchanged.push(pack_ref.clone());
                        continue;
                    }
                }
            }
            let stored = (candidate.store_key).filter(|key| !force && self.session.has_stored(key));
            if let Some(key) = stored {
                let origin = match self.locked(pack_ref) {
                    Some(locked) => (Origin::locked(locked, None), "lock"),
                    None => (Origin::stored(candidate, listing), "registry"),
                };
                let prepared = Prepared::of_stored(&self.session, candidate, key, origin)?;
                chosen.stored.push(prepared);
                continue;
            }
            let registry = registry.as_ref().ok_or_else(|| InstallError::Offline {
                missing: vec![format!("`{picked}`")],
            })?;
            chosen.jobs.push(Job::Listed {
                registry: Arc::clone(registry),
                candidate: Box::new(candidate.clone()),
            });
        }
        Ok(chosen)
    }

    fn is_root(&self, pack_ref: &PackRef) -> bool {
        self.request.sources.iter().any(
            |source| matches!(source, Source::Registry { pack_ref: root, .. } if root == pack_ref),
        )
    }

    /// Everything is in staging or in the store: check, store, switch.
    pub(super) fn finish(
        mut self,
        plan: &Plan,
        chosen: Chosen,
        direct: Vec<Arrived>,
        arrived: Vec<Arrived>,
    ) -> Result<InstallReport, InstallError> {
        let from_store: Vec<StoreKey> = chosen.stored.iter().map(|p| p.key).collect();
        let mut prepared = chosen.stored;
        let mut staged = Vec::new();
        let requested = self.requested(&direct);
        for (arrived, mut origin, listed) in with_origins(direct, arrived, plan) {
            if let Some(locked) = self.locked(&arrived.staged.manifest.pack_ref) {
                origin = Origin::locked(locked, Some(&arrived));
            }
            prepared.push(Prepared::of_staged(&arrived, origin, listed));
            staged.push(arrived.staged);
        }
        let positions: BTreeMap<&PackRef, usize> = (plan.resolution.packs.iter())
            .enumerate()
            .map(|(position, picked)| (&picked.pack_ref, position))
            .collect();
        prepared.sort_by_key(|p| positions.get(&p.manifest.pack_ref));
        let outcome = self.outcome(prepared, &chosen.unchanged)?;
        check::dependents(
            &self.session.state,
            &outcome,
            self.request,
            self.installer.reporter,
        )?;
        let (mut next, mut packs) = (outcome.next, outcome.packs);
        for pack in &mut packs {
            pack.requested = requested.contains(&pack.record.pack_ref);
        }
        packs.sort_by_key(|p| positions.get(&p.record.pack_ref));
        let changed = packs.iter().any(|p| p.change != Change::Unchanged);
        let mut generation = None;
        if changed {
            let existing = match self.request.replace {
                Replace::Force => Existing::Repair,
                Replace::Keep | Replace::Refuse => Existing::Keep,
            };
            self.make_ready(&mut next, &mut packs, &staged)?;
            let mut proofs = self.session.store(&staged, existing)?;
            for key in &from_store {
                let stored = self.session.find_stored(key);
                proofs.extend(stored.map_err(ChangeError::from)?);
            }
            let reporter = self.installer.reporter;
            let state = self
                .session
                .commit(next.packs, next.next_id, &proofs, reporter)?;
            generation = Some(state.generation);
        }
        Ok(InstallReport {
            generation,
            packs,
            cycles: plan.resolution.cycles.clone(),
        })
    }

    /// Builds environments and runs tests of what changes, in the order of the plan.
    fn make_ready(
        &mut self,
        next: &mut State,
        packs: &mut [InstalledPack],
        staged: &[StagedPack],
    ) -> Result<(), InstallError> {
        let (preparation, reporter) = (&self.installer.preparation, self.installer.reporter);
        for pack in packs.iter_mut().filter(|p| p.change != Change::Unchanged) {
            let record = &mut pack.record;
            let name = record.store_key.to_hex();
            let arrived = staged
                .iter()
                .find(|s| s.manifest.pack_ref == record.pack_ref);
            let (tree, manifest) = if let Some(staged) = arrived {
                (staged.path.clone(), staged.manifest.clone())
            } else {
                let tree = self.session.layout.stored(&record.store_key);
                let subject = format!("{}@{}", record.pack_ref, record.version);
                let found = PackDir::locate(&tree, &subject)
                    .map_err(|cause| InstallError::Stored { subject, cause })?;
                (tree, found.manifest)
            };
            let unready = Unready {
                tree: &tree,
                manifest: &manifest,
                name: &name,
            };
            let ready = self.session.ready(unready, preparation, reporter)?;
            record.environments = ready.environments;
            record.tests = ready.tests;
            next.packs.insert(record.pack_ref.clone(), record.clone());
        }
        Ok(())
    }

    /// The refs that were asked for.
    fn requested(&self, direct: &[Arrived]) -> Vec<PackRef> {
        let of_direct = direct.iter().map(|a| a.staged.manifest.pack_ref.clone());
        let named = self
            .request
            .sources
            .iter()
            .filter_map(|source| match source {
                Source::Registry { pack_ref, .. } => Some(pack_ref.clone()),
                _ => None,
            });
        of_direct.chain(named).collect()
    }

    /// The state after the change, and what happens to each pack.
    fn outcome(
        &self,
        prepared: Vec<Prepared>,
        unchanged: &[PackRef],
    ) -> Result<Outcome, InstallError> {
        let mut next = self.session.state.clone();
        let mut packs = Vec::new();
        for pack in prepared {
            let old = self.session.state.packs.get(&pack.manifest.pack_ref);
            let change = match old {
                None => Change::Installed,
                Some(old) if old.version != pack.manifest.version => Change::Replaced {
                    from: old.version.clone(),
                },
                Some(_) if self.request.replace == Replace::Force => Change::Reinstalled,
                Some(old) if old.store_key == pack.key => Change::Unchanged,
                Some(_) if self.may_differ(&pack.manifest.pack_ref) => Change::Reinstalled,
                Some(old) => return Err(different(old, pack.key, &pack.origin.url)),
            };
            let record = match old {
                Some(old) if change == Change::Unchanged => old.clone(),
                _ => {
                    let id = old.map_or(next.next_id, |old| old.id);
                    next.next_id = next.next_id.max(id + 1);
                    let mut record = pack.record(id, &self.installer.settings);
                    record.first_installed_at = old.map(Record::first_installed_at);
                    next.packs.insert(record.pack_ref.clone(), record.clone());
                    record
                }
            };
            packs.push(InstalledPack {
                record,
                change,
                requested: true,
            });
        }
        packs.extend(unchanged.iter().filter_map(|pack_ref| {
            Some(InstalledPack {
                record: self.session.state.packs.get(pack_ref)?.clone(),
                change: Change::Unchanged,
                requested: true,
            })
        }));
        Ok(Outcome { next, packs })
    }
}

/// What an installation leads to.
pub(super) struct Outcome {
    pub(super) next: State,
    pub(super) packs: Vec<InstalledPack>,
}

/// Each staged pack with where it came from, and as it is listed there.
fn with_origins(
    direct: Vec<Arrived>,
    arrived: Vec<Arrived>,
    plan: &Plan,
) -> Vec<(Arrived, Origin, Option<&Candidate>)> {
    let of_direct = direct.into_iter().map(|arrived| {
        let origin = Origin::direct(&arrived);
        (arrived, origin, None)
    });
    let of_listed = arrived.into_iter().map(|arrived| {
        let manifest = &arrived.staged.manifest;
        let owner = plan.listings.get(&manifest.pack_ref);
        let registry = owner.map(|(_, listing)| listing.registry.as_ref().clone());
        let same = |candidate: &&Candidate| candidate.version == manifest.version;
        let listed = owner.and_then(|(_, listing)| listing.candidates.iter().find(same));
        let origin = Origin::listed(&arrived, registry);
        (arrived, origin, listed)
    });
    of_direct.chain(of_listed).collect()
}

fn different(installed: &Record, new: StoreKey, source: &str) -> InstallError {
    InstallError::Different(Box::new(Difference {
        subject: format!("{}@{}", installed.pack_ref, installed.version),
        installed: installed.store_key,
        installed_from: installed.installed_from.url.clone(),
        new,
        source_text: source.to_owned(),
    }))
}
