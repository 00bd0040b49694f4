//! A lone `index.json` as a tree with pages: what it says, as documents, without archives of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pack_format::documents::{
    Component, Components, FORMAT, PackDocument, PackPointer, VersionDocument,
};
use pack_format::entry::{ContentItem, IndexEntry};
use pack_format::index::{self, Index, IndexError};
use pack_format::url_policy::UrlPolicy;
use pack_format::{Hint, PackRef, Timestamp, canonical};
use pack_fs::FsError;
use pack_search::SearchRecord;
use registry_pages::{PackList, PackPage, PackSummary, Renderer, Site};
use registry_tree::assemble::{self, Identity, Totals};
use registry_tree::{Phase, TreeWriter, layout};

use crate::facts::{self, Neighbours};
use crate::lists::Lists;
use crate::pack_views;
use crate::publish::Scope;
use crate::publish_error::PublishError;
use crate::search;
use crate::sweep;

/// Why an index cannot be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoneIndexError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FsError),
    /// The file is no index.
    #[error("`{}` cannot be hosted", path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// Why.
        source: IndexError,
    },
    /// The pages cannot be made.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl Hint for LoneIndexError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Index { source, .. } => source.hint(),
            Self::Publish(error) => error.hint(),
        }
    }
}

/// Makes the tree `out` of the index at `path`; its URLs must pass `policy`.
///
/// `index.json` keeps its bytes. Returns a sentence for each entry that was left out of the pages.
///
/// # Errors
/// [`LoneIndexError`]; a tree made before stays as it was.
pub fn materialise(
    path: &Path,
    out: &Path,
    policy: UrlPolicy,
) -> Result<Vec<String>, LoneIndexError> {
    let bytes = fs::read(path).map_err(|e| FsError::new("read", path, e))?;
    let read = index::read(&bytes, policy).map_err(|source| LoneIndexError::Index {
        path: path.to_owned(),
        source,
    })?;
    write_index(&read.index, &bytes, out)?;
    Ok(read
        .problems
        .iter()
        .map(|problem| format!("{problem}; it is not shown"))
        .collect())
}

/// What a tree is made of.
pub(crate) struct Contents<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) documents: &'a [PackDocument],
    pub(crate) updated_at: Timestamp,
    /// Bytes of `index.json`, where there is to be one.
    pub(crate) index: Option<&'a [u8]>,
    /// What holds the lock.
    pub(crate) command: &'a str,
    pub(crate) written: Written,
}

/// Which format clients are to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// The index: documents are there for pages only.
    Format1,
    /// The documents, pinned.
    Format2,
}

fn write_index(index: &Index, bytes: &[u8], out: &Path) -> Result<(), PublishError> {
    let documents: Vec<PackDocument> = index
        .packs
        .iter()
        .map(|entry| document(entry, index.last_updated))
        .collect();
    let identity = Identity {
        name: index.registry_name.clone(),
        description: String::new(),
        base_url: Some(index.registry_url.clone()).filter(|url| url.starts_with("https://")),
    };
    let contents = Contents {
        identity: &identity,
        documents: &documents,
        updated_at: index.last_updated,
        index: Some(bytes),
        command: "registry serve",
        written: Written::Format1,
    };
    write(&contents, out)
}

fn totals(documents: &[PackDocument]) -> Totals {
    let mut totals = Totals::default();
    for document in documents {
        let components = document.newest().map(|newest| newest.components.by_kind());
        let counts = components.iter().flatten();
        totals.add(
            document.versions.len() as u64,
            counts.map(|(kind, list)| (*kind, list.len() as u64)),
        );
    }
    totals
}

/// Writes documents without archives, their pages, and what points to them.
pub(crate) fn write(contents: &Contents<'_>, out: &Path) -> Result<(), PublishError> {
    let documents = contents.documents;
    let identity = contents.identity;
    let registry = assemble::registry_document(identity, totals(documents), contents.updated_at);
    let site = Site {
        registry,
        base_url: None,
        install_registry_hint: identity.base_url.clone(),
    };
    let writer = TreeWriter::begin(out, contents.command, Duration::from_mins(1), |_| {})?;
    let renderer = Renderer::new()?;
    let pointers = write_documents(contents, &writer, &renderer, &site)?;
    let list = PackList::new(
        documents
            .iter()
            .filter_map(PackSummary::from_document)
            .collect(),
    );
    let empty = PackList::new(Vec::new());
    let mut views = Lists::new(&writer, &renderer, &site).stage(&list, &empty, Scope::AllPages)?;
    views.paths.extend(write_search(documents, &writer)?);
    if let Some(index) = contents.index {
        writer.put_text(Phase::Pointer, layout::INDEX, index)?;
    }
    if contents.written == Written::Format2 {
        let packs = assemble::packs_document(pointers, contents.updated_at);
        writer.put_text(Phase::Pointer, layout::PACKS, &json(layout::PACKS, &packs)?)?;
        let registry = json(layout::REGISTRY, &site.registry)?;
        writer.put_text(Phase::Pointer, layout::REGISTRY, &registry)?;
    }
    writer.commit()?;
    Ok(sweep::sweep(&writer, &views)?)
}

