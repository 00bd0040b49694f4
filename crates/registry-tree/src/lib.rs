//! The registry tree: where its files are, how they are read, and the one writer that changes them.
//!
//! See `docs/adr/0002-tree-writer-and-document-names.md` for the order of writes and why it holds.

pub mod assemble;
mod backup;
mod early_sync;
pub mod layout;
mod new_tree;
pub mod reader;
mod retire;
mod segments;
pub mod twins;
pub mod writer;

pub use backup::copy_tree;
pub use reader::{ReadError, TreeReader};
pub use retire::superseded;
pub use segments::Segments;
pub use twins::twin_matches;
pub use writer::{Phase, TreeWriter, WriteError};
