//! Writes `changes/`: what a publication did, behind what was done before.

use std::collections::{BTreeMap, BTreeSet};

use pack_format::change_log::{
    ChangeHead, ChangeRecord, ChangeSegment, DocumentChange, SEGMENT_RECORDS, SegmentPointer,
};
use pack_format::documents::FORMAT;
use pack_format::{ArchiveDigest, PackRef, Timestamp, canonical};
use registry_tree::{Phase, TreeReader, TreeWriter, layout};
use serde::Serialize;

use crate::publish_error::PublishError;

/// What happened to one pack: its document from now on, and the changes.
pub(crate) type PackChanges = (Option<ArchiveDigest>, Vec<DocumentChange>);

/// When something happens, and whether something did that nobody recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    /// Whether the tree listed packs before.
    pub(crate) lists_packs: bool,
}

/// Stages what happened to these packs; returns the paths of the folder from then on.
///
/// The head is the first pointer of a commit: after a cut behind it the next run records the same once more, since
/// what it publishes has another time; nothing is lost.
///
/// # Errors
/// [`PublishError`].
pub(crate) fn stage(
    writer: &TreeWriter,
    reader: &TreeReader,
    moment: Moment,
    changes: BTreeMap<PackRef, PackChanges>,
) -> Result<BTreeSet<String>, PublishError> {
    let kept = reader.change_head()?;
    let is_kept = kept.is_some();
    let mut head = kept.unwrap_or_else(|| ChangeHead {
        format: FORMAT,
        since: moment.lists_packs.then_some(moment.at),
        next: 0,
        segments: Vec::new(),
        records: Vec::new(),
    });
    let records = records(moment.at, changes);
    let is_changed = !records.is_empty();
    for mut record in records {
        record.number = head.next;
        head.next += 1;
        head.records.push(record);
        if head.records.len() == SEGMENT_RECORDS {
            seal(writer, &mut head)?;
        }
    }
    if is_changed {
        let bytes = bytes(layout::CHANGES_HEAD, &head)?;
        writer.put_text(Phase::Pointer, layout::CHANGES_HEAD, &bytes)?;
    }
    let segments = head.segments.iter();
    let mut paths: BTreeSet<String> = segments
        .map(|segment| layout::change_segment(segment.first, &segment.digest))
        .collect();
    if is_changed || is_kept {
        paths.insert(layout::CHANGES_HEAD.to_owned());
    }
    Ok(paths)
}

/// Records without numbers, by ref and as they happened.
fn records(at: Timestamp, changes: BTreeMap<PackRef, PackChanges>) -> Vec<ChangeRecord> {
    let of_pack = |(pack_ref, (document, changes)): (PackRef, PackChanges)| {
        changes
            .into_iter()
            .map(move |(change, version)| ChangeRecord {
                number: 0,
                at,
                change,
                pack_ref: pack_ref.clone(),
                version,
                document,
            })
    };
    changes.into_iter().flat_map(of_pack).collect()
}

fn seal(writer: &TreeWriter, head: &mut ChangeHead) -> Result<(), PublishError> {
    let records = std::mem::take(&mut head.records);
    let first = records.first().map_or(head.next, |record| record.number);
    let segment = ChangeSegment {
        format: FORMAT,
        previous: head.segments.last().map(|segment| segment.digest),
        records,
    };
    let bytes = bytes(layout::CHANGES, &segment)?;
    let digest = ArchiveDigest::of(&bytes);
    writer.put_text(
        Phase::Object,
        &layout::change_segment(first, &digest),
        &bytes,
    )?;
    head.segments.push(SegmentPointer { first, digest });
    Ok(())
}

fn bytes<T: Serialize>(name: &str, document: &T) -> Result<Vec<u8>, PublishError> {
    canonical::to_compact_bytes(document).map_err(|source| PublishError::Json {
        name: name.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pack_format::change_log::ChangeKind;

    use super::*;

    /// Segments name the one before, records count on through them, and time is what it was told.
    #[test]
    fn segments_form_a_chain() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        let reader = TreeReader::new(&root);
        let moment = Moment {
            at: "2026-01-02T03:04:05Z".parse().unwrap(),
            lists_packs: false,
        };
        for round in 0..3 {
            let writer = TreeWriter::begin(&root, "test", Duration::ZERO, |_| {}).unwrap();
            let changes = (0..SEGMENT_RECORDS).map(|number| {
                let pack_ref = format!("p{round}-{number}").parse().unwrap();
                (pack_ref, (None, vec![(ChangeKind::Remove, None)]))
            });
            let paths = stage(&writer, &reader, moment, changes.collect()).unwrap();
            assert_eq!(paths.len(), round + 2);
            writer.commit().unwrap();
        }
        let head = reader.change_head().unwrap().unwrap();
        assert_eq!((head.next, head.records.len()), (1_536, 0));
        let mut previous = None;
        for (position, pointer) in head.segments.iter().enumerate() {
            let segment = reader.change_segment(pointer).unwrap();
            assert_eq!(segment.previous, previous);
            assert_eq!(pointer.first, (position * SEGMENT_RECORDS) as u64);
            assert_eq!(segment.records[0].number, pointer.first);
            assert_eq!(segment.records[0].at, moment.at);
            previous = Some(pointer.digest);
        }
    }
}
