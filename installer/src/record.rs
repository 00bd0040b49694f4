//! `State` and `Record`: what is installed, from where, and what was verified. The wire form of `state.json`.

use std::collections::BTreeMap;

use pack_client::RegistryIdentity;
use pack_format::documents::PackDependency;
use pack_format::{Checksum, PackRef, StoreKey, Timestamp, TreeDigest, Version};
use pack_runtime::{EnvironmentKey, EnvironmentKind};
use serde::{Deserialize, Serialize};

use crate::ready::TestSummary;

/// The `format` member of `state.json`.
pub const STATE_FORMAT: u32 = 1;

/// One generation: everything that is installed at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Always [`STATE_FORMAT`].
    pub format: u32,
    /// Number of the generation; 0 before the first change.
    pub generation: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// What made it, such as `pack install slack`.
    pub command: String,
    /// The id the next new pack gets.
    pub next_id: u64,
    /// By ref, sorted.
    pub packs: BTreeMap<PackRef, Record>,
}

impl State {
    /// The state before anything was installed.
    pub fn empty() -> Self {
        Self {
            format: STATE_FORMAT,
            generation: 0,
            created_at: Timestamp::from_unix(0),
            command: String::new(),
            next_id: 1,
            packs: BTreeMap::new(),
        }
    }
}

/// One installed pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Counts packs per packs directory; an upgrade keeps it.
    pub id: u64,
    /// The pack.
    #[serde(rename = "ref")]
    pub pack_ref: PackRef,
    /// Its version.
    pub version: Version,
    /// Name people see.
    pub label: String,
    /// One or two sentences; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// When this version was installed.
    pub installed_at: Timestamp,
    /// When the pack was installed first, in whatever version; absent where that is now, and in old records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_installed_at: Option<Timestamp>,
    /// By whom.
    pub installed_by: String,
    /// Where it came from.
    pub installed_from: InstalledFrom,
    /// The registry that listed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<RegistryIdentity>,
    /// What the archive's bytes had, if it came as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_digest: Option<Checksum>,
    /// Digest of the tree on disk.
    pub tree_digest: TreeDigest,
    /// Name of the tree in the store.
    pub store_key: StoreKey,
    /// What was compared with what; `none` where nothing vouched for the source.
    pub verified: Verified,
    /// Packs it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<PackDependency>,
    /// Environments its programs run in.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environments: BTreeMap<EnvironmentKind, EnvironmentKey>,
    /// What its tests came to, if it has some and they were run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<TestSummary>,
    /// Number of files.
    pub file_count: u64,
    /// Sum of their sizes, in bytes.
    pub unpacked_bytes: u64,
    /// Version of the program that installed it.
    pub tool_version: String,
}

impl Record {
    /// When the pack was installed first, as far as is known.
    pub fn first_installed_at(&self) -> Timestamp {
        self.first_installed_at.unwrap_or(self.installed_at)
    }
}

/// Where a pack came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledFrom {
    /// `registry`, `archive`, `local_archive`, `local_directory` or `git`.
    #[serde(rename = "type")]
    pub kind: SourceType,
    /// URL of the bytes; a `file:` URL for what is on this machine.
    pub url: String,
    /// Git ref that was asked for.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
    /// Commit it led to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Directory of the pack inside the source, when it is not the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdir: Option<String>,
}

/// The kind of a source, as records and reports name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceType {
    /// A ref, looked up in registries.
    Registry,
    /// An archive URL.
    Archive,
    /// An archive file.
    LocalArchive,
    /// A directory.
    LocalDirectory,
    /// A git repository.
    Git,
}

/// What was verified, as a list; empty reads and writes as `none`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WireVerified", into = "WireVerified")]
pub struct Verified(pub Vec<Check>);

/// One comparison that held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// `archive_digest`, `tree_digest` or `store_key`.
    pub what: String,
    /// Who said what it must be: `registry` or `command line`.
    pub against: String,
}

impl Check {
    /// A comparison of `what` with what `against` said.
    pub fn new(what: &str, against: &str) -> Self {
        Self {
            what: what.to_owned(),
            against: against.to_owned(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WireVerified {
    Word(String),
    List(Vec<Check>),
}

impl From<WireVerified> for Verified {
    fn from(wire: WireVerified) -> Self {
        match wire {
            WireVerified::Word(_) => Self::default(),
            WireVerified::List(checks) => Self(checks),
        }
    }
}

impl From<Verified> for WireVerified {
    fn from(verified: Verified) -> Self {
        if verified.0.is_empty() {
            Self::Word("none".to_owned())
        } else {
            Self::List(verified.0)
        }
    }
}

impl std::fmt::Display for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (i, check) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{} ({})", check.what, check.against)?;
        }
        Ok(())
    }
}
