//! Searching a registry: `SearchHit` is one line of the answer.
//!
//! A tree has a search index, of which the files that a question needs are read (`pack_search`). Where there
//! is none, `index.json` is searched.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use pack_format::entry::IndexEntry;
use pack_format::{PackRef, Version};
use pack_search::{
    FORMAT, HEAD, Head, Hit, Match, PackRow, Query, RANK, Ranks, Table, WordFile, table_path,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::documents::{Documents, Freshness};
use crate::registry_error::RegistryError;
use crate::reporter::Reporter;

/// Most packs that one registry answers with (inclusive).
pub const MAX_SEARCH_HITS: usize = 50;

/// Files that are fetched at a time.
const AT_ONCE: usize = 8;

/// A pack that matches a keyword.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SearchHit {
    /// The pack.
    #[serde(rename = "ref")]
    pub pack_ref: PackRef,
    /// Name people see.
    pub label: String,
    /// Newest version.
    pub version: Version,
    /// One or two sentences.
    pub description: String,
    /// Who wrote it.
    pub author: String,
    /// Keywords.
    pub keywords: Vec<String>,
    /// Name of the registry.
    pub registry: String,
    /// Why it matches, where the registry has a search index.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matched: Vec<Match>,
}

impl SearchHit {
    pub(crate) fn of(entry: &IndexEntry, registry: &str) -> Self {
        Self {
            pack_ref: entry.pack_ref.clone(),
            label: entry.label.clone(),
            version: entry.version.clone(),
            description: entry.description.clone(),
            author: entry.author.clone(),
            keywords: entry.keywords.clone(),
            registry: registry.to_owned(),
            matched: Vec::new(),
        }
    }

    fn found(hit: Hit, row: PackRow, registry: &str) -> Self {
        Self {
            pack_ref: hit.pack_ref,
            label: row.label,
            version: row.version,
            description: row.description,
            author: row.author,
            keywords: row.keywords,
            registry: registry.to_owned(),
            matched: hit.matches,
        }
    }

    pub(crate) fn bare(pack_ref: &PackRef, version: &Version, registry: &str) -> Self {
        Self {
            pack_ref: pack_ref.clone(),
            label: pack_ref.to_string(),
            version: version.clone(),
            description: String::new(),
            author: String::new(),
            keywords: Vec::new(),
            registry: registry.to_owned(),
            matched: Vec::new(),
        }
    }

    /// Whether an entry holds `needle`, which is lower case already.
    pub(crate) fn matches(entry: &IndexEntry, needle: &str) -> bool {
        let holds = |text: &str| text.to_lowercase().contains(needle);
        entry.pack_ref.as_str().contains(needle)
            || holds(&entry.label)
            || holds(&entry.description)
            || entry.keywords.iter().any(|keyword| holds(keyword))
    }
}

/// Asks the search index of a tree; `None` where there is none this program can read.
pub(crate) async fn ask(
    documents: &Documents,
    question: &str,
    registry: &str,
    reporter: &dyn Reporter,
) -> Result<Option<Vec<SearchHit>>, RegistryError> {
    let index = Index {
        documents,
        reporter,
    };
    let head: Option<Head> = index.get(HEAD).await?;
    let Some(head) = head.filter(|head| head.format == FORMAT) else {
        return Ok(None);
    };
    let query = Query::parse(question);
    let words: BTreeMap<String, WordFile> = index.all(query.files(&head)).await?;
    let ranks: Option<Ranks> = if head.rank {
        index.get(RANK).await?
    } else {
        None
    };
    let found = query.run(
        &head,
        &words,
        &ranks.unwrap_or_default(),
        0..MAX_SEARCH_HITS,
    );
    let mut paths: Vec<String> = found
        .hits
        .iter()
        .map(|hit| table_path(&head, &hit.pack_ref))
        .collect();
    paths.sort();
    paths.dedup();
    let tables: BTreeMap<String, Table> = index.all(paths).await?;
    let shown = |hit: Hit| {
        let row = tables.get(&table_path(&head, &hit.pack_ref))?;
        let row = row.get(&hit.pack_ref)?.clone();
        Some(SearchHit::found(hit, row, registry))
    };
    Ok(Some(found.hits.into_iter().filter_map(shown).collect()))
}

/// The files of an index.
struct Index<'a> {
    documents: &'a Documents,
    reporter: &'a dyn Reporter,
}

impl Index<'_> {
    /// The content of a file; `None` where there is none, or something else: some hosts answer with a page for
    /// whatever is not there.
    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, RegistryError> {
        let bytes = self
            .documents
            .get(path, Freshness::Cached, self.reporter)
            .await?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// The contents of files, by path; a few are fetched at a time.
    async fn all<T: DeserializeOwned>(
        &self,
        paths: Vec<String>,
    ) -> Result<BTreeMap<String, T>, RegistryError> {
        let fetched = stream::iter(paths).map(async |path| {
            let content = self.get(&path).await?;
            Ok::<_, RegistryError>(content.map(|content| (path, content)))
        });
        let found: Vec<Option<(String, T)>> =
            fetched.buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }
}
