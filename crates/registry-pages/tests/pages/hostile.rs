//! Markup, addresses and READMEs of people who mean harm.

use std::collections::BTreeSet;
use std::path::PathBuf;

use pack_format::documents::PackDocument;
use registry_pages::{FileRow, PackList, PackPage, PackSummary, Renderer};
use serde_json::Value;

use crate::support;

/// Breaks out of text, of a quoted attribute and of an element that holds raw text.
const PAYLOAD: &str = "</title></textarea><script>alert(1)</script>\"'><img src=x onerror=alert(1)> onmouseover=alert(1) `<b>`";

/// The pages of a document, the list included.
fn render(document: &PackDocument, readme: Option<&str>) -> String {
    let renderer = Renderer::new().unwrap();
    let mut site = support::site(1);
    PAYLOAD.clone_into(&mut site.registry.name);
    PAYLOAD.clone_into(&mut site.registry.description);
    site.install_registry_hint = Some(PAYLOAD.to_owned());
    let files = [FileRow {
        path: PAYLOAD.to_owned(),
        size_bytes: 1,
        executable: true,
    }];
    let page = PackPage {
        document,
        readme_markdown: readme,
        files: Some(&files),
        dependents: &[],
        listed: &BTreeSet::new(),
    };
    let list = PackList::new(PackSummary::from_document(document).into_iter().collect());
    let mut html = renderer.pack(&site, &page).unwrap();
    html.extend(renderer.home(&site, &list, 1).unwrap());
    html.extend(renderer.not_found(&site).unwrap());
    String::from_utf8(html).unwrap()
}

/// The tags of a text, read as a browser would: quotes protect, nothing else does.
fn tags(html: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let tag = &rest[start..];
        let mut quote = None;
        let end = tag.char_indices().find(|(_, c)| match (quote, c) {
            (None, '"' | '\'') => {
                quote = Some(*c);
                false
            }
            (Some(q), c) if q == *c => {
                quote = None;
                false
            }
            (None, '>') => true,
            _ => false,
        });
        let end = end.map_or(tag.len(), |(i, _)| i + 1);
        found.push(&tag[..end]);
        rest = &tag[end..];
    }
    found
}

/// Names of the attributes of a tag.
fn attribute_names(tag: &str) -> Vec<String> {
    let mut outside = String::new();
    for (i, part) in tag.split('"').enumerate() {
        if i % 2 == 0 {
            outside.push_str(part);
        }
    }
    outside
        .split_whitespace()
        .skip(1)
        .map(|name| name.trim_end_matches(['=', '>', '/']).to_owned())
        .collect()
}

#[track_caller]
fn assert_harmless(html: &str, what: &str) {
    assert!(!html.contains("<script>"), "{what}: a script");
    assert!(!html.contains("<img"), "{what}: an image");
    for tag in tags(html) {
        for name in attribute_names(tag) {
            assert!(
                !name.starts_with("on") && name != "style" && name != "srcdoc",
                "{what}: {tag}"
            );
        }
        for (at, _) in tag.match_indices("href=\"") {
            let target = &tag[at + 6..];
            let scheme_end = target.find([':', '"', '/', '#', '?']).unwrap_or(0);
            let plain = match target.as_bytes().get(scheme_end) {
                Some(b':') => ["https", "http", "mailto"].contains(&&target[..scheme_end]),
                _ => !target.starts_with("//"),
            };
            assert!(plain, "{what}: {tag}");
        }
    }
}

/// Replaces one string after the other, wherever the types take any text.
fn poisoned() -> Vec<(String, PackDocument)> {
    fn paths(value: &Value, at: &str, out: &mut Vec<String>) {
        match value {
            Value::String(_) => out.push(at.to_owned()),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .for_each(|(i, v)| paths(v, &format!("{at}/{i}"), out)),
            Value::Object(map) => map
                .iter()
                .for_each(|(k, v)| paths(v, &format!("{at}/{k}"), out)),
            _ => {}
        }
    }
    let mut base = serde_json::to_value(support::everything()).unwrap();
    base["deprecated"] = serde_json::json!({"reason": "old", "successor": "core"});
    let mut all = Vec::new();
    paths(&base, "", &mut all);
    let keep = |path: &&String| {
        !path.contains("/actions/") || path.contains("/actions/0/") || path.contains("/actions/11/")
    };
    all.iter()
        .filter(keep)
        .filter_map(|path| {
            let mut value = base.clone();
            *value.pointer_mut(path).unwrap() = PAYLOAD.into();
            Some((path.clone(), serde_json::from_value(value).ok()?))
        })
        .collect()
}

