//! The pages and feeds that list packs, and the files that every page shares.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;
use registry_pages::{
    ABOUT_PAGE, PackGroup, PackList, Renderer, SEARCH_PAGE, SOURCE_PAGE, Site, feeds,
};
use registry_tree::{Phase, TreeWriter};

use crate::publish::Scope;
use crate::publish_error::PublishError;

/// What lists are made with.
pub(crate) struct Lists<'a> {
    writer: &'a TreeWriter,
    renderer: &'a Renderer,
    site: &'a Site,
    views: Mutex<Views>,
}

/// Paths of the views of a publication that are not those of one pack.
#[derive(Debug, Default)]
pub(crate) struct Views {
    pub(crate) paths: BTreeSet<String>,
    /// Those that were written and have no twins.
    pub(crate) without_twins: BTreeSet<String>,
}

/// From this size on the page of a group gets twins, in bytes: most groups have a pack or two, and there may be
/// as many as packs.
const TWINS_FROM_BYTES: usize = 8 * 1024;

impl<'a> Lists<'a> {
    pub(crate) fn new(writer: &'a TreeWriter, renderer: &'a Renderer, site: &'a Site) -> Self {
        Self {
            writer,
            renderer,
            site,
            views: Mutex::default(),
        }
    }

    /// Stages what lists the packs of `list` and does not say the same as for `before`; returns what there is
    /// to be.
    ///
    /// # Errors
    /// [`PublishError`].
    pub(crate) fn stage(
        self,
        list: &PackList,
        before: &PackList,
        scope: Scope,
    ) -> Result<Views, PublishError> {
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
        let (renderer, site) = (self.renderer, self.site);
        for (path, page) in [
            (SEARCH_PAGE, renderer.search(site)?),
            (SOURCE_PAGE, renderer.source_page(site)?),
            (ABOUT_PAGE, renderer.about(site)?),
            ("404.html", renderer.not_found(site)?),
        ] {
            self.put(path.to_owned(), &page)?;
        }
        for (path, bytes) in feeds::of_registry(self.site, list) {
            self.put(path, &bytes)?;
        }
        Ok(self
            .views
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
                if html.len() >= TWINS_FROM_BYTES {
                    return self.put(path, &html);
                }
                self.writer.put_bytes(Phase::View, &path, &html)?;
                self.views().without_twins.insert(path.clone());
                self.note(path);
                Ok(())
            })
    }

    fn put(&self, path: String, bytes: &[u8]) -> Result<(), PublishError> {
        self.writer.put_text(Phase::View, &path, bytes)?;
        self.note(path);
        Ok(())
    }

    fn note(&self, path: String) {
        self.views().paths.insert(path);
    }

    fn views(&self) -> MutexGuard<'_, Views> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
