//! Checking a pack before it is published: the files a build would archive, or those of an archive.

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::path::Path;

use pack_check::{Checked, CheckedFile, Diagnostic, Findings, rules};
use pack_format::Hint as _;
use pack_fs::tree::TreeError;

use crate::archive_file::{ArchiveFileError, Members};
use crate::contents::Contents;
use crate::pack::{self, PackError};

/// Checks the pack in a directory of its author.
///
/// # Errors
/// [`PackError`] if its files cannot be listed and read; what is wrong with them is no error but a finding.
pub fn check_directory(directory: &Path) -> Result<Checked, PackError> {
    let mut scan = pack::sift(directory)?;
    let mut irregular = Findings::default();
    for (path, error) in scan.refused {
        let message = match &error {
            TreeError::Special { kind, .. } => format!("it is a {kind}"),
            TreeError::Name { .. } => "its name is not UTF-8".to_owned(),
            other => other.to_string(),
        };
        let mut found = Diagnostic::new(rules::FILE_IRREGULAR, &path, message);
        found.hint = error.hint();
        irregular.add(found);
    }
    // Reading refuses both of them, as an installer does.
    let mut folded: BTreeMap<String, String> = BTreeMap::new();
    scan.files.retain(|file| {
        let first = folded
            .entry(file.path.to_lowercase())
            .or_insert_with(|| file.path.clone());
        let is_first = *first == file.path;
        if !is_first {
            irregular.add(pack_check::collision(&file.path, first));
        }
        is_first
    });
    let contents = Contents::read(directory, scan.files)?;
    Ok(findings(&contents, irregular))
}

/// Checks the pack in an archive.
///
/// # Errors
/// [`ArchiveFileError`] where an installer would refuse the archive whatever its files hold.
pub fn check_archive(archive: &mut (impl Read + Seek)) -> Result<Checked, ArchiveFileError> {
    Ok(findings(
        &Members::read(archive)?.contents()?,
        Findings::default(),
    ))
}

pub(crate) fn findings(contents: &Contents, known: Findings) -> Checked {
    let files = contents.iter().map(|(file, content)| CheckedFile {
        path: &file.path,
        executable: file.executable,
        content,
    });
    pack_check::check_with(files, known)
}
