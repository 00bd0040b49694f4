//! `repair`: what `verify` finds, mended. No generation is made: what is installed does not change.
//!
//! 1. Take the lock. Verify, and keep what is damaged.
//! 2. Make each damaged tree anew in staging: from files of the store that have the right bytes, else from the
//!    registry that lists it, else from the place its record names. Only a tree with the recorded store key counts.
//! 3. Put the trees into the store, each in one step; point links where they belong. Verify again.
//!
//! A pack that cannot be mended stays as it is, and does not keep others from being mended.

mod rebuild;
mod report;
mod sources;

use pack_client::Registries;
use pack_format::PackRef;
use pack_fs::durable;

pub use self::report::{RepairError, RepairFailure, RepairReport, RepairedPack};
use self::sources::needs;
use crate::installer::Installer;
use crate::layout::Layout;
use crate::record::Record;
use crate::session::Session;
use crate::stage::StagedPack;
use crate::store::Existing;
use crate::verify::{Problem, VerifiedPack, chosen, verify_pack};

/// A pack on its way to being mended.
struct Case {
    record: Record,
    found: VerifiedPack,
    /// The good tree and where it came from, once there is one.
    good: Option<(StagedPack, String)>,
    failures: Vec<RepairFailure>,
}

impl Case {
    /// Whether its tree or listing is damaged and nothing good is there yet.
    fn is_pending(&self) -> bool {
        let links = |problem: &Problem| matches!(problem, Problem::Link { .. });
        self.good.is_none() && !self.found.problems.iter().all(links)
    }

    /// Takes what a source gave, if it is what was installed.
    fn accept(&mut self, staged: StagedPack, source: &str) {
        let (installed, found) = (self.record.store_key, staged.inventory.key);
        if installed == found {
            self.good = Some((staged, source.to_owned()));
        } else {
            self.failures.push(RepairFailure::Other {
                source_text: source.to_owned(),
                installed,
                found,
            });
        }
    }
}

impl Installer<'_> {
    /// Verifies `refs`, or everything that is installed, and puts back what is not as it was installed.
    ///
    /// Each tree is replaced in one step: whoever opens a file finds the old tree or the mended one. Sources
    /// are asked only where the store itself does not have the bytes.
    ///
    /// # Errors
    /// [`RepairError`] if nothing could be tried; what could not be mended is in the report.
    pub fn repair(
        &self,
        refs: &[PackRef],
        registries: &Registries,
    ) -> Result<RepairReport, RepairError> {
        let mut session = Session::begin(&self.layout, &self.settings, self.reporter)?;
        let mut cases: Vec<Case> = chosen(&session.state, refs)?
            .into_iter()
            .map(|record| Case {
                found: verify_pack(&self.layout, &session.state, record),
                record: record.clone(),
                good: None,
                failures: Vec::new(),
            })
            .collect();
        self.mend_from_store(&mut session, &mut cases)?;
        self.mend_from_registries(&mut session, &mut cases, registries)?;
        self.mend_from_records(&mut session, &mut cases, registries.settings())?;
        let mut staged = Vec::new();
        let mut packs = Vec::new();
        for case in cases {
            let pending = case.is_pending();
            let mut pack = RepairedPack {
                needs: pending.then(|| needs(&case.record)),
                found: case.found,
                repaired_from: None,
                remaining: Vec::new(),
                failures: case.failures,
            };
            if let Some((tree, source)) = case.good {
                staged.push(tree);
                pack.repaired_from = Some(source);
                pack.failures.clear();
            }
            packs.push((case.record, pack));
        }
        session.store(&staged, Existing::Replace)?;
        for (record, pack) in &mut packs {
            self.mend_links(&mut session, record, pack)?;
            if !pack.found.problems.is_empty() {
                pack.remaining = verify_pack(&self.layout, &session.state, record).problems;
            }
        }
        session.keep_stored();
        Ok(RepairReport {
            packs: packs.into_iter().map(|(_, pack)| pack).collect(),
        })
    }

    /// Points the links of a pack where they belong.
    fn mend_links(
        &self,
        session: &mut Session<'_>,
        record: &Record,
        pack: &mut RepairedPack,
    ) -> Result<(), RepairError> {
        let pack_ref = &record.pack_ref;
        let generation = self.layout.generation(session.state.generation);
        let own = generation.join(pack_ref.as_str());
        let own_target = Layout::stored_target(&record.store_key);
        let outer = self.layout.pack(pack_ref);
        for (path, target, is_ours) in [
            (own, own_target, true),
            (outer, Layout::pack_target(pack_ref), false),
        ] {
            if std::fs::read_link(&path).is_ok_and(|found| found == target) {
                continue;
            }
            if !path.is_symlink() && path.exists() {
                if !is_ours {
                    pack.failures.push(RepairFailure::Occupied { path });
                    continue;
                }
                session.set_aside(&path)?;
            }
            durable::replace_link(&path, &target)?;
        }
        Ok(())
    }
}
