//! `PackList`: the list of packs behind the home page, cut into pages.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::facets::{self, Facet, license_label};
use crate::groups::{self, GroupKind, GroupView, PackGroup, Topic};
use crate::site::{Frame, Place, Site};
use crate::summary::PackSummary;
use crate::text::{Moment, Tile, clean, counted, grouped};

/// Packs on one page of the list.
pub const HOME_PAGE_SIZE: usize = 30;

/// Packs in each of the short lists beside the first page.
const SHORT_LIST: usize = 6;

/// Every pack of a registry, prepared once for all pages of the list.
///
/// Building it is O(n log n); each page then costs its own rows alone.
#[derive(Debug, Clone)]
pub struct PackList {
    packs: Vec<PackSummary>,
    facets: Vec<Facet>,
    groups: Vec<PackGroup>,
    /// Indices of the packs that are used most.
    used: Vec<usize>,
    /// Indices of the packs that were published first most recently.
    newest: Vec<usize>,
    /// Indices of the packs that have a new version, most recent first.
    updated: Vec<usize>,
}

impl PackList {
    /// Sorts the packs by ref and finds the newest and the recently updated.
    pub fn new(mut packs: Vec<PackSummary>) -> Self {
        packs.sort_by(|a, b| a.pack_ref.cmp(&b.pack_ref));
        let facets = facets::of(&packs);
        let usable = |i: &usize| packs.get(*i).is_some_and(|p| !p.deprecated && !p.yanked);
        let latest = |keep: &dyn Fn(&PackSummary) -> bool, time: &dyn Fn(&PackSummary) -> i64| {
            let mut found: Vec<(i64, usize)> = (0..packs.len())
                .filter(usable)
                .filter_map(|i| packs.get(i).filter(|p| keep(p)).map(|p| (-time(p), i)))
                .collect();
            found.sort_unstable();
            found.into_iter().take(SHORT_LIST).map(|(_, i)| i).collect()
        };
        let newest = latest(&|_| true, &|p| p.first_published_at.as_unix());
        let updated = latest(&|p| p.version_count > 1, &|p| p.published_at.as_unix());
        let groups = groups::of(&packs);
        let used = latest(&|p| p.downloads.is_some_and(|n| n > 0), &|p| {
            i64::try_from(p.downloads.unwrap_or(0)).unwrap_or(i64::MAX)
        });
        Self {
            packs,
            facets,
            groups,
            used,
            newest,
            updated,
        }
    }

    /// Number of pages, at least one.
    pub fn pages(&self) -> usize {
        self.packs.len().div_ceil(HOME_PAGE_SIZE).max(1)
    }

    /// Whether page `page` shows other things than that of `before`, an earlier list of the same registry.
    ///
    /// The first page also says what changes with every publication.
    pub fn page_differs(&self, before: &Self, page: usize) -> bool {
        page <= 1 || self.packs.len() != before.packs.len() || self.rows(page) != before.rows(page)
    }

    /// The categories, keywords and authors.
    pub fn groups(&self) -> &[PackGroup] {
        &self.groups
    }

    /// The pages of groups, each with whether it shows other things than that of `before`, an earlier list of
    /// the same registry.
    pub fn group_pages<'a>(&'a self, before: &Self) -> Vec<(&'a PackGroup, usize, bool)> {
        let known: BTreeMap<_, _> = before.groups.iter().map(|g| (g.key(), g)).collect();
        let differs = |group: &PackGroup, page: usize| {
            known.get(&group.key()).is_none_or(|old| {
                old.len() != group.len()
                    || old.name() != group.name()
                    || !old
                        .rows(&before.packs, page)
                        .eq(group.rows(&self.packs, page))
            })
        };
        let pages = |group: &'a PackGroup| (1..=group.pages()).map(move |page| (group, page));
        let pages = self.groups.iter().flat_map(pages);
        pages
            .map(|(group, page)| (group, page, differs(group, page)))
            .collect()
    }

    /// The packs, by ref.
    pub(crate) fn packs(&self) -> &[PackSummary] {
        &self.packs
    }

    /// What the template of page `page` of a group of this list shows.
    pub(crate) fn group<'a>(
        &'a self,
        site: &Site,
        group: &'a PackGroup,
        page: usize,
    ) -> GroupView<'a> {
        group.view(site, &self.packs, page)
    }

    /// The packs of page `page`.
    fn rows(&self, page: usize) -> &[PackSummary] {
        let start = (page.max(1) - 1) * HOME_PAGE_SIZE;
        let end = (start + HOME_PAGE_SIZE).min(self.packs.len());
        self.packs.get(start..end).unwrap_or_default()
    }

    /// Path of page `page`, counted from one, relative to the root of the tree.
    pub fn page_path(page: usize) -> String {
        if page <= 1 {
            "index.html".to_owned()
        } else {
            format!("page/{page}/index.html")
        }
    }

    /// What the template of page `page` shows.
    pub(crate) fn view<'a>(&'a self, site: &'a Site, page: usize) -> HomeView<'a> {
        let root = if page <= 1 { "" } else { "../../" };
        let path = if page <= 1 {
            String::new()
        } else {
            format!("page/{page}/")
        };
        let place = Place {
            root: root.to_owned(),
            path: &path,
            twin: Some("packs.json"),
        };
        let title = if page <= 1 {
            String::new()
        } else {
            format!("Packs, page {page}")
        };
        let start = (page.max(1) - 1) * HOME_PAGE_SIZE;
        let rows: Vec<Row<'_>> = self.rows(page).iter().map(|p| Row::new(p, root)).collect();
        let short = |list: &[usize]| match page {
            0 | 1 => list
                .iter()
                .filter_map(|i| self.packs.get(*i))
                .map(|p| Row::new(p, root))
                .collect(),
            _ => Vec::new(),
        };
        let topics = |kind| match page {
            0 | 1 => groups::topics(&self.groups, kind),
            _ => Vec::new(),
        };
        HomeView {
            frame: site.frame(&place, &title, &site.registry.description),
            description: clean(&site.registry.description).into_owned(),
            stats: if page <= 1 { stats(site) } else { Vec::new() },
            first: grouped(start as u64 + 1),
            last: grouped((start + rows.len()) as u64),
            total: grouped(self.packs.len() as u64),
            rows,
            facets: if page <= 1 { &self.facets } else { &[] },
            newest: short(&self.newest),
            used: short(&self.used),
            by_downloads: (self.groups.iter())
                .find(|group| group.key().0 == GroupKind::Order)
                .map(|group| format!("{root}{}", group.path(1))),
            categories: topics(GroupKind::Category),
            keywords: topics(GroupKind::Keyword),
            updated: short(&self.updated),
            page,
            pages: self.pages(),
            links: page_links(page, self.pages(), |n| {
                format!("{root}{}", Self::page_path(n))
            }),
        }
    }
}

