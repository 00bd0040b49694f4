//! From bytes to a complete tree in staging. Each arrow is one function, each noun one type:
//!
//! ```text
//! FetchedArchive ─ verify ─> VerifiedArchive ─ unpack ─> StagedPack ─ Store::insert ─> StoredPack
//! directory ──────────────────── copy ─────────────────> StagedPack
//! git commit ───────────────── of_commit ──────────────> StagedPack
//! ```
//! Nothing that was not verified is unpacked; a source nobody vouches for says so by its type.

mod error;
mod git;
mod noted;
mod strip;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use pack_archive::{ArchiveError, ArchiveKind, DirSink, Gate};
use pack_client::Received;
use pack_format::digest::TreeHashError;
use pack_format::manifest::Manifest;
use pack_format::{Checksum, Limits, PackRef, StoreKey, TreeDigest, Version};
use pack_fs::error::Context as _;
use pack_fs::tree::{self, TreeError, TreeFile};
use pack_fs::{FsError, remove};

use crate::inventory::Inventory;
use crate::pack_dir::PackDir;
use crate::record::Check;

pub use self::error::StageError;
use self::noted::Noted;

/// An archive as it arrived: nothing can be done with it but verify it.
#[derive(Debug)]
pub struct FetchedArchive {
    name: String,
    body: Received,
}

/// An archive whose bytes are what somebody said they must be, or that nobody vouched for.
#[derive(Debug)]
pub struct VerifiedArchive {
    name: String,
    body: Received,
    checks: Vec<Check>,
    kept: Option<PathBuf>,
}

/// A complete tree in staging, with what is known of it.
#[derive(Debug)]
pub struct StagedPack {
    /// Where it came from, as errors name it.
    pub name: String,
    /// Root of the tree.
    pub path: PathBuf,
    /// Its path below the source's root; empty for the root itself.
    pub subdir: String,
    /// What it says of itself.
    pub manifest: Manifest,
    /// What is on disk.
    pub inventory: Inventory,
    /// Checksum of the archive, if it came as one.
    pub archive_digest: Option<Checksum>,
    /// What was compared with what.
    pub checks: Vec<Check>,
    /// A copy of the archive, if it came as one and was to be kept.
    pub archive: Option<PathBuf>,
}

/// What a registry says a tree must be.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The pack.
    pub pack_ref: &'a PackRef,
    /// Its version.
    pub version: &'a Version,
    /// Its tree, in format 2.
    pub tree: Option<TreeDigest>,
    /// Its store key, in format 2.
    pub store_key: Option<StoreKey>,
}

impl FetchedArchive {
    /// Bytes that arrived from `name`.
    pub fn new(name: impl Into<String>, body: Received) -> Self {
        Self {
            name: name.into(),
            body,
        }
    }

    /// Compares the bytes with a checksum that `against` stated.
    ///
    /// # Errors
    /// [`StageError::Checksum`] with both values.
    pub fn verify(
        mut self,
        expected: &Checksum,
        against: &str,
    ) -> Result<VerifiedArchive, StageError> {
        let computed = self
            .body
            .checksum(expected.algorithm())
            .map_err(|e| FsError::new("read", Path::new(&self.name), e))?;
        if computed != *expected {
            return Err(StageError::Checksum {
                name: self.name,
                expected: expected.to_string(),
                computed: computed.to_string(),
                stated_by: against.to_owned(),
            });
        }
        Ok(VerifiedArchive {
            name: self.name,
            body: self.body,
            checks: vec![Check::new("archive_digest", against)],
            kept: None,
        })
    }

    /// Whether the bytes have a checksum.
    ///
    /// # Errors
    /// [`StageError::File`] if they cannot be read again.
    pub fn matches(&mut self, expected: &Checksum) -> Result<bool, StageError> {
        let computed = self
            .body
            .checksum(expected.algorithm())
            .map_err(|e| FsError::new("read", Path::new(&self.name), e))?;
        Ok(computed == *expected)
    }

