//! What lies on disk.

mod cache;
mod history;
mod repair;
mod retention;
