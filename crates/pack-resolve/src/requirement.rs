//! `Requirement`: what a pack needs of the machine it runs on, each by the rules of its own ecosystem.
//!
//! | field | a bare `3.9` means | rules |
//! |---|---|---|
//! | `dependencies.attune_version` | exactly 3.9.0 | those of packs |
//! | `dependencies.python_version`, `python` | 3.9 or later | Python's version specifiers |
//! | `dependencies.nodejs_version` | any 3.9.x | npm's ranges |
//! | `nodejs` | 3.9 or later | npm's ranges |
//! | `runtime_deps` | as the runtime's own field; other programs: those of packs | |
//!
//! A pre-release of the platform or a runtime counts as the release it leads to.

use std::fmt;
use std::str::FromStr as _;

use pack_format::entry::Dependencies;
use pack_format::text::printable;
use pack_format::{Constraint, Version};

/// What a requirement is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Runtime {
    /// The platform itself.
    Platform,
    /// Python 3.
    Python,
    /// Node.js.
    Node,
    /// A POSIX shell; its version is that of bash.
    Shell,
    /// Any other program, by its name.
    Program(String),
}

impl Runtime {
    /// The runtime a name in `runtime_deps` means.
    pub fn named(name: &str) -> Self {
        match name {
            "python" | "python3" => Self::Python,
            "node" | "nodejs" => Self::Node,
            "shell" | "bash" | "sh" => Self::Shell,
            _ => Self::Program(name.to_owned()),
        }
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("Attune"),
            Self::Python => f.write_str("Python"),
            Self::Node => f.write_str("Node.js"),
            Self::Shell => f.write_str("a shell"),
            Self::Program(name) => write!(f, "`{}`", printable(name)),
        }
    }
}

/// What a host has of a runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// This version.
    Version(String),
    /// It is there; its version is not known.
    Present,
    /// It is not there.
    Missing,
    /// Nobody can say; nothing is checked.
    Unknown,
}

/// One thing a version needs of its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// Of what.
    pub runtime: Runtime,
    /// Which versions; `None` for any.
    pub range: Option<String>,
    /// The field of the manifest that says so.
    pub field: &'static str,
}

/// A requirement that does not hold, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmet {
    /// The host has something else, or nothing.
    Host(String),
    /// It cannot be told: the range has no meaning, or the program is no runtime we know.
    Unclear(String),
}

impl Requirement {
    /// Everything a version needs of its host, as its manifest or document says it.
    pub fn of(
        dependencies: Option<&Dependencies>,
        runtime_deps: &[String],
        (python, nodejs): (Option<&str>, Option<&str>),
    ) -> Vec<Self> {
        let of_field = |field, runtime: Runtime, range: Option<&str>| {
            let range = range.map(str::trim).filter(|text| !text.is_empty())?;
            Some(Self {
                runtime,
                range: Some(range.to_owned()),
                field,
            })
        };
        let stated = |pick: fn(&Dependencies) -> &Option<String>| {
            dependencies.and_then(|d| pick(d).as_deref())
        };
        let fields = [
            of_field(
                "attune_version",
                Runtime::Platform,
                stated(|d| &d.attune_version),
            ),
            of_field(
                "python_version",
                Runtime::Python,
                stated(|d| &d.python_version),
            ),
            of_field(
                "nodejs_version",
                Runtime::Node,
                stated(|d| &d.nodejs_version),
            ),
            of_field("python", Runtime::Python, python),
            of_field("nodejs", Runtime::Node, nodejs),
        ];
        let runtimes = runtime_deps.iter().map(|text| {
            let end = text.find(['<', '>', '=', '~', '^', '!']);
            let (name, range) = text.split_at(end.unwrap_or(text.len()));
            let range = range.trim();
            Self {
                runtime: Runtime::named(name.trim()),
                range: (!range.is_empty()).then(|| range.to_owned()),
                field: "runtime_deps",
            }
        });
        let mut all: Vec<Self> = Vec::new();
        for requirement in fields.into_iter().flatten().chain(runtimes) {
            // The same thing is often said in two fields.
            if all
                .iter()
                .all(|r| (&r.runtime, &r.range) != (&requirement.runtime, &requirement.range))
            {
                all.push(requirement);
            }
        }
        all
    }

