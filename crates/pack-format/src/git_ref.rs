//! `GitRef`: a branch, tag or commit that is safe to hand to git.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::hint::Hint;
use crate::limits::MAX_GIT_REF_BYTES;
use crate::text::printable;

/// A git ref: letters, digits, `.`, `_`, `/`, `+` and `-`, starting with a letter or digit, no `..`.
///
/// SECURITY: the narrow alphabet keeps options (`--upload-pack=…`), revision syntax (`@{-1}`,
/// `HEAD^{/x}`), refspecs (`+a:b`) and pathspecs (`:(exclude)x`) out of every command line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GitRef(String);

/// A text that is no git ref.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a git ref", printable(.0))]
pub struct GitRefError(String);

impl Hint for GitRefError {
    fn hint(&self) -> Option<String> {
        Some("name a branch, a tag or a commit, such as `v2.1.0`".to_owned())
    }
}

impl GitRef {
    /// The ref as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a full commit id (40 or 64 lower-case hexadecimal digits).
    pub fn is_commit(&self) -> bool {
        matches!(self.0.len(), 40 | 64)
            && self
                .0
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }
}

impl FromStr for GitRef {
    type Err = GitRefError;

    fn from_str(text: &str) -> Result<Self, GitRefError> {
        let allowed =
            |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'+' | b'-');
        let good = text.len() <= MAX_GIT_REF_BYTES
            && text
                .bytes()
                .next()
                .is_some_and(|b| b.is_ascii_alphanumeric())
            && text.bytes().all(allowed)
            && !text.contains("..")
            && !text.contains("//")
            && !text.ends_with(['/', '.'])
            && !text.split('/').any(|part| {
                part.starts_with('.')
                    || std::path::Path::new(part)
                        .extension()
                        .is_some_and(|e| e.eq_ignore_ascii_case("lock"))
            });
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(GitRefError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for GitRef {
    type Error = GitRefError;

    fn try_from(text: String) -> Result<Self, GitRefError> {
        text.parse()
    }
}

impl From<GitRef> for String {
    fn from(git_ref: GitRef) -> Self {
        git_ref.0
    }
}

impl fmt::Display for GitRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What people write is taken; what a command line could misread is not.
    #[test]
    fn git_ref_takes_names_and_refuses_syntax() {
        for good in [
            "main",
            "v2.1.0",
            "feature/x",
            "release-1.0+b",
            &"a".repeat(40),
        ] {
            assert!(good.parse::<GitRef>().is_ok(), "{good} was refused");
        }
        for bad in [
            "",
            "-b",
            "--upload-pack=x",
            "v1;id",
            "v1..v2",
            "refs/heads/../../x",
            "HEAD^{/x}",
            "v1\n",
            "@{-1}",
            "v1 --",
            ":(exclude)x",
            "+refs/*:refs/*",
            "a.lock",
            "a//b",
            &"a".repeat(256),
        ] {
            assert!(bad.parse::<GitRef>().is_err(), "{bad} was taken");
        }
    }
}
