//! From settled documents to the tree: documents, pages and indexes, through the tree writer.
//!
//! 1. [`Publication::stage`], once per pack that may have changed and by any number of threads: its
//!    document and its page, as far as the neighbours are known. What is kept of it are facts.
//! 2. [`Publication::finish`]: with the facts of all packs, the pages that say something else of their
//!    neighbours than they did; what lists every pack; the commit.
//!
//! So one changed pack costs one document, its page, the pages of its neighbours, and the lists.

mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use pack_format::change_log::{DocumentChange, changes_between};
use pack_format::documents::{PackDocument, PackPointer, PacksDocument, RegistryDocument};
use pack_format::{ArchiveDigest, Limits, PackRef, Timestamp, canonical};
use pack_fs::FsError;
use registry_pages::{Overrides, PackPage, Renderer, Site};
use registry_tree::assemble::{self, Identity, Totals};
use registry_tree::{Phase, ReadError, TreeReader, TreeWriter, layout};

use crate::change_log::{self, Moment, PackChanges};
use crate::details::Details;
use crate::facts::{self, KeptIndex, Known, Neighbours, PackFacts, PageInputs};
use crate::icon;
use crate::pack_views;
use crate::publish_error::PublishError;
use crate::sweep;
use crate::templates;
use crate::words::WordsFile;

/// What the pages depend on besides documents: changes when templates or styles do.
pub(crate) fn fingerprint(renderer: &Renderer) -> String {
    format!("{} {}", renderer.fingerprint(), pack_search::FORMAT)
}

/// The templates in force for a tree, compiled.
///
/// # Errors
/// [`PublishError`] names a template that cannot be used.
pub(crate) fn renderer(tree: &Path) -> Result<Renderer, PublishError> {
    Ok(Renderer::with(templates::in_force(tree)?)?)
}

/// One publication into a tree.
#[derive(Debug)]
pub(crate) struct Publication<'a> {
    writer: &'a TreeWriter,
    reader: TreeReader,
    identity: Identity,
    /// Base of archive URLs in `index.json`, with a trailing slash.
    index_base: String,
    now: Timestamp,
    listed: Option<PacksDocument>,
    /// The facts of the packs as they are listed.
    known: Known,
    words: WordsFile,
    renderer: Renderer,
    site: Site,
    state: PathBuf,
}

/// What a publication is about.
pub(crate) struct About {
    pub(crate) identity: Identity,
    /// Base of archive URLs in `index.json` when no base URL is known.
    pub(crate) development_url: String,
    pub(crate) now: Timestamp,
    pub(crate) listed: Option<PacksDocument>,
    pub(crate) renderer: Renderer,
}

/// A pack whose document and page are staged.
pub(crate) struct Staged {
    pack_ref: PackRef,
    /// `None` if it lists no version any more.
    facts: Option<PackFacts>,
    /// What the page says of others.
    inputs: Option<PageInputs>,
    /// What happened since it was listed.
    changes: Vec<DocumentChange>,
}

impl Staged {
    /// The pack and its facts, unless it lists no version any more.
    pub(crate) fn facts(&self) -> Option<(&PackRef, &PackFacts)> {
        self.facts.as_ref().map(|facts| (&self.pack_ref, facts))
    }
}

/// How much of the tree is looked at beyond what was staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Nothing: what is not staged is as it was left.
    Changed,
    /// What is lost of what can be made again is made again.
    Heal,
    /// That, and every page is made again.
    AllPages,
}

/// What was taken over from packs that were staged.
#[derive(Default)]
struct Taken {
    /// What their pages say of others.
    inputs: BTreeMap<PackRef, Option<PageInputs>>,
    /// The facts they had before, if they were listed.
    replaced: BTreeMap<PackRef, Option<Box<PackFacts>>>,
}

impl Taken {
    /// The facts of all packs as they were listed, by those that are known now.
    fn before<'a>(
        &'a self,
        known: &'a BTreeMap<PackRef, PackFacts>,
    ) -> BTreeMap<&'a PackRef, &'a PackFacts> {
        let stay = known
            .iter()
            .filter(|(r, _)| !self.replaced.contains_key(*r));
        let replaced = self.replaced.iter();
        let replaced = replaced.filter_map(|(r, facts)| Some((r, &**facts.as_ref()?)));
        stay.chain(replaced).collect()
    }
}

/// What the search index must follow.
enum Searched {
    /// Only what hits show of these packs.
    Rows(BTreeSet<PackRef>),
    /// Anything.
    All,
}

/// What a publication did.
pub(crate) struct Published {
    pub(crate) files_written: usize,
    pub(crate) warnings: Vec<String>,
    pub(crate) totals: (u64, u64),
}

