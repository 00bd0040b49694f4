//! `PackGroup`: the packs of one category, keyword or author, or those that are downloaded most.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pack_format::ArchiveDigest;
use serde::Serialize;

use crate::home::{HOME_PAGE_SIZE, PageLink, Row, page_links};
use crate::limits::{MAX_GROUP_PAGES, MAX_TOPICS};
use crate::site::{Frame, Place, Site};
use crate::summary::PackSummary;
use crate::text::{clean, grouped};

/// Characters of a name in an address (inclusive).
const MAX_ADDRESS_CHARS: usize = 48;

/// Hexadecimal digits that tell names apart whose letters an address cannot hold.
const HASH_DIGITS: usize = 8;

/// What packs are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupKind {
    /// `meta.category`.
    Category,
    /// A keyword.
    Keyword,
    /// Who wrote the pack.
    Author,
    /// An order: of all packs, those that come first in it.
    Order,
}

/// The one order there are pages of, in addresses and in words.
const BY_DOWNLOADS: (&str, &str) = ("downloads", "by number of downloads");

impl GroupKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Category, Self::Keyword, Self::Author, Self::Order];

    /// The folder of its pages.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Category => "categories",
            Self::Keyword => "keywords",
            Self::Author => "authors",
            Self::Order => "sorted",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Category => "Category",
            Self::Keyword => "Keyword",
            Self::Author => "Author",
            Self::Order => "Packs",
        }
    }

    /// Path of page `page` of the group at `address`, from the root of the tree.
    pub(crate) fn path(self, address: &str, page: usize) -> String {
        let folder = self.folder();
        if page <= 1 {
            format!("{folder}/{address}/index.html")
        } else {
            format!("{folder}/{address}/{page}/index.html")
        }
    }

    fn names(self, pack: &PackSummary) -> Vec<&str> {
        match self {
            Self::Category => pack.category.as_deref().into_iter().collect(),
            Self::Keyword => pack.keywords.iter().map(String::as_str).collect(),
            Self::Author => vec![&pack.author],
            Self::Order => Vec::new(),
        }
    }
}

/// A name as part of an address: letters and digits of ASCII in lower case; names that differ in others get a
/// hash, and names that differ only in what is between words share one address.
pub(crate) fn address(name: &str) -> String {
    let lower = name.to_lowercase();
    let mut address = String::with_capacity(lower.len());
    for c in lower.chars().take(MAX_ADDRESS_CHARS) {
        if c.is_ascii_alphanumeric() {
            address.push(c);
        } else if !address.is_empty() && !address.ends_with('-') {
            address.push('-');
        }
    }
    let plain = address.trim_end_matches('-');
    let is_lossy = |c: char| !c.is_ascii() || "+#.*".contains(c);
    if plain.is_empty() || lower.chars().any(is_lossy) {
        let hex = ArchiveDigest::of(lower.as_bytes()).to_hex();
        let hash = hex.get(..HASH_DIGITS).unwrap_or_default();
        return format!("{plain}-{hash}").trim_start_matches('-').to_owned();
    }
    plain.to_owned()
}

/// The packs of one category, keyword or author, or those that come first in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackGroup {
    kind: GroupKind,
    address: String,
    /// As the first of its packs writes it.
    name: String,
    /// Indices into the list of packs, in the order they are shown.
    packs: Vec<usize>,
}

/// The groups of a list of packs, by kind and address.
pub(crate) fn of(packs: &[PackSummary]) -> Vec<PackGroup> {
    let mut groups: BTreeMap<(GroupKind, String), PackGroup> = BTreeMap::new();
    for (index, pack) in packs.iter().enumerate() {
        for kind in GroupKind::ALL {
            for name in kind.names(pack) {
                if name.is_empty() {
                    continue;
                }
                let address = address(name);
                let key = (kind, address.clone());
                let group = groups.entry(key).or_insert_with(|| PackGroup {
                    kind,
                    address,
                    name: name.to_owned(),
                    packs: Vec::new(),
                });
                if group.packs.last() != Some(&index) {
                    group.packs.push(index);
                }
            }
        }
    }
    groups.into_values().chain(by_downloads(packs)).collect()
}

/// The packs that are downloaded most; `None` where nothing is counted.
///
/// Counts change once a day, so that a publication leaves these pages as they are but for the one with its own row.
fn by_downloads(packs: &[PackSummary]) -> Option<PackGroup> {
    let counted = packs.iter().enumerate();
    let counted = counted.filter_map(|(index, pack)| Some((pack.downloads?, index)));
    let mut counted: Vec<(u64, usize)> = counted.filter(|(count, _)| *count > 0).collect();
    counted.sort_unstable_by_key(|(count, index)| (Reverse(*count), *index));
    counted.truncate(MAX_GROUP_PAGES * HOME_PAGE_SIZE);
    let (address, name) = BY_DOWNLOADS;
    (!counted.is_empty()).then(|| PackGroup {
        kind: GroupKind::Order,
        address: address.to_owned(),
        name: name.to_owned(),
        packs: counted.into_iter().map(|(_, index)| index).collect(),
    })
}

