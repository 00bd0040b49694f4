//! `IndexText`: an index as somebody wrote it, and what loading it gives.
//!
//! Every entry is read, checked and put into its written form in one pass, on all threads; after that only
//! its ref, version and text are kept. Text that is already in the written form stays where it is, so that
//! an index we wrote ourselves costs its own size and no more.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use pack_format::entry::IndexEntry;
use pack_format::index::{self, Frame, IndexError, Mend, Root};
use pack_format::limits::MAX_INDEX_FILE_BYTES;
use pack_format::source::InstallSource;
use pack_format::text::printable;
use pack_format::{PackRef, Timestamp, Version};
use pack_fs::FsError;
use rayon::prelude::*;

use super::error::IndexFileError;
use super::{SOURCES, broken_rules, is_for_development};

/// The bytes of an index, and what messages call it.
#[derive(Debug)]
pub struct IndexText {
    name: String,
    bytes: Vec<u8>,
}

/// What to do with entries that break the rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Invalid {
    /// Nothing is done at all.
    #[default]
    Refuse,
    /// They are left out, with a warning each.
    Skip,
}

/// A loaded index.
pub(crate) struct Loaded<'a> {
    pub(crate) name: &'a str,
    root: Root<'a>,
    /// Sorted by ref, refs unique.
    pub(crate) entries: Vec<Listed<'a>>,
    pub(crate) warnings: Vec<String>,
}

/// One entry that obeys the rules.
pub(crate) struct Listed<'a> {
    pub(crate) pack_ref: PackRef,
    pub(crate) version: Version,
    /// What the entry says it comes from: its repository, else its git source.
    pub(crate) origin: Option<String>,
    development: bool,
    position: usize,
    /// In the written form.
    pub(crate) text: Cow<'a, [u8]>,
}

/// An entry that breaks a rule.
struct Problem {
    position: usize,
    name: String,
    reason: String,
}

impl IndexText {
    /// Reads the file at `path`; of a registry's directory, its `index.json`.
    ///
    /// # Errors
    /// [`IndexFileError`].
    pub fn read(path: &Path) -> Result<Self, IndexFileError> {
        let mut path = path.to_owned();
        if path.is_dir() {
            path.push(registry_tree::layout::INDEX);
        }
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(IndexFileError::NotFound(path));
            }
            Err(e) => return Err(FsError::new("read", &path, e).into()),
        };
        let size = file
            .metadata()
            .map_or(0, |m| m.len().min(MAX_INDEX_FILE_BYTES));
        // One byte more than the size, or the end of the file costs a larger buffer.
        let mut bytes = Vec::with_capacity(usize::try_from(size + 1).unwrap_or(0));
        file.take(MAX_INDEX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| FsError::new("read", &path, e))?;
        Ok(Self::new(path.display().to_string(), bytes))
    }

    /// The bytes of something that messages call `name`.
    pub fn new(name: String, bytes: Vec<u8>) -> Self {
        Self { name, bytes }
    }

    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn root(&self) -> Result<(&str, Root<'_>), IndexError> {
        let size_bytes = self.bytes.len() as u64;
        if size_bytes > MAX_INDEX_FILE_BYTES {
            return Err(IndexError::TooLarge { size_bytes });
        }
        let text = index::safe_text(&self.bytes)?;
        Ok((text, Root::read(text)?))
    }

    /// Reads and checks every entry.
    pub(crate) fn load(&self, invalid: Invalid) -> Result<Loaded<'_>, IndexFileError> {
        let (text, root) = self.root().map_err(|source| match source {
            IndexError::NoPacks => IndexFileError::NoPacks(self.name.clone()),
            source => IndexFileError::Index {
                name: self.name.clone(),
                source,
            },
        })?;
        let raw: Vec<&str> = root.entries().collect();
        let read: Vec<Result<(Listed<'_>, Vec<Mend>), Problem>> = raw
            .par_iter()
            .enumerate()
            .with_min_len(64)
            .map(|(position, json)| read_entry(position, json))
            .collect();
        let mut entries = Vec::with_capacity(read.len());
        let mut problems = Vec::new();
        let mut mends = Mends::default();
        for result in read {
            match result {
                Ok((entry, mended)) => {
                    mends.add(&entry.pack_ref, mended);
                    entries.push(entry);
                }
                Err(problem) => problems.push(problem),
            }
        }
        entries.sort_by(|a, b| a.pack_ref.cmp(&b.pack_ref));
        refuse_twins(&mut entries, &mut problems);
        problems.sort_by_key(|problem| problem.position);
        let problems: Vec<String> = problems
            .into_iter()
            .map(|problem| problem.located(text, raw[problem.position]))
            .collect();
        if invalid == Invalid::Refuse && !problems.is_empty() {
            return Err(IndexFileError::Entries {
                name: self.name.clone(),
                problems,
            });
        }
        let unknown = root.unknown.iter();
        let mut warnings: Vec<String> = unknown
            .map(|member| {
                format!(
                    "`{}`: {}; left out",
                    self.name,
                    Mend::Unknown(member.clone())
                )
            })
            .collect();
        warnings.extend(mends.warnings(&self.name));
        let skipped = problems.iter();
        warnings.extend(skipped.map(|p| format!("`{}`, {p}; left out", self.name)));
        Ok(Loaded {
            name: &self.name,
            root,
            entries,
            warnings,
        })
    }
}