impl<'a> Publication<'a> {
    /// Reads what is known of the packs that the tree lists.
    ///
    /// # Errors
    /// [`PublishError`] if a document has to be read and cannot be.
    pub(crate) fn open(writer: &'a TreeWriter, about: About) -> Result<Self, PublishError> {
        let reader = TreeReader::new(writer.root());
        let state = layout::state_directory(writer.root());
        let index_base = about
            .identity
            .base_url
            .clone()
            .unwrap_or(about.development_url);
        let known = Known::load(&reader, &state, about.listed.as_ref(), &index_base)?;
        Ok(Self {
            // Of the registry, pages of packs show its name and addresses, not its numbers.
            site: site(
                assemble::registry_document(&about.identity, Totals::default(), about.now),
                &about.identity,
            ),
            writer,
            reader,
            identity: about.identity,
            index_base,
            now: about.now,
            listed: about.listed,
            known,
            words: WordsFile::new(&state),
            renderer: about.renderer,
            state,
        })
    }

    /// Whether the tree's pointers tell two states: `registry.json` is the last to be written.
    pub(crate) fn is_half(&self) -> bool {
        let told = self.reader.registry().ok().flatten();
        let told = told.map(|registry| (registry.updated_at, registry.pack_count));
        let listed = self.listed.as_ref();
        told != listed.map(|listed| (listed.updated_at, listed.packs.len() as u64))
    }

    /// What of the operator's is in the pages.
    pub(crate) fn templates(&self) -> &Overrides {
        self.renderer.overrides()
    }

    /// The facts of the packs as they are listed.
    pub(crate) fn known(&self) -> &BTreeMap<PackRef, PackFacts> {
        &self.known.packs
    }

    /// The document of a pack as it is listed.
    ///
    /// # Errors
    /// [`ReadError`] if it is listed and cannot be read.
    pub(crate) fn document(&self, pack_ref: &PackRef) -> Result<Option<PackDocument>, ReadError> {
        facts::listed_document(&self.reader, pack_ref, &self.known)
    }

    /// Stages a document and its page. `details` are those of its newest version, where they are at hand;
    /// `neighbours` what is expected of the other packs.
    ///
    /// # Errors
    /// [`PublishError`].
    pub(crate) fn stage(
        &self,
        document: &PackDocument,
        details: Option<Details>,
        neighbours: &Neighbours,
    ) -> Result<Staged, PublishError> {
        let pack_ref = document.pack_ref.clone();
        let (bytes, digest) = facts::document_bytes(document)?;
        let changes = self.changes(document, digest)?;
        let Some((facts, words)) = PackFacts::of(document, digest, &self.index_base)? else {
            return Ok(Staged {
                pack_ref,
                facts: None,
                inputs: None,
                changes,
            });
        };
        self.put_document(&pack_ref, &facts.pointer, &bytes)?;
        drop(bytes);
        let listed = self.known.packs.get(&pack_ref);
        if listed.is_none_or(|listed| listed.words != facts.words) {
            self.words.add(&words)?;
        }
        drop(words);
        let inputs = neighbours.inputs(&pack_ref, &facts);
        self.page(document, details, neighbours)?;
        Ok(Staged {
            pack_ref,
            facts: Some(facts),
            inputs: Some(inputs),
            changes,
        })
    }

    /// What happened to a pack since it was listed, by its document, whose digest is given.
    fn changes(
        &self,
        document: &PackDocument,
        digest: ArchiveDigest,
    ) -> Result<Vec<DocumentChange>, PublishError> {
        let listed = self.known.packs.get(&document.pack_ref);
        if listed.is_some_and(|listed| listed.pointer.document == digest) {
            return Ok(Vec::new());
        }
        let old = self.document(&document.pack_ref)?;
        Ok(changes_between(old.as_ref(), document))
    }

    fn put_document(
        &self,
        pack_ref: &PackRef,
        pointer: &PackPointer,
        bytes: &[u8],
    ) -> Result<(), FsError> {
        let immutable = pointer.document_path(pack_ref);
        let guessable = layout::pack_document(pack_ref);
        let names = [
            (Phase::Object, immutable.as_str()),
            (Phase::View, guessable.as_str()),
        ];
        self.writer.put_text_at(&names, bytes)
    }

    fn page(
        &self,
        document: &PackDocument,
        details: Option<Details>,
        neighbours: &Neighbours,
    ) -> Result<(), PublishError> {
        let details = if let Some(details) = details {
            details
        } else {
            let details = self.details_from_archive(document);
            icon::restore(self.writer, document, &details)?;
            details
        };
        let page = PackPage {
            document,
            readme_markdown: details.readme.as_ref().map(|(_, text)| text.as_str()),
            files: Some(&details.files),
            dependents: neighbours.dependents(&document.pack_ref),
            listed: &neighbours.listed,
        };
        pack_views::stage(self.writer, &self.renderer, &self.site, &page)
    }

