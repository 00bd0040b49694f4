//! The central directory: what a zip archive says it holds.

use std::io::{self, BufReader, Read, Seek as _, SeekFrom};

use crate::cap::{Source, fill_buf, member_fault};
use crate::error::{ArchiveError, MemberFault};
use crate::gate::Gate;
use crate::read::BUFFER_BYTES;
use crate::read::zip::end::Directory;
use crate::read::zip::fields::{Extra, Fields};
use crate::read::zip::read_error;

const SIGNATURE: &[u8; 4] = b"PK\x01\x02";
const HEADER_BYTES: usize = 46;

/// General purpose flags; all others change the format.
pub(super) mod flags {
    /// The content is encrypted.
    pub(crate) const ENCRYPTED: u16 = 1;
    /// Sizes and checksum follow the content.
    pub(crate) const DESCRIPTOR: u16 = 1 << 3;
    /// The name is UTF-8.
    pub(crate) const UTF_8: u16 = 1 << 11;
    /// How hard the compressor tried.
    pub(crate) const EFFORT: u16 = 0b110;
}

const MADE_BY_UNIX: u16 = 3;
const MADE_BY_MACOS: u16 = 19;

const DOS_DIRECTORY: u32 = 0x10;

/// One entry, as the central directory describes it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Box<[u8]>,
    pub(super) flags: u16,
    pub(super) is_deflated: bool,
    pub(super) crc: u32,
    pub(super) compressed_bytes: u64,
    pub(super) size_bytes: u64,
    /// Where its local header begins.
    pub(super) offset: u64,
    pub(super) is_directory: bool,
    pub(super) executable: bool,
}

/// Reads the directory; the entries come in the order of their content.
pub(super) fn read(
    source: &mut Source<'_>,
    directory: &Directory,
    gate: &Gate,
) -> Result<Vec<Entry>, ArchiveError> {
    let limit = gate.limits().entries as u64;
    if directory.entries > limit {
        return Err(ArchiveError::Limit {
            excess: "holds more files and directories than allowed",
            limit,
        });
    }
    source
        .seek(SeekFrom::Start(directory.offset))
        .map_err(read_error)?;
    let mut input = BufReader::with_capacity(BUFFER_BYTES, source.take(directory.bytes));
    let mut entries = Vec::new();
    for number in 1..=directory.entries {
        let entry = one(
            &mut input,
            gate,
            usize::try_from(number).unwrap_or(usize::MAX),
        )?;
        entries.push(entry);
    }
    if !fill_buf(&mut input).map_err(read_error)?.is_empty() {
        return Err(ArchiveError::malformed(
            "the central directory of the zip archive holds more than its end record says",
        ));
    }
    entries.sort_by_key(|e| e.offset);
    Ok(entries)
}

fn one(input: &mut impl Read, gate: &Gate, number: usize) -> Result<Entry, ArchiveError> {
    let header: [u8; HEADER_BYTES] = array(input).map_err(directory_error)?;
    if !header.starts_with(SIGNATURE) {
        return Err(ArchiveError::malformed(
            "the central directory of the zip archive is damaged",
        ));
    }
    let mut lengths = Fields(&header[28..]);
    let lengths = [lengths.u16(), lengths.u16(), lengths.u16()].map(usize::from);
    let name = bytes(input, lengths[0]).map_err(directory_error)?;
    let extra = bytes(input, lengths[1]).map_err(directory_error)?;
    bytes(input, lengths[2]).map_err(directory_error)?;
    entry(&header, &name, &extra, gate).map_err(|fault| ArchiveError::Member {
        number,
        name: String::from_utf8_lossy(&name).into_owned(),
        fault,
    })
}

fn entry(
    header: &[u8; HEADER_BYTES],
    name: &[u8],
    extra: &[u8],
    gate: &Gate,
) -> Result<Entry, MemberFault> {
    let mut fields = Fields(&header[4..]);
    let (made_by, _needed) = (fields.u16(), fields.u16());
    let (flags, method) = (fields.u16(), fields.u16());
    let (_time, crc) = (fields.u32(), fields.u32());
    let sizes = [fields.u32(), fields.u32()];
    let mut fields = Fields(&header[34..]);
    let (disk, _internal, attributes, offset) =
        (fields.u16(), fields.u16(), fields.u32(), fields.u32());
    check_coding(flags, method)?;
    if disk != 0 {
        return Err(MemberFault::Malformed("lies on another volume"));
    }
    if name.len() > gate.limits().path_bytes.saturating_mul(2) {
        let limit = gate.limits().path_bytes;
        return Err(crate::PathFault::LongPath { limit }.into());
    }
    let extra = Extra::parse(extra).map_err(MemberFault::Malformed)?;
    check_unicode_path(name, &extra)?;
    check_encoding(name, flags, made_by, &extra)?;
    // The field holds the sizes in this order, the plain header the other way round.
    let [size_bytes, compressed_bytes, offset] = extra
        .widen([sizes[1], sizes[0], offset])
        .map_err(MemberFault::Malformed)?;
    let is_directory = name.ends_with(b"/");
    Ok(Entry {
        name: name.into(),
        flags,
        is_deflated: method == 8,
        crc,
        compressed_bytes,
        size_bytes,
        offset,
        is_directory,
        executable: check_attributes(attributes, is_directory)?,
    })
}

