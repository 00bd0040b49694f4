//! The pages and feeds that list packs, and the files that every page shares.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use registry_pages::{PackGroup, PackList, Renderer, Site, feeds};
use registry_tree::{Phase, TreeWriter, layout};

use crate::publish::Scope;
use crate::publish_error::PublishError;

/// What lists are made with.
pub(crate) struct Lists<'a> {
    writer: &'a TreeWriter,
    renderer: &'a Renderer,
    site: &'a Site,
    /// What there is to be.
    paths: Mutex<BTreeSet<String>>,
}

impl<'a> Lists<'a> {
    pub(crate) fn new(writer: &'a TreeWriter, renderer: &'a Renderer, site: &'a Site) -> Self {
        Self {
            writer,
            renderer,
            site,
            paths: Mutex::default(),
        }
    }

    /// Stages what lists the packs of `list` and does not say the same as for `before`; returns the paths of all
    /// of it.
    ///
    /// # Errors
    /// [`PublishError`].
    pub(crate) fn stage(
        self,
        list: &PackList,
        before: &PackList,
        scope: Scope,
    ) -> Result<BTreeSet<String>, PublishError> {
        for asset in self.renderer.assets() {
            self.writer
                .put_text(Phase::Object, &asset.path, &asset.bytes)?;
        }
        (1..=list.pages()).into_par_iter().try_for_each(|number| {
            let path = PackList::page_path(number);
            if scope == Scope::Changed && !list.page_differs(before, number) {
                self.note(path);
                return Ok(());
            }
            self.put(path, &self.renderer.home(self.site, list, number)?)
        })?;
        self.groups(list, before, scope)?;
        self.put(
            layout::SEARCH_PAGE.to_owned(),
            &self.renderer.search(self.site)?,
        )?;
        self.put("404.html".to_owned(), &self.renderer.not_found(self.site)?)?;
        for (path, bytes) in feeds::of_registry(self.site, list) {
            self.put(path, &bytes)?;
        }
        Ok(self
            .paths
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner))
    }

    fn groups(&self, list: &PackList, before: &PackList, scope: Scope) -> Result<(), PublishError> {
        let is_lost = |path: &str| self.writer.size_of(path).is_none_or(|size| size == 0);
        let pages: Vec<(&PackGroup, usize, bool)> = list.group_pages(before);
        pages
            .into_par_iter()
            .try_for_each(|(group, page, differs)| {
                let path = group.path(page);
                let stays = match scope {
                    Scope::Changed => !differs,
                    Scope::Heal => !differs && !is_lost(&path),
                    Scope::AllPages => false,
                };
                if stays {
                    self.note(path);
                    return Ok(());
                }
                let html = self.renderer.group(self.site, list, group, page)?;
                self.put(path, &html)
            })
    }

    fn put(&self, path: String, bytes: &[u8]) -> Result<(), PublishError> {
        self.writer.put_text(Phase::View, &path, bytes)?;
        self.note(path);
        Ok(())
    }

    fn note(&self, path: String) {
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        paths.insert(path);
    }
}
