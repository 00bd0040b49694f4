//! `verify`: reads everything and names every file that is not as it was installed.

mod compare;
mod problem;

use pack_format::{Hint, PackRef, Version};
use serde::Serialize;

pub(crate) use self::compare::{has_content, verify_pack};
pub use self::problem::Problem;
use crate::failure::{Classify, FailureClass};
use crate::installer::Installer;
use crate::record::{Record, State};
use crate::state::{self, StateError};

/// What verifying one pack gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedPack {
    /// The pack.
    #[serde(rename = "ref")]
    pub pack_ref: PackRef,
    /// Its version.
    pub version: Version,
    /// Number of files that were read.
    pub files: usize,
    /// Everything that is wrong; empty is good.
    pub problems: Vec<Problem>,
}

/// Why nothing was verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// Not there.
    #[error("`{pack_ref}` is not installed")]
    NotInstalled {
        /// Which.
        pack_ref: PackRef,
    },
}

impl Hint for VerifyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::State(error) => error.hint(),
            Self::NotInstalled { .. } => {
                Some("see what is there with `attune pack list`".to_owned())
            }
        }
    }
}

impl Classify for VerifyError {
    fn class(&self) -> FailureClass {
        FailureClass::Failed
    }
}

impl Installer<'_> {
    /// Reads the trees of `refs`, or of everything that is installed, and compares them with their records.
    ///
    /// # Errors
    /// [`VerifyError`] if there is nothing to compare; what is wrong with a pack is in its report.
    pub fn verify(&self, refs: &[PackRef]) -> Result<Vec<VerifiedPack>, VerifyError> {
        loop {
            let state = state::current(&self.layout)?;
            let found: Vec<VerifiedPack> = chosen(&state, refs)?
                .into_iter()
                .map(|record| verify_pack(&self.layout, &state, record))
                .collect();
            // What was read of a generation that is not active any more may have been pruned meanwhile.
            if found.iter().all(|pack| pack.problems.is_empty())
                || state::current(&self.layout)?.generation == state.generation
            {
                return Ok(found);
            }
        }
    }
}

/// The records of `refs`, each once, or all where none is named.
pub(crate) fn chosen<'s>(
    state: &'s State,
    refs: &[PackRef],
) -> Result<Vec<&'s Record>, VerifyError> {
    if refs.is_empty() {
        return Ok(state.packs.values().collect());
    }
    let mut records: Vec<&Record> = Vec::new();
    for pack_ref in refs {
        let record = state.packs.get(pack_ref);
        let record = record.ok_or_else(|| VerifyError::NotInstalled {
            pack_ref: pack_ref.clone(),
        })?;
        if records.iter().all(|known| known.pack_ref != *pack_ref) {
            records.push(record);
        }
    }
    Ok(records)
}
