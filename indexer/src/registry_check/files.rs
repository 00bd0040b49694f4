//! What lies in the folder of a tree: twins, pages and their links, and what belongs to nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use pack_check::Diagnostic;
use pack_format::limits::MAX_INDEX_FILE_BYTES;
use pack_format::{ArchiveDigest, PackRef, error_chain};
use pack_fs::tree::Scan;
use rayon::prelude::*;
use registry_pages::{ABOUT_PAGE, Link, SEARCH_PAGE, SOURCE_PAGE};
use registry_tree::{layout, twin_matches};

use super::context::Context;
use super::rules;
use super::tree::Listed;

/// Suffixes of twins.
const TWINS: [&str; 2] = [".gz", ".zst"];
/// The page for what is not there.
const MISSING: &str = "404.html";
/// Pages that every tree has.
const PAGES: [&str; 5] = ["index.html", MISSING, SEARCH_PAGE, SOURCE_PAGE, ABOUT_PAGE];
/// Paths that a server answers and no file is there for.
const DYNAMIC: [&str; 3] = ["search", "source", "api"];

/// Files by path, with their sizes.
type Files<'a> = BTreeMap<&'a str, u64>;

/// Checks the files of `scan`; `listed` is what the registry lists, where it tells.
pub(super) fn check(context: &Context<'_>, scan: &Scan, listed: Option<&Listed>) {
    for (path, error) in &scan.refused {
        context.breach(rules::FILE_IRREGULAR, path, error_chain(error));
    }
    let files: Files<'_> = scan
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.size_bytes))
        .collect();
    *context.files.lock().unwrap_or_else(PoisonError::into_inner) = Some(files.len() as u64);
    if let Some(listed) = listed {
        present(context, &files, listed);
        orphans(context, &files, listed);
        derived(context, &files, listed);
    }
    let paths: Vec<&str> = files.keys().copied().collect();
    paths.par_iter().for_each(|path| {
        if let Some((plain, suffix)) = twin_of(path) {
            twin(context, &files, path, plain, suffix);
        } else if has_extension(path, "html") {
            links(context, &files, listed, path);
        }
    });
}

fn has_extension(path: &str, extension: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, e)| e == extension)
}

/// The file that `path` is a twin of, and its suffix.
fn twin_of(path: &str) -> Option<(&str, &'static str)> {
    if path.ends_with(".tar.gz") {
        return None;
    }
    TWINS
        .iter()
        .find_map(|suffix| Some((path.strip_suffix(suffix)?, *suffix)))
}

/// Checks that pages, and in a quick check archives, are there.
fn present(context: &Context<'_>, files: &Files<'_>, listed: &Listed) {
    for page in PAGES {
        if !files.contains_key(page) {
            context.breach(rules::PAGE_MISSING, page, "it is not there");
        }
    }
    for pack_ref in listed.packs.keys() {
        let page = layout::pack_page(pack_ref);
        if !files.contains_key(page.as_str()) {
            context.breach(rules::PAGE_MISSING, &page, "it is not there");
        }
    }
    if context.options.archives {
        return;
    }
    for (archive, expected) in &listed.archives {
        match files.get(archive.as_str()) {
            None => context.breach(rules::ARCHIVE_MISSING, archive, "it is not there"),
            Some(found) if found != expected => {
                let message = format!(
                    "it has another size\n  expected  {expected} bytes\n  found     {found} bytes"
                );
                context.breach(rules::ARCHIVE_SIZE, archive, message);
            }
            Some(_) => {}
        }
    }
}

fn orphans(context: &Context<'_>, files: &Files<'_>, listed: &Listed) {
    let superseded = context.source.superseded();
    let documents: BTreeSet<String> = listed
        .packs
        .iter()
        .map(|(pack_ref, pointer)| pointer.document_path(pack_ref))
        .collect();
    let of_listed_pack = |rest: &str| {
        let name = rest.split('/').next().unwrap_or_default();
        let name = name.strip_suffix(".json").unwrap_or(name);
        let pack_ref: Option<PackRef> = name.parse().ok();
        pack_ref.is_some_and(|pack_ref| listed.packs.contains_key(&pack_ref))
    };
    let is_search_file = |plain: &str| {
        let expected = listed.search.as_ref();
        expected.is_none_or(|expected| expected.contains_key(plain))
    };
    for path in files.keys() {
        let plain = twin_of(path).map_or(*path, |(plain, _)| plain);
        let Some((folder, rest)) = plain.split_once('/') else {
            continue;
        };
        let belongs = superseded.contains(plain)
            || match folder {
                "docs" => documents.contains(plain),
                "archives" => listed.incomplete || listed.archives.contains_key(plain),
                layout::ICONS => listed.incomplete || listed.views.contains_key(plain),
                "packs" => of_listed_pack(rest),
                "search" => plain == SEARCH_PAGE || is_search_file(plain),
                layout::CHANGES => {
                    let changes = listed.changes.as_ref();
                    changes.is_none_or(|changes| changes.contains(plain))
                }
                "authors" | "categories" | "keywords" | "page" | "sorted" => {
                    let lists = listed.lists.as_ref();
                    lists.is_none_or(|lists| lists.contains(plain))
                }
                _ => true,
            };
        if !belongs {
            context.add(
                Diagnostic::new(rules::FILE_ORPHAN, path, "no listed pack needs it")
                    .with_hint("remove it if you know where it comes from"),
            );
        }
    }
}

