//! Wanted packs and the versions they come to: `packs.yaml` and `packs.lock`.
//!
//! A lock depends on what is wanted, on what registries list, and on the lock before it; not on the host and
//! what is installed there, so that the same inputs give the same bytes everywhere.

mod file;
mod packs_file;
mod stale;

use std::collections::BTreeMap;

use pack_client::Registries;
use pack_format::text::printable;
use pack_format::{PackRef, Version};

pub use self::file::{LOCK_FORMAT, Lock, LockFileError, LockedPack};
pub use self::packs_file::{PacksFile, UpdatePolicy, WantedPack};
pub use self::stale::Stale;

use crate::install::InstallError;
use crate::install::check::deprecation_text;
use crate::installer::Installer;
use crate::policy::Policy;
use crate::preview::{Installed, PreviewRequest};

/// Which locked versions may move although they would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Relock {
    /// None.
    #[default]
    Nothing,
    /// Those of these packs.
    Packs(Vec<PackRef>),
    /// All.
    Everything,
}

impl Installer<'_> {
    /// The lock of what is wanted. Versions of `previous` stay while they fit, yanked or not.
    ///
    /// # Errors
    /// [`InstallError`] as of an installation; nothing is written.
    pub fn lock(
        &self,
        wanted: &PacksFile,
        (previous, relock): (Option<&Lock>, &Relock),
        registries: &Registries,
    ) -> Result<Lock, InstallError> {
        let moves = |pack_ref: &PackRef| match relock {
            Relock::Nothing => false,
            Relock::Packs(packs) => packs.contains(pack_ref),
            Relock::Everything => true,
        };
        let preferred: BTreeMap<PackRef, Version> = (previous.into_iter())
            .flat_map(|lock| &lock.packs)
            .filter(|(pack_ref, _)| !moves(pack_ref))
            .map(|(pack_ref, pack)| (pack_ref.clone(), pack.version.clone()))
            .collect();
        let request = PreviewRequest {
            roots: wanted.roots(),
            installed: Installed::Ignored,
            preferred,
            ..PreviewRequest::default()
        };
        // What this host happens to have must not decide what others get.
        let policy = Policy {
            host: std::sync::Arc::new(self.policy.host.stated()),
            ..self.policy.clone()
        };
        let preview = (self.clone().with_policy(policy)).preview(&request, registries)?;
        let mut lock = Lock::default();
        for pack in preview.packs {
            let subject = format!("{}@{}", pack.pack_ref, pack.version);
            if let Some(deprecation) = &pack.deprecated {
                let said = deprecation_text(&pack.pack_ref, deprecation);
                self.reporter.warning(&said);
            }
            let yank = pack
                .listed
                .as_ref()
                .and_then(|(_, listed)| listed.yanked.as_ref());
            if let Some(yank) = yank {
                let reason = printable(&yank.reason);
                self.reporter
                    .warning(&format!("`{subject}` stays locked and is yanked: {reason}"));
            }
            let locked = (pack.listed)
                .and_then(|(registry, candidate)| LockedPack::new(registry, &candidate));
            let locked = locked.ok_or(InstallError::Unlockable { subject })?;
            lock.packs.insert(pack.pack_ref, locked);
        }
        Ok(lock)
    }
}
