//! `Asset`: the stylesheet, the scripts and the icon, named by their content so that they can be
//! cached for ever.

use pack_format::ArchiveDigest;

use crate::overrides::{Overrides, STYLE};

/// A file every page refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Path from the root of the tree, such as `assets/style.1a2b3c4d.css`.
    pub path: String,
    /// Content.
    pub bytes: Vec<u8>,
}

impl Asset {
    /// Names `bytes` by the first eight hexadecimal digits of their SHA-256.
    fn new(name: &str, extension: &str, source: &str) -> Self {
        let bytes = dense(source, extension == "css").into_bytes();
        let hex = ArchiveDigest::of(&bytes).to_hex();
        let hash = hex.get(..8).unwrap_or(&hex);
        Self {
            path: format!("assets/{name}.{hash}.{extension}"),
            bytes,
        }
    }
}

/// The source without indentation, empty lines and lines that are comments alone; of a stylesheet also
/// without the spaces after `:`, `;`, `,`, round `>` and before `{`, except on lines that hold text in quotes, and without
/// the line breaks after `{`, `}` and `;`.
///
/// Other line breaks stay, so neither language reads anything else than before; no source of ours has a
/// string that spans lines.
fn dense(source: &str, stylesheet: bool) -> String {
    let comment =
        |line: &str| line.starts_with("//") || (line.starts_with("/*") && line.ends_with("*/"));
    let mut out = String::with_capacity(source.len());
    for line in source.lines().map(str::trim) {
        if !line.is_empty() && !comment(line) {
            if stylesheet && !line.contains(['"', '\'']) {
                let tight = line
                    .replace(": ", ":")
                    .replace("; ", ";")
                    .replace(", ", ",")
                    .replace(" > ", ">");
                out.push_str(
                    &tight
                        .replace(" {", "{")
                        .replace("{ ", "{")
                        .replace(";}", "}"),
                );
            } else {
                out.push_str(line);
            }
            if !(stylesheet && line.ends_with(['{', '}', ';'])) {
                out.push('\n');
            }
        }
    }
    out
}

/// The stylesheet as a page may carry it; none that would end its element.
pub(crate) fn inlined([style, ..]: &[Asset; 5]) -> String {
    let text = String::from_utf8_lossy(&style.bytes).into_owned();
    if text.to_ascii_lowercase().contains("</style") {
        return String::new();
    }
    text
}

/// The assets in force: stylesheet, script, icon, scripts of the pages of search and source, in this order.
pub(crate) fn in_force(overrides: &Overrides) -> [Asset; 5] {
    [
        Asset::new(
            "style",
            "css",
            overrides.text_of(STYLE, include_str!("../../../templates/pages/style.css")),
        ),
        Asset::new(
            "script",
            "js",
            include_str!("../../../templates/pages/script.js"),
        ),
        Asset::new(
            "icon",
            "svg",
            include_str!("../../../templates/pages/icon.svg"),
        ),
        Asset::new(
            "search",
            "js",
            include_str!("../../../templates/pages/search.js"),
        ),
        Asset::new(
            "source",
            "js",
            include_str!("../../../templates/pages/source.js"),
        ),
    ]
}
