//! The page of a search: to be filled by its script, or with the answer of a server.

use std::collections::BTreeSet;

use pack_format::PackRef;
use pack_search::{Match, PackRow};
use serde::Serialize;

use crate::facets::license_label;
use crate::site::{Frame, Place, Site};
use crate::text::{Moment, Tile, clean, counted, grouped, one_line};

/// Path of the page that searches in the browser, from the root of the tree.
pub const SEARCH_PAGE: &str = "search/index.html";

/// Packs on one page of an answer.
pub const FOUND_PER_PAGE: usize = 20;

/// Characters of a question that a page shows (inclusive).
const MAX_QUESTION_CHARS: usize = 200;

/// The answer to a question.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// What was asked.
    pub question: String,
    /// Whether those that are downloaded most come first.
    pub by_downloads: bool,
    /// Those of the page, in order.
    pub packs: Vec<FoundPack>,
    /// Number of the page, from one.
    pub page: usize,
    /// How many match.
    pub total: usize,
    /// Whether there may be more.
    pub more: bool,
    /// Whether no pack has every word.
    pub partial: bool,
}

/// A pack that matches.
#[derive(Debug, Clone)]
pub struct FoundPack {
    /// The pack.
    pub pack_ref: PackRef,
    /// What is shown of it.
    pub row: PackRow,
    /// Why it matches.
    pub matches: Vec<Match>,
}

/// What the template shows.
#[derive(Debug, Serialize)]
pub(crate) struct SearchView<'a> {
    frame: Frame,
    /// Whether the script fills the page.
    to_fill: bool,
    count: String,
    rows: Vec<FoundRow<'a>>,
    /// The same question in the order of downloads, or by how well packs match: address and whether it is this page.
    orders: Vec<(&'static str, String, bool)>,
    before: Option<String>,
    after: Option<String>,
}

#[derive(Debug, Serialize)]
struct FoundRow<'a> {
    pack_ref: &'a str,
    href: String,
    label: std::borrow::Cow<'a, str>,
    tile: Tile,
    version: String,
    description: std::borrow::Cow<'a, str>,
    why: String,
    author: std::borrow::Cow<'a, str>,
    license: Option<std::borrow::Cow<'a, str>>,
    downloads: Option<String>,
    published: Moment,
    deprecated: bool,
    yanked: bool,
}

impl<'a> SearchView<'a> {
    pub(crate) fn to_fill(site: &Site) -> Self {
        Self {
            frame: frame(site, "../", ""),
            to_fill: true,
            count: "Type what you look for.".to_owned(),
            rows: Vec::new(),
            orders: Vec::new(),
            before: None,
            after: None,
        }
    }

    pub(crate) fn of(site: &Site, found: &'a Found) -> Self {
        let page = found.page.max(1);
        let pages = found.total.div_ceil(FOUND_PER_PAGE);
        let question = |by_downloads: bool, page: Option<usize>| {
            let mut pairs = url::form_urlencoded::Serializer::new(String::new());
            pairs.append_pair("q", &found.question);
            if by_downloads {
                pairs.append_pair("sort", "downloads");
            }
            if let Some(page) = page {
                pairs.append_pair("page", &page.to_string());
            }
            format!("search?{}", pairs.finish())
        };
        let address = |page: usize| question(found.by_downloads, Some(page));
        let is_counted = found.packs.iter().any(|pack| pack.row.downloads.is_some());
        let orders = [("relevance", false), ("downloads", true)];
        let orders = orders
            .map(|(name, by)| (name, question(by, None), by == found.by_downloads))
            .into_iter()
            .filter(|_| found.total > 1 && is_counted);
        Self {
            frame: frame(site, "", &found.question),
            to_fill: false,
            count: count(found),
            rows: found.packs.iter().map(FoundRow::new).collect(),
            orders: orders.collect(),
            before: (page > 1).then(|| address(page - 1)),
            after: (page < pages).then(|| address(page + 1)),
        }
    }
}

fn frame(site: &Site, root: &str, question: &str) -> Frame {
    let place = Place {
        root: root.to_owned(),
        path: "search/",
        twin: None,
    };
    let mut frame = site.frame(&place, "Search", "");
    frame.question = one_line(question, MAX_QUESTION_CHARS);
    frame
}

fn count(found: &Found) -> String {
    let total = found.total as u64;
    let number = if found.more {
        format!("{} or more packs", grouped(total))
    } else {
        counted(total, "pack")
    };
    match (found.question.trim().is_empty(), total, found.partial) {
        (true, ..) => "Type what you look for.".to_owned(),
        (_, 0, _) => "No pack matches. Try fewer or other words.".to_owned(),
        (_, _, true) => format!("No pack has every word. {number} with some of them."),
        (_, _, false) => number,
    }
}

impl<'a> FoundRow<'a> {
    fn new(found: &'a FoundPack) -> Self {
        let row = &found.row;
        let mut told = BTreeSet::new();
        let why: Vec<String> = found
            .matches
            .iter()
            .map(ToString::to_string)
            .filter(|why| told.insert(why.clone()))
            .collect();
        let stated = license_label(&row.license) == row.license;
        Self {
            pack_ref: found.pack_ref.as_str(),
            href: format!("packs/{}/index.html", found.pack_ref),
            label: clean(&row.label),
            tile: Tile::new(found.pack_ref.as_str(), &row.label).with_icon("", row.icon.as_deref()),
            version: row.version.to_string(),
            description: clean(&row.description),
            why: why.join(", "),
            author: clean(&row.author),
            license: stated.then(|| clean(&row.license)),
            downloads: row.downloads.map(grouped),
            published: row.published_at.into(),
            deprecated: row.deprecated,
            yanked: row.yanked,
        }
    }
}
