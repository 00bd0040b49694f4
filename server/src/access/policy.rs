//! What an operator decides about those who ask. It can change while the server runs.

use std::sync::{Arc, PoisonError, RwLock};

/// Who may read a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Everyone.
    #[default]
    Public,
    /// Who has a token, of any scope.
    Private,
}

/// What holds for requests from now on.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Who may read.
    pub access: Access,
}

/// The policy in force.
#[derive(Debug, Default)]
pub struct LivePolicy(RwLock<Arc<Policy>>);

impl LivePolicy {
    /// Begins with `policy`.
    pub fn new(policy: Policy) -> Self {
        Self(RwLock::new(Arc::new(policy)))
    }

    /// What holds at the moment.
    pub fn get(&self) -> Arc<Policy> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts `policy` in force, for every request that comes from now on.
    pub fn set(&self, policy: Policy) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }
}