/// Every field that takes text takes this one, and shows it as text.
#[test]
fn markup_in_any_field_is_text() {
    let documents = poisoned();
    assert!(documents.len() > 150, "only {} fields", documents.len());
    for (path, document) in &documents {
        assert_harmless(&render(document, None), path);
    }
    for field in [
        "label",
        "description",
        "author",
        "homepage",
        "reason",
        "license",
    ] {
        assert!(
            documents.iter().any(|(path, _)| path.ends_with(field)),
            "{field} was not tried"
        );
    }
}

/// All fields at once, free-form ones included, and names that are keys of maps.
#[test]
fn markup_in_all_fields_is_text() {
    let mut document = support::everything();
    for version in &mut document.versions {
        version.meta.insert("category".to_owned(), PAYLOAD.into());
        version.keywords = vec![PAYLOAD.to_owned()];
        version.runtime_deps = vec![PAYLOAD.to_owned()];
        version.license = PAYLOAD.to_owned();
        version.email = Some(PAYLOAD.to_owned());
    }
    document.owners = vec![PAYLOAD.to_owned()];
    assert_harmless(&render(&document, Some(PAYLOAD)), "all");
}

/// Addresses that are not plain web addresses are shown, never followed.
#[test]
fn odd_homepages_are_not_links() {
    for address in [
        "javascript:alert(1)",
        " JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "//evil.example",
        "https://user:pw@evil.example/",
        "https://good.example\\@evil.example/",
        "http://a\" onmouseover=\"alert(1)",
        "file:///etc/passwd",
        "\u{1}javascript:alert(1)",
        "https://e.example/\u{202e}gpj",
    ] {
        let mut document = support::everything();
        for version in &mut document.versions {
            version.homepage = Some(address.to_owned());
            version.repository = Some(address.to_owned());
        }
        let html = render(&document, None);
        assert_harmless(&html, address);
        for never in [
            "href=\"javascript",
            "href=\"data:",
            "href=\"vbscript",
            "onmouseover=\"alert",
            "href=\"file:",
            "href=\" JaVa",
            "href=\"//evil",
            "href=\"https://user",
            "href=\"https://good.example",
            "href=\"https://e.example",
            "\u{202e}",
            "\u{1}",
        ] {
            assert!(!html.contains(never), "{address:?}: {never}");
        }
    }
}

/// Archive paths and bases of a foreign document lead nowhere else.
#[test]
fn odd_archive_paths_are_not_links() {
    for path in [
        "//evil.example/x",
        "javascript:alert(1)",
        "../../../x",
        "/x",
        "a\" onclick=\"x",
        "https://evil.example/x",
    ] {
        let mut document = support::everything();
        for version in &mut document.versions {
            path.clone_into(&mut version.archive.as_mut().unwrap().path);
        }
        let html = render(&document, None);
        assert_harmless(&html, path);
        assert!(!html.contains("evil.example"), "{path}");
    }
}

/// The cases of the shared corpus whose verdict is `render`, where it is there.
///
/// The reader of manifests is tested elsewhere; here the values are put into documents by hand.
#[test]
fn shared_corpus_renders_harmlessly() {
    let Some(folder) = corpus_folder() else {
        println!("skipped: ATTUNE_TEST_HOSTILE is not set");
        return;
    };
    let out = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("python3")
        .arg(folder.join("make_hostile_text.py"))
        .arg(out.path())
        .arg("--no-heavy")
        .output()
        .unwrap();
    assert!(made.status.success());
    let out = out.path();
    let manifest: Vec<Value> =
        serde_json::from_slice(&std::fs::read(out.join("manifest.json")).unwrap()).unwrap();
    let mut tried = 0;
    for case in manifest.iter().filter(|case| case["expect"] == "render") {
        let name = case["file"].as_str().unwrap();
        let text = std::fs::read_to_string(out.join(name)).unwrap();
        let document = document_of(&text);
        assert_harmless(&render(&document, Some(&text)), name);
        let html = render(&document, None);
        for never in case["never"].as_array().unwrap() {
            assert!(!html.contains(never.as_str().unwrap()), "{name}: {never}");
        }
        tried += 1;
    }
    assert!(tried >= 15, "only {tried} cases");
}

#[expect(clippy::disallowed_methods, reason = "says where the corpus is")]
fn corpus_folder() -> Option<PathBuf> {
    std::env::var_os("ATTUNE_TEST_HOSTILE").map(PathBuf::from)
}

/// The text fields of a flat manifest, by hand.
fn document_of(manifest: &str) -> PackDocument {
    let mut document = support::everything();
    for (key, value) in manifest.lines().filter_map(|line| line.split_once(": ")) {
        let value = match value.as_bytes().first() {
            Some(b'"') => serde_json::from_str(value).unwrap(),
            _ => value.trim_matches('\'').to_owned(),
        };
        for version in &mut document.versions {
            match key {
                "label" => version.label.clone_from(&value),
                "description" => version.description.clone_from(&value),
                "author" => version.author.clone_from(&value),
                "homepage" => version.homepage = Some(value.clone()),
                _ => {}
            }
        }
    }
    document
}
