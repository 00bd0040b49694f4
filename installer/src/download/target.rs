//! `Target`: a directory that gets its contents at the end, all or none.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use pack_client::ClientSettings;
use pack_fs::error::Context as _;
use pack_fs::{FsError, durable, remove};
use tempfile::TempDir;

use super::{DownloadError, DownloadRequest, DownloadedPack};
use crate::bring::Place;
use crate::fetch::{Arrived, COMMAND_LINE};
use crate::record::Verified;

/// Names of directories for the work begin so.
const PREFIX: &str = ".attune-fetch-";

/// A directory on its way.
#[derive(Debug)]
pub(super) struct Target<'a> {
    to: &'a Path,
    /// Whether it is there, and empty.
    exists: bool,
    /// On the same file system; gone when dropped.
    staging: TempDir,
    archives: PathBuf,
    /// What it will hold.
    out: PathBuf,
    /// Tells others that the work goes on; released last.
    _lock: File,
}

impl<'a> Target<'a> {
    /// Checks that `to` is empty or absent, and makes a directory for the work.
    pub(super) fn prepare(to: &'a Path) -> Result<Self, DownloadError> {
        sweep(to);
        let exists = is_empty_directory(to)?;
        // Near the target, and without making anything that would have to go again.
        let mut above = durable::parent_of(to).ancestors();
        let near = if exists {
            Some(to)
        } else {
            above.find(|a| a.is_dir())
        };
        let near = near.unwrap_or(Path::new("."));
        sweep(near);
        let (staging, lock) = make_staging(near)?;
        let target = Self {
            to,
            exists,
            archives: staging.path().join("archives"),
            out: staging.path().join("out"),
            staging,
            _lock: lock,
        };
        for directory in [&target.archives, &target.out] {
            fs::create_dir(directory).on("create directory", directory)?;
        }
        Ok(target)
    }

    /// A new directory for one round of work.
    pub(super) fn round(&self, name: &str) -> Result<PathBuf, FsError> {
        let round = self.staging.path().join(name);
        fs::create_dir(&round).on("create directory", &round)?;
        Ok(round)
    }

    /// How sources are brought into a round's directory.
    pub(super) fn place<'p>(
        &'p self,
        round: &'p Path,
        request: &DownloadRequest,
        client: &'p ClientSettings,
    ) -> Place<'p> {
        Place {
            staging: round,
            client,
            mismatch: request.mismatch,
            archives: request.archives.then_some(self.archives.as_path()),
            stated_by: COMMAND_LINE,
        }
    }

    /// Gives a pack, and its archive where that is kept, the name it will have.
    pub(super) fn put(
        &self,
        arrived: Arrived,
        keep_archive: bool,
        requested: bool,
    ) -> Result<DownloadedPack, DownloadError> {
        let staged = arrived.staged;
        let (pack_ref, version) = (staged.manifest.pack_ref, staged.manifest.version);
        let name = pack_ref.as_str();
        let tree = self.out.join(name);
        fs::rename(&staged.path, &tree).on("move", &staged.path)?;
        let mut archive = None;
        if keep_archive {
            let kept = staged.archive.ok_or(DownloadError::NoArchive {
                name: staged.name.clone(),
            })?;
            let file = kept.file_name().unwrap_or_default().to_string_lossy();
            let extension = file.split_once('.').map_or("archive", |(_, end)| end);
            let file = format!("{name}-{version}.{extension}");
            fs::rename(&kept, self.out.join(&file)).on("move", &kept)?;
            archive = Some(self.to.join(file));
        }
        Ok(DownloadedPack {
            path: self.to.join(name),
            archive,
            url: arrived.url,
            commit: arrived.git.map(|git| git.commit),
            archive_digest: staged.archive_digest,
            tree_digest: staged.inventory.tree,
            store_key: staged.inventory.key,
            verified: Verified(staged.checks),
            requested,
            pack_ref,
            version,
        })
    }

    /// Everything is complete: syncs it and puts it in place.
    pub(super) fn finish(self) -> Result<(), FsError> {
        durable::sync_file_system(&self.out)?;
        if self.exists {
            move_into(&self.out, self.to)?;
            return durable::sync_directory(self.to);
        }
        let parent = durable::parent_of(self.to);
        durable::create_directories(parent)?;
        fs::rename(&self.out, self.to).on("put in place", self.to)?;
        durable::sync_directory(parent)
    }
}

/// A directory for the work, locked for as long as the work goes on.
fn make_staging(near: &Path) -> Result<(TempDir, File), FsError> {
    loop {
        let staging = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(near)
            .on("create a directory in", near)?;
        let path = staging.path();
        let locked = File::open(path).and_then(|lock| lock.lock().map(|()| lock));
        let there = locked.and_then(|lock| fs::metadata(path).map(|_| lock));
        match there {
            Ok(lock) => return Ok((staging, lock)),
            // Whoever sweeps may have been faster; any other reason would be the same the next time.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(FsError::new("lock", path, e)),
        }
    }
}

/// Removes the work of processes that were killed. Best effort: what stays is in nobody's way.
fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let ours = name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
            && entry.file_type().is_ok_and(|kind| kind.is_dir());
        if ours
            && let Ok(lock) = File::open(entry.path())
            && lock.try_lock().is_ok()
        {
            let _ = remove::remove_all(&entry.path());
        }
    }
}

/// Whether there is an empty directory; false if there is nothing.
fn is_empty_directory(path: &Path) -> Result<bool, DownloadError> {
    let occupied = || DownloadError::Occupied {
        path: path.to_owned(),
    };
    match fs::read_dir(path) {
        Ok(mut entries) => match entries.next() {
            None => Ok(true),
            Some(_) => Err(occupied()),
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound && !path.is_symlink() => Ok(false),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Err(occupied()),
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => Err(occupied()),
        Err(e) => Err(FsError::new("list", path, e).into()),
    }
}

/// Moves what `from` holds into `to`, all or nothing.
fn move_into(from: &Path, to: &Path) -> Result<(), FsError> {
    let mut moved = Vec::new();
    let mut all = || -> Result<(), FsError> {
        for entry in fs::read_dir(from).on("list", from)? {
            let entry = entry.on("list", from)?;
            let target = to.join(entry.file_name());
            fs::rename(entry.path(), &target).on("put in place", &target)?;
            moved.push(target);
        }
        Ok(())
    };
    all().inspect_err(|_| {
        for path in &moved {
            // The first error is the one to report.
            let _ = remove::remove_all(path);
        }
    })
}
