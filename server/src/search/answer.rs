//! From a question to the packs that match and what is shown of them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::StatusCode;
use pack_search::{
    FORMAT, HEAD, Head, Hits, Match, PackRow, Query, RANK, Ranks, Table, WordFile, table_path,
};
use registry_pages::{Found, FoundPack};
use serde::Serialize;

use crate::parsed::ParsedFiles;
use crate::problem::Problem;

use super::question::Question;

/// What matches.
#[derive(Debug)]
pub(super) struct Answer {
    packs: Vec<(i64, FoundPack)>,
    total: usize,
    more: bool,
    partial: bool,
}

/// Answers `question` from `files`.
pub(super) async fn answer(files: &ParsedFiles, question: &Question) -> Result<Answer, Problem> {
    let head: Option<Arc<Head>> = files.get(HEAD).await?;
    let head = head
        .filter(|head| head.format == FORMAT)
        .ok_or_else(no_index)?;
    let query = Query::parse(&question.text);
    let mut words = BTreeMap::new();
    for path in query.files(&head) {
        if let Some(file) = files.get::<WordFile>(&path).await? {
            words.insert(path, file);
        }
    }
    let ranks: Option<Arc<Ranks>> = if head.rank {
        files.get(RANK).await?
    } else {
        None
    };
    let ranks = ranks.unwrap_or_default();
    let last = question.offset.saturating_add(question.limit);
    let part = |shown| query.run(&head, &words, &ranks, shown);
    if !question.by_downloads || question.offset >= SORTED {
        return shown(files, &head, part(question.offset..last)).await;
    }
    let mut answer = shown(files, &head, part(0..SORTED)).await?;
    answer
        .packs
        .sort_by_key(|(_, found)| Reverse(found.row.downloads.unwrap_or(0)));
    let mut packs: Vec<_> = answer
        .packs
        .into_iter()
        .take(last)
        .skip(question.offset)
        .collect();
    if last > SORTED {
        packs.extend(shown(files, &head, part(SORTED..last)).await?.packs);
    }
    Ok(Answer { packs, ..answer })
}

/// How many of the best matches are put into the order of downloads; the others follow as they match. To know the
/// downloads of a pack is to read of it what is shown.
const SORTED: usize = 200;

/// What is said of a tree without an index.
fn no_index() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no_search_index",
        "this registry has no search index",
    )
}

/// Looks up what is shown of the packs.
async fn shown(files: &ParsedFiles, head: &Head, hits: Hits) -> Result<Answer, Problem> {
    let mut packs = Vec::with_capacity(hits.hits.len());
    for hit in hits.hits {
        let table = files.get::<Table>(&table_path(head, &hit.pack_ref)).await?;
        // While a tree is rewritten, a word may know a pack sooner than its table.
        if let Some(row) = table.and_then(|table| table.get(&hit.pack_ref).cloned()) {
            let found = FoundPack {
                pack_ref: hit.pack_ref,
                row,
                matches: hit.matches,
            };
            packs.push((hit.score, found));
        }
    }
    Ok(Answer {
        packs,
        total: hits.total,
        more: hits.more,
        partial: hits.partial,
    })
}

/// `/api/v1/search`.
#[derive(Serialize)]
struct Document<'a> {
    query: &'a str,
    total: usize,
    more: bool,
    partial: bool,
    offset: usize,
    limit: usize,
    packs: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(rename = "ref")]
    pack_ref: &'a str,
    #[serde(flatten)]
    shown: &'a PackRow,
    score: i64,
    matched: &'a [Match],
}

impl Answer {
    /// As a document for programs.
    pub(super) fn json(&self, question: &Question) -> String {
        let packs = self.packs.iter().map(|(score, found)| Row {
            pack_ref: found.pack_ref.as_str(),
            shown: &found.row,
            score: *score,
            matched: &found.matches,
        });
        let document = Document {
            query: &question.text,
            total: self.total,
            more: self.more,
            partial: self.partial,
            offset: question.offset,
            limit: question.limit,
            packs: packs.collect(),
        };
        // Texts and numbers are always JSON.
        let mut text = serde_json::to_string(&document).unwrap_or_default();
        text.push('\n');
        text
    }

    /// As the page for people shows it.
    pub(super) fn for_page(self, question: &Question) -> Found {
        Found {
            question: question.text.clone(),
            by_downloads: question.by_downloads,
            packs: self.packs.into_iter().map(|(_, found)| found).collect(),
            page: question.page(),
            total: self.total,
            more: self.more,
            partial: self.partial,
        }
    }
}
