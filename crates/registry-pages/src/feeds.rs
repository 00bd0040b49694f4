//! What programs of people read of a registry: Atom feeds, the description of its search, the map of its pages.
//!
//! Feeds work wherever a tree is put: their links are relative, their ids do not name a host. Search and map need
//! the address of the registry and are left out where it is not known.

use std::fmt::Write as _;

use pack_format::documents::{PackDocument, VersionDocument};
use pack_format::{ArchiveDigest, Timestamp};

use crate::escape::escape;
use crate::home::PackList;
use crate::site::Site;
use crate::summary::PackSummary;
use crate::text::one_line;

/// Packs or versions in a feed (inclusive).
const MAX_ENTRIES: usize = 50;

/// Addresses in one map (inclusive); the format allows 50,000.
const MAX_ADDRESSES: usize = 40_000;

/// Characters of a text in a feed (inclusive).
const MAX_TEXT_CHARS: usize = 500;

/// Characters of the name of a search (inclusive), as the format wants it.
const MAX_SHORT_NAME_CHARS: usize = 16;

const XML: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";

/// Path of the feed of a registry.
pub(crate) const REGISTRY_FEED: &str = "feed.atom";
/// Path of the description of the search.
pub(crate) const OPEN_SEARCH: &str = "opensearch.xml";

/// The files for a registry, each with its path: the feed of its packs, newest versions first, and, where its
/// address is known, `opensearch.xml` and `sitemap.xml`.
pub fn of_registry(site: &Site, packs: &PackList) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![(REGISTRY_FEED.to_owned(), feed_of_packs(site, packs.packs()))];
    if let Some(base) = site.canonical_base() {
        files.push((OPEN_SEARCH.to_owned(), open_search(site, &base)));
        files.extend(sitemaps(&base, packs.packs()));
    }
    files
}

fn feed_of_packs(site: &Site, packs: &[PackSummary]) -> Vec<u8> {
    let mut latest: Vec<&PackSummary> = packs.iter().filter(|pack| !pack.yanked).collect();
    latest.sort_by(|a, b| {
        let time = |pack: &PackSummary| pack.published_at.as_unix();
        time(b)
            .cmp(&time(a))
            .then_with(|| a.pack_ref.cmp(&b.pack_ref))
    });
    latest.truncate(MAX_ENTRIES);
    let entries = latest.iter().map(|pack| Entry {
        title: format!("{} {}", pack.label, pack.version),
        id: version_id(pack.pack_ref.as_str(), &pack.version.to_string()),
        link: format!("packs/{}/index.html", pack.pack_ref),
        updated: pack.published_at,
        author: &pack.author,
        summary: pack.description.clone(),
    });
    let first = latest.first().map(|pack| pack.published_at);
    let feed = Feed {
        title: &site.registry.name,
        id: format!("urn:attune:registry:{}", name_hash(&site.registry.name)),
        link: "index.html",
        updated: first.unwrap_or(site.registry.updated_at),
    };
    feed.write(entries)
}

/// The feed of the versions of a pack, newest publication first.
pub fn of_pack(document: &PackDocument) -> Vec<u8> {
    let pack_ref = document.pack_ref.as_str();
    let mut versions: Vec<&VersionDocument> = document.versions.iter().collect();
    // Versions of one moment stay as they are: newest version first.
    versions.sort_by_key(|version| -version.published_at.as_unix());
    versions.truncate(MAX_ENTRIES);
    let updated = |version: &VersionDocument| {
        let yanked = version.yanked.as_ref().map(|yank| yank.at);
        yanked.map_or(version.published_at, |at| at.max(version.published_at))
    };
    let entries = versions.iter().map(|version| {
        let text = version.version.to_string();
        let summary = match (&version.taken_down, &version.yanked) {
            (Some(gone), _) => format!("Taken down. {}", gone.reason),
            (None, Some(yank)) => format!("Yanked. {}", yank.reason),
            (None, None) => version.description.clone(),
        };
        Entry {
            title: format!("{} {text}", version.label),
            id: version_id(pack_ref, &text),
            link: format!("index.html#{}", crate::pack::version_anchor(version)),
            updated: updated(version),
            author: &version.author,
            summary,
        }
    });
    let label = document.newest().map_or(pack_ref, |newest| &newest.label);
    let latest = document.versions.iter().map(updated).max();
    let feed = Feed {
        title: label,
        id: format!("urn:attune:pack:{pack_ref}"),
        link: "index.html",
        updated: latest.unwrap_or(Timestamp::from_unix(0)),
    };
    feed.write(entries)
}

struct Feed<'a> {
    title: &'a str,
    id: String,
    link: &'a str,
    updated: Timestamp,
}

