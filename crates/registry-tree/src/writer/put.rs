//! Staging texts with their twins, and other bytes, where the tree does not have them.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::time::SystemTime;

use pack_fs::FsError;

use super::{Content, Phase, TreeWriter};
use crate::segments::{Earlier, Segments};
use crate::twins::{LARGE_BYTES, MIN_TWIN_BYTES, twins, twins_agree};

impl TreeWriter {
    /// Stages `text` for `path` with its twins, unless the tree has these bytes there already.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn put_text(&self, phase: Phase, path: &str, text: &[u8]) -> Result<(), FsError> {
        self.put_text_at(&[(phase, path)], text)
    }

    /// As [`put_text`](Self::put_text), for a long text in place of `earlier`, what the tree has there, and what its
    /// twin is made of. What stays the same of it is not compressed again; the bytes are those of `put_text`.
    ///
    /// Returns what the new twin is made of, to be given the next time; `None` of a text that is short.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn put_long_text(
        &self,
        (phase, path): (Phase, &str),
        text: &[u8],
        earlier: Option<(&[u8], &Segments)>,
    ) -> Result<Option<Segments>, FsError> {
        let made = self.put_texts(&[(phase, path)], text, earlier)?;
        // Where nothing was made, the tree has this text: its twin is what it was.
        let same = earlier.filter(|(earlier, _)| made.is_none() && *earlier == text);
        Ok(made.or_else(|| same.map(|(_, segments)| segments.clone())))
    }

    /// Stages one text for several names, each of a later phase than the one before; the bytes are
    /// stored once where the file system can link.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn put_text_at(&self, names: &[(Phase, &str)], text: &[u8]) -> Result<(), FsError> {
        self.put_texts(names, text, None).map(|_| ())
    }

    fn put_texts(
        &self,
        names: &[(Phase, &str)],
        text: &[u8],
        earlier: Option<(&[u8], &Segments)>,
    ) -> Result<Option<Segments>, FsError> {
        let new = self.new_tree()?;
        let mut missing = names.iter().filter(|(phase, path)| match phase {
            _ if new.is_some() => true,
            // The name of an object says its content.
            Phase::Object => !self.has(path),
            _ => !self.holds(path, text) || !twins_agree(&self.root.join(path), text),
        });
        let Some((phase, first)) = missing.next() else {
            return Ok(None);
        };
        let others: Vec<&(Phase, &str)> = missing.collect();
        // One time for the group: a server pairs a file with its twins by it.
        let time = (text.len() >= MIN_TWIN_BYTES).then(SystemTime::now);
        let link_others = |suffix: &str| -> Result<(), FsError> {
            let first = format!("{first}{suffix}");
            for (phase, path) in &others {
                let path = format!("{path}{suffix}");
                let is_linked = match new {
                    Some(new) => new.link(&first, &path)?,
                    None => false,
                };
                if !is_linked {
                    self.push(*phase, &path, Content::SameAs((&first).into()));
                }
            }
            Ok(())
        };
        let twin = earlier.and_then(|_| fs::read(self.root.join(format!("{first}.gz"))).ok());
        let earlier = earlier.zip(twin.as_deref());
        let earlier = earlier.map(|((text, segments), twin)| Earlier {
            text,
            twin,
            segments,
        });
        let mut made = Vec::new();
        let mut make_twins = || {
            twins(text, earlier, |suffix, bytes| {
                made.push(suffix);
                self.put(*phase, &format!("{first}{suffix}"), bytes, time)?;
                link_others(suffix)
            })
        };
        let (segments, staged) = if text.len() >= LARGE_BYTES && new.is_none() {
            // Written while it is compressed.
            let (segments, staged) = rayon::join(make_twins, || self.stage_at(text, time));
            (segments?, Some(staged?))
        } else {
            (make_twins()?, None)
        };
        if new.is_none() {
            let placed =
                std::iter::once((*phase, *first)).chain(others.iter().map(|other| **other));
            self.remove_other_twins(placed, &made);
        }
        match staged {
            Some(staged) => self.place(*phase, first, staged),
            None => self.put(*phase, first, text, time)?,
        }
        link_others("")?;
        Ok(segments)
    }

    /// Of a text that has become short, or that no longer shrinks: a web host would go on serving its twins.
    fn remove_other_twins<'n>(&self, names: impl Iterator<Item = (Phase, &'n str)>, made: &[&str]) {
        for (phase, path) in names {
            for suffix in [".gz", ".zst"].iter().filter(|s| !made.contains(s)) {
                let twin = format!("{path}{suffix}");
                if self.root.join(&twin).symlink_metadata().is_ok() {
                    self.push(phase, &twin, Content::Nothing);
                }
            }
        }
    }

    /// Writes bytes for `path`: there, in a new tree, else to staging.
    fn put(
        &self,
        phase: Phase,
        path: &str,
        bytes: &[u8],
        time: Option<SystemTime>,
    ) -> Result<(), FsError> {
        if let Some(new) = self.new_tree()?
            && new.write(path, bytes, time)?
        {
            return self.early.staged(&self.staging, bytes.len() as u64);
        }
        let staged = self.stage_at(bytes, time)?;
        self.place(phase, path, staged);
        Ok(())
    }

    fn holds(&self, path: &str, bytes: &[u8]) -> bool {
        let path = self.root.join(path);
        fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() == bytes.len() as u64)
            && File::open(&path).is_ok_and(|file| begins_with(file, bytes).unwrap_or(false))
    }

    /// Stages other bytes (an icon, say) for `path`, unless they are there already.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn put_bytes(&self, phase: Phase, path: &str, bytes: &[u8]) -> Result<(), FsError> {
        if self.holds(path, bytes) {
            return Ok(());
        }
        self.put(phase, path, bytes, None)
    }
}

/// Whether a file begins with these bytes; most that do not differ within the first ones that are read.
fn begins_with(mut file: File, mut bytes: &[u8]) -> io::Result<bool> {
    let mut buffer = vec![0; bytes.len().min(64 * 1024)];
    while !bytes.is_empty() {
        let count = file.read(&mut buffer)?;
        let (Some(found), Some(rest)) = (buffer.get(..count), bytes.get(count..)) else {
            return Ok(false);
        };
        if count == 0 || !bytes.starts_with(found) {
            return Ok(false);
        }
        bytes = rest;
    }
    Ok(true)
}
