//! `Group`: the directories of one pack, from claims to a staged document.
//!
//! 1. Read, check and archive the directories that changed.
//! 2. Settle which of them stand ([`history`]).
//! 3. Merge them into the document the tree lists, and stage it with its page.
//!
//! Groups know nothing of each other, so that any number of threads work on them, and nothing of a pack but
//! its facts is kept when its group is done.

use std::path::{Path, PathBuf};

use pack_format::documents::{ArchiveRecord, PackDocument};
use pack_format::manifest::Manifest;
use pack_format::statistics::StatisticsDocument;
use pack_format::{PackRef, StoreKey, Timestamp, Version};
use registry_tree::{Phase, TreeWriter};

use crate::cache::{BuildCache, CachedPack, Seen};
use crate::checkout::Checkouts;
use crate::claim::{Claim, State};
use crate::details::Details;
use crate::error::BuildError;
use crate::facts::Neighbours;
use crate::history::{self, Candidate, Merge, Outcome, Refusal, Twin};
use crate::icon;
use crate::operator_file::OperatorFile;
use crate::pack::{Built, PackError, Workshop};
use crate::patch::file::FiledPatch;
use crate::publish::{Publication, Staged};
use crate::statistics;

/// What every group works with.
pub(crate) struct Bench<'a> {
    pub(crate) writer: &'a TreeWriter,
    pub(crate) publication: &'a Publication<'a>,
    pub(crate) operator: &'a OperatorFile,
    /// Of patch files.
    pub(crate) patches: &'a [FiledPatch],
    pub(crate) statistics: Option<&'a StatisticsDocument>,
    pub(crate) expected: &'a Neighbours,
    pub(crate) settings: &'a str,
    pub(crate) now: Timestamp,
    /// Modification time inside archives, seconds since 1970.
    pub(crate) archive_time: u64,
    /// Whether published versions may change.
    pub(crate) dev: bool,
}

/// What became of a group.
#[derive(Default)]
pub(crate) struct Done {
    /// Directories as the last build saw them.
    pub(crate) unchanged: Vec<(PathBuf, CachedPack)>,
    /// Directories whose version stands in the document now.
    pub(crate) built: Vec<(Seen, Outcome)>,
    pub(crate) refusals: Vec<Refusal>,
    pub(crate) twins: Vec<Twin>,
    pub(crate) staged: Option<Staged>,
    /// Archives that are staged.
    pub(crate) archives: Vec<String>,
    /// Archives that nothing pins any more.
    pub(crate) replaced: Vec<String>,
}

