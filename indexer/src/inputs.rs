//! Finding pack directories: each argument is a pack, or a folder of packs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pack_format::Hint;
use pack_fs::FsError;
use pack_fs::error::Context as _;
use rayon::prelude::*;
use registry_tree::layout;

use crate::pack;

/// The file that makes a directory a pack.
pub const MANIFEST: &str = "pack.yaml";
/// The operator's file, beside the packs.
pub const OPERATOR_FILE: &str = "registry.yaml";

/// What the arguments name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Pack directories, sorted, each once.
    pub packs: Vec<PathBuf>,
    /// The operator's file, if one of the folders has it.
    pub operator_file: Option<PathBuf>,
    /// Directories in a folder of packs that hold no `pack.yaml`.
    pub without_manifest: Vec<PathBuf>,
}

/// Why an argument names no packs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// Neither a pack nor a folder of packs.
    #[error("no pack in `{}`: searched `{}` and `{}`",
        directory.display(), directory.join(MANIFEST).display(), directory.join("*").join(MANIFEST).display())]
    NoPack {
        /// The argument.
        directory: PathBuf,
    },
    /// Two folders bring an operator's file.
    #[error("there are two operator's files: `{}` and `{}`", first.display(), second.display())]
    TwoOperatorFiles {
        /// The one found first.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// The tree would be written into a pack.
    #[error("the registry tree `{}` lies inside the pack `{}`", tree.display(), pack.display())]
    TreeInsidePack {
        /// The tree.
        tree: PathBuf,
        /// The pack.
        pack: PathBuf,
    },
    /// A directory of `--only` is no pack of this build.
    #[error("`{}` is not one of the packs of this build", directory.display())]
    NotAmongInputs {
        /// The directory.
        directory: PathBuf,
    },
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FsError),
}

impl Hint for InputError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoPack { .. } => Some(
                "name a directory with a `pack.yaml`, or a folder of such directories".to_owned(),
            ),
            Self::TreeInsidePack { .. } => Some(
                "write the tree somewhere else, or name its folder in `.gitignore` or `.attuneignore`".to_owned(),
            ),
            Self::NotAmongInputs { .. } => Some(
                "name a pack directory, and the folder that holds it as an argument".to_owned(),
            ),
            Self::TwoOperatorFiles { .. } => Some("keep one `registry.yaml`".to_owned()),
            Self::File(error) => error.hint(),
        }
    }
}

/// Finds the packs that `arguments` name; the directories `left_out` (real paths) are passed over.
///
/// # Errors
/// [`InputError`] for the first argument without packs.
pub fn find(arguments: &[PathBuf], left_out: &[PathBuf]) -> Result<Inputs, InputError> {
    let mut inputs = Inputs::default();
    for directory in arguments {
        let before = inputs.packs.len();
        if has_manifest(directory)? {
            inputs.packs.push(directory.clone());
            continue;
        }
        let real = directory
            .canonicalize()
            .unwrap_or_else(|_| directory.clone());
        let looked: Vec<(bool, PathBuf)> = children(directory)?
            .into_par_iter()
            .filter(|child| !left_out.contains(&child.real_path(&real)))
            .map(|child| Ok((has_manifest(&child.path)?, child.path)))
            .collect::<Result<_, FsError>>()?;
        for (is_pack, path) in looked {
            if is_pack {
                inputs.packs.push(path);
            } else {
                inputs.without_manifest.push(path);
            }
        }
        if inputs.packs.len() == before {
            return Err(InputError::NoPack {
                directory: directory.clone(),
            });
        }
        let candidate = directory.join(OPERATOR_FILE);
        if candidate.is_file() {
            match inputs.operator_file.take() {
                Some(first) if first != candidate => {
                    return Err(InputError::TwoOperatorFiles {
                        first,
                        second: candidate,
                    });
                }
                _ => inputs.operator_file = Some(candidate),
            }
        }
    }
    inputs.packs.sort();
    inputs.packs.dedup();
    Ok(inputs)
}

