//! `TreeWriter`: the one way a registry tree changes.
//!
//! 1. Take the lock of the tree; sweep what a cut left in `staging/`.
//! 2. Stage: each file whose bytes differ from what is there is written to `TREE.state/staging/`. Any
//!    number of threads may stage at once; nothing of it can be seen in the tree.
//!    Of a tree that is not there yet, texts get their names at once, in a [new tree](NewTree) in staging.
//! 3. Commit: make the staged bytes durable; put objects in place, then views, and make their names
//!    durable; then the same for one pointer after the other, in the order they were staged. A new tree is put in
//!    place as a whole.
//!
//! Dropped without a commit, no file of the tree has changed.

mod commit;
mod put;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use pack_format::Hint;
use pack_fs::error::Context as _;
use pack_fs::lock::{Holder, Lock, LockError};
use pack_fs::{FsError, durable, placement, remove};

use crate::early_sync::EarlySync;
use crate::layout;
use crate::new_tree::{self, NewTree};

pub use self::commit::Committed;

/// When a file of a commit gets its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Immutable, named by its content or version; never replaced.
    Object,
    /// Replaced at will; nothing pins it.
    View,
    /// Pins objects; put in place last.
    Pointer,
}

/// Why a tree was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Another process is changing the tree.
    #[error("cannot change the registry tree `{}`", tree.display())]
    Lock {
        /// The tree.
        tree: PathBuf,
        /// Who holds the lock.
        source: LockError,
    },
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FsError),
}

impl WriteError {
    /// Whether another process holds the tree.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Lock { source, .. } if source.is_busy())
    }
}

impl Hint for WriteError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Lock { source, .. } => source.hint(),
            Self::File(error) => error.hint(),
        }
    }
}

/// A file in `staging/`, not yet part of any commit.
#[derive(Debug)]
pub struct StagedFile {
    path: PathBuf,
}

#[derive(Debug)]
struct Placement {
    phase: Phase,
    order: u64,
    content: Content,
    /// Within the tree.
    target: PathBuf,
}

/// Where the bytes of a placed file come from.
#[derive(Debug)]
enum Content {
    /// A file in `staging/`.
    Staged(PathBuf),
    /// A file the same commit places in an earlier phase, by its path within the tree.
    SameAs(PathBuf),
    /// Nothing: what is there is removed.
    Nothing,
}

/// Changes one tree, alone, until dropped.
#[derive(Debug)]
pub struct TreeWriter {
    root: PathBuf,
    /// Whether the run before left something in staging.
    interrupted: bool,
    /// Whether there is no tree yet: no name needs to be looked up in it, and it is written as a whole.
    new: AtomicBool,
    staging: PathBuf,
    folders: OnceLock<Folders>,
    early: EarlySync,
    next: AtomicU64,
    placements: Mutex<Vec<Placement>>,
    _lock: Lock,
}

/// The folders of staging.
#[derive(Debug)]
struct Folders {
    /// Of files that have no names yet.
    of_files: Vec<PathBuf>,
    new_tree: NewTree,
}

impl TreeWriter {
    /// Takes the lock of the tree at `root` for `purpose`; the tree need not exist yet.
    ///
    /// `waiting` is called once if another process holds the lock.
    ///
    /// # Errors
    /// [`WriteError::Lock`] after `timeout`; [`WriteError::File`] if the place cannot be written.
    pub fn begin(
        root: &Path,
        purpose: &str,
        timeout: Duration,
        waiting: impl FnMut(&Holder),
    ) -> Result<Self, WriteError> {
        let state = layout::state_directory(root);
        durable::create_directories(&state)?;
        let lock =
            Lock::acquire(&state.join("lock"), purpose, timeout, waiting).map_err(|source| {
                WriteError::Lock {
                    tree: root.to_owned(),
                    source,
                }
            })?;
        let staging = staging_of(root, &state);
        let interrupted = staging.exists();
        if interrupted {
            remove::remove_all(&staging)?;
        }
        Ok(Self {
            root: root.to_owned(),
            interrupted,
            new: AtomicBool::new(root.symlink_metadata().is_err() && !staging.starts_with(root)),
            staging,
            folders: OnceLock::new(),
            early: EarlySync::default(),
            next: AtomicU64::new(0),
            placements: Mutex::new(Vec::new()),
            _lock: lock,
        })
    }

