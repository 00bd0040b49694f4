//! How a lock is made: sources that are no registry are brought, versions chosen for the rest, and repositories fetched
//! where nothing else pins a version.

use std::collections::BTreeMap;
use std::sync::Arc;

use pack_client::{Candidate, Registries, RegistryIdentity};
use pack_format::text::printable;
use pack_format::{PackRef, Version};
use pack_fs::FsError;
use tempfile::TempDir;

use super::wanted_source::is_kept;
use super::{Lock, LockedPack, PacksFile, Relock};
use crate::bring::Place;
use crate::fetch::{Arrived, Job};
use crate::install::check::{self, deprecation_text};
use crate::install::{InstallError, Mismatch, direct_job};
use crate::installer::Installer;
use crate::policy::Policy;
use crate::preview::{Installed, PreviewRequest, PreviewedPack};

impl Installer<'_> {
    /// The lock of what is wanted. Versions and commits of `previous` stay while they fit, yanked or not.
    ///
    /// Sources that are no registry are fetched, unless they stay; so are repositories that are the only source of a version.
    ///
    /// # Errors
    /// [`InstallError`] as of an installation; nothing is written.
    pub fn lock(
        &self,
        wanted: &PacksFile,
        (previous, relock): (Option<&Lock>, &Relock),
        registries: &Registries,
    ) -> Result<Lock, InstallError> {
        let mut kept: BTreeMap<&PackRef, &LockedPack> = (previous.into_iter())
            .flat_map(|lock| &lock.packs)
            .collect();
        kept.retain(|pack_ref, _| match relock {
            Relock::Nothing => true,
            Relock::Packs(packs) => !packs.contains(pack_ref),
            Relock::Everything => false,
        });
        // What this host happens to have must not decide what others get.
        let policy = Policy {
            host: Arc::new(self.policy.host.stated()),
            ..self.policy.clone()
        };
        let locking = Locking {
            installer: &self.clone().with_policy(policy),
            registries,
            kept,
        };
        locking.lock(wanted)
    }
}

struct Locking<'a> {
    installer: &'a Installer<'a>,
    registries: &'a Registries,
    /// What may stay as it is.
    kept: BTreeMap<&'a PackRef, &'a LockedPack>,
}

