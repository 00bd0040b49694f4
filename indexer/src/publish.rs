//! From settled documents to the tree: documents, pages and indexes, through the tree writer.
//!
//! One changed pack costs one document, its page, and the pages of the packs it needs or that need it;
//! besides those only what lists every pack is made again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use pack_archive::{MemberPath, Sink};
use pack_format::documents::{
    PackDocument, PackPointer, PacksDocument, RegistryDocument, VersionDocument,
};
use pack_format::{ArchiveDigest, Hint, Limits, PackRef, Timestamp, canonical};
use pack_fs::FsError;
use rayon::prelude::*;
use registry_pages::{FileRow, PackList, PackPage, PackSummary, PageError, Renderer, Site};
use registry_tree::assemble::{self, Identity};
use registry_tree::{Phase, ReadError, TreeReader, TreeWriter, WriteError, layout};

use crate::pack::{Built, readme_rank, readme_text};

/// Why the tree could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// A page cannot be made.
    #[error(transparent)]
    Page(#[from] PageError),
    /// A document cannot be JSON.
    #[error("the document of `{name}` cannot be written as JSON")]
    Json {
        /// Which.
        name: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FsError),
    /// The tree cannot be changed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A document of the tree cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Hint for PublishError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Page(error) => error.hint(),
            Self::Json { .. } => None,
            Self::File(error) => error.hint(),
            Self::Write(error) => error.hint(),
            Self::Read(error) => error.hint(),
        }
    }
}

/// What the pages depend on besides documents: changes when templates or styles do.
pub(crate) fn fingerprint() -> String {
    Renderer::new().map_or_else(|_| String::new(), |renderer| renderer.fingerprint())
}

/// One publication into a tree.
pub(crate) struct Publication<'a> {
    pub(crate) writer: &'a TreeWriter,
    pub(crate) reader: &'a TreeReader,
    pub(crate) identity: &'a Identity,
    pub(crate) development_url: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) listed: Option<&'a PacksDocument>,
}

/// What a publication did.
pub(crate) struct Published {
    pub(crate) files_written: usize,
    pub(crate) warnings: Vec<String>,
    pub(crate) totals: (u64, u64),
}

/// The packs of a publication.
pub(crate) struct Packs {
    pub(crate) documents: BTreeMap<PackRef, PackDocument>,
    /// Packs whose document may differ from the listed one.
    pub(crate) touched: BTreeSet<PackRef>,
    pub(crate) built: Vec<Built>,
    /// Packs that a touched pack needed before, whose pages list it as needing them.
    pub(crate) needed_before: BTreeSet<PackRef>,
    /// Make every page again.
    pub(crate) all_pages: bool,
}

