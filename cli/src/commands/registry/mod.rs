//! Verbs about registries.

pub(crate) mod build;
pub(crate) mod diff;
mod lone_index;
pub(crate) mod serve;
