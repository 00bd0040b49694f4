//! Installing what is locked: no versions are chosen, and every byte is the one that was locked.

use std::collections::BTreeMap;
use std::sync::Arc;

use pack_client::{Candidate, Listing, Registries, Registry, RegistryIdentity};
use pack_format::documents::PackDependency;
use pack_format::manifest::Manifest;
use pack_format::{Constraint, PackRef};
use pack_resolve::{Request, resolve};

use super::run::Run;
use super::{InstallError, InstallReport, InstallRequest, Replace, check};
use crate::fetch::{self, Arrived, FetchFailure, Job};
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
        let absent: Vec<&PackRef> = (lock.packs.iter())
            .filter(|(_, pack)| pack.registry.is_none() && !is_there(pack, &session, replace))
            .map(|(pack_ref, _)| pack_ref)
            .collect();
        let jobs = direct_jobs(lock, &absent, registries.settings().allow_http)?;
        let mut run = Run {
            installer: self,
            request: &request,
            registries,
            session,
            lock: Some(lock),
        };
        let direct = exactly(lock, run.fetch(&jobs)?)?;
        for (pack_ref, arrived) in absent.iter().zip(&direct) {
            let wanted = PackDependency {
                pack_ref: (*pack_ref).clone(),
                constraint: Constraint::exactly(&lock.packs[*pack_ref].version),
            };
            check::identity(&wanted, arrived)?;
        }
        let chosen = run.choose(&plan, &direct)?;
        let arrived = exactly(lock, run.fetch(&chosen.jobs)?)?;
        // An older lock does not say what packs need of a host, but they do.
        let unsaid = |manifest: &&Manifest| {
            let locked = lock.packs.get(&manifest.pack_ref);
            locked.is_none_or(|pack| pack.requires.is_none())
        };
        let manifests = (chosen.stored_manifests())
            .chain(arrived.iter().map(|arrived| &arrived.staged.manifest));
        check::manifests(manifests.filter(unsaid), self)?;
        check::requirements(&plan, (&direct, &run.session.state), self)?;
        if !registries.settings().offline {
            self.warn_of_upgrades(&plan, &run.session.state, registries);
        }
        run.finish(&plan, chosen, direct, arrived)
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
        let mut listings = BTreeMap::new();
        let mut absent = Vec::new();
        for (pack_ref, pack) in &lock.packs {
            let candidate = pack.candidate(pack_ref);
            if !is_there(pack, session, replace) {
                absent.push((pack_ref, pack, candidate));
                continue;
            }
            listings.insert(pack_ref.clone(), (None, listing(pack_ref, pack, candidate)));
        }
        if registries.settings().offline {
            let missing: Vec<String> = (absent.iter())
                .filter(|(_, pack, candidate)| {
                    let settings = registries.settings();
                    let is_here = fetch::is_here(candidate, settings)
                        || (pack.commit_key()).is_some_and(|key| fetch::has_commit(&key, settings));
                    !(is_here || pack.registry.is_none() && pack.is_local())
                })
                .map(|(pack_ref, pack, _)| {
                    format!("`{pack_ref}@{}` from `{}`", pack.version, pack.source)
                })
                .collect();
            if !missing.is_empty() {
                return Err(InstallError::Offline { missing });
            }
        }
        // Of the others, nobody but the lock says anything.
        absent.retain(|(_, pack, _)| pack.registry.is_some());
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
        let refs: Vec<&PackRef> = absent.iter().map(|(pack_ref, _, _)| *pack_ref).collect();
        let answers = self.find_all(&refs, registries)?;
        let mut owned = Vec::new();
        let mut problems = Vec::new();
        for ((pack_ref, pack, _), found) in absent.iter().zip(answers) {
            let searched = found.searched.join("`, `");
            match found
                .owner
                .map(|(registry, listed)| same(registry, &listed, (pack_ref, pack)))
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
    let nobody = || RegistryIdentity {
        name: String::new(),
        url: pack.source.clone(),
    };
    Listing {
        pack_ref: pack_ref.clone(),
        registry: Arc::new(pack.registry.clone().unwrap_or_else(nobody)),
        deprecated: None,
        owners: Vec::new(),
        candidates: vec![candidate],
    }
}

/// Whether nothing need be fetched for a pack.
fn is_there(pack: &LockedPack, session: &Session<'_>, replace: Replace) -> bool {
    replace == Replace::Keep && pack.store_key.is_some_and(|key| session.has_stored(&key))
}

/// The jobs for packs whose source is no registry.
fn direct_jobs(lock: &Lock, refs: &[&PackRef], allow_http: bool) -> Result<Vec<Job>, InstallError> {
    let mut jobs = Vec::new();
    for pack_ref in refs {
        let (source, checksum) = (lock.packs[*pack_ref].direct(allow_http)).map_err(|cause| {
            InstallError::LockedSource {
                pack_ref: (*pack_ref).clone(),
                cause,
            }
        })?;
        jobs.extend(super::direct_job(&source, checksum));
    }
    Ok(jobs)
}

/// What has arrived, which must be what is locked to the last execute bit.
fn exactly(lock: &Lock, arrived: Vec<Arrived>) -> Result<Vec<Arrived>, InstallError> {
    let exact = arrived.into_iter().map(|arrived| {
        let locked = lock.packs.get(&arrived.staged.manifest.pack_ref);
        let Some(key) = locked.and_then(|pack| pack.store_key) else {
            return Ok(arrived);
        };
        let staged = arrived.staged.expect_key(key, "lock");
        let staged = staged.map_err(FetchFailure::from)?;
        Ok(Arrived { staged, ..arrived })
    });
    exact.collect()
}

/// The locked version with those of a registry's sources that hold it, or what the registry has instead.
fn same(
    registry: Arc<Registry>,
    listed: &Listing,
    (pack_ref, pack): (&PackRef, &LockedPack),
) -> Result<(Arc<Registry>, Candidate), String> {
    let subject = format!("{pack_ref}@{}", pack.version);
    let url = &listed.registry.url;
    let mut candidates = listed.candidates.iter();
    let Some(found) = candidates.find(|c| c.version == pack.version) else {
        return Err(format!("`{subject}` is not listed in `{url}` any more"));
    };
    if let Some(candidate) = pack.listed(found) {
        return Ok((registry, candidate));
    }
    let (locked, has) = match (&pack.archive_digest, pack.tree_digest) {
        (None, Some(tree)) => (
            format!("{tree} at a commit"),
            found.install_sources.iter().find_map(|source| {
                let of_tree = source.kind() == "git";
                source
                    .checksum()
                    .filter(|_| of_tree)
                    .map(ToString::to_string)
            }),
        ),
        (archive, _) => (
            archive
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            found
                .archives
                .first()
                .map(|archive| archive.checksum.to_string()),
        ),
    };
    let has = has.unwrap_or_else(|| "no such source".to_owned());
    Err(format!(
        "`{subject}`\n  locked  {locked}\n  listed  {has} in `{url}`"
    ))
}
