//! Names inside a registry tree, and of the state directory beside it.
//!
//! ```text
//! TREE/index.json registry.json packs.json            pointers
//! TREE/packs/<ref>.json   packs/<ref>/index.html      views
//! TREE/docs/<sha256>.<ref>.json                       objects
//! TREE/archives/<ref>/<ref>-<version>.tar.gz          objects
//! TREE.state/lock  staging/  build.json  superseded.json
//! ```

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use pack_format::{ArchiveDigest, PackRef, Version};

/// `index.json`, format 1.
pub const INDEX: &str = "index.json";
/// `registry.json`.
pub const REGISTRY: &str = "registry.json";
/// `packs.json`.
pub const PACKS: &str = "packs.json";
/// The folder of immutable documents.
pub const DOCS: &str = "docs";

/// Path of an archive; build metadata is part of the name.
pub fn archive(pack_ref: &PackRef, version: &Version) -> String {
    format!(
        "archives/{pack_ref}/{}.tar.gz",
        archive_top(pack_ref, version)
    )
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

/// Path of a pack's page.
pub fn pack_page(pack_ref: &PackRef) -> String {
    format!("packs/{pack_ref}/index.html")
}

/// The state directory of a tree: `TREE.state`, beside it.
pub fn state_directory(root: &Path) -> PathBuf {
    let absolute = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    let mut name = absolute
        .file_name()
        .map_or_else(|| OsString::from("registry"), OsString::from);
    name.push(".state");
    absolute.with_file_name(name)
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
}