    /// README and files of the newest version, read back from its archive.
    fn details_from_archive(&self, document: &PackDocument) -> Details {
        let archive = document.newest().and_then(|v| v.archive.as_ref());
        let Some(mut file) = archive.and_then(|a| self.writer.open(&a.path).ok()) else {
            return Details::default();
        };
        let mut details = Details::default();
        // A page without a file list is better than no page: what cannot be read is left out.
        let _ = pack_archive::read_archive(&mut file, &Limits::default(), &mut details);
        details.files.sort_by(|a, b| a.path.cmp(&b.path));
        details
    }

    /// Publishes what was staged. `replaced` are archives that nothing pins any more.
    ///
    /// # Errors
    /// [`PublishError`]. Before the pointers are in place the tree still says what it said.
    pub(crate) fn finish(
        mut self,
        staged: Vec<Staged>,
        replaced: Vec<String>,
        scope: Scope,
    ) -> Result<Published, PublishError> {
        let lists_packs = !self.known.packs.is_empty();
        let changes = changes_of(&staged);
        let (taken, searched) = self.take(staged, scope);
        let (registry, updated_at) = self.registry()?;
        let moment = Moment {
            at: updated_at,
            lists_packs,
        };
        let recorded = change_log::stage(self.writer, &self.reader, moment, changes)?;
        // Neither needs the other; the index is one long text.
        let (views, index) = rayon::join(
            || self.views((&taken, &searched), &registry, scope),
            || self.pointers(&registry, updated_at),
        );
        let (mut views, index) = (views?, index?);
        self.known.forget_entries();
        let lists = &mut views.lists;
        lists.paths.extend(recorded);
        if let Some(paths) = views.search.take() {
            lists.paths.extend(paths);
        } else {
            lists.paths.extend(self.search(&views.after)?);
        }
        let committed = self.writer.commit()?;
        if scope != Scope::Changed || self.writer.follows_interruption() {
            sweep::sweep(self.writer, lists)?;
        } else if committed.files_written > 0 {
            sweep::sweep_since(self.writer, &views.list_before, lists)?;
        }
        self.retire(replaced)?;
        let left_out = self.known.left_out();
        let published = Published {
            files_written: committed.files_written,
            warnings: left_out
                .map(|what| format!("{what}; `index.json` leaves it out"))
                .collect(),
            totals: (registry.pack_count, registry.version_count),
        };
        self.known.keep(&self.state, &self.index_base, index)?;
        // Letting go of ten thousand packs takes time that nobody needs to wait.
        let known = std::mem::take(&mut self.known);
        rayon::spawn(move || drop((known, taken, views)));
        Ok(published)
    }

    /// Takes the facts of what was staged; returns what they replace, and what the search index must follow.
    fn take(&mut self, staged: Vec<Staged>, scope: Scope) -> (Taken, Searched) {
        let mut taken = Taken::default();
        let mut rows = BTreeSet::new();
        // What a run that was cut left may say anything.
        let mut all = scope == Scope::AllPages || self.writer.follows_interruption();
        for pack in staged {
            let pointer = |facts: &PackFacts| facts.pointer.clone();
            let listed = self.known.packs.get(&pack.pack_ref);
            if listed.map(pointer) != pack.facts.as_ref().map(pointer) {
                let found_alike = listed
                    .zip(pack.facts.as_ref())
                    .is_some_and(|(old, new)| old.is_found_like(new));
                all |= !found_alike;
                rows.insert(pack.pack_ref.clone());
            }
            let stays = pack.facts.is_some();
            let replaced = self.known.put(&pack.pack_ref, pack.facts);
            let before = taken.replaced.entry(pack.pack_ref.clone());
            before.or_insert(replaced.map(Box::new));
            if stays {
                taken.inputs.insert(pack.pack_ref, pack.inputs);
            }
        }
        let searched = if all {
            Searched::All
        } else {
            Searched::Rows(rows)
        };
        (taken, searched)
    }

    /// A document of this publication, read back.
    fn staged_document(
        &self,
        pack_ref: &PackRef,
        pointer: &PackPointer,
    ) -> Result<PackDocument, PublishError> {
        let path = pointer.document_path(pack_ref);
        let mut bytes = Vec::new();
        self.writer
            .open(&path)?
            .read_to_end(&mut bytes)
            .map_err(|e| FsError::new("read", &self.writer.root().join(&path), e))?;
        serde_json::from_slice(&bytes).map_err(|source| PublishError::Json {
            name: pack_ref.to_string(),
            source,
        })
    }

