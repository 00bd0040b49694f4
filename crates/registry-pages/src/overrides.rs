//! `Overrides`: templates and a stylesheet of an operator, in place of the built-in ones.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pack_format::ArchiveDigest;
use serde::{Deserialize, Serialize};

use crate::renderer::TEMPLATES;

/// The one file beside templates that may be replaced.
pub(crate) const STYLE: &str = "style.css";

/// Files of a folder that replace built-in ones of the same name; the others stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overrides {
    files: BTreeMap<String, Replaced>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Replaced {
    /// Where it was read.
    path: PathBuf,
    text: String,
}

impl Overrides {
    /// The names that can be replaced.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TEMPLATES.iter().map(|(name, _)| *name).chain([STYLE])
    }

    /// Replaces `name` by `text`, which messages say is at `path`; `false`, and nothing, for a name that there is not.
    pub fn replace(&mut self, name: &str, path: PathBuf, text: String) -> bool {
        let is_known = Self::names().any(|known| known == name);
        if is_known {
            self.files.insert(name.to_owned(), Replaced { path, text });
        }
        is_known
    }

    /// Whether everything is built in.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The text in force for a name, of which `built_in` is the built-in one.
    pub(crate) fn text_of<'t>(&'t self, name: &str, built_in: &'t str) -> &'t str {
        self.files.get(name).map_or(built_in, |file| &file.text)
    }

    /// Where a template is, and a line in it, for messages.
    pub(crate) fn place(&self, name: &str, line: Option<usize>) -> String {
        let path = self.files.get(name).map(|file| file.path.display());
        let path = path.map_or_else(|| name.to_owned(), |path| path.to_string());
        match line {
            Some(line) => format!("{path}:{line}"),
            None => path,
        }
    }

    /// Changes with every file.
    pub(crate) fn fingerprint(&self) -> String {
        let texts = self.files.iter().map(|(name, file)| (name, &file.text));
        let texts: Vec<_> = texts.collect();
        ArchiveDigest::of(format!("{texts:?}").as_bytes()).to_hex()
    }
}
