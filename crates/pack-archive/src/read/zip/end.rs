//! The end of a zip archive: where its one central directory is.
//!
//! 1. The last end-record signature in the file must begin the record, and its comment must reach
//!    to the last byte.
//! 2. A ZIP64 end record stands before it exactly if a field of the plain one asks for it, and both
//!    must agree in what both say.
//! 3. The directory must end where these records begin.

use std::io::{Read as _, Seek as _, SeekFrom};

use crate::cap::Source;
use crate::error::ArchiveError;
use crate::read::zip::fields::Fields;
use crate::read::zip::read_error;

const END: &[u8; 4] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const LOCATOR: &[u8; 4] = b"PK\x06\x07";
const LOCATOR_BYTES: u64 = 20;
const END_64: &[u8; 4] = b"PK\x06\x06";
const END_64_BYTES: u64 = 56;

/// Where the central directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Directory {
    /// Its first byte.
    pub(super) offset: u64,
    /// Its length.
    pub(super) bytes: u64,
    /// How many entries it lists.
    pub(super) entries: u64,
}

/// Finds the central directory of an archive of `bytes`.
pub(super) fn find(source: &mut Source<'_>, bytes: u64) -> Result<Directory, ArchiveError> {
    let tail_bytes = bytes.min((END_BYTES + usize::from(u16::MAX)) as u64);
    let tail = read_at(source, bytes - tail_bytes, tail_bytes)?;
    let at = tail
        .windows(END.len())
        .rposition(|w| w == END)
        .ok_or_else(|| ArchiveError::malformed("the zip archive has no end record"))?;
    let record = tail[at..]
        .first_chunk::<END_BYTES>()
        .ok_or_else(|| ArchiveError::malformed("the zip archive has no complete end record"))?;
    let end_offset = bytes - (tail.len() - at) as u64;
    let mut fields = Fields(&record[4..]);
    let disks = [fields.u16(), fields.u16()];
    let entries = [fields.u16(), fields.u16()];
    let (size, offset, comment) = (fields.u32(), fields.u32(), fields.u16());
    if tail.len() - at - END_BYTES != usize::from(comment) {
        return Err(ArchiveError::malformed(
            "bytes follow the end record of the zip archive",
        ));
    }
    let is_split = disks != [0, 0] || entries[0] != entries[1];
    if is_split {
        return Err(ArchiveError::malformed(
            "the zip archive is part of a split one",
        ));
    }
    let plain = Plain {
        entries: entries[0],
        size,
        offset,
    };
    let (directory, records_offset) = plain.widen(source, end_offset)?;
    if directory.offset.checked_add(directory.bytes) != Some(records_offset) {
        return Err(ArchiveError::malformed(
            "the central directory of the zip archive is not where its end record says",
        ));
    }
    Ok(directory)
}

/// What the plain end record says of the directory.
struct Plain {
    entries: u16,
    size: u32,
    offset: u32,
}

impl Plain {
    /// The directory, and where the end records begin.
    fn widen(
        &self,
        source: &mut Source<'_>,
        end_offset: u64,
    ) -> Result<(Directory, u64), ArchiveError> {
        let plain = Directory {
            offset: self.offset.into(),
            bytes: self.size.into(),
            entries: self.entries.into(),
        };
        let asks = self.entries == u16::MAX || self.size == u32::MAX || self.offset == u32::MAX;
        let locator = match end_offset.checked_sub(LOCATOR_BYTES) {
            Some(at) => read_at(source, at, LOCATOR_BYTES)?,
            None => Vec::new(),
        };
        if locator.starts_with(LOCATOR) != asks {
            return Err(ArchiveError::malformed(
                "the two end records of the zip archive disagree",
            ));
        }
        if !asks {
            return Ok((plain, end_offset));
        }
        let mut fields = Fields(&locator[4..]);
        let (disk, at, disks) = (fields.u32(), fields.u64(), fields.u32());
        if disk != 0
            || disks != 1
            || at.checked_add(END_64_BYTES + LOCATOR_BYTES) != Some(end_offset)
        {
            return Err(ArchiveError::malformed(
                "the ZIP64 end record is not where its locator says",
            ));
        }
        let wide = end_64(&read_at(source, at, END_64_BYTES)?)?;
        let agrees = (self.entries == u16::MAX || plain.entries == wide.entries)
            && (self.size == u32::MAX || plain.bytes == wide.bytes)
            && (self.offset == u32::MAX || plain.offset == wide.offset);
        if !agrees {
            return Err(ArchiveError::malformed(
                "the two end records of the zip archive disagree",
            ));
        }
        Ok((wide, at))
    }
}

fn end_64(record: &[u8]) -> Result<Directory, ArchiveError> {
    let mut fields = Fields(record.get(4..).unwrap_or_default());
    let (size, _made_by, _needed) = (fields.u64(), fields.u16(), fields.u16());
    let disks = [fields.u32(), fields.u32()];
    let entries = [fields.u64(), fields.u64()];
    let (bytes, offset) = (fields.u64(), fields.u64());
    let is_plain = record.starts_with(END_64) && size == END_64_BYTES - 12;
    if !is_plain || disks != [0, 0] || entries[0] != entries[1] {
        return Err(ArchiveError::malformed(
            "the ZIP64 end record is damaged or extended",
        ));
    }
    Ok(Directory {
        offset,
        bytes,
        entries: entries[0],
    })
}

fn read_at(source: &mut Source<'_>, offset: u64, bytes: u64) -> Result<Vec<u8>, ArchiveError> {
    let mut buffer = vec![0; usize::try_from(bytes).unwrap_or(0)];
    source
        .seek(SeekFrom::Start(offset))
        .and_then(|_| source.read_exact(&mut buffer))
        .map_err(read_error)?;
    Ok(buffer)
}
