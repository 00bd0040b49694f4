//! `registry check`: every rule on every byte of a registry, without changing anything.
//!
//! 1. [`tree`]: `registry.json` and `packs.json`, then every pack in parallel: its document ([`document`]),
//!    the archives it names ([`archive`]), its entry in the index.
//! 2. [`index`]: the rules of `index.json` itself; alone, where there is no `registry.json`.
//! 3. [`files`]: where the registry is a folder, everything that lies there: twins, pages, links, orphans.
//!
//! What is kept of a pack are its versions; archives are unpacked in memory under the extraction policy.

mod archive;
mod change_log;
mod context;
mod document;
mod files;
mod index;
pub mod rules;
pub mod source;
mod tree;

use pack_check::Checked;
use pack_fs::tree::TreeError;
use serde::Serialize;

use self::context::Context;
pub use self::source::{Body, DirectorySource, FetchUrl, RegistrySource};

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckOptions {
    /// Whether archives are read, wherever they lie; without, only those of a folder are looked for.
    pub archives: bool,
}

/// What was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LookedAt {
    /// Format of the registry: 2, or 1 for an index alone.
    pub format: u32,
    /// Packs.
    pub packs: u64,
    /// Versions of all packs.
    pub versions: u64,
    /// Archives that were read from first byte to last.
    pub archives: u64,
    /// Their size, in bytes.
    pub archive_bytes: u64,
    /// Git sources, whose trees are not fetched.
    pub git_sources: u64,
    /// Files of the folder; `None` where it cannot be listed, and so orphans, twins and pages cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryChecked {
    /// The findings.
    pub checked: Checked,
    /// How far they go.
    pub looked_at: LookedAt,
    /// Whether something has other bytes than were promised.
    pub mismatch: bool,
}

/// Why a registry cannot be checked at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryCheckError {
    /// Neither format is there.
    #[error("`{0}` is no registry: it has neither `registry.json` nor `{1}`")]
    Nothing(String, String),
    /// The first file cannot be read.
    #[error("cannot read `{file}` of `{registry}`: {reason}")]
    Unreadable {
        /// The registry.
        registry: String,
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// The folder cannot be listed.
    #[error(transparent)]
    Scan(#[from] TreeError),
}

impl pack_format::Hint for RegistryCheckError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Nothing(..) => Some("name a registry tree, an index.json, or a URL".to_owned()),
            Self::Unreadable { .. } => None,
            Self::Scan(error) => error.hint(),
        }
    }
}

/// Checks a registry that messages call `name`. `index_file` is the name of its index, `index.json` unless a
/// lone index has another; `only_index` that nothing else is to be looked at.
///
/// # Errors
/// [`RegistryCheckError`] where there is nothing to check; whatever is wrong with it is a finding.
pub fn check(
    source: &dyn RegistrySource,
    name: &str,
    index_file: &str,
    only_index: bool,
    options: CheckOptions,
) -> Result<RegistryChecked, RegistryCheckError> {
    let context = Context::new(source, options);
    let format_2 = !only_index && context.is_tree(name)?;
    let index = context.index_bytes(name, index_file)?;
    if !format_2 && index.is_none() {
        return Err(RegistryCheckError::Nothing(
            name.to_owned(),
            index_file.to_owned(),
        ));
    }
    if format_2 {
        let listed = tree::check(&context, index.as_deref());
        if let Some(scan) = source.scan()? {
            files::check(&context, &scan, listed.as_ref());
        }
    } else if let Some(bytes) = index {
        index::check_alone(&context, index_file, &bytes);
    }
    Ok(context.finish(if format_2 { 2 } else { 1 }))
}
