//! `PackFacts`: what the lists of a registry say of one pack, and what its neighbours' pages say of it.
//!
//! A change of one pack among ten thousand needs these few hundred bytes of the others, not their
//! documents. They are derived from documents and kept in `TREE.state/facts.jsonl`, what changed since in
//! `facts-step.json` beside it; losing them costs time, never correctness:
//!
//! * facts count while `packs.json` pins the document they were derived from;
//! * entries of `index.json` are taken from the file itself while it has the digest noted with the facts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::Path;

use memchr::memmem;
use pack_format::documents::{
    ArchiveRecord, PackDocument, PackPointer, PacksDocument, VersionDocument,
};
use pack_format::{ArchiveDigest, PackRef, StoreKey, Version, canonical};
use pack_fs::{FsError, durable};
use pack_search::{PackRow, SearchRecord};
use rayon::prelude::*;
use registry_pages::PackSummary;
use registry_tree::{ReadError, Segments, TreeReader, assemble, layout};
use serde::{Deserialize, Serialize};

use crate::publish_error::PublishError;

/// What changes the meaning of kept facts, or how the twin of an index is made, without changing a document.
const FACTS_FORMAT: &str = concat!("8 ", env!("CARGO_PKG_VERSION"));

/// What is kept of one pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PackFacts {
    pub(crate) pointer: PackPointer,
    pub(crate) summary: PackSummary,
    /// What a hit of a search shows of it.
    pub(crate) row: PackRow,
    /// The digest of its words in the search index, which [`WordsFile`](crate::words::WordsFile) keeps.
    pub(crate) words: ArchiveDigest,
    /// Newest first.
    pub(crate) versions: Vec<ListedVersion>,
    /// Packs the newest version needs.
    pub(crate) needs: Vec<PackRef>,
    /// Packs the page links to where they are listed, sorted.
    pub(crate) names: BTreeSet<String>,
    /// Why `index.json` has no entry, if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left_out: Option<String>,
    #[serde(skip)]
    entry: Entry,
}

/// The entry of a pack in `index.json`, as text.
#[derive(Debug, Clone, Default, PartialEq)]
enum Entry {
    #[default]
    Absent,
    /// Where it stands in the `index.json` that was read.
    Kept(Range<usize>),
    New(String),
}

/// What a build asks of a version that is listed already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ListedVersion {
    pub(crate) version: Version,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) store_key: Option<StoreKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) archive: Option<ArchiveRecord>,
    /// Whether it was taken down.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) taken_down: bool,
}

impl PackFacts {
    /// The facts of a document with this digest, and its words in the search index; `None` if it lists no version.
    pub(crate) fn of(
        document: &PackDocument,
        digest: ArchiveDigest,
        base_url: &str,
    ) -> Result<Option<(Self, String)>, PublishError> {
        let (Some(pointer), Some(summary), Some(search), Some(newest)) = (
            assemble::pointer(document, digest),
            PackSummary::from_document(document),
            SearchRecord::of(document),
            document.newest(),
        ) else {
            return Ok(None);
        };
        let needs = newest.pack_dependencies().iter();
        let (entry, left_out) = match assemble::entry_of(document, base_url) {
            Ok(entry) => (
                Entry::New(
                    assemble::entry_text(&entry).map_err(|source| PublishError::Json {
                        name: layout::INDEX.to_owned(),
                        source,
                    })?,
                ),
                None,
            ),
            Err(reason) => (Entry::Absent, Some(reason)),
        };
        let facts = Self {
            pointer,
            summary,
            row: search.row,
            words: ArchiveDigest::of(search.words.as_bytes()),
            versions: document.versions.iter().map(ListedVersion::of).collect(),
            needs: needs.map(|need| need.pack_ref.clone()).collect(),
            names: names(document, newest),
            left_out,
            entry,
        };
        Ok(Some((facts, search.words)))
    }

