//! What an operator decides about those who ask. It can change while the server runs.

use std::sync::{Arc, PoisonError, RwLock};

use super::TrustedProxies;
use attune_indexer::changes::PublishPolicy;
use pack_format::Limits as PackLimits;

use super::limits::{Limits, Rates};

/// Who may read a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Everyone.
    #[default]
    Public,
    /// Who has a token, of any scope.
    Private,
}

/// Who may read `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetricsAccess {
    /// Who has a token of scope `admin`.
    #[default]
    Admin,
    /// Who asks from this machine itself.
    Loopback,
    /// Everyone.
    Public,
    /// Nobody.
    Off,
}

/// What is demanded of what is published.
#[derive(Debug, Clone, Copy)]
pub struct PublishRules {
    /// Largest archive, in bytes.
    pub max_archive_bytes: u64,
    /// What is demanded of versions.
    pub policy: PublishPolicy,
}

impl Default for PublishRules {
    fn default() -> Self {
        Self {
            max_archive_bytes: PackLimits::default().archive_bytes,
            policy: PublishPolicy::default(),
        }
    }
}

/// What holds for requests from now on.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Who may read.
    pub access: Access,
    /// Who may read `/metrics`.
    pub metrics: MetricsAccess,
    /// How much one address and one token may ask.
    pub rates: Rates,
    /// Proxies whose word about their clients is taken.
    pub proxies: TrustedProxies,
    /// What is demanded of what is published.
    pub publish: PublishRules,
}

/// A policy, and who has asked how much since it is in force.
#[derive(Debug, Default)]
pub(crate) struct InForce {
    pub(crate) policy: Policy,
    pub(crate) limits: Arc<Limits>,
}

/// The policy in force.
#[derive(Debug, Default)]
pub struct LivePolicy(RwLock<Arc<InForce>>);

impl LivePolicy {
    /// Begins with `policy`.
    pub fn new(policy: Policy) -> Self {
        let live = Self::default();
        live.set(policy);
        live
    }

    /// What holds at the moment.
    pub(crate) fn get(&self) -> Arc<InForce> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts `policy` in force, for every request that comes from now on. Who has asked how much is kept while the
    /// rates stay the same.
    pub fn set(&self, policy: Policy) {
        let mut in_force = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let limits = if in_force.limits.rates == policy.rates {
            Arc::clone(&in_force.limits)
        } else {
            Arc::new(Limits::new(policy.rates))
        };
        *in_force = Arc::new(InForce { policy, limits });
    }
}
