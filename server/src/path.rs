//! From the path of a request to the name of a file beneath the root of the tree.
//!
//! 1. The path is percent-decoded once. What is not an origin path, not ASCII or not UTF-8 once decoded
//!    is no valid path at all.
//! 2. Segments that no file of a tree has are refused: empty, `.`, `..` and all other dotfiles, and any
//!    with a backslash, a slash that was encoded, or a control character.
//! 3. A path that ends in `/` names the `index.html` below it.
//!
//! SECURITY: this decides on text alone, before anything is looked up. `beneath.rs` guards the look-up.

use std::borrow::Cow;

/// Longest path of a request, as it comes, in bytes, inclusive (2 KiB). A ref, a version and the folders
/// above them need less than a tenth.
pub(crate) const MAX_PATH_BYTES: usize = 2048;

/// A relative name with `/` between its segments; joined to a root it can only lead beneath it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreePath<'a>(Cow<'a, str>);

/// Why a path names no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathError {
    /// Not a valid path: 400.
    Malformed,
    /// A name no tree contains: 404, like any other file that is not there.
    Refused,
}

impl<'a> TreePath<'a> {
    /// Reads the path part of a request target.
    pub(crate) fn parse(raw: &'a str) -> Result<Self, PathError> {
        let relative = raw.strip_prefix('/').ok_or(PathError::Malformed)?;
        if !raw.is_ascii() {
            return Err(PathError::Malformed);
        }
        if raw.len() > MAX_PATH_BYTES {
            return Err(PathError::Refused);
        }
        let name = decode(relative)?;
        let (segments, is_folder) = match name.strip_suffix('/') {
            Some(folder) => (folder, true),
            None => (&*name, name.is_empty()),
        };
        // The root itself is the one folder without a segment.
        if !name.is_empty() && !segments.split('/').all(is_plain) {
            return Err(PathError::Refused);
        }
        Ok(Self(if is_folder {
            Cow::Owned(format!("{name}index.html"))
        } else {
            name
        }))
    }

    /// The name, such as `packs/slack.json`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_plain(segment: &str) -> bool {
    !segment.is_empty()
        && !segment.starts_with('.')
        && !segment.chars().any(|c| c == '\\' || c.is_control())
}

/// Decodes `%XX` once. An encoded slash is refused: it would make a separator of a name's character.
fn decode(text: &str) -> Result<Cow<'_, str>, PathError> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = if byte == b'%' {
            let high = rest.next().and_then(hex).ok_or(PathError::Malformed)?;
            let low = rest.next().and_then(hex).ok_or(PathError::Malformed)?;
            match high << 4 | low {
                b'/' => return Err(PathError::Refused),
                decoded => decoded,
            }
        } else {
            byte
        };
        bytes.push(byte);
    }
    match String::from_utf8(bytes) {
        Ok(decoded) => Ok(Cow::Owned(decoded)),
        Err(_) => Err(PathError::Malformed),
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::{MAX_PATH_BYTES, PathError, TreePath};

    fn name(raw: &str) -> Result<String, PathError> {
        TreePath::parse(raw).map(|path| path.as_str().to_owned())
    }

    /// Plain paths keep their names; folders stand for their page.
    #[test]
    fn path_plain_names_a_file() {
        for (raw, expected) in [
            ("/", "index.html"),
            ("/index.json", "index.json"),
            ("/packs/slack/", "packs/slack/index.html"),
            (
                "/archives/a/a-1.0.0+b.tar.gz",
                "archives/a/a-1.0.0+b.tar.gz",
            ),
            ("/p%61cks/a%20b", "packs/a b"),
            ("/%252e%252e/x", "%2e%2e/x"),
            ("/a;b", "a;b"),
            ("/sl%C3%A4ck", "släck"),
        ] {
            assert_eq!(name(raw).as_deref(), Ok(expected), "{raw}");
        }
    }

    /// Names that could lead elsewhere are refused, written plainly or encoded.
    #[test]
    fn path_unsafe_is_refused() {
        for raw in [
            "/..",
            "/../x",
            "/a/../x",
            "/a/..",
            "/./x",
            "/.git/config",
            "/a/.env",
            "/%2e%2e/x",
            "/%2E./x",
            "/..%2fx",
            "/a%2Fb",
            "/a%5c..%5cx",
            "/a\\b",
            "/a%00b",
            "/a%0ab",
            "/a%7f",
            "/a%C2%85",
            "//",
            "//x",
            "/a//b",
            "/a//",
            "/../",
        ] {
            assert_eq!(name(raw), Err(PathError::Refused), "{raw}");
        }
    }

    /// What is not valid text is told apart: it cannot be a request for a file.
    #[test]
    fn path_invalid_is_malformed() {
        for raw in [
            "",
            "*",
            "a",
            "/%",
            "/%2",
            "/%zz",
            "/%+1",
            "/%c0%ae%c0%ae/x",
            "/%ff",
            "/ä",
        ] {
            assert_eq!(name(raw), Err(PathError::Malformed), "{raw}");
        }
    }

    /// The longest path is still looked up, one byte more is not.
    #[test]
    fn path_long_is_refused_above_the_limit() {
        let longest = format!("/{}", "a".repeat(MAX_PATH_BYTES - 1));
        assert!(name(&longest).is_ok());
        assert_eq!(name(&format!("{longest}a")), Err(PathError::Refused));
    }
}