    /// Takes the bytes as they are: somebody named this source and no checksum. Recorded as `verified: none`.
    pub fn accept_unverified(self) -> VerifiedArchive {
        VerifiedArchive {
            name: self.name,
            body: self.body,
            checks: Vec::new(),
            kept: None,
        }
    }
}

impl VerifiedArchive {
    /// Writes a copy into the directory `directory` too, named after its digest and kind.
    ///
    /// # Errors
    /// [`StageError::File`].
    pub fn keep(mut self, directory: &Path) -> Result<Self, StageError> {
        let name = self.name.clone();
        let unreadable = |e| FsError::new("read", Path::new(&name), e);
        let mut reader = self.body.reader().map_err(unreadable)?;
        let mut head = Vec::new();
        let wanted = ArchiveKind::HEAD_BYTES as u64;
        (&mut reader)
            .take(wanted)
            .read_to_end(&mut head)
            .map_err(unreadable)?;
        // What is no archive is refused when it is unpacked.
        let extension = ArchiveKind::detect(&head).map_or("archive", ArchiveKind::extension);
        let hex = self.body.digest().to_hex();
        let path = directory.join(format!("{hex}.{extension}"));
        let mut file = File::create(&path).on("create", &path)?;
        let mut reader = self.body.reader().map_err(unreadable)?;
        io::copy(&mut reader, &mut file).on("write", &path)?;
        self.kept = Some(path);
        Ok(self)
    }

    /// Unpacks into the new directory `destination` and reads what is there.
    ///
    /// Where everything lies below a directory `top`, that directory is left out.
    ///
    /// # Errors
    /// [`StageError`]; `destination` is gone again.
    pub fn unpack(
        mut self,
        destination: &Path,
        limits: &Limits,
        top: Option<&str>,
    ) -> Result<StagedPack, StageError> {
        let mut reader = self
            .body
            .reader()
            .map_err(|source| StageError::of_archive(&self.name, ArchiveError::Read { source }))?;
        let noted = strip::unpack(&mut reader, destination, limits, top)
            .map_err(|e| StageError::of_archive(&self.name, e))?;
        let digest = self.body.digest();
        let staged =
            StagedPack::of(destination, &self.name, Some(noted)).map(|staged| StagedPack {
                archive_digest: Some(digest.into()),
                checks: self.checks,
                archive: self.kept,
                ..staged
            });
        staged.inspect_err(|_| {
            // The first error is the one to report; staging is swept in any case.
            let _ = remove::remove_all(destination);
        })
    }
}

impl StagedPack {
    /// A complete tree that is in staging already.
    pub(crate) fn read(root: &Path, name: &str) -> Result<Self, StageError> {
        Self::of(root, name, None)
    }

    /// The same where what lies below `root` may be known already.
    fn of(root: &Path, name: &str, noted: Option<Noted>) -> Result<Self, StageError> {
        let found = PackDir::locate(root, name)?;
        let inventory = match noted.and_then(|noted| noted.inventory(&found.subdir)) {
            Some(known) => known,
            None => Inventory::take(&found.path).map_err(|e| StageError::of_tree(name, e))?,
        };
        Ok(Self {
            name: name.to_owned(),
            path: found.path,
            subdir: found.subdir,
            manifest: found.manifest,
            inventory,
            archive_digest: None,
            checks: Vec::new(),
            archive: None,
        })
    }

    /// Copies the pack in directory `source` to the new directory `destination`, through the same rules
    /// as the members of an archive.
    ///
    /// Every file but those of `.git` is copied; ignore files are not asked.
    ///
    /// # Errors
    /// [`StageError`]; `destination` is gone again.
    pub fn copy(source: &Path, destination: &Path, limits: &Limits) -> Result<Self, StageError> {
        let name = source.display().to_string();
        let found = PackDir::locate(source, &name)?;
        let copied = copy_tree(&found.path, destination, limits, &name)
            .and_then(|()| Self::read(destination, &name));
        copied
            .map(|staged| Self {
                subdir: found.subdir,
                ..staged
            })
            .inspect_err(|_| {
                let _ = remove::remove_all(destination);
            })
    }

