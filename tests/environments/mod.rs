//! Environments: built offline from wheels and archives made here, reused, pruned; hostile packs touch nothing.
//!
//! * `python`    uv and pip: reuse, time limits, progress, indexes
//! * `node`      npm, pnpm and both kinds of yarn, by the lock that each wrote
//! * `hostile`   packs that try to lead elsewhere or to run code

mod hostile;
mod node;
mod python;
mod registry;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Place, Run, material};

/// Makes a wheel `tiny` with a module that knows its version.
pub(crate) fn wheel(directory: &Path, version: &str) {
    let script = r#"
import sys, zipfile
directory, version = sys.argv[1:]
info = f"tiny-{version}.dist-info"
files = {
    "tiny.py": f"VERSION = {version!r}\n",
    f"{info}/METADATA": f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
    f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
with zipfile.ZipFile(f"{directory}/tiny-{version}-py3-none-any.whl", "w") as archive:
    for name, text in files.items():
        archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), text)
"#;
    fs::create_dir_all(directory).unwrap();
    let done = Command::new("python3")
        .args(["-c", script, directory.to_str().unwrap(), version])
        .status()
        .unwrap();
    assert!(done.success());
}

fn write(place: &Place, version: &str, files: &[(&str, &str)]) {
    let root = place.path("demo");
    fs::create_dir_all(root.join("actions")).unwrap();
    let manifest = format!("ref: demo\nlabel: Demo\nversion: {version}\n");
    fs::write(root.join("pack.yaml"), manifest).unwrap();
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Installs `./demo` without the network, and with these variables.
pub(crate) fn install(place: &Place, code: i32, with: &[(&str, &str)]) -> Run {
    let output = place
        .attune(&[
            "pack",
            "install",
            "./demo",
            "--offline",
            "--force",
            "--json",
        ])
        .envs(with.iter().copied())
        .output()
        .unwrap();
    let run = Run::of(&output);
    assert_eq!(output.status.code(), Some(code), "{run:?}");
    run
}

/// What CI fetches for these tests: package managers in `node/`, `yarn-later/` and `python/`, wheels in `wheels/`.
pub(crate) fn tools() -> Option<PathBuf> {
    material("ATTUNE_TEST_TOOLS")
}

pub(crate) fn keys(run: &Run) -> Value {
    run.json()["packs"][0]["environments"].clone()
}

const ACTION: &str = "ref: demo.say\nrunner_type: python\nentry_point: say.py\n";

/// A pack that needs the first of the two wheels it brings along, with a test and an action that use it.
pub(crate) fn with_wheels() -> Place {
    let place = Place::new();
    wheel(&place.path("demo/wheels"), "1.0.0");
    wheel(&place.path("demo/wheels"), "2.0.0");
    let test = "import unittest, tiny\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(tiny.VERSION, '1.0.0')\n";
    write(
        &place,
        "1.0.0\ntesting: {runners: {python: {type: unittest}}}",
        &[
            (
                "requirements.txt",
                "--find-links wheels\ntiny==1.0.0 # the first\n",
            ),
            ("actions/say.yaml", ACTION),
            (
                "actions/say.py",
                "import tiny, sys\nprint(tiny.VERSION, sys.prefix)\n",
            ),
            ("tests/test_x.py", test),
        ],
    );
    place
}
