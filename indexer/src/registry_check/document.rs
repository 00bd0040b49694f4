//! One pack of a tree: its document, the views and archives of it, its entry in the index.

use std::collections::BTreeSet;

use pack_check::Diagnostic;
use pack_format::documents::{FORMAT, PackDependency, PackDocument, PackPointer, VersionDocument};
use pack_format::url_policy::UrlPolicy;
use pack_format::{ArchiveDigest, Checksum, PackRef, Version};
use pack_search::SearchRecord;
use registry_pages::PackSummary;
use registry_tree::{assemble, layout};
use serde::de::DeserializeOwned;

use crate::pack_views;

use super::archive::{self, Promise};
use super::context::{Context, count};
use super::index::Entries;
use super::rules;

/// Where archives lie.
pub(super) enum ArchiveBase {
    /// In the registry itself, below a folder with a trailing slash, or below its root.
    Here(String),
    /// Below an absolute URL with a trailing slash.
    Elsewhere(String),
}

/// What is kept of a pack.
pub(super) struct Kept {
    pub(super) versions: Vec<Version>,
    /// Components of the newest version, by kind.
    pub(super) counts: Vec<(&'static str, u64)>,
    /// Dependencies of versions that are not yanked, each with its field.
    pub(super) dependencies: Vec<(String, PackDependency)>,
    pub(super) successor: Option<PackRef>,
    /// Packs that the newest version needs.
    pub(super) needs: Vec<PackRef>,
    /// What lists say.
    pub(super) summary: Option<PackSummary>,
    /// What the search index should hold.
    pub(super) search: Option<SearchRecord>,
    /// Archives in the tree, with the sizes they should have.
    pub(super) archives: Vec<(String, u64)>,
    /// Feed and badge, with the digests they should have.
    pub(super) views: Vec<(String, ArchiveDigest)>,
}

/// Checks the pack that `packs.json` lists as `pack_ref`; `None` if its document cannot be read.
pub(super) fn check(
    context: &Context<'_>,
    pack_ref: &PackRef,
    pointer: &PackPointer,
    base: &ArchiveBase,
    index: Option<&Entries<'_>>,
) -> Option<Kept> {
    count(&context.packs, 1);
    let path = pointer.document_path(pack_ref);
    let bytes = context.document(&path)?;
    let computed = ArchiveDigest::of(&bytes);
    if computed != pointer.document {
        context.add(
            Diagnostic::new(
                rules::DOCUMENT_DIGEST,
                &path,
                format!(
                    "`packs.json` pins other bytes\n  expected  {}\n  computed  {computed}",
                    pointer.document
                ),
            )
            .with_hint("restore the document from a copy, or build the tree again"),
        );
        return None;
    }
    view(context, pack_ref, &bytes);
    let document: PackDocument = parse(context, &path, &bytes)?;
    if document.pack_ref != *pack_ref {
        let message = format!(
            "it is about another pack\n  expected  {pack_ref}\n  found     {}",
            document.pack_ref
        );
        context.add(Diagnostic::new(rules::DOCUMENT_REF, &path, message).in_field("ref"));
        return None;
    }
    count(&context.versions, document.versions.len() as u64);
    newest(context, pack_ref, pointer, &document);
    order(context, &path, &document.versions);
    if let Some(index) = index {
        index.compare(context, &document);
    }
    let mut archives = Vec::new();
    for version in &document.versions {
        sources(context, &path, version);
        for broken in pack_format::patch::violations(version) {
            let field = format!("versions.{}.patches", version.version);
            context.add(Diagnostic::new(rules::PATCH_WRONG, &path, broken).in_field(&field));
        }
        let Some(record) = &version.archive else {
            continue;
        };
        if let ArchiveBase::Here(folder) = base {
            archives.push((format!("{folder}{}", record.path), record.size_bytes));
        }
        check_archive(context, &path, &document.pack_ref, version, base);
    }
    Some(kept(document, archives))
}

fn kept(document: PackDocument, archives: Vec<(String, u64)>) -> Kept {
    let newest = document.newest();
    Kept {
        counts: newest.map_or_else(Vec::new, |newest| {
            let kinds = newest.components.by_kind();
            kinds.map(|(kind, list)| (kind, list.len() as u64)).to_vec()
        }),
        dependencies: dependencies(&document),
        needs: newest.map_or_else(Vec::new, |newest| {
            let needs = newest.pack_dependencies().iter();
            needs.map(|need| need.pack_ref.clone()).collect()
        }),
        summary: PackSummary::from_document(&document),
        search: SearchRecord::of(&document),
        views: views(&document),
        successor: document.deprecated.and_then(|d| d.successor),
        versions: document.versions.into_iter().map(|v| v.version).collect(),
        archives,
    }
}

/// Feed, badge and icons of a pack, with the digests they should have.
fn views(document: &PackDocument) -> Vec<(String, ArchiveDigest)> {
    let made = document.newest().map(|_| pack_views::of_document(document));
    let made = made.into_iter().flatten();
    let made = made.map(|(path, bytes)| (path, ArchiveDigest::of(&bytes)));
    let icons = document.versions.iter().filter_map(|v| v.icon.as_ref());
    made.chain(icons.map(|icon| (icon.path.clone(), icon.checksum)))
        .collect()
}

/// A JSON document of format 2; what is wrong with it is told.
pub(super) fn parse<T: DeserializeOwned>(
    context: &Context<'_>,
    file: &str,
    bytes: &[u8],
) -> Option<T> {
    #[derive(serde::Deserialize)]
    struct Formatted {
        format: u32,
    }
    let invalid = |e: &serde_json::Error| {
        context.add(Diagnostic::new(rules::DOCUMENT_INVALID, file, e.to_string()).at(e.line()));
    };
    let format = match serde_json::from_slice::<Formatted>(bytes) {
        Ok(formatted) => formatted.format,
        Err(e) => {
            invalid(&e);
            return None;
        }
    };
    if format != FORMAT {
        let message = format!("its format is {format}; this program reads {FORMAT}");
        context.add(
            Diagnostic::new(rules::DOCUMENT_INVALID, file, message)
                .in_field("format")
                .with_hint("update this program"),
        );
        return None;
    }
    serde_json::from_slice(bytes).map_err(|e| invalid(&e)).ok()
}

/// The same bytes are there under the name people can guess.
fn view(context: &Context<'_>, pack_ref: &PackRef, bytes: &[u8]) {
    let path = layout::pack_document(pack_ref);
    if context.document(&path).is_some_and(|view| view != bytes) {
        context.add(
            Diagnostic::new(
                rules::DOCUMENT_VIEW,
                &path,
                "its bytes are not those of the pinned document",
            )
            .with_hint("build the tree again"),
        );
    }
}

fn newest(
    context: &Context<'_>,
    pack_ref: &PackRef,
    pointer: &PackPointer,
    document: &PackDocument,
) {
    let Some(newest) = document.newest() else {
        context.breach(
            rules::DOCUMENT_POINTER,
            &pointer.document_path(pack_ref),
            "it lists no version",
        );
        return;
    };
    let says = |version: &Version, at: pack_format::Timestamp| format!("{version} of {at}");
    let (found, expected) = (
        says(&pointer.version, pointer.published_at),
        says(&newest.version, newest.published_at),
    );
    if found != expected {
        let message = format!(
            "the newest version is another one\n  expected  {expected}\n  found     {found}"
        );
        context.add(
            Diagnostic::new(rules::DOCUMENT_POINTER, layout::PACKS, message)
                .in_field(&format!("packs.{pack_ref}")),
        );
    }
}

fn order(context: &Context<'_>, path: &str, versions: &[VersionDocument]) {
    for pair in versions.windows(2) {
        let (first, second) = (&pair[0].version, &pair[1].version);
        let message = match first.cmp(second) {
            std::cmp::Ordering::Greater => continue,
            std::cmp::Ordering::Equal => format!("{first} and {second} are one version"),
            std::cmp::Ordering::Less => format!("{first} stands before {second}, which is newer"),
        };
        context.breach(rules::VERSION_ORDER, path, message);
    }
}

fn sources(context: &Context<'_>, path: &str, version: &VersionDocument) {
    for source in &version.given_sources {
        if !version.install_sources.contains(source) {
            let message = format!("`{}` was given and is not listed", source.url());
            context.add(
                Diagnostic::new(rules::VERSION_SOURCE, path, message)
                    .in_field(&format!("versions.{}.given_sources", version.version)),
            );
        }
    }
    let git = version.install_sources.iter().filter(|s| s.kind() == "git");
    count(&context.git_sources, git.count() as u64);
    let gone = version.taken_down.is_some();
    if !gone && version.archive.is_none() && version.install_sources.is_empty() {
        let message = "it has neither an archive nor an install source";
        context.add(
            Diagnostic::new(rules::VERSION_SOURCE, path, message)
                .in_field(&format!("versions.{}", version.version)),
        );
    }
}

fn check_archive(
    context: &Context<'_>,
    path: &str,
    pack_ref: &PackRef,
    version: &VersionDocument,
    base: &ArchiveBase,
) {
    let Some(record) = version
        .archive
        .as_ref()
        .filter(|_| context.options.archives)
    else {
        return;
    };
    let promise = Promise {
        file: path,
        field: format!("versions.{}.archive", version.version),
        archive: &record.path,
        pack_ref,
        version: &version.version,
        checksum: Some(Checksum::from(record.checksum)),
        size_bytes: Some(record.size_bytes),
        document: Some(version),
    };
    let body = match base {
        ArchiveBase::Here(folder) => context
            .source
            .file(&format!("{folder}{}", record.path), archive::limit()),
        ArchiveBase::Elsewhere(base) => assemble::HOSTING
            .check(&format!("{base}{}", record.path))
            .map_err(|e| e.to_string())
            .and_then(|url| context.source.url(&url, archive::limit())),
    };
    promise.check(context, body);
}

fn dependencies(document: &PackDocument) -> Vec<(String, PackDependency)> {
    let usable = document.versions.iter().filter(|v| v.yanked.is_none());
    // One finding for what every version says.
    let mut seen = BTreeSet::new();
    usable
        .flat_map(|version| {
            let field = format!("versions.{}.dependencies.packs", version.version);
            let needed = version.pack_dependencies().iter();
            needed.map(move |needed| (field.clone(), needed.clone()))
        })
        .filter(|(_, needed)| seen.insert(needed.to_string()))
        .collect()
}

/// Where the archives of a registry lie that says `base` of itself.
pub(super) fn archive_base(base: &str) -> Result<ArchiveBase, String> {
    const ANYWHERE: UrlPolicy = assemble::HOSTING;
    let slashed = if base.ends_with('/') {
        base.to_owned()
    } else {
        format!("{base}/")
    };
    if slashed.contains("://") {
        ANYWHERE.check(&slashed).map_err(|e| e.to_string())?;
        return Ok(ArchiveBase::Elsewhere(slashed));
    }
    let folder = slashed.strip_prefix("./").unwrap_or(&slashed);
    if folder.starts_with('/') || folder.split('/').any(|name| name == "..") {
        return Err("it leaves the registry".to_owned());
    }
    Ok(ArchiveBase::Here(folder.to_owned()))
}