/// Refuses a tree that would be written into one of the packs and be part of it: what ignore rules leave out is not.
///
/// # Errors
/// [`InputError::TreeInsidePack`].
pub(crate) fn refuse_tree_inside_pack(
    packs: impl IntoIterator<Item = impl AsRef<Path>>,
    tree: &Path,
) -> Result<(), InputError> {
    let state = layout::state_directory(tree);
    // A pack around the tree has its manifest above the tree, where there is little to look at.
    let is_pack = |directory: &Path| directory.join(MANIFEST).is_file();
    if !state.ancestors().any(is_pack) {
        return Ok(());
    }
    for pack in packs {
        let pack = pack.as_ref();
        let real = pack.canonicalize().ok();
        let Some(real) = real.filter(|real| state.starts_with(real)) else {
            continue;
        };
        if !is_ignored(pack, &real, &state) {
            return Err(InputError::TreeInsidePack {
                tree: tree.to_owned(),
                pack: pack.to_owned(),
            });
        }
    }
    Ok(())
}

/// Whether a build of `pack`, which really is at `real`, would see nothing of the tree with this state.
fn is_ignored(pack: &Path, real: &Path, state: &Path) -> bool {
    let inside = |path: &Path| Some(path.strip_prefix(real).ok()?.to_str()?.to_owned());
    // The state is called as the tree, with an ending of its own.
    let paths = [state.with_extension(""), state.to_owned()];
    let paths: Option<Vec<String>> = paths.iter().map(|path| inside(path)).collect();
    paths.is_some_and(|paths| pack::ignores(pack, &paths).unwrap_or(false))
}

/// Whether a directory has a manifest; what cannot be looked at is an error, not an absence.
fn has_manifest(directory: &Path) -> Result<bool, FsError> {
    let path = directory.join(MANIFEST);
    match fs::metadata(&path) {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(false)
        }
        Err(e) => Err(FsError::new("look at", &path, e)),
    }
}

/// A directory in a folder.
struct Child {
    path: PathBuf,
    is_link: bool,
}

impl Child {
    /// Where it really is, in a folder that really is at `folder`: ten thousand packs are beside each
    /// other, and asking the system costs a look at every directory above each of them.
    fn real_path(&self, folder: &Path) -> PathBuf {
        match self.path.file_name() {
            Some(name) if !self.is_link => folder.join(name),
            _ => self
                .path
                .canonicalize()
                .unwrap_or_else(|_| self.path.clone()),
        }
    }
}

/// The directories in a folder, hidden ones left out, sorted by name.
fn children(folder: &Path) -> Result<Vec<Child>, FsError> {
    let mut children = Vec::new();
    for entry in fs::read_dir(folder).on("list", folder)? {
        let entry = entry.on("list", folder)?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        let kind = entry.file_type().on("look at", &path)?;
        let is_link = kind.is_symlink();
        if kind.is_dir() || (is_link && path.is_dir()) {
            children.push(Child { path, is_link });
        }
    }
    // Beside each other, paths are in the order of their bytes.
    children.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
    Ok(children)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree is passed over under any name it has among the packs; a link to a pack is a pack.
    #[test]
    fn find_passes_over_the_tree_by_its_real_path() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let packs = root.join("packs");
        for name in ["slack", "tree", "empty"] {
            fs::create_dir_all(packs.join(name)).unwrap();
        }
        fs::write(packs.join("slack/pack.yaml"), "").unwrap();
        fs::write(packs.join("tree/pack.yaml"), "").unwrap();
        std::os::unix::fs::symlink(packs.join("tree"), packs.join("link")).unwrap();
        std::os::unix::fs::symlink(packs.join("slack"), packs.join("other")).unwrap();
        std::os::unix::fs::symlink(&packs, root.join("named")).unwrap();

        let named = root.join("named");
        let found = find(std::slice::from_ref(&named), &[packs.join("tree")]).unwrap();

        assert_eq!(found.packs, [named.join("other"), named.join("slack")]);
        assert_eq!(found.without_manifest, [named.join("empty")]);
    }
}