    /// Whether searches find it like the other, and nothing changes for who it needs.
    pub(crate) fn is_found_like(&self, other: &Self) -> bool {
        self.needs == other.needs && self.words == other.words && self.row.ranks_like(&other.row)
    }

    /// What is known of one listed version.
    pub(crate) fn version(&self, version: &Version) -> Option<&ListedVersion> {
        self.versions.iter().find(|v| v.version == *version)
    }
}

impl ListedVersion {
    fn of(version: &VersionDocument) -> Self {
        Self {
            version: version.version.clone(),
            store_key: version.store_key,
            archive: version.archive.clone(),
            taken_down: version.taken_down.is_some(),
        }
    }
}

/// The packs that dependencies of any version, a successor, and rules, sensors and workflows of the
/// newest version name.
fn names(document: &PackDocument, newest: &VersionDocument) -> BTreeSet<String> {
    let needed = document
        .versions
        .iter()
        .flat_map(VersionDocument::pack_dependencies)
        .map(|need| need.pack_ref.as_str());
    let successor = document
        .deprecated
        .iter()
        .filter_map(|d| d.successor.as_ref().map(PackRef::as_str));
    let mentioned = newest
        .components
        .by_kind()
        .into_iter()
        .flat_map(|(_, list)| list)
        .flat_map(|component| {
            let tasks = component
                .tasks
                .iter()
                .filter_map(|task| task.action.as_ref());
            let refs = component.trigger_ref.iter().chain(&component.action_ref);
            refs.chain(&component.trigger_types)
                .chain(tasks)
                .filter_map(|name| name.split_once('.').map(|(pack, _)| pack))
        });
    needed
        .chain(successor)
        .chain(mentioned)
        .filter(|name| *name != document.pack_ref.as_str())
        .map(str::to_owned)
        .collect()
}

/// The facts of every pack of a registry.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) packs: BTreeMap<PackRef, PackFacts>,
    /// The `index.json` that kept entries stand in.
    index: Vec<u8>,
    /// What is kept already; `None` if that is of no use.
    base: Option<Base>,
}

/// The `index.json` that facts are kept with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptIndex {
    pub(crate) digest: ArchiveDigest,
    /// What its twin is made of, where it is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) twin: Option<Segments>,
}

/// The file of all facts, and what is others by now.
#[derive(Debug)]
struct Base {
    /// The digest it is known by: that of the `index.json` it was written with.
    id: ArchiveDigest,
    /// The `index.json` that was written last.
    index: KeptIndex,
    /// Packs whose facts are not those in the file.
    changed: BTreeSet<PackRef>,
    /// Whether there are more of them than are kept.
    has_grown: bool,
}

/// The first line of the file of facts; of the others, each has a pack and its facts, so that any number of threads may
/// read them.
#[derive(Serialize, Deserialize)]
struct Head {
    format: String,
    /// What the entries of `index.json` depend on besides the documents.
    base_url: String,
    /// The one that was written with these facts.
    index: KeptIndex,
}

/// The file of facts.
struct Kept {
    head: Head,
    packs: BTreeMap<PackRef, PackFacts>,
}

impl Kept {
    /// Reads the file in `state`; one that cannot be read is as good as none.
    fn read(state: &Path) -> Option<Self> {
        let text = fs::read(state.join(FILE)).ok()?;
        let mut lines = text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        let head = serde_json::from_slice(lines.next()?).ok()?;
        let lines: Vec<&[u8]> = lines.collect();
        let packs: Vec<(PackRef, PackFacts)> = lines
            .into_par_iter()
            // Few enough that no thread is left with many while the others wait.
            .with_max_len(128)
            .map(|line| serde_json::from_slice(line).ok())
            .collect::<Option<_>>()?;
        Some(Self {
            head,
            packs: packs.into_iter().collect(),
        })
    }
}

