//! `Content`: a [`WordFile`](crate::WordFile) as it is written, made of postings instead of texts.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::files::MAX_POSTINGS;
use crate::posting::{Packs, Posting};

/// What a file of words holds.
pub(crate) struct Content<'c, 'a> {
    packs: &'c Packs<'a>,
    terms: Vec<(&'a str, Cow<'c, [Posting]>)>,
    best: Vec<Posting>,
    more: BTreeMap<&'a str, usize>,
}

impl<'c, 'a> Content<'c, 'a> {
    /// The words of these postings.
    pub(crate) fn of(packs: &'c Packs<'a>, postings: &'c [Posting]) -> Self {
        let mut content = Self {
            packs,
            terms: Vec::new(),
            best: Vec::new(),
            more: BTreeMap::new(),
        };
        for postings in postings.chunk_by(Posting::is_of_word) {
            let word = postings.first().map_or("", |first| packs.word(first));
            let listed = if postings.len() > MAX_POSTINGS {
                content.more.insert(word, postings.len());
                Cow::Owned(listed(packs, postings.to_vec()))
            } else {
                Cow::Borrowed(postings)
            };
            content.terms.push((word, listed));
        }
        content
    }

    /// Adds the best of many words, one per pack.
    pub(crate) fn add_best(&mut self, postings: &[Posting]) {
        let mut of_pack: Vec<Option<Posting>> = vec![None; self.packs.0.len()];
        for posting in postings {
            let Some(slot) = of_pack.get_mut(posting.pack as usize) else {
                continue;
            };
            if slot.is_none_or(|known| posting.field() < known.field()) {
                *slot = Some(*posting);
            }
        }
        let mut by_field: Vec<Posting> = of_pack.into_iter().flatten().collect();
        by_field.sort_by_key(|posting| (posting.field(), posting.pack));
        if by_field.len() > MAX_POSTINGS {
            self.more.insert("*", by_field.len());
        }
        self.best = listed(self.packs, by_field);
    }
}

/// The best of them if there are too many; what is used much wins within a field.
fn listed(packs: &Packs<'_>, mut postings: Vec<Posting>) -> Vec<Posting> {
    if postings.len() > MAX_POSTINGS {
        postings.sort_by_key(|posting| (posting.field(), -packs.level(posting), posting.pack));
        postings.truncate(MAX_POSTINGS);
        postings.sort_by_key(|posting| (posting.field(), posting.pack));
    }
    postings
}

impl Serialize for Content<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            packs,
            terms,
            best,
            more,
        } = self;
        let fields = 1 + usize::from(!best.is_empty()) + usize::from(!more.is_empty());
        let mut file = serializer.serialize_struct("WordFile", fields)?;
        file.serialize_field("terms", &Terms { packs, terms })?;
        if !best.is_empty() {
            file.serialize_field(
                "best",
                &Texts {
                    packs,
                    postings: best,
                },
            )?;
        }
        if !more.is_empty() {
            file.serialize_field("more", more)?;
        }
        file.end()
    }
}

struct Terms<'c, 'a> {
    packs: &'c Packs<'a>,
    terms: &'c [(&'a str, Cow<'c, [Posting]>)],
}

impl Serialize for Terms<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { packs, terms } = self;
        serializer.collect_map(
            terms
                .iter()
                .map(|(word, postings)| (word, Texts { packs, postings })),
        )
    }
}

struct Texts<'c, 'a> {
    packs: &'c Packs<'a>,
    postings: &'c [Posting],
}

impl Serialize for Texts<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.postings.iter().map(|posting| self.packs.text(posting)))
    }
}
