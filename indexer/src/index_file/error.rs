//! `IndexFileError`: why an index file cannot be used.

use std::path::PathBuf;

use pack_format::Hint;
use pack_format::index::IndexError;
use pack_format::url_policy::UrlError;
use pack_fs::FsError;

/// Most entries one message names.
const SHOWN: usize = 10;

/// Why an index file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexFileError {
    /// There is none.
    #[error("Index file not found: {}", .0.display())]
    NotFound(PathBuf),
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FsError),
    /// It is no index.
    #[error("`{name}` cannot be used")]
    Index {
        /// The file or URL.
        name: String,
        /// Why.
        source: IndexError,
    },
    /// Some JSON without packs.
    #[error("Invalid index format: missing 'packs' array in `{0}`")]
    NoPacks(String),
    /// Entries that cannot be written by the rules.
    #[error("`{name}`: {}", listed(.problems))]
    Entries {
        /// The file or URL.
        name: String,
        /// Each with its place.
        problems: Vec<String>,
    },
    /// The root lacks what format 1 must say.
    #[error("`{name}`: {what}")]
    Root {
        /// The file or URL.
        name: String,
        /// Which rule it breaks.
        what: String,
        /// The flag that says it instead.
        flag: &'static str,
    },
    /// The registry's URL is no URL.
    #[error("`{name}`: `registry_url`")]
    Url {
        /// The file or URL.
        name: String,
        /// Why.
        source: UrlError,
    },
}

fn listed(problems: &[String]) -> String {
    let count = match problems.len() {
        1 => "1 entry cannot be listed".to_owned(),
        n => format!("{n} entries cannot be listed"),
    };
    let shown = problems.iter().take(SHOWN).map(String::as_str);
    let mut lines: Vec<&str> = std::iter::once(count.as_str()).chain(shown).collect();
    if problems.len() > SHOWN {
        lines.push("…");
    }
    lines.join("\n  ")
}

impl Hint for IndexFileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound(_) => Some(
                r#"name an `index.json`; a new one begins as `{"registry_name": "…", "registry_url": "https://…", "packs": []}`"#
                    .to_owned(),
            ),
            Self::File(error) => error.hint(),
            Self::Index { .. } | Self::NoPacks(_) => {
                Some("name an `index.json` of format 1".to_owned())
            }
            Self::Entries { .. } => {
                Some("correct them, or leave them out with `--skip-invalid`".to_owned())
            }
            Self::Root { flag, .. } => Some(format!("correct it, or give it with `{flag}`")),
            Self::Url { .. } => Some("correct it, or give another one with `--url`".to_owned()),
        }
    }
}
