//! The search index of a registry: static files that a browser, a server and a client search alike.
//!
//! ```text
//! packs/<ref>.json ─> SearchRecord ─┐
//! packs/<ref>.json ─> SearchRecord ─┴> files()   search/index.json          how the rest is cut
//!                                               search/terms/t-<prefix>.json words and where they stand
//!                                               search/packs/<n>.json        what a hit shows of its pack
//!                                               search/rank.json             what is used much, what is given up
//! Query ─> paths of word files ─> Query::run ─> Hits ─> paths of tables ─> what to show
//! ```
//! A question reads one file per word and one per pack it shows, however large the registry is
//! (`docs/adr/0010`). Pure: whoever asks fetches the files.

mod content;
mod field;
mod files;
mod index;
mod posting;
mod query;
mod record;
mod words;

pub use field::Field;
pub use files::{
    FORMAT, HEAD, Head, MAX_FILE_BYTES, PackRow, RANK, Rank, Table, WordFile, table_path,
};
pub use index::{SearchFile, files, tables_of};
pub use query::{Hit, Hits, Match, Query, Ranks};
pub use record::{Indexed, SearchRecord};
