#![doc = include_str!("../README.md")]

pub mod archives;
mod cache;
pub mod candidate;
pub mod commits;
mod dns;
mod documents;
pub mod fetch_error;
pub mod files;
mod http;
pub mod location;
pub mod publisher;
pub mod registries;
pub mod registry;
pub mod registry_error;
pub mod reporter;
pub mod search;
pub mod settings;
pub mod snapshot;
pub mod spool;
mod tree;
pub mod upkeep;

pub use archives::ArchiveCache;
pub use candidate::{About, ArchiveSource, Candidate, Listing, Place, RegistryIdentity};
pub use commits::{CachedCommit, CommitCache, CommitKey};
pub use fetch_error::FetchError;
pub use files::RegistryFiles;
pub use http::HostLimit;
pub use location::Location;
pub use pack_search::Match;
pub use publisher::{OwnerChange, Publication, Publisher, PublisherError};
pub use registries::{Found, LookupError, Registries};
pub use registry::{FetchRequest, Registry, fetch_url};
pub use registry_error::RegistryError;
pub use reporter::{Reporter, Silent};
pub use search::{MAX_SEARCH_HITS, SearchHit};
pub use settings::{
    ClientSettings, Connection, DEFAULT_PRIORITY, Headers, OnError, PreferSource, Proxies, Proxy,
    RegistryConfig, Tls,
};
pub use snapshot::{Snapshot, SnapshotFormat};
pub use spool::{ReadSeek, Received};
pub use upkeep::{CacheGroup, CacheKeep, CacheRemoved};
