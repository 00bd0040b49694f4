//! The words of packs in the search index, kept between builds in `TREE.state/words`.
//!
//! They are most of what is known of a pack, and needed only where words changed. The file has one text per line and
//! is found in by digests, so that nothing in it can be wrong or out of date: new texts are added at its end, and what
//! was torn off or lost is made again from documents.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pack_format::ArchiveDigest;
use pack_fs::FsError;
use rayon::prelude::*;

const FILE: &str = "words";

/// Times as much as is needed that the file may grow to before it is written anew.
const MOST_GROWTH: usize = 2;

/// The file, to be added to by many threads.
#[derive(Debug)]
pub(crate) struct WordsFile {
    path: PathBuf,
    end: Mutex<Option<BufWriter<File>>>,
}

impl WordsFile {
    /// The file in `state`; not touched before something is added.
    pub(crate) fn new(state: &Path) -> Self {
        Self {
            path: state.join(FILE),
            end: Mutex::new(None),
        }
    }

    /// Adds the words of one pack.
    ///
    /// # Errors
    /// [`FsError`].
    pub(crate) fn add(&self, words: &str) -> Result<(), FsError> {
        let mut end = self.end();
        let mut add = || {
            let file = match &mut *end {
                Some(file) => file,
                none => none.insert(self.open()?),
            };
            file.write_all(words.as_bytes())?;
            file.write_all(b"\n")
        };
        add().map_err(|e| FsError::new("write", &self.path, e))
    }

    fn open(&self) -> io::Result<BufWriter<File>> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)?;
        let mut end = BufWriter::with_capacity(64 * 1024, file);
        // A run that was cut may have left half a line.
        if end.get_ref().metadata()?.len() > 0 {
            end.write_all(b"\n")?;
        }
        Ok(end)
    }

    /// Everything that is kept; nothing where that cannot be read.
    ///
    /// # Errors
    /// [`FsError`] if what was added cannot be written.
    pub(crate) fn read(&self) -> Result<KeptWords, FsError> {
        if let Some(mut end) = self.end().take() {
            end.flush()
                .map_err(|e| FsError::new("write", &self.path, e))?;
        }
        let text = fs::read_to_string(&self.path).unwrap_or_default();
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
        Ok(KeptWords { text, lines })
    }

    /// Writes the file anew if most of it is not among `words`, which are all that is needed.
    ///
    /// # Errors
    /// [`FsError`].
    pub(crate) fn shrink<'w>(
        &self,
        kept: &KeptWords,
        words: impl Iterator<Item = &'w str> + Clone,
    ) -> Result<(), FsError> {
        let needed: usize = words.clone().map(|text| text.len() + 1).sum();
        if kept.text.len() <= needed * MOST_GROWTH {
            return Ok(());
        }
        // What a cut leaves out is made again.
        let write = || {
            let mut file = BufWriter::new(File::create(&self.path)?);
            for text in words {
                file.write_all(text.as_bytes())?;
                file.write_all(b"\n")?;
            }
            file.flush()
        };
        write().map_err(|e| FsError::new("write", &self.path, e))
    }

    fn end(&self) -> MutexGuard<'_, Option<BufWriter<File>>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the file holds.
#[derive(Debug, Default)]
pub(crate) struct KeptWords {
    text: String,
    lines: BTreeMap<ArchiveDigest, Range<usize>>,
}

impl KeptWords {
    /// The words with this digest.
    pub(crate) fn get(&self, digest: &ArchiveDigest) -> Option<&str> {
        self.text.get(self.lines.get(digest)?.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(state: &Path, words: &[&str]) {
        let file = WordsFile::new(state);
        for text in words {
            file.add(text).unwrap();
        }
        file.read().unwrap();
    }

    fn finds(state: &Path, text: &str) -> bool {
        let kept = WordsFile::new(state).read().unwrap();
        kept.get(&ArchiveDigest::of(text.as_bytes())) == Some(text)
    }

    /// What was added is found; half a line is lost and hides no other.
    #[test]
    fn words_are_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path();
        add(state, &["a r;", "b r;"]);
        assert!(finds(state, "a r;") && finds(state, "b r;") && !finds(state, "c r;"));
        let path = state.join(FILE);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 2]).unwrap();
        assert!(finds(state, "a r;") && !finds(state, "b r;"));
        add(state, &["b r;"]);
        assert!(finds(state, "a r;") && finds(state, "b r;"));
    }

    /// The file does not grow for ever.
    #[test]
    fn file_shrinks_to_what_is_needed() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path();
        let file = WordsFile::new(state);
        let needed = ["a r;", "4 r;"];
        // As long as it is at most twice as long as what is needed, it stays.
        for (texts, length) in [(["a r;", "1 r;"], 10), (["4 r;", "5 r;"], 10)] {
            add(state, &texts);
            let kept = file.read().unwrap();
            file.shrink(&kept, needed.into_iter()).unwrap();
            assert_eq!(
                fs::metadata(state.join(FILE)).unwrap().len(),
                length,
                "{texts:?}"
            );
        }
        assert!(finds(state, "a r;") && finds(state, "4 r;") && !finds(state, "1 r;"));
    }
}
