//! The page of the files of a version: to be filled by its script, or with what a server read from the archive.

use std::borrow::Cow;

use minijinja::Value as Html;
use pack_format::PackRef;
use pack_format::documents::VersionDocument;
use serde::Serialize;
use url::form_urlencoded::Serializer;

use crate::escape::escape;
use crate::limits::{MAX_FILES, first};
use crate::pack::FileRow;
use crate::pack::origin::Origin;
use crate::site::{Frame, Place, Site};
use crate::text::{clean, counted, size};

/// Path of the page that shows files in the browser, from the root of the tree.
pub const SOURCE_PAGE: &str = "source/index.html";

/// Largest file that is shown, in bytes (256 KiB, inclusive).
pub const MAX_SOURCE_BYTES: usize = 256 * 1024;

/// Lines of a file that are shown (inclusive).
const MAX_LINES: usize = 10_000;

/// The files of one version, and one of them.
#[derive(Debug, Clone, Copy)]
pub struct SourcePage<'a> {
    /// The pack.
    pub pack_ref: &'a PackRef,
    /// The version.
    pub version: &'a VersionDocument,
    /// Its files, sorted by path.
    pub files: &'a [FileRow],
    /// Path and content of the file that is shown.
    pub shown: Option<(&'a str, Content<'a>)>,
}

/// What can be shown of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// All of it.
    Text(&'a str),
    /// Nothing: it is no text.
    Binary,
    /// Nothing: it has more than [`MAX_SOURCE_BYTES`].
    TooLarge,
}

/// What the template shows.
#[derive(Debug, Serialize)]
pub(crate) struct SourceView<'a> {
    frame: Frame,
    /// Whether the script has to find the files.
    to_fill: bool,
    title: String,
    /// Way to the page of the pack.
    back: Option<String>,
    version: String,
    said: String,
    files: Vec<FileLink<'a>>,
    files_omitted: usize,
    path: Option<Cow<'a, str>>,
    /// What is said in place of a content.
    instead: Option<&'static str>,
    lines: Option<Html>,
    lines_omitted: usize,
    origin: Option<Origin<'a>>,
}

#[derive(Debug, Serialize)]
struct FileLink<'a> {
    path: Cow<'a, str>,
    href: String,
    size: String,
    current: bool,
}

impl<'a> SourceView<'a> {
    /// The page of the tree, without files.
    pub(crate) fn to_fill(site: &Site) -> Self {
        let place = Place {
            root: "../".to_owned(),
            path: "source/",
            twin: None,
        };
        Self {
            frame: site.frame(&place, "Source", ""),
            to_fill: true,
            title: "Source".to_owned(),
            back: None,
            version: String::new(),
            said: String::new(),
            files: Vec::new(),
            files_omitted: 0,
            path: None,
            instead: None,
            lines: None,
            lines_omitted: 0,
            origin: None,
        }
    }

    /// The answer of a server.
    pub(crate) fn of(site: &Site, page: &SourcePage<'a>) -> Self {
        let pack_ref = page.pack_ref.as_str();
        let version = page.version.version.to_string();
        let place = Place {
            root: String::new(),
            path: "source",
            twin: Some(&format!("packs/{pack_ref}.json")),
        };
        let shown = page.shown.as_ref();
        let title = match shown {
            Some((path, _)) => format!("{path} of {pack_ref} {version}"),
            None => format!("Source of {pack_ref} {version}"),
        };
        let (files, files_omitted) = first(page.files, MAX_FILES);
        let (lines, lines_omitted) = match shown {
            Some((_, Content::Text(text))) => {
                let (lines, omitted) = numbered(text);
                (Some(lines), omitted)
            }
            _ => (None, 0),
        };
        Self {
            frame: site.frame(&place, &title, ""),
            to_fill: false,
            title: pack_ref.to_owned(),
            back: Some(format!("packs/{pack_ref}/index.html")),
            said: counted(page.files.len() as u64, "file"),
            files: files
                .iter()
                .map(|file| FileLink {
                    path: clean(&file.path),
                    href: address(pack_ref, &version, &file.path),
                    size: size(file.size_bytes),
                    current: shown.is_some_and(|(path, _)| *path == file.path),
                })
                .collect(),
            files_omitted,
            path: shown.map(|(path, _)| clean(path)),
            instead: shown.and_then(|(_, content)| content.instead()),
            lines,
            lines_omitted,
            origin: Origin::of(page.version),
            version,
        }
    }
}

impl Content<'_> {
    fn instead(self) -> Option<&'static str> {
        match self {
            Self::Text(_) => None,
            Self::Binary => Some("This file is no text."),
            Self::TooLarge => Some("This file is too large to be shown; it is in the archive."),
        }
    }
}

/// Address of a file, as seen from the page of another.
fn address(pack_ref: &str, version: &str, path: &str) -> String {
    let mut query = Serializer::for_suffix("?".to_owned(), 1);
    let pairs = [("pack", pack_ref), ("version", version), ("file", path)];
    query.extend_pairs(pairs).finish()
}

/// The lines of a text, each behind its number, which is its anchor; and how many are left out.
///
/// SECURITY: every line goes through [`escape`].
fn numbered(text: &str) -> (Html, usize) {
    let mut html = String::with_capacity(text.len() * 2);
    let mut lines = text.lines();
    for (number, line) in (1..).zip(lines.by_ref().take(MAX_LINES)) {
        html.push_str(&format!(
            "<a id=\"L{number}\" href=\"#L{number}\">{number}</a>"
        ));
        // Writing to a string does not fail.
        let _ = escape(&mut html, &clean(line));
        html.push('\n');
    }
    (Html::from_safe_string(html), lines.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines are text behind their numbers, up to the limit.
    #[test]
    fn lines_are_numbered_and_escaped() {
        let (html, omitted) = numbered("a < b\n\n<script>");
        assert_eq!(
            html.as_str().unwrap(),
            "<a id=\"L1\" href=\"#L1\">1</a>a &lt; b\n<a id=\"L2\" href=\"#L2\">2</a>\n\
             <a id=\"L3\" href=\"#L3\">3</a>&lt;script&gt;\n"
        );
        assert_eq!(omitted, 0);
        assert_eq!(numbered(&"x\n".repeat(MAX_LINES + 3)).1, 3);
    }

    /// Paths are one value of the query, whatever is in them.
    #[test]
    fn address_names_one_file() {
        assert_eq!(
            address("slack", "1.0.0+b", "a b/&file=x.py"),
            "?pack=slack&version=1.0.0%2Bb&file=a+b%2F%26file%3Dx.py"
        );
    }
}
