//! Writing: each pack complete in staging, then under its name. What is there already is never changed.

use std::io::Cursor;
use std::path::Path;

use pack_archive::{DirSink, Gate, Sink as _};
use pack_format::Limits;
use pack_fs::error::Context as _;
use pack_fs::{durable, tree};

use super::Outcome;
use super::error::{ImportError, RefusedPack};
use super::pack::Converted;
use super::source::{File, Files};
use crate::contents::Contents;

/// Whether a pack is to be written, or is there already.
pub(super) fn judge(out: &Path, pack: &Converted) -> Result<Outcome, RefusedPack> {
    let directory = out.join(pack.pack_ref.as_str());
    if std::fs::symlink_metadata(&directory).is_err() {
        return Ok(Outcome::Imported);
    }
    let exists = |difference: String| RefusedPack::Exists {
        directory: directory.clone(),
        difference,
    };
    if !directory.is_dir() {
        return Err(exists("it is no directory".to_owned()));
    }
    let listed = tree::walk(&directory).map_err(crate::pack::PackError::from)?;
    let contents = Contents::read(&directory, listed)?;
    let there: Files = contents
        .iter()
        .map(|(file, bytes)| {
            let copy = File {
                executable: file.executable,
                bytes: bytes.to_vec(),
            };
            (file.path.clone(), copy)
        })
        .collect();
    let differs = |path: &&String| there.get(*path) != pack.files.get(*path);
    match there.keys().chain(pack.files.keys()).filter(differs).min() {
        None => Ok(Outcome::Unchanged),
        Some(path) => Err(exists(format!("`{}`", pack_format::text::printable(path)))),
    }
}

/// Writes packs whose directories are not there yet.
pub(super) fn packs(out: &Path, packs: &[Converted]) -> Result<(), ImportError> {
    if packs.is_empty() {
        return Ok(());
    }
    durable::create_directories(out)?;
    // Hidden, so that a build of the folder does not take it for a pack.
    let staging = tempfile::Builder::new()
        .prefix(".import-")
        .tempdir_in(out)
        .on("create a directory in", out)?;
    for pack in packs {
        stage(&staging.path().join(pack.pack_ref.as_str()), &pack.files)?;
    }
    durable::sync_file_system(staging.path())?;
    for pack in packs {
        let target = out.join(pack.pack_ref.as_str());
        let staged = staging.path().join(pack.pack_ref.as_str());
        // A directory that appeared meanwhile is kept: renaming over it fails unless it is empty.
        std::fs::rename(&staged, &target).on("create", &target)?;
    }
    Ok(durable::sync_directory(out)?)
}

fn stage(directory: &Path, files: &Files) -> Result<(), ImportError> {
    let mut gate = Gate::new(&Limits::default());
    let mut sink = DirSink::create(directory).on("create directory", directory)?;
    for (path, file) in files {
        let member = gate
            .admit_file(path.as_bytes(), file.bytes.len() as u64)
            .map_err(|source| ImportError::Member {
                path: path.clone(),
                source,
            })?;
        sink.file(&member, file.executable, &mut Cursor::new(&file.bytes))
            .on("write", &directory.join(path))?;
    }
    Ok(())
}
