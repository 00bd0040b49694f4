//! `EntryError`: why a directory has no entry.

use std::path::PathBuf;

use pack_format::git_ref::GitRef;
use pack_format::url_policy::SourceUrl;
use pack_format::{Hint, PackRef, TreeDigest, Version};

use crate::pack::PackError;

/// Why a directory has no entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// There is no such directory.
    #[error("Pack directory not found: {}", .0.display())]
    NoDirectory(PathBuf),
    /// It is no pack.
    #[error("pack.yaml not found in directory: {}", .0.display())]
    NoManifest(PathBuf),
    /// A field nobody can do without.
    #[error("Missing '{field}' field in pack.yaml")]
    MissingField {
        /// `ref` or `version`.
        field: String,
        /// Where.
        source: Box<PackError>,
    },
    /// The pack is wrong.
    #[error(transparent)]
    Pack(Box<PackError>),
    /// Nobody said where to get it.
    #[error("no install source for `{pack_ref}@{version}`{reason}")]
    NoSource {
        /// The pack.
        pack_ref: PackRef,
        /// Its version.
        version: Version,
        /// Why the directory itself does not tell.
        reason: &'static str,
    },
    /// The directory is not what the git ref holds.
    #[error(
        "`{}` is not what `{git_ref}` holds, which is commit {commit} here\n  at the ref  {committed}\n  directory   {computed}",
        directory.display()
    )]
    NotTheRef {
        /// The directory.
        directory: PathBuf,
        /// The ref.
        git_ref: GitRef,
        /// Its commit in this checkout.
        commit: String,
        /// Tree digest at the commit.
        committed: TreeDigest,
        /// Tree digest of the tracked files in the directory.
        computed: TreeDigest,
    },
    /// The commit holds what no pack may hold.
    #[error("commit {commit} (`{git_ref}`) holds no tree that can be installed: {reason}")]
    Commit {
        /// The ref.
        git_ref: GitRef,
        /// Its commit.
        commit: String,
        /// Why.
        reason: String,
    },
    /// The archive is of another pack or version.
    #[error("the archive `{url}` holds `{found}`, and the directory is `{expected}`")]
    OtherPack {
        /// The archive.
        url: SourceUrl,
        /// What it holds.
        found: String,
        /// What it should hold.
        expected: String,
    },
    /// The entry would break the format.
    #[error("`{pack_ref}@{version}` cannot be listed: {}", broken.join("; "))]
    Rules {
        /// The pack.
        pack_ref: PackRef,
        /// Its version.
        version: Version,
        /// The rules it breaks.
        broken: Vec<String>,
    },
}

impl Hint for EntryError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoDirectory(_) | Self::NoManifest(_) => {
                Some("name a directory that holds `pack.yaml`".to_owned())
            }
            Self::MissingField { source, .. } => source.hint(),
            Self::Pack(error) => error.hint(),
            Self::NoSource { .. } => Some(
                "say where it can be fetched: `--git-url URL --git-ref TAG`, `--archive-url URL`, or both"
                    .to_owned(),
            ),
            Self::NotTheRef { git_ref, .. } => Some(format!(
                "check `{git_ref}` out, or commit the changes and name the commit with `--git-ref`"
            )),
            Self::Commit { .. } => Some(
                "put the pack at the root of a repository, or name an archive with `--archive-url`"
                    .to_owned(),
            ),
            Self::OtherPack { .. } => {
                Some("build the archive from this directory, or name the right one".to_owned())
            }
            Self::Rules { .. } => Some("correct `pack.yaml` or the sources".to_owned()),
        }
    }
}

impl From<PackError> for EntryError {
    fn from(error: PackError) -> Self {
        match &error {
            PackError::Metadata(e)
                if matches!(e.field(), "ref" | "version") && e.line().is_none() =>
            {
                Self::MissingField {
                    field: e.field().to_owned(),
                    source: Box::new(error),
                }
            }
            _ => Self::Pack(Box::new(error)),
        }
    }
}
