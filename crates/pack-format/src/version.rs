//! `Version` and `Constraint`: SemVer 2.0 versions and the ranges that select among them.
//!
//! Constraints join comparators by commas (all must hold): `>= <= > < = ^ ~ *`. A bare version means
//! exactly that version, as published indexes use it (`ref@1.2.0`). `^` and `~` mean what Cargo means;
//! the other operators fill missing parts with zero, so `>=1.2` is `>=1.2.0`. A wildcard stands alone:
//! `1.x` is refused, because filling it with zero would mean exactly `1.0.0`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::hint::Hint;
use crate::limits::MAX_VERSION_BYTES;
use crate::text::printable;

/// A SemVer 2.0 version.
///
/// Equality and order are SemVer precedence: build metadata does not tell versions apart.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(semver::Version);

/// A text that is no SemVer version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a SemVer version", printable(.text))]
pub struct VersionError {
    text: String,
}

impl Hint for VersionError {
    fn hint(&self) -> Option<String> {
        let stripped = self.text.trim().trim_start_matches(['v', 'V', '=']);
        let numbers: Vec<&str> = stripped.split('.').collect();
        let all_numbers = numbers.iter().all(|n| n.parse::<u64>().is_ok());
        let example = match numbers.len() {
            _ if stripped.parse::<semver::Version>().is_ok() => stripped.to_owned(),
            1 if all_numbers => format!("{stripped}.0.0"),
            2 if all_numbers => format!("{stripped}.0"),
            _ => "2.1.0".to_owned(),
        };
        Some(format!(
            "write three numbers, such as `{}`",
            printable(&example)
        ))
    }
}

impl Version {
    /// Whether the version is a pre-release such as `1.0.0-rc.1`.
    pub fn is_prerelease(&self) -> bool {
        !self.0.pre.is_empty()
    }

    /// The parts, for code that needs more than order and text.
    pub fn as_semver(&self) -> &semver::Version {
        &self.0
    }

    fn precedence(&self) -> (u64, u64, u64, &semver::Prerelease) {
        (self.0.major, self.0.minor, self.0.patch, &self.0.pre)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.precedence() == other.precedence()
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.precedence().cmp(&other.precedence())
    }
}

impl std::hash::Hash for Version {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.precedence().hash(state);
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text.len() > MAX_VERSION_BYTES {
            return Err(VersionError {
                text: text.to_owned(),
            });
        }
        semver::Version::parse(text)
            .map(Self)
            .map_err(|_| VersionError {
                text: text.to_owned(),
            })
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0.to_string()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

/// A range of versions, such as `^2.1`, `>=1.0,<3.0` or `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Constraint {
    text: String,
    comparators: Vec<semver::Comparator>,
}

/// A text that is no constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a version constraint", printable(.text))]
pub struct ConstraintError {
    text: String,
}

impl Hint for ConstraintError {
    fn hint(&self) -> Option<String> {
        Some("write a constraint such as `2.1.0`, `^2.1`, `~2.1`, `>=1.0,<3.0` or `*`".to_owned())
    }
}

impl Constraint {
    /// The constraint every version satisfies.
    pub fn any() -> Self {
        Self {
            text: "*".to_owned(),
            comparators: Vec::new(),
        }
    }

    /// The constraint only `version` satisfies.
    pub fn exactly(version: &Version) -> Self {
        let v = version.as_semver();
        Self {
            text: version.to_string(),
            comparators: vec![semver::Comparator {
                op: semver::Op::Exact,
                major: v.major,
                minor: Some(v.minor),
                patch: Some(v.patch),
                pre: v.pre.clone(),
            }],
        }
    }

    /// Whether `version` lies in the range.
    ///
    /// A pre-release matches only where the constraint names a pre-release of the same three numbers;
    /// `*` takes no pre-release.
    pub fn matches(&self, version: &Version) -> bool {
        if self.comparators.is_empty() {
            return !version.is_prerelease();
        }
        let requirement = semver::VersionReq {
            comparators: self.comparators.clone(),
        };
        requirement.matches(version.as_semver())
    }

    /// The comparators, all of which must hold; empty for `*`.
    pub fn comparators(&self) -> &[semver::Comparator] {
        &self.comparators
    }

    /// The one version the constraint allows, if it names one exactly.
    pub fn exact_version(&self) -> Option<Version> {
        match self.comparators.as_slice() {
            [c] if c.op == semver::Op::Exact => Some(Version(semver::Version {
                major: c.major,
                minor: c.minor?,
                patch: c.patch?,
                pre: c.pre.clone(),
                build: semver::BuildMetadata::EMPTY,
            })),
            _ => None,
        }
    }

    /// The constraint as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Constraint {
    type Err = ConstraintError;

