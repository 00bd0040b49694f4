//! The search index of a tree: staged as a whole, written where it differs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use pack_format::PackRef;
use pack_fs::FsError;
use pack_search::{FORMAT, HEAD, Head, SearchFile, SearchRecord};
use registry_tree::{Phase, TreeWriter};

use crate::facts::Neighbours;

/// The folders that hold nothing but the index.
const FOLDERS: [&str; 2] = ["search/terms", "search/packs"];

/// Stages the index of `packs`; returns its paths.
///
/// Views, like pages: they are in place before the pointers, so that a build that was cut makes them again.
///
/// # Errors
/// [`FsError`].
pub(crate) fn stage(
    writer: &TreeWriter,
    records: &BTreeMap<&PackRef, &SearchRecord>,
    neighbours: &Neighbours,
) -> Result<BTreeSet<String>, FsError> {
    let dependents = |pack_ref: &PackRef| neighbours.dependents(pack_ref).len() as u64;
    let mut paths = BTreeSet::new();
    pack_search::files(records, dependents, |SearchFile { path, bytes }| {
        writer.put_text(Phase::View, &path, &bytes)?;
        paths.insert(path);
        Ok(())
    })?;
    Ok(paths)
}

/// Whether the tree has every file of an index of so many packs.
pub(crate) fn is_whole(writer: &TreeWriter, packs: usize) -> bool {
    let head = fs::read(writer.root().join(HEAD)).ok();
    let head: Option<Head> = head.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    head.is_some_and(|head| {
        head.format == FORMAT
            && head.packs == packs
            && head
                .paths()
                .iter()
                .all(|path| writer.size_of(path).is_some_and(|size| size > 0))
    })
}

/// Removes what the index that was just committed does not need.
///
/// # Errors
/// [`FsError`].
pub(crate) fn sweep(writer: &TreeWriter, paths: &BTreeSet<String>) -> Result<(), FsError> {
    for folder in FOLDERS {
        for name in names(&writer.root().join(folder)) {
            let path = format!("{folder}/{name}");
            let plain = [".gz", ".zst"]
                .iter()
                .find_map(|suffix| path.strip_suffix(suffix));
            if !paths.contains(plain.unwrap_or(&path)) {
                writer.erase(plain.unwrap_or(&path))?;
            }
        }
    }
    if !paths.contains(pack_search::RANK) && writer.has(pack_search::RANK) {
        writer.erase(pack_search::RANK)?;
    }
    Ok(())
}

/// The names in a folder; none where it cannot be read, because sweeping can wait.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect()
}
