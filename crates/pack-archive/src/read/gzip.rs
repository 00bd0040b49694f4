//! `GzipReader`: strict decoding of gzip (RFC 1952).
//!
//! For each member: header (2.3), deflate stream, CRC-32 and length. All members are one stream
//! (2.2); whatever follows the last one and is no member is refused, and so is a file that ends
//! before a trailer. A reader that stops at the first member, or does not read on to the trailer,
//! sees other content than one that does.

use std::io::{self, BufRead, BufReader, Read};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use crate::cap::Source;
use crate::error::ArchiveError;
use crate::read::BUFFER_BYTES;

/// Most members of one file. Parallel compressors make one per 64 KiB or more, 8,192 for 512 MiB.
const MAX_MEMBERS: usize = 16 * 1024;

const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// The decoded bytes of all members, checked to the end of the file.
pub(crate) struct GzipReader<'a> {
    input: BufReader<Source<'a>>,
    inflate: Decompress,
    /// Over the content of the current member.
    crc: Crc,
    /// Whether the input stands inside a deflate stream, rather than before a header.
    inside: bool,
    members: usize,
    output: Box<[u8]>,
    /// What of `output` is decoded and not consumed.
    ready: std::ops::Range<usize>,
}

impl<'a> GzipReader<'a> {
    /// Decodes `source` from where it stands.
    pub(crate) fn new(source: Source<'a>) -> Self {
        Self {
            input: BufReader::with_capacity(BUFFER_BYTES, source),
            inflate: Decompress::new(false),
            crc: Crc::new(),
            inside: false,
            members: 0,
            output: vec![0; 2 * BUFFER_BYTES].into(),
            ready: 0..0,
        }
    }

    /// Decodes until there is something to give; `false` at the end of the file.
    fn decode(&mut self) -> io::Result<bool> {
        loop {
            if !self.inside {
                if self.members > 0 && self.input.fill_buf()?.is_empty() {
                    return Ok(false);
                }
                self.header()?;
                self.inside = true;
            }
            let produced = self.inflate()?;
            if produced > 0 {
                self.ready = 0..produced;
                return Ok(true);
            }
        }
    }

    /// One step of the current deflate stream, and its trailer where it ends.
    fn inflate(&mut self) -> io::Result<usize> {
        let input = self.input.fill_buf()?;
        let at_end = input.is_empty();
        let (consumed_before, produced_before) =
            (self.inflate.total_in(), self.inflate.total_out());
        let status = self
            .inflate
            .decompress(input, &mut self.output, FlushDecompress::None)
            .map_err(|_| malformed("the gzip content is damaged"))?;
        let consumed = as_length(self.inflate.total_in() - consumed_before);
        let produced = as_length(self.inflate.total_out() - produced_before);
        self.input.consume(consumed);
        self.crc.update(&self.output[..produced]);
        if status == Status::StreamEnd {
            self.trailer()?;
            self.inside = false;
        } else if consumed == 0 && produced == 0 {
            return Err(malformed(if at_end {
                "the gzip content is cut off"
            } else {
                "the gzip content is damaged"
            }));
        }
        Ok(produced)
    }

    fn header(&mut self) -> io::Result<()> {
        self.members += 1;
        if self.members > MAX_MEMBERS {
            return Err(ArchiveError::Limit {
                excess: "holds more gzip members than allowed",
                limit: MAX_MEMBERS as u64,
            }
            .into());
        }
        let mut crc = Crc::new();
        let [id1, id2, method, flags, _mtime @ .., _extra_flags, _os] =
            self.bytes::<10>(&mut crc)?;
        if [id1, id2] != [0x1f, 0x8b] {
            return Err(malformed("bytes follow the end of the gzip content"));
        }
        if method != 8 || flags & RESERVED != 0 {
            return Err(malformed(
                "the gzip header asks for features that do not exist",
            ));
        }
        if flags & EXTRA != 0 {
            let length = u16::from_le_bytes(self.bytes(&mut crc)?);
            for _ in 0..length {
                self.bytes::<1>(&mut crc)?;
            }
        }
        for text in [NAME, COMMENT] {
            while flags & text != 0 && self.bytes(&mut crc)? != [0] {}
        }
        if flags & HEADER_CRC != 0 {
            let computed = crc.sum().to_le_bytes();
            if self.bytes(&mut crc)? != [computed[0], computed[1]] {
                return Err(malformed("the gzip header does not match its checksum"));
            }
        }
        Ok(())
    }

    fn trailer(&mut self) -> io::Result<()> {
        let mut unused = Crc::new();
        let crc = u32::from_le_bytes(self.bytes(&mut unused)?);
        let length = u32::from_le_bytes(self.bytes(&mut unused)?);
        if crc != self.crc.sum() {
            return Err(malformed("the gzip content does not match its checksum"));
        }
        if length != self.crc.amount() {
            return Err(malformed(
                "the gzip content does not have the length it declares",
            ));
        }
        self.crc.reset();
        self.inflate.reset(false);
        Ok(())
    }

    fn bytes<const N: usize>(&mut self, crc: &mut Crc) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.input
            .read_exact(&mut bytes)
            .map_err(|e| match e.kind() {
                io::ErrorKind::UnexpectedEof => malformed("the gzip content is cut off"),
                _ => e,
            })?;
        crc.update(&bytes);
        Ok(bytes)
    }
}

impl Read for GzipReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let n = ready.len().min(buffer.len());
        buffer[..n].copy_from_slice(&ready[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for GzipReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.ready.is_empty() {
            self.decode()?;
        }
        Ok(&self.output[self.ready.clone()])
    }

    fn consume(&mut self, n: usize) {
        self.ready.start += n;
    }
}

/// Lengths of pieces of a buffer fit into `usize`.
fn as_length(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn malformed(reason: &'static str) -> io::Error {
    ArchiveError::malformed(reason).into()
}
