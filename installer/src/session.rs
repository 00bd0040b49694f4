//! `Session`: the lock, the staging directory and the one commit every change goes through.
//!
//! ```text
//! begin    lock, sweep what a cut has left
//! store    sync new trees, rename them into the store
//! commit   write the new generation, make missing links, switch `current`, drop needless links
//! ```
//! Nothing before the switch touches what readers see, and what it made is removed again when the
//! session ends without a commit. After the switch nothing is undone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pack_format::{Hint, PackRef, StoreKey, Timestamp};
use pack_fs::error::Context as _;
use pack_fs::lock::{Lock, LockError};
use pack_fs::{FsError, durable, remove, spread, tree};
use pack_runtime::Environment;

use crate::failpoint::{Failpoints, Fault, Step};
use crate::failure::{Classify, FailureClass};
use crate::layout::Layout;
use crate::prune::Retention;
use crate::record::{Record, STATE_FORMAT, State};
use crate::reporter::Reporter;
use crate::state::{self, StateError};
use crate::store::StoredPack;
use crate::undo::Undo;

/// Why a change could not begin or be made active. The previous generation is still active.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// Another process is changing the same directory.
    #[error(transparent)]
    Lock(LockError),
    /// The disk refused.
    #[error(transparent)]
    File(#[from] FsError),
    /// The present state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// Something that is not ours lies where a pack's link belongs.
    #[error("`{}` is in the way: it is no link to an installed pack", path.display())]
    Occupied {
        /// What is in the way.
        path: PathBuf,
    },
    /// A tree that is not in the store: a defect of this program.
    #[error("the tree of `{pack_ref}` is not in the store")]
    Unstored {
        /// The pack.
        pack_ref: PackRef,
    },
    /// A state that cannot be written: a defect of this program.
    #[error("cannot write the new state")]
    Encode(#[source] serde_json::Error),
    /// Whoever asked for it does not want it any more.
    #[error("it was called off; nothing was changed")]
    CalledOff,
    /// A test asked for it.
    #[error("stopped after step {step:?}")]
    Injected {
        /// Where.
        step: Step,
    },
}

impl From<LockError> for ChangeError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::CalledOff { .. } => Self::CalledOff,
            error => Self::Lock(error),
        }
    }
}

impl Hint for ChangeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Lock(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::Occupied { .. } => {
                Some("move it elsewhere and run the command again; nothing was changed".to_owned())
            }
            Self::Encode(_) | Self::Unstored { .. } | Self::CalledOff | Self::Injected { .. } => {
                None
            }
        }
    }
}

impl Classify for ChangeError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Lock(error) if error.is_busy() => FailureClass::Busy,
            _ => FailureClass::Failed,
        }
    }
}

/// Who makes a change, when, and how.
#[derive(Debug, Clone)]
pub struct ChangeSettings {
    /// The present.
    pub now: Timestamp,
    /// Name of the user, for the records.
    pub user: String,
    /// What history calls the change, such as `pack install slack`.
    pub command: String,
    /// Longest wait for another process.
    pub lock_timeout: Duration,
    /// What stays after each change that made a generation; by default everything.
    pub retention: Retention,
    /// A pack whose own directory may lie where its link belongs; see [`crate::Installer::adopting`].
    pub(crate) adopts: Option<PackRef>,
    /// For tests.
    pub failpoints: Failpoints,
}

impl ChangeSettings {
    /// A change at `now`, with a lock timeout of 60 seconds.
    pub fn new(now: Timestamp, user: impl Into<String>, command: impl Into<String>) -> Self {
        Self {
            now,
            user: user.into(),
            command: command.into(),
            lock_timeout: Duration::from_mins(1),
            retention: Retention::default(),
            adopts: None,
            failpoints: Failpoints::default(),
        }
    }
}

/// Exclusive access to a packs directory, until dropped.
pub(crate) struct Session<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) settings: &'a ChangeSettings,
    /// The active state when the session began.
    pub(crate) state: State,
    pub(crate) undo: Undo,
    reporter: &'a dyn Reporter,
    staging: Option<PathBuf>,
    // Last, so that it is released after everything else is cleaned up.
    _lock: Lock,
}