    fn from_str(text: &str) -> Result<Self, ConstraintError> {
        let refuse = || ConstraintError {
            text: text.to_owned(),
        };
        let trimmed = text.trim();
        if trimmed.is_empty() || trimmed.len() > 4 * MAX_VERSION_BYTES {
            return Err(refuse());
        }
        let mut comparators = Vec::new();
        for part in trimmed.split(',').map(str::trim) {
            if part == "*" {
                continue;
            }
            comparators.push(parse_comparator(part).ok_or_else(refuse)?);
        }
        Ok(Self {
            text: trimmed.to_owned(),
            comparators,
        })
    }
}

/// Parses one comparator with the rules of the module.
fn parse_comparator(part: &str) -> Option<semver::Comparator> {
    let bare = part.bytes().next()?.is_ascii_digit();
    let source = if bare {
        format!("={part}")
    } else {
        part.to_owned()
    };
    // A build part never distinguishes versions; SemVer ranges do not take one.
    let source = source.split('+').next()?;
    if has_wildcard(source) {
        return None;
    }
    let mut comparator = semver::Comparator::parse(source).ok()?;
    match comparator.op {
        semver::Op::Exact
        | semver::Op::Greater
        | semver::Op::GreaterEq
        | semver::Op::Less
        | semver::Op::LessEq => {
            comparator.minor.get_or_insert(0);
            comparator.patch.get_or_insert(0);
            Some(comparator)
        }
        semver::Op::Tilde | semver::Op::Caret => Some(comparator),
        _ => None,
    }
}

/// Whether one of the numbers is `x`, `X` or `*`.
fn has_wildcard(comparator: &str) -> bool {
    let numbers = comparator.split('-').next().unwrap_or_default();
    numbers
        .trim_start_matches(['<', '>', '=', '^', '~', ' '])
        .split('.')
        .any(|number| matches!(number.trim(), "x" | "X" | "*"))
}

impl TryFrom<String> for Constraint {
    type Error = ConstraintError;

    fn try_from(text: String) -> Result<Self, ConstraintError> {
        text.parse()
    }
}

impl From<Constraint> for String {
    fn from(constraint: Constraint) -> Self {
        constraint.text
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Version {
        text.parse().unwrap()
    }

    /// SemVer order, not text order, and build metadata is no difference.
    #[test]
    fn versions_order_by_precedence() {
        assert!(v("10.0.0") > v("9.0.0"));
        assert!(v("1.0.0-rc.1") < v("1.0.0"));
        assert_eq!(v("1.0.0+a"), v("1.0.0+b"));
        for bad in [
            "1.0",
            "v1.0.0",
            "01.0.0",
            "latest",
            "",
            "1.0.0\n",
            "0.1.2.3.4",
        ] {
            assert!(bad.parse::<Version>().is_err(), "{bad:?} was taken");
        }
    }

    /// One row per operator: constraint, versions inside, versions outside.
    #[test]
    fn constraints_select_what_their_operators_say() {
        let rows: [(&str, &[&str], &[&str]); 11] = [
            ("*", &["0.0.1", "9.9.9"], &["1.0.0-rc.1"]),
            ("1.2.0", &["1.2.0", "1.2.0+b"], &["1.2.1", "1.2.0-rc.1"]),
            ("1.2", &["1.2.0"], &["1.2.1"]),
            ("=1.2.0", &["1.2.0"], &["1.2.1"]),
            (">=1.2", &["1.2.0", "2.0.0"], &["1.1.9"]),
            (">1.2", &["1.2.1"], &["1.2.0"]),
            ("<=1.2", &["1.2.0"], &["1.2.1"]),
            ("<2", &["1.9.9"], &["2.0.0", "2.0.0-alpha"]),
            (
                "^1.2",
                &["1.2.0", "1.9.0"],
                &["2.0.0", "1.1.0", "1.5.0-rc.1"],
            ),
            ("~1.2", &["1.2.9"], &["1.3.0"]),
            (">=1.0,<3.0", &["2.5.0"], &["3.0.0", "0.9.0"]),
        ];
        for (text, inside, outside) in rows {
            let constraint: Constraint = text.parse().unwrap();
            for version in inside {
                assert!(constraint.matches(&v(version)), "{text} refuses {version}");
            }
            for version in outside {
                assert!(!constraint.matches(&v(version)), "{text} takes {version}");
            }
        }
        for bad in [
            "",
            ">=",
            "1.x.y",
            "1.x",
            "1.2.X",
            "1.*",
            "^1.x",
            ">= 2.*",
            "x",
            "=*",
            "abc",
            "1.0 || 2.0",
            "^",
            ">>1",
        ] {
            assert!(bad.parse::<Constraint>().is_err(), "{bad:?} was taken");
        }
        // A pre-release may be called `x`.
        assert!("^1.0.0-x".parse::<Constraint>().is_ok());
    }
}