impl Publication<'_> {
    pub(crate) fn publish(&self, mut packs: Packs) -> Result<Published, PublishError> {
        for built in &mut packs.built {
            if let (Some(staged), Some(record)) = (built.archive.take(), &built.document.archive) {
                self.writer.place(Phase::Object, &record.path, staged);
            }
        }
        let replaced: Vec<String> = packs
            .built
            .iter()
            .filter_map(|b| b.replaces.clone())
            .collect();
        let (pointers, changed) = self.documents(&packs)?;
        let documents: Vec<&PackDocument> = packs.documents.values().collect();
        let (registry, updated_at) = self.registry(&documents, &pointers)?;
        let site = Site {
            registry: registry.clone(),
            base_url: self.identity.base_url.clone(),
            install_registry_hint: self.identity.base_url.clone(),
        };
        // Neither needs the other; the indexes are one long text each.
        let (pages, warnings) = rayon::join(
            || self.pages(&site, &packs, &changed),
            || self.pointers(&registry, &documents, pointers.clone(), updated_at),
        );
        pages?;
        let warnings = warnings?;
        let committed = self.writer.commit()?;
        self.retire(&pointers, replaced)?;
        Ok(Published {
            files_written: committed.files_written,
            warnings,
            totals: (registry.pack_count, registry.version_count),
        })
    }

    /// Stages the touched documents; returns every pointer, and which packs changed.
    fn documents(
        &self,
        packs: &Packs,
    ) -> Result<(BTreeMap<PackRef, PackPointer>, BTreeSet<PackRef>), PublishError> {
        let listed = |pack_ref: &PackRef| self.listed.and_then(|l| l.packs.get(pack_ref));
        let touched: Vec<&PackDocument> = packs
            .documents
            .values()
            .filter(|d| {
                packs.touched.contains(&d.pack_ref)
                    || listed(&d.pack_ref).is_none_or(|p| !self.has_view_of(&d.pack_ref, p))
            })
            .collect();
        let staged: Result<Vec<Option<(PackRef, PackPointer)>>, PublishError> = touched
            .par_iter()
            .map(|document| {
                let pack_ref = &document.pack_ref;
                let bytes =
                    canonical::to_compact_bytes(document).map_err(|source| PublishError::Json {
                        name: pack_ref.to_string(),
                        source,
                    })?;
                let digest = ArchiveDigest::of(&bytes);
                let immutable = layout::immutable_document(pack_ref, &digest);
                let guessable = layout::pack_document(pack_ref);
                let names = [
                    (Phase::Object, immutable.as_str()),
                    (Phase::View, guessable.as_str()),
                ];
                self.writer.put_text_at(&names, &bytes)?;
                Ok(assemble::pointer(document, digest).map(|p| (pack_ref.clone(), p)))
            })
            .collect();
        let mut pointers: BTreeMap<PackRef, PackPointer> =
            self.listed.map(|l| l.packs.clone()).unwrap_or_default();
        let mut changed = BTreeSet::new();
        for (pack_ref, pointer) in staged?.into_iter().flatten() {
            if pointers.get(&pack_ref) != Some(&pointer) {
                changed.insert(pack_ref.clone());
                pointers.insert(pack_ref, pointer);
            }
        }
        Ok((pointers, changed))
    }

    /// Whether `packs/<ref>.json` is there, as long as the document it repeats.
    fn has_view_of(&self, pack_ref: &PackRef, pointer: &PackPointer) -> bool {
        let view = self.writer.size_of(&layout::pack_document(pack_ref));
        view.is_some() && view == self.writer.size_of(&pointer.document_path(pack_ref))
    }

    /// `registry.json`; its time moves only when something else does.
    fn registry(
        &self,
        documents: &[&PackDocument],
        pointers: &BTreeMap<PackRef, PackPointer>,
    ) -> Result<(RegistryDocument, Timestamp), PublishError> {
        let old = self.reader.registry()?;
        let times = [
            old.as_ref().map(|r| r.updated_at),
            self.listed.map(|l| l.updated_at),
        ];
        let old_time = times.into_iter().flatten().max();
        if let (Some(old), Some(listed)) = (&old, self.listed) {
            let same = assemble::registry_document(self.identity, documents, old.updated_at);
            if same == *old && listed.packs == *pointers && listed.updated_at == old.updated_at {
                return Ok((same, old.updated_at));
            }
        }
        // Time never runs backwards in a tree, whatever the clock says.
        let updated_at = old_time.map_or(self.now, |old| old.max(self.now));
        let registry = assemble::registry_document(self.identity, documents, updated_at);
        Ok((registry, updated_at))
    }

    fn pages(
        &self,
        site: &Site,
        packs: &Packs,
        changed: &BTreeSet<PackRef>,
    ) -> Result<(), PublishError> {
        let renderer = Renderer::new()?;
        for asset in renderer.assets() {
            self.writer
                .put_text(Phase::Object, &asset.path, &asset.bytes)?;
        }
        let listed: BTreeSet<PackRef> = packs.documents.keys().cloned().collect();
        let dependents = dependents(&packs.documents);
        let built = newest_built(packs);
        let pages: Vec<&PackDocument> = packs
            .documents
            .values()
            .filter(|document| {
                packs.all_pages
                    || packs.needed_before.contains(&document.pack_ref)
                    || concerns(document, changed, &dependents, self)
            })
            .collect();
        pages
            .par_iter()
            .try_for_each(|document| -> Result<(), PublishError> {
                let details = match built.get(&document.pack_ref) {
                    Some(built) => Details {
                        readme: built.readme.clone().map(|text| (0, text)),
                        files: built.files.clone(),
                    },
                    None => self.details_from_archive(document),
                };
                let none = Vec::new();
                let page = PackPage {
                    document,
                    readme_markdown: details.readme.as_ref().map(|(_, text)| text.as_str()),
                    files: Some(&details.files),
                    dependents: dependents.get(&document.pack_ref).unwrap_or(&none),
                    listed: &listed,
                };
                let html = renderer.pack(site, &page)?;
                Ok(self.writer.put_text(
                    Phase::View,
                    &layout::pack_page(&document.pack_ref),
                    &html,
                )?)
            })?;
        let summaries = packs
            .documents
            .values()
            .filter_map(PackSummary::from_document)
            .collect();
        let list = PackList::new(summaries);
        (1..=list.pages())
            .into_par_iter()
            .try_for_each(|number| -> Result<(), PublishError> {
                let html = renderer.home(site, &list, number)?;
                Ok(self
                    .writer
                    .put_text(Phase::View, &PackList::page_path(number), &html)?)
            })?;
        let missing = renderer.not_found(site)?;
        Ok(self.writer.put_text(Phase::View, "404.html", &missing)?)
    }

    /// README and files of the newest version, read back from its archive.
    fn details_from_archive(&self, document: &PackDocument) -> Details {
        let archive = document.newest().and_then(|v| v.archive.as_ref());
        let Some(archive) = archive else {
            return Details::default();
        };
        let Ok(mut file) = File::open(self.writer.root().join(&archive.path)) else {
            return Details::default();
        };
        let mut details = Details::default();
        // A page without a file list is better than no page: what cannot be read is left out.
        let _ = pack_archive::read_archive(&mut file, &Limits::default(), &mut details);
        details.files.sort_by(|a, b| a.path.cmp(&b.path));
        details
    }

    /// Stages `index.json`, `packs.json` and `registry.json`, in this order.
    fn pointers(
        &self,
        registry: &RegistryDocument,
        documents: &[&PackDocument],
        pointers: BTreeMap<PackRef, PackPointer>,
        updated_at: Timestamp,
    ) -> Result<Vec<String>, PublishError> {
        let base_url = self
            .identity
            .base_url
            .as_deref()
            .unwrap_or(self.development_url);
        let (index, left_out) = assemble::index(self.identity, documents, base_url, updated_at);
        let json = |name: &str, bytes: Result<Vec<u8>, serde_json::Error>| {
            bytes.map_err(|source| PublishError::Json {
                name: name.to_owned(),
                source,
            })
        };
        let index = json(layout::INDEX, canonical::to_bytes(&index))?;
        self.writer
            .put_text(Phase::Pointer, layout::INDEX, &index)?;
        let packs = assemble::packs_document(pointers, updated_at);
        let packs = json(layout::PACKS, canonical::to_bytes(&packs))?;
        self.writer
            .put_text(Phase::Pointer, layout::PACKS, &packs)?;
        let registry = json(layout::REGISTRY, canonical::to_bytes(registry))?;
        self.writer
            .put_text(Phase::Pointer, layout::REGISTRY, &registry)?;
        Ok(left_out
            .into_iter()
            .map(|what| format!("{what}; `index.json` leaves it out"))
            .collect())
    }

    /// Lets go of documents and archives that nothing pins any more, in a day's time.
    fn retire(
        &self,
        pointers: &BTreeMap<PackRef, PackPointer>,
        replaced: Vec<String>,
    ) -> Result<(), PublishError> {
        let Some(listed) = self.listed else {
            return Ok(());
        };
        let path = |(pack_ref, pointer): (&PackRef, &PackPointer)| pointer.document_path(pack_ref);
        let current: BTreeSet<String> = pointers.iter().map(path).collect();
        let mut superseded: Vec<String> = listed
            .packs
            .iter()
            .map(path)
            .filter(|p| !current.contains(p))
            .collect();
        superseded.extend(replaced);
        Ok(self.writer.retire(&superseded, &current, self.now)?)
    }
}