    /// Whether its range means something, so that hosts can be checked against it.
    pub fn is_meaningful(&self) -> bool {
        let range = self.range.as_deref();
        range.is_none_or(|range| range == "*" || self.holds(range, "1.0.0").is_some())
    }

    /// Whether `found` will do.
    ///
    /// # Errors
    /// [`Unmet`], in words that follow "`slack@2.1.0`".
    pub fn check(&self, found: &Found) -> Result<(), Unmet> {
        let version = match (found, &self.runtime) {
            (Found::Unknown, _) => return Ok(()),
            (Found::Missing, Runtime::Program(_)) => {
                return Err(Unmet::Unclear(format!(
                    "{self}; this host has no program of that name"
                )));
            }
            (Found::Missing, _) => return Err(Unmet::Host(format!("{self}; this host has none"))),
            (Found::Version(version), _) => Some(version.as_str()),
            (Found::Present, _) => None,
        };
        let Some(range) = self.range.as_deref().filter(|range| *range != "*") else {
            return Ok(());
        };
        let Some(version) = version else {
            return Err(Unmet::Unclear(format!(
                "{self}; the version this host has is not known"
            )));
        };
        match self.holds(range, version) {
            Some(true) => Ok(()),
            Some(false) if self.runtime == Runtime::Platform => Err(Unmet::Host(format!(
                "{self}; this platform is {}",
                printable(version)
            ))),
            Some(false) => Err(Unmet::Host(format!(
                "{self}; this host has {}",
                printable(version)
            ))),
            None => Err(Unmet::Unclear(format!(
                "{self}, which is no version range that can be checked"
            ))),
        }
    }

    /// Whether a version lies in the range; `None` where one of the two has no meaning.
    fn holds(&self, range: &str, version: &str) -> Option<bool> {
        match self.runtime {
            Runtime::Python => python(range, version),
            Runtime::Node => node(range, version, self.field == "nodejs"),
            Runtime::Platform | Runtime::Shell | Runtime::Program(_) => own(range, version),
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "needs {}", self.runtime)?;
        match &self.range {
            Some(range) => write!(f, " `{}`", printable(range)),
            None => Ok(()),
        }
    }
}

fn is_bare(range: &str) -> bool {
    range.starts_with(|c: char| c.is_ascii_digit())
}

fn python(range: &str, version: &str) -> Option<bool> {
    let range = match is_bare(range) {
        true if range.contains('*') => format!("=={range}"),
        true => format!(">={range}"),
        // Written by people who think of packs; Python itself knows neither operator.
        false if range.starts_with('^') || (range.starts_with('~') && !range.starts_with("~=")) => {
            return own(range, version);
        }
        false => range.to_owned(),
    };
    let specifiers = pep440_rs::VersionSpecifiers::from_str(&range).ok()?;
    let version = pep440_rs::Version::from_str(version).ok()?.only_release();
    Some(specifiers.contains(&version))
}

fn node(range: &str, version: &str, bare_is_minimum: bool) -> Option<bool> {
    let range = if bare_is_minimum && is_bare(range) && !range.contains(['x', '*', '|', ' ']) {
        format!(">={range}")
    } else {
        range.replace(',', " ")
    };
    let range = nodejs_semver::Range::parse(range).ok()?;
    let release = version.split('-').next().unwrap_or_default();
    let version = nodejs_semver::Version::parse(release).ok()?;
    Some(range.satisfies(&version))
}