impl<'a> Session<'a> {
    /// Takes the lock and clears what an earlier process has left.
    pub(crate) fn begin(
        layout: &'a Layout,
        settings: &'a ChangeSettings,
        reporter: &'a dyn Reporter,
    ) -> Result<Self, ChangeError> {
        durable::create_directories(layout.private())?;
        spread::unrelated_below(layout.private());
        let lock = Lock::acquire_unless(
            &layout.lock(),
            &settings.command,
            (settings.lock_timeout, || reporter.is_cancelled()),
            |holder| reporter.waiting(holder),
        )?;
        let mut session = Self {
            layout,
            settings,
            state: state::current(layout)?,
            undo: Undo::new(layout.current()),
            reporter,
            staging: None,
            _lock: lock,
        };
        session.reached(Step::Locked)?;
        session.sweep()?;
        session.finish_adoptions()?;
        session.reached(Step::Swept)?;
        Ok(session)
    }

    /// Removes work in progress, half a removal, generations that never became active, and half an environment.
    fn sweep(&self) -> Result<(), FsError> {
        for path in own_children(&self.layout.staging())? {
            remove::remove_all(&path)?;
        }
        for path in own_children(&self.layout.generations())? {
            let number = path
                .file_name()
                .and_then(|n| n.to_str())
                .and_then(|n| n.parse::<u64>().ok());
            if number.is_none_or(|n| n > self.state.generation) {
                remove::remove_all(&path)?;
            }
        }
        for path in own_children(&self.layout.environments())? {
            // Who builds one holds the lock.
            if !Environment::is_complete(&path) {
                remove::remove_all(&path)?;
            }
        }
        for path in children(self.layout.private())? {
            // A link or file that was about to be renamed over another.
            let name = path
                .file_name()
                .and_then(|n| n.to_str())
                .unwrap_or_default();
            if name.starts_with(".new-") {
                remove::remove_all(&path)?;
            }
        }
        Ok(())
    }

    /// Does what a change that was cut off behind its switch did not come to: a directory that lies where the link of an
    /// installed pack belongs, and holds what is installed, gives way to the link.
    fn finish_adoptions(&mut self) -> Result<(), FsError> {
        let holds_it = |record: &&Record| {
            let path = self.layout.pack(&record.pack_ref);
            path.symlink_metadata().is_ok_and(|found| found.is_dir())
                && tree::hash(&path).is_ok_and(|(_, key, _)| key == record.store_key)
        };
        let left: Vec<PackRef> = self
            .state
            .packs
            .values()
            .filter(holds_it)
            .map(|record| record.pack_ref.clone())
            .collect();
        left.iter()
            .try_for_each(|pack_ref| self.put_link_over(pack_ref))
    }

    /// The session's own directory for work in progress, on the file system of the store.
    pub(crate) fn staging(&mut self) -> Result<&Path, FsError> {
        if self.staging.is_none() {
            let parent = self.layout.staging();
            durable::create_directories(&parent)?;
            let made = tempfile::Builder::new()
                .prefix("s-")
                .tempdir_in(&parent)
                .on("create a directory in", &parent)?
                .keep();
            self.undo.staging(&made);
            self.staging = Some(made);
        }
        Ok(self.staging.as_deref().unwrap_or(self.layout.private()))
    }

    /// A new directory in it.
    pub(crate) fn new_staging(&mut self, prefix: &str) -> Result<PathBuf, FsError> {
        let staging = self.staging()?;
        let made = tempfile::Builder::new()
            .prefix(prefix)
            .tempdir_in(staging)
            .on("create a directory in", staging)?;
        // It goes with the session's own directory.
        Ok(made.keep())
    }

    /// A new directory in it for the trees of packs, which have nothing to do with each other.
    pub(crate) fn new_yard(&mut self) -> Result<PathBuf, FsError> {
        let yard = self.new_staging("r-")?;
        spread::unrelated_below(&yard);
        Ok(yard)
    }

    /// Ends without a new generation; what was put into the store stays.
    pub(crate) fn keep_stored(mut self) {
        self.undo.commit();
    }

