//! Lone index files, format 1: the entry of a pack, and files of entries.
//!
//! * [`entry`]: a pack directory and its sources to an entry.
//! * [`text`]: an index as somebody wrote it, read and checked.
//! * [`update`]: one entry added or replaced. [`merge`]: several files to one.
//! * [`tree`]: the index of a registry tree, which never changes alone.
//!
//! Reading is tolerant, writing strict: what cannot be written by the rules of the format is an error that
//! names the pack and the rule.

pub mod entry;
mod entry_error;
pub mod error;
pub mod merge;
mod merge_error;
pub mod text;
pub mod tree;
pub mod update;
mod write;

use pack_format::entry::IndexEntry;
use pack_format::index;
use pack_format::url_policy::UrlPolicy;

/// Which URLs an operator's own index may name: company networks count, plain http only on this machine.
pub const SOURCES: UrlPolicy = registry_tree::assemble::HOSTING;

/// The rules `entry` breaks.
///
/// A source on this machine need not be https: such an index is for development, and its writer says so.
pub(crate) fn broken_rules(entry: &IndexEntry) -> Vec<String> {
    let mut broken = index::entry_violations(entry);
    if is_for_development(entry) {
        broken.retain(|rule| rule != index::SOURCE_NOT_HTTPS);
    }
    broken
}

/// Whether a source of `entry` is for this machine only: [`SOURCES`] lets no other one be without https.
pub(crate) fn is_for_development(entry: &IndexEntry) -> bool {
    let sources = &entry.install_sources;
    sources.iter().any(|source| !source.url().is_https())
}
