//! Ignore rules: which files of a pack directory stay out of its archive.
//!
//! `.gitignore` and `.attuneignore` inside the pack count, from the pack's root down, and nothing outside
//! it: the same directory gives the same archive wherever it lies. Files that git tracks are kept.

use std::collections::BTreeSet;
use std::path::Path;

use ignore::WalkBuilder;
use pack_fs::tree::{Scan, TreeError, TreeFile};

/// Name of our own ignore file, in the syntax of `.gitignore`.
const OWN_FILE: &str = ".attuneignore";

/// The files of `scan` that belong to the pack.
///
/// `tracked` tells the paths git tracks below the pack's root; it is asked only where rules exist.
///
/// # Errors
/// The first entry no pack may hold that no rule ignores.
pub(crate) fn filter(
    root: &Path,
    scan: Scan,
    tracked: impl FnOnce() -> BTreeSet<String>,
) -> Result<Vec<TreeFile>, TreeError> {
    let is_rule_file =
        |path: &str| matches!(path.rsplit('/').next(), Some(".gitignore" | OWN_FILE));
    if !scan.files.iter().any(|file| is_rule_file(&file.path)) {
        return match scan.refused.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(scan.files),
        };
    }
    let mut kept = tracked();
    kept.extend(not_ignored(root));
    if let Some((_, error)) = scan
        .refused
        .into_iter()
        .find(|(path, _)| kept.contains(path))
    {
        return Err(error);
    }
    Ok(scan
        .files
        .into_iter()
        .filter(|file| kept.contains(&file.path))
        .collect())
}

fn not_ignored(root: &Path) -> BTreeSet<String> {
    let walk = WalkBuilder::new(root)
        .standard_filters(false)
        .git_ignore(true)
        .require_git(false)
        .parents(false)
        .follow_links(false)
        .add_custom_ignore_filename(OWN_FILE)
        .build();
    walk.filter_map(Result::ok)
        .filter_map(|entry| {
            let relative = entry.path().strip_prefix(root).ok()?;
            Some(relative.to_string_lossy().into_owned())
        })
        .collect()
}
