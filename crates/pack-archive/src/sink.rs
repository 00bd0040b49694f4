//! `Sink`: what receives the members of an archive.

use std::io::{self, Read};

use crate::member_path::MemberPath;

/// Receives every member of an archive, in the archive's order, after the [`Gate`](crate::Gate)
/// admitted it.
///
/// No member is skipped. A file may come before its directory, or without one; a directory may come
/// twice. The root is never passed.
pub trait Sink {
    /// Receives a directory.
    ///
    /// # Errors
    /// Any error ends the reading and is passed on as [`ArchiveError::Write`](crate::ArchiveError::Write).
    fn directory(&mut self, path: &MemberPath) -> io::Result<()>;

    /// Receives a file; what is left unread of `content` is decoded and checked all the same.
    ///
    /// # Errors
    /// As [`Sink::directory`]; errors of `content` must be passed on as they are.
    fn file(
        &mut self,
        path: &MemberPath,
        executable: bool,
        content: &mut dyn Read,
    ) -> io::Result<()>;
}

/// Reads into the whole of `buffer`, or up to the end of `content`.
pub(crate) fn fill(content: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match content.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}