/// The numbers under the headline.
fn stats(site: &Site) -> Vec<String> {
    let registry = &site.registry;
    let mut stats = vec![
        counted(registry.pack_count, "pack"),
        counted(registry.version_count, "version"),
    ];
    for kind in ["action", "sensor", "trigger", "rule", "workflow"] {
        let count = registry
            .component_counts
            .get(&format!("{kind}s"))
            .copied()
            .unwrap_or(0);
        if count > 0 {
            stats.push(counted(count, kind));
        }
    }
    stats
}

/// What a page of the list shows.
#[derive(Debug, Serialize)]
pub(crate) struct HomeView<'a> {
    frame: Frame,
    description: String,
    stats: Vec<String>,
    rows: Vec<Row<'a>>,
    facets: &'a [Facet],
    newest: Vec<Row<'a>>,
    used: Vec<Row<'a>>,
    /// The list in the order of downloads, where they are counted.
    by_downloads: Option<String>,
    categories: Vec<Topic>,
    keywords: Vec<Topic>,
    updated: Vec<Row<'a>>,
    first: String,
    last: String,
    total: String,
    page: usize,
    pages: usize,
    links: Vec<PageLink>,
}

/// A pack in a list.
#[derive(Debug, Serialize)]
pub(crate) struct Row<'a> {
    pack_ref: &'a str,
    href: String,
    label: &'a str,
    tile: Tile,
    version: String,
    description: &'a str,
    counts: Vec<String>,
    component_count: u64,
    category: &'a str,
    runtimes: &'a [String],
    license: &'a str,
    license_label: &'a str,
    downloads: Option<String>,
    download_count: u64,
    published: Moment,
    first_published: Moment,
    deprecated: bool,
    yanked: bool,
}

impl<'a> Row<'a> {
    pub(crate) fn new(pack: &'a PackSummary, root: &str) -> Self {
        let kinds = pack.counts.iter();
        Self {
            pack_ref: pack.pack_ref.as_str(),
            href: format!("{root}packs/{}/index.html", pack.pack_ref),
            label: &pack.label,
            tile: Tile::new(pack.pack_ref.as_str(), &pack.label)
                .with_icon(root, pack.icon.as_deref()),
            version: pack.version.to_string(),
            description: &pack.description,
            counts: kinds
                .map(|(kind, n)| counted(*n, kind.trim_end_matches('s')))
                .collect(),
            component_count: pack.counts.iter().map(|(_, n)| n).sum(),
            category: pack.category.as_deref().unwrap_or_default(),
            runtimes: &pack.runtimes,
            license: &pack.license,
            license_label: license_label(&pack.license),
            downloads: pack.downloads.map(grouped),
            download_count: pack.downloads.unwrap_or(0),
            published: pack.published_at.into(),
            first_published: pack.first_published_at.into(),
            deprecated: pack.deprecated,
            yanked: pack.yanked,
        }
    }
}

/// One entry of the row of page numbers.
#[derive(Debug, Serialize)]
pub(crate) struct PageLink {
    /// Page number; none stands for a gap.
    number: Option<usize>,
    href: String,
    current: bool,
}

/// First, last, current and its neighbours, with gaps between.
pub(crate) fn page_links(
    page: usize,
    pages: usize,
    address: impl Fn(usize) -> String,
) -> Vec<PageLink> {
    let mut links = Vec::new();
    let mut previous = 0;
    for number in (1..=pages).filter(|n| *n == 1 || *n == pages || n.abs_diff(page) <= 1) {
        if number > previous + 1 {
            links.push(PageLink {
                number: None,
                href: String::new(),
                current: false,
            });
        }
        links.push(PageLink {
            number: Some(number),
            href: address(number),
            current: number == page,
        });
        previous = number;
    }
    links
}