    /// Lets whoever asked for the change, or a test, stop it here.
    pub(crate) fn reached(&mut self, step: Step) -> Result<(), ChangeError> {
        if step < Step::Switched && self.reporter.is_cancelled() {
            return Err(ChangeError::CalledOff);
        }
        match self.settings.failpoints.at(step) {
            None => return Ok(()),
            Some(Fault::Fail) => {}
            Some(Fault::Abandon) => self.undo.abandon(),
        }
        Err(ChangeError::Injected { step })
    }

    /// Makes `packs` the active generation; returns its state.
    ///
    /// Success is durable. After an error the previous generation is active.
    pub(crate) fn commit(
        mut self,
        packs: BTreeMap<PackRef, Record>,
        next_id: u64,
        proofs: &[StoredPack],
        reporter: &dyn Reporter,
    ) -> Result<State, ChangeError> {
        self.check_proofs(&packs, proofs)?;
        let next = State {
            format: STATE_FORMAT,
            generation: self.state.generation + 1,
            created_at: self.settings.now,
            command: self.settings.command.clone(),
            next_id,
            packs,
        };
        self.write_generation(&next)?;
        self.reached(Step::Written)?;
        self.make_links(&next)?;
        self.reached(Step::Linked)?;
        self.switch(next.generation)?;
        self.undo.commit();
        self.reached(Step::Switched)?;
        if let Err(error) = self.adopt() {
            // Readers find the same pack in the directory.
            reporter.warning(&error.to_string());
        }
        if let Err(error) = self.drop_links(&next) {
            // The change is done; the link reads as "not installed" whether or not it is there.
            reporter.warning(&error.to_string());
        }
        self.reached(Step::Tidied)?;
        reporter.activated(next.generation);
        self.keep_to_retention(reporter);
        Ok(next)
    }

    /// Removes what the settings do not keep. The change is done whether or not this works.
    fn keep_to_retention(&mut self, reporter: &dyn Reporter) {
        let keep = self.settings.retention;
        if keep.is_unlimited() {
            return;
        }
        match self.retain(&keep) {
            Ok(removed) if removed.is_empty() => {}
            Ok(removed) => reporter.pruned(&removed),
            Err(error) => reporter.warning(&format!("old versions were not removed: {error}")),
        }
    }

    /// Every tree the new generation names is one the present one names, or has a proof.
    fn check_proofs(
        &self,
        packs: &BTreeMap<PackRef, Record>,
        proofs: &[StoredPack],
    ) -> Result<(), ChangeError> {
        let mut known: BTreeSet<StoreKey> = proofs.iter().map(|proof| proof.key()).collect();
        known.extend(self.state.packs.values().map(|record| record.store_key));
        let unknown = packs
            .values()
            .find(|record| !known.contains(&record.store_key));
        unknown.map_or(Ok(()), |record| {
            Err(ChangeError::Unstored {
                pack_ref: record.pack_ref.clone(),
            })
        })
    }

    /// Step 4: the generation's directory with its links and state, synced.
    fn write_generation(&mut self, next: &State) -> Result<(), ChangeError> {
        durable::create_directories(&self.layout.generations())?;
        let directory = self.layout.generation(next.generation);
        fs::create_dir(&directory).on("create directory", &directory)?;
        self.undo.remove(&directory);
        for (pack_ref, record) in &next.packs {
            let link = directory.join(pack_ref.as_str());
            std::os::unix::fs::symlink(Layout::stored_target(&record.store_key), &link)
                .on("create link", &link)?;
        }
        let bytes = state::to_bytes(next).map_err(ChangeError::Encode)?;
        let path = self.layout.state(next.generation);
        fs::write(&path, bytes).on("write", &path)?;
        fs::File::open(&path)
            .and_then(|file| file.sync_all())
            .on("sync", &path)?;
        durable::sync_directory(&directory)?;
        durable::sync_directory(&self.layout.generations())?;
        Ok(())
    }

