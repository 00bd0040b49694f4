//! Versions and requirements as StackStorm writes them.

use pack_format::Version;

use super::names;

/// A SemVer version; one or two numbers are filled up, a leading `v` goes.
pub(super) fn filled(given: &str) -> Option<Version> {
    let bare = given.trim().trim_start_matches(['v', 'V']);
    let missing = 3_usize.saturating_sub(bare.split('.').count());
    format!("{bare}{}", ".0".repeat(missing)).parse().ok()
}

/// The oldest version 3 among Python versions, such as `3` or `3.8`.
pub(super) fn oldest_python(versions: &[String]) -> Option<String> {
    let number = |text: &String| -> Option<Vec<u32>> {
        text.split('.').map(|part| part.parse().ok()).collect()
    };
    versions
        .iter()
        .filter(|text| *text == "3" || text.starts_with("3."))
        .min_by_key(|text| number(text))
        .cloned()
}

/// A dependency in our words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dependency {
    /// `ref` or `ref@version`.
    pub(super) text: String,
}

/// `core=0.2` as `core@0.2.0`, `https://host/org/stackstorm-aws.git=v1.0.0` as `aws@1.0.0`.
pub(super) fn dependency(given: &str) -> Option<Dependency> {
    let (place, version) = match given.split_once('=') {
        Some((place, version)) => (place.trim(), Some(version)),
        None => (given.trim(), None),
    };
    let last = place.trim_end_matches('/').rsplit('/').next()?;
    let last = last.strip_suffix(".git").unwrap_or(last);
    let name = if place.contains('/') {
        last.strip_prefix("stackstorm-").unwrap_or(last)
    } else {
        last
    };
    let pack_ref = names::pack_ref(name)?;
    let text = match version {
        None => pack_ref.to_string(),
        Some(version) => format!("{pack_ref}@{}", filled(version)?),
    };
    Some(Dependency { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The forms StackStorm documents.
    #[test]
    fn dependencies_become_refs() {
        let rows = [
            ("core", Some("core")),
            ("core=0.2.0", Some("core@0.2.0")),
            ("core=v1.2", Some("core@1.2.0")),
            (
                "https://git.example.org/org/stackstorm-aws.git",
                Some("aws"),
            ),
            (
                "https://git.example.org/org/stackstorm-aws=1.0.0",
                Some("aws@1.0.0"),
            ),
            ("core=master", None),
            ("", None),
        ];
        for (given, expected) in rows {
            let found = dependency(given).map(|d| d.text);
            assert_eq!(found.as_deref(), expected, "{given}");
        }
    }

    /// Old versions have one or two numbers.
    #[test]
    fn versions_are_filled_up() {
        let rows = [
            ("1.2.3", Some("1.2.3")),
            ("v1.2", Some("1.2.0")),
            ("3", Some("3.0.0")),
            ("0.1.2.3.4", None),
            ("latest", None),
        ];
        for (given, expected) in rows {
            let found = filled(given).map(|v| v.to_string());
            assert_eq!(found.as_deref(), expected, "{given}");
        }
        let python = |versions: &[&str]| {
            let versions: Vec<String> = versions.iter().map(|v| (*v).to_owned()).collect();
            oldest_python(&versions)
        };
        assert_eq!(python(&["2", "3"]).as_deref(), Some("3"));
        assert_eq!(python(&["3.10", "3.8"]).as_deref(), Some("3.8"));
        assert_eq!(python(&["2"]), None);
    }
}
