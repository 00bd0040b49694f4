//! Names inside a registry tree, and of the state directory beside it.
//!
//! ```text
//! TREE/index.json registry.json packs.json            pointers
//! TREE/changes/head.json                              pointer
//! TREE/changes/<first>-<sha256>.json                  objects
//! TREE/packs/<ref>.json   packs/<ref>/index.html      views
//! TREE/search/…  statistics.json                      views
//! TREE/docs/<sha256>.<ref>.json                       objects
//! TREE/archives/<ref>/<ref>-<version>.tar.gz          objects
//! TREE/icons/<ref>/<digest>.png                       objects
//! TREE.state/lock  staging/  build.json  superseded.json
//! ```

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use pack_format::{ArchiveDigest, PackRef, Version};

/// `index.json`, format 1.
pub const INDEX: &str = "index.json";
/// `registry.json`.
pub const REGISTRY: &str = "registry.json";
/// `packs.json`.
pub const PACKS: &str = "packs.json";
/// How often archives were downloaded.
pub const STATISTICS: &str = "statistics.json";
/// The folder of immutable documents.
pub const DOCS: &str = "docs";

/// The folder of the icons of packs.
pub const ICONS: &str = "icons";

/// The folder of what happened to the registry.
pub const CHANGES: &str = "changes";
/// The newest records of it.
pub const CHANGES_HEAD: &str = "changes/head.json";

/// Path of an archive; build metadata is part of the name.
pub fn archive(pack_ref: &PackRef, version: &Version) -> String {
    format!(
        "archives/{pack_ref}/{}.tar.gz",
        archive_top(pack_ref, version)
    )
}

/// Path of a pack's icon, named by its content; `extension` says what it is.
pub fn icon(pack_ref: &PackRef, digest: &ArchiveDigest, extension: &str) -> String {
    let hex = digest.to_hex();
    let short = hex.get(..16).unwrap_or_default();
    format!("{ICONS}/{pack_ref}/{short}.{extension}")
}

/// The one directory at the top of an archive.
pub fn archive_top(pack_ref: &PackRef, version: &Version) -> String {
    format!("{pack_ref}-{version}")
}

/// Path of a pack's document under the name people can guess.
pub fn pack_document(pack_ref: &PackRef) -> String {
    format!("packs/{pack_ref}.json")
}

/// Path of a pack's document under its immutable name.
pub fn immutable_document(pack_ref: &PackRef, digest: &ArchiveDigest) -> String {
    format!("{DOCS}/{}.{pack_ref}.json", digest.to_hex())
}

/// Path of a sealed segment of the record of changes, by its first record and its digest.
pub fn change_segment(first: u64, digest: &ArchiveDigest) -> String {
    format!("{CHANGES}/{first}-{}.json", digest.to_hex())
}

/// Path of a pack's page.
pub fn pack_page(pack_ref: &PackRef) -> String {
    format!("packs/{pack_ref}/index.html")
}

/// Path of the page of a pack's changes.
pub fn pack_changes(pack_ref: &PackRef) -> String {
    format!("packs/{pack_ref}/changes/index.html")
}

/// Path of the feed of a pack's versions.
pub fn pack_feed(pack_ref: &PackRef) -> String {
    format!("packs/{pack_ref}/feed.atom")
}

/// Path of the badge that says the newest version of a pack.
pub fn pack_badge(pack_ref: &PackRef) -> String {
    format!("packs/{pack_ref}/badge.svg")
}

/// Path of an archive that replaces another one of the same version, as development builds do: its name
/// says its content, so that nothing pinned ever changes.
pub fn replacement_archive(
    pack_ref: &PackRef,
    version: &Version,
    digest: &ArchiveDigest,
) -> String {
    let hex = digest.to_hex();
    let short = hex.get(..8).unwrap_or_default();
    format!(
        "archives/{pack_ref}/{}.{short}.tar.gz",
        archive_top(pack_ref, version)
    )
}

/// Whether a relative path of a document stays below the root of its tree.
pub fn is_inside(path: &str) -> bool {
    let is_name = |part| matches!(part, Component::Normal(_));
    !path.is_empty() && Path::new(path).components().all(is_name)
}

/// The state directory of a tree: `TREE.state`, beside it.
///
/// Links are followed, so that a tree has one state whatever name leads to it.
pub fn state_directory(root: &Path) -> PathBuf {
    let resolved = resolved(root);
    let mut name = resolved
        .file_name()
        .map_or_else(|| OsString::from("registry"), OsString::from);
    name.push(".state");
    resolved.with_file_name(name)
}

/// The path without links, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let Ok(real) = absolute.canonicalize() {
        return real;
    }
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) => resolved(parent).join(name),
        _ => absolute,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beside the tree, whatever way the tree is named.
    #[test]
    fn state_directory_stands_beside_the_tree() {
        assert_eq!(
            state_directory(Path::new("/srv/reg")),
            Path::new("/srv/reg.state")
        );
        assert_eq!(
            state_directory(Path::new("/srv/reg/")),
            Path::new("/srv/reg.state")
        );
    }

    /// A tree reached through a link shares the state of the tree.
    #[test]
    fn state_directory_follows_links() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("tree")).unwrap();
        std::os::unix::fs::symlink("tree", dir.path().join("link")).unwrap();
        let state = |name: &str| state_directory(&dir.path().join(name));
        assert_eq!(state("link"), state("tree"));
    }
}
