//! Installing what is locked: no versions are chosen, and every byte is the one that was locked.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use pack_client::{Candidate, Listing, Registries, Registry};
use pack_format::documents::PackDependency;
use pack_format::{Constraint, PackRef};
use pack_resolve::{Request, resolve};

use super::run::Run;
use super::{InstallError, InstallReport, InstallRequest, Replace, check};
use crate::fetch;
use crate::installer::Installer;
use crate::lock::{Lock, LockedPack};
use crate::plan::Plan;
use crate::session::Session;
use crate::source::Source;

impl Installer<'_> {
    /// Installs every locked pack, in one switch. What the store has is not looked up anywhere.
    ///
    /// `requested` are the packs that reports call asked for; the others came with them.
    ///
    /// # Errors
    /// [`InstallError`]; nothing has changed then.
    pub fn install_locked(
        &self,
        lock: &Lock,
        (requested, replace): (&[PackRef], Replace),
        registries: &Registries,
    ) -> Result<InstallReport, InstallError> {
        let request = InstallRequest {
            sources: (requested.iter())
                .filter_map(|pack_ref| {
                    Some(Source::Registry {
                        pack_ref: pack_ref.clone(),
                        constraint: Constraint::exactly(&lock.packs.get(pack_ref)?.version),
                    })
                })
                .collect(),
            replace,
            ..InstallRequest::default()
        };
        let session = Session::begin(&self.layout, &self.settings, self.reporter)?;
        let plan = self.plan_of(lock, &session, (registries, replace))?;
        let mut run = Run {
            installer: self,
            request: &request,
            registries,
            session,
        };
        let chosen = run.choose(&plan, &[])?;
        let arrived = run.fetch(&chosen.jobs)?;
        let manifests = (chosen.stored_manifests())
            .chain(arrived.iter().map(|arrived| &arrived.staged.manifest));
        check::manifests(manifests, self)?;
        if !registries.settings().offline {
            self.warn_of_upgrades(&plan, &run.session.state, registries);
        }
        run.finish(&plan, chosen, Vec::new(), arrived)
    }

    /// The lock as a plan: in dependency order, with the registries of what has to be fetched.
    fn plan_of(
        &self,
        lock: &Lock,
        session: &Session<'_>,
        (registries, replace): (&Registries, Replace),
    ) -> Result<Plan, InstallError> {
        let resolution = resolve(&request_of(lock)).map_err(|cause| InstallError::Resolve {
            cause: Box::new(cause),
            searched: Vec::new(),
        })?;
        let is_there = |pack: &LockedPack| {
            replace == Replace::Keep && pack.store_key.is_some_and(|key| session.has_stored(&key))
        };
        let mut listings = BTreeMap::new();
        let mut absent = Vec::new();
        for (pack_ref, pack) in &lock.packs {
            let candidate = pack.candidate(pack_ref);
            if !is_there(pack) {
                absent.push((pack_ref, pack, candidate));
                continue;
            }
            listings.insert(pack_ref.clone(), (None, listing(pack_ref, pack, candidate)));
        }
        if registries.settings().offline {
            let missing: Vec<String> = (absent.iter())
                .filter(|(_, _, candidate)| !fetch::is_here(candidate, registries.settings()))
                .map(|(pack_ref, pack, _)| {
                    format!("`{pack_ref}@{}` from `{}`", pack.version, pack.source)
                })
                .collect();
            if !missing.is_empty() {
                return Err(InstallError::Offline { missing });
            }
        }
        for (pack_ref, owned) in self.look_up(&absent, registries)? {
            listings.insert(pack_ref, owned);
        }
        Ok(Plan {
            resolution,
            listings,
        })
    }

    /// The registries of packs that have to be fetched, which must list the bytes that are locked.
    fn look_up(
        &self,
        absent: &[(&PackRef, &LockedPack, Candidate)],
        registries: &Registries,
    ) -> Result<Vec<(PackRef, Owned)>, InstallError> {
        let reporter = self.reporter;
        let answers = crate::runtime::block_on(|| async {
            let lookups = absent
                .iter()
                .map(|(pack_ref, _, _)| registries.find(pack_ref, reporter));
            let parallel = registries.settings().parallel_downloads.max(1);
            let stream = futures_util::stream::iter(lookups).buffered(parallel);
            stream.collect::<Vec<_>>().await
        });
        let mut owned = Vec::new();
        let mut problems = Vec::new();
        for ((pack_ref, pack, candidate), answer) in
            absent.iter().zip(answers.map_err(InstallError::Runtime)?)
        {
            let found = answer?;
            let searched = found.searched.join("`, `");
            match found
                .owner
                .map(|(registry, listed)| same(registry, &listed, pack, candidate))
            {
                Some(Ok((registry, candidate))) => {
                    let listing = listing(pack_ref, pack, candidate);
                    owned.push(((*pack_ref).clone(), (Some(registry), listing)));
                }
                Some(Err(problem)) => problems.push(problem),
                None => problems.push(format!(
                    "`{pack_ref}@{}` is not listed in `{searched}`",
                    pack.version
                )),
            }
        }
        if problems.is_empty() {
            return Ok(owned);
        }
        Err(InstallError::Unlocked { problems })
    }
}

type Owned = (Option<Arc<Registry>>, Listing);

/// The locked packs as the only ones there are.
fn request_of(lock: &Lock) -> Request {
    let mut request = Request::default();
    for (pack_ref, pack) in &lock.packs {
        request.roots.push(PackDependency {
            pack_ref: pack_ref.clone(),
            constraint: Constraint::exactly(&pack.version),
        });
        let candidate =
            pack_resolve::Candidate::new(pack.version.clone(), pack.dependencies.clone());
        request.add(pack_ref.clone(), candidate);
    }
    request
}

fn listing(pack_ref: &PackRef, pack: &LockedPack, candidate: Candidate) -> Listing {
    Listing {
        pack_ref: pack_ref.clone(),
        registry: Arc::new(pack.registry.clone()),
        deprecated: None,
        owners: Vec::new(),
        candidates: vec![candidate],
    }
}

/// The listed version with the archives that are the locked ones, or what the registry has instead.
fn same(
    registry: Arc<Registry>,
    listed: &Listing,
    pack: &LockedPack,
    locked: &Candidate,
) -> Result<(Arc<Registry>, Candidate), String> {
    let subject = format!("{}@{}", locked.pack_ref, pack.version);
    let url = &listed.registry.url;
    let mut candidates = listed.candidates.iter();
    let Some(found) = candidates.find(|c| c.version == pack.version) else {
        return Err(format!("`{subject}` is not listed in `{url}` any more"));
    };
    let archives: Vec<_> = (found.archives.iter())
        .filter(|archive| archive.checksum == pack.archive_digest)
        .cloned()
        .collect();
    if archives.is_empty() {
        let has = found.archives.first().map_or_else(
            || "no archive".to_owned(),
            |archive| archive.checksum.to_string(),
        );
        return Err(format!(
            "`{subject}`\n  locked  {}\n  listed  {has} in `{url}`",
            pack.archive_digest
        ));
    }
    let candidate = Candidate {
        archives,
        ..locked.clone()
    };
    Ok((registry, candidate))
}
