//! From a commit's tree to files: read from the object database, judged by the policy of archives.
//!
//! Every entry is judged before the first file is written. A symbolic link or a submodule is refused with its
//! path, as is any path an archive could not have. Sizes are asked of the database before content is read.

use std::io;
use std::path::Path;

use git2::{ObjectType, Oid, Tree};
use pack_archive::{ArchiveError, DirSink, Gate, MemberFault, MemberPath, Sink as _, Summary};
use pack_format::Limits;

use crate::fetch::Fetched;
use crate::readable;

const MODE_FILE: i32 = 0o100_644;
const MODE_FILE_OF_GROUP: i32 = 0o100_664;
const MODE_EXECUTABLE: i32 = 0o100_755;
const MODE_LINK: i32 = 0o120_000;
const MODE_SUBMODULE: i32 = 0o160_000;
const MODE_DIRECTORY: i32 = 0o040_000;

/// What lies in one directory of a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeIn {
    /// Names of its files.
    pub files: Vec<String>,
    /// Names of its directories.
    pub directories: Vec<String>,
}

/// A file that was admitted.
struct Admitted {
    path: MemberPath,
    id: Oid,
    executable: bool,
}

impl Fetched {
    /// What lies directly in `directory` (empty for the root); `None` if there is no such directory.
    ///
    /// # Errors
    /// [`ArchiveError::Read`] if the repository is damaged.
    pub fn list(&self, directory: &str) -> Result<Option<TreeIn>, ArchiveError> {
        let Some(tree) = self.tree(directory)? else {
            return Ok(None);
        };
        let mut found = TreeIn::default();
        for entry in &tree {
            let Ok(name) = std::str::from_utf8(entry.name_bytes()) else {
                continue;
            };
            match entry.filemode_raw() {
                MODE_FILE | MODE_FILE_OF_GROUP | MODE_EXECUTABLE => {
                    found.files.push(name.to_owned());
                }
                MODE_DIRECTORY => found.directories.push(name.to_owned()),
                _ => {}
            }
        }
        Ok(Some(found))
    }

    /// Writes what lies below `directory` (empty for the root) into the new directory `destination`.
    ///
    /// # Errors
    /// [`ArchiveError`]; what lies at `destination` is of no use then.
    pub fn export(
        &self,
        directory: &str,
        destination: &Path,
        limits: &Limits,
    ) -> Result<Summary, ArchiveError> {
        let tree = self.tree(directory)?.ok_or_else(|| {
            let missing = io::Error::new(io::ErrorKind::NotFound, "there is no such directory");
            ArchiveError::Read { source: missing }
        })?;
        let mut walk = Walk {
            fetched: self,
            gate: Gate::new(limits),
            admitted: Vec::new(),
        };
        walk.judge(&tree, &mut Vec::new())?;
        let mut sink =
            DirSink::create(destination).map_err(|source| ArchiveError::Destination {
                path: destination.to_owned(),
                source,
            })?;
        let database = self.repository.odb().map_err(|e| damaged(&e))?;
        for file in &walk.admitted {
            let blob = self.object(file.id, || database.read(file.id))?;
            sink.file(&file.path, file.executable, &mut blob.data())
                .map_err(|source| ArchiveError::Write {
                    name: file.path.to_string(),
                    source,
                })?;
        }
        Ok(walk.gate.summary())
    }

    fn tree(&self, directory: &str) -> Result<Option<Tree<'_>>, ArchiveError> {
        let commit = self.object(self.commit, || self.repository.find_commit(self.commit))?;
        let mut tree = self.subtree(commit.tree_id())?;
        for name in directory.split('/').filter(|name| !name.is_empty()) {
            let inner = tree
                .get_name(name)
                .filter(|e| e.filemode_raw() == MODE_DIRECTORY);
            let Some(id) = inner.map(|entry| entry.id()) else {
                return Ok(None);
            };
            tree = self.subtree(id)?;
        }
        Ok(Some(tree))
    }

    fn subtree(&self, id: Oid) -> Result<Tree<'_>, ArchiveError> {
        self.object(id, || self.repository.find_tree(id))
    }

    /// What `look` finds of an object; that it cannot be had, only if it can be read and a second look finds the same.
    fn object<T>(
        &self,
        id: Oid,
        look: impl Fn() -> Result<T, git2::Error>,
    ) -> Result<T, ArchiveError> {
        look().or_else(|_| {
            readable::check(self.repository.commondir(), Some(id)).map_err(|e| {
                ArchiveError::Read {
                    source: io::Error::other(e),
                }
            })?;
            look().map_err(|e| damaged(&e))
        })
    }
}

struct Walk<'a> {
    fetched: &'a Fetched,
    gate: Gate,
    admitted: Vec<Admitted>,
}

impl Walk<'_> {
    /// Judges everything in `tree`, which lies at `prefix` (empty, or ending in `/`).
    fn judge(&mut self, tree: &Tree<'_>, prefix: &mut Vec<u8>) -> Result<(), ArchiveError> {
        let database = self.fetched.repository.odb().map_err(|e| damaged(&e))?;
        for entry in tree {
            let length = prefix.len();
            prefix.extend_from_slice(entry.name_bytes());
            let mode = entry.filemode_raw();
            match mode {
                MODE_DIRECTORY => {
                    // SECURITY: counted, and its depth judged, before it is read: a tree may hold itself many times.
                    self.gate.admit_directory(prefix)?;
                    let inner = self.fetched.subtree(entry.id())?;
                    prefix.push(b'/');
                    self.judge(&inner, prefix)?;
                }
                MODE_FILE | MODE_FILE_OF_GROUP | MODE_EXECUTABLE => {
                    let (size, kind) =
                        (self.fetched).object(entry.id(), || database.read_header(entry.id()))?;
                    if kind != ObjectType::Blob {
                        let fault = MemberFault::Malformed("is listed as a file, but is none");
                        return Err(self.gate.refuse_next(prefix, fault));
                    }
                    let path = self.gate.admit_file(prefix, size as u64)?;
                    self.admitted.push(Admitted {
                        path,
                        id: entry.id(),
                        executable: mode == MODE_EXECUTABLE,
                    });
                }
                _ => {
                    let kind = match mode {
                        MODE_LINK => "a symbolic link",
                        MODE_SUBMODULE => "a submodule",
                        _ => "an entry of an unknown kind",
                    };
                    return Err(self.gate.refuse_next(prefix, MemberFault::Kind(kind)));
                }
            }
            prefix.truncate(length);
        }
        Ok(())
    }
}

fn damaged(error: &git2::Error) -> ArchiveError {
    ArchiveError::Read {
        source: io::Error::other(error.message().to_owned()),
    }
}