/// The file of facts with these, to be kept.
fn file_of(head: &Head, packs: &BTreeMap<PackRef, PackFacts>) -> serde_json::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(head)?;
    let lines: Vec<Vec<u8>> = packs
        .par_iter()
        .map(|line| serde_json::to_vec(&line))
        .collect::<Result<_, _>>()?;
    for line in lines {
        text.push(b'\n');
        text.extend(line);
    }
    text.push(b'\n');
    Ok(text)
}

/// What changed since the file of facts was written: one pack among ten thousand does not write all of them anew.
#[derive(Serialize, Deserialize)]
struct Step {
    format: String,
    base_url: String,
    /// The file it is a step from, by the digest noted there.
    base: ArchiveDigest,
    /// The one that was written with the step.
    index: KeptIndex,
    removed: Vec<PackRef>,
    packs: BTreeMap<PackRef, PackFacts>,
}

const FILE: &str = "facts.jsonl";
const STEP_FILE: &str = "facts-step.json";

/// As long as fewer than one in so many packs changed, a step is written.
const LEAST_OF_ALL: usize = 4;

impl Known {
    /// The facts of the packs that `listed` pins: as kept in `state`, else from their documents.
    ///
    /// # Errors
    /// [`PublishError`] if a document has to be read and cannot be.
    pub(crate) fn load(
        reader: &TreeReader,
        state: &Path,
        listed: Option<&PacksDocument>,
        base_url: &str,
    ) -> Result<Self, PublishError> {
        let Some(listed) = listed else {
            return Ok(Self::default());
        };
        let (mut packs, mut base, index) = match kept(reader, state, base_url) {
            Some((packs, base, index)) => (packs, Some(base), index),
            None => Default::default(),
        };
        let mut outdated = Vec::new();
        packs.retain(|pack_ref, facts| {
            let holds = listed.packs.get(pack_ref) == Some(&facts.pointer);
            if !holds {
                outdated.push(pack_ref.clone());
            }
            holds
        });
        let unknown = listed.packs.iter().filter(|(r, _)| !packs.contains_key(*r));
        let unknown: Vec<(&PackRef, &PackPointer)> = unknown.collect();
        if let Some(base) = &mut base {
            let unknown = unknown.iter().map(|(pack_ref, _)| (*pack_ref).clone());
            let others = outdated.into_iter().chain(unknown);
            let before = base.changed.len();
            base.changed.extend(others);
            base.has_grown = base.changed.len() > before;
        }
        let read: Vec<Option<(PackRef, PackFacts)>> = unknown
            .par_iter()
            .map(|(pack_ref, pointer)| -> Result<_, PublishError> {
                let document = reader.pack(pack_ref, pointer)?;
                let facts = PackFacts::of(&document, pointer.document, base_url)?;
                Ok(facts.map(|(facts, _)| ((*pack_ref).clone(), facts)))
            })
            .collect::<Result<_, _>>()?;
        packs.extend(read.into_iter().flatten());
        Ok(Self { packs, index, base })
    }

    /// Takes new facts of a pack, or that it is listed no more; returns those it had.
    pub(crate) fn put(
        &mut self,
        pack_ref: &PackRef,
        facts: Option<PackFacts>,
    ) -> Option<PackFacts> {
        let same = match (self.packs.get(pack_ref), &facts) {
            (Some(old), Some(new)) => old.pointer == new.pointer,
            (None, None) => true,
            _ => false,
        };
        if !same && let Some(base) = &mut self.base {
            base.changed.insert(pack_ref.clone());
            base.has_grown = true;
        }
        match facts {
            Some(facts) => self.packs.insert(pack_ref.clone(), facts),
            None => self.packs.remove(pack_ref),
        }
    }

    /// The `index.json` that was read, and what its twin is made of.
    pub(crate) fn index(&self) -> Option<(&[u8], &Segments)> {
        let twin = self.base.as_ref()?.index.twin.as_ref()?;
        Some((&self.index, twin))
    }

