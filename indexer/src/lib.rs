//! The indexer: pack directories in, a registry tree out.
//!
//! A build is a function of directories, the operator's `registry.yaml`, the tree as it is, and a clock:
//!
//! 1. [`inputs`]: find the pack directories.
//! 2. [`claim`]: per directory, in parallel: walk, and unless nothing changed since the last build, read
//!    the manifest; so that it is known which directories claim one pack, and who needs whom.
//! 3. [`group`]: per pack, in parallel: read, check, digest and archive ([`pack`]), settle which directories
//!    stand and merge them into the versions the tree lists ([`history`]), stage document and page.
//!    Only [`facts`] are kept of it.
//! 4. [`publish`]: the pages of neighbours, lists and indexes, and the commit, through the one tree writer.
//!
//! [`edit`] changes documents of a tree without directories, by the same last step; [`patch`] corrects what they
//! say, and [`changes`] does what many people want at once, each with an [`upload`] or another wish.

mod archive_directory;
pub mod archive_file;
pub mod build;
mod cache;
mod change_log;
pub mod changes;
pub mod check;
mod checkout;
mod claim;
mod contents;
mod details;
pub mod directory;
pub mod edit;
pub mod error;
mod facts;
mod group;
mod history;
mod icon;
mod ignored;
pub mod import;
pub mod index_file;
pub mod inputs;
mod lists;
pub mod lone_index;
pub mod merge_trees;
mod operator_file;
mod others;
mod pack;
mod pack_views;
pub mod patch;
mod publish;
mod publish_error;
pub mod registry_check;
pub mod report;
pub mod scaffold;
mod search;
pub mod source_files;
pub mod statistics;
mod sweep;
pub mod templates;
pub mod upload;
pub mod watch;
mod whole_pack;
pub mod withdraw;
mod words;

pub use archive_directory::PackArchive;
pub use archive_file::{ArchiveFile, ArchiveFileError, ArchivedPack};
pub use build::{BuildOptions, build};
pub use directory::{DirectoryTree, PackDirectory};
pub use error::BuildError;
pub use pack::PackError;
pub use registry_check::{CheckOptions, RegistryCheckError, RegistryChecked};
pub use report::{BuildReport, Changes, Verdict};
pub use whole_pack::{PackFileRecord, WholePack, WholePackError};
