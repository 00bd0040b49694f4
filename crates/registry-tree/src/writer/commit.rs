//! The commit: what was staged becomes durable and gets its names, in phases.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use pack_fs::error::Context as _;
use pack_fs::{FsError, durable, remove};
use rayon::prelude::*;

use super::{Content, Phase, Placement, TreeWriter, WriteError};
use crate::new_tree::NewTree;

/// From this many files on, one sync of the file system is cheaper than one per file.
const SYNC_ALL_FROM: usize = 64;

/// What a commit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Number of files that got new bytes, twins included.
    pub files_written: usize,
}

impl TreeWriter {
    /// Puts everything placed so far into the tree; see the module for the order.
    ///
    /// # Errors
    /// [`WriteError`]. Before the pointers are placed the tree still says what it said.
    pub fn commit(&self) -> Result<Committed, WriteError> {
        let mut placements = std::mem::take(&mut *self.placements());
        let files_written = placements.len() + self.written();
        if files_written > 0 {
            placements.sort_by_key(|p| (p.phase, p.order));
            match self.new_tree()? {
                Some(new) => self.commit_new(new, &placements)?,
                None => self.commit_changes(&placements)?,
            }
        }
        self.sweep()?;
        Ok(Committed { files_written })
    }

    fn commit_new(&self, new: &NewTree, placements: &[Placement]) -> Result<(), FsError> {
        self.early.wait()?;
        for phase in [Phase::Object, Phase::View, Phase::Pointer] {
            self.put_in_place(new.root(), &of_phase(placements, phase))?;
        }
        new.put_in_place(&self.root)?;
        self.new.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn commit_changes(&self, placements: &[Placement]) -> Result<(), FsError> {
        durable::create_directories(&self.root)?;
        self.sync_staged(placements)?;
        let put_in_place = |placements: &[&Placement]| self.put_in_place(&self.root, placements);
        // Pointers pin objects and nothing pins views: what both need is to be durable before a pointer.
        let mut directories = put_in_place(&of_phase(placements, Phase::Object))?;
        directories.extend(put_in_place(&of_phase(placements, Phase::View))?);
        self.sync_names(&directories)?;
        // One pointer after the other, its twins before it.
        let mut group = Vec::new();
        for pointer in of_phase(placements, Phase::Pointer) {
            group.push(pointer);
            if pointer.target.extension().is_some_and(|e| e == "json") {
                self.sync_names(&put_in_place(&group)?)?;
                group.clear();
            }
        }
        self.sync_names(&put_in_place(&group)?)
    }

    fn sync_staged(&self, placements: &[Placement]) -> Result<(), FsError> {
        self.early.wait()?;
        if placements.len() >= SYNC_ALL_FROM {
            return durable::sync_file_system(&self.staging);
        }
        for placement in placements {
            if let Content::Staged(staged) = &placement.content {
                sync_file(staged)?;
            }
        }
        Ok(())
    }

    /// Puts files of one phase in place below `root`, in any order; returns the directories whose names are to be synced.
    ///
    /// A new directory is filled in staging and put in place as a whole: there it is made far from others
    /// (see [`placement`]), and readers see it complete.
    fn put_in_place(
        &self,
        root: &Path,
        placements: &[&Placement],
    ) -> Result<BTreeSet<PathBuf>, FsError> {
        let parents = parents_of(placements);
        let above: BTreeSet<&Path> = parents.iter().map(|p| folder_of(p)).collect();
        for directory in above {
            let directory = root.join(directory);
            fs::create_dir_all(&directory).on("create directory", &directory)?;
        }
        // Making directories is the slow part on many file systems, and worth two threads.
        let made: BTreeMap<&OsStr, PathBuf> = parents
            .par_iter()
            .filter(|parent| !root.join(parent).is_dir())
            .map(|parent| {
                let staged = self.fresh_path()?;
                fs::create_dir(&staged).on("create directory", &staged)?;
                Ok((parent.as_os_str(), staged))
            })
            .collect::<Result<_, FsError>>()?;
        placements.par_iter().try_for_each(|placement| {
            let target = match made.get(folder_of(&placement.target).as_os_str()) {
                Some(staged) => staged.join(placement.target.file_name().unwrap_or_default()),
                None => root.join(&placement.target),
            };
            match &placement.content {
                Content::Staged(staged) => fs::rename(staged, &target).on("replace", &target),
                Content::SameAs(other) => self.link(&root.join(other), &target),
                Content::Nothing => remove::remove_all(&target),
            }
        })?;
        made.par_iter().try_for_each(|(parent, staged)| {
            let parent = root.join(parent);
            fs::rename(staged, &parent).on("create directory", &parent)
        })?;
        // Up to the root: a directory an interrupted run made may not be durable yet.
        let mut directories = BTreeSet::new();
        for parent in parents {
            // Above a directory that is there already, all are.
            for directory in parent.ancestors() {
                if !directories.insert(root.join(directory)) {
                    break;
                }
            }
        }
        Ok(directories)
    }

    /// Makes the names in these directories durable.
    fn sync_names(&self, directories: &BTreeSet<PathBuf>) -> Result<(), FsError> {
        if directories.len() >= SYNC_ALL_FROM {
            return durable::sync_file_system(&self.root);
        }
        directories
            .iter()
            .try_for_each(|directory| durable::sync_directory(directory))
    }

    /// Gives the durable file `other` a second name.
    fn link(&self, other: &Path, target: &Path) -> Result<(), FsError> {
        match fs::hard_link(other, target) {
            Ok(()) => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(FsError::new("link to", other, e));
            }
            // The name is taken, or the file system has no links: through staging, and a copy if need be.
            Err(_) => {}
        }
        let staged = self.fresh_path()?;
        if fs::hard_link(other, &staged).is_err() {
            fs::copy(other, &staged).on("copy to", &staged)?;
            let time = fs::metadata(other)
                .and_then(|m| m.modified())
                .on("look at", other)?;
            OpenOptions::new()
                .write(true)
                .open(&staged)
                .and_then(|file| file.set_times(FileTimes::new().set_modified(time)))
                .on("set the time of", &staged)?;
            sync_file(&staged)?;
        }
        fs::rename(&staged, target).on("replace", target)
    }
}

/// The files of one phase, in order.
fn of_phase(placements: &[Placement], phase: Phase) -> Vec<&Placement> {
    placements.iter().filter(|p| p.phase == phase).collect()
}

/// The folder of the tree that holds `path`; the root is the empty path.
fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// The directories that files are placed in, each once.
fn parents_of<'p>(placements: &[&'p Placement]) -> BTreeSet<&'p Path> {
    let mut parents = BTreeSet::new();
    let mut last = None;
    for placement in placements {
        let parent = folder_of(&placement.target);
        // A file and its twins come together; comparing paths is slow.
        if last != Some(parent.as_os_str()) {
            parents.insert(parent);
            last = Some(parent.as_os_str());
        }
    }
    parents
}

fn sync_file(path: &Path) -> Result<(), FsError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .on("sync", path)
}
