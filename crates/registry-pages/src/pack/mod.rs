//! `PackPage`: everything the page of one pack is made of, and the view its template gets.

use std::borrow::Cow;
use std::collections::BTreeSet;

use minijinja::Value;
use pack_format::PackRef;
use pack_format::documents::{PackDocument, VersionDocument};
use serde::Serialize;

use crate::facets::license_label;
use crate::groups::{GroupKind, address};
use crate::limits::{MAX_LINKED_PACKS, MAX_NAMES, first};
use crate::link::{mail_address, web_url};
use crate::pack::changes::Step;
use crate::pack::components::KindView;
use crate::pack::downloads::Recent;
use crate::pack::drawing::Drawing;
use crate::pack::files::FileTable;
use crate::pack::flow::Flow;
use crate::pack::history::{Need, VersionRow};
use crate::pack::install::Way;
use crate::pack::origin::Origin;
use crate::pack::references::{Reference, References};
use crate::pack::schema::{RowBudget, SchemaTable};
use crate::readme;
use crate::site::{Frame, Place, Site};
use crate::summary::{author_name, category, keyword_names};
use crate::text::{Moment, Tile, clean, counted, grouped, size};

pub(crate) mod changes;
mod components;
mod downloads;
mod drawing;
mod files;
mod flow;
mod history;
mod install;
mod neighbours;
pub(crate) mod origin;
mod references;
mod schema;

pub use files::FileRow;
pub(crate) use history::version_anchor;

/// What the page of one pack is made of.
#[derive(Debug, Clone, Copy)]
pub struct PackPage<'a> {
    /// The pack, every version of it.
    pub document: &'a PackDocument,
    /// README of the version a newcomer gets.
    pub readme_markdown: Option<&'a str>,
    /// Files of that version, sorted by path; absent when they are not known.
    pub files: Option<&'a [FileRow]>,
    /// Packs whose newest version needs this one, sorted.
    pub dependents: &'a [PackRef],
    /// Every pack this registry has a page for; links to other packs lead to these alone.
    pub listed: &'a BTreeSet<PackRef>,
}

/// What the template of a pack page shows.
#[derive(Debug, Serialize)]
pub(crate) struct PackView<'a> {
    frame: Frame,
    pack_ref: &'a str,
    label: Cow<'a, str>,
    tile: Tile,
    version: String,
    description: Cow<'a, str>,
    use_case: Option<Cow<'a, str>>,
    deprecation: Option<Notice<'a>>,
    gone: Option<Notice<'a>>,
    yank: Option<Notice<'a>>,
    prerelease: bool,
    ways: Vec<Way>,
    facts: Facts<'a>,
    readme: Option<Value>,
    kinds: Vec<KindView<'a>>,
    flow: Option<Flow>,
    configuration: Option<SchemaTable>,
    configuration_count: usize,
    configuration_example: String,
    versions: Vec<VersionRow<'a>>,
    version_count: usize,
    versions_omitted: usize,
    /// Whether there is a page of changes.
    compared: bool,
    requirements: Vec<String>,
    needs: Vec<Need>,
    dependents: Vec<Reference>,
    dependents_omitted: usize,
    neighbours: Option<Drawing>,
    files: Option<FileTable>,
    trust: Trust<'a>,
}

/// A banner: why, and what to use instead.
#[derive(Debug, Serialize)]
struct Notice<'a> {
    reason: Cow<'a, str>,
    successor: Option<Reference>,
}

/// The facts beside the install box.
#[derive(Debug, Serialize)]
struct Facts<'a> {
    published: Moment,
    /// Account that published it over HTTP.
    publisher: Option<Cow<'a, str>>,
    license: Cow<'a, str>,
    author: Cow<'a, str>,
    email: Option<Cow<'a, str>>,
    mail: Option<&'a str>,
    owners: Vec<Cow<'a, str>>,
    homepage: Option<WebLink<'a>>,
    repository: Option<WebLink<'a>>,
    category: Option<String>,
    author_page: String,
    category_page: String,
    keywords: Vec<Reference>,
    archive_size: Option<String>,
    /// Size and number of files, where the registry has seen them.
    contents: Option<String>,
    downloads: Option<String>,
    recent: Option<Recent>,
}

