//! Checks `changes/`: the head, and every segment that it names.

use std::collections::BTreeSet;

use pack_format::ArchiveDigest;
use pack_format::change_log::{ChangeHead, ChangeRecord, ChangeSegment};
use pack_format::limits::MAX_DOCUMENT_BYTES;
use registry_tree::layout;

use super::context::Context;
use super::{document, rules};

/// Checks the record of changes, if there is one; returns its files, unless it cannot be told which they are.
pub(super) fn check(context: &Context<'_>) -> Option<BTreeSet<String>> {
    let bytes = match context.read(layout::CHANGES_HEAD, MAX_DOCUMENT_BYTES) {
        Ok(bytes) => bytes?,
        Err(reason) => {
            context.breach(rules::FILE_UNREADABLE, layout::CHANGES_HEAD, reason);
            return None;
        }
    };
    let head: ChangeHead = document::parse(context, layout::CHANGES_HEAD, &bytes)?;
    let mut paths = BTreeSet::from([layout::CHANGES_HEAD.to_owned()]);
    let mut next = 0;
    let mut previous = None;
    for pointer in &head.segments {
        let path = layout::change_segment(pointer.first, &pointer.digest);
        if let Some(segment) = segment(context, &path, pointer.digest) {
            if segment.previous != previous {
                context.breach(
                    rules::CHANGES_BROKEN,
                    &path,
                    "it does not follow the segment before it",
                );
            }
            next = follow(context, &path, next, &segment.records);
        } else {
            next = pointer.first + pack_format::change_log::SEGMENT_RECORDS as u64;
        }
        previous = Some(pointer.digest);
        paths.insert(path);
    }
    next = follow(context, layout::CHANGES_HEAD, next, &head.records);
    if next != head.next {
        let message = format!("it says the next record is {}, which is {next}", head.next);
        context.breach(rules::CHANGES_BROKEN, layout::CHANGES_HEAD, message);
    }
    Some(paths)
}

/// A segment that has the bytes it is named by.
fn segment(context: &Context<'_>, path: &str, expected: ArchiveDigest) -> Option<ChangeSegment> {
    let bytes = context.document(path)?;
    let found = ArchiveDigest::of(&bytes);
    if found != expected {
        let message = format!(
            "it has other bytes than its name says\n  expected  {expected}\n  computed  {found}"
        );
        context.breach(rules::CHANGES_BROKEN, path, message);
        return None;
    }
    document::parse(context, path, &bytes)
}

/// Checks that records go on with `next`, one after the other; returns what comes after them.
fn follow(context: &Context<'_>, path: &str, next: u64, records: &[ChangeRecord]) -> u64 {
    let mut expected = next;
    for record in records {
        if record.number != expected {
            let message = format!("record {} stands where {expected} should", record.number);
            context.breach(rules::CHANGES_BROKEN, path, message);
        }
        expected = record.number.saturating_add(1);
    }
    if !records.is_sorted_by_key(|record| record.at) {
        context.breach(rules::CHANGES_BROKEN, path, "time runs backwards in it");
    }
    expected
}