impl Bench<'_> {
    /// Does the work of one group; `visit`: its document is merged although no directory changed.
    pub(crate) fn work(
        &self,
        pack_ref: &PackRef,
        claims: Vec<Claim>,
        visit: bool,
    ) -> Result<Done, BuildError> {
        let mut done = Done::default();
        let mut candidates = Vec::with_capacity(claims.len());
        for claim in claims {
            let directory = claim.directory.clone();
            match self.candidate(claim) {
                Ok(candidate) => candidates.push(candidate),
                Err(error) => done.refusals.push((directory, error)),
            }
        }
        let settled = history::settle(pack_ref, candidates, self.operator.same_pack(pack_ref));
        done.refusals.extend(settled.refusals);
        done.twins = settled.twins;
        let mut built = Vec::new();
        for candidate in settled.candidates {
            match candidate {
                Candidate::Unchanged(directory, cached) => {
                    done.unchanged.push((directory, cached));
                }
                Candidate::Built(pack) => built.push(*pack),
            }
        }
        if !built.is_empty() || visit {
            self.merge(pack_ref, built, &mut done)?;
        }
        Ok(done)
    }

    fn candidate(&self, claim: Claim) -> Result<Candidate, PackError> {
        let directory = claim.directory;
        let (opened, known) = match claim.state {
            State::Unchanged(cached) if self.is_whole(&cached) => {
                return Ok(Candidate::Unchanged(directory, cached));
            }
            // The tree has lost it, so that it is looked at as if for the first time.
            State::Unchanged(_) => {
                let nothing = BuildCache::default();
                let checkouts = Checkouts::default();
                let claim = Claim::of(&directory, self.settings, &nothing, &checkouts);
                match claim.map_err(|(_, error)| error)?.state {
                    State::Changed(opened, known) => (opened, known),
                    State::Unchanged(cached) => return Ok(Candidate::Unchanged(directory, cached)),
                }
            }
            State::Changed(opened, known) => (opened, known),
        };
        self.refuse_taken_down(&directory, &known.manifest)?;
        let published = |pack_ref: &PackRef, version: &Version| self.published(pack_ref, version);
        let workshop = Workshop {
            writer: self.writer,
            now: self.now,
            archive_time: self.archive_time,
            dev: self.dev,
            published: &published,
        };
        let built = workshop.build(&directory, *opened, *known)?;
        Ok(Candidate::Built(Box::new(built)))
    }

    /// A version that was taken down does not come back, with whatever bytes.
    fn refuse_taken_down(&self, directory: &Path, manifest: &Manifest) -> Result<(), PackError> {
        let (pack_ref, version) = (&manifest.pack_ref, &manifest.version);
        let listed = self.publication.known().get(pack_ref);
        let listed = listed.and_then(|facts| facts.version(version));
        if listed.is_some_and(|listed| listed.taken_down) {
            return Err(PackError::TakenDown {
                directory: directory.to_owned(),
                pack_ref: pack_ref.clone(),
                version: version.clone(),
            });
        }
        Ok(())
    }

    /// Key and archive of a version the tree lists.
    fn published(
        &self,
        pack_ref: &PackRef,
        version: &Version,
    ) -> Option<(StoreKey, ArchiveRecord)> {
        let listed = self.publication.known().get(pack_ref)?.version(version)?;
        Some((listed.store_key?, listed.archive.clone()?))
    }

    /// Whether the tree has what the last build made of a directory.
    fn is_whole(&self, cached: &CachedPack) -> bool {
        self.published(&cached.pack_ref, &cached.version)
            .is_some_and(|(key, archive)| {
                key == cached.store_key
                    && self.writer.size_of(&archive.path) == Some(archive.size_bytes)
            })
    }

    fn merge(
        &self,
        pack_ref: &PackRef,
        mut built: Vec<Built>,
        done: &mut Done,
    ) -> Result<(), BuildError> {
        let of_pack = |filed: &&FiledPatch| filed.patch.pack_ref == *pack_ref;
        let patches = self.patches.iter().filter(of_pack).map(|f| &f.patch);
        let merge = Merge {
            dev: self.dev,
            now: self.now,
            additions: self.operator.additions(pack_ref),
            patches: &patches.collect::<Vec<_>>(),
        };
        let existing = self.publication.document(pack_ref)?;
        let before = existing.clone().filter(|_| self.dev);
        let (mut document, outcomes) = merge
            .document(pack_ref, existing, &mut built)
            .map_err(Box::new)?;
        if let Some(before) = before {
            done.replaced.extend(icon::unpinned(&before, &document));
        }
        if let Some(statistics) = self.statistics {
            statistics::follow(&mut document, statistics);
        }
        let mut details = None;
        for (pack, outcome) in built.into_iter().zip(outcomes) {
            match outcome {
                Ok(outcome) => {
                    done.built.push((Seen::of(&pack), outcome));
                    let of_page = self.place(pack, &document, done)?;
                    details = of_page.or(details);
                }
                Err(error) => done.refusals.push((pack.directory, error)),
            }
        }
        if !document.versions.is_empty() {
            let staged = self.publication.stage(&document, details, self.expected)?;
            done.staged = Some(staged);
        }
        Ok(())
    }

    /// Places the archive of a version that stands; returns the details of the newest one.
    fn place(
        &self,
        mut pack: Built,
        document: &PackDocument,
        done: &mut Done,
    ) -> Result<Option<Details>, BuildError> {
        if let (Some(staged), Some(record)) = (pack.archive.take(), &pack.document.archive) {
            self.writer.place(Phase::Object, &record.path, staged);
            done.archives.push(record.path.clone());
        }
        done.replaced.extend(pack.replaces.take());
        if let (Some(icon), Some(record)) = (pack.icon.take(), &pack.document.icon) {
            icon::put(self.writer, record, &icon)?;
        }
        let newest = document.newest().map(|newest| &newest.version);
        Ok((newest == Some(pack.version())).then_some(pack.details))
    }
}
