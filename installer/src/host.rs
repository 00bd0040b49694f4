//! `Host`: what this machine offers to packs. Asked at most once per runtime, and only where a pack needs it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pack_resolve::{Found, Runtime};

/// Longest time a program may take to say its version.
const LONGEST: Duration = Duration::from_secs(10);
/// Most bytes of an answer that are read.
const ANSWER_BYTES: u64 = 4096;

/// The runtimes of a machine.
#[derive(Debug, Default)]
pub struct Host {
    stated: BTreeMap<Runtime, Found>,
    found: Mutex<BTreeMap<Runtime, Found>>,
    search_path: Vec<PathBuf>,
    asking: Asking,
}

/// Whether programs are asked for their versions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Asking {
    #[default]
    Allowed,
    /// What is not stated is unknown.
    Never,
}

impl Host {
    /// A machine on which Python, Node.js and shells are found by asking them; the platform is unknown, and
    /// other programs are looked for, never run, in `search_path`.
    pub fn new(search_path: Vec<PathBuf>) -> Self {
        Self {
            search_path,
            ..Self::default()
        }
    }

    /// What was stated about this host, and nothing else: the same everywhere.
    pub(crate) fn stated(&self) -> Self {
        Self {
            stated: self.stated.clone(),
            asking: Asking::Never,
            ..Self::default()
        }
    }

    /// The same with a runtime that is not asked for: packs may run on another machine than this one.
    #[must_use]
    pub fn with(mut self, runtime: Runtime, found: Found) -> Self {
        self.stated.insert(runtime, found);
        self
    }

    /// What there is of a runtime.
    pub fn found(&self, runtime: &Runtime) -> Found {
        if let Some(stated) = self.stated.get(runtime) {
            return stated.clone();
        }
        if self.asking == Asking::Never {
            return Found::Unknown;
        }
        if let Some(known) = self.lock().get(runtime) {
            return known.clone();
        }
        let found = match runtime {
            Runtime::Platform => Found::Unknown,
            Runtime::Python => asked(&["python3", "python"], after_word("Python ")),
            Runtime::Node => asked(&["node", "nodejs"], after_word("v")),
            Runtime::Shell => match asked(&["bash"], after_word("version ")) {
                Found::Missing if run("sh", &["-c", ":"]).is_some() => Found::Present,
                found => found,
            },
            Runtime::Program(name) => self.program(name),
        };
        self.lock().insert(runtime.clone(), found.clone());
        found
    }

    /// SECURITY: a manifest may name any program, so that it is looked for and not run.
    fn program(&self, name: &str) -> Found {
        if self.search_path.is_empty() || name.contains('/') {
            return Found::Unknown;
        }
        let there = self.search_path.iter().any(|dir| dir.join(name).is_file());
        if there {
            Found::Present
        } else {
            Found::Missing
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Runtime, Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the first of several programs that runs says about itself.
fn asked(programs: &[&str], version: impl Fn(&str) -> Option<String>) -> Found {
    let answer = programs.iter().find_map(|name| run(name, &["--version"]));
    match answer {
        None => Found::Missing,
        Some(text) => version(&text).map_or(Found::Present, Found::Version),
    }
}

/// The word after `before`, as far as it looks like a version.
fn after_word(before: &'static str) -> impl Fn(&str) -> Option<String> {
    move |text| {
        let (_, rest) = text.split_once(before)?;
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+')));
        let version = &rest[..end.unwrap_or(rest.len())];
        (version.starts_with(|c: char| c.is_ascii_digit())).then(|| version.to_owned())
    }
}

/// What a program prints; `None` if there is none, it fails, or it takes too long.
fn run(program: &str, args: &[&str]) -> Option<String> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // Python 2 says its version here, and is no runtime of ours.
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let start = Instant::now();
    let status = loop {
        match child.try_wait().ok()? {
            Some(status) => break status,
            None if start.elapsed() > LONGEST => {
                // It may have ended meanwhile.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
            None => thread::sleep(Duration::from_millis(2)),
        }
    };
    let mut text = String::new();
    child
        .stdout
        .take()?
        .take(ANSWER_BYTES)
        .read_to_string(&mut text)
        .ok()?;
    status.success().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the programs print, and what is read from it.
    #[test]
    fn versions_are_read_from_what_programs_print() {
        let rows = [
            ("Python ", "Python 3.11.7\n", Some("3.11.7")),
            ("Python ", "Python 3.13.0rc1+\n", Some("3.13.0rc1+")),
            ("v", "v20.20.2\n", Some("20.20.2")),
            (
                "version ",
                "GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\n",
                Some("5.2.15"),
            ),
            ("Python ", "pyenv: python3: command not found\n", None),
        ];
        for (before, text, expected) in rows {
            assert_eq!(after_word(before)(text).as_deref(), expected, "{text}");
        }
    }

    /// What was stated is not asked for; a program of no name we know is looked for only.
    #[test]
    fn stated_runtimes_are_not_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tool"), "").unwrap();
        let stated = Found::Version("3.8.1".to_owned());
        let host = Host::new(vec![dir.path().to_owned()]).with(Runtime::Python, stated.clone());
        assert_eq!(host.found(&Runtime::Python), stated);
        assert_eq!(host.found(&Runtime::Platform), Found::Unknown);
        for (name, found) in [
            ("tool", Found::Present),
            ("other", Found::Missing),
            ("../tool", Found::Unknown),
        ] {
            assert_eq!(host.found(&Runtime::Program(name.to_owned())), found);
        }
    }
}
