//! `uninstall`: a generation without some packs. Their trees stay until `prune`, so a rollback brings them back.

use pack_format::{Hint, PackRef};

use crate::failure::{Classify, FailureClass};
use crate::installer::Installer;
use crate::lines::below;
use crate::record::Record;
use crate::session::{ChangeError, Session};

/// Whether packs are removed that others need.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dependents {
    /// That is an error.
    #[default]
    Refuse,
    /// That is a warning.
    Ignore,
}

/// What an uninstallation did.
#[derive(Debug, Clone)]
pub struct UninstallReport {
    /// The generation it made.
    pub generation: u64,
    /// The packs that are gone.
    pub removed: Vec<Record>,
}

/// Why nothing was uninstalled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UninstallError {
    /// The change could not begin or be made active.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// Not there.
    #[error("not installed: {}", refs(.missing))]
    NotInstalled {
        /// Which.
        missing: Vec<PackRef>,
    },
    /// Needed by packs that stay.
    #[error("other installed packs need what would be removed{}", below(.needed.iter().cloned()))]
    Needed {
        /// Who needs what.
        needed: Vec<String>,
    },
}

fn refs(refs: &[PackRef]) -> String {
    let quoted: Vec<String> = refs.iter().map(|r| format!("`{r}`")).collect();
    quoted.join(", ")
}

impl Hint for UninstallError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Change(error) => error.hint(),
            Self::NotInstalled { .. } => {
                Some("see what is there with `attune pack list`".to_owned())
            }
            Self::Needed { .. } => Some(
                "uninstall those packs in the same command, or pass `--force` to leave them broken"
                    .to_owned(),
            ),
        }
    }
}

impl Classify for UninstallError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Change(error) => error.class(),
            Self::NotInstalled { .. } | Self::Needed { .. } => FailureClass::Failed,
        }
    }
}

impl Installer<'_> {
    /// Removes packs from what is installed, all in one switch.
    ///
    /// # Errors
    /// [`UninstallError`]; nothing has changed then.
    pub fn uninstall(
        &self,
        refs: &[PackRef],
        dependents: Dependents,
    ) -> Result<UninstallReport, UninstallError> {
        let session = Session::begin(&self.layout, &self.settings, self.reporter)?;
        let mut packs = session.state.packs.clone();
        let mut removed = Vec::new();
        let mut missing = Vec::new();
        for pack_ref in refs {
            match packs.remove(pack_ref) {
                Some(record) => removed.push(record),
                None if session.state.packs.contains_key(pack_ref) => {}
                None => missing.push(pack_ref.clone()),
            }
        }
        if !missing.is_empty() {
            return Err(UninstallError::NotInstalled { missing });
        }
        let needed: Vec<String> = packs
            .values()
            .flat_map(|record| record.dependencies.iter().map(move |need| (record, need)))
            .filter(|(_, need)| removed.iter().any(|gone| gone.pack_ref == need.pack_ref))
            .map(|(record, need)| {
                format!("`{}@{}` needs `{need}`", record.pack_ref, record.version)
            })
            .collect();
        if dependents == Dependents::Refuse && !needed.is_empty() {
            return Err(UninstallError::Needed { needed });
        }
        for line in &needed {
            self.reporter.warning(line);
        }
        let next_id = session.state.next_id;
        let state = session.commit(packs, next_id, &[], self.reporter)?;
        Ok(UninstallReport {
            generation: state.generation,
            removed,
        })
    }
}
