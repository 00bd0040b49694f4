//! `MemberPath`: the relative path of a member, which cannot escape and means the same on every host.
//!
//! A path is judged as text, before any file system sees it:
//!
//! 1. It is UTF-8, not empty and not absolute; a leading `./`, an inner `//` or `/./` says nothing
//!    and is dropped, `..` is refused wherever it stands.
//! 2. Each component is free of control, format, private and unassigned characters, of line
//!    separators and of `\ : * ? " < > |`, does not end in a dot or a space, and is neither a
//!    Windows device, nor shaped like a Windows short name (`GIT~1`), nor `.git`.
//! 3. Components, path and depth keep to the [`Limits`].

use std::fmt;

use pack_format::pack_ref::is_windows_device;
use pack_format::{Hint, Limits};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// A portable relative path with `/` between its components: never empty, never `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberPath(String);

/// Why a name is no [`MemberPath`]. Displays as the end of a sentence that starts with the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathFault {
    /// It holds a `..` component.
    #[error("leaves the pack directory")]
    Escapes,
    /// It starts at the root of the file system.
    #[error("has an absolute path")]
    Absolute,
    /// It is empty, or a file called `.`.
    #[error("has no name")]
    Empty,
    /// It is a file although its name ends like that of a directory.
    #[error("is a file, though its name ends like that of a directory")]
    FileLikeDirectory,
    /// It is no UTF-8, so that it cannot be carried in a document.
    #[error("has a name that is not UTF-8")]
    NotUtf8,
    /// It holds a character that is not portable or deceives readers.
    #[error("has the character U+{:04X} in its name", u32::from(*.0))]
    Character(char),
    /// Windows drops a dot or a space at the end of a name.
    #[error("has a name that ends in a dot or a space")]
    TrailingDotOrSpace,
    /// A component is a device on Windows.
    #[error("has a name that is a device on Windows")]
    Device,
    /// A component may stand for another file on Windows.
    #[error("has a name that Windows may take for the short form of another")]
    ShortName,
    /// A component is `.git`, in any case: git runs what its configuration says, and tree digests leave it out.
    #[error("belongs to a `.git` directory")]
    GitDirectory,
    /// A component is too long.
    #[error("has a name longer than {limit} bytes")]
    LongName {
        /// The limit in bytes, inclusive.
        limit: usize,
    },
    /// The path is too long.
    #[error("has a path longer than {limit} bytes")]
    LongPath {
        /// The limit in bytes, inclusive.
        limit: usize,
    },
    /// The path has too many components.
    #[error("lies deeper than {limit} directories")]
    TooDeep {
        /// The limit in components, inclusive.
        limit: usize,
    },
}

impl MemberPath {
    /// The path of a file called `name`.
    ///
    /// # Errors
    /// [`PathFault`]; also if the name ends like that of a directory.
    pub fn file(name: &[u8], limits: &Limits) -> Result<Self, PathFault> {
        let text = std::str::from_utf8(name).map_err(|_| PathFault::NotUtf8)?;
        let path = normalise(text, limits)?.ok_or(PathFault::Empty)?;
        match text.rsplit('/').next() {
            Some("" | ".") => Err(PathFault::FileLikeDirectory),
            _ => Ok(path),
        }
    }

    /// The path of a directory called `name`, with or without a final `/`; `None` is the root itself.
    ///
    /// # Errors
    /// [`PathFault`].
    pub fn directory(name: &[u8], limits: &Limits) -> Result<Option<Self>, PathFault> {
        normalise(
            std::str::from_utf8(name).map_err(|_| PathFault::NotUtf8)?,
            limits,
        )
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names it is made of, outermost first.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The directory it lies in, empty for the root, and its own name.
    pub fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }
}

impl fmt::Display for MemberPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for MemberPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Hint for PathFault {
    fn hint(&self) -> Option<String> {
        let advice = match self {
            Self::Escapes | Self::Absolute | Self::Empty | Self::FileLikeDirectory => {
                "do not use this archive; report it to whoever offers it"
            }
            Self::GitDirectory => "build the archive without `.git`",
            _ => "rename the file and build the archive again",
        };
        Some(advice.to_owned())
    }
}

fn normalise(text: &str, limits: &Limits) -> Result<Option<MemberPath>, PathFault> {
    if text.is_empty() {
        return Err(PathFault::Empty);
    }
    // SECURITY: `.//etc/x` must not become `/etc/x` for a reader that strips `./` only.
    if text.trim_start_matches("./").starts_with('/') {
        return Err(PathFault::Absolute);
    }
    let mut path = String::with_capacity(text.len());
    let mut depth = 0_usize;
    for component in text.split('/').filter(|c| !c.is_empty() && *c != ".") {
        check_component(component, limits)?;
        depth += 1;
        if depth > limits.depth {
            return Err(PathFault::TooDeep {
                limit: limits.depth,
            });
        }
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(component);
        if path.len() > limits.path_bytes {
            return Err(PathFault::LongPath {
                limit: limits.path_bytes,
            });
        }
    }
    Ok((!path.is_empty()).then_some(MemberPath(path)))
}