impl PackGroup {
    /// Number of pages, at least one; a large group is cut, and searched for the rest.
    pub fn pages(&self) -> usize {
        let pages = self.packs.len().div_ceil(HOME_PAGE_SIZE);
        pages.clamp(1, MAX_GROUP_PAGES)
    }

    /// Path of page `page`, counted from one, from the root of the tree.
    pub fn path(&self, page: usize) -> String {
        self.kind.path(&self.address, page)
    }

    /// Kind and address: the same in every list.
    pub(crate) fn key(&self) -> (GroupKind, &str) {
        (self.kind, &self.address)
    }

    pub(crate) fn len(&self) -> usize {
        self.packs.len()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The packs of page `page`.
    pub(crate) fn rows<'p>(
        &self,
        packs: &'p [PackSummary],
        page: usize,
    ) -> impl Iterator<Item = &'p PackSummary> {
        let start = (page.max(1) - 1) * HOME_PAGE_SIZE;
        let shown = self.packs.iter().skip(start).take(HOME_PAGE_SIZE);
        shown.filter_map(|index| packs.get(*index))
    }

    pub(crate) fn view<'a>(
        &'a self,
        site: &Site,
        packs: &'a [PackSummary],
        page: usize,
    ) -> GroupView<'a> {
        let path = self.path(page);
        let root = "../".repeat(path.matches('/').count());
        let place = Place {
            root: root.clone(),
            path: path.trim_end_matches("index.html"),
            twin: None,
        };
        let name = clean(&self.name).into_owned();
        let colon = if self.kind == GroupKind::Order {
            ""
        } else {
            ":"
        };
        let title = format!("{}{colon} {name}", self.kind.title());
        let rows: Vec<Row<'_>> = self.rows(packs, page).map(|p| Row::new(p, &root)).collect();
        let start = (page.max(1) - 1) * HOME_PAGE_SIZE;
        let listed = self.pages() * HOME_PAGE_SIZE;
        let links = page_links(page, self.pages(), |n| format!("{root}{}", self.path(n)));
        GroupView {
            frame: site.frame(&place, &title, &title),
            kind: self.kind.title(),
            first: grouped(start as u64 + 1),
            last: grouped((start + rows.len()) as u64),
            total: grouped(self.packs.len() as u64),
            rows,
            is_cut: self.packs.len() > listed,
            name,
            links,
        }
    }
}

/// A name with the number of its packs and the way to them.
#[derive(Debug, Serialize)]
pub(crate) struct Topic {
    name: String,
    count: String,
    href: String,
}

/// The largest groups of a kind, seen from the root.
pub(crate) fn topics(groups: &[PackGroup], kind: GroupKind) -> Vec<Topic> {
    let mut found: Vec<&PackGroup> = groups.iter().filter(|group| group.kind == kind).collect();
    found.sort_by(|a, b| {
        b.len()
            .cmp(&a.len())
            .then_with(|| a.address.cmp(&b.address))
    });
    found.truncate(MAX_TOPICS);
    let topic = |group: &PackGroup| Topic {
        name: clean(group.name()).into_owned(),
        count: grouped(group.len() as u64),
        href: group.path(1),
    };
    found.into_iter().map(topic).collect()
}

/// What a page of a group shows.
#[derive(Debug, Serialize)]
pub(crate) struct GroupView<'a> {
    frame: Frame,
    kind: &'static str,
    name: String,
    rows: Vec<Row<'a>>,
    first: String,
    last: String,
    total: String,
    /// Whether the last page is not the end of the packs.
    is_cut: bool,
    links: Vec<PageLink>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plain names read like themselves; others are told apart.
    #[test]
    fn address_is_plain_and_tells_names_apart() {
        assert_eq!(address("Chat Ops"), "chat-ops");
        assert_eq!(address("chat_ops"), "chat-ops");
        assert_eq!(address("StackStorm, Inc"), "stackstorm-inc");
        let all = [
            "C",
            "C++",
            "C#",
            "\u{65e5}\u{672c}",
            "\u{65e5}",
            "..",
            "M\u{fc}ller",
            "Muller",
        ];
        let addresses: std::collections::BTreeSet<String> = all.into_iter().map(address).collect();
        assert_eq!(addresses.len(), all.len(), "{addresses:?}");
        for address in addresses {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(
                !address.is_empty() && address.chars().all(plain),
                "{address}"
            );
        }
    }
}
