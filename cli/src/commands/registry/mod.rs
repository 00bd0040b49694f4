//! Verbs about registries.

pub(crate) mod build;
mod lone_index;
pub(crate) mod serve;