fn check_component(name: &str, limits: &Limits) -> Result<(), PathFault> {
    if name == ".." {
        return Err(PathFault::Escapes);
    }
    // Nearly every name is made of these, which are seen without a branch for each.
    let plain = |b: u8| b.is_ascii_alphanumeric() | matches!(b, b'_' | b'-' | b'.');
    if !name.bytes().fold(true, |all, b| all & plain(b))
        && let Some(c) = name.chars().find(|c| !is_portable(*c))
    {
        return Err(PathFault::Character(c));
    }
    if name.len() > limits.component_bytes {
        return Err(PathFault::LongName {
            limit: limits.component_bytes,
        });
    }
    // Three dots and more are a name of their own everywhere but on Windows, which makes no such file.
    if name.ends_with(['.', ' ']) && !name.bytes().all(|b| b == b'.') {
        return Err(PathFault::TrailingDotOrSpace);
    }
    if is_windows_device(name) {
        return Err(PathFault::Device);
    }
    if is_short_name(name) {
        return Err(PathFault::ShortName);
    }
    if name.eq_ignore_ascii_case(".git") {
        return Err(PathFault::GitDirectory);
    }
    Ok(())
}

fn is_portable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control() && !r#"\:*?"<>|"#.contains(c);
    }
    !matches!(
        c.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    )
}

/// Whether a name has the shape Windows gives to short names: `GIT~1`, `LONGNA~2.TXT`.
fn is_short_name(name: &str) -> bool {
    if !name.as_bytes().contains(&b'~') {
        return false;
    }
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let Some((start, digits)) = stem.rsplit_once('~') else {
        return false;
    };
    stem.len() <= 8
        && extension.len() <= 3
        && !extension.contains('.')
        && !start.is_empty()
        && !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> Result<String, PathFault> {
        MemberPath::file(name.as_bytes(), &Limits::default()).map(|p| p.0)
    }

    /// What says nothing is dropped; dots that are names stay.
    #[test]
    fn member_path_of_harmless_spellings_is_normalised() {
        for (name, path) in [
            ("a", "a"),
            ("./a", "a"),
            ("././a//b/./c", "a/b/c"),
            ("..data", "..data"),
            ("...", "..."),
            (".github/x", ".github/x"),
            ("it's $HOME;x.txt", "it's $HOME;x.txt"),
            ("x~1y", "x~1y"),
            ("a.txt~", "a.txt~"),
            ("donn\u{e9}es/\u{1f308}.py", "donn\u{e9}es/\u{1f308}.py"),
        ] {
            assert_eq!(file(name).as_deref(), Ok(path), "{name}");
        }
    }

    /// One name per rule.
    #[test]
    fn member_path_refuses_each_hostile_spelling() {
        for (name, fault) in [
            ("", PathFault::Empty),
            (".", PathFault::Empty),
            ("..", PathFault::Escapes),
            ("a/../b", PathFault::Escapes),
            ("/a", PathFault::Absolute),
            ("///a", PathFault::Absolute),
            ("./", PathFault::Empty),
            (".//a", PathFault::Absolute),
            ("a/", PathFault::FileLikeDirectory),
            ("a/.", PathFault::FileLikeDirectory),
            ("a\\b", PathFault::Character('\\')),
            ("C:x", PathFault::Character(':')),
            ("a\0b", PathFault::Character('\0')),
            ("a\u{202e}b", PathFault::Character('\u{202e}')),
            ("a\u{2028}b", PathFault::Character('\u{2028}')),
            ("a\u{e000}b", PathFault::Character('\u{e000}')),
            ("a\u{378}b", PathFault::Character('\u{378}')),
            ("a./b", PathFault::TrailingDotOrSpace),
            ("a ", PathFault::TrailingDotOrSpace),
            ("x/AUX.py", PathFault::Device),
            ("GIT~1/config", PathFault::ShortName),
            ("LONGNA~2.TXT", PathFault::ShortName),
            ("x/.Git/y", PathFault::GitDirectory),
        ] {
            assert_eq!(file(name), Err(fault), "{name:?}");
        }
        assert_eq!(
            MemberPath::file(b"caf\xe9", &Limits::default()),
            Err(PathFault::NotUtf8)
        );
    }

    /// A directory may end in a slash and may be the root.
    #[test]
    fn member_path_of_a_directory_may_be_the_root() {
        let directory = |name: &str| MemberPath::directory(name.as_bytes(), &Limits::default());
        assert_eq!(directory("./"), Ok(None));
        assert_eq!(directory("."), Ok(None));
        assert_eq!(directory("a//").unwrap().unwrap().as_str(), "a");
        assert_eq!(directory("a/.."), Err(PathFault::Escapes));
        assert_eq!(directory("/"), Err(PathFault::Absolute));
        assert_eq!(directory(""), Err(PathFault::Empty));
    }

    /// Each limit holds at its bound and breaks one above it.
    #[test]
    fn member_path_limits_are_inclusive() {
        let limits = Limits {
            path_bytes: 9,
            component_bytes: 4,
            depth: 3,
            ..Limits::default()
        };
        let file = |name: &str| MemberPath::file(name.as_bytes(), &limits).map(|p| p.0);
        assert!(file("aaaa/bbbb").is_ok());
        assert_eq!(file("aaaa/bbb/c"), Err(PathFault::LongPath { limit: 9 }));
        assert_eq!(file("aaaab"), Err(PathFault::LongName { limit: 4 }));
        assert!(file("a/b/c").is_ok());
        assert_eq!(file("a/b/c/d"), Err(PathFault::TooDeep { limit: 3 }));
    }
}
