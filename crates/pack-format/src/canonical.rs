//! One byte sequence per value: how every JSON document of a registry is written.
//!
//! Keys in declaration order (maps are sorted by their type), UTF-8 unescaped, one newline at the end.
//! What people read and compare (`index.json`, `registry.json`, `packs.json`) is indented by two
//! spaces; a pack's document, of which a registry holds thousands, is written without white space.

use serde::Serialize;

/// The canonical bytes of a document.
///
/// # Errors
/// Only when `value` cannot be JSON at all (a map with keys that are not strings, a non-finite number).
pub fn to_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The canonical bytes of a document, without white space.
///
/// # Errors
/// As [`to_bytes`].
pub fn to_compact_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}