    /// Keeps the facts for the next build, with the `index.json` that was written with them.
    ///
    /// # Errors
    /// [`FsError`].
    pub(crate) fn keep(
        &self,
        state: &Path,
        base_url: &str,
        index: KeptIndex,
    ) -> Result<(), FsError> {
        let few = |base: &&Base| base.changed.len() * LEAST_OF_ALL <= self.packs.len();
        let (path, bytes) = match self.base.as_ref().filter(few) {
            Some(base) if !base.has_grown && base.index == index => return Ok(()),
            Some(base) => {
                let known = |pack_ref: &&PackRef| self.packs.contains_key(*pack_ref);
                let changed = base.changed.iter().filter(known);
                let step = Step {
                    format: FACTS_FORMAT.to_owned(),
                    base_url: base_url.to_owned(),
                    base: base.id,
                    index,
                    removed: base.changed.iter().filter(|r| !known(r)).cloned().collect(),
                    packs: changed
                        .filter_map(|r| Some((r.clone(), self.packs.get(r)?.clone())))
                        .collect(),
                };
                (state.join(STEP_FILE), serde_json::to_vec(&step))
            }
            None => {
                let head = Head {
                    format: FACTS_FORMAT.to_owned(),
                    base_url: base_url.to_owned(),
                    index,
                };
                (state.join(FILE), file_of(&head, &self.packs))
            }
        };
        let Ok(bytes) = bytes else {
            return Ok(());
        };
        if fs::read(&path).is_ok_and(|found| found == bytes) {
            return Ok(());
        }
        durable::replace_file(&path, &bytes)
    }

    /// Forgets the texts of new entries, which are of no use once `index.json` is staged.
    pub(crate) fn forget_entries(&mut self) {
        for facts in self.packs.values_mut() {
            facts.entry = Entry::Absent;
        }
        self.index = Vec::new();
    }

    /// The entries of `index.json`, by ref.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.packs.values().filter_map(|facts| match &facts.entry {
            Entry::Absent => None,
            Entry::New(text) => Some(text.as_bytes()),
            Entry::Kept(range) => self.index.get(range.clone()),
        })
    }

    /// What `index.json` cannot say, one sentence each.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = &str> {
        self.packs
            .values()
            .filter_map(|facts| facts.left_out.as_deref())
    }
}

/// The facts kept in `state`, and the `index.json` their entries stand in.
fn kept(
    reader: &TreeReader,
    state: &Path,
    base_url: &str,
) -> Option<(BTreeMap<PackRef, PackFacts>, Base, Vec<u8>)> {
    let (kept, index) = rayon::join(
        || Kept::read(state),
        || {
            let index = fs::read(reader.root().join(layout::INDEX)).ok()?;
            let found = rayon::join(|| ArchiveDigest::of(&index), || entry_spans(&index));
            Some((found, index))
        },
    );
    let (Kept { head, mut packs }, ((digest, spans), index)) = (kept?, index?);
    if head.format != FACTS_FORMAT || head.base_url != base_url {
        return None;
    }
    let mut base = Base {
        id: head.index.digest,
        index: head.index,
        changed: BTreeSet::new(),
        has_grown: false,
    };
    let step = read::<Step>(&state.join(STEP_FILE)).filter(|step| {
        let (format, url) = (step.format.as_str(), step.base_url.as_str());
        (format, url, step.base, step.index.digest) == (FACTS_FORMAT, base_url, base.id, digest)
    });
    match step {
        Some(step) => {
            base.index = step.index;
            for pack_ref in step.removed {
                packs.remove(&pack_ref);
                base.changed.insert(pack_ref);
            }
            base.changed.extend(step.packs.keys().cloned());
            packs.extend(step.packs);
        }
        None if digest == base.id => {}
        None => return None,
    }
    let mut spans = spans.into_iter();
    for (pack_ref, facts) in &mut packs {
        if facts.left_out.is_some() {
            continue;
        }
        let span = spans.next()?;
        let head = format!("{}{pack_ref}\"", assemble::ENTRY_HEAD);
        if !index.get(span.clone())?.starts_with(head.as_bytes()) {
            return None;
        }
        facts.entry = Entry::Kept(span);
    }
    spans.next().is_none().then_some((packs, base, index))
}

