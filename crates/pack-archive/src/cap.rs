//! Readers that keep to a number of bytes and mark where an error came from.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use crate::error::{ArchiveError, MemberFault};

/// An archive to read from the start or to jump in.
pub(crate) trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// The bytes of the archive file; its errors say that they come from there.
pub(crate) struct Source<'a> {
    inner: &'a mut dyn ReadSeek,
}

impl<'a> Source<'a> {
    /// Wraps `inner`.
    pub(crate) fn new(inner: &'a mut dyn ReadSeek) -> Self {
        Self { inner }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(mark)
    }
}

impl Seek for Source<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.inner.seek(position).map_err(mark)
    }
}

fn mark(source: io::Error) -> io::Error {
    if source.kind() == io::ErrorKind::Interrupted {
        return source;
    }
    ArchiveError::Read { source }.into()
}

/// Exactly the next `left` bytes; an earlier end is a [`MemberFault`].
pub(crate) struct Exact<'a> {
    inner: &'a mut dyn BufRead,
    left: u64,
}

impl<'a> Exact<'a> {
    /// The next `bytes` of `inner`.
    pub(crate) fn new(inner: &'a mut dyn BufRead, bytes: u64) -> Self {
        Self { inner, left: bytes }
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Reads over what is left.
    pub(crate) fn skip(&mut self) -> io::Result<()> {
        while self.left > 0 {
            let n = self.available()?.len();
            self.consume(n);
        }
        Ok(())
    }

    /// At least one and at most `left` bytes, unless none are left.
    pub(crate) fn available(&mut self) -> io::Result<&[u8]> {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(&[]);
        }
        let bytes = fill_buf(self.inner)?;
        if bytes.is_empty() {
            return Err(end_of_archive());
        }
        Ok(&bytes[..bytes.len().min(left)])
    }

    /// Marks `n` of the available bytes as read.
    pub(crate) fn consume(&mut self, n: usize) {
        self.inner.consume(n);
        self.left -= n as u64;
    }
}

impl Read for Exact<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.available()?;
        let n = bytes.len().min(buffer.len());
        buffer[..n].copy_from_slice(&bytes[..n]);
        self.consume(n);
        Ok(n)
    }
}

/// `fill_buf` that goes on after an interrupted call.
pub(crate) fn fill_buf(reader: &mut dyn BufRead) -> io::Result<&[u8]> {
    loop {
        match reader.fill_buf() {
            Ok(_) => break,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    reader.fill_buf()
}

/// Fails a content reader because of the member it belongs to.
pub(crate) fn member_fault(fault: MemberFault) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault)
}

fn end_of_archive() -> io::Error {
    member_fault(MemberFault::Malformed(
        "is cut off by the end of the archive",
    ))
}
