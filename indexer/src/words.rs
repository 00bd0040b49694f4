//! `KeptWords`: the words of packs in the search index, kept between builds in `TREE.state/words`.
//!
//! They are most of what is known of a pack, and needed only where words changed. The file has one text per line and
//! is found in by digests, so that nothing in it can be wrong or out of date: new texts are added at its end, and what
//! was torn off or lost is made again from documents.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::ops::Range;
use std::path::Path;

use pack_format::ArchiveDigest;
use pack_fs::FsError;
use rayon::prelude::*;

const FILE: &str = "words";

/// Times as much as is needed that the file may grow to before it is written anew.
const MOST_GROWTH: usize = 2;

/// The file as it was found.
#[derive(Debug, Default)]
pub(crate) struct KeptWords {
    text: String,
    lines: BTreeMap<ArchiveDigest, Range<usize>>,
}

impl KeptWords {
    /// What is kept in `state`; nothing where that cannot be read.
    pub(crate) fn read(state: &Path) -> Self {
        let text = fs::read_to_string(state.join(FILE)).unwrap_or_default();
        let mut at = 0;
        let spans = text.split_inclusive('\n').map(|line| {
            at += line.len();
            at - line.len()..at
        });
        let spans: Vec<Range<usize>> = spans.collect();
        let lines = spans.into_par_iter().filter_map(|span| {
            let line = text.get(span.clone())?.strip_suffix('\n')?;
            Some((ArchiveDigest::of(line.as_bytes()), span.start..span.end - 1))
        });
        let lines = lines.collect();
        Self { text, lines }
    }

    /// The words with this digest.
    pub(crate) fn get(&self, digest: &ArchiveDigest) -> Option<&str> {
        self.text.get(self.lines.get(digest)?.clone())
    }

    /// Keeps `words`, one text per pack, besides what is kept or instead of it.
    ///
    /// # Errors
    /// [`FsError`].
    pub(crate) fn keep<'w>(
        &self,
        state: &Path,
        words: impl Iterator<Item = (ArchiveDigest, &'w str)> + Clone,
    ) -> Result<(), FsError> {
        let needed: usize = words.clone().map(|(_, text)| text.len() + 1).sum();
        let is_new = |digest: &ArchiveDigest| !self.lines.contains_key(digest);
        let added = words.clone().filter(|(digest, _)| is_new(digest));
        let added: usize = added.map(|(_, text)| text.len() + 1).sum();
        if added == 0 && self.text.len() <= needed * MOST_GROWTH {
            return Ok(());
        }
        let anew = self.text.len() + added > needed * MOST_GROWTH || self.text.is_empty();
        let path = state.join(FILE);
        let mut options = OpenOptions::new();
        options
            .create(true)
            .write(true)
            .append(!anew)
            .truncate(anew);
        let write = || {
            let mut file = BufWriter::new(options.open(&path)?);
            if !anew && !self.text.ends_with('\n') {
                file.write_all(b"\n")?;
            }
            for (digest, text) in words {
                if anew || is_new(&digest) {
                    file.write_all(text.as_bytes())?;
                    file.write_all(b"\n")?;
                }
            }
            file.flush()
        };
        write().map_err(|e| FsError::new("write", &path, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (ArchiveDigest, &str) {
        (ArchiveDigest::of(text.as_bytes()), text)
    }

    /// What was kept is found; a torn line is lost and hides none; the file does not grow for ever.
    #[test]
    fn words_are_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path();
        let file = state.join(FILE);
        let keep = |words: &[&'static str]| {
            let words = words.iter().map(|text| of(text));
            KeptWords::read(state).keep(state, words).unwrap();
        };
        let found = |text| {
            let kept = KeptWords::read(state);
            kept.get(&of(text).0) == Some(text)
        };
        keep(&["a r;", "b r;"]);
        keep(&["a r;", "c r;"]);
        assert!(found("a r;") && found("b r;") && found("c r;") && !found("d r;"));
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() - 2]).unwrap();
        assert!(!found("c r;"));
        keep(&["b r;", "c r;"]);
        assert!(found("b r;") && found("c r;"));
        for number in ["1 r;", "2 r;", "3 r;", "4 r;"] {
            keep(&["a r;", number]);
        }
        assert!(fs::metadata(&file).unwrap().len() <= 2 * 10);
        assert!(found("a r;") && found("4 r;") && !found("1 r;"));
    }
}
