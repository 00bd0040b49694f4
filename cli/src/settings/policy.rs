//! Which versions may be chosen: `platform`, `pack_registry.minimum_release_age` and its exceptions.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use attune_installer::{Found, Host, Policy, Requirements, Runtime, UpdateRules};
use pack_format::documents::PackDependency;
use pack_format::yaml::Node;

use super::{Settings, variable, wrong};
use crate::failure::Failure;

/// Keys below `platform`, and what they state.
const PLATFORM: [(&str, Runtime); 4] = [
    ("version", Runtime::Platform),
    ("python", Runtime::Python),
    ("nodejs", Runtime::Node),
    ("shell", Runtime::Shell),
];

impl Settings {
    /// What an operator decides about versions.
    pub(crate) fn policy(&self) -> Result<Policy, Failure> {
        let path = variable("PATH").unwrap_or_default();
        let mut host = Host::new(env::split_paths(&path).collect());
        for (key, runtime) in PLATFORM {
            if let Some(text) = self.text(&["platform", key])? {
                let found = match text.as_str() {
                    "none" => Found::Missing,
                    _ => Found::Version(text),
                };
                host = host.with(runtime, found);
            }
        }
        Ok(Policy {
            host: Arc::new(host),
            requirements: Requirements::Refuse,
            minimum_release_age: self.age(&["pack_registry", "minimum_release_age"])?,
            age_exceptions: self.age_exceptions()?,
        })
    }

    /// How far updates may move packs, as the configuration says it: `updates.policy` and `updates.packs`.
    pub(crate) fn update_rules(&self) -> Result<UpdateRules, Failure> {
        const EXPECTED: &str = "one of `none`, `patch`, `minor` and `major`";
        let mut rules = UpdateRules::default();
        let policy = ["updates", "policy"];
        if let Some(found) = self.find(&policy)? {
            rules.default = (found.node.as_str())
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| wrong(&policy, &found, EXPECTED))?;
        }
        let packs = ["updates", "packs"];
        let Some(found) = self.find(&packs)? else {
            return Ok(rules);
        };
        if !found.node.is_mapping() && !found.node.is_null() {
            return Err(wrong(&packs, &found, "a mapping of packs to policies"));
        }
        for member in found.node.members() {
            let pack_ref = member.key.parse().ok();
            let policy = member.value.as_str().and_then(|text| text.parse().ok());
            let (Some(pack_ref), Some(policy)) = (pack_ref, policy) else {
                let of_member = super::Found {
                    node: member.value.clone(),
                    origin: found.origin.clone(),
                };
                let path = ["updates", "packs", &member.key];
                return Err(wrong(&path, &of_member, EXPECTED));
            };
            rules.packs.insert(pack_ref, policy);
        }
        Ok(rules)
    }

    /// How old a version must be before an update chooses it: `updates.minimum_age`.
    pub(crate) fn update_age(&self) -> Result<Duration, Failure> {
        self.age(&["updates", "minimum_age"])
    }

    /// A time such as `7d`, `12h`, `30m`, or a number of seconds; zero where nothing is said.
    fn age(&self, path: &[&str]) -> Result<Duration, Failure> {
        let Some(found) = self.find(path)? else {
            return Ok(Duration::ZERO);
        };
        let text = found.node.scalar().map(|s| s.text().trim().to_owned());
        text.as_deref()
            .and_then(duration)
            .ok_or_else(|| wrong(path, &found, "a time such as `7d`, `12h` or `0`"))
    }

    fn age_exceptions(&self) -> Result<Vec<PackDependency>, Failure> {
        const PATH: [&str; 2] = ["pack_registry", "minimum_release_age_exceptions"];
        let Some(found) = self.find(&PATH)? else {
            return Ok(Vec::new());
        };
        let refused = || {
            wrong(
                &PATH,
                &found,
                "a list of packs such as `[slack, core@^1.0]`",
            )
        };
        if !found.node.is_sequence() && !found.node.is_null() {
            return Err(refused());
        }
        let parsed = |item: &Node| item.as_str().and_then(|text| text.parse().ok());
        (found.node.items().iter())
            .map(|item| parsed(item).ok_or_else(refused))
            .collect()
    }
}

/// `7d`, `12h`, `30m`, `90s` or `90`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let factor = match unit {
        "d" => 86_400,
        "h" => 3_600,
        "m" => 60,
        "" | "s" => 1,
        _ => return None,
    };
    let seconds = number.parse::<u64>().ok()?.checked_mul(factor)?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::duration;

    /// Each unit, and what is none.
    #[test]
    fn times_are_read_by_their_unit() {
        let rows = [
            ("7d", 604_800),
            ("12h", 43_200),
            ("30m", 1800),
            ("90s", 90),
            ("0", 0),
        ];
        for (text, seconds) in rows {
            assert_eq!(duration(text).map(|d| d.as_secs()), Some(seconds), "{text}");
        }
        for bad in ["", "d", "7 days", "-1", "1.5h", "99999999999999999999d"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}