    /// `registry.json`; its time moves only when something else does.
    fn registry(&self) -> Result<(RegistryDocument, Timestamp), PublishError> {
        let old = self.reader.registry()?;
        let totals = || {
            let mut totals = Totals::default();
            for facts in self.known.packs.values() {
                let counts = facts.summary.counts.iter();
                let counts = counts.map(|(kind, count)| (kind.as_str(), *count));
                totals.add(facts.summary.version_count, counts);
            }
            totals
        };
        let document = |time| assemble::registry_document(&self.identity, totals(), time);
        if let (Some(old), Some(listed)) = (&old, &self.listed) {
            let same = document(old.updated_at);
            if same == *old && listed.updated_at == old.updated_at && self.is_listed(listed) {
                return Ok((same, old.updated_at));
            }
        }
        let times = [
            old.as_ref().map(|r| r.updated_at),
            self.listed.as_ref().map(|l| l.updated_at),
        ];
        // Time never runs backwards in a tree, whatever the clock says.
        let updated_at = times
            .into_iter()
            .flatten()
            .max()
            .map_or(self.now, |old| old.max(self.now));
        Ok((document(updated_at), updated_at))
    }

    /// Whether `packs.json` lists exactly what is known now.
    fn is_listed(&self, listed: &PacksDocument) -> bool {
        let pointers = self.known.packs.iter().map(|(r, f)| (r, &f.pointer));
        listed.packs.iter().eq(pointers)
    }

    /// Stages `index.json`, `packs.json` and `registry.json`, in this order; returns what is to be noted of the first.
    fn pointers(
        &self,
        registry: &RegistryDocument,
        updated_at: Timestamp,
    ) -> Result<KeptIndex, PublishError> {
        let json = |name: &str, bytes: Result<Vec<u8>, serde_json::Error>| {
            bytes.map_err(|source| PublishError::Json {
                name: name.to_owned(),
                source,
            })
        };
        let entries = self.known.entries();
        let index = assemble::index_text(&self.identity, &self.index_base, updated_at, entries);
        let index = json(layout::INDEX, index)?;
        let (staged, digest) = rayon::join(
            || {
                let place = (Phase::Pointer, layout::INDEX);
                self.writer.put_long_text(place, &index, self.known.index())
            },
            || ArchiveDigest::of(&index),
        );
        let twin = staged?;
        drop(index);
        let pointers = self.known.packs.iter();
        let pointers = pointers.map(|(r, facts)| (r.clone(), facts.pointer.clone()));
        let packs = assemble::packs_document(pointers.collect(), updated_at);
        let packs = json(layout::PACKS, canonical::to_bytes(&packs))?;
        self.writer
            .put_text(Phase::Pointer, layout::PACKS, &packs)?;
        let registry = json(layout::REGISTRY, canonical::to_bytes(registry))?;
        self.writer
            .put_text(Phase::Pointer, layout::REGISTRY, &registry)?;
        Ok(KeptIndex { digest, twin })
    }

    /// Lets go of documents and archives that nothing pins any more, in a day's time.
    fn retire(&self, replaced: Vec<String>) -> Result<(), PublishError> {
        let Some(listed) = &self.listed else {
            return Ok(());
        };
        let current = |pack_ref: &str| self.known.packs.get(pack_ref).map(|facts| &facts.pointer);
        let before = listed.packs.iter();
        let mut superseded: Vec<String> = before
            .filter(|(pack_ref, pointer)| current(pack_ref.as_str()) != Some(pointer))
            .map(|(pack_ref, pointer)| pointer.document_path(pack_ref))
            .collect();
        superseded.extend(replaced);
        let is_shown = |path: &str| {
            let pack_ref = path.split('/').nth(1);
            let facts = pack_ref.and_then(|pack_ref| self.known.packs.get(pack_ref));
            facts.is_some_and(|facts| facts.summary.icon.as_deref() == Some(path))
        };
        let is_current = |path: &str| {
            if path.starts_with(layout::ICONS) {
                return is_shown(path);
            }
            let pack_ref =
                PackPointer::ref_of_path(path).and_then(|name| name.parse::<PackRef>().ok());
            pack_ref.is_some_and(|pack_ref| {
                let pointer = current(pack_ref.as_str());
                pointer.is_some_and(|pointer| pointer.document_path(&pack_ref) == path)
            })
        };
        Ok(self.writer.retire(&superseded, is_current, self.now)?)
    }
}

/// What happened to packs, of those to which something did.
fn changes_of(staged: &[Staged]) -> BTreeMap<PackRef, PackChanges> {
    let changed = staged.iter().filter(|pack| !pack.changes.is_empty());
    changed
        .map(|pack| {
            let document = pack.facts.as_ref().map(|facts| facts.pointer.document);
            (pack.pack_ref.clone(), (document, pack.changes.clone()))
        })
        .collect()
}

fn site(registry: RegistryDocument, identity: &Identity) -> Site {
    Site {
        registry,
        base_url: identity.base_url.clone(),
        install_registry_hint: identity.base_url.clone(),
    }
}