/// What a page shows besides the document.
#[derive(Debug, Default)]
struct Details {
    /// With its rank among the files that could be it.
    readme: Option<(u8, String)>,
    files: Vec<FileRow>,
}

impl Sink for Details {
    fn directory(&mut self, _: &MemberPath) -> std::io::Result<()> {
        Ok(())
    }

    fn file(
        &mut self,
        path: &MemberPath,
        executable: bool,
        content: &mut dyn std::io::Read,
    ) -> std::io::Result<()> {
        let Some((_, path)) = path.as_str().split_once('/') else {
            std::io::copy(content, &mut std::io::sink())?;
            return Ok(());
        };
        let mut size_bytes = 0;
        if let Some(rank) = readme_rank(path)
            && self.readme.as_ref().is_none_or(|(best, _)| rank < *best)
        {
            let mut text = Vec::new();
            size_bytes += std::io::copy(content, &mut text)?;
            self.readme = Some((rank, readme_text(&text)));
        }
        size_bytes += std::io::copy(content, &mut std::io::sink())?;
        self.files.push(FileRow {
            path: path.to_owned(),
            size_bytes,
            executable,
        });
        Ok(())
    }
}

/// By pack: the packs whose newest version needs it, sorted.
fn dependents(documents: &BTreeMap<PackRef, PackDocument>) -> BTreeMap<PackRef, Vec<PackRef>> {
    let mut dependents: BTreeMap<PackRef, Vec<PackRef>> = BTreeMap::new();
    for document in documents.values() {
        for needed in document
            .newest()
            .map_or(&[][..], VersionDocument::pack_dependencies)
        {
            dependents
                .entry(needed.pack_ref.clone())
                .or_default()
                .push(document.pack_ref.clone());
        }
    }
    dependents
}

