//! The installer from outside, against registries made by hand.
//!
//! * `install`: sources, versions, dependencies, records, what is refused
//! * `history`: rollback, uninstall, history, prune
//! * `verify`: every kind of damage is named
//! * `examples`: the examples do what they say
//! * `faults`: each step of a change fails in turn; full disk; a second process
//! * `seam`: each verb as a server drives it
//! * `sharing`: copies share their blocks where they can
//! * `web`: the same registries over HTTP
//! * `downloads`: servers that break off, stall, are busy, or change their mind
//! * `https`: private authorities, certificates of clients, proxies
//! * `speed`: many packs at once (ignored by default)

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod downloads;
mod examples;
mod faults;
mod history;
mod https;
mod install;
mod seam;
mod sharing;
mod speed;
mod support;
mod torn;
mod verify;
mod web;
