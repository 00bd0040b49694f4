//! `Installer`: one packs directory and everything that can be done with it.

use std::fmt;
use std::path::PathBuf;

use pack_format::{Limits, PackRef};
use pack_git::GitSettings;

use crate::layout::Layout;
use crate::policy::Policy;
use crate::ready::Preparation;
use crate::record::State;
use crate::reporter::Reporter;
use crate::session::ChangeSettings;
use crate::state::{self, StateError};

/// Installs, removes, restores and verifies the packs of one directory.
///
/// Reading takes no lock and writes nothing; every change takes the lock.
#[derive(Clone)]
pub struct Installer<'a> {
    pub(crate) layout: Layout,
    pub(crate) settings: ChangeSettings,
    pub(crate) limits: Limits,
    pub(crate) git: GitSettings,
    pub(crate) policy: Policy,
    pub(crate) preparation: Preparation,
    pub(crate) reporter: &'a dyn Reporter,
}

impl<'a> Installer<'a> {
    /// For the packs directory `base`, which need not exist before the first installation.
    pub fn new(
        base: impl Into<PathBuf>,
        settings: ChangeSettings,
        reporter: &'a dyn Reporter,
    ) -> Self {
        Self {
            layout: Layout::new(base),
            settings,
            limits: Limits::default(),
            git: GitSettings::default(),
            policy: Policy::default(),
            preparation: Preparation::default(),
            reporter,
        }
    }

    /// The same with other limits for archives and trees.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same with other settings for git repositories.
    #[must_use]
    pub fn with_git(mut self, git: GitSettings) -> Self {
        self.git = git;
        self
    }

    /// The same with another policy about versions.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The same with environments built and tests run before packs become active.
    #[must_use]
    pub fn with_preparation(mut self, preparation: Preparation) -> Self {
        self.preparation = preparation;
        self
    }

    /// The same, where a directory of this pack that lies in place of its link gives way to that, once what was installed
    /// is active. It is taken to hold what is installed.
    #[must_use]
    pub fn adopting(mut self, pack_ref: PackRef) -> Self {
        self.settings.adopts = Some(pack_ref);
        self
    }

    /// The names below the packs directory.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Everything that is installed.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn list(&self) -> Result<State, StateError> {
        state::current(&self.layout)
    }
}

impl fmt::Debug for Installer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Installer")
            .field("layout", &self.layout)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
