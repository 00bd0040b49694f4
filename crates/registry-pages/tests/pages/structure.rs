//! What every page must have, whoever wrote the documents: one heading, landmarks, links that
//! resolve, nothing inline, sizes within their budgets, the same bytes every time.

use std::collections::BTreeSet;

use pack_format::documents::PackDocument;
use registry_pages::{
    ABOUT_PAGE, Content, FileRow, HOME_PAGE_SIZE, PackList, PackPage, PackSummary, Renderer,
    SEARCH_PAGE, SOURCE_PAGE, SourcePage,
};

use crate::support;

const CSS_BUDGET: usize = 20_000;
const JS_BUDGET: usize = 10_000;
const HOME_BUDGET: usize = 60_000;

/// Every page of a sample tree, by path.
pub(crate) fn tree(documents: &[PackDocument]) -> Vec<(String, String)> {
    let renderer = Renderer::new().unwrap();
    let site = support::site(documents.len() as u64);
    let listed = support::refs(documents);
    let files = support::files();
    let dependents = ["jira".parse().unwrap()];
    let list = PackList::new(
        documents
            .iter()
            .filter_map(PackSummary::from_document)
            .collect(),
    );
    let mut pages: Vec<(String, Vec<u8>)> = (1..=list.pages())
        .map(|n| {
            (
                PackList::page_path(n),
                renderer.home(&site, &list, n).unwrap(),
            )
        })
        .collect();
    for document in documents {
        let page = PackPage {
            document,
            readme_markdown: Some(support::README),
            files: Some(&files),
            dependents: &dependents,
            listed: &listed,
        };
        let made = renderer.pack_pages(&site, &page).unwrap();
        let folder = format!("packs/{}", document.pack_ref);
        pages.push((format!("{folder}/index.html"), made.page));
        let changes = made.changes.into_iter();
        pages.extend(changes.map(|page| (format!("{folder}/changes/index.html"), page)));
    }
    for document in documents.iter().take(1) {
        let path = files[0].path.as_str();
        let page = SourcePage {
            pack_ref: &document.pack_ref,
            version: &document.versions[0],
            files: &files,
            shown: Some((path, Content::Text("a\n<b>\n"))),
        };
        let page = renderer.source(&site, &page).unwrap();
        pages.push(("source.html".to_owned(), page));
    }
    let empty = PackList::new(Vec::new());
    for (group, number, _) in list.group_pages(&empty) {
        let page = renderer.group(&site, &list, group, number).unwrap();
        pages.push((group.path(number), page));
    }
    pages.push(("404.html".to_owned(), renderer.not_found(&site).unwrap()));
    pages.push((ABOUT_PAGE.to_owned(), renderer.about(&site).unwrap()));
    pages.push((SOURCE_PAGE.to_owned(), renderer.source_page(&site).unwrap()));
    pages.push((SEARCH_PAGE.to_owned(), renderer.search(&site).unwrap()));
    let text = |bytes| String::from_utf8(bytes).expect("pages are UTF-8");
    pages
        .into_iter()
        .map(|(path, bytes)| (path, text(bytes)))
        .collect()
}

/// Values of an attribute, entities resolved as far as addresses need it.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let open = format!(" {name}=\"");
    html.match_indices(&open)
        .filter_map(|(at, _)| html.get(at + open.len()..)?.split('"').next())
        .collect()
}

