//! `tree`: the sorted walk every digest of a directory is computed from.

use std::fs::{self, File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use pack_format::digest::{TreeHashError, TreeHasher};
use pack_format::{Hint, StoreKey, TreeDigest};

use crate::error::{Context as _, FsError};

/// One regular file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Relative to the root, `/` between names, UTF-8.
    pub path: String,
    /// Size when it was looked at, in bytes.
    pub size_bytes: u64,
    /// Whether its owner may execute it.
    pub executable: bool,
    /// What tells an edited file from an untouched one without reading it.
    pub stamp: Stamp,
}

/// Times and identity of a file: any write changes at least one of them, unless it happens within the
/// same tick of the file system's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Modification time, nanoseconds since 1970.
    pub modified_ns: i128,
    /// Change time, nanoseconds since 1970; no program can set it back.
    pub changed_ns: i128,
    /// Inode number.
    pub inode: u64,
}

impl Stamp {
    /// The stamp of a file.
    pub fn of(metadata: &Metadata) -> Self {
        let ns = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
        }
    }
}

/// Why a directory is no tree of a pack.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// A link, device, socket or pipe.
    #[error("`{}` is a {kind}; a pack holds regular files and directories only", path.display())]
    Special {
        /// Where.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A name that is not UTF-8.
    #[error("the name of `{}` is not UTF-8", path.display())]
    Name {
        /// Where.
        path: PathBuf,
    },
    /// Deeper than any pack needs to be.
    #[error("`{}` lies deeper than {limit} directories", path.display())]
    Depth {
        /// Where.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FsError),
    /// A file changed under our hands.
    #[error("below `{}`", root.display())]
    Hash {
        /// Root of the tree.
        root: PathBuf,
        /// Which file, and how.
        source: TreeHashError,
    },
}

impl Hint for TreeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Special { .. } => Some("replace it by a regular file or remove it".to_owned()),
            Self::Name { .. } => Some("rename the file".to_owned()),
            Self::Depth { .. } => None,
            Self::File(error) => error.hint(),
            Self::Hash { .. } => Some("run the command again when nothing writes there".to_owned()),
        }
    }
}

/// Deepest directory of a tree, inclusive.
const MAX_DEPTH: usize = 64;

/// Everything below a root.
#[derive(Debug, Default)]
pub struct Scan {
    /// Regular files in byte order of their whole paths.
    pub files: Vec<TreeFile>,
    /// Entries no pack may hold, by relative path (lossy where a name is not UTF-8): what each one is.
    /// Directories that lie too deep or cannot be listed are among them.
    pub refused: Vec<(String, TreeError)>,
}

/// The files below `root` in byte order of their whole paths; `.git` at any depth is left out.
///
/// # Errors
/// [`TreeError`] for the first entry that no pack may hold.
pub fn walk(root: &Path) -> Result<Vec<TreeFile>, TreeError> {
    let scan = entries(root)?;
    match scan.refused.into_iter().next() {
        Some((_, error)) => Err(error),
        None => Ok(scan.files),
    }
}

/// Like [`walk`], but entries no pack may hold are listed, for callers that may yet ignore them.
///
/// # Errors
/// [`TreeError`] if the root is a symbolic link, or the file system refuses to list it.
pub fn scan(root: &Path) -> Result<Scan, TreeError> {
    // A trailing slash would make the system look behind the link.
    let bare: PathBuf = root.components().collect();
    if bare.is_symlink() {
        return Err(TreeError::Special {
            path: root.to_owned(),
            kind: SYMBOLIC_LINK,
        });
    }
    entries(root)
}

const SYMBOLIC_LINK: &str = "symbolic link";

fn entries(root: &Path) -> Result<Scan, TreeError> {
    let mut scan = Scan::default();
    collect(root, "", 0, &mut scan)?;
    scan.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    scan.refused.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(scan)
}

