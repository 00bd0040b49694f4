//! `Verdict`: the smallest SemVer bump that is honest, and whether the versions have it.
//!
//! What `^` promises decides, as everywhere in a registry: from 1.0.0 on, what breaks users needs a new
//! major version, what they may notice a new minor one. In 0.x the minor number is the promise, so
//! breaking changes raise it and all others the patch number; in 0.0.x every version stands alone.

use pack_format::Version;
use serde::Serialize;

use crate::kind::Severity;

/// Which number of a version goes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bump {
    /// None: the version stays.
    None,
    /// The third, or only the pre-release part.
    Patch,
    /// The second.
    Minor,
    /// The first.
    Major,
}

impl Bump {
    /// The number that goes up from one version to another; `None` when the second is older.
    pub fn between(old: &Version, new: &Version) -> Option<Self> {
        if new < old {
            return None;
        }
        let (old, new) = (old.as_semver(), new.as_semver());
        Some(if old.major != new.major {
            Self::Major
        } else if old.minor != new.minor {
            Self::Minor
        } else if old.patch != new.patch || old.pre != new.pre {
            Self::Patch
        } else {
            Self::None
        })
    }
}

impl std::fmt::Display for Bump {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::None => "none",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        })
    }
}

/// The bump that changes call for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The smallest honest one.
    pub required: Bump,
    /// What the versions declare; `None` when the second version is older than the first.
    pub declared: Option<Bump>,
    /// Whether the declared bump is large enough.
    pub satisfied: bool,
    /// The smallest version that would be honest; the old one when nothing changed.
    pub suggested: Version,
}

impl Verdict {
    pub(crate) fn new(old: &Version, new: &Version, worst: Option<Severity>) -> Self {
        let required = required(old, worst);
        let declared = Bump::between(old, new);
        let satisfied = match declared {
            // A pre-release promises nothing to those who come after it.
            Some(Bump::Patch | Bump::Minor | Bump::Major) if old.is_prerelease() => true,
            Some(declared) => declared >= required,
            None => required == Bump::None,
        };
        Self {
            required,
            declared,
            satisfied,
            suggested: suggested(old, required),
        }
    }
}

fn required(old: &Version, worst: Option<Severity>) -> Bump {
    let old = old.as_semver();
    let Some(worst) = worst else {
        return Bump::None;
    };
    match (old.major, old.minor, worst) {
        (0, 0, _) | (0, _, Severity::Feature) | (_, _, Severity::Neutral) => Bump::Patch,
        (0, _, Severity::Breaking) | (_, _, Severity::Feature) => Bump::Minor,
        (_, _, Severity::Breaking) => Bump::Major,
    }
}

fn suggested(old: &Version, required: Bump) -> Version {
    let old_version = old.as_semver();
    let (major, minor, patch) = (old_version.major, old_version.minor, old_version.patch);
    let numbers = match required {
        Bump::None => return old.clone(),
        // The release of a pre-release is as good as any bump of it.
        _ if old.is_prerelease() => (major, minor, patch),
        Bump::Patch => (major, minor, patch.saturating_add(1)),
        Bump::Minor => (major, minor.saturating_add(1), 0),
        Bump::Major => (major.saturating_add(1), 0, 0),
    };
    format!("{}.{}.{}", numbers.0, numbers.1, numbers.2)
        .parse()
        .unwrap_or_else(|_| old.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per rule: old, new, worst change: required, satisfied, suggested.
    #[test]
    fn verdict_follows_what_a_caret_promises() {
        let rows = [
            "1.2.3 2.0.0 breaking: major true 2.0.0",
            "1.2.3 1.3.0 breaking: major false 2.0.0",
            "1.2.3 1.3.0 feature: minor true 1.3.0",
            "1.2.3 1.2.4 feature: minor false 1.3.0",
            "1.2.3 1.2.4 neutral: patch true 1.2.4",
            "1.2.3 1.2.3 neutral: patch false 1.2.4",
            "1.2.3 1.2.3 none: none true 1.2.3",
            "1.2.3 1.2.2 neutral: patch false 1.2.4",
            "1.2.3 1.2.2 none: none true 1.2.3",
            "0.2.3 0.3.0 breaking: minor true 0.3.0",
            "0.2.3 0.2.4 breaking: minor false 0.3.0",
            "0.2.3 0.2.4 feature: patch true 0.2.4",
            "0.2.3 1.0.0 breaking: minor true 0.3.0",
            "0.0.3 0.0.4 breaking: patch true 0.0.4",
            "1.2.3 2.0.0-rc.1 breaking: major true 2.0.0",
            "2.0.0-rc.1 2.0.0 breaking: major true 2.0.0",
            "2.0.0-rc.1 2.0.0-rc.1 breaking: major false 2.0.0",
        ];
        for row in rows {
            let (input, expected) = row.split_once(": ").unwrap();
            let [old, new, worst] = input.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{row}");
            };
            let worst = Severity::ALL
                .into_iter()
                .find(|severity| serde_json::json!(severity) == worst);
            let verdict = Verdict::new(&old.parse().unwrap(), &new.parse().unwrap(), worst);
            let found = format!(
                "{} {} {}",
                verdict.required, verdict.satisfied, verdict.suggested
            );
            assert_eq!(found, expected, "{row}");
        }
    }
}