/// `to`, seen from the page at `from`, as a path from the root.
fn resolve(from: &str, to: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in to.split('/') {
        match part {
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// One `h1`, the landmarks, a skip link, a language, a title.
#[test]
fn every_page_has_its_landmarks() {
    for (path, html) in tree(&support::documents()) {
        assert_eq!(html.matches("<h1").count(), 1, "{path}");
        for part in [
            "<html lang=\"en\"",
            "<main id=\"main\"",
            "<header class=\"top\"",
            "<footer",
            "class=\"skip\" href=\"#main\"",
            "</title>\n",
            "og:title",
        ] {
            assert_eq!(html.matches(part).count(), 1, "{path}: {part}");
        }
        assert!(html.ends_with("</html>\n"), "{path}");
    }
}

/// The policy of the pages forbids inline styles and scripts, so none may be there.
#[test]
fn no_page_has_anything_inline() {
    for (path, html) in tree(&support::documents()) {
        assert!(!html.contains(" style="), "{path}");
        assert!(!html.contains("<style"), "{path}");
        let own = [SEARCH_PAGE, SOURCE_PAGE, "source.html"].contains(&path.as_str());
        let scripts = if own { 2 } else { 1 };
        assert_eq!(html.matches("<script").count(), scripts, "{path}");
        assert!(html.contains("<script src=\""), "{path}");
        assert!(
            !html.contains(" onclick=") && !html.contains("javascript:"),
            "{path}"
        );
    }
}

/// Links lead to pages, documents and assets of the tree, and to anchors that exist.
#[test]
fn relative_links_resolve() {
    let documents = support::documents();
    let pages = tree(&documents);
    let renderer = Renderer::new().unwrap();
    // `search` is the folder of the search page, or answered by a server.
    let mut known: BTreeSet<String> = [
        "registry.json",
        "index.json",
        "packs.json",
        "changes/head.json",
        "search",
        "source",
        "feed.atom",
        "opensearch.xml",
    ]
    .map(str::to_owned)
    .into();
    known.extend(pages.iter().map(|(path, _)| path.clone()));
    known.extend(renderer.assets().iter().map(|asset| asset.path.clone()));
    for document in &documents {
        known.insert(format!("packs/{}.json", document.pack_ref));
        known.insert(format!("packs/{}/feed.atom", document.pack_ref));
        known.extend(
            document
                .versions
                .iter()
                .filter_map(|v| Some(v.archive.as_ref()?.path.clone())),
        );
    }
    for (path, html) in pages.iter().filter(|(path, _)| path != "404.html") {
        let ids: BTreeSet<&str> = attributes(html, "id").into_iter().collect();
        let links = attributes(html, "href")
            .into_iter()
            .chain(attributes(html, "src"))
            .chain(attributes(html, "action"));
        for link in links.filter(|l| !l.starts_with("https://") && !l.starts_with("mailto:")) {
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            // Another file of the same version.
            if target.starts_with('?') {
                continue;
            }
            if target.is_empty() {
                assert!(ids.contains(anchor), "{path}: no #{anchor}");
                continue;
            }
            let target = target.split('?').next().unwrap();
            let resolved =
                resolve(path, target).unwrap_or_else(|| panic!("{path}: {link} leaves the tree"));
            assert!(
                known.contains(&resolved),
                "{path}: {link} leads to {resolved}"
            );
        }
    }
}

/// Anchors and form fields rely on ids being unique.
#[test]
fn ids_are_unique() {
    for (path, html) in tree(&support::documents()) {
        let ids = attributes(&html, "id");
        let unique: BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len(), "{path}: {ids:?}");
    }
}

/// The address of a page is stated where it is known, and not otherwise.
#[test]
fn canonical_address_needs_a_base() {
    let renderer = Renderer::new().unwrap();
    let list = PackList::new(
        support::documents()
            .iter()
            .filter_map(PackSummary::from_document)
            .collect(),
    );
    let mut site = support::site(1);
    let home = |site: &_| String::from_utf8(renderer.home(site, &list, 1).unwrap()).unwrap();
    assert!(
        home(&site)
            .contains("<link rel=\"canonical\" href=\"https://packs.example.org/registry/\">")
    );
    for bad in [
        None,
        Some("http://packs.example.org/"),
        Some("javascript:alert(1)"),
    ] {
        site.base_url = bad.map(str::to_owned);
        assert!(!home(&site).contains("canonical"), "{bad:?}");
    }
}

/// Stylesheet, script and first page stay small.
#[test]
fn sizes_stay_within_their_budgets() {
    let renderer = Renderer::new().unwrap();
    let [css, js, icon, search, source] = renderer.assets() else {
        panic!("five assets")
    };
    for script in [search, source] {
        assert!(script.bytes.len() <= JS_BUDGET, "{}", script.path);
    }
    assert!(
        css.bytes.len() <= CSS_BUDGET,
        "stylesheet: {} bytes",
        css.bytes.len()
    );
    assert!(
        js.bytes.len() <= JS_BUDGET,
        "script: {} bytes",
        js.bytes.len()
    );
    let line = &support::LINES[1];
    let full: Vec<_> = (0..HOME_PAGE_SIZE * 3)
        .map(|i| {
            let mut document = support::document(line, i);
            document.pack_ref = format!("pack-{i}").parse().unwrap();
            document
        })
        .collect();
    let (path, home) = tree(&full).swap_remove(0);
    assert_eq!(path, "index.html");
    let total = home.len() + css.bytes.len() + js.bytes.len() + icon.bytes.len();
    assert!(total <= HOME_BUDGET, "first page: {total} bytes");
}

/// Asset names carry the hash of their content.
#[test]
fn assets_are_named_by_content() {
    for asset in Renderer::new().unwrap().assets() {
        let hex = pack_format::ArchiveDigest::of(&asset.bytes).to_hex();
        assert!(
            asset.path.starts_with("assets/") && asset.path.contains(&hex[..8]),
            "{}",
            asset.path
        );
    }
}

/// Two renderers give the same bytes.
#[test]
fn same_documents_give_same_bytes() {
    let documents = support::documents();
    assert_eq!(tree(&documents), tree(&documents));
}

/// Pages of the list together hold every pack once, and a page beyond the last is empty.
#[test]
fn list_is_cut_into_pages() {
    let documents: Vec<_> = (0..=HOME_PAGE_SIZE)
        .map(|i| {
            let mut document = support::document(&support::LINES[0], i);
            document.pack_ref = format!("pack-{i:03}").parse().unwrap();
            document
        })
        .collect();
    let pages = tree(&documents);
    let rows: Vec<_> = pages
        .iter()
        .map(|(_, html)| html.matches("<li class=\"row\"").count())
        .collect();
    assert_eq!(&rows[..3], &[HOME_PAGE_SIZE, 1, 0]);
    assert_eq!(pages[1].0, "page/2/index.html");
    assert!(
        pages[1]
            .1
            .contains("href=\"../../packs/pack-030/index.html\"")
    );
    assert!(pages[0].1.contains("1–30 of 31") && pages[1].1.contains("31–31 of 31"));
}

/// A registry without packs says what to do.
#[test]
fn empty_registry_says_what_to_do() {
    let renderer = Renderer::new().unwrap();
    let page = renderer
        .home(&support::site(0), &PackList::new(Vec::new()), 1)
        .unwrap();
    assert!(
        String::from_utf8(page)
            .unwrap()
            .contains("attune registry build")
    );
}

/// The largest pack still renders: what is beyond a limit is counted and left to the JSON document.
#[test]
fn page_at_every_limit_renders() {
    let names: Vec<_> = (0..30).map(|i| format!("slack.c{i:04}")).collect();
    let parameter = |name: &str| serde_json::json!({"name": name, "description": "d".repeat(80), "enum": &names});
    let component = |i: usize| {
        serde_json::json!({
            "name": format!("c{i:04}"), "description": "d".repeat(80), "runner_type": "python", "entry_point": "x.py",
            "parameters": [parameter("a"), parameter("b")], "trigger_types": &names,
            "trigger_ref": &names[0], "action_ref": &names[1],
            "tasks": [{"name": "a", "action": &names[2], "next": &names}, {"name": "b"}],
        })
    };
    let components: Vec<_> = (0..1_001).map(component).collect();
    let mut value = serde_json::to_value(support::everything()).unwrap();
    for kind in ["actions", "sensors", "triggers", "rules", "workflows"] {
        value["versions"][1]["components"][kind] = components.clone().into();
    }
    let version = value["versions"][5].clone();
    let versions = value["versions"].as_array_mut().unwrap();
    versions.extend(std::iter::repeat_n(version, 95));
    let document: PackDocument = serde_json::from_value(value).unwrap();
    let files: Vec<_> = (0..501)
        .map(|i| FileRow {
            path: format!("f{i}"),
            size_bytes: i,
            executable: true,
        })
        .collect();
    let listed = BTreeSet::new();
    let page = PackPage {
        document: &document,
        readme_markdown: None,
        files: Some(&files),
        dependents: &[],
        listed: &listed,
    };
    let html = Renderer::new()
        .unwrap()
        .pack(&support::site(1), &page)
        .unwrap();
    let html = String::from_utf8(html).unwrap();
    for part in [
        "1 more are in the",
        "1 older versions",
        "1 more files",
        "2 more rows",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(html.len() < 16_000_000, "{} bytes", html.len());
}
