//! A commit to a tree in staging: located in the object database, judged by the policy of archives, written.

use std::fs;
use std::path::Path;

use pack_archive::{ArchiveBuilder, MemberPath};
use pack_client::CachedCommit;
use pack_format::Limits;
use pack_fs::remove;
use pack_git::Fetched;

use super::{FetchedArchive, StageError, StagedPack};
use crate::pack_dir::{self, MANIFEST, PackDirError};

/// The top directory of archives of commits in the cache.
const TOP: &str = "pack";

impl StagedPack {
    /// Writes the pack of a commit into the new directory `destination`; it is looked for below `subdir` where
    /// that is given.
    ///
    /// The tree is that of the commit: neither ignore files nor git attributes have an effect.
    ///
    /// # Errors
    /// [`StageError`]; `destination` is gone again.
    pub fn of_commit(
        fetched: &Fetched,
        subdir: Option<&str>,
        destination: &Path,
        limits: &Limits,
    ) -> Result<Self, StageError> {
        let name = fetched.url().to_string();
        let directory = locate(fetched, subdir, &name, limits)?;
        let staged = fetched
            .export(&directory, destination, limits)
            .map_err(|e| StageError::of_archive(&name, e))
            .and_then(|_| Self::read(destination, &name));
        staged
            .map(|staged| Self {
                subdir: directory,
                ..staged
            })
            .inspect_err(|_| {
                // The first error is the one to report; staging is swept in any case.
                let _ = remove::remove_all(destination);
            })
    }
}

impl StagedPack {
    /// Writes the pack of a commit that was fetched before into the new directory `destination`.
    ///
    /// # Errors
    /// [`StageError`]; `destination` is gone again.
    pub(crate) fn of_kept_commit(
        name: &str,
        kept: CachedCommit,
        destination: &Path,
        limits: &Limits,
    ) -> Result<Self, StageError> {
        let archive = FetchedArchive::new(name, kept.archive).accept_unverified();
        let staged = archive.unpack(destination, limits, Some(TOP))?;
        Ok(Self {
            subdir: kept.directory,
            // Only the cache knows this archive.
            archive_digest: None,
            ..staged
        })
    }

    /// The tree as an archive for [`StagedPack::of_kept_commit`]; `None` if it cannot be read or makes no archive.
    pub(crate) fn to_archive(&self) -> Option<Vec<u8>> {
        let mut builder = ArchiveBuilder::new(TOP, 0);
        for file in &self.inventory.files {
            let content = fs::read(self.path.join(&file.path)).ok()?;
            builder.file(&file.path, file.executable, &content).ok()?;
        }
        builder.finish().ok()
    }
}

/// The pack's directory in a commit, below `subdir` where that is given.
fn locate(
    fetched: &Fetched,
    subdir: Option<&str>,
    name: &str,
    limits: &Limits,
) -> Result<String, StageError> {
    let damaged = |e| StageError::of_archive(name, e);
    let prefix = match subdir {
        None => String::new(),
        Some(text) => MemberPath::directory(text.as_bytes(), limits)
            .map_err(|fault| PackDirError::Subdir {
                subdir: text.to_owned(),
                fault,
            })?
            .map_or_else(String::new, |path| path.to_string()),
    };
    let below = |directory: &str| match (prefix.is_empty(), directory.is_empty()) {
        (true, _) => directory.to_owned(),
        (false, true) => prefix.clone(),
        (false, false) => format!("{prefix}/{directory}"),
    };
    let Some(top) = fetched.list(&prefix).map_err(damaged)? else {
        return Err(PackDirError::NotFound {
            source_name: name.to_owned(),
            searched: vec![format!("{prefix}/{MANIFEST}")],
        }
        .into());
    };
    let has_manifest = |names: &[String]| names.iter().any(|name| name == MANIFEST);
    let holds = |directory: &str| {
        if directory.is_empty() {
            return Ok(has_manifest(&top.files));
        }
        let inner = fetched.list(&below(directory)).map_err(damaged)?;
        Ok(inner.is_some_and(|inner| has_manifest(&inner.files)))
    };
    let directories = top.directories.clone();
    let found = pack_dir::choose::<StageError>(holds, || Ok(directories), name)?;
    Ok(below(&found))
}
