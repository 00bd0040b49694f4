//! What lies on disk.

mod cache;
mod fetch;
mod history;
mod repair;
mod retention;
