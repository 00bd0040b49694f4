//! Removes views that a publication no longer has: lists of packs that became shorter or empty, and files of the
//! search index that were cut otherwise.

use std::fs;
use std::path::Path;

use pack_fs::FsError;
use registry_tree::TreeWriter;

use crate::lists::Views;

/// Folders of which a publication knows every file.
const FOLDERS: [&str; 6] = [
    "authors",
    "categories",
    "keywords",
    "page",
    "search",
    "sitemap",
];

/// Removes what lies in the folders of lists and is not among `views`, twins included.
///
/// To be called after the commit; a reader of an old list may miss the page behind it.
///
/// # Errors
/// [`FsError`].
pub(crate) fn sweep(writer: &TreeWriter, views: &Views) -> Result<(), FsError> {
    for folder in FOLDERS {
        for path in files(writer.root(), folder) {
            let plain = [".gz", ".zst"]
                .iter()
                .find_map(|suffix| path.strip_suffix(suffix));
            let is_twin = plain.is_some();
            let plain = plain.unwrap_or(&path);
            if !views.paths.contains(plain) {
                writer.erase(plain)?;
                empty(writer.root(), plain);
            } else if is_twin && views.without_twins.contains(plain) {
                writer.erase(&path)?;
            }
        }
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