fn read_entry(position: usize, json: &str) -> Result<(Listed<'_>, Vec<Mend>), Problem> {
    let problem = |reason| Problem {
        position,
        name: index::name_of(json),
        reason,
    };
    let mut mended = Vec::new();
    let entry = index::entry(json, SOURCES, &mut |mend| mended.push(mend)).map_err(problem)?;
    let broken = broken_rules(&entry);
    if !broken.is_empty() {
        return Err(problem(broken.join("; ")));
    }
    let mut text = Vec::with_capacity(json.len() + json.len() / 8);
    index::entry_text(&entry, &mut text).map_err(|e| problem(e.to_string()))?;
    let text = if text == json.as_bytes() {
        Cow::Borrowed(json.as_bytes())
    } else {
        text.shrink_to_fit();
        Cow::Owned(text)
    };
    let listed = Listed {
        origin: origin(&entry),
        development: is_for_development(&entry),
        pack_ref: entry.pack_ref,
        version: entry.version,
        position,
        text,
    };
    Ok((listed, mended))
}

/// What an entry says it comes from.
pub(crate) fn origin(entry: &IndexEntry) -> Option<String> {
    let git = || {
        entry
            .install_sources
            .iter()
            .find_map(|source| match source {
                InstallSource::Git { url, .. } => Some(url.to_string()),
                InstallSource::Archive { .. } => None,
            })
    };
    entry.repository.clone().or_else(git)
}

/// Two entries of one ref contradict each other: neither is taken.
fn refuse_twins(entries: &mut Vec<Listed<'_>>, problems: &mut Vec<Problem>) {
    let twice: Vec<PackRef> = entries
        .windows(2)
        .filter(|pair| pair[0].pack_ref == pair[1].pack_ref)
        .map(|pair| pair[0].pack_ref.clone())
        .collect();
    if twice.is_empty() {
        return;
    }
    entries.retain(|entry| {
        let alone = twice.binary_search(&entry.pack_ref).is_err();
        if !alone {
            problems.push(Problem {
                position: entry.position,
                name: entry.pack_ref.to_string(),
                reason: format!(
                    "the ref is listed more than once, here with {}",
                    entry.version
                ),
            });
        }
        alone
    });
}

impl Problem {
    /// With the line of the file; `json` is the entry's part of `text`.
    fn located(&self, text: &str, json: &str) -> String {
        let offset = (json.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let before = text.as_bytes().get(..offset).unwrap_or_default();
        let line = before.split(|b| *b == b'\n').count();
        format!(
            "line {line}, entry {} (`{}`): {}",
            self.position, self.name, self.reason
        )
    }
}

/// What was not carried over, told once for all entries.
#[derive(Default)]
struct Mends(BTreeMap<Mend, (usize, String)>);

impl Mends {
    fn add(&mut self, pack_ref: &PackRef, mended: Vec<Mend>) {
        for mend in mended {
            let known = self
                .0
                .entry(mend)
                .or_insert_with(|| (0, pack_ref.to_string()));
            known.0 += 1;
        }
    }

    fn warnings<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> + 'a {
        self.0.iter().map(move |(mend, (count, example))| {
            let times = match count {
                1 => format!("in `{example}`"),
                n => format!("{n} times, first in `{example}`"),
            };
            format!("`{name}`: {mend}, {times}; left out")
        })
    }
}

impl Loaded<'_> {
    /// Whether an entry has a source that is for this machine only.
    pub(crate) fn is_for_development(&self) -> bool {
        self.entries.iter().any(|entry| entry.development)
    }

    /// When its content last changed, if it says so.
    pub(crate) fn last_updated(&self) -> Result<Option<Timestamp>, IndexFileError> {
        let Some(text) = &self.root.last_updated else {
            return Ok(None);
        };
        index::read_time(text)
            .map(Some)
            .ok_or_else(|| IndexFileError::Root {
                name: self.name.to_owned(),
                what: format!(
                    "`last_updated` is `{}`, not a time such as `2026-01-31T12:00:00Z`",
                    printable(text)
                ),
                flag: "a copy without it",
            })
    }

    /// What stands around its entries; `given` wins over what it says.
    pub(crate) fn frame(
        &self,
        given: &Given,
        last_updated: Timestamp,
    ) -> Result<Frame, IndexFileError> {
        let missing = |member: &str, flag| IndexFileError::Root {
            name: self.name.to_owned(),
            what: format!("`{member}` is missing or empty"),
            flag,
        };
        let says = |given: &Option<String>, member: &Option<String>| {
            given
                .clone()
                .or_else(|| member.clone())
                .filter(|text| !text.trim().is_empty())
        };
        let registry_name = says(&given.name, &self.root.registry_name)
            .ok_or_else(|| missing("registry_name", "--name NAME"))?;
        let registry_url = says(&given.url, &self.root.registry_url)
            .ok_or_else(|| missing("registry_url", "--url URL"))?;
        SOURCES
            .check(&registry_url)
            .map_err(|source| IndexFileError::Url {
                name: self.name.to_owned(),
                source,
            })?;
        Ok(Frame {
            registry_name,
            registry_url,
            last_updated,
        })
    }
}

/// What the operator says of the registry, in place of what the index says.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Name of the registry.
    pub name: Option<String>,
    /// Where it is hosted.
    pub url: Option<String>,
}