/// Collects what `directory` holds; an error is about `directory` itself.
fn collect(directory: &Path, prefix: &str, depth: usize, scan: &mut Scan) -> Result<(), TreeError> {
    if depth > MAX_DEPTH {
        return Err(TreeError::Depth {
            path: directory.to_owned(),
            limit: MAX_DEPTH,
        });
    }
    for entry in fs::read_dir(directory).on("list", directory)? {
        let entry = entry.on("list", directory)?;
        let name = entry.file_name();
        if name == ".git" {
            continue;
        }
        let text = name.to_string_lossy();
        let relative = if prefix.is_empty() {
            text.clone().into_owned()
        } else {
            [prefix, &*text].join("/")
        };
        if name.to_str().is_none() {
            let path = entry.path();
            scan.refused.push((relative, TreeError::Name { path }));
            continue;
        }
        match kind_of(&entry) {
            Ok(Kind::File(metadata)) => scan.files.push(TreeFile {
                path: relative,
                size_bytes: metadata.len(),
                executable: metadata.permissions().mode() & 0o100 != 0,
                stamp: Stamp::of(&metadata),
            }),
            Ok(Kind::Directory) => {
                if let Err(error) = collect(&entry.path(), &relative, depth + 1, scan) {
                    scan.refused.push((relative, error));
                }
            }
            Err(error) => scan.refused.push((relative, error)),
        }
    }
    Ok(())
}

enum Kind {
    File(Metadata),
    Directory,
}

fn kind_of(entry: &fs::DirEntry) -> Result<Kind, TreeError> {
    let failed = |source| FsError::new("look at", &entry.path(), source);
    let file_type = entry.file_type().map_err(failed)?;
    if file_type.is_dir() {
        return Ok(Kind::Directory);
    }
    if file_type.is_file() {
        return Ok(Kind::File(entry.metadata().map_err(failed)?));
    }
    Err(TreeError::Special {
        path: entry.path(),
        kind: if file_type.is_symlink() {
            SYMBOLIC_LINK
        } else {
            "device, socket or pipe"
        },
    })
}

/// Digest and store key of the tree at `root`, and its files.
///
/// # Errors
/// [`TreeError`], also when a file changes while it is read.
pub fn hash(root: &Path) -> Result<(TreeDigest, StoreKey, Vec<TreeFile>), TreeError> {
    let files = walk(root)?;
    let mut hasher = TreeHasher::new();
    let mut content = Vec::new();
    for file in &files {
        let path = root.join(&file.path);
        let failed = |source| TreeError::Hash {
            root: root.to_owned(),
            source,
        };
        let mut opened = File::open(&path).on("open", &path)?;
        if file.size_bytes <= 256 * 1024 {
            // One read of a small file costs less than a loop over a buffer.
            content.clear();
            opened.read_to_end(&mut content).on("read", &path)?;
            hasher
                .file(&file.path, file.executable, &content)
                .map_err(failed)?;
        } else {
            hasher
                .stream(&file.path, file.executable, file.size_bytes, &mut opened)
                .map_err(failed)?;
        }
    }
    let (tree, key) = hasher.finish();
    Ok((tree, key, files))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Order is that of whole paths, not of components, and `.git` does not count.
    #[test]
    fn hash_orders_whole_paths_and_skips_git() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("lib")).unwrap();
        fs::create_dir_all(dir.path().join("sub/.git")).unwrap();
        fs::write(dir.path().join("lib.py"), "1").unwrap();
        fs::write(dir.path().join("lib/x"), "2").unwrap();
        fs::write(dir.path().join("sub/.git/config"), "3").unwrap();
        let (digest, _, files) = hash(dir.path()).unwrap();
        assert_eq!(
            digest.to_hex(),
            "9214e17817f04c6f29b88cbc1f1e3726a6b3df6aa2859f842742158be06fa1fd"
        );
        let paths: Vec<&str> = files.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(paths, ["lib.py", "lib/x"]);
    }

    /// A link is named and refused.
    #[test]
    fn walk_refuses_a_link() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("l")).unwrap();
        let error = walk(dir.path()).unwrap_err();
        assert!(error.to_string().contains("symbolic link"), "{error}");
    }

    /// A pack that is itself a link is refused, however it is spelled.
    #[test]
    fn scan_refuses_a_linked_root() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        std::os::unix::fs::symlink("real", dir.path().join("l")).unwrap();
        for name in ["l", "l/"] {
            let error = scan(&dir.path().join(name)).unwrap_err();
            assert!(error.to_string().contains("symbolic link"), "{error}");
        }
        scan(&dir.path().join("real/")).unwrap();
    }

    /// What lies too deep is listed among the refused, so that an ignore rule can still leave it out.
    #[test]
    fn scan_lists_what_lies_too_deep() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(vec!["d"; MAX_DEPTH + 3].join("/"))).unwrap();
        let scan = scan(dir.path()).unwrap();
        let [(path, TreeError::Depth { .. })] = &scan.refused[..] else {
            panic!("{:?}", scan.refused);
        };
        assert_eq!(path.split('/').count(), MAX_DEPTH + 1);
        walk(dir.path()).unwrap_err();
    }
}