fn own(range: &str, version: &str) -> Option<bool> {
    let constraint: Constraint = range.parse().ok()?;
    let mut numbers: Vec<&str> = version
        .split(['-', '+', '('])
        .next()
        .unwrap_or_default()
        .split('.')
        .take(3)
        .collect();
    numbers.resize(3, "0");
    let version: Version = numbers.join(".").parse().ok()?;
    Some(constraint.matches(&version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(field: &'static str, runtime: Runtime, range: &str) -> Requirement {
        Requirement {
            runtime,
            range: Some(range.to_owned()),
            field,
        }
    }

    /// Runtime, field, range, versions that will do, versions that will not.
    const ROWS: [[&str; 5]; 15] = [
        [
            "python",
            "python_version",
            ">=3.9",
            "3.9 3.11.7 3.12.0rc1",
            "3.8.19",
        ],
        [
            "python",
            "python_version",
            ">=3.9,<3.12",
            "3.11.7",
            "3.12.0",
        ],
        [
            "python",
            "python_version",
            ">= 3.8, != 3.9.1",
            "3.9.2",
            "3.9.1",
        ],
        ["python", "python_version", "~=3.9", "3.13.0", "3.8.0 4.0"],
        ["python", "python_version", "==3.9.*", "3.9.18", "3.10.0"],
        ["python", "python", "3.10", "3.10.0 3.11.7", "3.9.18"],
        ["python", "python", "^3.8", "3.11.7", "4.0.0"],
        [
            "node",
            "nodejs_version",
            ">=18 <21",
            "18.0.0 20.20.2",
            "21.0.0",
        ],
        [
            "node",
            "nodejs_version",
            "^18 || ^20",
            "18.1.0 20.20.2",
            "19.0.0",
        ],
        ["node", "nodejs_version", "18.x", "18.19.1", "20.0.0"],
        ["node", "nodejs_version", "18", "18.19.1", "20.0.0"],
        ["node", "nodejs", "18", "18.19.1 20.0.0", "16.0.0"],
        [
            "attune",
            "attune_version",
            ">=1.2,<2",
            "1.2.0 1.9.0-rc.1",
            "2.0.0",
        ],
        ["shell", "runtime_deps", ">=5", "5.2.15(1)-release", "4.4.0"],
        ["python", "runtime_deps", "*", "2.7", ""],
    ];

    /// Each ecosystem by its own rules.
    #[test]
    fn ranges_are_read_by_their_own_rules() {
        for [runtime, field, range, inside, outside] in ROWS {
            let runtime = match runtime {
                "attune" => Runtime::Platform,
                name => Runtime::named(name),
            };
            let requirement = requirement(field, runtime, range);
            let check = |version: &str| requirement.check(&Found::Version(version.to_owned()));
            for version in inside.split_whitespace() {
                assert_eq!(check(version), Ok(()), "{range} {version}");
            }
            for version in outside.split_whitespace() {
                assert!(
                    matches!(check(version), Err(Unmet::Host(_))),
                    "{range} {version}"
                );
            }
        }
    }

    /// What cannot be told is said to be unclear, never passed over and never refused.
    #[test]
    fn nonsense_is_unclear() {
        for (runtime, range) in [
            (Runtime::Python, "new enough"),
            (Runtime::Platform, "1.x"),
            (Runtime::Node, ">=eighteen"),
        ] {
            let found = Found::Version("3.11.7".to_owned());
            let unmet = requirement("python_version", runtime, range).check(&found);
            assert!(
                matches!(unmet, Err(Unmet::Unclear(_))),
                "{range}: {unmet:?}"
            );
        }
    }

    /// The words, and that the same thing in two fields is one requirement.
    #[test]
    fn requirements_say_what_was_found() {
        let dependencies = Dependencies {
            python_version: Some(">=3.9".to_owned()),
            ..Dependencies::default()
        };
        let runtimes = ["python3>=3.9", "nodejs", "curl"].map(str::to_owned);
        let all = Requirement::of(Some(&dependencies), &runtimes, (Some("3.12"), None));
        let said: Vec<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "needs Python `>=3.9`",
                "needs Python `3.12`",
                "needs Node.js",
                "needs `curl`"
            ]
        );
        let found = Found::Version("3.11.7".to_owned());
        assert_eq!(
            all[1].check(&found),
            Err(Unmet::Host(
                "needs Python `3.12`; this host has 3.11.7".to_owned()
            ))
        );
        assert_eq!(
            all[2].check(&Found::Missing),
            Err(Unmet::Host("needs Node.js; this host has none".to_owned()))
        );
        assert_eq!(all[2].check(&Found::Unknown), Ok(()));
    }
}