    /// Whether the tree is being changed, or a change of it was cut.
    pub fn is_unfinished(root: &Path) -> bool {
        staging_of(root, &layout::state_directory(root)).exists()
    }

    /// Whether the run before this one was cut, so that views may be newer than what the pointers say.
    pub fn follows_interruption(&self) -> bool {
        self.interrupted
    }

    /// The tree.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Size of the file the tree has at `path`, in bytes.
    pub fn size_of(&self, path: &str) -> Option<u64> {
        let metadata = fs::metadata(self.root.join(path)).ok()?;
        metadata.is_file().then_some(metadata.len())
    }

    /// Whether the tree has a file at `path`.
    pub fn has(&self, path: &str) -> bool {
        self.root.join(path).is_file()
    }

    /// Writes bytes to staging, to be placed later or dropped.
    ///
    /// # Errors
    /// [`FsError`], a full disk for one.
    pub fn stage(&self, bytes: &[u8]) -> Result<StagedFile, FsError> {
        self.stage_at(bytes, None)
    }

    fn stage_at(&self, bytes: &[u8], time: Option<SystemTime>) -> Result<StagedFile, FsError> {
        let path = self.fresh_path()?;
        let file = new_tree::create(&path).on("create", &path)?;
        new_tree::fill(file, &path, bytes, time)?;
        self.early.staged(&self.staging, bytes.len() as u64)?;
        Ok(StagedFile { path })
    }

    /// Spread over a few folders: threads that create files in one folder wait for each other.
    fn fresh_path(&self) -> Result<PathBuf, FsError> {
        let folders = &self.folders()?.of_files;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let position = usize::try_from(number).unwrap_or(0) % folders.len().max(1);
        let folder = folders.get(position).unwrap_or(&self.staging);
        Ok(folder.join(number.to_string()))
    }

    /// The first file of a change makes them, so that a change of nothing writes nothing.
    fn folders(&self) -> Result<&Folders, FsError> {
        const OF_FILES: usize = 8;
        if let Some(folders) = self.folders.get() {
            return Ok(folders);
        }
        let mut made = placement::scattered_directories(&self.staging, OF_FILES + 1)?;
        let new_tree = NewTree::new(made.split_off(OF_FILES).pop().unwrap_or_default());
        let of_files = made;
        // Another thread may have been quicker; then these stay empty until the sweep.
        Ok(self.folders.get_or_init(|| Folders { of_files, new_tree }))
    }

    /// The tree that is written as a whole, while there is none.
    fn new_tree(&self) -> Result<Option<&NewTree>, FsError> {
        if self.new.load(Ordering::Relaxed) {
            Ok(Some(&self.folders()?.new_tree))
        } else {
            Ok(None)
        }
    }

    /// Makes a staged file part of the commit, at `path`.
    pub fn place(&self, phase: Phase, path: &str, staged: StagedFile) {
        self.push(phase, path, Content::Staged(staged.path));
    }

    fn push(&self, phase: Phase, path: &str, content: Content) {
        let placement = Placement {
            phase,
            order: self.next.fetch_add(1, Ordering::Relaxed),
            content,
            target: path.into(),
        };
        self.placements().push(placement);
    }

    /// Whether anything was placed.
    pub fn has_placed(&self) -> bool {
        !self.placements().is_empty() || self.written() > 0
    }

    /// How many files were written into a new tree.
    fn written(&self) -> usize {
        match self.folders.get() {
            Some(folders) if self.new.load(Ordering::Relaxed) => folders.new_tree.files(),
            _ => 0,
        }
    }

