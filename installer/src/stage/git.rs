//! A commit to a tree in staging: located in the object database, judged by the policy of archives, written.

use std::path::Path;

use pack_archive::MemberPath;
use pack_format::Limits;
use pack_fs::remove;
use pack_git::Fetched;

use super::{StageError, StagedPack};
use crate::pack_dir::{self, MANIFEST, PackDirError};

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
            return has_manifest(&top.files);
        }
        // What cannot be read is no pack; a damaged repository is told when it is exported.
        let inner = fetched.list(&below(directory)).ok().flatten();
        inner.is_some_and(|inner| has_manifest(&inner.files))
    };
    let directories = top.directories.clone();
    let found = pack_dir::choose(holds, || Ok(directories), name)?;
    Ok(below(&found))
}
