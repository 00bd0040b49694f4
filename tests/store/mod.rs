//! What lies on disk.

mod repair;
