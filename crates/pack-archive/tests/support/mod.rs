//! What the tests share: what a tree on disk looks like, and scratch directories.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use tempfile::TempDir;

/// One node of a tree on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// A directory.
    Directory,
    /// A regular file: execute bit and content.
    File(bool, Vec<u8>),
    /// Anything else, by its mode.
    Other(u32),
}

/// Paths below a root, `/` between names.
pub(crate) type Tree = BTreeMap<String, Node>;

/// A directory that is removed at the end: in memory where there is such a place, so that a busy
/// disk is neither waited for nor timed.
pub(crate) fn scratch() -> TempDir {
    TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .unwrap()
}

/// The tree below `root`; also checks that modes are 0644 or 0755 and that no inode is shared.
pub(crate) fn tree_of(root: &Path) -> Tree {
    let mut tree = Tree::new();
    walk(root, "", &mut tree);
    tree
}

fn walk(directory: &Path, prefix: &str, tree: &mut Tree) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{prefix}{name}");
        let metadata = fs::symlink_metadata(entry.path()).unwrap();
        let mode = metadata.permissions().mode() & 0o7777;
        let node = if metadata.is_dir() {
            assert_eq!(mode, 0o755, "{path}");
            walk(&entry.path(), &format!("{path}/"), tree);
            Node::Directory
        } else if metadata.is_file() {
            assert!(mode == 0o644 || mode == 0o755, "{path} has mode {mode:o}");
            assert_eq!(metadata.nlink(), 1, "{path}");
            Node::File(mode == 0o755, fs::read(entry.path()).unwrap())
        } else {
            Node::Other(metadata.mode())
        };
        tree.insert(path, node);
    }
}
