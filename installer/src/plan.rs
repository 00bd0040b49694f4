//! `Plan`: which versions to install, and which are there already.
//!
//! 1. Every ref that is asked for, and every dependency that what is installed does not satisfy, is looked
//!    up in the registries; so is what those need, level by level.
//! 2. The resolver chooses. Installed packs and the packs of direct sources take part with their one version.
//! 3. Where it finds nothing, it is asked once more with everything looked up: a dependency that is installed
//!    may have to move.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt as _;
use pack_client::{Candidate, Listing, LookupError, Registries, Registry};
use pack_format::documents::PackDependency;
use pack_format::{Constraint, PackRef, Version};
use pack_resolve::{Picked, Request, Resolution, ResolveError, Withheld, resolve};

use crate::fetch;
use crate::layout::Layout;
use crate::policy::Policy;
use crate::record::State;
use crate::reporter::Reporter;
use crate::stage::StagedPack;

/// Packs whose version is settled before the search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given<'a> {
    /// The active state.
    pub(crate) state: &'a State,
    /// Packs of sources that are no registry.
    pub(crate) settled: &'a [Settled],
    /// Refs that were asked for, with constraints.
    pub(crate) roots: &'a [PackDependency],
    /// Whether what packs need is looked at.
    pub(crate) dependencies: Dependencies,
    /// Versions to keep while they satisfy everybody, besides those that are installed.
    pub(crate) preferred: &'a BTreeMap<PackRef, Version>,
    /// Which versions may be chosen at all.
    pub(crate) policy: &'a Policy,
    /// Where trees are that need not be fetched.
    pub(crate) layout: &'a Layout,
}

/// A pack whose version is known before anything is chosen: its source is no registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The pack.
    pub pack_ref: PackRef,
    /// Its version.
    pub version: Version,
    /// What it needs.
    pub dependencies: Vec<PackDependency>,
}

impl Settled {
    /// A pack in staging.
    pub(crate) fn of_staged(staged: &StagedPack) -> Self {
        Self {
            pack_ref: staged.manifest.pack_ref.clone(),
            version: staged.manifest.version.clone(),
            dependencies: dependencies_of(staged).cloned().collect(),
        }
    }
}

/// Whether dependencies are installed and checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dependencies {
    /// Missing ones are installed; unsatisfied ones are an error.
    #[default]
    Install,
    /// Neither checked nor installed.
    Skip,
}

/// The outcome of a search.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) resolution: Resolution,
    /// Everything that was looked up, with the registry to fetch it from; without one, the store has it.
    pub(crate) listings: BTreeMap<PackRef, (Option<Arc<Registry>>, Listing)>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    #[error(transparent)]
    Lookup(#[from] LookupError),
    #[error("{cause}")]
    Resolve {
        cause: ResolveError,
        searched: Vec<String>,
    },
}

/// Finds out what to install.
pub(crate) async fn plan(
    given: Given<'_>,
    registries: &Registries,
    reporter: &dyn Reporter,
) -> Result<Plan, PlanError> {
    let mut search = Search {
        given,
        registries,
        reporter,
        listings: BTreeMap::new(),
        asked: BTreeSet::new(),
        searched: Vec::new(),
    };
    search.look_up(Reach::Unsatisfied).await?;
    let first = search.resolve();
    let resolution = match first {
        Err(ResolveError::Conflict { .. } | ResolveError::MissingDependency { .. })
            if given.dependencies == Dependencies::Install =>
        {
            search.look_up(Reach::Everything).await?;
            search.resolve()
        }
        outcome => outcome,
    };
    match resolution {
        Ok(mut resolution) => {
            search.concerned(&mut resolution);
            Ok(Plan {
                resolution,
                listings: search.listings,
            })
        }
        Err(cause) => Err(PlanError::Resolve {
            cause,
            searched: search.searched,
        }),
    }
}

/// Which dependencies are looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Those that what is installed does not satisfy.
    Unsatisfied,
    /// All.
    Everything,
}

/// Whether the host is asked about versions before they are chosen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HostCheck {
    /// Versions are offered whatever they need.
    Later,
    /// What does not run here is withheld.
    Now,
}

