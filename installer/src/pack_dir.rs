//! `PackDir`: the directory inside a source that is the pack.
//!
//! 1. The root, if it holds `pack.yaml`.
//! 2. `pack/`.
//! 3. The single directory of the first level with `pack.yaml`; two are an error that names them.

use std::fs;
use std::path::{Path, PathBuf};

use pack_format::Hint;
use pack_format::limits::MAX_METADATA_BYTES;
use pack_format::manifest::Manifest;
use pack_format::metadata_error::MetadataError;
use pack_fs::error::Context as _;
use pack_fs::{FsError, limited};

/// Name of the manifest.
pub const MANIFEST: &str = "pack.yaml";

/// A directory with a valid manifest.
#[derive(Debug, Clone)]
pub struct PackDir {
    /// The directory.
    pub path: PathBuf,
    /// Its path below the source's root; empty for the root itself.
    pub subdir: String,
    /// What it says of itself.
    pub manifest: Manifest,
}

/// Why a source holds no pack.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackDirError {
    /// Nowhere.
    #[error("pack.yaml not found in `{source_name}`\n  searched: {}", searched.join(", "))]
    NotFound {
        /// The source as the user knows it.
        source_name: String,
        /// The places that were looked at, relative to it.
        searched: Vec<String>,
    },
    /// In two places.
    #[error("`{source_name}` holds several packs: {}", candidates.join(", "))]
    Ambiguous {
        /// The source as the user knows it.
        source_name: String,
        /// The directories that could be meant.
        candidates: Vec<String>,
    },
    /// A text that is no directory of a source.
    #[error("`--subdir` `{}` {fault}", pack_format::text::printable(.subdir))]
    Subdir {
        /// The text.
        subdir: String,
        /// What is wrong.
        fault: pack_archive::PathFault,
    },
    /// The manifest is not valid.
    #[error("in `{source_name}`: {cause}")]
    Manifest {
        /// The source as the user knows it.
        source_name: String,
        /// File, line and field.
        cause: Box<MetadataError>,
    },
    /// Something cannot be read.
    #[error(transparent)]
    File(#[from] FsError),
}

impl Hint for PackDirError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { .. } => Some(
                "name the directory that holds `pack.yaml`, or an archive made by `attune pack archive`"
                    .to_owned(),
            ),
            Self::Ambiguous { .. } => Some(
                "install one of these directories by its own path, or name one with `--subdir`".to_owned(),
            ),
            Self::Subdir { .. } => {
                Some("name a directory below the root of the source, such as `packs/slack`".to_owned())
            }
            Self::Manifest { cause, .. } => cause.hint(),
            Self::File(error) => error.hint(),
        }
    }
}

impl PackDir {
    /// Finds the pack below `root`; `source_name` is what errors call the source.
    ///
    /// # Errors
    /// [`PackDirError`].
    pub fn locate(root: &Path, source_name: &str) -> Result<Self, PackDirError> {
        let subdir = find(root, source_name)?;
        let path = if subdir.is_empty() {
            root.to_owned()
        } else {
            root.join(&subdir)
        };
        let shown = if subdir.is_empty() {
            MANIFEST.to_owned()
        } else {
            format!("{subdir}/{MANIFEST}")
        };
        let file = path.join(MANIFEST);
        let manifest = limited::read(&file, MAX_METADATA_BYTES).on("read", &file)?;
        let manifest =
            Manifest::parse(&shown, &manifest).map_err(|cause| PackDirError::Manifest {
                source_name: source_name.to_owned(),
                cause: Box::new(cause),
            })?;
        Ok(Self {
            path,
            subdir,
            manifest,
        })
    }

    /// Whether a directory looks like the source of a pack, without reading a manifest.
    pub fn is_there(root: &Path) -> bool {
        !matches!(
            find(root, ""),
            Err(PackDirError::NotFound { .. } | PackDirError::File(_))
        )
    }
}

fn find(root: &Path, source_name: &str) -> Result<String, PackDirError> {
    let holds = |directory: &str| Ok(pack_fs::is_file(&root.join(directory).join(MANIFEST))?);
    choose::<PackDirError>(holds, || first_level(root), source_name)
}

fn first_level(root: &Path) -> Result<Vec<String>, PackDirError> {
    let mut directories = Vec::new();
    for entry in fs::read_dir(root).on("list", root)? {
        let entry = entry.on("list", root)?;
        if entry.file_type().on("look at", &entry.path())?.is_dir()
            && let Some(name) = entry.file_name().to_str()
        {
            directories.push(name.to_owned());
        }
    }
    Ok(directories)
}

/// The pack's directory in any kind of source: `holds` says whether a directory (empty for the root) has a
/// manifest, `directories` lists those of the first level.
pub(crate) fn choose<E: From<PackDirError>>(
    holds: impl Fn(&str) -> Result<bool, E>,
    directories: impl FnOnce() -> Result<Vec<String>, E>,
    source_name: &str,
) -> Result<String, E> {
    for usual in ["", "pack"] {
        if holds(usual)? {
            return Ok(usual.to_owned());
        }
    }
    let mut directories = directories()?;
    directories.sort_unstable();
    let mut candidates = Vec::new();
    for name in &directories {
        if holds(name)? {
            candidates.push(name.clone());
        }
    }
    match candidates.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            let mut searched = vec![MANIFEST.to_owned(), format!("pack/{MANIFEST}")];
            searched.extend(
                directories
                    .iter()
                    .filter(|name| *name != "pack")
                    .take(20)
                    .map(|name| format!("{name}/{MANIFEST}")),
            );
            Err(PackDirError::NotFound {
                source_name: source_name.to_owned(),
                searched,
            }
            .into())
        }
        _ => Err(PackDirError::Ambiguous {
            source_name: source_name.to_owned(),
            candidates,
        }
        .into()),
    }
}
