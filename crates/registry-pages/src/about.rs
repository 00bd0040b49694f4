//! The page that says how people and programs use the registry: commands, feeds, files, trust.

use serde::Serialize;

use crate::shell::quote;
use crate::site::{Frame, Place, Site};
use crate::text::clean;

/// Path of the page, from the root of the tree.
pub const ABOUT_PAGE: &str = "about/index.html";

/// What the template shows.
#[derive(Debug, Serialize)]
pub(crate) struct AboutView {
    frame: Frame,
    description: String,
    /// Address of the registry as one word of a shell; `URL` where nobody said it.
    address: String,
    /// Base of the addresses that are shown, with a slash behind.
    base: String,
}

impl AboutView {
    pub(crate) fn new(site: &Site) -> Self {
        let base = site.canonical_base();
        let place = Place {
            root: "../".to_owned(),
            path: "about/",
            twin: Some("registry.json"),
        };
        let title = "About this registry";
        let given = site.install_registry_hint.as_deref().or(base.as_deref());
        let address = given.and_then(quote);
        Self {
            frame: site.frame(&place, title, "Commands, feeds and files of this registry"),
            description: clean(site.registry.description.trim()).into_owned(),
            address: address.map_or_else(|| "URL".to_owned(), std::borrow::Cow::into_owned),
            base: base.unwrap_or_else(|| "URL/".to_owned()),
        }
    }
}
