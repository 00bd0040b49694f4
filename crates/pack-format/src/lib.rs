//! The nouns of a pack registry and their rules: names, versions, manifests, entries, documents,
//! digests and limits.
//!
//! Pure: no file, no network, no clock, no environment. Bytes, paths and times arrive as arguments.

pub mod canonical;
pub mod change_log;
pub mod checksum;
pub mod digest;
pub mod documents;
pub mod entry;
pub mod fields;
pub mod git_ref;
pub mod hint;
pub mod index;
pub mod inventory;
pub mod limits;
pub mod manifest;
pub mod metadata_error;
pub mod pack_ref;
pub mod patch;
pub mod schema;
pub mod source;
pub mod statistics;
pub mod testing;
pub mod text;
pub mod time;
pub mod url_policy;
pub mod version;
pub mod yaml;

pub use checksum::Checksum;
pub use digest::{ArchiveDigest, StoreKey, TreeDigest};
pub use hint::{Hint, error_chain};
pub use limits::Limits;
pub use metadata_error::MetadataError;
pub use pack_ref::PackRef;
pub use time::{Day, Timestamp};
pub use version::{Constraint, Version};
