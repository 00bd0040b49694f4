//! Local headers and data descriptors: they must repeat what the central directory says.

use std::io::{self, Read};

use crate::cap::member_fault;
use crate::error::MemberFault;
use crate::read::zip::central::{Entry, check_unicode_path, entry_array, entry_bytes, flags};
use crate::read::zip::fields::{Extra, Fields};

const SIGNATURE: &[u8; 4] = b"PK\x03\x04";
const HEADER_BYTES: usize = 30;
const DESCRIPTOR: &[u8; 4] = b"PK\x07\x08";

/// A local header that was read and agrees.
pub(super) struct Header {
    /// Its length, name and extra fields included.
    pub(super) bytes: u64,
}

/// Reads the local header of `entry`.
pub(super) fn read(input: &mut impl Read, entry: &Entry) -> io::Result<Header> {
    let fixed: [u8; HEADER_BYTES] = entry_array(input)?;
    if !fixed.starts_with(SIGNATURE) {
        return Err(malformed(
            "has no local header where the central directory says",
        ));
    }
    let mut fields = Fields(&fixed[4..]);
    let (_needed, flags, method) = (fields.u16(), fields.u16(), fields.u16());
    let (_time, crc) = (fields.u32(), fields.u32());
    let (compressed, size) = (fields.u32(), fields.u32());
    let lengths = [fields.u16(), fields.u16()].map(usize::from);
    let name = entry_bytes(input, lengths[0])?;
    let extra = entry_bytes(input, lengths[1])?;
    if *name != *entry.name {
        return Err(malformed("has another name in its local header"));
    }
    if flags != entry.flags || (method == 8) != entry.is_deflated || !matches!(method, 0 | 8) {
        return Err(malformed(
            "has another compression or other flags in its local header",
        ));
    }
    let extra = Extra::parse(&extra).map_err(malformed)?;
    check_unicode_path(&name, &extra).map_err(member_fault)?;
    let plain = Sizes {
        crc,
        compressed,
        size,
    };
    if !plain.agree(&extra, entry).map_err(malformed)? {
        return Err(malformed(
            "has another size or checksum in its local header",
        ));
    }
    let bytes =
        (HEADER_BYTES + name.len()) as u64 + u64::from(u16::from_le_bytes([fixed[28], fixed[29]]));
    Ok(Header { bytes })
}

struct Sizes {
    crc: u32,
    compressed: u32,
    size: u32,
}

impl Sizes {
    /// Whether the local header says what the directory says, or leaves it to the descriptor.
    fn agree(&self, extra: &Extra<'_>, entry: &Entry) -> Result<bool, &'static str> {
        let is_deferred = entry.flags & flags::DESCRIPTOR != 0;
        if is_deferred && [self.crc, self.compressed, self.size] == [0; 3] {
            // A writer that does not know the sizes yet may reserve room for large ones.
            return Ok(extra
                .zip64
                .is_none_or(|field| field.iter().all(|b| *b == 0)));
        }
        let [size, compressed] = extra.widen([self.size, self.compressed])?;
        let fits = |local: u64, central: u64| local == central || (is_deferred && local == 0);
        Ok(fits(size, entry.size_bytes)
            && fits(compressed, entry.compressed_bytes)
            && fits(self.crc.into(), entry.crc.into()))
    }
}

/// Reads what stands between the content and the next entry: `bytes` of data descriptor, or nothing.
pub(super) fn descriptor(input: &mut impl Read, entry: &Entry, bytes: u64) -> io::Result<()> {
    let is_promised = entry.flags & flags::DESCRIPTOR != 0;
    let (is_signed, is_wide) = match (is_promised, bytes) {
        (false, 0) => return Ok(()),
        (true, 12) => (false, false),
        (true, 16) => (true, false),
        (true, 20) => (false, true),
        (true, 24) => (true, true),
        _ => return Err(malformed("is followed by bytes that belong to no entry")),
    };
    let descriptor = entry_bytes(input, usize::try_from(bytes).unwrap_or(0))?;
    let unsigned = if is_signed {
        descriptor.strip_prefix(DESCRIPTOR)
    } else {
        Some(&descriptor[..])
    };
    let mut fields = Fields(unsigned.ok_or_else(|| malformed("has a damaged data descriptor"))?);
    let crc = fields.u32();
    let mut size = || {
        if is_wide {
            fields.u64()
        } else {
            u64::from(fields.u32())
        }
    };
    if (crc, size(), size()) != (entry.crc, entry.compressed_bytes, entry.size_bytes) {
        return Err(malformed(
            "has another size or checksum in its data descriptor",
        ));
    }
    Ok(())
}

fn malformed(reason: &'static str) -> io::Error {
    member_fault(MemberFault::Malformed(reason))
}
