//! `Store`: trees under names that say what they hold.
//!
//! A tree has its final name only when it is complete and on disk, so one that is there is used without
//! reading it again.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use pack_format::StoreKey;
use pack_fs::error::Context as _;
use pack_fs::{FsError, durable};

use crate::failpoint::Step;
use crate::inventory::Inventory;
use crate::session::{ChangeError, Session};
use crate::stage::StagedPack;

/// From this many new files on, one sync of the whole file system costs less than one per file.
const SYNC_ONE_BY_ONE: usize = 64;

/// Proof that the store has a tree: complete, on disk, named by its key. A generation can name no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredPack {
    key: StoreKey,
}

impl StoredPack {
    pub(crate) fn key(self) -> StoreKey {
        self.key
    }
}

/// Whether a tree that is there already is trusted or read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It is used as it is.
    Keep,
    /// It is read, and replaced where it differs.
    Repair,
    /// It is replaced: something is wrong with it that its key does not tell.
    Replace,
}

/// A staged tree that the store does not have yet.
struct Newcomer<'s> {
    staged: &'s StagedPack,
    listing: PathBuf,
    /// Whether the name is taken already: by a damaged tree, or by one whose listing was lost in a cut.
    replaces: bool,
}

impl Session<'_> {
    /// Whether the store has a tree and its listing.
    pub(crate) fn has_stored(&self, key: &StoreKey) -> bool {
        self.layout.stored(key).is_dir() && self.layout.listing(key).is_file()
    }

    /// A tree, if it is in the store.
    pub(crate) fn find_stored(&self, key: &StoreKey) -> Result<Option<StoredPack>, FsError> {
        let path = self.layout.stored(key);
        match fs::metadata(&path) {
            Ok(found) => Ok(found.is_dir().then_some(StoredPack { key: *key })),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(FsError::new("look at", &path, e)),
        }
    }

    /// Puts staged trees into the store: one sync for all, then the renames.
    pub(crate) fn store(
        &mut self,
        staged: &[StagedPack],
        existing: Existing,
    ) -> Result<Vec<StoredPack>, ChangeError> {
        self.reached(Step::Staged)?;
        let newcomers = self.newcomers(staged, existing)?;
        if !newcomers.is_empty() {
            self.sync(&newcomers)?;
            self.reached(Step::Synced)?;
            self.rename(&newcomers)?;
        }
        self.reached(Step::Stored)?;
        Ok(staged
            .iter()
            .map(|pack| StoredPack {
                key: pack.inventory.key,
            })
            .collect())
    }

    /// What is missing, each key once, with its listing written to staging.
    fn newcomers<'s>(
        &mut self,
        staged: &'s [StagedPack],
        existing: Existing,
    ) -> Result<Vec<Newcomer<'s>>, ChangeError> {
        let mut newcomers: Vec<Newcomer<'s>> = Vec::new();
        let mut seen = BTreeSet::new();
        for pack in staged {
            let key = pack.inventory.key;
            if !seen.insert(key) {
                continue;
            }
            let usable = match existing {
                Existing::Keep => true,
                Existing::Repair => self.is_intact(&key),
                Existing::Replace => false,
            };
            if self.has_stored(&key) && usable {
                continue;
            }
            let replaces = is_something(&self.layout.stored(&key))?;
            let bytes = pack.inventory.listing().map_err(ChangeError::Encode)?;
            let listing = self.staging()?.join(format!("{}.json", key.to_hex()));
            fs::write(&listing, bytes).on("write", &listing)?;
            newcomers.push(Newcomer {
                staged: pack,
                listing,
                replaces,
            });
        }
        Ok(newcomers)
    }

    fn is_intact(&self, key: &StoreKey) -> bool {
        Inventory::take(&self.layout.stored(key)).is_ok_and(|found| found.key == *key)
    }

    fn sync(&mut self, newcomers: &[Newcomer<'_>]) -> Result<(), ChangeError> {
        let files: usize = newcomers
            .iter()
            .map(|n| n.staged.inventory.files.len())
            .sum();
        if files > SYNC_ONE_BY_ONE {
            let staging = self.staging()?.to_owned();
            return Ok(durable::sync_file_system(&staging)?);
        }
        for newcomer in newcomers {
            sync_tree(newcomer.staged)?;
            sync_file(&newcomer.listing)?;
        }
        Ok(())
    }

    fn rename(&mut self, newcomers: &[Newcomer<'_>]) -> Result<(), ChangeError> {
        let (store, listings) = (self.layout.store(), self.layout.listings());
        durable::create_directories(&store)?;
        durable::create_directories(&listings)?;
        for newcomer in newcomers {
            let key = newcomer.staged.inventory.key;
            let (tree, listing) = (self.layout.stored(&key), self.layout.listing(&key));
            if newcomer.replaces {
                exchange(&newcomer.staged.path, &tree)?;
            } else {
                fs::rename(&newcomer.staged.path, &tree).on("move into the store", &tree)?;
                // Not before: what is there already is not ours to take back.
                self.undo.remove(&tree);
            }
            fs::rename(&newcomer.listing, &listing).on("move into the store", &listing)?;
            if !newcomer.replaces {
                self.undo.remove(&listing);
            }
        }
        // Trees before listings: a listing says that its tree is on disk.
        durable::sync_directory(&store)?;
        durable::sync_directory(&listings)?;
        Ok(())
    }

    /// Moves what has a name in the store out of the way, into staging.
    pub(crate) fn set_aside(&mut self, path: &Path) -> Result<(), FsError> {
        if !is_something(path)? {
            return Ok(());
        }
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let aside = self.staging()?.join(format!("aside-{name}"));
        fs::rename(path, &aside).on("move out of the store", path)
    }
}

/// Whether there is anything at a path.
fn is_something(path: &Path) -> Result<bool, FsError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(FsError::new("look at", path, e)),
    }
}

/// Puts a good tree in the place of a damaged one in one step: readers always see one of them.
fn exchange(good: &Path, damaged: &Path) -> Result<(), FsError> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, good, CWD, damaged, RenameFlags::EXCHANGE).on("replace", damaged)
}

/// Syncs the files of a tree and every directory that holds them.
fn sync_tree(pack: &StagedPack) -> Result<(), FsError> {
    let mut directories = BTreeSet::new();
    directories.insert(pack.path.clone());
    for file in &pack.inventory.files {
        let path = pack.path.join(&file.path);
        sync_file(&path)?;
        let mut parent = path.parent();
        while let Some(directory) = parent.filter(|p| *p != pack.path) {
            directories.insert(directory.to_owned());
            parent = directory.parent();
        }
    }
    // Innermost first: a directory's own name is made durable by the one that holds it.
    for directory in directories.iter().rev() {
        durable::sync_directory(directory)?;
    }
    Ok(())
}

fn sync_file(path: &Path) -> Result<(), FsError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .on("sync", path)
}
