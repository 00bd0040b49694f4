//! The content of one entry: exactly the bytes, the size and the checksum that were declared.

use std::io::{self, Read};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use crate::cap::{Exact, member_fault};
use crate::error::MemberFault;
use crate::sink::fill;

/// What both headers say of the content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared {
    pub(super) is_deflated: bool,
    pub(super) size_bytes: u64,
    pub(super) crc: u32,
}

/// Decodes one entry after the other with the same memory.
pub(super) struct Decoder {
    inflate: Decompress,
    crc: Crc,
}

impl Decoder {
    /// A decoder.
    pub(super) fn new() -> Self {
        Self {
            inflate: Decompress::new(false),
            crc: Crc::new(),
        }
    }

    /// Begins to decode `compressed`.
    pub(super) fn start<'d, 'c>(
        &'d mut self,
        compressed: &'d mut Exact<'c>,
        declared: Declared,
    ) -> Content<'d, 'c> {
        self.inflate.reset(false);
        self.crc.reset();
        Content {
            decoder: self,
            compressed,
            declared,
            produced: 0,
            is_done: false,
        }
    }
}

/// The decoded content of one entry.
pub(super) struct Content<'d, 'c> {
    decoder: &'d mut Decoder,
    compressed: &'d mut Exact<'c>,
    declared: Declared,
    produced: u64,
    is_done: bool,
}

impl Content<'_, '_> {
    /// Decodes what nobody read and checks all of it.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let mut rest = [0; 16 * 1024];
        while fill(self, &mut rest)? == rest.len() {}
        Ok(())
    }

    fn step(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.declared.is_deflated {
            let n = self.compressed.read(buffer)?;
            self.is_done = n == 0;
            return Ok(n);
        }
        let inflate = &mut self.decoder.inflate;
        let (consumed_before, produced_before) = (inflate.total_in(), inflate.total_out());
        let input = self.compressed.available()?;
        let status = inflate
            .decompress(input, buffer, FlushDecompress::None)
            .map_err(|_| malformed("has damaged content"))?;
        let consumed = inflate.total_in() - consumed_before;
        let produced = inflate.total_out() - produced_before;
        self.is_done = status == Status::StreamEnd;
        if !self.is_done && consumed == 0 && produced == 0 {
            return Err(malformed("has damaged content"));
        }
        self.compressed
            .consume(usize::try_from(consumed).unwrap_or(usize::MAX));
        Ok(usize::try_from(produced).unwrap_or(usize::MAX))
    }

    fn check(&self) -> io::Result<()> {
        if self.compressed.left() != 0 {
            return Err(malformed("has bytes after its compressed content"));
        }
        if self.produced != self.declared.size_bytes {
            return Err(malformed("unpacks to fewer bytes than it declares"));
        }
        if self.decoder.crc.sum() != self.declared.crc {
            return Err(malformed("does not match its checksum"));
        }
        Ok(())
    }
}

impl Read for Content<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while !self.is_done {
            let n = self.step(buffer)?;
            self.produced += n as u64;
            // SECURITY: the gate admitted the declared size; not a byte more may come out.
            if self.produced > self.declared.size_bytes {
                return Err(malformed("unpacks to more bytes than it declares"));
            }
            self.decoder.crc.update(&buffer[..n]);
            if self.is_done {
                self.check()?;
            }
            if n > 0 {
                return Ok(n);
            }
        }
        Ok(0)
    }
}

fn malformed(reason: &'static str) -> io::Error {
    member_fault(MemberFault::Malformed(reason))
}