/// A file of facts; one that cannot be read is as good as none.
fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Where the entries stand in an `index.json` of ours.
fn entry_spans(index: &[u8]) -> Vec<Range<usize>> {
    let head = memmem::Finder::new(assemble::ENTRY_HEAD);
    let tail = memmem::Finder::new(assemble::ENTRY_TAIL);
    let mut spans = Vec::new();
    let mut at = 0;
    while let Some(start) = index.get(at..).and_then(|rest| head.find(rest)) {
        let start = at + start;
        let Some(end) = index.get(start..).and_then(|rest| tail.find(rest)) else {
            break;
        };
        at = start + end + assemble::ENTRY_TAIL.len();
        spans.push(start..at);
    }
    spans
}

/// Which packs are listed, and which need which: what pages say of other packs.
#[derive(Debug, Default)]
pub(crate) struct Neighbours {
    pub(crate) listed: BTreeSet<PackRef>,
    dependents: BTreeMap<PackRef, Vec<PackRef>>,
}

/// What one page says of other packs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageInputs {
    dependents: Vec<PackRef>,
    linked: Vec<String>,
}

impl Neighbours {
    /// The neighbourhood of packs that need others.
    pub(crate) fn of<'a>(packs: impl Iterator<Item = (&'a PackRef, &'a [PackRef])>) -> Self {
        let mut neighbours = Self::default();
        for (pack_ref, needs) in packs {
            neighbours.listed.insert(pack_ref.clone());
            for needed in needs {
                let dependents = neighbours.dependents.entry(needed.clone()).or_default();
                dependents.push(pack_ref.clone());
            }
        }
        for dependents in neighbours.dependents.values_mut() {
            dependents.sort();
            dependents.dedup();
        }
        neighbours
    }

    /// The neighbourhood of all packs of a registry.
    pub(crate) fn of_known<'a>(
        packs: impl IntoIterator<Item = (&'a PackRef, &'a PackFacts)>,
    ) -> Self {
        Self::of(
            packs
                .into_iter()
                .map(|(pack_ref, facts)| (pack_ref, facts.needs.as_slice())),
        )
    }

    /// The packs whose newest version needs this one, sorted.
    pub(crate) fn dependents(&self, pack_ref: &PackRef) -> &[PackRef] {
        self.dependents.get(pack_ref).map_or(&[], Vec::as_slice)
    }

    /// What the page of a pack says of others.
    pub(crate) fn inputs(&self, pack_ref: &PackRef, facts: &PackFacts) -> PageInputs {
        PageInputs {
            dependents: self.dependents(pack_ref).to_vec(),
            linked: facts
                .names
                .iter()
                .filter(|name| self.listed.contains(name.as_str()))
                .cloned()
                .collect(),
        }
    }
}

/// The bytes of a document, and the digest they are pinned by.
///
/// # Errors
/// [`PublishError::Json`].
pub(crate) fn document_bytes(
    document: &PackDocument,
) -> Result<(Vec<u8>, ArchiveDigest), PublishError> {
    let bytes = canonical::to_compact_bytes(document).map_err(|source| PublishError::Json {
        name: document.pack_ref.to_string(),
        source,
    })?;
    let digest = ArchiveDigest::of(&bytes);
    Ok((bytes, digest))
}

/// A document of the tree, as it was listed.
///
/// # Errors
/// [`ReadError`].
pub(crate) fn listed_document(
    reader: &TreeReader,
    pack_ref: &PackRef,
    known: &Known,
) -> Result<Option<PackDocument>, ReadError> {
    known
        .packs
        .get(pack_ref)
        .map(|facts| reader.pack(pack_ref, &facts.pointer))
        .transpose()
}
