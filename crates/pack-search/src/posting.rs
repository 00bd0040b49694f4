//! `Posting`: a word in a pack, small enough to sort millions; and the packs it points into.

use std::cmp::Ordering;

use pack_format::PackRef;
use rayon::prelude::*;
use serde::{Serialize, Serializer};

use crate::field::Field;
use crate::files::PackRow;
use crate::record;
use crate::words::{beginning, is_whole};

/// A pack as the index sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pack<'a> {
    pub(crate) name: &'a PackRef,
    pub(crate) row: &'a PackRow,
    pub(crate) words: &'a str,
    pub(crate) level: i64,
}

/// A word in a pack, with what is asked of it often: its text lies far from that of its neighbours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Posting {
    /// While they are sorted the first eight bytes of the word, where most comparisons end; then its number among all
    /// words.
    word: u64,
    /// Index of the pack.
    pub(crate) pack: u32,
    /// Where in the words of the pack, in [`OFFSET_BITS`]; the number of its field, in [`FIELD_BITS`]; and how long its
    /// place is, as far as the rest can tell.
    at: u32,
}

/// A record holds 2,000 words with their places, fewer than 2^20 bytes.
const OFFSET_BITS: u32 = 20;
const FIELD_BITS: u32 = 4;

impl Posting {
    /// Stands where a word should be and none can be read.
    const NONE: Self = Self {
        word: 0,
        pack: u32::MAX,
        at: 0,
    };

    fn new(pack: u32, offset: usize, (word, field, place): (&str, Field, &str)) -> Option<Self> {
        let offset = u32::try_from(offset)
            .ok()
            .filter(|o| o >> OFFSET_BITS == 0)?;
        let length = u32::from(u8::try_from(place.len()).unwrap_or(u8::MAX));
        Some(Self {
            word: beginning(word),
            pack,
            at: offset | ((field as u32) | length << FIELD_BITS) << OFFSET_BITS,
        })
    }

    fn offset(self) -> usize {
        (self.at & ((1 << OFFSET_BITS) - 1)) as usize
    }

    /// Where in the pack the word stands: the number of a [`Field`].
    pub(crate) fn field(self) -> u32 {
        self.at >> OFFSET_BITS & ((1 << FIELD_BITS) - 1)
    }

    /// Whether both are of the same word.
    pub(crate) fn is_of_word(&self, other: &Self) -> bool {
        self.word == other.word
    }
}

/// Every pack of an index, by ref.
#[derive(Debug)]
pub(crate) struct Packs<'a>(pub(crate) Vec<Pack<'a>>);

impl<'a> Packs<'a> {
    /// Every word of every pack; by word, then where it says most, then by ref.
    pub(crate) fn postings(&self) -> Vec<Posting> {
        let count = |pack: &Pack<'_>| memchr::memchr_iter(b';', pack.words.as_bytes()).count();
        let mut postings = vec![Posting::NONE; self.0.iter().map(count).sum()];
        let mut rest = postings.as_mut_slice();
        let rooms: Vec<_> = (0_u32..)
            .zip(&self.0)
            .filter_map(|(number, pack)| {
                let (room, more) = std::mem::take(&mut rest).split_at_mut_checked(count(pack))?;
                rest = more;
                Some((number, pack, room))
            })
            .collect();
        rooms.into_par_iter().for_each(|(number, pack, room)| {
            let mut at = 0;
            let ends = memchr::memchr_iter(b';', pack.words.as_bytes());
            for (end, posting) in ends.zip(room) {
                let entry = pack.words.get(at..end).and_then(record::entry);
                let found = entry.and_then(|entry| Posting::new(number, at, entry));
                *posting = found.unwrap_or(Posting::NONE);
                at = end + 1;
            }
        });
        postings.retain(|posting| posting.pack != Posting::NONE.pack);
        postings.par_sort_unstable_by(|a, b| {
            self.by_text(a, b)
                .then_with(|| (a.field(), a.pack).cmp(&(b.field(), b.pack)))
        });
        self.number_words(&mut postings);
        postings
    }

    /// Order by word, while the postings are sorted.
    fn by_text(&self, a: &Posting, b: &Posting) -> Ordering {
        let beginnings = a.word.cmp(&b.word);
        if beginnings.is_ne() || is_whole(a.word) {
            return beginnings;
        }
        self.word(a).cmp(self.word(b))
    }

    fn number_words(&self, postings: &mut [Posting]) {
        let mut number = 0;
        let mut before: Option<Posting> = None;
        for posting in postings {
            let same = before.is_none_or(|before| self.by_text(&before, posting).is_eq());
            number += u64::from(!same);
            before = Some(std::mem::replace(
                posting,
                Posting {
                    word: number,
                    ..*posting
                },
            ));
        }
    }

    /// The words of its pack from this one on.
    fn rest(&self, posting: &Posting) -> Option<&'a str> {
        let words = self.0.get(posting.pack as usize)?.words;
        words.get(posting.offset()..)
    }

    fn entry(&self, posting: &Posting) -> Option<(&'a str, Field, &'a str)> {
        let rest = self.rest(posting)?;
        let end = memchr::memchr(b';', rest.as_bytes()).unwrap_or(rest.len());
        record::entry(rest.get(..end)?)
    }

    /// The word.
    pub(crate) fn word(&self, posting: &Posting) -> &'a str {
        let word = |text: &'a str| text.get(..memchr::memchr(b' ', text.as_bytes())?);
        self.rest(posting).and_then(word).unwrap_or_default()
    }

    /// How much sooner its pack comes.
    pub(crate) fn level(&self, posting: &Posting) -> i64 {
        self.0.get(posting.pack as usize).map_or(0, |p| p.level)
    }

    /// How many bytes it takes in a file, about.
    pub(crate) fn bytes(&self, posting: &Posting) -> usize {
        let name = self
            .0
            .get(posting.pack as usize)
            .map_or(0, |p| p.name.as_str().len());
        name + (posting.at >> (OFFSET_BITS + FIELD_BITS)) as usize + 5
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

/// A posting as a file has it: such as `pslack send_message/channel`.
pub(crate) struct PostingText<'a> {
    field: Field,
    name: &'a str,
    place: &'a str,
}

impl Serialize for PostingText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { field, name, place } = self;
        let mut text = String::with_capacity(name.len() + place.len() + 2);
        text.push(field.letter());
        text.push_str(name);
        if !place.is_empty() {
            text.push(' ');
            text.push_str(place);
        }
        serializer.serialize_str(&text)
    }
}
