//! Reading states: takes no lock and writes nothing, so anybody may do it at any time.

use std::fs;
use std::io;
use std::path::PathBuf;

use pack_format::{Hint, canonical};
use pack_fs::FsError;
use pack_fs::error::Context as _;

use crate::failure::{Classify, FailureClass};
use crate::layout::Layout;
use crate::record::{STATE_FORMAT, State};

/// Why a state cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// A file or link cannot be read.
    #[error(transparent)]
    File(#[from] FsError),
    /// It is not of its shape.
    #[error("`{}` is not valid", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The link to the active generation is not one of ours.
    #[error("`{}` points to `{}`, which is no generation", path.display(), target.display())]
    Current {
        /// The link.
        path: PathBuf,
        /// Where it points.
        target: PathBuf,
    },
    /// It was written by a later program.
    #[error("`{}` has format {format}; this program reads format {STATE_FORMAT}", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
}

impl Classify for StateError {
    fn class(&self) -> FailureClass {
        FailureClass::Failed
    }
}

impl Hint for StateError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Format { .. } => Some("update this program".to_owned()),
            Self::Invalid { .. } | Self::Current { .. } => Some(
                "restore the packs directory from a backup, or point `.attune/current` to an intact generation"
                    .to_owned(),
            ),
        }
    }
}

/// The number of the active generation, or `None` before the first change.
///
/// # Errors
/// [`StateError`].
pub fn current_number(layout: &Layout) -> Result<Option<u64>, StateError> {
    let path = layout.current();
    let target = match fs::read_link(&path) {
        Ok(target) => target,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(FsError::new("read the link", &path, e).into()),
    };
    let number = target
        .strip_prefix("generations")
        .ok()
        .and_then(|name| name.to_str())
        .and_then(|name| name.parse().ok());
    number.map(Some).ok_or(StateError::Current { path, target })
}

/// The active state.
///
/// # Errors
/// [`StateError`].
pub fn current(layout: &Layout) -> Result<State, StateError> {
    loop {
        let Some(number) = current_number(layout)? else {
            return Ok(State::empty());
        };
        match read(layout, number) {
            // The generation was pruned between the two reads: there is a newer one by now.
            Err(StateError::File(error))
                if error.is_not_found() && current_number(layout)? != Some(number) => {}
            outcome => return outcome,
        }
    }
}

/// The state of one generation.
///
/// # Errors
/// [`StateError`].
pub fn read(layout: &Layout, number: u64) -> Result<State, StateError> {
    let path = layout.state(number);
    let bytes = fs::read(&path).on("read", &path)?;
    let state: State = serde_json::from_slice(&bytes).map_err(|source| StateError::Invalid {
        path: path.clone(),
        source,
    })?;
    if state.format != STATE_FORMAT {
        return Err(StateError::Format {
            path,
            format: state.format,
        });
    }
    Ok(state)
}

/// The numbers of all complete generations, oldest first, up to the active one.
///
/// # Errors
/// [`StateError`].
pub fn numbers(layout: &Layout) -> Result<Vec<u64>, StateError> {
    let Some(current) = current_number(layout)? else {
        return Ok(Vec::new());
    };
    let path = layout.generations();
    let mut numbers = Vec::new();
    for entry in fs::read_dir(&path).on("list", &path)? {
        let entry = entry.on("list", &path)?;
        let number = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u64>().ok());
        let Some(number) = number.filter(|n| *n <= current) else {
            continue;
        };
        // Whoever prunes must not take for absent what cannot be looked at.
        let state = layout.state(number);
        match fs::metadata(&state) {
            Ok(found) if found.is_file() => numbers.push(number),
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(FsError::new("look at", &state, e).into());
            }
            _ => {}
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// All complete generations, oldest first, up to the active one; without those that are pruned meanwhile.
///
/// # Errors
/// [`StateError`].
pub fn all(layout: &Layout) -> Result<Vec<State>, StateError> {
    let mut states = Vec::new();
    for number in numbers(layout)? {
        match read(layout, number) {
            Ok(state) => states.push(state),
            Err(StateError::File(error))
                if error.is_not_found() && !layout.generation(number).exists() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(states)
}

/// The bytes of a state.
///
/// # Errors
/// Never for a state this program made.
pub(crate) fn to_bytes(state: &State) -> Result<Vec<u8>, serde_json::Error> {
    canonical::to_bytes(state)
}
