//! Views that follow from the facts of all packs: pages that name neighbours, lists of packs, the search index.

use std::collections::{BTreeMap, BTreeSet};

use pack_format::PackRef;
use pack_format::documents::RegistryDocument;
use pack_search::{Indexed, SearchRecord};
use rayon::prelude::*;
use registry_pages::PackList;
use registry_tree::layout;

use super::{Publication, Scope, Searched, Taken, site};
use crate::facts::{Neighbours, PackFacts, PageInputs};
use crate::lists::{Lists, Views};
use crate::publish_error::PublishError;
use crate::search;
use crate::words::KeptWords;

/// What some views of a publication were made from, and which of them there are to be.
pub(super) struct Overview {
    pub(super) after: Neighbours,
    pub(super) list_before: PackList,
    pub(super) lists: Views,
    /// The files of the search index, if only rows of it changed.
    pub(super) search: Option<BTreeSet<String>>,
}

impl Publication<'_> {
    /// Stages the views that follow from the facts of all packs: pages that say something else of their neighbours
    /// than they did, and what lists packs.
    pub(super) fn views(
        &self,
        (taken, searched): (&Taken, &Searched),
        registry: &RegistryDocument,
        scope: Scope,
    ) -> Result<Overview, PublishError> {
        let packs_before = taken.before(&self.known.packs);
        let before = Neighbours::of_known(packs_before.iter().map(|(r, facts)| (*r, *facts)));
        let after = Neighbours::of_known(&self.known.packs);
        if scope != Scope::Changed {
            self.heal(&taken.inputs)?;
        }
        self.pages_of_neighbours(&taken.inputs, (&before, &after), scope)?;
        let (list_before, list) = rayon::join(
            || list_of(packs_before.values().copied()),
            || list_of(self.known.packs.values()),
        );
        let site = site(registry.clone(), &self.identity);
        let lists = Lists::new(self.writer, &self.renderer, &site);
        let lists = lists.stage(&list, &list_before, scope)?;
        let search = match searched {
            Searched::Rows(rows) => self.rows_of_search(rows)?,
            Searched::All => None,
        };
        // Of no more use, and large: nobody needs to wait until they are gone.
        rayon::spawn(move || drop((before, list)));
        Ok(Overview {
            after,
            list_before,
            lists,
            search,
        })
    }

    /// Checks the listed documents that are not staged, and puts their lost views back.
    fn heal(&self, staged: &BTreeMap<PackRef, Option<PageInputs>>) -> Result<(), PublishError> {
        self.known
            .packs
            .par_iter()
            .filter(|(pack_ref, _)| !staged.contains_key(*pack_ref))
            .try_for_each(|(pack_ref, facts)| {
                let bytes = self.reader.pack_bytes(pack_ref, &facts.pointer)?;
                let view = self.writer.size_of(&layout::pack_document(pack_ref));
                if view == Some(bytes.len() as u64) {
                    return Ok(());
                }
                Ok(self.put_document(pack_ref, &facts.pointer, &bytes)?)
            })
    }

    /// Makes the pages that say something else of other packs than they do, or that are lost.
    fn pages_of_neighbours(
        &self,
        staged: &BTreeMap<PackRef, Option<PageInputs>>,
        (before, after): (&Neighbours, &Neighbours),
        scope: Scope,
    ) -> Result<(), PublishError> {
        let lost = |pack_ref: &PackRef, facts: &PackFacts| {
            let is_lost = |path: &str| self.writer.size_of(path).is_none_or(|size| size == 0);
            scope != Scope::Changed
                && (is_lost(&layout::pack_page(pack_ref))
                    || facts.summary.icon.as_deref().is_some_and(is_lost))
        };
        let outdated: Vec<(&PackRef, &PackFacts)> = self
            .known
            .packs
            .par_iter()
            .filter(|(pack_ref, facts)| {
                let inputs = after.inputs(pack_ref, facts);
                match staged.get(*pack_ref) {
                    Some(rendered) => rendered.as_ref() != Some(&inputs),
                    None => {
                        scope == Scope::AllPages
                            || before.inputs(pack_ref, facts) != inputs
                            || lost(pack_ref, facts)
                    }
                }
            })
            .collect();
        let again = outdated.iter().filter(|(r, _)| staged.contains_key(*r));
        self.writer
            .withdraw(&again.map(|(r, _)| layout::pack_page(r)).collect())?;
        outdated
            .par_iter()
            .try_for_each(|(pack_ref, facts)| -> Result<(), PublishError> {
                let document = if staged.contains_key(*pack_ref) {
                    self.staged_document(pack_ref, &facts.pointer)?
                } else {
                    self.reader.pack(pack_ref, &facts.pointer)?
                };
                self.page(&document, None, after)
            })
    }

    /// Stages what hits show of these packs, in a search index of which nothing is lost; returns its paths.
    fn rows_of_search(
        &self,
        rows: &BTreeSet<PackRef>,
    ) -> Result<Option<BTreeSet<String>>, PublishError> {
        let packs = &self.known.packs;
        let paths = search::present(self.writer, packs.len());
        if paths.is_some() && !rows.is_empty() {
            let all = packs.iter().map(|(r, facts)| (r, &facts.row)).collect();
            search::stage_rows(self.writer, &all, rows)?;
        }
        Ok(paths)
    }

    /// Stages the search index, where it says something else than it did or is lost; returns its paths.
    pub(super) fn search(&self, after: &Neighbours) -> Result<BTreeSet<String>, PublishError> {
        let packs = &self.known.packs;
        let kept = self.words.read()?;
        let lost = self.lost_words(&kept)?;
        let records = packs.iter().map(|(pack_ref, facts)| {
            let words = kept.get(&facts.words);
            let words = words.or_else(|| lost.get(pack_ref).map(String::as_str));
            let words = words.unwrap_or_default();
            (
                pack_ref,
                Indexed {
                    row: &facts.row,
                    words,
                },
            )
        });
        let records: BTreeMap<&PackRef, Indexed<'_>> = records.collect();
        let paths = search::stage(self.writer, &records, after)?;
        lost.values().try_for_each(|words| self.words.add(words))?;
        self.words
            .shrink(&kept, records.values().map(|record| record.words))?;
        Ok(paths)
    }

    /// The words that are kept no more, by their packs.
    fn lost_words(&self, kept: &KeptWords) -> Result<BTreeMap<&PackRef, String>, PublishError> {
        let packs = self.known.packs.par_iter();
        packs
            .filter(|(_, facts)| kept.get(&facts.words).is_none())
            .map(|(pack_ref, facts)| {
                // Most stand in the tree already, where they are held against their pins.
                let document = match self.reader.pack(pack_ref, &facts.pointer) {
                    Ok(document) => document,
                    Err(_) => self.staged_document(pack_ref, &facts.pointer)?,
                };
                let record = SearchRecord::of(&document);
                Ok((
                    pack_ref,
                    record.map(|record| record.words).unwrap_or_default(),
                ))
            })
            .collect()
    }
}

fn list_of<'f>(packs: impl Iterator<Item = &'f PackFacts>) -> PackList {
    PackList::new(packs.map(|facts| facts.summary.clone()).collect())
}
