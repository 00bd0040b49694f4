//! `Preview`: what an installation would choose, without fetching, locking or changing anything.

use std::collections::BTreeMap;

use pack_client::{Candidate, Registries, RegistryIdentity};
use pack_format::documents::{Deprecation, PackDependency, Yank};
use pack_format::{PackRef, Version};

use crate::install::InstallError;
use crate::installer::Installer;
use crate::plan::{self, Dependencies, Given, Plan, Settled};
use crate::record::State;

/// What to look at.
#[derive(Debug, Clone, Default)]
pub struct PreviewRequest {
    /// Refs with constraints.
    pub roots: Vec<PackDependency>,
    /// Whether what packs need is looked at.
    pub dependencies: Dependencies,
    /// Whether what is installed takes part; without it the answer is that of an empty host.
    pub installed: Installed,
    /// Packs whose version is known: their sources are no registries.
    pub settled: Vec<Settled>,
    /// Versions to keep while they satisfy everybody, yanked or not.
    pub preferred: BTreeMap<PackRef, Version>,
}

/// Whether installed packs take part in a preview.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Installed {
    /// As in an installation.
    #[default]
    Considered,
    /// The answer depends on the registries alone.
    Ignored,
}

/// What an installation would lead to.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Every pack that was asked for, needed, or would change; each after what it needs.
    pub packs: Vec<PreviewedPack>,
    /// Packs that need each other.
    pub cycles: Vec<Vec<PackRef>>,
}

/// One pack of a preview.
#[derive(Debug, Clone)]
pub struct PreviewedPack {
    /// The pack.
    pub pack_ref: PackRef,
    /// The version that would be there.
    pub version: Version,
    /// The version that is installed now.
    pub installed: Option<Version>,
    /// Whether it was asked for.
    pub requested: bool,
    /// What that version needs.
    pub dependencies: Vec<PackDependency>,
    /// The registry that lists it, and what it lists; `None` where an installed pack stays unlooked.
    pub listed: Option<(RegistryIdentity, Box<Candidate>)>,
    /// Set when newcomers should choose another pack.
    pub deprecated: Option<Deprecation>,
    /// The version a newcomer gets; `None` where no registry lists the pack, or none was asked.
    pub latest: Option<Version>,
    /// Set when the installed version is yanked.
    pub installed_yank: Option<Yank>,
}

impl PreviewedPack {
    /// Whether an installation would change it.
    pub fn changes(&self) -> bool {
        self.installed.as_ref() != Some(&self.version)
    }
}

impl Installer<'_> {
    /// What installing `request` would choose. Reads the state without a lock.
    ///
    /// # Errors
    /// [`InstallError`], as an installation would.
    pub fn preview(
        &self,
        request: &PreviewRequest,
        registries: &Registries,
    ) -> Result<Preview, InstallError> {
        let state = match request.installed {
            Installed::Considered => self.list().map_err(crate::ChangeError::from)?,
            Installed::Ignored => State::empty(),
        };
        let given = Given {
            state: &state,
            settled: &request.settled,
            roots: &request.roots,
            dependencies: request.dependencies,
            preferred: &request.preferred,
            policy: &self.policy,
            layout: &self.layout,
        };
        let plan = crate::runtime::block_on(self.reporter, || {
            plan::plan(given, registries, self.reporter)
        })
        .map_err(InstallError::stopped)??;
        Ok(Preview {
            packs: previewed(&plan, &state, request),
            cycles: plan.resolution.cycles,
        })
    }
}

fn previewed(plan: &Plan, state: &State, request: &PreviewRequest) -> Vec<PreviewedPack> {
    let packs = plan.resolution.packs.iter().map(|picked| {
        let record = state.packs.get(&picked.pack_ref);
        let owner = plan.listings.get(&picked.pack_ref);
        let listed = owner.and_then(|(_, listing)| {
            let same = |c: &&Candidate| c.version == picked.version;
            let candidate = listing.candidates.iter().find(same)?;
            Some((
                listing.registry.as_ref().clone(),
                Box::new(candidate.clone()),
            ))
        });
        let mut all_settled = request.settled.iter();
        let settled = all_settled.find(|settled| settled.pack_ref == picked.pack_ref);
        let dependencies = match (settled, &listed, record) {
            _ if request.dependencies == Dependencies::Skip => Vec::new(),
            (Some(settled), _, _) => settled.dependencies.clone(),
            (None, Some((_, candidate)), _) => candidate.dependencies().to_vec(),
            (None, None, Some(record)) => record.dependencies.clone(),
            (None, None, None) => Vec::new(),
        };
        let mut roots = request.roots.iter();
        PreviewedPack {
            pack_ref: picked.pack_ref.clone(),
            version: picked.version.clone(),
            installed: record.map(|record| record.version.clone()),
            requested: settled.is_some() || roots.any(|r| r.pack_ref == picked.pack_ref),
            dependencies,
            listed,
            deprecated: owner.and_then(|(_, listing)| listing.deprecated.clone()),
            latest: owner.and_then(|(_, listing)| Some(listing.newest()?.version.clone())),
            installed_yank: owner.zip(record).and_then(|((_, listing), record)| {
                let mut candidates = listing.candidates.iter();
                let same = candidates.find(|c| c.version == record.version)?;
                same.yanked.clone()
            }),
        }
    });
    packs.collect()
}
