//! Import: packs of StackStorm Exchange to packs of this format.
//!
//! From checkouts (`docs/importing.md` has the whole table):
//!
//! 1. [`source`]: the files of a directory or of the commit a bare repository points to.
//! 2. [`manifest`], [`components`]: what they say, in our words; every change becomes a [`Note`].
//! 3. The result is read as a build would read it: what a build would refuse is refused here.
//! 4. [`mod@write`]: complete directories appear under their refs, all or none.
//!
//! From an index alone ([`index`]) there are no bytes and no checksums to vouch for any: the result is a tree to
//! browse and search, without archives. Nobody is contacted.

mod components;
pub mod error;
pub mod index;
mod manifest;
mod names;
mod note;
mod pack;
mod rules;
mod source;
mod values;
mod version;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use self::error::{ImportError, RefusedPack};
pub use self::note::{Note, NoteKind};

use self::pack::Converted;

/// What to import.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Packs, folders of packs, or bare repositories.
    pub sources: Vec<PathBuf>,
    /// The folder that gets a directory per pack.
    pub out: PathBuf,
    /// Say what would happen and write nothing.
    pub dry_run: bool,
    /// Import the good packs although others are refused.
    pub skip_invalid: bool,
}

/// What happened to one pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was written, or would be.
    Imported,
    /// It was there already.
    Unchanged,
    /// It was not written.
    Refused,
}

/// The verdict on one pack.
#[derive(Debug, Serialize)]
pub struct ImportedPack {
    /// Where it came from.
    pub source: PathBuf,
    /// Its ref, as far as it is known.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub pack_ref: Option<String>,
    /// Its version, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What happened.
    pub result: Outcome,
    /// Its new directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What was changed, renamed, left out, or needs a hand.
    pub notes: Vec<Note>,
}

/// What an import did.
#[derive(Debug, Serialize)]
pub struct ImportReport {
    /// Whether it was only tried.
    pub dry_run: bool,
    /// The folder of the new directories.
    pub out: PathBuf,
    /// Every pack, by source.
    pub packs: Vec<ImportedPack>,
    /// Directories that hold no `pack.yaml`.
    pub without_manifest: Vec<PathBuf>,
}

impl ImportReport {
    /// How many packs ended in `outcome`.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.packs.iter().filter(|p| p.result == outcome).count()
    }
}

/// Imports checkouts.
///
/// # Errors
/// [`ImportError`]. Where packs are refused and `skip_invalid` is not set, nothing is written and the report is
/// in the error.
pub fn import(options: &ImportOptions) -> Result<ImportReport, ImportError> {
    let found = source::find(&options.sources, &options.out)?;
    let converted: Vec<(PathBuf, Result<Converted, RefusedPack>)> = found
        .packs
        .into_iter()
        .map(|place| {
            let result = pack::convert(&place);
            (place.path().to_owned(), result)
        })
        .collect();
    let shared = shared_refs(&converted);
    let mut packs = Vec::with_capacity(converted.len());
    let mut ready = Vec::new();
    for (source, result) in converted {
        let result = result.and_then(|pack| match shared.get(pack.pack_ref.as_str()) {
            Some(places) => Err(RefusedPack::SharedRef {
                pack_ref: pack.pack_ref.to_string(),
                places: places.clone(),
                notes: pack.notes.clone(),
            }),
            None => write::judge(&options.out, &pack).map(|state| (pack, state)),
        });
        match result {
            Ok((pack, outcome)) => {
                packs.push(verdict(source, &pack, outcome, &options.out));
                if outcome == Outcome::Imported {
                    ready.push(pack);
                }
            }
            Err(refused) => packs.push(refused.verdict(source)),
        }
    }
    let report = ImportReport {
        dry_run: options.dry_run,
        out: options.out.clone(),
        packs,
        without_manifest: found.without_manifest,
    };
    if report.count(Outcome::Refused) > 0 && !options.skip_invalid {
        return Err(ImportError::Refused {
            report: Box::new(report),
        });
    }
    if !options.dry_run {
        write::packs(&options.out, &ready)?;
    }
    Ok(report)
}

fn verdict(source: PathBuf, pack: &Converted, result: Outcome, out: &Path) -> ImportedPack {
    ImportedPack {
        source,
        pack_ref: Some(pack.pack_ref.to_string()),
        version: Some(pack.version.to_string()),
        result,
        directory: Some(out.join(pack.pack_ref.as_str())),
        reason: None,
        hint: None,
        notes: pack.notes.clone(),
    }
}

/// Refs that several sources lead to, with the sources: none of them can be told to be the right one.
fn shared_refs(
    converted: &[(PathBuf, Result<Converted, RefusedPack>)],
) -> BTreeMap<String, Vec<PathBuf>> {
    let mut places: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for (source, result) in converted {
        if let Ok(pack) = result {
            let same = places.entry(pack.pack_ref.to_string()).or_default();
            same.push(source.clone());
        }
    }
    places.retain(|_, sources| sources.len() > 1);
    places
}
