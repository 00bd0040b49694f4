//! `X.gz` of a long text, in segments that the next twin takes over where the text stays the same.
//!
//! One ordinary gzip stream: each segment is compressed with the text before it as dictionary, and ends at a whole
//! byte. Cuts follow the content, so that a change moves few of them: among ten thousand packs, one that changes costs
//! half a megabyte of compression instead of the whole index.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use fastcdc::v2020::FastCDC;
use flate2::{Compress, Compression, FlushCompress};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Least, wanted and most text of a segment, in bytes; the last may be shorter.
const LEAST: usize = 64 * 1024;
const WANTED: usize = 128 * 1024;
const MOST: usize = 256 * 1024;

/// How far back in the text a segment may refer, in bytes; deflate's own limit.
const WINDOW: usize = 32 * 1024;

/// Smaller twins than the levels below at little more time; the next one up saves one byte in a hundred.
///
/// Whoever changes what segments are cut or made like has to forget those that are noted: they are taken over as they are.
const LEVEL: u32 = 3;

/// Deflate, no flags, no time, no level told, no system told.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// An empty last block.
const LAST_BLOCK: [u8; 2] = [3, 0];
/// Bytes of the sum and the length at the end.
const SUMS: usize = 8;

/// What a twin is made of, in the order of the text.
///
/// Of use only with the very text and twin it was made with, which [`gzip`] finds out; losing it costs time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segments {
    /// CRC-32 of the twin.
    twin: u32,
    parts: Vec<Part>,
}

/// Bytes of the text and of the twin, and the CRC-32 of the former.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Part(usize, usize, u32);

/// A text and its twin from before a change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Earlier<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) twin: &'a [u8],
    pub(crate) segments: &'a Segments,
}

/// The twin of `text` and what it is made of: the same bytes, whatever there was `earlier`. `None` if it cannot be made.
pub(crate) fn gzip(text: &[u8], earlier: Option<Earlier<'_>>) -> Option<(Vec<u8>, Segments)> {
    let known = earlier.map(Known::of).unwrap_or_default();
    let cuts: Vec<Range<usize>> = FastCDC::new(text, LEAST, WANTED, MOST)
        .map(|chunk| chunk.offset..chunk.offset + chunk.length)
        .collect();
    let made: Vec<Made<'_>> = cuts
        .into_par_iter()
        .map(|range| Made::of(text, range, &known))
        .collect::<Option<_>>()?;
    let mut sum = crc32fast::Hasher::new();
    let length: usize = made.iter().map(|made| made.bytes.len()).sum();
    let mut twin = Vec::with_capacity(HEAD.len() + length + LAST_BLOCK.len() + SUMS);
    twin.extend(HEAD);
    for made in &made {
        twin.extend_from_slice(&made.bytes);
        let Part(length, _, crc) = made.part;
        sum.combine(&crc32fast::Hasher::new_with_initial_len(crc, length as u64));
    }
    twin.extend(LAST_BLOCK);
    twin.extend(sum.finalize().to_le_bytes());
    twin.extend(told_length(text));
    let segments = Segments {
        twin: crc32fast::hash(&twin),
        parts: made.into_iter().map(|made| made.part).collect(),
    };
    Some((twin, segments))
}

/// The length of a text as gzip tells it: modulo 2^32.
fn told_length(text: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = text.len().to_le_bytes();
    [a, b, c, d]
}

/// A segment of the new twin.
struct Made<'a> {
    part: Part,
    bytes: Cow<'a, [u8]>,
}

impl<'a> Made<'a> {
    fn of(text: &[u8], range: Range<usize>, known: &Known<'a>) -> Option<Self> {
        let before = context(text, range.start);
        let piece = text.get(range)?;
        let crc = crc32fast::hash(piece);
        let bytes = match known.find(piece, crc, before) {
            Some(found) => Cow::Borrowed(found),
            None => Cow::Owned(compressed(piece, before)?),
        };
        let part = Part(piece.len(), bytes.len(), crc);
        Some(Self { part, bytes })
    }
}

/// What a segment that begins at `start` may refer to.
fn context(text: &[u8], start: usize) -> &[u8] {
    text.get(start.saturating_sub(WINDOW)..start)
        .unwrap_or_default()
}

/// Deflate blocks of `piece` after `before`, up to a whole byte, none of them the last.
fn compressed(piece: &[u8], before: &[u8]) -> Option<Vec<u8>> {
    const ROOM: usize = 16 * 1024;
    // Never one that was reset: what is left in it of other texts decides which matches it finds.
    let mut compressor = Compress::new(Compression::new(LEVEL), false);
    if !before.is_empty() {
        compressor.set_dictionary(before).ok()?;
    }
    let mut bytes = Vec::with_capacity(piece.len() / 3 + ROOM);
    let mut rest = piece;
    loop {
        let taken = compressor.total_in();
        compressor
            .compress_vec(rest, &mut bytes, FlushCompress::Sync)
            .ok()?;
        let taken = usize::try_from(compressor.total_in() - taken).ok()?;
        rest = rest.get(taken..)?;
        // Room that is left over means that nothing is held back.
        if rest.is_empty() && bytes.len() < bytes.capacity() {
            return Some(bytes);
        }
        bytes.reserve(ROOM);
    }
}

