//! What an archive held, noted while it is unpacked: to read it again is a fifth of the work of an installation.

use std::cell::Cell;
use std::io::{self, Read};
use std::ops::Range;

use pack_archive::{MemberPath, Sink};
use pack_format::ArchiveDigest;
use pack_format::digest::TreeHasher;

use crate::inventory::{Inventory, ListedFile, WHOLE_BYTES};

/// Deepest directory of a file that is noted: those that lie too deep for a pack are refused where a tree is read.
pub(super) const MOST_NAMES: usize = 32;

/// Most content that is kept until all files are known, in bytes (2 MiB): the digest of a tree takes them by their paths, and
/// archives of others have another order. Beyond it they are noted as they come, which has to be in that order.
pub(super) const MOST_KEPT: usize = 2 * 1024 * 1024;

/// The files that were written.
#[derive(Default)]
pub(super) struct Noted {
    contents: Contents,
    /// In the order they came.
    files: Vec<ListedFile>,
    /// Whether there was something that only a look at the tree can tell.
    is_partial: bool,
}

/// What is known of the contents of noted files.
enum Contents {
    /// One behind the other.
    Kept(Kept),
    Hashed(TreeHasher),
}

thread_local! {
    /// What the last archive was kept in: to get as much memory anew costs as much as to read the files again.
    static KEPT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Room for contents, which goes on to the next archive of the thread.
struct Kept(Vec<u8>);

impl Default for Kept {
    fn default() -> Self {
        let mut bytes = KEPT.take();
        bytes.clear();
        Self(bytes)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        KEPT.set(std::mem::take(&mut self.0));
    }
}

impl Default for Contents {
    fn default() -> Self {
        Self::Kept(Kept::default())
    }
}

impl Noted {
    fn name(&mut self, path: &str) {
        self.is_partial |= path.split('/').count() > MOST_NAMES;
    }

    fn file(&mut self, path: &str, executable: bool, content: &[u8]) {
        self.name(path);
        if self.is_partial {
            return;
        }
        let file = ListedFile {
            path: path.to_owned(),
            size_bytes: content.len() as u64,
            sha256: ArchiveDigest::of(content),
            executable,
        };
        if let Contents::Kept(Kept(kept)) = &mut self.contents {
            if kept.len() + content.len() <= MOST_KEPT {
                kept.extend_from_slice(content);
                self.files.push(file);
                return;
            }
            match hashed(&self.files, &spans(&self.files), kept) {
                Some(hasher) => self.contents = Contents::Hashed(hasher),
                None => self.is_partial = true,
            }
        }
        if let Contents::Hashed(hasher) = &mut self.contents {
            self.is_partial |= hasher.file(path, executable, content).is_err();
            self.files.push(file);
        }
    }

    /// What lies in the directory `subdir` (empty for all), where that is known without looking.
    pub(super) fn inventory(self, subdir: &str) -> Option<Inventory> {
        if self.is_partial {
            return None;
        }
        let (files, hasher) = match self.contents {
            Contents::Hashed(hasher) if subdir.is_empty() => (self.files, hasher),
            Contents::Hashed(_) => return None,
            Contents::Kept(kept) => {
                let spans = spans(&self.files);
                let mut found: Vec<(ListedFile, Range<usize>)> = (self.files.into_iter())
                    .zip(spans)
                    .filter_map(|(file, span)| Some((below(file, subdir)?, span)))
                    .collect();
                found.sort_unstable_by(|(a, _), (b, _)| a.path.cmp(&b.path));
                let (files, spans): (Vec<_>, Vec<_>) = found.into_iter().unzip();
                let hasher = hashed(&files, &spans, &kept.0)?;
                (files, hasher)
            }
        };
        let (tree, key) = hasher.finish();
        Some(Inventory { tree, key, files })
    }
}

/// Where the contents of files lie that were kept in this order.
fn spans(files: &[ListedFile]) -> Vec<Range<usize>> {
    let mut end = 0;
    let spans = files.iter().map(|file| {
        let start = end;
        // What is kept has fewer bytes than memory has.
        end += usize::try_from(file.size_bytes).unwrap_or(usize::MAX);
        start..end
    });
    spans.collect()
}

/// The files so far; `None` if they are not in the order of a tree's digest.
fn hashed(files: &[ListedFile], spans: &[Range<usize>], kept: &[u8]) -> Option<TreeHasher> {
    let mut hasher = TreeHasher::new();
    for (file, span) in files.iter().zip(spans) {
        let content = kept.get(span.clone())?;
        hasher.file(&file.path, file.executable, content).ok()?;
    }
    Some(hasher)
}

/// The file as the directory `subdir` has it, if it lies in there.
fn below(file: ListedFile, subdir: &str) -> Option<ListedFile> {
    if subdir.is_empty() {
        return Some(file);
    }
    let path = file
        .path
        .strip_prefix(subdir)?
        .strip_prefix('/')?
        .to_owned();
    Some(ListedFile { path, ..file })
}

/// Notes members and passes them on.
pub(super) struct Noting<'a> {
    inner: &'a mut dyn Sink,
    /// Of the last small file.
    content: Vec<u8>,
    noted: &'a mut Noted,
}

impl<'a> Noting<'a> {
    pub(super) fn new(inner: &'a mut dyn Sink, noted: &'a mut Noted) -> Self {
        Self {
            inner,
            content: Vec::new(),
            noted,
        }
    }
}

impl Sink for Noting<'_> {
    fn directory(&mut self, path: &MemberPath) -> io::Result<()> {
        self.noted.name(path.as_str());
        self.inner.directory(path)
    }

    fn file(
        &mut self,
        path: &MemberPath,
        executable: bool,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        if let Some(rest) = read_small(content, &mut self.content)? {
            self.noted.is_partial = true;
            let mut whole = self.content.as_slice().chain(rest);
            return self.inner.file(path, executable, &mut whole);
        }
        self.noted.file(path.as_str(), executable, &self.content);
        let mut whole = self.content.as_slice();
        self.inner.file(path, executable, &mut whole)
    }
}

/// Reads all of a small file into `buffer`; of a larger one the beginning, and returns where the rest is to be read.
fn read_small<'r>(
    content: &'r mut dyn Read,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<&'r mut dyn Read>> {
    buffer.clear();
    let mut small = content.take(WHOLE_BYTES + 1);
    small.read_to_end(buffer)?;
    Ok((buffer.len() as u64 > WHOLE_BYTES).then(|| small.into_inner()))
}
