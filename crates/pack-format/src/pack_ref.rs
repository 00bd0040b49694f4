//! `PackRef`: the identifier of a pack, such as `slack`.
//!
//! It becomes a directory name on every host and a path segment in every registry, so what is valid
//! is narrower than what a file system takes.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::hint::Hint;
use crate::limits::MAX_PACK_REF_BYTES;

/// A valid pack ref: `[a-z][a-z0-9_-]{0,63}` and no Windows device name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackRef(String);

/// Why a text is not a pack ref.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a pack ref: {reason}", crate::text::printable(.text))]
pub struct PackRefError {
    text: String,
    reason: &'static str,
}

impl Hint for PackRefError {
    fn hint(&self) -> Option<String> {
        Some(
            "start with a lower-case letter and go on with at most 63 lower-case letters, digits, `_` or `-`"
                .to_owned(),
        )
    }
}

impl PackRef {
    /// The ref as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PackRef {
    type Err = PackRefError;

    fn from_str(text: &str) -> Result<Self, PackRefError> {
        let refuse = |reason| {
            Err(PackRefError {
                text: text.to_owned(),
                reason,
            })
        };
        let Some(first) = text.bytes().next() else {
            return refuse("it is empty");
        };
        if !first.is_ascii_lowercase() {
            return refuse("it does not start with a lower-case letter");
        }
        if text.len() > MAX_PACK_REF_BYTES {
            return refuse("it is longer than 64 characters");
        }
        if !text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
        {
            return refuse(
                "it holds a character other than lower-case letters, digits, `_` and `-`",
            );
        }
        if is_windows_device(text) {
            return refuse("it is a device name on Windows");
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for PackRef {
    type Error = PackRefError;

    fn try_from(text: String) -> Result<Self, PackRefError> {
        text.parse()
    }
}

impl From<PackRef> for String {
    fn from(pack_ref: PackRef) -> Self {
        pack_ref.0
    }
}

impl fmt::Display for PackRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Borrow<str> for PackRef {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for PackRef {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Whether a file of this name (case ignored, extension ignored) is a device on Windows.
///
/// The superscript digits count: Windows treats `COM¹` as `COM1`.
pub fn is_windows_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    // Nearly every name is told by its length or its first letter.
    let starts = |first: &u8| b"CPANLcpanl".contains(first);
    let may_be = stem.len() <= "CONOUT$".len() && stem.as_bytes().first().is_some_and(starts);
    if !may_be && stem.is_ascii() {
        return false;
    }
    let upper = stem.to_uppercase();
    if matches!(
        upper.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$"
    ) {
        return true;
    }
    let Some(rest) = upper
        .strip_prefix("COM")
        .or_else(|| upper.strip_prefix("LPT"))
    else {
        return false;
    };
    let mut digits = rest.chars();
    matches!(
        (digits.next(), digits.next()),
        (Some('0'..='9' | '\u{b9}' | '\u{b2}' | '\u{b3}'), None)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ends of every bound, and one text per rule.
    #[test]
    fn pack_ref_rules_hold_at_their_bounds() {
        for good in ["a", "slack", "a-b_c9", "com10", "lpt", &"a".repeat(64)] {
            assert_eq!(good.parse::<PackRef>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "A",
            "9a",
            "-a",
            "_a",
            "a.b",
            "a b",
            "é",
            "con",
            "com1",
            "lpt9",
            "nul",
            "a/b",
            "..",
            &"a".repeat(65),
        ] {
            assert!(bad.parse::<PackRef>().is_err(), "{bad} was taken");
        }
    }
}
