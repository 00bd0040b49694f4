//! `BuildReport`: what became of every directory, and what changed in the tree.

use std::path::PathBuf;

use pack_format::{PackRef, Version};

use crate::cache::{CachedPack, Seen};
use crate::history::{Outcome, Refusal, Twin};
use crate::pack::PackError;

/// What a build did.
#[derive(Debug, Default)]
pub struct BuildReport {
    /// One verdict per pack directory, sorted by directory.
    pub packs: Vec<Verdict>,
    /// What deserves attention, one sentence each.
    pub warnings: Vec<String>,
    /// What changed in the tree.
    pub changes: Changes,
    /// Number of packs and of versions the tree lists now.
    pub totals: (u64, u64),
    /// Base URL in force, if any.
    pub base_url: Option<String>,
}

/// Numbers of what changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Versions the tree did not list before.
    pub added: usize,
    /// Listed versions whose record changed.
    pub updated: usize,
    /// Versions as they were.
    pub unchanged: usize,
    /// Directories that were refused.
    pub refused: usize,
    /// Files of the tree that got new bytes.
    pub files_written: usize,
}

/// What became of one directory.
#[derive(Debug)]
pub struct Verdict {
    /// The directory.
    pub directory: PathBuf,
    /// The pack and version, where they could be read.
    pub pack: Option<(PackRef, Version)>,
    /// `added`, `updated`, `unchanged`, or why it was refused.
    pub outcome: Result<&'static str, PackError>,
}

impl BuildReport {
    /// The verdicts of directories that another one speaks for.
    pub(crate) fn twins(&mut self, twins: Vec<Twin>, refusals: &mut Vec<Refusal>) {
        for Twin { directory, first } in twins {
            match self.packs.iter().find(|v| v.directory == first) {
                Some(verdict) => {
                    let pack = verdict.pack.clone();
                    self.changes.unchanged += 1;
                    self.packs.push(Verdict {
                        directory,
                        pack,
                        outcome: Ok("unchanged"),
                    });
                }
                None => refusals.push((
                    directory,
                    PackError::Identity(
                        format!("it is equal to `{}`, which is refused", first.display()),
                        "correct that one; both have the same contents",
                    ),
                )),
            }
        }
    }

    /// A directory that is as the last build saw it.
    pub(crate) fn unchanged(&mut self, directory: PathBuf, cached: CachedPack) {
        self.changes.unchanged += 1;
        self.packs.push(Verdict {
            directory,
            pack: Some((cached.pack_ref, cached.version)),
            outcome: Ok("unchanged"),
        });
    }

    /// The last verdicts.
    pub(crate) fn refused(&mut self, refusals: Vec<Refusal>) {
        self.changes.refused = refusals.len();
        let refused = refusals.into_iter().map(|(directory, error)| Verdict {
            directory,
            pack: None,
            outcome: Err(error),
        });
        self.packs.extend(refused);
        self.packs.sort_by(|a, b| a.directory.cmp(&b.directory));
    }

    pub(crate) fn note(&mut self, pack: &Seen, outcome: Outcome) {
        let (count, word) = match outcome {
            Outcome::Added => (&mut self.changes.added, "added"),
            Outcome::Updated => (&mut self.changes.updated, "updated"),
            Outcome::Unchanged => (&mut self.changes.unchanged, "unchanged"),
        };
        *count += 1;
        self.packs.push(Verdict {
            directory: pack.directory.clone(),
            pack: Some((pack.pack_ref.clone(), pack.version.clone())),
            outcome: Ok(word),
        });
    }
}