/// Checks that the search index, feeds and badges are those of the listed packs.
fn derived(context: &Context<'_>, files: &Files<'_>, listed: &Listed) {
    let search = listed.search.iter().flatten();
    let search = search.map(|file| (file, rules::SEARCH_STALE, "hold the words of"));
    let views = listed.views.iter();
    let views = views.map(|file| (file, rules::VIEW_STALE, "say what is said of"));
    for ((path, expected), rule, what) in search.chain(views) {
        let wrong = |path: &str, message: String| {
            context.add(Diagnostic::new(rule, path, message).with_hint("build the tree again"));
        };
        if !files.contains_key(path.as_str()) {
            wrong(path, "it is not there".to_owned());
        } else if let Some(bytes) = read(context, path) {
            let found = ArchiveDigest::of(&bytes);
            if found != *expected {
                let message = format!(
                    "it does not {what} the listed packs\n  expected  {expected}\n  found     {found}"
                );
                wrong(path, message);
            }
        }
    }
}

fn read(context: &Context<'_>, path: &str) -> Option<Vec<u8>> {
    match context.read(path, MAX_INDEX_FILE_BYTES) {
        Ok(bytes) => bytes,
        Err(reason) => {
            context.breach(rules::FILE_UNREADABLE, path, reason);
            None
        }
    }
}

fn twin(context: &Context<'_>, files: &Files<'_>, path: &str, plain: &str, suffix: &str) {
    if !files.contains_key(plain) {
        let message = format!("`{plain}` is not there");
        context.breach(rules::FILE_ORPHAN, path, message);
        return;
    }
    let (Some(packed), Some(text)) = (read(context, path), read(context, plain)) else {
        return;
    };
    if !twin_matches(suffix, &packed, &text) {
        context.add(
            Diagnostic::new(
                rules::TWIN_STALE,
                path,
                format!("it does not unpack to `{plain}`"),
            )
            .with_hint("remove it, or build the tree again"),
        );
    }
}

fn links(context: &Context<'_>, files: &Files<'_>, listed: Option<&Listed>, page: &str) {
    let Some(html) = read(context, page) else {
        return;
    };
    let mut told = BTreeSet::new();
    for Link { target, line } in registry_pages::links(&String::from_utf8_lossy(&html)) {
        let Some(path) = resolve(page, &target) else {
            continue;
        };
        let path = match path {
            // Hosts show this page at any address, so its links begin at the root of the host.
            Ok(path) if page == MISSING => {
                let folder = listed.map_or("", |listed| listed.host_folder.as_str());
                path.strip_prefix(folder).unwrap_or(&path).to_owned()
            }
            Ok(path) => path,
            Err(reason) => {
                let message = format!("`{target}` {reason}");
                context.add(Diagnostic::new(rules::LINK_BROKEN, page, message).at(line));
                continue;
            }
        };
        let dynamic = path
            .split('/')
            .next()
            .is_some_and(|top| DYNAMIC.contains(&top));
        // That a document or an archive is missing is told where it is named.
        let told_elsewhere = listed.is_some_and(|listed| {
            let document = |path: &str| {
                let name = path.strip_prefix("packs/")?.strip_suffix(".json")?;
                name.parse::<PackRef>().ok()
            };
            listed.archives.contains_key(path.as_str())
                || document(&path).is_some_and(|r| listed.packs.contains_key(&r))
        });
        let there = dynamic
            || told_elsewhere
            || files.contains_key(path.as_str())
            || files.contains_key(format!("{path}index.html").as_str())
                && (path.is_empty() || path.ends_with('/'));
        if !there && told.insert(path) {
            let message = format!("`{target}` leads nowhere");
            context.add(Diagnostic::new(rules::LINK_BROKEN, page, message).at(line));
        }
    }
}

/// The file of the tree a link on `page` leads to; `None` if it leads elsewhere.
fn resolve(page: &str, target: &str) -> Option<Result<String, &'static str>> {
    // Any base will do: what stays on it is in the tree.
    const BASE: &str = "https://tree.invalid/";
    let base = url::Url::parse(BASE)
        .and_then(|base| base.join(page))
        .ok()?;
    if target.starts_with('#') {
        return None;
    }
    let Ok(url) = base.join(target) else {
        return Some(Err("is no URL"));
    };
    if url.scheme() != base.scheme() || url.host_str() != base.host_str() {
        return None;
    }
    let path = url.path().trim_start_matches('/');
    Some(
        percent_encoding::percent_decode_str(path)
            .decode_utf8()
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| "is not UTF-8"),
    )
}
