//! Icons of packs in a tree: objects beside the archives, named by their content.

use std::path::Path;

use pack_check::{Icon, MAX_ICON_BYTES};
use pack_format::documents::{IconRecord, PackDocument, VersionDocument};
use pack_format::{ArchiveDigest, PackRef};
use pack_fs::FsError;
use pack_fs::source_dir::open_regular;
use registry_tree::{Phase, TreeWriter, layout};

use crate::details::Details;

/// What a document says of an icon.
pub(crate) fn record(pack_ref: &PackRef, icon: &Icon<'_>) -> IconRecord {
    let checksum = ArchiveDigest::of(icon.bytes);
    IconRecord {
        path: layout::icon(pack_ref, &checksum, icon.extension),
        checksum,
        size_bytes: icon.bytes.len() as u64,
    }
}

/// Makes an icon part of the commit, unless the tree has it.
///
/// # Errors
/// [`FsError`].
pub(crate) fn put(writer: &TreeWriter, record: &IconRecord, bytes: &[u8]) -> Result<(), FsError> {
    if writer.size_of(&record.path) == Some(record.size_bytes) {
        return Ok(());
    }
    writer.put_bytes(Phase::Object, &record.path, bytes)
}

/// Makes the icon of the newest version again, where the tree has lost it and `details` were read from its archive.
///
/// # Errors
/// [`FsError`].
pub(crate) fn restore(
    writer: &TreeWriter,
    document: &PackDocument,
    details: &Details,
) -> Result<(), FsError> {
    let told = document.newest().and_then(|newest| newest.icon.as_ref());
    match (told, details.icon()) {
        (Some(told), Some(icon)) if record(&document.pack_ref, &icon) == *told => {
            put(writer, told, icon.bytes)
        }
        _ => Ok(()),
    }
}

/// The icon of `version` in the tree at `root`, if it is one that this registry would have taken itself.
///
/// SECURITY: what another tree says of an icon is not believed.
pub(crate) fn of_tree(
    root: &Path,
    pack_ref: &PackRef,
    version: &VersionDocument,
) -> Option<Vec<u8>> {
    let told = version.icon.as_ref()?;
    if !layout::is_inside(&told.path) || told.size_bytes > MAX_ICON_BYTES as u64 {
        return None;
    }
    let file = open_regular(&root.join(&told.path)).ok()?;
    let mut bytes = Vec::new();
    let most = MAX_ICON_BYTES as u64 + 1;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, most), &mut bytes).ok()?;
    let found = record(pack_ref, &Icon::read(&bytes).ok()?);
    (found == *told).then_some(bytes)
}

/// Paths of icons that `before` names and `after` does not.
pub(crate) fn unpinned(before: &PackDocument, after: &PackDocument) -> Vec<String> {
    let paths = |document: &PackDocument| -> Vec<String> {
        let icons = document.versions.iter().filter_map(|v| v.icon.as_ref());
        icons.map(|icon| icon.path.clone()).collect()
    };
    let still = paths(after);
    let mut gone = paths(before);
    gone.retain(|path| !still.contains(path));
    gone
}
