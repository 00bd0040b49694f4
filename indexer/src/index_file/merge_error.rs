//! `MergeError`: why nothing was merged.

use std::path::PathBuf;

use pack_format::Hint;
use pack_fs::FsError;
use pack_fs::lock::LockError;

use super::error::IndexFileError;
use super::merge::{Place, Shadowed};

/// Why nothing was merged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// The output is there.
    #[error("Output file already exists: {}. Use --force to overwrite.", .0.display())]
    Exists(PathBuf),
    /// The output is part of a registry tree.
    #[error("`{}` belongs to a registry tree, whose documents would say something else", .0.display())]
    Tree(PathBuf),
    /// An input cannot be used.
    #[error(transparent)]
    Input(#[from] IndexFileError),
    /// Entries shadow each other.
    #[error("{}", differing(.shadowed, .inputs))]
    Shadowed {
        /// Each of them.
        shadowed: Vec<Shadowed>,
        /// Names of the inputs.
        inputs: Vec<String>,
    },
    /// Another process is changing the output.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The output cannot be written.
    #[error(transparent)]
    Output(#[from] FsError),
}

impl MergeError {
    /// Whether another process is changing the output.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Lock(error) if error.is_busy())
    }
}

impl Hint for MergeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Exists(_) => Some("pass `--force`, or name another file".to_owned()),
            Self::Tree(_) => Some("name a file outside of the tree".to_owned()),
            Self::Input(error) => error.hint(),
            Self::Shadowed { .. } => Some(
                "rename or remove one of each, or say which one stays with `--on-shadow newest` or `first`"
                    .to_owned(),
            ),
            Self::Lock(error) => error.hint(),
            Self::Output(error) => error.hint(),
        }
    }
}

/// Most refs one message names.
const SHOWN: usize = 10;

fn differing(shadowed: &[Shadowed], inputs: &[String]) -> String {
    let count = match shadowed.len() {
        1 => "1 ref is listed differently in two inputs".to_owned(),
        n => format!("{n} refs are listed differently in two inputs"),
    };
    let rows = shadowed.iter().take(SHOWN).map(|s| {
        let place = |p: &Place| format!("{} in `{}`", p.version, inputs[p.input]);
        format!(
            "`{}`: {}, {}",
            s.pack_ref,
            place(&s.kept),
            place(&s.dropped)
        )
    });
    let mut lines: Vec<String> = std::iter::once(count).chain(rows).collect();
    if shadowed.len() > SHOWN {
        lines.push("…".to_owned());
    }
    lines.join("\n  ")
}
