//! Merging index files: one entry per ref.
//!
//! 1. Read every input whole; one broken entry and nothing is written.
//! 2. Go through the inputs in order. Of two entries of a ref the newer stays, by SemVer precedence, and
//!    of two as new the first; or what [`OnShadow`] says. Each such decision is reported, and where the
//!    two come from different repositories, or say different things of one version, it is a warning:
//!    whoever can put a higher version into any input can take over a name.
//! 3. Write what is left, sorted, with the name and URL of the first input and the latest time of all.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use pack_format::index::Frame;
use pack_format::{PackRef, Timestamp, Version};
use pack_fs::Replacement;
use pack_fs::lock::FileLock;
use rayon::prelude::*;

use super::error::IndexFileError;
pub use super::merge_error::MergeError;
use super::text::{Given, IndexText, Invalid, Listed, Loaded};
use super::write;
use crate::history::same_repository;

/// Which of two entries of one ref stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnShadow {
    /// The newer one.
    #[default]
    Newest,
    /// The one of the input that was named first.
    First,
    /// Neither: two that differ are an error.
    Refuse,
}

/// Whether an output that exists may be replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overwrite {
    /// It stays.
    #[default]
    Refuse,
    /// It goes.
    Replace,
}

/// How to merge.
#[derive(Debug, Clone)]
pub struct MergeOptions {
    /// Where to write.
    pub output: PathBuf,
    /// Whether it may be there already.
    pub overwrite: Overwrite,
    /// Which entry stays.
    pub on_shadow: OnShadow,
    /// What to do with entries that break the rules.
    pub invalid: Invalid,
    /// Name and URL in place of the first input's.
    pub given: Given,
    /// The time of an index none of whose inputs says one.
    pub now: Timestamp,
    /// How long to wait for another process that changes the output.
    pub lock_timeout: Duration,
}

/// What a merge did.
#[derive(Debug)]
pub struct Merged {
    /// Names of the inputs, in order.
    pub inputs: Vec<String>,
    /// Entries of all inputs.
    pub total_loaded: usize,
    /// Entries of the output.
    pub unique_packs: usize,
    /// Every entry that is not in the output because of another one, input by input.
    pub shadowed: Vec<Shadowed>,
    /// Whether the output got new bytes.
    pub written: bool,
    /// What deserves attention.
    pub warnings: Vec<String>,
}

/// Two entries of one ref, and which of them stayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadowed {
    /// The ref.
    pub pack_ref: PackRef,
    /// The entry that stayed.
    pub kept: Place,
    /// The entry that did not.
    pub dropped: Place,
    /// Whether the later input's entry took the place of the earlier one's.
    pub replaced: bool,
    /// Whether the two say that they come from different places.
    pub different_repository: bool,
    /// Whether both have one version and say different things of it.
    pub different_contents: bool,
}

/// An entry of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Position of the input, from 0.
    pub input: usize,
    /// The entry's version.
    pub version: Version,
    /// Its repository, else its git source.
    pub origin: Option<String>,
}

/// The file to merge into, ours alone until dropped where it is there already.
///
/// It is opened before the inputs are read: the file may be one of them.
#[derive(Debug)]
pub struct MergeOutput<'o> {
    options: &'o MergeOptions,
    lock: Option<FileLock>,
}

impl<'o> MergeOutput<'o> {
    /// Takes the file the options name; `waiting` is called once if another process is changing it.
    ///
    /// # Errors
    /// [`MergeError`] if it may not be written.
    pub fn open(options: &'o MergeOptions, waiting: impl FnMut()) -> Result<Self, MergeError> {
        let output = &options.output;
        if write::is_of_tree(output) {
            return Err(MergeError::Tree(output.clone()));
        }
        let exists = output.symlink_metadata().is_ok();
        if exists && options.overwrite == Overwrite::Refuse {
            return Err(MergeError::Exists(output.clone()));
        }
        let lock = exists
            .then(|| FileLock::acquire(output, options.lock_timeout, waiting))
            .transpose()?;
        Ok(Self { options, lock })
    }

    /// Merges `inputs` into the file.
    ///
    /// # Errors
    /// [`MergeError`]; the file is as it was.
    pub fn merge(self, inputs: &[IndexText]) -> Result<Merged, MergeError> {
        let options = self.options;
        let loaded: Result<Vec<Loaded<'_>>, IndexFileError> = inputs
            .par_iter()
            .map(|input| input.load(options.invalid))
            .collect();
        let loaded = loaded?;
        let mut last_updated = None;
        for input in &loaded {
            last_updated = last_updated.max(input.last_updated()?);
        }
        let Some(first) = loaded.first() else {
            return Err(IndexFileError::NotFound(PathBuf::new()).into());
        };
        let frame = first.frame(&options.given, last_updated.unwrap_or(options.now))?;
        let (kept, shadowed) = settle(&loaded, options.on_shadow);
        let names: Vec<String> = loaded.iter().map(|input| input.name.to_owned()).collect();
        if options.on_shadow == OnShadow::Refuse {
            refuse(&shadowed, &kept, &loaded, &names)?;
        }
        let written = self.put(&frame, kept.values().map(|winner| &*winner.entry.text))?;
        let mut warnings: Vec<String> = loaded.iter().flat_map(|l| l.warnings.clone()).collect();
        warnings.extend(shadowed.iter().filter_map(|s| danger(s, &names)));
        if loaded.iter().any(Loaded::is_for_development)
            || !frame.registry_url.starts_with("https://")
        {
            warnings.push(
                "the index names this machine: it is for development only, nobody else can use it"
                    .to_owned(),
            );
        }
        Ok(Merged {
            total_loaded: loaded.iter().map(|input| input.entries.len()).sum(),
            unique_packs: kept.len(),
            inputs: names,
            shadowed,
            written,
            warnings,
        })
    }

