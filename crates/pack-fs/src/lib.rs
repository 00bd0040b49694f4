//! The only code that changes disks: durable replacement, locks, sorted walks, removal.
//!
//! A new name is durable only after three steps: the file's bytes are synced, the name is put in place
//! by a rename, and the directory that holds the name is synced. Leave one out and a power cut leaves a
//! zero-length file, the old file, or a lost acknowledgement.

pub mod durable;
pub mod error;
pub mod limited;
pub mod lock;
pub mod look;
pub mod placement;
pub mod remove;
pub mod replacement;
pub mod source_dir;
pub mod spread;
pub mod tree;

pub use error::FsError;
pub use look::{is_dir, is_file};
pub use replacement::Replacement;
pub use source_dir::SourceDir;