/// A foreign address: always shown, a link only when it is safe.
#[derive(Debug, Serialize)]
struct WebLink<'a> {
    text: Cow<'a, str>,
    href: Option<String>,
}

/// Where the version comes from, its digests, and the name of the file one of them belongs to.
#[derive(Debug, Serialize)]
struct Trust<'a> {
    origin: Option<Origin<'a>>,
    archive: Option<String>,
    archive_hex: Option<String>,
    archive_name: String,
    tree: Option<String>,
}

impl<'a> PackPage<'a> {
    /// What the template shows, or `None` when the document lists no version.
    pub(crate) fn view(&self, site: &Site, steps: &[Step<'_>]) -> Option<PackView<'a>> {
        let document = self.document;
        let version = document.newest()?;
        let references = References::new(&document.pack_ref, &version.components, self.listed);
        let mut budget = RowBudget::for_page();
        let (versions, versions_omitted) = history::versions(site, document, version, steps);
        let pack_ref = document.pack_ref.as_str();
        let (dependents, dependents_omitted) = first(self.dependents, MAX_LINKED_PACKS);
        Some(PackView {
            frame: frame(site, pack_ref, version),
            pack_ref,
            label: clean(&version.label),
            tile: Tile::new(pack_ref, &version.label).with_icon(
                "../../",
                version.icon.as_ref().map(|icon| icon.path.as_str()),
            ),
            version: version.version.to_string(),
            description: clean(version.description.trim()),
            use_case: use_case(version),
            deprecation: deprecation(document, &references),
            gone: gone(version),
            yank: yank(version),
            prerelease: version.version.is_prerelease(),
            ways: install::ways(site, &document.pack_ref, version),
            facts: Facts::new(document, version),
            readme: self.readme_html(),
            kinds: components::sections(
                &document.pack_ref,
                &version.components,
                &references,
                &mut budget,
            ),
            flow: Flow::new(&version.components, &references),
            configuration: SchemaTable::new("Configuration", &version.configuration, &mut budget),
            configuration_count: version.configuration.len(),
            configuration_example: schema::example(&version.configuration),
            versions,
            version_count: document.versions.len(),
            versions_omitted,
            compared: !steps.is_empty(),
            requirements: history::requirements(version),
            needs: history::needs(version, &references),
            dependents: dependents.iter().map(|d| references.pack(d)).collect(),
            dependents_omitted,
            neighbours: neighbours::draw(
                &document.pack_ref,
                version
                    .pack_dependencies()
                    .iter()
                    .map(|need| &need.pack_ref),
                self.dependents,
                self.listed,
            ),
            files: self.files.and_then(FileTable::new),
            trust: Trust::new(document, version),
        })
    }

    fn readme_html(&self) -> Option<Value> {
        let html = readme::render(self.readme_markdown?);
        (!html.trim().is_empty()).then(|| Value::from_safe_string(html))
    }
}

fn frame(site: &Site, pack_ref: &str, version: &VersionDocument) -> Frame {
    let place = Place {
        root: "../../".to_owned(),
        path: &format!("packs/{pack_ref}/"),
        twin: Some(&format!("packs/{pack_ref}.json")),
    };
    let title = format!("{} {}", version.label, version.version);
    let mut frame = site.frame(&place, &title, &version.description);
    "feed.atom".clone_into(&mut frame.feed);
    frame
}

fn use_case(version: &VersionDocument) -> Option<Cow<'_, str>> {
    let text = version.use_case.as_deref().map(|text| clean(text.trim()));
    text.filter(|text| !text.is_empty())
}

fn gone(version: &VersionDocument) -> Option<Notice<'_>> {
    version.taken_down.as_ref().map(|gone| Notice {
        reason: clean(gone.reason.trim()),
        successor: None,
    })
}

