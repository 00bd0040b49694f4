//! Precompressed twins: `X.gz` and `X.zst` beside a text file `X`.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::Path;

use crate::segments::{self, Earlier, Segments};

/// Smallest text that gets twins, in bytes; below, a twin saves no packet.
pub const MIN_TWIN_BYTES: usize = 1024;

/// Levels of the compressors: the next ones up cost a third more and save four bytes in a hundred.
const GZIP_LEVEL: i32 = 1;
const ZSTD_LEVEL: i32 = 1;

/// From this length on, both twins are made at the same time, that of gzip in segments, and no buffer is kept, in bytes
/// (1 MiB).
pub(crate) const LARGE_BYTES: usize = 1024 * 1024;

/// Hands the twins of `text` to `take`, as suffix and bytes; none where it is short, and none that
/// would not be smaller. Returns what the one of a long text for gzip is made of.
///
/// Deterministic: no time, no name, pinned compressors, and whatever there was `earlier`.
///
/// # Errors
/// The first error of `take`.
pub(crate) fn twins<E>(
    text: &[u8],
    earlier: Option<Earlier<'_>>,
    mut take: impl FnMut(&'static str, &[u8]) -> Result<(), E>,
) -> Result<Option<Segments>, E> {
    if text.len() < MIN_TWIN_BYTES {
        return Ok(None);
    }
    let smaller = |length: &usize| *length < text.len();
    if text.len() >= LARGE_BYTES {
        let (zstd, gzip) = rayon::join(|| alone(text), || segments::gzip(text, earlier));
        let (gzip, segments) = gzip.unzip();
        for (suffix, twin) in [(".gz", gzip), (".zst", zstd)] {
            if let Some(twin) = twin.filter(|twin| smaller(&twin.len())) {
                take(suffix, &twin)?;
            }
        }
        return Ok(segments);
    }
    let mut buffer = BUFFER.take();
    if buffer.len() < bound(text) {
        buffer = vec![0; bound(text)];
    }
    let compressors: [(&str, Compress); 2] = [(".gz", gzip), (".zst", zstd)];
    let taken = compressors.into_iter().try_for_each(|(suffix, compress)| {
        match compress(text, &mut buffer).filter(smaller) {
            Some(length) => take(suffix, &buffer[..length]),
            None => Ok(()),
        }
    });
    BUFFER.set(buffer);
    taken.map(|()| None)
}

/// Compresses into a buffer of [`bound`] bytes; returns how many it took.
type Compress = fn(&[u8], &mut [u8]) -> Option<usize>;

/// The twin for zstd, in a buffer of its own.
fn alone(text: &[u8]) -> Option<Vec<u8>> {
    // A new buffer comes zeroed from the system and is touched only as far as it is written to.
    let mut buffer = vec![0; zstd::zstd_safe::compress_bound(text.len())];
    let length = zstd(text, &mut buffer)?;
    buffer.truncate(length);
    Some(buffer)
}

fn gzip(text: &[u8], buffer: &mut [u8]) -> Option<usize> {
    COMPRESSORS.with_borrow_mut(|c| c.gzip.as_mut()?.gzip_compress(text, buffer).ok())
}

fn zstd(text: &[u8], buffer: &mut [u8]) -> Option<usize> {
    COMPRESSORS.with_borrow_mut(|c| c.zstd.as_mut()?.compress_to_buffer(text, buffer).ok())
}

/// Bytes that either compressor may need for a text.
fn bound(text: &[u8]) -> usize {
    let gzip = COMPRESSORS.with_borrow_mut(|c| {
        let compressor = c.gzip.as_mut()?;
        Some(compressor.gzip_compress_bound(text.len()))
    });
    gzip.unwrap_or(0)
        .max(zstd::zstd_safe::compress_bound(text.len()))
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
}

thread_local! {
    static COMPRESSORS: RefCell<Compressors> = RefCell::new(Compressors {
        gzip: libdeflater::CompressionLvl::new(GZIP_LEVEL)
            .ok()
            .map(libdeflater::Compressor::new),
        zstd: zstd::bulk::Compressor::new(ZSTD_LEVEL).ok(),
    });
    /// For texts that are not large.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Short text has none; long text has both, smaller, the same each time.
    #[test]
    fn twins_are_smaller_and_repeatable() {
        let all = |text: &[u8]| {
            let mut made = Vec::new();
            let done: Result<_, ()> = twins(text, None, |suffix, bytes| {
                made.push((suffix, bytes.to_vec()));
                Ok(())
            });
            done.unwrap();
            made
        };
        assert!(all(&[b'a'; MIN_TWIN_BYTES - 1]).is_empty());
        let large = "a registry of packs\n".repeat(LARGE_BYTES / 20 + 1);
        let text = "a registry of packs\n".repeat(100);
        for (suffix, twin) in all(large.as_bytes()) {
            assert!(twin_matches(suffix, &twin, large.as_bytes()));
        }
        let made = all(text.as_bytes());
        assert_eq!(made.len(), 2);
        assert_eq!(all(large.as_bytes()).len(), 2);
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