/// The search index; returns its paths.
fn write_search(
    documents: &[PackDocument],
    writer: &TreeWriter,
) -> Result<BTreeSet<String>, PublishError> {
    let records: Vec<(&PackRef, SearchRecord)> = documents
        .iter()
        .filter_map(|document| Some((&document.pack_ref, SearchRecord::of(document)?)))
        .collect();
    let records = records
        .iter()
        .map(|(r, record)| (*r, record.indexed()))
        .collect();
    Ok(search::stage(writer, &records, &Neighbours::default())?)
}

/// Each document and its page; returns what points to the documents.
fn write_documents(
    contents: &Contents<'_>,
    writer: &TreeWriter,
    renderer: &Renderer,
    site: &Site,
) -> Result<BTreeMap<PackRef, PackPointer>, PublishError> {
    let listed: BTreeSet<PackRef> = contents
        .documents
        .iter()
        .map(|d| d.pack_ref.clone())
        .collect();
    let mut pointers = BTreeMap::new();
    for document in contents.documents {
        let page = PackPage {
            document,
            readme_markdown: None,
            files: None,
            dependents: &[],
            listed: &listed,
        };
        let name = &document.pack_ref;
        pack_views::stage(writer, renderer, site, &page)?;
        let (json, digest) = facts::document_bytes(document)?;
        let view = layout::pack_document(name);
        if contents.written == Written::Format2 {
            let object = layout::immutable_document(name, &digest);
            writer.put_text_at(&[(Phase::Object, &object), (Phase::View, &view)], &json)?;
        } else {
            writer.put_text(Phase::View, &view, &json)?;
        }
        pointers.extend(assemble::pointer(document, digest).map(|p| (name.clone(), p)));
    }
    Ok(pointers)
}

fn json<T: serde::Serialize>(name: &str, document: &T) -> Result<Vec<u8>, PublishError> {
    canonical::to_bytes(document).map_err(|source| PublishError::Json {
        name: name.to_owned(),
        source,
    })
}

/// What an entry says, as a document with one version.
fn document(entry: &IndexEntry, at: Timestamp) -> PackDocument {
    let list = |items: &[ContentItem]| {
        items
            .iter()
            .map(|item| Component {
                name: item.name.clone(),
                description: item.description.clone(),
                ..Component::default()
            })
            .collect()
    };
    let contents = &entry.contents;
    PackDocument {
        format: FORMAT,
        pack_ref: entry.pack_ref.clone(),
        deprecated: None,
        owners: Vec::new(),
        downloads: None,
        versions: vec![VersionDocument {
            version: entry.version.clone(),
            published_at: at,
            published_by: None,
            yanked: None,
            taken_down: None,
            label: entry.label.clone(),
            description: entry.description.clone(),
            use_case: entry.use_case.clone(),
            author: entry.author.clone(),
            email: entry.email.clone(),
            license: entry.license.clone(),
            homepage: entry.homepage.clone(),
            repository: entry.repository.clone(),
            keywords: entry.keywords.clone(),
            runtime_deps: entry.runtime_deps.clone(),
            dependencies: entry.dependencies.clone(),
            python: None,
            nodejs: None,
            archive: None,
            icon: None,
            install_sources: entry.install_sources.clone(),
            given_sources: Vec::new(),
            patches: Vec::new(),
            tree: None,
            store_key: None,
            file_count: 0,
            unpacked_bytes: 0,
            components: Components {
                actions: list(&contents.actions),
                sensors: list(&contents.sensors),
                triggers: list(&contents.triggers),
                rules: list(&contents.rules),
                workflows: list(&contents.workflows),
            },
            configuration: Vec::new(),
            meta: entry
                .meta
                .iter()
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
        }],
    }
}
