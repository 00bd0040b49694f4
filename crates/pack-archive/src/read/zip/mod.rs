//! Zip: read by the central directory, with every byte of the file accounted for.
//!
//! ```text
//! local header, content, [data descriptor]      entry 1, at byte 0
//! local header, content, [data descriptor]      entry 2, right behind it
//! ...
//! central directory                             right behind the last entry
//! [ZIP64 end record, ZIP64 locator]
//! end record, comment                           to the end of the file
//! ```
//!
//! 1. [`end`] finds the one end record and with it the central directory.
//! 2. [`central`] reads what the directory says of each entry, in the order of their content.
//! 3. One pass from byte 0: each local header must agree with the directory ([`local`]), each entry
//!    must end where the next begins, and its content must have the size and checksum both declare
//!    ([`content`]).
//!
//! Readers that go by the directory and readers that go from the front see the same entries: no
//! overlap, no gap, no prefix and no suffix is left in which to hide others.

mod central;
mod content;
mod end;
mod fields;
mod local;

use std::io::{BufReader, Seek as _, SeekFrom};

use crate::cap::{Exact, Source};
use crate::error::{ArchiveError, MemberFault};
use crate::gate::Gate;
use crate::read::BUFFER_BYTES;
use crate::sink::Sink;

use central::Entry;
use content::{Declared, Decoder};

/// Reads all entries of the zip archive `source` of `bytes`.
pub(crate) fn read(
    mut source: Source<'_>,
    bytes: u64,
    gate: &mut Gate,
    sink: &mut dyn Sink,
) -> Result<(), ArchiveError> {
    let directory = end::find(&mut source, bytes)?;
    let entries = central::read(&mut source, &directory, gate)?;
    source.seek(SeekFrom::Start(0)).map_err(read_error)?;
    let mut reader = Reader {
        input: BufReader::with_capacity(BUFFER_BYTES, source),
        decoder: Decoder::new(),
        gate,
        sink,
    };
    // Each entry fills the file up to the next one, the last up to the directory.
    let starts = entries.iter().map(|e| e.offset).chain([directory.offset]);
    if starts.clone().next() != Some(0) {
        return Err(ArchiveError::malformed(
            "bytes precede the first entry of the zip archive",
        ));
    }
    if entries.last().is_some_and(|e| e.offset >= directory.offset) {
        return Err(ArchiveError::malformed(
            "an entry of the zip archive lies behind its central directory",
        ));
    }
    for (entry, end) in entries.iter().zip(starts.skip(1)) {
        reader.entry(entry, end)?;
    }
    Ok(())
}

struct Reader<'s, 'a> {
    input: BufReader<Source<'s>>,
    decoder: Decoder,
    gate: &'a mut Gate,
    sink: &'a mut dyn Sink,
}

impl Reader<'_, '_> {
    /// Reads one entry that fills the file up to `end`.
    fn entry(&mut self, entry: &Entry, end: u64) -> Result<(), ArchiveError> {
        let header = local::read(&mut self.input, entry)
            .map_err(|e| self.gate.failed_next(&entry.name, e))?;
        let content_end = entry.offset.checked_add(header.bytes);
        let content_end = content_end.and_then(|at| at.checked_add(entry.compressed_bytes));
        let descriptor = content_end
            .and_then(|at| end.checked_sub(at))
            .ok_or_else(|| {
                self.gate.refuse_next(
                    &entry.name,
                    MemberFault::Malformed("overlaps what follows it"),
                )
            })?;
        if entry.is_directory {
            let path = self.gate.admit_directory(&entry.name)?;
            if entry.size_bytes != 0 {
                let fault = MemberFault::Malformed("is a directory with content");
                return Err(self.gate.refuse(&entry.name, fault));
            }
            self.content(entry, |_| Ok(()))?;
            if let Some(path) = path {
                self.sink
                    .directory(&path)
                    .map_err(|e| self.gate.failed(&entry.name, e))?;
            }
        } else {
            let path = self.gate.admit_file(&entry.name, entry.size_bytes)?;
            self.content(entry, |(sink, content)| {
                sink.file(&path, entry.executable, content)
            })?;
        }
        local::descriptor(&mut self.input, entry, descriptor)
            .map_err(|e| self.gate.failed(&entry.name, e))
    }

    /// Lets `take` have the content, then decodes what it left.
    fn content(
        &mut self,
        entry: &Entry,
        take: impl FnOnce((&mut dyn Sink, &mut content::Content<'_, '_>)) -> std::io::Result<()>,
    ) -> Result<(), ArchiveError> {
        let declared = Declared {
            is_deflated: entry.is_deflated,
            size_bytes: entry.size_bytes,
            crc: entry.crc,
        };
        let mut compressed = Exact::new(&mut self.input, entry.compressed_bytes);
        let mut content = self.decoder.start(&mut compressed, declared);
        take((self.sink, &mut content))
            .and_then(|()| content.finish())
            .map_err(|e| self.gate.failed(&entry.name, e))
    }
}

fn read_error(error: std::io::Error) -> ArchiveError {
    ArchiveError::unwrap_io(error, |source| match source.kind() {
        std::io::ErrorKind::UnexpectedEof => ArchiveError::malformed("the zip archive is cut off"),
        _ => ArchiveError::Read { source },
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use pack_format::Limits;

    use crate::gate::tests::Nowhere;
    use crate::read_archive;

    fn two_entries() -> Vec<u8> {
        let mut writer = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
        for name in ["a", "b"] {
            let options = ::zip::write::SimpleFileOptions::default();
            writer.start_file(name, options).unwrap();
            writer.write_all(b"content").unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn refusal(archive: &[u8]) -> Option<String> {
        let result = read_archive(&mut Cursor::new(archive), &Limits::default(), &mut Nowhere);
        result.err().map(|e| e.to_string())
    }

    fn positions(archive: &[u8], signature: &[u8]) -> Vec<usize> {
        let windows = archive.windows(signature.len()).enumerate();
        windows
            .filter(|(_, w)| *w == signature)
            .map(|(at, _)| at)
            .collect()
    }

    /// Wherever the directory puts an entry, arithmetic neither wraps nor leads out of the file.
    #[test]
    fn zip_entry_offset_may_be_any_number() {
        let archive = two_entries();
        assert_eq!(refusal(&archive), None);
        let entries = positions(&archive, b"PK\x01\x02");
        let directory = u32::try_from(entries[0]).unwrap();
        for at in &entries {
            for offset in [
                1,
                directory - 1,
                directory,
                directory + 1,
                u32::MAX - 1,
                u32::MAX,
            ] {
                let mut moved = archive.clone();
                moved[at + 42..at + 46].copy_from_slice(&offset.to_le_bytes());
                assert!(refusal(&moved).is_some(), "{offset}");
            }
        }
        let mut swapped = archive.clone();
        swapped[entries[1] + 42..entries[1] + 46].copy_from_slice(&[0; 4]);
        assert!(refusal(&swapped).is_some());
    }

    /// Every byte of every header set to every extreme: refused or read, never a panic.
    #[test]
    fn zip_headers_survive_any_byte() {
        let archive = two_entries();
        for at in 0..archive.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = archive.clone();
                changed[at] = value;
                refusal(&changed);
            }
        }
    }
}
