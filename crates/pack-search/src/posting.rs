//! `Posting`: a word in a pack, small enough to sort millions; and the packs it points into.

use std::cmp::Ordering;
use std::fmt;

use pack_format::PackRef;
use rayon::prelude::*;
use serde::{Serialize, Serializer};

use crate::field::Field;
use crate::files::PackRow;
use crate::record;

/// A pack as the index sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pack<'a> {
    pub(crate) name: &'a PackRef,
    pub(crate) row: &'a PackRow,
    pub(crate) words: &'a str,
    pub(crate) level: i64,
}

/// A word in a pack: where in the words of the pack it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Posting {
    /// The first eight bytes of the word: most comparisons end here.
    head: u64,
    /// Index of the pack.
    pub(crate) pack: u32,
    /// Place in its words, and above [`PLACE_BITS`] the number of the field.
    at: u32,
}

/// Bits of a place in the words of a pack.
const PLACE_BITS: u32 = 28;

impl Posting {
    /// Where in the pack the word stands: the number of a [`Field`].
    pub(crate) fn field(self) -> u32 {
        self.at >> PLACE_BITS
    }
}

/// Every pack of an index, by ref.
#[derive(Debug)]
pub(crate) struct Packs<'a>(pub(crate) Vec<Pack<'a>>);

impl<'a> Packs<'a> {
    /// Every word of every pack; by word, then where it says most, then by ref.
    pub(crate) fn postings(&self) -> Vec<Posting> {
        let count = |pack: &Pack<'_>| memchr::memchr_iter(b';', pack.words.as_bytes()).count();
        let mut postings = Vec::with_capacity(self.0.iter().map(count).sum());
        for (number, pack) in (0_u32..).zip(&self.0) {
            let mut at = 0;
            for end in memchr::memchr_iter(b';', pack.words.as_bytes()) {
                let entry = pack.words.get(at..end).and_then(record::entry);
                if let Some((word, field, _)) = entry
                    && let Ok(place) = u32::try_from(at)
                    && place >> PLACE_BITS == 0
                {
                    postings.push(Posting {
                        head: head(word),
                        pack: number,
                        at: place | (field as u32) << PLACE_BITS,
                    });
                }
                at = end + 1;
            }
        }
        postings.par_sort_unstable_by(|a, b| {
            self.by_word(a, b)
                .then_with(|| (a.field(), a.pack).cmp(&(b.field(), b.pack)))
        });
        postings
    }

    /// Order by word.
    fn by_word(&self, a: &Posting, b: &Posting) -> Ordering {
        let heads = a.head.cmp(&b.head);
        // A word that ends within its head has a zero there, which no word contains.
        if heads.is_ne() || a.head.to_be_bytes()[7] == 0 {
            return heads;
        }
        self.word(a).cmp(self.word(b))
    }

    /// Whether both are of the same word.
    pub(crate) fn same_word(&self, a: &Posting, b: &Posting) -> bool {
        self.by_word(a, b).is_eq()
    }

    fn entry(&self, posting: &Posting) -> Option<(&'a str, Field, &'a str)> {
        let words = self.0.get(posting.pack as usize)?.words;
        let at = posting.at & ((1 << PLACE_BITS) - 1);
        let rest = words.get(at as usize..)?;
        let end = memchr::memchr(b';', rest.as_bytes()).unwrap_or(rest.len());
        record::entry(rest.get(..end)?)
    }

    /// The word.
    pub(crate) fn word(&self, posting: &Posting) -> &'a str {
        self.entry(posting).map_or("", |(word, ..)| word)
    }

    /// How much sooner its pack comes.
    pub(crate) fn level(&self, posting: &Posting) -> i64 {
        self.0.get(posting.pack as usize).map_or(0, |p| p.level)
    }

    /// As a file has it.
    pub(crate) fn text(&self, posting: &Posting) -> PostingText<'a> {
        let (_, field, place) = self.entry(posting).unwrap_or(("", Field::Component, ""));
        let pack = self.0.get(posting.pack as usize);
        PostingText {
            field,
            name: pack.map_or("", |pack| pack.name.as_str()),
            place,
        }
    }
}

fn head(word: &str) -> u64 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(word.bytes()) {
        *to = from;
    }
    u64::from_be_bytes(bytes)
}

/// A posting as a file has it: such as `pslack send_message/channel`.
pub(crate) struct PostingText<'a> {
    field: Field,
    name: &'a str,
    place: &'a str,
}

impl PostingText<'_> {
    /// About how many bytes it takes in a file.
    pub(crate) fn bytes(&self) -> usize {
        self.name.len() + self.place.len() + 5
    }
}

impl fmt::Display for PostingText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, name, place } = self;
        let between = if place.is_empty() { "" } else { " " };
        write!(f, "{}{name}{between}{place}", field.letter())
    }
}

impl Serialize for PostingText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
