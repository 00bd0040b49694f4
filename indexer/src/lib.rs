//! The indexer: pack directories in, a registry tree out.
//!
//! A build is a function of directories, the operator's `registry.yaml`, the tree as it is, and a clock:
//!
//! 1. [`inputs`]: find the pack directories.
//! 2. [`pack`]: per directory, in parallel: walk, and unless nothing changed since the last build, read,
//!    check, digest, and archive what the tree does not have yet.
//! 3. [`history`]: settle which directories and versions belong to one pack, and merge them into the
//!    versions the tree lists.
//! 4. [`publish`]: documents, pages and indexes, through the one tree writer.

pub mod archive_file;
pub mod build;
mod cache;
mod checkout;
mod contents;
pub mod directory;
pub mod error;
mod history;
mod ignored;
pub mod import;
pub mod index_file;
pub mod inputs;
pub mod lone_index;
mod operator_file;
mod others;
mod pack;
mod publish;
pub mod report;
pub mod watch;
mod whole_pack;

pub use archive_file::{ArchiveFile, ArchiveFileError, ArchivedPack};
pub use build::{BuildOptions, build};
pub use directory::{DirectoryTree, PackDirectory};
pub use error::BuildError;
pub use pack::PackError;
pub use report::{BuildReport, Changes, Verdict};
pub use whole_pack::{PackFileRecord, WholePack, WholePackError};
