//! Whether a repository on this machine can be read at all: libgit2 takes much of what it cannot read for absent.

use std::fs::{self, DirEntry, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use git2::Oid;
use pack_fs::FsError;
use pack_fs::error::Context as _;
use rustix::fs::{Access, access, stat};

/// Files that say where everything else is, where they exist.
const FILES: [&str; 7] = [
    "HEAD",
    "commondir",
    "config",
    "packed-refs",
    "shallow",
    "objects/info/alternates",
    "objects/pack/multi-pack-index",
];

/// Looks at what lookups in the repository in `directory` depend on: its own files, its refs, its packs, the
/// directories of its objects, and the file of `object`. What does not exist is no failure.
///
/// # Errors
/// The first thing that is there and cannot be read.
pub(crate) fn check(directory: &Path, object: Option<Oid>) -> Result<(), FsError> {
    let inner = directory.join(".git");
    let top = if kind_of(&inner)? == Kind::Directory {
        inner
    } else {
        // What a work tree elsewhere leads to is judged by libgit2 alone.
        file(&inner)?;
        directory.to_owned()
    };
    for name in FILES {
        file(&top.join(name))?;
    }
    tree(&top.join("refs"))?;
    let objects = top.join("objects");
    for group in entries(&objects)? {
        let files = entries(&group.path())?;
        if group.file_name() == "pack" {
            files.iter().try_for_each(|pack| file(&pack.path()))?;
        }
    }
    let Some(id) = object.map(|id| id.to_string()) else {
        return Ok(());
    };
    let (group, name) = id.split_at(2);
    file(&objects.join(group).join(name))
}

#[derive(PartialEq, Eq)]
enum Kind {
    Absent,
    Directory,
    Other,
}

/// Asks in each way that libgit2 asks.
fn kind_of(path: &Path) -> Result<Kind, FsError> {
    let found = access(path, Access::EXISTS).and_then(|()| stat(path));
    let found = present(found.map_err(io::Error::from)).on("look at", path)?;
    Ok(match found {
        None => Kind::Absent,
        Some(found) if rustix::fs::FileType::from_raw_mode(found.st_mode).is_dir() => {
            Kind::Directory
        }
        Some(_) => Kind::Other,
    })
}

/// Reads the beginning of a file.
fn file(path: &Path) -> Result<(), FsError> {
    if kind_of(path)? != Kind::Other {
        return Ok(());
    }
    let begun = File::open(path).and_then(|mut file| file.read(&mut [0; 64]));
    present(begun).on("read", path).map(drop)
}

/// Reads every file below a directory, wherever links in it lead.
fn tree(directory: &Path) -> Result<(), FsError> {
    for entry in entries(directory)? {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            tree(&entry.path())?;
        } else {
            file(&entry.path())?;
        }
    }
    Ok(())
}

/// What lies in a directory; nothing if it is none.
fn entries(directory: &Path) -> Result<Vec<DirEntry>, FsError> {
    if kind_of(directory)? != Kind::Directory {
        return Ok(Vec::new());
    }
    let listed = fs::read_dir(directory).and_then(Iterator::collect);
    Ok(present(listed).on("list", directory)?.unwrap_or_default())
}

fn present<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(e),
    }
}
