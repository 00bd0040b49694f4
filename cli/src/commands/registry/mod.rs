//! Verbs about registries.

pub(crate) mod add;
pub(crate) mod backup;
pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod import;
pub(crate) mod login;
mod lone_index;
pub(crate) mod merge;
pub(crate) mod patch;
pub(crate) mod reload;
pub(crate) mod remove;
pub(crate) mod serve;
pub(crate) mod site;
pub(crate) mod statistics;
pub(crate) mod takedown;
pub(crate) mod token;
