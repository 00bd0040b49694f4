//! `changes/`: what happened to a registry, in order.
//!
//! ```text
//! changes/head.json ─ the newest records, and the digest of every ─┐
//! changes/<first>-<sha256>.json  <─────────────────────────────────┘  512 records, sealed
//! ```
//!
//! A reader that keeps the number of the last record it saw asks for the head alone, and for sealed segments only if
//! it is far behind. A record says where to look: what is true is in `packs.json` and the documents. After an
//! interrupted run the last records may speak of something that did not come about, or do so twice; none is lost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::ArchiveDigest;
use crate::documents::{PackDocument, VersionDocument};
use crate::pack_ref::PackRef;
use crate::time::Timestamp;
use crate::version::Version;

/// Records of a sealed segment.
pub const SEGMENT_RECORDS: usize = 512;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChangeKind {
    /// A version entered the registry.
    Publish,
    /// A version has other bytes, as development builds do.
    Replace,
    /// A version was hidden.
    Yank,
    /// A version was shown again.
    Unyank,
    /// A version was taken down.
    Takedown,
    /// A version, or the whole pack, is listed no more.
    Remove,
    /// A pack should no longer be chosen by newcomers.
    Deprecate,
    /// It may be chosen again.
    Undeprecate,
    /// Something else is said of a version, or of the pack: a patch, a source, an owner.
    Update,
    /// What a newer release wrote.
    #[serde(other)]
    Unknown,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRecord {
    /// Counts from 0 without gaps.
    pub number: u64,
    /// When the registry changed; never before the time of an earlier record.
    pub at: Timestamp,
    /// What.
    pub change: ChangeKind,
    /// To which pack.
    #[serde(rename = "ref")]
    pub pack_ref: PackRef,
    /// To which version; absent where it concerns the pack as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The pack's document from then on; absent where the pack is listed no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<ArchiveDigest>,
}

/// `changes/<first>-<sha256>.json`: records that are complete and never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSegment {
    /// Always [`FORMAT`](crate::documents::FORMAT).
    pub format: u32,
    /// Digest of the segment before; absent in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<ArchiveDigest>,
    /// [`SEGMENT_RECORDS`] of them, oldest first.
    pub records: Vec<ChangeRecord>,
}

/// A sealed segment as the head names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentPointer {
    /// Number of its first record.
    pub first: u64,
    /// SHA-256 of its bytes.
    pub digest: ArchiveDigest,
}

/// `changes/head.json`: the newest records, and where the others are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeHead {
    /// Always [`FORMAT`](crate::documents::FORMAT).
    pub format: u32,
    /// Since when changes are recorded, where the registry is older than its records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Number that the next record will get.
    pub next: u64,
    /// Oldest first.
    pub segments: Vec<SegmentPointer>,
    /// Those behind the last segment, oldest first; fewer than [`SEGMENT_RECORDS`].
    pub records: Vec<ChangeRecord>,
}

/// A change of one document: what, and to which version.
pub type DocumentChange = (ChangeKind, Option<Version>);

/// What happened between two states of a pack's document, oldest version first; `old` is absent for a new pack.
///
/// Counts of downloads are no change.
pub fn changes_between(old: Option<&PackDocument>, new: &PackDocument) -> Vec<DocumentChange> {
    let (before, after) = (old.map_or_else(BTreeMap::new, by_version), by_version(new));
    let mut changes = Vec::new();
    for version in before.keys().filter(|v| !after.contains_key(*v)) {
        changes.push((ChangeKind::Remove, Some((*version).clone())));
    }
    for (version, now) in &after {
        let kinds = version_changes(before.get(version).copied(), now);
        changes.extend(
            kinds
                .into_iter()
                .map(|kind| (kind, Some((*version).clone()))),
        );
    }
    let was = old.and_then(|old| old.deprecated.as_ref());
    let owners = old.is_some_and(|old| old.owners != new.owners);
    match (was, &new.deprecated) {
        (None, Some(_)) => changes.push((ChangeKind::Deprecate, None)),
        (Some(_), None) => changes.push((ChangeKind::Undeprecate, None)),
        (was, is) if owners || was != is.as_ref() => changes.push((ChangeKind::Update, None)),
        _ => {}
    }
    changes
}

fn by_version(document: &PackDocument) -> BTreeMap<&Version, &VersionDocument> {
    let versions = document.versions.iter();
    versions.map(|v| (&v.version, v)).collect()
}

fn version_changes(before: Option<&VersionDocument>, now: &VersionDocument) -> Vec<ChangeKind> {
    let mut kinds = Vec::new();
    let was_yanked = before.is_some_and(|v| v.yanked.is_some());
    let was_taken_down = before.is_some_and(|v| v.taken_down.is_some());
    let digest = |v: &VersionDocument| v.archive.as_ref().map(|a| a.checksum);
    match before {
        None => kinds.push(ChangeKind::Publish),
        Some(old) if now.taken_down.is_none() && digest(old) != digest(now) => {
            kinds.push(ChangeKind::Replace);
        }
        Some(_) => {}
    }
    if now.taken_down.is_some() && !was_taken_down {
        kinds.push(ChangeKind::Takedown);
    } else if now.yanked.is_some() != was_yanked {
        kinds.push(if was_yanked {
            ChangeKind::Unyank
        } else {
            ChangeKind::Yank
        });
    }
    if kinds.is_empty() && before.is_some_and(|old| old != now) {
        kinds.push(ChangeKind::Update);
    }
    kinds
}
