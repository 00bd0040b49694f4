//! `SourceFiles`: what is in an archive, for people who look at it in a browser.

use std::io::{self, Cursor, Read, sink};

use pack_archive::{ArchiveError, MemberPath, Sink, read_archive};
use pack_format::Limits;
use registry_pages::{Content, FileRow, MAX_SOURCE_BYTES};

/// Largest sum of the bytes of all files of an archive that is looked into, in bytes (64 MiB).
const MAX_UNPACKED_BYTES: u64 = 64 * 1024 * 1024;

/// The files of an archive, and one of them.
#[derive(Debug)]
pub struct SourceFiles {
    /// Sorted by path.
    pub files: Vec<FileRow>,
    wanted: Option<String>,
    found: Option<Vec<u8>>,
}

impl SourceFiles {
    /// Reads an archive under the policy of extraction; of the file `wanted`, the content too.
    ///
    /// # Errors
    /// [`ArchiveError`], also where the files have more than 64 MiB.
    pub fn read(archive: &[u8], wanted: Option<String>) -> Result<Self, ArchiveError> {
        let limits = Limits {
            unpacked_bytes: MAX_UNPACKED_BYTES,
            ..Limits::default()
        };
        let mut files = Self {
            files: Vec::new(),
            wanted,
            found: None,
        };
        read_archive(&mut Cursor::new(archive), &limits, &mut files)?;
        files.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// Path and content of the file that was wanted; `None` where there is no such file.
    pub fn wanted(&self) -> Option<(&str, Content<'_>)> {
        let (path, bytes) = (self.wanted.as_deref()?, self.found.as_ref()?);
        let content = match std::str::from_utf8(bytes) {
            _ if bytes.len() > MAX_SOURCE_BYTES => Content::TooLarge,
            Ok(text) if !text.contains('\0') => Content::Text(text),
            _ => Content::Binary,
        };
        Some((path, content))
    }
}

impl Sink for SourceFiles {
    fn directory(&mut self, _: &MemberPath) -> io::Result<()> {
        Ok(())
    }

    fn file(
        &mut self,
        path: &MemberPath,
        executable: bool,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let Some((_, path)) = path.as_str().split_once('/') else {
            io::copy(content, &mut sink())?;
            return Ok(());
        };
        let mut size_bytes = 0;
        if self.wanted.as_deref() == Some(path) {
            let mut bytes = Vec::new();
            let most = MAX_SOURCE_BYTES as u64 + 1;
            size_bytes += io::copy(&mut content.take(most), &mut bytes)?;
            self.found = Some(bytes);
        }
        size_bytes += io::copy(content, &mut sink())?;
        self.files.push(FileRow {
            path: path.to_owned(),
            size_bytes,
            executable,
        });
        Ok(())
    }
}