    /// Step 5: links of packs that are new; they dangle until the switch.
    fn make_links(&mut self, next: &State) -> Result<(), ChangeError> {
        let mut made = false;
        for pack_ref in next.packs.keys() {
            let path = self.layout.pack(pack_ref);
            let target = Layout::pack_target(pack_ref);
            match fs::read_link(&path) {
                Ok(found) if found == target => continue,
                Ok(_) => return Err(ChangeError::Occupied { path }),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                // Not a link, so something of somebody else's.
                Err(e) if e.kind() == io::ErrorKind::InvalidInput => {
                    if self.settings.adopts.as_ref() == Some(pack_ref) && path.is_dir() {
                        continue;
                    }
                    return Err(ChangeError::Occupied { path });
                }
                Err(e) => return Err(FsError::new("read the link", &path, e).into()),
            }
            std::os::unix::fs::symlink(&target, &path).on("create link", &path)?;
            self.undo.remove(&path);
            made = true;
        }
        if made {
            durable::sync_directory(self.layout.base())?;
        }
        Ok(())
    }

    /// Step 6: the commit.
    fn switch(&mut self, number: u64) -> Result<(), ChangeError> {
        let current = self.layout.current();
        let target = Layout::current_target(number);
        let Err(error) = durable::replace_link(&current, &target) else {
            return Ok(());
        };
        if fs::read_link(&current).is_ok_and(|found| found == target) {
            // Renamed, but not known to be on disk: go back to what is.
            let back = if self.state.generation == 0 {
                remove::remove_all(&current)
            } else {
                durable::replace_link(&current, &Layout::current_target(self.state.generation))
            };
            if back.is_err() {
                self.undo.abandon();
            }
        }
        Err(error.into())
    }

    /// Puts the link of an adopted pack in place of its directory, which goes with the session. After the switch: a
    /// directory that was moved before would be lost by a cut.
    fn adopt(&mut self) -> Result<(), FsError> {
        let Some(pack_ref) = self.settings.adopts.clone() else {
            return Ok(());
        };
        let path = self.layout.pack(&pack_ref);
        if !path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            return Ok(());
        }
        self.put_link_over(&pack_ref)
    }

    /// Puts the link of a pack in place of the directory there, which goes with the session.
    fn put_link_over(&mut self, pack_ref: &PackRef) -> Result<(), FsError> {
        let path = self.layout.pack(pack_ref);
        let aside = self.new_staging("a-")?.join("directory");
        std::os::unix::fs::symlink(Layout::pack_target(pack_ref), &aside)
            .on("create link", &aside)?;
        rustix::fs::renameat_with(
            rustix::fs::CWD,
            &aside,
            rustix::fs::CWD,
            &path,
            rustix::fs::RenameFlags::EXCHANGE,
        )
        .map_err(io::Error::from)
        .on("replace", &path)?;
        durable::sync_directory(self.layout.base())
    }

    /// Step 7: links of packs that are gone.
    fn drop_links(&self, next: &State) -> Result<(), FsError> {
        let mut dropped = false;
        for pack_ref in self
            .state
            .packs
            .keys()
            .filter(|r| !next.packs.contains_key(*r))
        {
            let path = self.layout.pack(pack_ref);
            if fs::read_link(&path).is_ok_and(|found| found == Layout::pack_target(pack_ref)) {
                fs::remove_file(&path).on("remove", &path)?;
                dropped = true;
            }
        }
        if dropped {
            durable::sync_directory(self.layout.base())?;
        }
        Ok(())
    }
}

/// The entries of a directory below [`Layout::private`]; none where there is no directory.
///
/// What lies behind a link is somebody else's, and what is listed here may be removed.
pub(crate) fn own_children(directory: &Path) -> Result<Vec<PathBuf>, FsError> {
    if directory.is_symlink() {
        let found = io::Error::other("it is a symbolic link, not a directory of this program");
        return Err(FsError::new("list", directory, found));
    }
    children(directory)
}

/// The entries of a directory; none where there is no directory.
fn children(directory: &Path) -> Result<Vec<PathBuf>, FsError> {
    match fs::read_dir(directory) {
        Ok(entries) => entries
            .map(|entry| entry.map(|e| e.path()).on("list", directory))
            .collect(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(FsError::new("list", directory, e)),
    }
}
