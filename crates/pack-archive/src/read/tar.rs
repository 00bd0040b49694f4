//! Tar: a strict loop over blocks of 512 bytes.
//!
//! ```text
//! [x extended header, its records] | [L long name, its text]    at most one, describes the next member
//! header: name, mode, size, checksum, type, ...
//! content, padded with anything to a whole block
//! ...
//! two blocks of zeros, then zeros only          or the end of the file between two members
//! ```
//!
//! Each header is decoded once, by one set of rules: a size that is given twice must be given
//! alike, and a description must be followed by the member it describes. Readers that are lenient
//! there find different members in the same bytes.

use std::io::{self, BufRead};

use ::tar::{EntryType, Header};

use crate::cap::{Exact, fill_buf};
use crate::error::{ArchiveError, MemberFault};
use crate::gate::Gate;
use crate::read::pax;
use crate::sink::Sink;

/// Everything in a tar archive starts at a multiple of this.
pub(crate) const BLOCK_BYTES: usize = 512;

type Block = [u8; BLOCK_BYTES];

/// Reads all members of `input` and everything after them.
pub(crate) fn read(
    input: &mut dyn BufRead,
    gate: &mut Gate,
    sink: &mut dyn Sink,
) -> Result<(), ArchiveError> {
    Reader {
        input,
        gate,
        sink,
        description: None,
    }
    .run()
}

/// Whether a block is a header: its checksum fits and its dialect is known.
pub(crate) fn is_header(block: &Block) -> bool {
    check_header(block).is_ok()
}

/// What the headers before a member's own say about it.
enum Description {
    Pax(pax::Records),
    LongName(Vec<u8>),
}

struct Reader<'a> {
    input: &'a mut dyn BufRead,
    gate: &'a mut Gate,
    sink: &'a mut dyn Sink,
    description: Option<Description>,
}

impl Reader<'_> {
    fn run(&mut self) -> Result<(), ArchiveError> {
        let mut first = true;
        while let Some(block) = self.block()? {
            if block == [0; BLOCK_BYTES] {
                return self.end();
            }
            let header = Header::from_byte_slice(&block);
            check_header(&block).map_err(|reason| self.refuse(&header.path_bytes(), reason))?;
            self.header(header)?;
            first = false;
        }
        if first {
            return Err(ArchiveError::malformed("it holds no tar archive"));
        }
        self.check_no_orphan()
    }

    fn header(&mut self, header: &Header) -> Result<(), ArchiveError> {
        let name = header.path_bytes();
        let size = number(&header.as_old().size).ok_or("has a header whose size is no number");
        let size = size.map_err(|reason| self.refuse(&name, reason))?;
        match header.entry_type() {
            EntryType::XHeader => {
                let records = self.records(&name, size)?;
                self.describe(&name, Description::Pax(records))
            }
            EntryType::GNULongName => {
                let mut text = self.text(&name, size)?;
                while text.pop_if(|b| *b == 0).is_some() {}
                self.describe(&name, Description::LongName(text))
            }
            EntryType::XGlobalHeader => self.global(&name, size),
            kind => self.member(header, kind, size),
        }
    }

    /// Keeps a description for the member after it.
    fn describe(&mut self, name: &[u8], description: Description) -> Result<(), ArchiveError> {
        if self.description.is_some() {
            return Err(self.refuse(name, "is described by two headers at once"));
        }
        self.description = Some(description);
        Ok(())
    }

    /// A header for all members after it must not change what any of them is.
    fn global(&mut self, name: &[u8], size: u64) -> Result<(), ArchiveError> {
        self.check_no_orphan()?;
        let records = self.records(name, size)?;
        if records == pax::Records::default() {
            return Ok(());
        }
        Err(self.refuse(
            name,
            "has a PAX header that gives one path, link or size to all members",
        ))
    }

    fn member(&mut self, header: &Header, kind: EntryType, size: u64) -> Result<(), ArchiveError> {
        let own_name = header.path_bytes();
        let (name, described_size) = match self.description.take() {
            None => (own_name.into_owned(), None),
            Some(Description::LongName(name)) => (name, None),
            Some(Description::Pax(records)) => {
                (records.path.unwrap_or(own_name.into_owned()), records.size)
            }
        };
        if described_size.is_some_and(|s| s != size) {
            return Err(self.refuse(
                &name,
                "has one size in its PAX header and another in its own",
            ));
        }
        let Some(mode) = number(&header.as_old().mode) else {
            return Err(self.refuse(&name, "has a header whose mode is no number"));
        };
        match kind {
            EntryType::Regular => self.file(&name, mode & 0o100 != 0, size),
            EntryType::Directory => self.directory(&name, size),
            other => Err(self
                .gate
                .refuse_next(&name, MemberFault::Kind(kind_name(other)))),
        }
    }

    fn directory(&mut self, name: &[u8], size: u64) -> Result<(), ArchiveError> {
        if size != 0 {
            return Err(self.refuse(name, "is a directory with content"));
        }
        match self.gate.admit_directory(name)? {
            Some(path) => self
                .sink
                .directory(&path)
                .map_err(|e| self.gate.failed(name, e)),
            None => Ok(()),
        }
    }

    fn file(&mut self, name: &[u8], executable: bool, size: u64) -> Result<(), ArchiveError> {
        let path = self.gate.admit_file(name, size)?;
        let mut content = Exact::new(self.input, size);
        self.sink
            .file(&path, executable, &mut content)
            .and_then(|()| content.skip())
            .and_then(|()| Exact::new(self.input, padding(size)).skip())
            .map_err(|e| self.gate.failed(name, e))
    }

    /// The records of an extended header of `size` bytes.
    fn records(&mut self, name: &[u8], size: u64) -> Result<pax::Records, ArchiveError> {
        let text = self.text(name, size)?;
        pax::parse(&text).map_err(|reason| self.refuse(name, reason))
    }

    /// The content of a header that describes a member; bounded before it is held.
    fn text(&mut self, name: &[u8], size: u64) -> Result<Vec<u8>, ArchiveError> {
        if size > self.gate.limits().meta_bytes {
            return Err(self.refuse(name, "has a description longer than allowed"));
        }
        self.gate
            .charge(size + padding(size) + BLOCK_BYTES as u64)?;
        let mut text = Vec::new();
        let mut content = Exact::new(self.input, size);
        io::copy(&mut content, &mut text)
            .and_then(|_| Exact::new(self.input, padding(size)).skip())
            .map_err(|e| self.gate.failed_next(name, e))?;
        Ok(text)
    }

    /// After one block of zeros: a second one or the end, then zeros to the end of the file.
    fn end(&mut self) -> Result<(), ArchiveError> {
        self.check_no_orphan()?;
        let limit = self.gate.limits().trailing_bytes;
        let mut trailing = 0_u64;
        loop {
            let bytes = fill_buf(self.input).map_err(read_error)?;
            if bytes.is_empty() {
                return Ok(());
            }
            if bytes.iter().any(|b| *b != 0) {
                return Err(ArchiveError::malformed(
                    "content follows the end marker of the tar archive",
                ));
            }
            let n = bytes.len();
            trailing += n as u64;
            self.input.consume(n);
            if trailing > limit.saturating_add(BLOCK_BYTES as u64) {
                return Err(ArchiveError::Limit {
                    excess: "goes on after the end marker of the tar archive for more bytes than allowed",
                    limit,
                });
            }
        }
    }

    fn check_no_orphan(&self) -> Result<(), ArchiveError> {
        if self.description.is_none() {
            return Ok(());
        }
        Err(ArchiveError::malformed(
            "a header that describes a member has no member after it",
        ))
    }

    /// The next block, or `None` at the end of the file.
    fn block(&mut self) -> Result<Option<Block>, ArchiveError> {
        let mut block = [0; BLOCK_BYTES];
        let mut filled = 0;
        while filled < BLOCK_BYTES {
            let bytes = fill_buf(self.input).map_err(read_error)?;
            let n = bytes.len().min(BLOCK_BYTES - filled);
            if n == 0 && filled == 0 {
                return Ok(None);
            }
            if n == 0 {
                return Err(ArchiveError::malformed(
                    "the tar archive is cut off inside a header",
                ));
            }
            block[filled..filled + n].copy_from_slice(&bytes[..n]);
            self.input.consume(n);
            filled += n;
        }
        Ok(Some(block))
    }

    fn refuse(&self, name: &[u8], reason: &'static str) -> ArchiveError {
        self.gate.refuse_next(name, MemberFault::Malformed(reason))
    }
}