    /// Compares identity and, where a registry states them, digests of what is on disk.
    ///
    /// # Errors
    /// [`StageError::Identity`] or [`StageError::Checksum`].
    pub fn expect(mut self, expected: &Expected<'_>) -> Result<Self, StageError> {
        if self.manifest.pack_ref != *expected.pack_ref
            || self.manifest.version != *expected.version
        {
            return Err(StageError::Identity {
                name: self.name,
                expected: format!("{}@{}", expected.pack_ref, expected.version),
                found: format!("{}@{}", self.manifest.pack_ref, self.manifest.version),
            });
        }
        if let Some(tree) = expected.tree {
            self.compare(
                "tree_digest",
                tree.to_string(),
                self.inventory.tree.to_string(),
                "registry",
            )?;
        }
        if let Some(key) = expected.store_key {
            self.compare(
                "store_key",
                key.to_string(),
                self.inventory.key.to_string(),
                "registry",
            )?;
        }
        Ok(self)
    }

    /// Whether the tree has a checksum.
    pub fn has_tree(&self, expected: &Checksum) -> bool {
        expected.as_tree_digest() == Some(self.inventory.tree)
    }

    /// Compares the tree with a checksum that `against` stated.
    ///
    /// # Errors
    /// [`StageError::Checksum`] with both values.
    pub fn expect_tree(mut self, expected: &Checksum, against: &str) -> Result<Self, StageError> {
        let computed = self.inventory.tree.to_string();
        self.compare("tree_digest", expected.to_string(), computed, against)?;
        Ok(self)
    }

    /// Compares the store key with one that `against` stated.
    ///
    /// # Errors
    /// [`StageError::Checksum`] with both values.
    pub(crate) fn expect_key(mut self, key: StoreKey, against: &str) -> Result<Self, StageError> {
        let computed = self.inventory.key.to_string();
        self.compare("store_key", key.to_string(), computed, against)?;
        Ok(self)
    }

    fn compare(
        &mut self,
        what: &str,
        expected: String,
        computed: String,
        against: &str,
    ) -> Result<(), StageError> {
        if expected != computed {
            return Err(StageError::Checksum {
                name: format!("{} ({})", self.name, what.replace('_', " ")),
                expected,
                computed,
                stated_by: against.to_owned(),
            });
        }
        self.checks.push(Check::new(what, against));
        Ok(())
    }
}

fn copy_tree(from: &Path, to: &Path, limits: &Limits, name: &str) -> Result<(), StageError> {
    let files = tree::walk(from).map_err(|e| StageError::of_tree(name, e))?;
    let mut source = pack_fs::SourceDir::open(from).on("open", from)?;
    let mut gate = Gate::new(limits);
    let mut sink = DirSink::create(to).on("create directory", to)?;
    for file in files {
        let path = gate
            .admit_file(file.path.as_bytes(), file.size_bytes)
            .map_err(|e| StageError::of_archive(name, e))?;
        let place = from.join(&file.path);
        let content = source.file(&file.path).on("open", &place)?;
        // One byte more than the limits were asked about is enough to see that it grows.
        let limit = file.size_bytes.saturating_add(1);
        let read = sink
            .copy(&path, file.executable, (&content, limit))
            .on("copy", &place)?;
        check_size(from, file, read).map_err(|e| StageError::of_tree(name, e))?;
    }
    Ok(())
}

/// A file must have the size the limits were asked about.
fn check_size(root: &Path, file: TreeFile, read: u64) -> Result<(), TreeError> {
    if read == file.size_bytes {
        return Ok(());
    }
    Err(TreeError::Hash {
        root: root.to_owned(),
        source: TreeHashError::Changed {
            path: file.path,
            announced: file.size_bytes,
            read,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that grew or shrank since the limits were asked is an error that names it.
    #[test]
    fn check_size_names_a_file_that_changed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("log"), "1234").unwrap();
        let file = || tree::walk(dir.path()).unwrap().remove(0);
        assert!(check_size(dir.path(), file(), 4).is_ok());
        for read in [3, 5] {
            let error = check_size(dir.path(), file(), read).unwrap_err();
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains("`log` changed while it was read"), "{cause}");
        }
    }
}