struct Entry<'a> {
    title: String,
    id: String,
    link: String,
    updated: Timestamp,
    author: &'a str,
    summary: String,
}

impl Feed<'_> {
    fn write<'e>(&self, entries: impl Iterator<Item = Entry<'e>>) -> Vec<u8> {
        let mut out = String::from(XML);
        out.push_str("<feed xmlns=\"http://www.w3.org/2005/Atom\">\n");
        element(&mut out, "title", self.title);
        element(&mut out, "id", &self.id);
        link(&mut out, self.link);
        element(&mut out, "updated", &self.updated.to_string());
        for entry in entries {
            out.push_str("<entry>\n");
            element(&mut out, "title", &entry.title);
            element(&mut out, "id", &entry.id);
            link(&mut out, &entry.link);
            element(&mut out, "updated", &entry.updated.to_string());
            out.push_str("<author>");
            element(&mut out, "name", entry.author);
            out.push_str("</author>\n");
            element(&mut out, "summary", &entry.summary);
            out.push_str("</entry>\n");
        }
        out.push_str("</feed>\n");
        out.into_bytes()
    }
}

/// The same wherever the pack is published.
fn version_id(pack_ref: &str, version: &str) -> String {
    format!("urn:attune:pack:{pack_ref}:{version}")
}

fn name_hash(name: &str) -> String {
    ArchiveDigest::of(name.as_bytes())
        .to_hex()
        .chars()
        .take(16)
        .collect()
}

fn element(out: &mut String, name: &str, text: &str) {
    // Writing to a string does not fail.
    let _ = write!(out, "<{name}>");
    let _ = escape(out, &plain(text));
    let _ = writeln!(out, "</{name}>");
}

fn link(out: &mut String, href: &str) {
    out.push_str("<link href=\"");
    let _ = escape(out, href);
    out.push_str("\"/>\n");
}

/// Text on one line, without what XML cannot hold.
fn plain(text: &str) -> String {
    let mut line = one_line(text, MAX_TEXT_CHARS);
    line.retain(|c| !matches!(c, '\u{fffe}' | '\u{ffff}') && !c.is_control());
    line
}

/// How browsers search this registry from their address line.
fn open_search(site: &Site, base: &str) -> Vec<u8> {
    let mut out = String::from(XML);
    out.push_str("<OpenSearchDescription xmlns=\"http://a9.com/-/spec/opensearch/1.1/\">\n");
    let name = &site.registry.name;
    element(
        &mut out,
        "ShortName",
        &one_line(name, MAX_SHORT_NAME_CHARS - 1),
    );
    element(&mut out, "Description", &format!("Search packs in {name}"));
    element(&mut out, "InputEncoding", "UTF-8");
    out.push_str("<Url type=\"text/html\" template=\"");
    let _ = escape(
        &mut out,
        &format!("{base}search/index.html?q={{searchTerms}}"),
    );
    out.push_str("\"/>\n</OpenSearchDescription>\n");
    out.into_bytes()
}

/// `sitemap.xml`: the pages of all packs, or where there are many, the maps that hold them.
fn sitemaps(base: &str, packs: &[PackSummary]) -> Vec<(String, Vec<u8>)> {
    const NAMESPACE: &str = "xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\"";
    let map = |packs: &[PackSummary], home: bool| {
        let mut out = format!("{XML}<urlset {NAMESPACE}>\n");
        if home {
            let _ = writeln!(out, "<url><loc>{}</loc></url>", escaped(base));
        }
        for pack in packs {
            let address = escaped(&format!("{base}packs/{}/", pack.pack_ref));
            let time = pack.published_at;
            let _ = writeln!(
                out,
                "<url><loc>{address}</loc><lastmod>{time}</lastmod></url>"
            );
        }
        out.push_str("</urlset>\n");
        out.into_bytes()
    };
    if packs.len() <= MAX_ADDRESSES {
        return vec![("sitemap.xml".to_owned(), map(packs, true))];
    }
    let mut files = Vec::new();
    let mut index = format!("{XML}<sitemapindex {NAMESPACE}>\n");
    for (number, part) in (1_usize..).zip(packs.chunks(MAX_ADDRESSES)) {
        let path = format!("sitemap/{number}.xml");
        let address = escaped(&format!("{base}{path}"));
        let _ = writeln!(index, "<sitemap><loc>{address}</loc></sitemap>");
        files.push((path, map(part, number == 1)));
    }
    index.push_str("</sitemapindex>\n");
    files.push(("sitemap.xml".to_owned(), index.into_bytes()));
    files
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let _ = escape(&mut out, text);
    out
}