/// Checks the checksum and the dialect: POSIX, GNU, or the time before both.
fn check_header(block: &Block) -> Result<(), &'static str> {
    let header = Header::from_byte_slice(block);
    let checksum = &header.as_old().cksum;
    // The checksum counts its own field as blanks.
    let sum = |bytes: &[u8]| bytes.iter().map(|b| u64::from(*b)).sum::<u64>();
    let computed = sum(block) - sum(checksum) + 8 * u64::from(b' ');
    if number(checksum) != Some(computed) {
        return Err("has a header that does not match its checksum");
    }
    let is_old = block[257..265] == [0; 8];
    if header.as_ustar().is_none() && header.as_gnu().is_none() && !is_old {
        return Err("has a header of an unknown dialect");
    }
    Ok(())
}

/// A numeric field: octal digits between blanks, or base 256 where it is not negative.
fn number(field: &[u8]) -> Option<u64> {
    if let Some((0x80, rest)) = field.split_first() {
        return rest
            .iter()
            .try_fold(0_u64, |n, b| n.checked_mul(256)?.checked_add(u64::from(*b)));
    }
    let is_blank = |b: &u8| matches!(b, 0 | b' ');
    let start = field.iter().position(|b| *b != b' ')?;
    let digits = field[start..].split(is_blank).next()?;
    if digits.is_empty() || !field[start + digits.len()..].iter().all(is_blank) {
        return None;
    }
    digits.iter().try_fold(0_u64, |n, b| {
        let digit = b.checked_sub(b'0').filter(|d| *d < 8)?;
        n.checked_mul(8)?.checked_add(u64::from(digit))
    })
}

fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK_BYTES as u64) - size
}

fn read_error(error: io::Error) -> ArchiveError {
    ArchiveError::unwrap_io(error, |source| ArchiveError::Read { source })
}

fn kind_name(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Link => "a hard link",
        EntryType::Symlink => "a symbolic link",
        EntryType::Char => "a character device",
        EntryType::Block => "a block device",
        EntryType::Fifo => "a named pipe",
        EntryType::Continuous => "a contiguous file",
        EntryType::GNUSparse => "a sparse file",
        EntryType::GNULongLink => "a link with a long target",
        _ => "of an unknown type",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers as writers make them, and nothing else.
    #[test]
    fn tar_number_is_octal_or_base_256() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"   644 \0"), Some(0o644));
        assert_eq!(number(b"00000644"), Some(0o644));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\0\0\0\x02\0"), Some(512));
        for bad in [
            &b"\0\0\0\0"[..],
            b"    ",
            b"99999999999\0",
            b"12 34\0",
            b"-1\0",
            b"0x1f\0",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\0",
            b"\x80\0\0\x01\0\0\0\0\0\0\0\0",
            b"\x81\0\0\0\0\0\0\0\0\0\x02\0",
        ] {
            assert_eq!(number(bad), None, "{bad:?}");
        }
    }
}
