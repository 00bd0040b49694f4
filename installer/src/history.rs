//! `history`: the generations, what made them and what they changed.

use pack_format::{Hint, PackRef, Timestamp, Version};
use serde::Serialize;

use crate::failure::{Classify, FailureClass};
use crate::installer::Installer;
use crate::layout::Layout;
use crate::record::{Record, State};
use crate::state::{self, StateError};

/// One generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// Its number.
    pub generation: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// What made it.
    pub command: String,
    /// Whether it is the active one.
    pub active: bool,
    /// How it differs from the generation before it that is still there.
    pub changes: Vec<PackChange>,
}

/// How two generations differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Number of the first one.
    pub from: u64,
    /// Number of the second one.
    pub to: u64,
    /// What it takes to get from one to the other.
    pub changes: Vec<PackChange>,
}

/// How one pack differs between two states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackChange {
    /// The pack.
    #[serde(rename = "ref")]
    pub pack_ref: PackRef,
    /// Its version before; absent if it was not installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Version>,
    /// Its version after; absent if it is not installed any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Version>,
}

impl std::fmt::Display for PackChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pack_ref = &self.pack_ref;
        match (&self.from, &self.to) {
            (None, Some(to)) => write!(f, "+{pack_ref}@{to}"),
            (Some(from), None) => write!(f, "-{pack_ref}@{from}"),
            (Some(from), Some(to)) if from == to => write!(f, "{pack_ref}@{to} (other contents)"),
            (Some(from), Some(to)) => write!(f, "{pack_ref} {from} -> {to}"),
            (None, None) => pack_ref.fmt(f),
        }
    }
}

/// The packs that differ between two states, by ref.
pub fn changes(before: &State, after: &State) -> Vec<PackChange> {
    let mut refs: Vec<&PackRef> = before.packs.keys().chain(after.packs.keys()).collect();
    refs.sort_unstable();
    refs.dedup();
    refs.into_iter()
        .filter_map(|pack_ref| {
            let (old, new) = (before.packs.get(pack_ref), after.packs.get(pack_ref));
            let same = match (old, new) {
                (Some(old), Some(new)) => is_same(old, new),
                _ => false,
            };
            (!same).then(|| PackChange {
                pack_ref: pack_ref.clone(),
                from: old.map(|record| record.version.clone()),
                to: new.map(|record| record.version.clone()),
            })
        })
        .collect()
}

/// Whether two records are about the same bytes.
pub(crate) fn is_same(one: &Record, other: &Record) -> bool {
    one.store_key == other.store_key && one.version == other.version
}

/// Why two generations were not compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// A generation cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// No such generation.
    #[error(transparent)]
    NoGeneration(#[from] NoGeneration),
}

/// No such generation.
#[derive(Debug, thiserror::Error)]
#[error("there is no generation {number}; there are: {}", numbers(.available))]
pub struct NoGeneration {
    /// What was asked for.
    pub number: u64,
    /// What there is, oldest first.
    pub available: Vec<u64>,
}

fn numbers(numbers: &[u64]) -> String {
    if numbers.is_empty() {
        return "none".to_owned();
    }
    let texts: Vec<String> = numbers.iter().map(u64::to_string).collect();
    texts.join(", ")
}

impl Hint for NoGeneration {
    fn hint(&self) -> Option<String> {
        Some("see what there is with `attune pack history`".to_owned())
    }
}

impl Hint for HistoryError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::State(error) => error.hint(),
            Self::NoGeneration(error) => error.hint(),
        }
    }
}

impl Classify for HistoryError {
    fn class(&self) -> FailureClass {
        FailureClass::Failed
    }
}

impl Installer<'_> {
    /// Every generation that was not pruned, newest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn history(&self) -> Result<Vec<HistoryEntry>, StateError> {
        let active = state::current_number(&self.layout)?;
        let mut before = State::empty();
        let mut entries = Vec::new();
        for after in state::all(&self.layout)? {
            entries.push(HistoryEntry {
                generation: after.generation,
                created_at: after.created_at,
                command: after.command.clone(),
                active: active == Some(after.generation),
                changes: changes(&before, &after),
            });
            before = after;
        }
        entries.reverse();
        Ok(entries)
    }

    /// The packs that differ between two generations, by ref; without a second one, between the first and
    /// the active one.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn compare(&self, from: u64, to: Option<u64>) -> Result<Comparison, HistoryError> {
        let before = find(&self.layout, from)?;
        let after = match to {
            Some(number) => find(&self.layout, number)?,
            None => state::current(&self.layout)?,
        };
        Ok(Comparison {
            from,
            to: after.generation,
            changes: changes(&before, &after),
        })
    }
}

/// The state of a generation that may not be there.
pub(crate) fn find(layout: &Layout, number: u64) -> Result<State, HistoryError> {
    let available = state::numbers(layout)?;
    if !available.contains(&number) {
        return Err(NoGeneration { number, available }.into());
    }
    Ok(state::read(layout, number)?)
}
