//! Precompressed twins: `X.gz` and `X.zst` beside a text file `X`.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

/// Smallest text that gets twins, in bytes; below, a twin saves no packet.
pub const MIN_TWIN_BYTES: usize = 1024;

/// Levels of the compressors: the next ones up cost a third more and save four bytes in a hundred.
const GZIP_LEVEL: i32 = 1;
const ZSTD_LEVEL: i32 = 1;

/// Largest buffer a thread keeps between texts, in bytes (1 MiB).
const MAX_KEPT_BYTES: usize = 1024 * 1024;

/// Hands the twins of `text` to `take`, as suffix and bytes; none where it is short, and none that
/// would not be smaller.
///
/// Deterministic: no time, no name, pinned compressors.
///
/// # Errors
/// The first error of `take`.
pub fn twins<E>(
    text: &[u8],
    mut take: impl FnMut(&'static str, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    if text.len() < MIN_TWIN_BYTES {
        return Ok(());
    }
    COMPRESSORS.with_borrow_mut(|compressors| {
        let bound = compressors
            .gzip
            .as_mut()
            .map_or(0, |c| c.gzip_compress_bound(text.len()));
        let bound = bound.max(zstd::zstd_safe::compress_bound(text.len()));
        // A new buffer comes zeroed from the system and is touched only as far as it is written to.
        let mut large = Vec::new();
        if bound > MAX_KEPT_BYTES {
            large = vec![0; bound];
        } else if compressors.buffer.len() < bound {
            compressors.buffer = vec![0; bound];
        }
        let Compressors { gzip, zstd, buffer } = compressors;
        let buffer = if large.is_empty() { buffer } else { &mut large };
        let gzipped = gzip
            .as_mut()
            .and_then(|c| c.gzip_compress(text, buffer).ok());
        if let Some(length) = gzipped.filter(|length| *length < text.len()) {
            take(".gz", &buffer[..length])?;
        }
        let zstd = zstd
            .as_mut()
            .and_then(|c| c.compress_to_buffer(text, buffer).ok());
        if let Some(length) = zstd.filter(|length| *length < text.len()) {
            take(".zst", &buffer[..length])?;
        }
        Ok(())
    })
}

/// Whether a twin with this suffix unpacks to exactly `text`.
///
/// Needs as much memory as `text`, whatever the twin would unpack to.
pub fn twin_matches(suffix: &str, twin: &[u8], text: &[u8]) -> bool {
    let mut unpacked = vec![0; text.len()];
    let length = match suffix {
        ".gz" => libdeflater::Decompressor::new()
            .gzip_decompress(twin, &mut unpacked)
            .ok(),
        ".zst" => zstd::bulk::decompress_to_buffer(twin, &mut unpacked).ok(),
        _ => None,
    };
    length == Some(text.len()) && unpacked == text
}

/// Whether the twins there are of the file at `path`, which holds `text`, are its twins.
///
/// An interrupted run may have replaced a file and not yet its twins. They tell by their times; a copy of a tree that
/// did not keep times, by what they hold.
pub(crate) fn twins_agree(path: &Path, text: &[u8]) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).ok();
    let of_file = time(path);
    [".gz", ".zst"].iter().all(|suffix| {
        let mut twin = path.as_os_str().to_owned();
        twin.push(suffix);
        let twin = Path::new(&twin);
        match time(twin) {
            None => true,
            found if found == of_file => true,
            Some(_) => fs::read(twin).is_ok_and(|twin| twin_matches(suffix, &twin, text)),
        }
    })
}

/// The state of both compressors of one thread; setting them up costs more than a small page.
struct Compressors {
    gzip: Option<libdeflater::Compressor>,
    zstd: Option<zstd::bulk::Compressor<'static>>,
    buffer: Vec<u8>,
}

thread_local! {
    static COMPRESSORS: RefCell<Compressors> = RefCell::new(Compressors {
        gzip: libdeflater::CompressionLvl::new(GZIP_LEVEL)
            .ok()
            .map(libdeflater::Compressor::new),
        zstd: zstd::bulk::Compressor::new(ZSTD_LEVEL).ok(),
        buffer: Vec::new(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Short text has none; long text has both, smaller, the same each time.
    #[test]
    fn twins_are_smaller_and_repeatable() {
        let all = |text: &[u8]| {
            let mut made = Vec::new();
            let done: Result<(), ()> = twins(text, |suffix, bytes| {
                made.push((suffix, bytes.to_vec()));
                Ok(())
            });
            done.unwrap();
            made
        };
        assert!(all(&[b'a'; MIN_TWIN_BYTES - 1]).is_empty());
        let text = "a registry of packs\n".repeat(100);
        let made = all(text.as_bytes());
        assert_eq!(made.len(), 2);
        assert!(made.iter().all(|(_, bytes)| bytes.len() < text.len()));
        assert_eq!(made, all(text.as_bytes()));
        for (suffix, twin) in &made {
            assert!(twin_matches(suffix, twin, text.as_bytes()));
            for other in [
                text.replace("packs", "pacts"),
                format!("{text}."),
                text[1..].to_owned(),
            ] {
                assert!(!twin_matches(suffix, twin, other.as_bytes()));
            }
        }
    }
}
