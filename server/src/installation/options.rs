//! What the operator says about the installation API.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use attune_installer::{GitSettings, Policy, Preparation, Retention, UpdateRules};
use pack_client::{ClientSettings, RegistryConfig};

use super::vault::SecretKey;

use crate::jobs::JobLimits;

/// Shortest password of an account that is made, in bytes.
pub(super) const MIN_PASSWORD: usize = 8;

/// Settings of the installation API.
#[derive(Debug)]
pub struct InstallationOptions {
    /// Who is made the first administrator.
    pub first_account: Option<FirstAccount>,
    /// Where packs are installed, unless a request names another place.
    pub packs_base_dir: PathBuf,
    /// What secrets are sealed with that must come out again.
    pub secret_key: SecretKey,
    /// What the paths of a request must lie under, besides `packs_base_dir`.
    pub roots: Vec<PathBuf>,
    /// The registries that are asked, unless a request names one.
    pub registries: Vec<RegistryConfig>,
    /// Whether a request may have certificates unchecked.
    pub allow_insecure_tls: bool,
    /// How registries are talked to; the present is filled in.
    pub client: ClientSettings,
    /// How git repositories are talked to.
    pub git: GitSettings,
    /// Which versions may be chosen.
    pub policy: Policy,
    /// How far updates may take packs.
    pub updates: UpdateRules,
    /// How old a version must be that an update takes.
    pub update_age: Duration,
    /// How packs are made ready.
    pub preparation: Preparation,
    /// What is kept after a change.
    pub retention: Retention,
    /// How many requests that take a while there may be.
    pub jobs: JobLimits,
}

/// Somebody who can log in once the server ran for the first time.
pub struct FirstAccount {
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: String,
}

impl fmt::Debug for FirstAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstAccount")
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}
