//! The search index of a tree: staged as a whole, written where it differs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Mutex, PoisonError};

use pack_format::PackRef;
use pack_fs::FsError;
use pack_search::{FORMAT, HEAD, Head, Indexed, PackRow, SearchFile};
use registry_tree::{Phase, TreeWriter};

use crate::facts::Neighbours;

/// Stages the index of `packs`; returns its paths.
///
/// Views, like pages: they are in place before the pointers, so that a build that was cut makes them again.
///
/// # Errors
/// [`FsError`].
pub(crate) fn stage(
    writer: &TreeWriter,
    records: &BTreeMap<&PackRef, Indexed<'_>>,
    neighbours: &Neighbours,
) -> Result<BTreeSet<String>, FsError> {
    let dependents = |pack_ref: &PackRef| neighbours.dependents(pack_ref).len() as u64;
    let paths = Mutex::new(BTreeSet::new());
    pack_search::files(records, dependents, |SearchFile { path, bytes }| {
        writer.put_text(Phase::View, &path, &bytes)?;
        paths
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path);
        Ok(())
    })?;
    Ok(paths.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Stages what an index that is there shows of the packs `of`, of which nothing else changed.
///
/// # Errors
/// [`FsError`].
pub(crate) fn stage_rows(
    writer: &TreeWriter,
    rows: &BTreeMap<&PackRef, &PackRow>,
    of: &BTreeSet<PackRef>,
) -> Result<(), FsError> {
    let mut files = pack_search::tables_of(rows, of).into_iter();
    files.try_for_each(|SearchFile { path, bytes }| writer.put_text(Phase::View, &path, &bytes))
}

/// The paths of the index of so many packs that the tree has; `None` if there is none, or a file of it is lost.
pub(crate) fn present(writer: &TreeWriter, packs: usize) -> Option<BTreeSet<String>> {
    let head = fs::read(writer.root().join(HEAD)).ok()?;
    let head: Head = serde_json::from_slice(&head).ok()?;
    if head.format != FORMAT || head.packs != packs {
        return None;
    }
    let paths: BTreeSet<String> = head.paths().into_iter().collect();
    let is_there = |path: &String| writer.size_of(path).is_some_and(|size| size > 0);
    paths.iter().all(is_there).then_some(paths)
}
