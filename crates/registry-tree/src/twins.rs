//! Precompressed twins: `X.gz` and `X.zst` beside a text file `X`.

use std::cell::RefCell;

/// Smallest text that gets twins, in bytes; below, a twin saves no packet.
pub const MIN_TWIN_BYTES: usize = 1024;

/// Levels of the compressors: the next ones up cost half as much again and save two bytes in a hundred.
const GZIP_LEVEL: i32 = 4;
const ZSTD_LEVEL: i32 = 1;

/// A twin: its suffix and bytes.
pub type Twin = (&'static str, Vec<u8>);

/// The twins of `text`; none where it is short, and none that would not be smaller.
///
/// Deterministic: no time, no name, pinned compressors.
pub fn twins(text: &[u8]) -> Vec<Twin> {
    if text.len() < MIN_TWIN_BYTES {
        return Vec::new();
    }
    [(".gz", gzip(text)), (".zst", zstd(text))]
        .into_iter()
        .filter_map(|(suffix, bytes)| Some((suffix, bytes?)))
        .filter(|(_, bytes)| bytes.len() < text.len())
        .collect()
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
}

fn gzip(text: &[u8]) -> Option<Vec<u8>> {
    COMPRESSORS.with_borrow_mut(|compressors| {
        let compressor = compressors.gzip.as_mut()?;
        let mut bytes = vec![0; compressor.gzip_compress_bound(text.len())];
        let length = compressor.gzip_compress(text, &mut bytes).ok()?;
        bytes.truncate(length);
        Some(bytes)
    })
}

fn zstd(text: &[u8]) -> Option<Vec<u8>> {
    COMPRESSORS.with_borrow_mut(|compressors| compressors.zstd.as_mut()?.compress(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Short text has none; long text has both, smaller, the same each time.
    #[test]
    fn twins_are_smaller_and_repeatable() {
        assert!(twins(&[b'a'; MIN_TWIN_BYTES - 1]).is_empty());
        let text = "a registry of packs\n".repeat(100);
        let made = twins(text.as_bytes());
        assert_eq!(made.len(), 2);
        assert!(made.iter().all(|(_, bytes)| bytes.len() < text.len()));
        assert_eq!(made, twins(text.as_bytes()));
    }
}
