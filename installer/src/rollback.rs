//! `rollback`: a new generation with packs as they were. History only grows, so a rollback can be undone.

use pack_format::{Hint, PackRef};

use crate::failure::{Classify, FailureClass};
use crate::history::{self, HistoryError, NoGeneration, PackChange};
use crate::install::check;
use crate::installer::Installer;
use crate::record::{Record, State};
use crate::session::{ChangeError, Session};
use crate::state::{self, StateError};
use crate::store::StoredPack;

/// What to go back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RollbackTarget {
    /// One pack, as it was before its last change.
    Pack(PackRef),
    /// Everything, as it was in this generation.
    Generation(u64),
}

/// What a rollback did.
#[derive(Debug, Clone)]
pub struct RollbackReport {
    /// The generation it made; `None` when everything was like that already.
    pub generation: Option<u64>,
    /// How it differs from the one before.
    pub changes: Vec<PackChange>,
    /// What is installed now.
    pub state: State,
}

/// Why nothing was rolled back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RollbackError {
    /// The change could not begin or be made active.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// A generation cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// No generation has the pack in another state.
    #[error("there is no earlier `{pack_ref}` to go back to")]
    NoEarlier {
        /// The pack.
        pack_ref: PackRef,
    },
    /// No such generation.
    #[error(transparent)]
    NoGeneration(#[from] NoGeneration),
    /// Its tree is not in the store.
    #[error("the tree of `{subject}` is not in the store any more")]
    Gone {
        /// `ref@version`.
        subject: String,
    },
}

impl From<HistoryError> for RollbackError {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::State(error) => Self::State(error),
            HistoryError::NoGeneration(error) => Self::NoGeneration(error),
        }
    }
}

impl Hint for RollbackError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Change(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::NoGeneration(error) => error.hint(),
            Self::NoEarlier { .. } => {
                Some("see what there is with `attune pack history`".to_owned())
            }
            Self::Gone { subject } => {
                Some(format!("install it again: `attune pack install {subject}`"))
            }
        }
    }
}

impl Classify for RollbackError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Change(error) => error.class(),
            _ => FailureClass::Failed,
        }
    }
}

impl Installer<'_> {
    /// Makes a new generation with one pack, or all, as they were.
    ///
    /// # Errors
    /// [`RollbackError`]; nothing has changed then.
    pub fn rollback(&self, target: &RollbackTarget) -> Result<RollbackReport, RollbackError> {
        let session = Session::begin(&self.layout, &self.settings, self.reporter)?;
        let mut packs = session.state.packs.clone();
        match target {
            RollbackTarget::Pack(pack_ref) => {
                let earlier = self.earlier(&session.state, pack_ref)?;
                packs.insert(pack_ref.clone(), earlier);
            }
            RollbackTarget::Generation(number) => {
                packs = history::find(&self.layout, *number)?.packs;
            }
        }
        let mut proofs: Vec<StoredPack> = Vec::new();
        for record in packs.values() {
            let gone = || RollbackError::Gone {
                subject: format!("{}@{}", record.pack_ref, record.version),
            };
            let stored = session.find_stored(&record.store_key);
            proofs.push(stored.map_err(ChangeError::from)?.ok_or_else(gone)?);
        }
        let wanted = State {
            packs,
            ..session.state.clone()
        };
        let changes = history::changes(&session.state, &wanted);
        if changes.is_empty() {
            return Ok(RollbackReport {
                generation: None,
                changes,
                state: wanted,
            });
        }
        self.warn_about_needs(&session.state, &wanted);
        let next_id = wanted
            .packs
            .values()
            .map(|r| r.id + 1)
            .fold(wanted.next_id, u64::max);
        let state = session.commit(wanted.packs, next_id, &proofs, self.reporter)?;
        Ok(RollbackReport {
            generation: Some(state.generation),
            changes,
            state,
        })
    }

    /// The pack's newest record that differs from the present one.
    fn earlier(&self, present: &State, pack_ref: &PackRef) -> Result<Record, RollbackError> {
        let now = present.packs.get(pack_ref);
        for number in state::numbers(&self.layout)?.into_iter().rev() {
            if number >= present.generation {
                continue;
            }
            let mut then = state::read(&self.layout, number)?;
            if let Some(record) = then.packs.remove(pack_ref)
                && now.is_none_or(|now| !history::is_same(now, &record))
            {
                return Ok(record);
            }
        }
        Err(RollbackError::NoEarlier {
            pack_ref: pack_ref.clone(),
        })
    }

    /// Going back is allowed whatever others need; it is said, though.
    fn warn_about_needs(&self, before: &State, after: &State) {
        for record in after.packs.values() {
            for need in &record.dependencies {
                if !check::holds(&after.packs, need)
                    && (check::holds(&before.packs, need)
                        || !before.packs.contains_key(&record.pack_ref))
                {
                    let found = after.packs.get(&need.pack_ref);
                    self.reporter.warning(&check::sentence(record, need, found));
                }
            }
        }
    }
}
