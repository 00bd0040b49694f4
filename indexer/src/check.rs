//! Checking a pack before it is published: the files a build would archive, or those of an archive.

use std::io::{Read, Seek};
use std::path::Path;

use pack_check::{Checked, CheckedFile};

use crate::archive_file::{ArchiveFileError, Members};
use crate::contents::Contents;
use crate::directory;
use crate::pack::PackError;

/// Checks the pack in a directory of its author.
///
/// # Errors
/// [`PackError`] if its files cannot be listed and read, such as for a link; what is wrong inside of them is
/// no error but a finding.
pub fn check_directory(directory: &Path) -> Result<Checked, PackError> {
    let opened = directory::open(directory)?;
    Ok(findings(&Contents::read(directory, opened.files)?))
}

/// Checks the pack in an archive.
///
/// # Errors
/// [`ArchiveFileError`] where an installer would refuse the archive whatever its files hold.
pub fn check_archive(archive: &mut (impl Read + Seek)) -> Result<Checked, ArchiveFileError> {
    Ok(findings(&Members::read(archive)?.contents()?))
}

fn findings(contents: &Contents) -> Checked {
    pack_check::check(contents.iter().map(|(file, content)| CheckedFile {
        path: &file.path,
        executable: file.executable,
        content,
    }))
}