    /// Puts the entries in place; whether the file got new bytes.
    fn put<'e>(
        &self,
        frame: &Frame,
        entries: impl IntoIterator<Item = &'e [u8]>,
    ) -> Result<bool, MergeError> {
        let output = &self.options.output;
        if self.lock.is_some() {
            Replacement::sweep(output);
            return Ok(write::stage(output, frame, entries)?.commit()?);
        }
        match write::stage(output, frame, entries)?.commit_new() {
            Ok(()) => Ok(true),
            Err(_) if output.exists() => Err(MergeError::Exists(output.clone())),
            Err(error) => Err(error.into()),
        }
    }
}

struct Winner<'l, 'a> {
    input: usize,
    entry: &'l Listed<'a>,
}

impl Winner<'_, '_> {
    fn place(&self) -> Place {
        Place {
            input: self.input,
            version: self.entry.version.clone(),
            origin: self.entry.origin.clone(),
        }
    }
}

/// One entry per ref, and what they shadow.
fn settle<'l, 'a>(
    loaded: &'l [Loaded<'a>],
    on_shadow: OnShadow,
) -> (BTreeMap<&'l PackRef, Winner<'l, 'a>>, Vec<Shadowed>) {
    let mut kept: BTreeMap<&PackRef, Winner<'_, '_>> = BTreeMap::new();
    let mut shadowed = Vec::new();
    for (input, index) in loaded.iter().enumerate() {
        for entry in &index.entries {
            let next = Winner { input, entry };
            let Some(winner) = kept.get_mut(&entry.pack_ref) else {
                kept.insert(&entry.pack_ref, next);
                continue;
            };
            let replaced = on_shadow != OnShadow::First && entry.version > winner.entry.version;
            let one = winner.entry;
            shadowed.push(Shadowed {
                pack_ref: entry.pack_ref.clone(),
                replaced,
                different_repository: comes_from_elsewhere(one, entry),
                different_contents: one.version == entry.version && one.text != entry.text,
                kept: if replaced {
                    next.place()
                } else {
                    winner.place()
                },
                dropped: if replaced {
                    winner.place()
                } else {
                    next.place()
                },
            });
            if replaced {
                *winner = next;
            }
        }
    }
    (kept, shadowed)
}

/// Two that say nothing cannot be told apart.
fn comes_from_elsewhere(one: &Listed<'_>, other: &Listed<'_>) -> bool {
    !same_repository(one.origin.as_deref(), other.origin.as_deref())
}

/// Under [`OnShadow::Refuse`]: equal entries are no contradiction.
fn refuse(
    shadowed: &[Shadowed],
    kept: &BTreeMap<&PackRef, Winner<'_, '_>>,
    loaded: &[Loaded<'_>],
    names: &[String],
) -> Result<(), MergeError> {
    let text = |place: &Place, pack_ref: &PackRef| {
        let entries = &loaded[place.input].entries;
        let found = entries.binary_search_by(|entry| entry.pack_ref.cmp(pack_ref));
        found.ok().map(|at| &entries[at].text)
    };
    let differ: Vec<Shadowed> = shadowed
        .iter()
        .filter(|s| {
            let winner = kept.get(&s.pack_ref).map(|winner| &winner.entry.text);
            winner != text(&s.dropped, &s.pack_ref)
        })
        .cloned()
        .collect();
    if differ.is_empty() {
        return Ok(());
    }
    Err(MergeError::Shadowed {
        shadowed: differ,
        inputs: names.to_vec(),
    })
}

/// Why a decision deserves a second look.
fn danger(shadowed: &Shadowed, inputs: &[String]) -> Option<String> {
    let Shadowed {
        pack_ref,
        kept,
        dropped,
        ..
    } = shadowed;
    let place = |place: &Place| {
        let origin = place.origin.as_deref().unwrap_or("no repository");
        format!("{origin} ({} in `{}`)", place.version, inputs[place.input])
    };
    if shadowed.different_repository {
        return Some(format!(
            "`{pack_ref}` comes from two places: {} is listed, {} is not; make sure that the first one owns the name",
            place(kept),
            place(dropped)
        ));
    }
    if shadowed.different_contents {
        return Some(format!(
            "`{pack_ref}@{}` is listed with different contents in `{}`, which is listed, and `{}`, which is not",
            kept.version, inputs[kept.input], inputs[dropped.input]
        ));
    }
    (shadowed.replaced && kept.version.is_prerelease() && !dropped.version.is_prerelease()).then(
        || {
            format!(
                "`{pack_ref}`: the pre-release {} takes the place of {}",
                kept.version, dropped.version
            )
        },
    )
}