impl Locking<'_> {
    fn lock(&self, wanted: &PacksFile) -> Result<Lock, InstallError> {
        let mut lock = Lock {
            packs: self.direct(wanted)?,
            ..Lock::default()
        };
        let request = PreviewRequest {
            roots: wanted.roots(),
            installed: Installed::Ignored,
            settled: (lock.packs.iter())
                .map(|(pack_ref, pack)| pack.settled(pack_ref))
                .collect(),
            preferred: self.preferred(),
            ..PreviewRequest::default()
        };
        let preview = self.installer.preview(&request, self.registries)?;
        let mut repositories = Vec::new();
        for pack in preview.packs {
            if lock.packs.contains_key(&pack.pack_ref) {
                continue;
            }
            self.warn(&pack);
            let Some((registry, candidate)) = pack.listed else {
                let subject = format!("{}@{}", pack.pack_ref, pack.version);
                return Err(InstallError::Unlockable { subject });
            };
            match self.listed(&registry, &candidate) {
                Some(locked) => {
                    lock.packs.insert(pack.pack_ref, locked);
                }
                None => repositories.push((registry, *candidate)),
            }
        }
        lock.packs.extend(self.repositories(repositories)?);
        Ok(lock)
    }

    fn preferred(&self) -> BTreeMap<PackRef, Version> {
        (self.kept.iter())
            .map(|(pack_ref, pack)| ((*pack_ref).clone(), pack.version.clone()))
            .collect()
    }

    fn warn(&self, pack: &PreviewedPack) {
        let reporter = self.installer.reporter;
        if let Some(deprecation) = &pack.deprecated {
            reporter.warning(&deprecation_text(&pack.pack_ref, deprecation));
        }
        let listed = pack.listed.as_ref();
        if let Some(yank) = listed.and_then(|(_, listed)| listed.yanked.as_ref()) {
            let (name, version) = (&pack.pack_ref, &pack.version);
            let reason = printable(&yank.reason);
            reporter.warning(&format!(
                "`{name}@{version}` stays locked and is yanked: {reason}"
            ));
        }
    }

    /// What pins a listed version, where that need not be fetched: its archive, or the commit that is locked already.
    fn listed(&self, registry: &RegistryIdentity, candidate: &Candidate) -> Option<LockedPack> {
        let of_archive = LockedPack::of_listed(registry.clone(), candidate);
        of_archive.or_else(|| {
            let kept = self.kept.get(&candidate.pack_ref)?;
            let same =
                kept.version == candidate.version && kept.registry.as_ref() == Some(registry);
            (same && kept.listed(candidate).is_some()).then(|| kept.with_needs_of(candidate))
        })
    }

    /// Packs whose source is no registry.
    fn direct(&self, wanted: &PacksFile) -> Result<BTreeMap<PackRef, LockedPack>, InstallError> {
        let mut packs = BTreeMap::new();
        let mut jobs = Vec::new();
        let mut asked = Vec::new();
        for (root, source) in wanted.wanted() {
            let Some(source) = source else { continue };
            let kept = self.kept.get(&root.pack_ref);
            let fits = |kept: &&&LockedPack| {
                is_kept(source, kept) && root.constraint.matches(&kept.version)
            };
            if let Some(kept) = kept.filter(fits) {
                packs.insert(root.pack_ref, (**kept).clone());
                continue;
            }
            jobs.extend(direct_job(source, None));
            asked.push(root);
        }
        for (root, arrived) in asked.into_iter().zip(self.bring(&jobs)?.1) {
            check::identity(&root, &arrived)?;
            packs.insert(root.pack_ref, LockedPack::of_arrived(&arrived, None));
        }
        Ok(packs)
    }

    /// Versions that registries list with repositories only.
    fn repositories(
        &self,
        listed: Vec<(RegistryIdentity, Candidate)>,
    ) -> Result<Vec<(PackRef, LockedPack)>, InstallError> {
        let refs: Vec<&PackRef> = listed.iter().map(|(_, c)| &c.pack_ref).collect();
        let found = self.installer.find_all(&refs, self.registries)?;
        let mut jobs = Vec::new();
        for ((_, candidate), found) in listed.iter().zip(found) {
            let Some((registry, _)) = found.owner else {
                let subject = format!("{}@{}", candidate.pack_ref, candidate.version);
                return Err(InstallError::Unlockable { subject });
            };
            jobs.push(Job::Listed {
                registry,
                candidate: Box::new(candidate.clone()),
            });
        }
        let (_staging, arrived) = self.bring(&jobs)?;
        let locked = listed
            .into_iter()
            .zip(arrived)
            .map(|((registry, candidate), arrived)| {
                let listed = Some((registry, &candidate));
                let locked = LockedPack::of_arrived(&arrived, listed);
                (candidate.pack_ref.clone(), locked)
            });
        Ok(locked.collect())
    }

    /// Brings sources to look at them, into a directory that goes with what is returned.
    fn bring(&self, jobs: &[Job]) -> Result<(TempDir, Vec<Arrived>), InstallError> {
        let temporary = std::env::temp_dir();
        let staging = tempfile::tempdir()
            .map_err(|e| FsError::new("create a directory in", &temporary, e))
            .map_err(|e| InstallError::Change(e.into()))?;
        let place = Place {
            staging: staging.path(),
            client: self.registries.settings(),
            mismatch: Mismatch::Refuse,
            archives: None,
            stated_by: "lock",
        };
        let arrived = self.installer.bring_all(jobs, place)?;
        Ok((staging, arrived))
    }
}