/// What was taken down says so alone.
fn yank(version: &VersionDocument) -> Option<Notice<'_>> {
    let yank = version.yanked.as_ref();
    yank.filter(|_| version.taken_down.is_none())
        .map(|yank| Notice {
            reason: clean(yank.reason.trim()),
            successor: None,
        })
}

fn deprecation<'a>(document: &'a PackDocument, references: &References<'_>) -> Option<Notice<'a>> {
    document.deprecated.as_ref().map(|d| Notice {
        reason: clean(d.reason.trim()),
        successor: d.successor.as_ref().map(|s| references.pack(s)),
    })
}

impl<'a> Facts<'a> {
    fn new(document: &'a PackDocument, version: &'a VersionDocument) -> Self {
        // The same address twice says nothing new.
        let homepage = version.homepage.as_deref();
        let homepage = homepage.filter(|h| Some(*h) != version.repository.as_deref());
        Self {
            published: version.published_at.into(),
            publisher: version.published_by.as_deref().map(clean),
            license: clean(license_label(&version.license)),
            author: clean(&version.author),
            email: version.email.as_deref().map(clean),
            mail: version.email.as_deref().and_then(mail_address),
            owners: first(&document.owners, MAX_NAMES)
                .0
                .iter()
                .map(|o| clean(o))
                .collect(),
            homepage: WebLink::new(homepage),
            repository: WebLink::new(version.repository.as_deref()),
            category: category(version),
            author_page: group_page(GroupKind::Author, &author_name(version)),
            category_page: group_page(GroupKind::Category, &category(version).unwrap_or_default()),
            keywords: keywords(version),
            archive_size: version.archive.as_ref().map(|a| size(a.size_bytes)),
            contents: contents(version),
            downloads: document.download_count().map(grouped),
            recent: document.downloads.as_ref().and_then(Recent::of),
        }
    }
}

/// Way from the page of a pack to that of a group it is in.
fn group_page(kind: GroupKind, name: &str) -> String {
    format!("../../{}", kind.path(&address(name), 1))
}

/// Keywords; those that lists know lead to their packs.
fn keywords(version: &VersionDocument) -> Vec<Reference> {
    let known = keyword_names(version);
    let page = |name: &String| {
        let name = known.iter().find(|known| *known == name)?;
        Some(group_page(GroupKind::Keyword, name))
    };
    let names = first(&version.keywords, MAX_NAMES).0.iter();
    names
        .map(|name| Reference {
            text: clean(name).into_owned(),
            href: page(name),
        })
        .collect()
}

/// `128 KB in 23 files`; a version known from an index alone has no count.
fn contents(version: &VersionDocument) -> Option<String> {
    let files = counted(version.file_count, "file");
    (version.file_count > 0).then(|| format!("{} in {files}", size(version.unpacked_bytes)))
}

impl<'a> WebLink<'a> {
    fn new(text: Option<&'a str>) -> Option<Self> {
        let text = text.filter(|t| !t.trim().is_empty())?;
        let href = web_url(text);
        let shown = match &href {
            Some(_) => text.trim_start_matches("https://").trim_end_matches('/'),
            None => text,
        };
        Some(Self {
            text: clean(shown),
            href,
        })
    }
}

impl<'a> Trust<'a> {
    fn new(document: &PackDocument, version: &'a VersionDocument) -> Self {
        let checksum = version.archive.as_ref().map(|a| &a.checksum);
        Self {
            origin: Origin::of(version),
            archive: checksum.map(ToString::to_string),
            archive_hex: checksum.map(pack_format::ArchiveDigest::to_hex),
            archive_name: format!("{}-{}.tar.gz", document.pack_ref, version.version),
            tree: version.tree.map(|tree| tree.to_string()),
        }
    }
}
