//! `history`: the generations, what made them and what they changed.

use pack_format::{PackRef, Timestamp, Version};
use serde::Serialize;

use crate::installer::Installer;
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

impl Installer<'_> {
    /// Every generation that was not pruned, newest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn history(&self) -> Result<Vec<HistoryEntry>, StateError> {
        let active = state::current_number(&self.layout)?;
        let mut before = State::empty();
        let mut entries = Vec::new();
        for number in state::numbers(&self.layout)? {
            let after = state::read(&self.layout, number)?;
            entries.push(HistoryEntry {
                generation: number,
                created_at: after.created_at,
                command: after.command.clone(),
                active: active == Some(number),
                changes: changes(&before, &after),
            });
            before = after;
        }
        entries.reverse();
        Ok(entries)
    }
}
