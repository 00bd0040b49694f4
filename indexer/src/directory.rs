//! `PackDirectory`: a pack directory as a build reads it, nothing written.
//!
//! What a build would archive is what counts: ignore rules apply, except to files that git tracks
//! (`ignored.rs`), and `.git` is left out at any depth.

use std::path::{Path, PathBuf};

use pack_format::documents::Components;
use pack_format::git_ref::GitRef;
use pack_format::manifest::Manifest;
use pack_format::source::InstallSource;
use pack_format::{StoreKey, TreeDigest};

use crate::cache::BuildCache;
use crate::checkout::{AtRef, Checkouts};
use crate::contents::Contents;
use crate::pack::{self, Looked, Opened, PackError};

/// The files of a directory, and their digest; it need not hold a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryTree {
    /// Digest of the files that a build would archive.
    pub digest: TreeDigest,
    /// Their digest together with their execute bits.
    pub store_key: StoreKey,
    /// How many there are.
    pub file_count: u64,
    /// Sum of their sizes, in bytes.
    pub unpacked_bytes: u64,
}

impl DirectoryTree {
    /// Reads the files in `directory`.
    ///
    /// # Errors
    /// [`PackError`] for the first thing no pack may hold.
    pub fn of(directory: &Path) -> Result<Self, PackError> {
        let opened = open(directory)?;
        let contents = Contents::read(directory, opened.files)?;
        Self::new(directory, &contents)
    }

    pub(crate) fn new(directory: &Path, contents: &Contents) -> Result<Self, PackError> {
        let (digest, store_key) = contents.digest(directory)?;
        Ok(Self {
            digest,
            store_key,
            file_count: contents.file_count(),
            unpacked_bytes: contents.unpacked_bytes(),
        })
    }
}

/// A checked pack directory.
#[derive(Debug)]
pub struct PackDirectory {
    /// Where it is.
    pub directory: PathBuf,
    /// What `pack.yaml` says.
    pub manifest: Manifest,
    /// What its component files declare.
    pub components: Components,
    /// Its files.
    pub tree: DirectoryTree,
    /// Where git has the same tree, if the directory is a clean checkout of a published commit.
    pub source: Option<InstallSource>,
}

impl PackDirectory {
    /// Reads and checks the pack in `directory`.
    ///
    /// # Errors
    /// [`PackError`] for the first thing that is wrong.
    pub fn open(directory: &Path) -> Result<Self, PackError> {
        Self::of(directory, open(directory)?)
    }

    /// Like [`PackDirectory::open`], but without the files below `apart` (a path in the directory, or
    /// empty), and where the directory is a checkout that knows `git_ref`, only the files that git tracks
    /// count; also tells what the checkout knows of the ref, if it is one.
    pub(crate) fn open_at(
        directory: &Path,
        git_ref: Option<&GitRef>,
        apart: &Path,
    ) -> Result<(Self, Option<AtRef>), PackError> {
        let mut opened = open(directory)?;
        if !apart.as_os_str().is_empty() {
            opened
                .files
                .retain(|file| !Path::new(&file.path).starts_with(apart));
        }
        let unreadable = |source| PackError::Checkout {
            directory: directory.to_owned(),
            source,
        };
        let checkout = Checkouts::default().of(directory).map_err(unreadable)?;
        let mut at_ref = None;
        if let (Some(git_ref), Some(checkout)) = (git_ref, checkout) {
            let mut known = checkout.at(git_ref, directory).map_err(unreadable)?;
            if let AtRef::Known { left_out, .. } = &mut known {
                let tracked = checkout.tracked_below(directory);
                opened.files.retain(|file| {
                    let keep = tracked.contains(&file.path);
                    if !keep {
                        left_out.push(file.path.clone());
                    }
                    keep
                });
            }
            at_ref = Some(known);
        }
        Ok((Self::of(directory, opened)?, at_ref))
    }

    fn of(directory: &Path, opened: Opened) -> Result<Self, PackError> {
        let contents = Contents::read(directory, opened.files)?;
        let (manifest, components) = contents.metadata(directory)?;
        Ok(Self {
            directory: directory.to_owned(),
            manifest,
            components,
            tree: DirectoryTree::new(directory, &contents)?,
            source: opened.source,
        })
    }
}

/// Lists the files that belong to the pack in `directory`.
pub(crate) fn open(directory: &Path) -> Result<Opened, PackError> {
    let nothing_known = BuildCache::default();
    match pack::look(directory, "", &nothing_known, &Checkouts::default())? {
        Looked::Changed(opened) => Ok(*opened),
        Looked::Unchanged(_) => unreachable!("nothing is known of any directory"),
    }
}