struct Search<'a> {
    given: Given<'a>,
    registries: &'a Registries,
    reporter: &'a dyn Reporter,
    listings: BTreeMap<PackRef, (Option<Arc<Registry>>, Listing)>,
    asked: BTreeSet<PackRef>,
    searched: Vec<String>,
}

impl Search<'_> {
    /// Asks the registries for one level of refs at a time, until no new ones turn up.
    async fn look_up(&mut self, reach: Reach) -> Result<(), LookupError> {
        loop {
            let wanted: Vec<PackRef> = self
                .wanted(reach)
                .into_iter()
                .filter(|pack_ref| !self.asked.contains(pack_ref))
                .collect();
            if wanted.is_empty() {
                return Ok(());
            }
            let (registries, reporter) = (self.registries, self.reporter);
            let lookups = wanted.into_iter().map(|pack_ref| async move {
                let found = registries.find(&pack_ref, reporter).await;
                (pack_ref, found)
            });
            let mut answers = futures_util::stream::iter(lookups)
                .buffered(self.registries.settings().parallel_downloads.max(1));
            while let Some((pack_ref, found)) = answers.next().await {
                let found = found?;
                self.searched = found.searched;
                if let Some((registry, listing)) = found.owner {
                    let owned = (Some(registry), listing);
                    self.listings.insert(pack_ref.clone(), owned);
                }
                self.asked.insert(pack_ref);
            }
        }
    }

    /// The refs the search needs to know the versions of.
    fn wanted(&self, reach: Reach) -> BTreeSet<PackRef> {
        let mut wanted: BTreeSet<PackRef> = self
            .given
            .roots
            .iter()
            .map(|root| root.pack_ref.clone())
            .collect();
        if self.given.dependencies == Dependencies::Install {
            let of_settled = (self.given.settled.iter()).flat_map(|settled| &settled.dependencies);
            let of_listed = self
                .listings
                .values()
                .flat_map(|(_, listing)| &listing.candidates)
                .filter(|candidate| candidate.yanked.is_none())
                .flat_map(Candidate::dependencies);
            let needed = of_settled.chain(of_listed);
            wanted.extend(
                needed
                    .filter(|need| reach == Reach::Everything || !self.is_satisfied(need))
                    .map(|need| need.pack_ref.clone()),
            );
        }
        // A direct source settles the version of its pack.
        wanted.retain(|pack_ref| {
            (self.given.settled.iter()).all(|settled| settled.pack_ref != *pack_ref)
        });
        wanted
    }

    /// Whether a version can be had: offline, only what the store or this machine has.
    fn is_at_hand(&self, candidate: &Candidate) -> bool {
        let stored = || {
            let key = candidate.store_key;
            key.is_some_and(|key| self.given.layout.stored(&key).is_dir())
        };
        let settings = self.registries.settings();
        !settings.offline || stored() || fetch::is_here(candidate, settings)
    }

    /// Chooses versions.
    ///
    /// Asking a host for its runtimes takes longer than everything else here. So it is asked about the versions
    /// that would be chosen anyway, and about all of them only if one of those does not run on it.
    fn resolve(&self) -> Result<Resolution, ResolveError> {
        let unasked = resolve(&self.request(HostCheck::Later));
        let policy = self.given.policy;
        if !policy.refuses_by_host(self.given.dependencies)
            || matches!(&unasked, Ok(resolution) if self.runs_here(resolution))
        {
            return unasked;
        }
        resolve(&self.request(HostCheck::Now))
    }

    /// Whether everything that would be new has what it needs of the host.
    fn runs_here(&self, resolution: &Resolution) -> bool {
        let new = resolution.packs.iter().filter(|picked| !self.stays(picked));
        new.filter_map(|picked| {
            let (_, listing) = self.listings.get(&picked.pack_ref)?;
            (listing.candidates.iter()).find(|candidate| candidate.version == picked.version)
        })
        .all(|candidate| self.given.policy.unmet_by_host(candidate).is_none())
    }

    /// Whether a pack is installed with the version that was chosen.
    fn stays(&self, picked: &Picked) -> bool {
        let record = self.given.state.packs.get(&picked.pack_ref);
        record.is_some_and(|record| record.version == picked.version)
    }

    /// Leaves out installed packs that neither change nor have to do with what was asked for.
    fn concerned(&self, resolution: &mut Resolution) {
        let request = self.request(HostCheck::Later);
        let versions: BTreeMap<PackRef, Version> = (resolution.packs.iter())
            .map(|picked| (picked.pack_ref.clone(), picked.version.clone()))
            .collect();
        let mut open: Vec<&PackRef> = request.roots.iter().map(|root| &root.pack_ref).collect();
        let mut reached: BTreeSet<&PackRef> = BTreeSet::new();
        while let Some(pack_ref) = open.pop() {
            if !reached.insert(pack_ref) {
                continue;
            }
            let candidates = request.available.get(pack_ref).into_iter().flatten();
            let chosen = candidates.filter(|c| versions.get(pack_ref) == Some(&c.version));
            open.extend(chosen.flat_map(|c| c.dependencies.iter().map(|d| &d.pack_ref)));
        }
        (resolution.packs).retain(|p| reached.contains(&p.pack_ref) || !self.stays(p));
        (resolution.cycles).retain(|cycle| cycle.iter().any(|p| reached.contains(p)));
    }

    fn is_satisfied(&self, need: &PackDependency) -> bool {
        self.given
            .state
            .packs
            .get(&need.pack_ref)
            .is_some_and(|record| need.constraint.matches(&record.version))
    }

    /// Why a listed version may not be chosen, if it may not.
    fn withheld(&self, candidate: &Candidate, host: HostCheck) -> Option<Withheld> {
        let now = self.registries.settings().now;
        let policy = self.given.policy;
        let by_host = || {
            let asked = host == HostCheck::Now && policy.refuses_by_host(self.given.dependencies);
            asked.then(|| policy.unmet_by_host(candidate)).flatten()
        };
        match policy.withheld(candidate, now).or_else(by_host) {
            Some(Withheld::Unmet { .. }) | None if !self.is_at_hand(candidate) => {
                Some(Withheld::NotCached)
            }
            withheld => withheld,
        }
    }

    /// What is known, as the resolver wants it.
    fn request(&self, host: HostCheck) -> Request {
        let skip = self.given.dependencies == Dependencies::Skip;
        let kept = |needs: &[PackDependency]| if skip { Vec::new() } else { needs.to_vec() };
        let mut request = Request {
            roots: self.given.roots.to_vec(),
            preferred: self.given.preferred.clone(),
            ..Request::default()
        };
        let mut settled = BTreeSet::new();
        for pack in self.given.settled {
            settled.insert(&pack.pack_ref);
            request.roots.push(PackDependency {
                pack_ref: pack.pack_ref.clone(),
                constraint: Constraint::exactly(&pack.version),
            });
            let needs = kept(&pack.dependencies);
            let candidate = pack_resolve::Candidate::new(pack.version.clone(), needs);
            request.add(pack.pack_ref.clone(), candidate);
        }
        for (pack_ref, (_, listing)) in &self.listings {
            for candidate in &listing.candidates {
                let needs = kept(candidate.dependencies());
                let mut choice = pack_resolve::Candidate::new(candidate.version.clone(), needs);
                choice.withheld = self.withheld(candidate, host);
                request.add(pack_ref.clone(), choice);
            }
        }
        for (pack_ref, record) in &self.given.state.packs {
            if settled.contains(pack_ref) {
                continue;
            }
            let choice =
                pack_resolve::Candidate::new(record.version.clone(), kept(&record.dependencies));
            request.add(pack_ref.clone(), choice);
            let version = record.version.clone();
            request.allowed.insert(pack_ref.clone(), version);
            if self
                .given
                .roots
                .iter()
                .all(|root| root.pack_ref != *pack_ref)
            {
                request
                    .preferred
                    .insert(pack_ref.clone(), record.version.clone());
                // What is broken already need not be kept whole.
                if !skip && (record.dependencies.iter()).all(|need| self.is_satisfied(need)) {
                    request.keep.insert(pack_ref.clone());
                }
            }
        }
        request
    }
}

/// The packs a staged pack needs.
pub(crate) fn dependencies_of(staged: &StagedPack) -> impl Iterator<Item = &PackDependency> {
    staged
        .manifest
        .dependencies
        .iter()
        .flat_map(|dependencies| &dependencies.packs)
}