fn check_coding(flags: u16, method: u16) -> Result<(), MemberFault> {
    if flags & flags::ENCRYPTED != 0 {
        return Err(MemberFault::Malformed("is encrypted"));
    }
    if flags & !(flags::DESCRIPTOR | flags::UTF_8 | flags::EFFORT) != 0 {
        return Err(MemberFault::Malformed(
            "has flags of a format that is not supported",
        ));
    }
    match method {
        0 | 8 => Ok(()),
        _ => Err(MemberFault::Malformed(
            "is compressed by a method other than deflate",
        )),
    }
}

/// A name must have one reading: ASCII, declared as UTF-8, or made on a system whose zip tools write
/// names as they are. Elsewhere the encoding is that of some code page.
fn check_encoding(
    name: &[u8],
    flags: u16,
    made_by: u16,
    extra: &Extra<'_>,
) -> Result<(), MemberFault> {
    let is_declared = flags & flags::UTF_8 != 0 || extra.unicode_path.is_some();
    if name.is_ascii() || is_declared || matches!(made_by >> 8, MADE_BY_UNIX | MADE_BY_MACOS) {
        return Ok(());
    }
    Err(MemberFault::Malformed(
        "has a name in an undeclared encoding",
    ))
}

/// The Info-ZIP Unicode path field must repeat the name.
pub(super) fn check_unicode_path(name: &[u8], extra: &Extra<'_>) -> Result<(), MemberFault> {
    match extra.unicode_path {
        // One byte version, four bytes checksum of the plain name, then the name as UTF-8.
        Some(field) if field.first() != Some(&1) || field.get(5..) != Some(name) => {
            Err(MemberFault::Malformed("has two names"))
        }
        _ => Ok(()),
    }
}

/// Whether the attributes make the entry executable; refuses all but files and directories.
fn check_attributes(attributes: u32, is_directory: bool) -> Result<bool, MemberFault> {
    let mode = attributes >> 16;
    let kind = match mode & 0o170_000 {
        0 | 0o100_000 | 0o040_000 => None,
        0o120_000 => Some("a symbolic link"),
        0o020_000 => Some("a character device"),
        0o060_000 => Some("a block device"),
        0o010_000 => Some("a named pipe"),
        _ => Some("of an unknown type"),
    };
    if let Some(kind) = kind {
        return Err(MemberFault::Kind(kind));
    }
    let says_file = mode & 0o170_000 == 0o100_000;
    let says_directory = mode & 0o170_000 == 0o040_000 || attributes & DOS_DIRECTORY != 0;
    if (says_file && is_directory) || (says_directory && !is_directory) {
        return Err(MemberFault::Malformed(
            "is a file by its name or its attributes and a directory by the other",
        ));
    }
    Ok(mode & 0o100 != 0)
}

fn array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut buffer = [0; N];
    input.read_exact(&mut buffer)?;
    Ok(buffer)
}

fn bytes(input: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; length];
    input.read_exact(&mut buffer)?;
    Ok(buffer)
}

fn directory_error(error: io::Error) -> ArchiveError {
    ArchiveError::unwrap_io(error, |source| match source.kind() {
        io::ErrorKind::UnexpectedEof => ArchiveError::malformed(
            "the central directory of the zip archive holds less than its end record says",
        ),
        _ => ArchiveError::Read { source },
    })
}

/// Reads `N` bytes of an entry; a missing one is the fault of the entry.
pub(super) fn entry_array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    array(input).map_err(entry_error)
}

/// As [`entry_array`], for a length known at run time.
pub(super) fn entry_bytes(input: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    bytes(input, length).map_err(entry_error)
}

fn entry_error(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => member_fault(MemberFault::Malformed(
            "is cut off by the end of the archive",
        )),
        _ => error,
    }
}
