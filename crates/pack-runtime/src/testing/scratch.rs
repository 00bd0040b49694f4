//! `Scratch`: a copy of a pack that its tests may write to, with a home and a folder for temporary files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pack_fs::FsError;
use pack_fs::error::Context as _;
use tempfile::TempDir;

/// What is no part of a pack, wherever it is.
const LEFT_OUT: [&str; 3] = [".git", "node_modules", "__pycache__"];

/// Two folders: one the tests may write to, one they may not. Both go when this is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    writable: TempDir,
    control: TempDir,
}

impl Scratch {
    /// Copies the pack at `pack` to a new folder below `parent`.
    pub(super) fn of(pack: &Path, parent: &Path) -> Result<Self, FsError> {
        let folder = |prefix: &str| {
            let made = tempfile::Builder::new().prefix(prefix).tempdir_in(parent);
            made.on("create a directory in", parent)
        };
        let scratch = Self {
            writable: folder("attune-test-")?,
            control: folder("attune-order-")?,
        };
        for name in ["home", "tmp"] {
            let path = scratch.writable.path().join(name);
            fs::create_dir(&path).on("create directory", &path)?;
        }
        copy(pack, &scratch.pack())?;
        Ok(scratch)
    }

    /// The copy.
    pub(super) fn pack(&self) -> PathBuf {
        self.writable.path().join("pack")
    }

    /// What tests may write to.
    pub(super) fn writable(&self) -> &Path {
        self.writable.path()
    }

    /// What they may read only.
    pub(super) fn control(&self) -> &Path {
        self.control.path()
    }
}

/// Regular files and directories, with the modes of files; a pack holds nothing else.
fn copy(from: &Path, to: &Path) -> Result<(), FsError> {
    fs::create_dir(to).on("create directory", to)?;
    for entry in fs::read_dir(from).on("list", from)? {
        let entry = entry.on("list", from)?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().on("look up", &source)?;
        let name = entry.file_name();
        if LEFT_OUT.iter().any(|left| name == *left) {
            continue;
        }
        if kind.is_dir() {
            copy(&source, &target)?;
        } else if kind.is_file() {
            copy_file(&source, &target).on("copy", &source)?;
        }
    }
    Ok(())
}

/// Modes of a stored tree forbid writing; here the owner may.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::copy(from, to)?;
    let mode = fs::metadata(to)?.permissions().mode() | 0o200;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))
}
