//! A hint to the file system about directories that have nothing to do with each other.

use std::path::Path;

/// Tells the file system that each directory made in `directory` begins a hierarchy of its own, so that it looks for the
/// emptiest place for each instead of putting all of them beside each other.
///
/// ext4 does not hand out an inode again soon after its file was deleted (a minute, and five more if the deletion may not be
/// on disk yet), and looks at every such inode again for each new file of the same block group. Where thousands of files were
/// removed a moment ago, files beside them are made ten times more slowly; elsewhere on the disk they are not.
///
/// Nothing depends on it: a file system that has no such hint goes on as before.
pub fn unrelated_below(directory: &Path) {
    #[cfg(all(target_os = "linux", not(target_arch = "sparc64")))]
    {
        use rustix::fs::{CWD, IFlags, Mode, OFlags, ioctl_getflags, ioctl_setflags, openat};

        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        if let Ok(directory) = openat(CWD, directory, flags, Mode::empty())
            && let Ok(present) = ioctl_getflags(&directory)
            && !present.contains(IFlags::TOPDIR)
        {
            let _ = ioctl_setflags(&directory, present | IFlags::TOPDIR);
        }
    }
    #[cfg(not(all(target_os = "linux", not(target_arch = "sparc64"))))]
    let _ = directory;
}

#[cfg(all(test, target_os = "linux", not(target_arch = "sparc64")))]
mod tests {
    use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
    use std::fs::File;
    use std::path::Path;

    /// The mark is set where the file system knows it, and elsewhere nothing happens.
    #[test]
    fn marked_where_it_can_be() {
        let is_marked = |path: &Path| {
            ioctl_getflags(File::open(path).unwrap()).is_ok_and(|is| is.contains(IFlags::TOPDIR))
        };
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let can_be = ioctl_setflags(File::open(theirs.path()).unwrap(), IFlags::TOPDIR).is_ok()
            && is_marked(theirs.path());
        assert!(!is_marked(ours.path()));
        for _ in 0..2 {
            super::unrelated_below(ours.path());
            assert_eq!(is_marked(ours.path()), can_be);
        }
        super::unrelated_below(&ours.path().join("none"));
    }
}
