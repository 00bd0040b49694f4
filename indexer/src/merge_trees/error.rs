//! `MergeTreesError`: why trees were not merged, and what to do about it.

use std::path::PathBuf;

use pack_format::patch::PatchError;
use pack_format::{ArchiveDigest, Hint, PackRef, Version};
use pack_fs::FsError;
use registry_tree::{ReadError, WriteError};

use crate::publish_error::PublishError;

/// Why trees were not merged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergeTreesError {
    /// An input is no tree of format 2.
    #[error("`{}` is no registry tree: it has no `packs.json`", .0.display())]
    NotATree(PathBuf),
    /// An input is the output.
    #[error("`{}` is an input and the tree to write", .0.display())]
    IntoItself(PathBuf),
    /// Somebody's files are where the tree is to be.
    #[error("`{}` is no registry tree and not empty", .0.display())]
    Occupied(PathBuf),
    /// The base URL cannot be used.
    #[error("the base URL {0}")]
    BaseUrl(pack_format::url_policy::UrlError),
    /// A document cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Two packs have one name.
    #[error(
        "`{pack_ref}` is another pack in `{}` than in `{}`\n  {first}\n  {second}", one.display(), other.display()
    )]
    Shadowing {
        /// The name.
        pack_ref: PackRef,
        /// The tree that comes first.
        one: PathBuf,
        /// The tree that comes later.
        other: PathBuf,
        /// Repository in the first.
        first: String,
        /// Repository in the other.
        second: String,
    },
    /// One version has two contents.
    #[error(
        "`{pack_ref}@{version}` has other contents in `{}` than in `{}`\n  {first}\n  {second}", one.display(), other.display()
    )]
    TwoContents {
        /// The pack.
        pack_ref: PackRef,
        /// The version.
        version: Version,
        /// The tree that comes first, or the merged one.
        one: PathBuf,
        /// The tree that comes later.
        other: PathBuf,
        /// Archive digest in the first.
        first: String,
        /// Archive digest in the other.
        second: String,
    },
    /// What one tree corrected says something else in another.
    #[error("the patch of `{pack_ref}@{version}` does not hold in every tree: {source}")]
    Patch {
        /// The pack.
        pack_ref: PackRef,
        /// The version.
        version: Version,
        /// Why.
        source: PatchError,
    },
    /// A document of an input names an archive outside its tree.
    #[error("`{}` names an archive of `{pack_ref}` outside of itself: `{}`", root.display(), pack_format::text::printable(path))]
    Outside {
        /// The input.
        root: PathBuf,
        /// The pack.
        pack_ref: PackRef,
        /// What its document says.
        path: String,
    },
    /// An archive is not what the document says.
    #[error("`{}` is not the archive its document names\n  expected  {expected}\n  computed  {computed}", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// The digest of the document.
        expected: ArchiveDigest,
        /// The digest of the bytes.
        computed: ArchiveDigest,
    },
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FsError),
    /// The tree cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A page or document cannot be made.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl MergeTreesError {
    /// Whether another process is changing the tree.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Write(error) if error.is_busy())
    }

    /// Whether something has other bytes than were promised.
    pub fn is_mismatch(&self) -> bool {
        match self {
            Self::Archive { .. } => true,
            Self::Read(error) => error.is_mismatch(),
            _ => false,
        }
    }
}

impl Hint for MergeTreesError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotATree(_) => Some("make one with `attune registry build`".to_owned()),
            Self::IntoItself(_) | Self::Occupied(_) => {
                Some("name another folder with `--out`".to_owned())
            }
            Self::Shadowing { pack_ref, .. } => Some(format!(
                "let the first one stay with `--allow-shadow {pack_ref}`, or rename one of them"
            )),
            Self::TwoContents { .. } => Some(
                "a published version never changes; ask the operators which one is right"
                    .to_owned(),
            ),
            Self::Patch { .. } => Some(
                "take it back in one of the trees with `attune registry patch --remove FIELD`"
                    .to_owned(),
            ),
            Self::Archive { .. } | Self::Outside { .. } => {
                Some("run `attune registry check` on that tree".to_owned())
            }
            Self::BaseUrl(error) => error.hint(),
            Self::Read(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Write(error) => error.hint(),
            Self::Publish(error) => error.hint(),
        }
    }
}
