//! `unpack`: an archive becomes a directory, whole or not at all.
//!
//! 1. Create the destination, which must not exist.
//! 2. Read the archive to its last byte and write what it holds; a small one is not written before
//!    all of it was read.
//! 3. On any failure, a panic included, remove the destination.

use std::fs;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use pack_format::Limits;

use crate::dir_sink::DirSink;
use crate::error::ArchiveError;
use crate::gate::Summary;
use crate::read::read_archive;
use crate::sink::Sink;
use crate::stage::Stage;

/// A directory that holds exactly what an archive held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// What the archive held.
    pub summary: Summary,
    /// The directory, as it was given.
    pub root: PathBuf,
}

/// Unpacks `archive` into the new directory `destination`, whose parent must exist.
///
/// Files get mode 0644 or 0755, directories 0755; owners, times and attributes are not kept.
/// Nothing is synchronised to disk.
///
/// # Errors
/// [`ArchiveError`]; nothing is left at `destination`, except with [`ArchiveError::CleanUp`].
pub fn unpack(
    archive: &mut (impl Read + Seek),
    destination: &Path,
    limits: &Limits,
) -> Result<Unpacked, ArchiveError> {
    let summary = unpack_with(destination, |sink| read_archive(archive, limits, sink))?;
    Ok(Unpacked {
        summary,
        root: destination.to_owned(),
    })
}

/// The same where `read` reads the archive, with [`read_archive`], and may look at what it passes on to the sink it is given.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_with(
    destination: &Path,
    read: impl FnOnce(&mut dyn Sink) -> Result<Summary, ArchiveError>,
) -> Result<Summary, ArchiveError> {
    let sink = DirSink::create(destination).map_err(|source| ArchiveError::Destination {
        path: destination.to_owned(),
        source,
    })?;
    let unfinished = Unfinished(destination);
    let mut stage = Stage::new(sink);
    let result = read(&mut stage).and_then(|summary| {
        stage.finish()?;
        Ok(summary)
    });
    match result {
        Ok(summary) => {
            std::mem::forget(unfinished);
            Ok(summary)
        }
        Err(failure) => Err(unfinished.remove(failure)),
    }
}

/// A destination that disappears unless it is forgotten.
struct Unfinished<'a>(&'a Path);

impl Unfinished<'_> {
    fn remove(self, failure: ArchiveError) -> ArchiveError {
        let path = self.0;
        std::mem::forget(self);
        match fs::remove_dir_all(path) {
            Ok(()) => failure,
            Err(source) => ArchiveError::CleanUp {
                path: path.to_owned(),
                failure: Box::new(failure),
                source,
            },
        }
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        // A panic is under way, which is the more important news.
        let _ = fs::remove_dir_all(self.0);
    }
}
