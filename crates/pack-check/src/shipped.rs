//! What a pack ships, whatever stands in it.

use std::collections::BTreeMap;

use pack_format::text::printable;

use crate::Files;
use crate::diagnostic::{Diagnostic, Findings};
use crate::icon::{ICON_NAMES, Icon};
use crate::rules;

/// Directories that tools make and nobody should ship.
const UNWANTED_DIRECTORIES: [&str; 7] = [
    ".git",
    "__pycache__",
    "node_modules",
    ".venv",
    ".pytest_cache",
    ".mypy_cache",
    ".idea",
];

/// Bytes at the start of a file in which a private key would announce itself.
const HEAD_BYTES: usize = 256;

/// That `path` differs from `other` by case only, for who cannot read both.
pub fn collision(path: &str, other: &str) -> Diagnostic {
    let message = format!("it differs from `{}` by case only", printable(other));
    Diagnostic::new(rules::NAMES_COLLIDE, path, message)
        .with_hint("rename one of the two: some file systems hold only one of them")
}

pub(crate) fn check(files: &Files<'_>, findings: &mut Findings) {
    let mut folded: BTreeMap<String, &str> = BTreeMap::new();
    let mut told = std::collections::BTreeSet::new();
    for (path, file) in files {
        if let Some(other) = folded.insert(path.to_lowercase(), path) {
            findings.add(collision(path, other));
        }
        if is_private_key(file.content) {
            findings.add(
                Diagnostic::new(rules::PRIVATE_KEY, path, "it holds a private key").with_hint(
                    "remove it, and replace the key wherever it is in use: others may have seen it",
                ),
            );
        }
        if let Some(unwanted) = unwanted(path)
            && told.insert(unwanted)
        {
            findings.add(
                Diagnostic::new(rules::UNWANTED_FILE, unwanted, "it should not be shipped")
                    .with_hint("name it in `.attuneignore`"),
            );
        }
    }
    for (name, file) in ICON_NAMES
        .iter()
        .filter_map(|name| Some((*name, files.get(name)?)))
    {
        if let Err(error) = Icon::read(file.content) {
            findings.add(
                Diagnostic::new(rules::ICON_UNUSABLE, name, error.to_string()).with_hint(
                    "pages show two letters instead; make it a PNG of 128 x 128 pixels, say",
                ),
            );
        }
    }
    let in_root = |matches: fn(&str) -> bool| {
        files
            .keys()
            .any(|path| !path.contains('/') && matches(&path.to_ascii_lowercase()))
    };
    if !in_root(|name| name == "readme" || name.starts_with("readme.")) {
        findings.add(
            Diagnostic::new(rules::README_MISSING, "README.md", "the pack has no README")
                .with_hint("say what the pack does, how it is configured, and show an example"),
        );
    }
    let licence = |name: &str| {
        ["license", "licence", "copying"]
            .iter()
            .any(|start| name.starts_with(start))
    };
    if !in_root(licence) {
        findings.add(
            Diagnostic::new(
                rules::LICENSE_MISSING,
                "LICENSE",
                "the text of the licence is missing",
            )
            .with_hint("add the text as `LICENSE`"),
        );
    }
}

fn is_private_key(content: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&content[..content.len().min(HEAD_BYTES)]);
    head.lines()
        .take(2)
        .any(|line| line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY-----"))
}

/// The part of `path` that should not be shipped, if there is one.
fn unwanted(path: &str) -> Option<&str> {
    let mut end = 0;
    for name in path.split('/') {
        end += name.len();
        let settings = name == ".env" || name == ".DS_Store" || name.strip_suffix(".pyc").is_some();
        if settings || UNWANTED_DIRECTORIES.contains(&name) {
            return path.get(..end);
        }
        end += 1;
    }
    None
}