    /// Takes back what was placed at these paths, and their twins, so that it can be placed anew.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn withdraw(&self, paths: &BTreeSet<String>) -> Result<(), FsError> {
        let taken: BTreeSet<PathBuf> = paths
            .iter()
            .flat_map(|path| ["", ".gz", ".zst"].map(|suffix| format!("{path}{suffix}")))
            .map(PathBuf::from)
            .collect();
        self.placements().retain(|p| !taken.contains(&p.target));
        match self.new_tree()? {
            Some(new) => taken.iter().try_for_each(|path| new.remove(path)),
            None => Ok(()),
        }
    }

    /// Removes the file at `path` and its twins, durably; nothing there is fine.
    ///
    /// To be called after the commit by which nothing names it any more.
    ///
    /// # Errors
    /// [`FsError`].
    pub fn erase(&self, path: &str) -> Result<(), FsError> {
        let target = self.root.join(path);
        if !layout::is_inside(path) {
            return Err(io::Error::from(io::ErrorKind::InvalidInput)).on("remove", &target);
        }
        for suffix in ["", ".gz", ".zst"] {
            remove::remove_all(&self.root.join(format!("{path}{suffix}")))?;
        }
        match target.parent() {
            Some(parent) if parent.is_dir() => durable::sync_directory(parent),
            _ => Ok(()),
        }
    }

    /// Opens the file at `path` as this change leaves it: what was placed, else what the tree has.
    ///
    /// # Errors
    /// [`FsError`], a file that is not there for one.
    pub fn open(&self, path: &str) -> Result<File, FsError> {
        let staged = self.placements().iter().rev().find_map(|placement| {
            match (&placement.content, placement.target == Path::new(path)) {
                (Content::Staged(staged), true) => Some(staged.clone()),
                _ => None,
            }
        });
        let file = match (staged, self.new_tree()?) {
            (Some(staged), _) => staged,
            (None, Some(new)) => new.root().join(path),
            (None, None) => self.root.join(path),
        };
        File::open(&file).on("open", &file)
    }

    fn placements(&self) -> MutexGuard<'_, Vec<Placement>> {
        self.placements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn sweep(&self) -> Result<(), FsError> {
        if self.staging.exists() {
            remove::remove_all(&self.staging)?;
        }
        Ok(())
    }
}

/// A tree that is a mount point is another file system: what is staged must be on it.
fn staging_of(root: &Path, state: &Path) -> PathBuf {
    if same_device(root, state) {
        state.join("staging")
    } else {
        root.join(".staging")
    }
}

/// Whether a tree and its state are on one file system; a tree that is not there yet will be on its parent's.
fn same_device(root: &Path, state: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let device = |path: &Path| fs::metadata(path).ok().map(|m| m.dev());
    let found = device(root).or_else(|| device(durable::parent_of(root)));
    found.is_none_or(|found| device(state) == Some(found))
}

impl Drop for TreeWriter {
    fn drop(&mut self) {
        // Best effort: what stays is swept by the next writer.
        let _ = self.early.wait();
        let _ = self.sweep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twins::twins_agree;

    fn begin(root: &Path) -> TreeWriter {
        TreeWriter::begin(root, "test", Duration::ZERO, |_| {}).unwrap()
    }

    /// A text that has become short has no twins, so that no host serves those it had.
    #[test]
    fn short_text_loses_its_twins() {
        let dir = tempfile::tempdir().unwrap();
        let names = || {
            let entries = fs::read_dir(dir.path().join("tree")).unwrap();
            let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name()).collect();
            names.sort();
            names
        };
        for (text, expected) in [
            (
                "packs\n".repeat(1000),
                &["a.json", "a.json.gz", "a.json.zst"][..],
            ),
            ("packs\n".to_owned(), &["a.json"]),
        ] {
            let writer = begin(&dir.path().join("tree"));
            writer
                .put_text(Phase::Pointer, "a.json", text.as_bytes())
                .unwrap();
            writer.commit().unwrap();
            assert_eq!(names(), expected);
        }
    }

