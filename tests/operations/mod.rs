//! What those who run a registry rely on.

mod access;
