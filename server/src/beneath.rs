//! Opening files beneath a root, and nowhere else.
//!
//! SECURITY: a tree is written by us, but packs come from strangers and folders are shared. No symbolic
//! link beneath the root is followed, at any level, also when one appears between two system calls: on
//! Linux the kernel walks the whole name itself (`openat2`); elsewhere, and where a sandbox forbids that
//! call, each directory is opened from the one above it.

use crate::stamp::Stamp;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, fstat, openat};
use rustix::io::Errno;
use std::fs::File;
use std::path::Path;

/// A directory whose files are served, as it was when it was opened.
///
/// It is opened anew for each load, so that a tree put in place of another is seen.
#[derive(Debug)]
pub(crate) struct Root(OwnedFd);

impl Root {
    /// Opens the directory at `path`. The root itself may be a symbolic link: the operator chose it.
    pub(crate) fn open(path: &Path) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(CWD, path, flags, Mode::empty()).map(Self)
    }

    /// Opens the regular file `name`, which must come from a `TreePath`.
    ///
    /// Anything but a regular file is [`Errno::NOENT`].
    pub(crate) fn file(&self, name: &str) -> Result<(File, Stamp), Errno> {
        // NONBLOCK: opening a pipe must not wait for a writer. It has no effect on regular files.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        let file = self.open_beneath(name, flags)?;
        let stamp = Stamp::new(&fstat(&file)?);
        if stamp.is_file() {
            Ok((File::from(file), stamp))
        } else {
            Err(Errno::NOENT)
        }
    }

    #[cfg(target_os = "linux")]
    fn open_beneath(&self, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        use rustix::fs::{ResolveFlags, openat2};

        let within =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match openat2(&self.0, name, flags, Mode::empty(), within) {
            // NOSYS: Linux before 5.6. PERM: a sandbox that does not know the call. AGAIN: the kernel
            // could not rule out a race on a `..`, which a name here never has; the walk settles it.
            Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => walk(&self.0, name, flags),
            other => other,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn open_beneath(&self, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        walk(&self.0, name, flags)
    }
}

/// Opens `name` one segment at a time, none of which may be a link.
fn walk(root: &impl AsFd, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let into = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Some((folders, file)) = name.rsplit_once('/') else {
        return openat(root, name, flags | OFlags::NOFOLLOW, Mode::empty());
    };
    let mut segments = folders.split('/');
    let first = segments.next().unwrap_or(folders);
    let mut folder = openat(root, first, into, Mode::empty())?;
    for segment in segments {
        folder = openat(&folder, segment, into, Mode::empty())?;
    }
    openat(&folder, file, flags | OFlags::NOFOLLOW, Mode::empty())
}

/// Whether the error says that there is nothing to serve by that name, as opposed to a failing system.
///
/// Not permitted counts as not there, and so does a link: the answer must not tell them apart.
pub(crate) fn is_absent(error: Errno) -> bool {
    matches!(
        error,
        Errno::NOENT
            | Errno::NOTDIR
            | Errno::ACCESS
            | Errno::PERM
            | Errno::LOOP
            | Errno::XDEV
            | Errno::NAMETOOLONG
            | Errno::INVAL
            | Errno::ISDIR
            | Errno::NXIO
            | Errno::ILSEQ
    )
}

#[cfg(test)]
mod tests {
    use super::{OFlags, Root, walk};
    use std::io::Read;
    use std::os::unix::fs::symlink;

    /// The step-by-step walk opens what the kernel's own walk opens, and follows no link either.
    #[test]
    fn walk_agrees_with_openat2() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "secret").unwrap();
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("a/b")).unwrap();
        std::fs::write(tree.path().join("a/b/file"), "in").unwrap();
        symlink(outside.path(), tree.path().join("a/out")).unwrap();
        symlink("file", tree.path().join("a/b/link")).unwrap();
        let root = Root::open(tree.path()).unwrap();

        for (name, readable) in [
            ("a/b/file", true),
            ("a/b/link", false),
            ("a/out/secret", false),
            ("a/b", false),
            ("a/none/file", false),
            ("none", false),
        ] {
            assert_eq!(root.file(name).is_ok(), readable, "{name}");
            let walked = walk(&root.0, name, OFlags::RDONLY).map(std::fs::File::from);
            let mut text = String::new();
            let read = walked.is_ok_and(|mut file| file.read_to_string(&mut text).is_ok());
            assert_eq!(read, readable, "{name}");
            assert!(text.is_empty() || text == "in");
        }
    }
}