    /// Nothing is seen before the commit; after it everything, twins with the time of their file.
    #[test]
    fn commit_puts_staged_files_in_place() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        let writer = begin(&root);
        let text = "packs\n".repeat(1000);
        writer
            .put_text_at(
                &[
                    (Phase::Object, "docs/a.json"),
                    (Phase::View, "packs/a.json"),
                ],
                text.as_bytes(),
            )
            .unwrap();
        assert!(!root.exists());
        assert_eq!(writer.commit().unwrap().files_written, 6);
        let time = |path: &str| fs::metadata(root.join(path)).unwrap().modified().unwrap();
        assert_eq!(time("packs/a.json"), time("packs/a.json.gz"));
        assert_eq!(time("docs/a.json"), time("docs/a.json.zst"));
        assert_eq!(
            fs::read(root.join("packs/a.json")).unwrap(),
            text.as_bytes()
        );
    }

    /// A new tree: a name written twice has the last bytes, what is withdrawn is gone, what was staged is there too, and what was
    /// written can be read before anybody else sees it.
    #[test]
    fn new_tree_is_put_in_place_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        let writer = begin(&root);
        let text = |text: &str| text.repeat(1000);
        let put = |path: &str, text: &str| writer.put_text(Phase::View, path, text.as_bytes());
        put("packs/a/index.html", &text("old\n")).unwrap();
        put("packs/a/index.html", &text("new\n")).unwrap();
        put("packs/b/index.html", &text("old\n")).unwrap();
        put("packs/c/index.html", &text("old\n")).unwrap();
        let names = ["packs/b/index.html", "packs/c/index.html"].map(str::to_owned);
        writer.withdraw(&BTreeSet::from(names)).unwrap();
        put("packs/b/index.html", "new\n").unwrap();
        writer
            .put_bytes(Phase::Object, "assets/icon.png", b"icon")
            .unwrap();
        let archive = writer.stage(b"archive").unwrap();
        writer.place(Phase::Object, "archives/a/a-1.0.0.tar.gz", archive);
        let read = |path: &str| {
            let mut text = String::new();
            io::Read::read_to_string(&mut writer.open(path).unwrap(), &mut text).unwrap();
            text
        };
        assert_eq!(read("packs/b/index.html"), "new\n");
        assert_eq!(read("archives/a/a-1.0.0.tar.gz"), "archive");
        assert!(!root.exists());
        assert!(writer.has_placed());
        writer.commit().unwrap();
        let found = |path: &str| fs::read_to_string(root.join(path)).ok();
        assert_eq!(found("packs/a/index.html"), Some(text("new\n")));
        assert!(twins_agree(
            &root.join("packs/a/index.html"),
            text("new\n").as_bytes()
        ));
        assert_eq!(found("packs/b/index.html").as_deref(), Some("new\n"));
        assert_eq!(found("packs/b/index.html.gz"), None);
        assert!(!root.join("packs/c/index.html").exists());
        assert_eq!(found("assets/icon.png").as_deref(), Some("icon"));
        assert_eq!(
            found("archives/a/a-1.0.0.tar.gz").as_deref(),
            Some("archive")
        );
        assert!(!dir.path().join("tree.state/staging").exists());
    }

    /// What came into the place of a new tree meanwhile stays, and the writer says so.
    #[test]
    fn new_tree_takes_no_place_that_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        let writer = begin(&root);
        writer
            .put_text(Phase::Pointer, "index.json", b"{}\n")
            .unwrap();
        fs::create_dir(&root).unwrap();
        fs::write(root.join("note.txt"), "mine").unwrap();
        let error = writer.commit().unwrap_err().to_string();
        assert!(error.contains("put the new tree in place"), "{error}");
        assert!(!root.join("index.json").exists());
        assert_eq!(fs::read_to_string(root.join("note.txt")).unwrap(), "mine");
    }

    /// The same bytes again are no change.
    #[test]
    fn commit_of_the_same_bytes_writes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        for expected in [1, 0] {
            let writer = begin(&root);
            writer
                .put_text(Phase::Pointer, "index.json", b"{}\n")
                .unwrap();
            assert_eq!(writer.commit().unwrap().files_written, expected);
        }
    }

    /// A twin that an interrupted run left of the old file is replaced; one whose time alone was lost is not.
    #[test]
    fn stale_twins_are_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        let put = |text: &str| {
            let writer = begin(&root);
            let text = text.repeat(1000);
            writer
                .put_text(Phase::View, "index.html", text.as_bytes())
                .unwrap();
            writer.commit().unwrap().files_written
        };
        let twin = root.join("index.html.gz");
        assert_eq!(put("old\n"), 3);
        let stale = fs::read(&twin).unwrap();
        assert_eq!(put("new\n"), 3);
        let fresh = fs::read(&twin).unwrap();
        fs::write(&twin, &fresh).unwrap();
        assert_eq!(put("new\n"), 0);
        fs::write(&twin, &stale).unwrap();
        assert_eq!(put("new\n"), 3);
        assert_eq!(fs::read(&twin).unwrap(), fresh);
    }

    /// Without a commit the tree is as it was, and nothing stays behind.
    #[test]
    fn dropped_writer_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        let writer = begin(&root);
        writer
            .put_text(Phase::Pointer, "index.json", b"{}\n")
            .unwrap();
        drop(writer);
        assert!(!root.exists());
        assert!(!dir.path().join("tree.state/staging").exists());
    }

    /// A second writer is refused by name.
    #[test]
    fn second_writer_is_told_who_holds_the_tree() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        let first = begin(&root);
        let error = TreeWriter::begin(&root, "other", Duration::ZERO, |_| {}).unwrap_err();
        assert!(error.is_busy(), "{error}");
        drop(first);
    }
}
