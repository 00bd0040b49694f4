//! One byte sequence per value: how every JSON document of a registry is written.
//!
//! Keys in declaration order (maps are sorted by their type), two spaces of indent, UTF-8 unescaped,
//! one newline at the end.

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