/// The packs of this build whose newest version it built.
fn newest_built(packs: &Packs) -> BTreeMap<&PackRef, &Built> {
    packs
        .built
        .iter()
        .filter(|built| {
            let newest = packs
                .documents
                .get(&built.pack_ref)
                .and_then(PackDocument::newest);
            newest.is_some_and(|newest| newest.version == *built.version())
        })
        .map(|built| (&built.pack_ref, built))
        .collect()
}

/// The packs that rules, sensors and workflows of the newest version name, by the first part of a ref.
fn mentioned(document: &PackDocument) -> impl Iterator<Item = &str> {
    let components = document.newest().map(|newest| newest.components.by_kind());
    components
        .into_iter()
        .flatten()
        .flat_map(|(_, list)| list)
        .flat_map(|component| {
            let refs = component.trigger_ref.iter().chain(&component.action_ref);
            let tasks = component
                .tasks
                .iter()
                .filter_map(|task| task.action.as_ref());
            refs.chain(&component.trigger_types)
                .chain(tasks)
                .filter_map(|name| name.split_once('.').map(|(pack, _)| pack))
        })
}

/// Whether a pack's page may differ: it changed, or one it names, needs or is needed by did.
fn concerns(
    document: &PackDocument,
    changed: &BTreeSet<PackRef>,
    dependents: &BTreeMap<PackRef, Vec<PackRef>>,
    publication: &Publication<'_>,
) -> bool {
    let needs_changed = || {
        let mut needed = document
            .versions
            .iter()
            .flat_map(VersionDocument::pack_dependencies);
        needed.any(|d| changed.contains(&d.pack_ref))
    };
    let names_changed = || mentioned(document).any(|pack| changed.contains(pack));
    let needed_by_changed = || {
        dependents
            .get(&document.pack_ref)
            .is_some_and(|all| all.iter().any(|d| changed.contains(d)))
    };
    let successor_changed = || {
        let deprecated = document.deprecated.as_ref();
        deprecated
            .and_then(|d| d.successor.as_ref())
            .is_some_and(|successor| changed.contains(successor))
    };
    changed.contains(&document.pack_ref)
        || successor_changed()
        || needs_changed()
        || names_changed()
        || needed_by_changed()
        || publication
            .writer
            .size_of(&layout::pack_page(&document.pack_ref))
            .is_none_or(|size| size == 0)
}
