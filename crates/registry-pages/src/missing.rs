//! The page for addresses that lead nowhere.

use serde::Serialize;

use crate::site::{Frame, Place, Site};

/// What the template shows.
#[derive(Debug, Serialize)]
pub(crate) struct MissingView {
    frame: Frame,
}

impl MissingView {
    pub(crate) fn new(site: &Site) -> Self {
        let base = site.canonical_base();
        let path = base.as_deref().and_then(|base| url::Url::parse(base).ok());
        let place = Place {
            root: path.map_or_else(|| "/".to_owned(), |url| url.path().to_owned()),
            path: "404.html",
            twin: None,
        };
        Self {
            frame: site.frame(&place, "Page not found", ""),
        }
    }
}
