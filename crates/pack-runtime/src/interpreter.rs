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

    /// Python 3.
    pub fn python(&self) -> Option<&Interpreter> {
        let ask = || Interpreter::python(&self.variables);
        self.python.get_or_init(ask).as_ref()
    }

    /// Node.js.
    pub fn node(&self) -> Option<&Interpreter> {
        let ask = || Interpreter::node(&self.variables);
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
        asked(&program, &["-e", ASK_NODE], variables)
    }

    /// The directory its file is in.
    pub fn directory(&self) -> &Path {
        self.executable.parent().unwrap_or(Path::new("/"))
    }
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
