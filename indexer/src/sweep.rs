//! Removes views that a publication no longer has: lists of packs that became shorter or empty, files of the search
//! index that were cut otherwise, and what a run that was cut recorded.

use std::fs;
use std::path::Path;

use pack_fs::FsError;
use registry_pages::{PackGroup, PackList};
use registry_tree::{TreeWriter, layout};

use crate::lists::Views;

/// Folders of which a publication knows every file.
const FOLDERS: [&str; 4] = [layout::CHANGES, "page", "search", "sitemap"];

/// The same, with a folder for each group of packs: there may be as many as packs.
const GROUPS: [&str; 4] = ["authors", "categories", "keywords", "sorted"];

/// Removes what lies in the folders of lists and is not among `views`, twins included.
///
/// To be called after the commit; a reader of an old list may miss the page behind it.
///
/// # Errors
/// [`FsError`].
pub(crate) fn sweep(writer: &TreeWriter, views: &Views) -> Result<(), FsError> {
    let folders = FOLDERS.iter().chain(&GROUPS);
    let mut found = folders.flat_map(|folder| files(writer.root(), folder));
    found.try_for_each(|path| remove_unless_needed(writer, views, &path))
}

/// The same where the tree is as the publication before left it, which listed the packs of `before`: of the
/// pages of groups only those are looked for that it had.
///
/// # Errors
/// [`FsError`].
pub(crate) fn sweep_since(
    writer: &TreeWriter,
    before: &PackList,
    views: &Views,
) -> Result<(), FsError> {
    let mut found = FOLDERS
        .iter()
        .flat_map(|folder| files(writer.root(), folder));
    found.try_for_each(|path| remove_unless_needed(writer, views, &path))?;
    let pages = |group: &PackGroup| -> Vec<String> {
        (1..=group.pages()).map(|page| group.path(page)).collect()
    };
    let mut gone = before
        .groups()
        .iter()
        .flat_map(pages)
        .filter(|path| !views.paths.contains(path));
    gone.try_for_each(|path| remove_unless_needed(writer, views, &path))?;
    for path in &views.without_twins {
        for suffix in [".gz", ".zst"] {
            let twin = format!("{path}{suffix}");
            if writer.size_of(&twin).is_some() {
                writer.erase(&twin)?;
            }
        }
    }
    Ok(())
}

/// Removes a file, and its twins with it, unless it is among `views`.
fn remove_unless_needed(writer: &TreeWriter, views: &Views, path: &str) -> Result<(), FsError> {
    let plain = [".gz", ".zst"]
        .iter()
        .find_map(|suffix| path.strip_suffix(suffix));
    let is_twin = plain.is_some();
    let plain = plain.unwrap_or(path);
    if !views.paths.contains(plain) {
        writer.erase(plain)?;
        empty(writer.root(), plain);
    } else if is_twin && views.without_twins.contains(plain) {
        writer.erase(path)?;
    }
    Ok(())
}

/// The files below a folder; what cannot be read can be swept another time. Links are not followed.
fn files(root: &Path, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(root.join(&folder)) else {
            continue;
        };
        for entry in entries.flatten() {
            let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) else {
                continue;
            };
            let path = format!("{folder}/{name}");
            if kind.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found
}

/// Removes the folders that removing `path` has left empty, but for the topmost.
fn empty(root: &Path, path: &str) {
    let mut path = path;
    while let Some((folder, _)) = path.rsplit_once('/') {
        // Fails where something is left, which is the point.
        if !folder.contains('/') || fs::remove_dir(root.join(folder)).is_err() {
            return;
        }
        path = folder;
    }
}
