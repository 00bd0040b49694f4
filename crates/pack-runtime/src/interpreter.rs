//! Interpreters of this machine: where they really are and which version they have.
//!
//! What a `PATH` leads to may be a wrapper that needs a person's home to find the interpreter. Asked once, an
//! interpreter names its own file, which needs nothing.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use serde::Deserialize;

use crate::process::{Job, Unwatched};
use crate::variables::{Variables, find_program};

/// Longest time an interpreter may take to describe itself.
const LONGEST: Duration = Duration::from_secs(20);

const ASK_PYTHON: &str = "import json, sys, sysconfig
print(json.dumps({'executable': sys.executable, 'version': '.'.join(map(str, sys.version_info[:3])),
    'platform': sysconfig.get_platform(), 'abi': sysconfig.get_config_var('SOABI') or sys.implementation.cache_tag}))";
const ASK_NODE: &str =
    "console.log(JSON.stringify({executable: process.execPath, version: process.versions.node,
    platform: process.platform + '-' + process.arch, abi: process.versions.modules}))";

/// The interpreters that a `PATH` leads to, each asked once and only when somebody needs it.
#[derive(Debug, Default)]
pub struct Interpreters {
    variables: Variables,
    /// Versions that are taken if they are there, such as `3.11` and `20`.
    preferred: Option<(String, String)>,
    python: OnceLock<Option<Interpreter>>,
    node: OnceLock<Option<Interpreter>>,
}

impl Interpreters {
    /// Those that `variables` lead to.
    pub fn new(variables: Variables) -> Self {
        Self {
            variables,
            ..Self::default()
        }
    }

    /// The same, where those of these versions are taken if they are there.
    #[must_use]
    pub fn preferring(mut self, python: String, nodejs: String) -> Self {
        self.preferred = Some((python, nodejs));
        self
    }

    /// The program of one of `names` that says it has `version`.
    fn named(
        &self,
        names: &[String],
        version: &str,
        ask: fn(&Path, &Variables) -> Option<Interpreter>,
    ) -> Option<Interpreter> {
        let programs = names.iter();
        programs
            .filter_map(|name| ask(&find_program(&self.variables, name)?, &self.variables))
            .find(|found| is_of(&found.version, version))
    }

    fn preferred_python(&self) -> Option<Interpreter> {
        let (version, _) = self.preferred.as_ref()?;
        let minor: Vec<&str> = version.splitn(3, '.').take(2).collect();
        let names = [format!("python{}", minor.join("."))];
        self.named(&names, version, Interpreter::python_at)
    }

    fn preferred_node(&self) -> Option<Interpreter> {
        let (_, version) = self.preferred.as_ref()?;
        let major = version.split('.').next().unwrap_or_default();
        let names = [format!("node{major}"), format!("node-{major}")];
        self.named(&names, version, Interpreter::node_at)
    }

    /// Python 3.
    pub fn python(&self) -> Option<&Interpreter> {
        let ask = || {
            let preferred = self.preferred_python();
            preferred.or_else(|| Interpreter::python(&self.variables))
        };
        self.python.get_or_init(ask).as_ref()
    }

    /// The Python at `program`, asked each time.
    pub fn python_at(&self, program: &Path) -> Option<Interpreter> {
        Interpreter::python_at(program, &self.variables)
    }

    /// Node.js.
    pub fn node(&self) -> Option<&Interpreter> {
        let ask = || {
            let preferred = self.preferred_node();
            preferred.or_else(|| Interpreter::node(&self.variables))
        };
        self.node.get_or_init(ask).as_ref()
    }
}

/// One interpreter, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Interpreter {
    /// Its own file.
    pub executable: PathBuf,
    /// Such as `3.11.7`.
    pub version: String,
    /// Operating system and processor.
    pub platform: String,
    /// What compiled modules must be made for.
    pub abi: String,
}

impl Interpreter {
    /// The Python 3 that `variables` lead to.
    pub fn python(variables: &Variables) -> Option<Self> {
        // `-S`: no site packages, and so none of the `.pth` files that run code.
        Self::python_at(&find_program(variables, "python3")?, variables)
    }

    /// The Python at `program`.
    pub fn python_at(program: &Path, variables: &Variables) -> Option<Self> {
        asked(program, &["-I", "-S", "-c", ASK_PYTHON], variables)
    }

    /// The Node.js that `variables` lead to.
    pub fn node(variables: &Variables) -> Option<Self> {
        let names = ["node", "nodejs"];
        let program = names
            .iter()
            .find_map(|name| find_program(variables, name))?;
        Self::node_at(&program, variables)
    }

    /// The Node.js at `program`.
    pub fn node_at(program: &Path, variables: &Variables) -> Option<Self> {
        asked(program, &["-e", ASK_NODE], variables)
    }

    /// The directory its file is in.
    pub fn directory(&self) -> &Path {
        self.executable.parent().unwrap_or(Path::new("/"))
    }
}

/// Whether a version begins with the numbers of another one.
fn is_of(version: &str, beginning: &str) -> bool {
    let rest = version.strip_prefix(beginning);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn asked(program: &Path, arguments: &[&str], variables: &Variables) -> Option<Interpreter> {
    let mut job = Job::new(program, "/");
    job.arguments = arguments.iter().map(Into::into).collect();
    job.variables = variables.clone();
    job.timeout = Some(LONGEST);
    let ended = job.run(&Unwatched).ok()?;
    let found: Interpreter = serde_json::from_slice(&ended.stdout).ok()?;
    (ended.end.is_success() && found.executable.is_absolute()).then_some(found)
}
