//! `Site`: the registry the pages belong to, and the frame that every page shares.

use pack_format::documents::RegistryDocument;
use serde::Serialize;

use crate::feeds;
use crate::link::https_base;
use crate::text::{Moment, clean, one_line};

/// What every page needs to know of its registry.
#[derive(Debug, Clone)]
pub struct Site {
    /// The registry.
    pub registry: RegistryDocument,
    /// https URL where the pages are hosted; canonical links and full archive addresses need it.
    pub base_url: Option<String>,
    /// What people pass to `--registry` to install from here; absent when this is their default.
    pub install_registry_hint: Option<String>,
}

/// Longest description in the head of a page, in characters.
const MAX_META_CHARS: usize = 200;

impl Site {
    /// The hosting URL, checked, with a trailing slash.
    pub(crate) fn canonical_base(&self) -> Option<String> {
        self.base_url.as_deref().and_then(https_base)
    }

    /// Absolute base of archive URLs, where it is known.
    pub(crate) fn archive_base(&self) -> Option<String> {
        let given = &self.registry.archive_base_url;
        https_base(given).or_else(|| {
            let base = url::Url::parse(&self.canonical_base()?).ok()?;
            https_base(base.join(given).ok()?.as_str())
        })
    }

    /// The frame of one page.
    pub(crate) fn frame(&self, place: &Place<'_>, title: &str, description: &str) -> Frame {
        let name = clean(&self.registry.name).into_owned();
        let title = one_line(title, MAX_META_CHARS);
        let root = &place.root;
        Frame {
            title: if title.is_empty() {
                name.clone()
            } else {
                format!("{title} · {name}")
            },
            description: one_line(description, MAX_META_CHARS),
            canonical: self
                .canonical_base()
                .map(|base| format!("{base}{}", place.path)),
            question: String::new(),
            twin: place.twin.map(|twin| format!("{root}{twin}")),
            feed: format!("{root}{}", feeds::REGISTRY_FEED),
            open_search: self
                .canonical_base()
                .map(|_| format!("{root}{}", feeds::OPEN_SEARCH)),
            root: root.clone(),
            name,
            updated: self.registry.updated_at.into(),
            pack_count: self.registry.pack_count,
        }
    }
}

/// Where a page lies in the tree.
pub(crate) struct Place<'a> {
    /// Way from the page to the root: empty, or `../` once per folder.
    pub(crate) root: String,
    /// Way from the root to the page, as a canonical URL ends.
    pub(crate) path: &'a str,
    /// The JSON document that says the same, from the root.
    pub(crate) twin: Option<&'a str>,
}

/// What the layout shows around every page.
#[derive(Debug, Serialize)]
pub(crate) struct Frame {
    title: String,
    description: String,
    canonical: Option<String>,
    root: String,
    name: String,
    /// What is in the box of the search.
    pub(crate) question: String,
    twin: Option<String>,
    /// Way to the feed of what the page shows.
    pub(crate) feed: String,
    /// Way to the description of the search, where there is one.
    open_search: Option<String>,
    updated: Moment,
    pack_count: u64,
}
