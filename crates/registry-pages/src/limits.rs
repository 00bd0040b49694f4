//! How much of a pack one page shows. What is left out stays in the JSON document the page links to.

/// Largest README that is rendered, in bytes (256 KiB, inclusive); the rest is cut off.
pub(crate) const MAX_README_BYTES: usize = 256 * 1024;

/// Components of one kind that get a row (inclusive).
pub(crate) const MAX_COMPONENTS: usize = 1_000;

/// Schema rows of one page, over all tables (inclusive).
///
/// 3,000 rows are about 700 KB of HTML; the largest of 44 real packs has 260.
pub(crate) const MAX_SCHEMA_ROWS: usize = 3_000;

/// Versions in the table of versions (inclusive).
pub(crate) const MAX_VERSIONS: usize = 100;

/// Files in the table of files (inclusive).
pub(crate) const MAX_FILES: usize = 500;

/// Steps in the list of what runs when (inclusive).
pub(crate) const MAX_FLOW_STEPS: usize = 200;

/// Versions compared with the one before them (inclusive).
pub(crate) const MAX_COMPARED: usize = 25;

/// Changes of one severity listed for a version (inclusive).
pub(crate) const MAX_CHANGES: usize = 100;

/// Pages of a list of packs by keyword, category or author (inclusive).
pub(crate) const MAX_GROUP_PAGES: usize = 10;

/// Names in a list of keywords or categories beside the list of packs (inclusive).
pub(crate) const MAX_TOPICS: usize = 16;

/// Packs in a list of dependencies or dependents (inclusive).
pub(crate) const MAX_LINKED_PACKS: usize = 200;

/// Names in a short list: keywords, owners, runtimes, sources, triggers of a sensor (inclusive).
pub(crate) const MAX_NAMES: usize = 24;

/// Characters of a value shown in a table (inclusive).
pub(crate) const MAX_VALUE_CHARS: usize = 160;

/// Values of an enumeration shown in a table (inclusive).
pub(crate) const MAX_ALLOWED_VALUES: usize = 16;

/// Nodes of the drawn graph (inclusive); a larger pack has the list alone.
pub(crate) const MAX_GRAPH_NODES: usize = 48;

/// Choices listed under one facet (inclusive).
pub(crate) const MAX_FACET_CHOICES: usize = 12;

/// Instructions a template may run for one page.
///
/// A page at every limit above takes less than 8 million.
pub(crate) const TEMPLATE_FUEL: u64 = 20_000_000;

/// The first items, up to `most`, and how many are left out.
pub(crate) fn first<T>(items: &[T], most: usize) -> (&[T], usize) {
    let (shown, rest) = items.split_at(items.len().min(most));
    (shown, rest.len())
}