/// The segments of an earlier twin.
#[derive(Default)]
struct Known<'a> {
    text: &'a [u8],
    /// By length and CRC-32 of their text: where that begins, and the bytes of the twin.
    by_text: BTreeMap<(usize, u32), (usize, &'a [u8])>,
}

impl<'a> Known<'a> {
    /// None if the twin is not, to the byte, the one that was made of this text in these segments.
    fn of(earlier: Earlier<'a>) -> Self {
        Self::checked(earlier).unwrap_or_default()
    }

    fn checked(
        Earlier {
            text,
            twin,
            segments,
        }: Earlier<'a>,
    ) -> Option<Self> {
        let mut sums = crc32fast::hash(text).to_le_bytes().to_vec();
        sums.extend(told_length(text));
        if crc32fast::hash(twin) != segments.twin || !twin.ends_with(&sums) {
            return None;
        }
        let mut by_text = BTreeMap::new();
        let (mut at, mut in_twin) = (0_usize, HEAD.len());
        for Part(length, size, crc) in &segments.parts {
            let end = in_twin.checked_add(*size)?;
            by_text.insert((*length, *crc), (at, twin.get(in_twin..end)?));
            at = at.checked_add(*length)?;
            in_twin = end;
        }
        Some(Self { text, by_text })
    }

    /// The bytes for a piece of text after `before`.
    fn find(&self, piece: &[u8], crc: u32, before: &[u8]) -> Option<&'a [u8]> {
        let (at, bytes) = self.by_text.get(&(piece.len(), crc))?;
        let same =
            self.text.get(*at..at + piece.len())? == piece && context(self.text, *at) == before;
        same.then_some(*bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twins::twin_matches;

    /// Numbers that look random and are the same every time.
    fn numbers(seed: u64) -> impl Iterator<Item = u64> {
        let next = |state: &u64| {
            let state = state.wrapping_mul(6_364_136_223_846_793_005);
            Some(state.wrapping_add(1_442_695_040_888_963_407))
        };
        std::iter::successors(Some(seed), next).map(|state| state >> 33)
    }

    /// Some 2 MB of them.
    fn text(seed: u64) -> Vec<u8> {
        let written = numbers(seed).take(250_000).map(|n| format!("{n} "));
        written.collect::<String>().into_bytes()
    }

    /// What there was before changes nothing about the twin, only how much of it is compressed anew.
    #[test]
    fn twin_is_the_same_whatever_there_was() {
        let old = text(1);
        let (twin, segments) = gzip(&old, None).unwrap();
        assert!(twin_matches(".gz", &twin, &old) && segments.parts.len() > 8);
        let middle = old.len() / 2;
        let changes: [(Range<usize>, &[u8]); 6] = [
            (0..4, b"sack"),
            (middle..middle, b"a new line\n"),
            (middle..middle + 100, b""),
            (old.len() - 5..old.len(), b"\n"),
            (0..old.len() - 10, b""),
            (0..0, b""),
        ];
        for (range, with) in changes {
            let mut new = old.clone();
            new.splice(range.clone(), with.iter().copied());
            let fresh = gzip(&new, None).unwrap();
            assert!(twin_matches(".gz", &fresh.0, &new));
            let earlier = Earlier {
                text: &old,
                twin: &twin,
                segments: &segments,
            };
            assert_eq!(gzip(&new, Some(earlier)).unwrap(), fresh, "{range:?}");
            let known = Known::of(earlier);
            let kept = |at: usize, Part(length, _, crc): &Part| {
                known
                    .find(&new[at..at + length], *crc, context(&new, at))
                    .is_some()
            };
            let mut at = 0;
            let mut anew = 0;
            for part in &fresh.1.parts {
                anew += usize::from(!kept(at, part));
                at += part.0;
            }
            assert!(anew <= 4, "{range:?}: {anew}");
        }
    }

    /// A twin or a text that is not the one noted is not taken over.
    #[test]
    fn other_twins_are_not_taken_over() {
        let old = text(1);
        let (twin, segments) = gzip(&old, None).unwrap();
        let mut damaged = twin.clone();
        damaged[twin.len() / 2] ^= 1;
        let other = text(2);
        for (text, twin) in [(&old, &damaged), (&other, &twin), (&old, &old)] {
            let earlier = Earlier {
                text,
                twin,
                segments: &segments,
            };
            assert!(Known::of(earlier).by_text.is_empty());
            assert_eq!(gzip(&old, Some(earlier)), gzip(&old, None));
        }
    }

    /// What does not compress, what is empty, what is longer than one call may give.
    #[test]
    fn every_text_has_a_twin() {
        let noise = numbers(1).map(|n| n.to_le_bytes()[1]);
        let noise: Vec<u8> = noise.take(700_000).collect();
        let same = vec![b'a'; 3_000_000];
        for text in [&noise[..], &noise[..1], b"", &same] {
            let (twin, _) = gzip(text, None).unwrap();
            assert!(twin_matches(".gz", &twin, text), "{}", text.len());
        }
    }
}
