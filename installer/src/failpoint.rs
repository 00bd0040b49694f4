//! Failpoints: how tests stop a change between any two of its steps.

use std::fmt;
use std::sync::Arc;

/// A moment of a change, named after what has just been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Step {
    /// The lock is held.
    Locked,
    /// What earlier processes left is gone.
    Swept,
    /// New trees are complete in staging.
    Staged,
    /// They are on disk.
    Synced,
    /// They have their names in the store.
    Stored,
    /// The new generation is on disk.
    Written,
    /// New packs have their links.
    Linked,
    /// The new generation is active: the change is done.
    Switched,
    /// Links nobody needs are gone.
    Tidied,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 9] = [
        Self::Locked,
        Self::Swept,
        Self::Staged,
        Self::Synced,
        Self::Stored,
        Self::Written,
        Self::Linked,
        Self::Switched,
        Self::Tidied,
    ];
}

/// What happens at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An error: the change cleans up after itself.
    Fail,
    /// The process is as good as dead: nothing is cleaned up.
    Abandon,
}

/// Decides what happens at each step; by default nothing does.
#[derive(Clone, Default)]
pub struct Failpoints(Option<Arc<Decide>>);

type Decide = dyn Fn(Step) -> Option<Fault> + Send + Sync;

impl Failpoints {
    /// Asks `decide` at every step.
    pub fn new(decide: impl Fn(Step) -> Option<Fault> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(decide)))
    }

    pub(crate) fn at(&self, step: Step) -> Option<Fault> {
        self.0.as_ref().and_then(|decide| decide(step))
    }
}

impl fmt::Debug for Failpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = if self.0.is_some() { "set" } else { "none" };
        write!(f, "Failpoints({set})")
    }
}
