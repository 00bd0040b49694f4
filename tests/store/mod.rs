//! What lies on disk.

mod cache;
mod fetch;
mod history;
mod many;
mod repair;
mod retention;
