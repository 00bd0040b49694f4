//! Python environments: uv and pip, reuse, time limits, progress, indexes.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::registry::Stub;
use super::{ACTION, install, keys, tools, wheel, with_wheels, write};
use crate::support::{Place, Run, names, snapshot};

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
    let key = keys(&install(&place, 0, &with))["python"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        maker(&place.installed().join(".attune/envs").join(key)),
        "venv"
    );
    assert_eq!(
        place.run(&["action", "execute", "demo.say"], 0).stdout,
        "1.0.0\n"
    );
}

/// The program that made a virtualenv, as that says.
fn maker(environment: &Path) -> &'static str {
    let text = fs::read_to_string(environment.join("pyvenv.cfg")).unwrap();
    if text.lines().any(|line| line.starts_with("uv = ")) {
        "uv"
    } else {
        "venv"
    }
}

/// uv is used where it is on the search path, and the environment is as good as one of pip's.
#[test]
fn uv_builds_where_it_is() {
    let Some(tools) = tools() else { return };
    let mut place = with_wheels();
    // Nothing but uv: the Python beside it is no part of the machine.
    let bin = place.path("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(tools.join("python/bin/uv"), bin.join("uv")).unwrap();
    place.prefer_programs_of(bin);
    let key = keys(&install(&place, 0, &[]))["python"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = place.installed().join(".attune/envs").join(key);
    assert_eq!(maker(&path), "uv");
    let said = place.run(&["action", "execute", "demo.say"], 0);
    assert_eq!(said.stdout.trim(), format!("1.0.0 {}", path.display()));
    // What cannot be had says who could not get it.
    write(&place, "1.1.0", &[("requirements.txt", "absent\n")]);
    let failed = install(&place, 1, &[]);
    assert!(
        failed.stderr.contains("install packages with uv"),
        "{failed:?}"
    );
}

/// A build that takes too long is ended with all it started, and leaves nothing.
#[test]
fn timeout_ends_a_build_and_leaves_nothing() {
    let place = Place::new();
    write(&place, "1.0.0", &[("requirements.txt", "tiny\n")]);
    // An index that takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    silent.set_nonblocking(true).unwrap();
    let url = format!("http://{}/simple/", silent.local_addr().unwrap());
    // On a busy machine the time may be over before the build asks the index: then it has more.
    let asked = [4, 16, 64].into_iter().find_map(|seconds| {
        let output = place
            .attune(&["pack", "install", "./demo"])
            .env("ATTUNE__ENVIRONMENTS__PYTHON_INDEX", &url)
            .env("ATTUNE__ENVIRONMENTS__TIMEOUT", seconds.to_string())
            .output()
            .unwrap();
        let run = Run::of(&output);
        assert_eq!(output.status.code(), Some(1), "{run:?}");
        let killed = format!("killed after {seconds} s");
        assert!(run.stderr.contains(&killed), "{run:?}");
        silent.accept().ok()
    });
    // It did ask, and nobody asks any more.
    let (mut stream, _) = asked.unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(names(place.installed().join(".attune/envs")), [""; 0]);
    assert_eq!(place.active("demo"), None);
}

/// A build that is ended or killed ends with all it started; what it leaves is no environment, and goes with the
/// next change.
#[test]
fn builds_that_are_cut_off_leave_no_environment() {
    let place = Place::new();
    let files = [
        ("requirements.txt", "tiny\n"),
        ("actions/say.yaml", ACTION),
        ("actions/say.py", "import tiny\nprint(tiny.VERSION)\n"),
    ];
    write(&place, "1.0.0", &files);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/simple/", silent.local_addr().unwrap());
    let envs = place.installed().join(".attune/envs");
    for signal in ["TERM", "KILL"] {
        let mut child = place
            .attune(&["pack", "install", "./demo"])
            .env("ATTUNE__ENVIRONMENTS__PYTHON_INDEX", &url)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // It is in the middle of its build, and then nobody asks any more.
        let (mut stream, _) = silent.accept().unwrap();
        let sent = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        assert!(!child.wait().unwrap().success());
        stream.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(place.active("demo"), None);
    }
    // The same name is built anew, and what else was left goes.
    wheel(&place.path("operator"), "1.0.0");
    let links = json!([place.path("operator")]).to_string();
    let key = keys(&install(
        &place,
        0,
        &[("ATTUNE__ENVIRONMENTS__FIND_LINKS", &links)],
    ));
    assert_eq!(names(&envs), [key["python"].as_str().unwrap()]);
    assert_eq!(
        place.run(&["action", "execute", "demo.say"], 0).stdout,
        "1.0.0\n"
    );
}

/// Details say what is being built; an environment that is there is not built, and nothing says so.
#[test]
fn progress_is_told() {
    let place = with_wheels();
    let install = |code| {
        place.run(
            &["pack", "install", "./demo", "--offline", "--force", "-v"],
            code,
        )
    };
    let line = "building the python environment of demo@1.0.0";
    let first = install(0);
    assert!(first.stderr.lines().any(|l| l == line), "{first:?}");
    assert!(!install(0).stderr.contains("building"));
}

/// Packages come from the operator's index, and from no other unless the operator lets packs say so.
#[test]
fn packages_come_from_the_operators_index() {
    let place = Place::new();
    wheel(&place.path("served"), "1.0.0");
    let operators = Stub::of_wheel(&place.path("served/tiny-1.0.0-py3-none-any.whl"));
    wheel(&place.path("other"), "2.0.0");
    let others = Stub::of_wheel(&place.path("other/tiny-2.0.0-py3-none-any.whl"));
    let files = [
        ("requirements.txt", "tiny\n"),
        ("actions/say.yaml", ACTION),
        ("actions/say.py", "import tiny\nprint(tiny.VERSION)\n"),
    ];
    write(&place, "1.0.0", &files);
    let index = operators.url("/simple/");
    let installed = |foreign: &str, code: i32| {
        let output = place
            .attune(&["pack", "install", "./demo", "--force"])
            .env("ATTUNE__ENVIRONMENTS__PYTHON_INDEX", &index)
            .env("ATTUNE__ENVIRONMENTS__ALLOW_FOREIGN_SOURCES", foreign)
            .output()
            .unwrap();
        let run = Run::of(&output);
        assert_eq!(output.status.code(), Some(code), "{run:?}");
        run
    };
    installed("false", 0);
    assert!(!operators.asked().is_empty());
    let say = || place.run(&["action", "execute", "demo.say"], 0).stdout;
    assert_eq!(say(), "1.0.0\n");
    let own = format!("--index-url {}\ntiny\n", others.url("/simple/"));
    write(&place, "1.1.0", &[("requirements.txt", &own)]);
    let refused = installed("false", 1);
    assert!(
        refused
            .stderr
            .contains("environments.allow_foreign_sources"),
        "{refused:?}"
    );
    assert_eq!((say().as_str(), others.asked().len()), ("1.0.0\n", 0));
    installed("true", 0);
    assert_eq!(say(), "2.0.0\n");
    assert!(!others.asked().is_empty());
}

/// Requirements with hashes take only what has them.
#[test]
fn hashes_of_requirements_are_held_to() {
    let place = Place::new();
    wheel(&place.path("demo/wheels"), "1.0.0");
    let path = place.path("demo/wheels/tiny-1.0.0-py3-none-any.whl");
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    let right = String::from_utf8(output.stdout).unwrap()[..64].to_owned();
    for (hash, code) in [("0".repeat(64), 1), (right, 0)] {
        let text =
            format!("--require-hashes\n--find-links wheels\ntiny==1.0.0 --hash=sha256:{hash}\n");
        write(&place, "1.0.0", &[("requirements.txt", &text)]);
        install(&place, code, &[]);
    }
}
