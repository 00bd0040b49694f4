//! `pack test`, and tests before packs become active: results, confinement, time limits, what a failure means.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use serde_json::{Value, json};

use crate::environments::tools;
use crate::support::{Gate, Place, Run, snapshot};

/// Writes a pack `demo` with this `testing` section and these files.
fn pack(place: &Place, testing: &str, files: &[(&str, &str)]) {
    let root = place.path("demo");
    fs::create_dir_all(root.join("tests")).unwrap();
    let manifest = format!("ref: demo\nlabel: Demo\nversion: 1.0.0\ntesting:\n{testing}");
    fs::write(root.join("pack.yaml"), manifest).unwrap();
    for (path, text) in files {
        fs::write(root.join(path), text).unwrap();
    }
}

fn tested(testing: &str, files: &[(&str, &str)], code: i32) -> (Value, Run) {
    let place = Place::new();
    pack(&place, testing, files);
    let before = snapshot(&place.path("demo"));
    let run = place.run(&["pack", "test", "demo", "--json"], code);
    // Whatever tests write, they write it to a copy.
    assert_eq!(snapshot(&place.path("demo")), before);
    (run.json(), run)
}

const UNITTEST: &str = "import unittest, sys
class T(unittest.TestCase):
    def test_good(self):
        print('hello')
    def test_bad(self):
        self.assertEqual(1, 2)
    def test_error(self):
        raise ValueError('odd')
    @unittest.skip('later')
    def test_skipped(self):
        pass
    def test_parts(self):
        for n in (1, 2, 3):
            with self.subTest(n=n):
                self.assertNotEqual(n, 2)
";

/// Each case of [`UNITTEST`].
fn cases_are_told(report: &Value) {
    let suite = &report["test_suites"][0];
    assert_eq!(
        (&suite["name"], &suite["runner_type"]),
        (&json!("python"), &json!("unittest"))
    );
    let case = |name: &str| {
        let cases = suite["test_cases"].as_array().unwrap();
        let named = |c: &&Value| c["name"].as_str().unwrap().contains(name);
        cases.iter().find(named).unwrap().clone()
    };
    assert_eq!(case("test_good")["status"], "passed");
    assert_eq!(case("test_good")["stdout"], "hello\n");
    assert_eq!(case("test_bad")["status"], "failed");
    assert!(
        case("test_bad")["error_message"]
            .as_str()
            .unwrap()
            .contains("1 != 2")
    );
    assert_eq!(case("test_error")["status"], "error");
    assert_eq!(case("test_skipped")["error_message"], "later");
    assert!(case("test_parts")["name"].as_str().unwrap().contains("n=2"));
}

/// unittest: every case with its status, its reason and what it wrote; the whole in the API's form.
#[test]
fn unittest_results_have_the_wire_form() {
    let testing = "  runners:\n    python: {type: unittest, entry_point: tests/test_x.py}\n";
    let (report, run) = tested(testing, &[("tests/test_x.py", UNITTEST)], 1);
    let keys: Vec<&str> = report
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        [
            "pack_ref",
            "pack_version",
            "execution_time",
            "status",
            "total_tests",
            "passed",
            "failed",
            "skipped",
            "pass_rate",
            "duration_ms",
            "test_suites",
            "coverage",
            "confinement"
        ]
    );
    assert_eq!(report["status"], "failed");
    for (key, number) in [
        ("total_tests", 5),
        ("passed", 1),
        ("failed", 3),
        ("skipped", 1),
    ] {
        assert_eq!(report[key], number, "{key}: {report}");
        let in_suite = if key == "total_tests" { "total" } else { key };
        assert_eq!(report["test_suites"][0][in_suite], number);
    }
    assert_eq!(report["pass_rate"], json!(0.25));
    cases_are_told(&report);
    assert!(
        run.stderr
            .contains("tests of `demo` failed: 1/4 passed, 1 skipped"),
        "{run:?}"
    );
}

/// Scripts: TAP, numbers, or the exit code; numbers that hide a bad end do not count as good.
#[test]
fn scripts_are_read_by_their_format() {
    let rows = [
        ("tap", "echo 'ok 1 - a'; echo 'not ok 2 - b'", 1, (1, 1)),
        ("simple", "echo 'Tests: 3 passed, 0 failed'", 0, (3, 0)),
        (
            "simple",
            "echo 'Tests: 3 passed, 0 failed'; exit 1",
            1,
            (3, 1),
        ),
        ("simple", "true", 0, (1, 0)),
        ("simple", "echo why >&2; exit 3", 1, (0, 1)),
    ];
    for (format, script, code, (passed, failed)) in rows {
        let testing = format!(
            "  runners:\n    sh: {{type: script, entry_point: tests/run.sh, result_format: {format}}}\n"
        );
        let (report, _) = tested(&testing, &[("tests/run.sh", script)], code);
        assert_eq!(
            (&report["passed"], &report["failed"]),
            (&json!(passed), &json!(failed)),
            "{script}"
        );
    }
}

/// A runner that takes too long has failed, with what it got to.
#[test]
fn timeout_fails_the_runner_and_keeps_what_it_told() {
    let script = "import time, unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        pass\n    def test_b(self):\n        time.sleep(60)\n";
    let testing = "  runners:\n    python: {type: unittest, timeout: 3}\n";
    let (report, _) = tested(testing, &[("tests/test_x.py", script)], 1);
    assert_eq!(
        (&report["passed"], &report["failed"]),
        (&json!(1), &json!(1)),
        "{report}"
    );
    let cases = &report["test_suites"][0]["test_cases"];
    assert_eq!(cases[1]["error_message"], "killed after 3 s");
}

/// Who takes too long is asked to end and has time to; who asks himself to end, ends.
#[test]
fn confined_programs_heed_requests_to_end() {
    let slowly = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done";
    let asked = format!("trap '{slowly}; echo made tidy; exit 3' TERM\nsleep 60 & wait\n");
    let files = [
        ("tests/asked.sh", asked.as_str()),
        ("tests/ends.sh", "kill -TERM $$\necho 'Tests: 1 passed'\n"),
    ];
    let testing = "  runners:
    asked: {type: script, entry_point: tests/asked.sh, timeout: 3}
    ends: {type: script, entry_point: tests/ends.sh}
";
    let (report, _) = tested(testing, &files, 1);
    let case = |suite: usize| &report["test_suites"][suite]["test_cases"][0];
    assert_eq!(
        (&case(0)["error_message"], &case(0)["stdout"]),
        (&json!("killed after 3 s"), &json!("made tidy\n")),
        "{report}"
    );
    assert_eq!(case(1)["error_message"], "exit code 143", "{report}");
}

/// When tests are over, whatever they started is gone: also what heeds no request and has left its group.
#[test]
fn nothing_outlives_its_tests() {
    let place = Place::new();
    let gate = Gate::new(place.path("gate"));
    let script = format!(
        "trap '' TERM
setsid python3 -c '
import os, time
gate = os.open(\"{}\", os.O_RDONLY | os.O_NONBLOCK)
held = bytearray(256 << 20)
print(\"held\", flush=True)
time.sleep(60)' &
wait
",
        gate.path().display()
    );
    let testing = "  runners:\n    sh: {type: script, entry_point: tests/run.sh, timeout: 6}\n";
    pack(&place, testing, &[("tests/run.sh", &script)]);
    let run = place.run(&["pack", "test", "demo", "--json"], 1);
    assert!(gate.is_deserted());
    let case = &run.json()["test_suites"][0]["test_cases"][0];
    assert_eq!(
        (&case["error_message"], &case["stdout"]),
        (&json!("killed after 6 s"), &json!("held\n"))
    );
}

/// Tests that try everything they should not be able to do.
fn hostile_script(place: &Place, port: u16) -> String {
    format!(
        "import os, signal, socket, subprocess, unittest
class T(unittest.TestCase):
    def test_write(self):
        for act in (lambda: open('{canary}', 'w'), lambda: os.remove('{canary}'), lambda: os.rename('{canary}', '{canary}' + '2'),
                    lambda: open('/tmp/attune-canary', 'w'), lambda: os.mkdir('/tmp/attune-canary'), lambda: os.chmod('/etc/x', 0)):
            with self.assertRaises(OSError):
                act()
    def test_network(self):
        with self.assertRaises(OSError):
            socket.create_connection(('127.0.0.1', {port}), 2)
        with self.assertRaises(OSError):
            socket.create_connection(('192.0.2.1', 80), 2)
        with self.assertRaises(OSError):
            socket.socket(socket.AF_UNIX)
    def test_loopback(self):
        server = socket.create_server(('127.0.0.1', 0))
        socket.create_connection(server.getsockname()).close()
    def test_processes(self):
        with self.assertRaises(OSError):
            os.kill({pid}, signal.SIGKILL)
        self.assertLess(os.getpid(), 100)
    def test_tokens(self):
        self.assertNotIn('ATTUNE_TOKEN', os.environ)
        self.assertNotIn('t0ken', str(dict(os.environ)))
        self.assertNotEqual(os.environ['HOME'], '{home}')
    def test_children(self):
        subprocess.run(['unshare', '-r', 'true'], check=False, stderr=subprocess.DEVNULL)
        self.assertNotEqual(subprocess.run(['sh', '-c', 'echo x > {canary}'], stderr=subprocess.DEVNULL).returncode, 0)
",
        pid = std::process::id(),
        home = place.path("home").display(),
        canary = place.path("canary").display(),
    )
}

/// A hostile test reaches neither the network, nor files, nor processes, nor tokens of its host.
#[test]
fn hostile_tests_reach_nothing() {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let canary = place.path("canary");
    fs::write(&canary, "untouched").unwrap();
    let script = hostile_script(&place, listener.local_addr().unwrap().port());
    pack(
        &place,
        "  runners:\n    python: {type: unittest}\n",
        &[("tests/test_x.py", &script)],
    );
    let output = place
        .attune(&["pack", "test", "demo", "--json"])
        .env("ATTUNE_TOKEN", "t0ken")
        .output()
        .unwrap();
    let run = Run::of(&output);
    assert_eq!(output.status.code(), Some(0), "{run:?}");
    assert_eq!(run.json()["passed"], 6, "{run:?}");
    let confinement = run.json()["confinement"].clone();
    assert_eq!(
        confinement,
        json!({"network": "namespace", "writes": "landlock", "processes": "namespace",
            "system_calls": "seccomp", "resources": "rlimit"})
    );
    assert_eq!(fs::read_to_string(&canary).unwrap(), "untouched");
    assert!(!std::path::Path::new("/tmp/attune-canary").exists());
    assert!(listener.accept().is_err());
}

/// Failing tests keep a pack from becoming active; `on_failure`, `min_pass_rate` and `--skip-tests` decide otherwise.
#[test]
fn failing_tests_block_an_installation() {
    let script = "echo 'Tests: 1 passed, 1 failed'";
    let testing = |more: &str| {
        format!("  runners:\n    sh: {{type: script, entry_point: tests/run.sh}}\n{more}")
    };
    let place = Place::new();
    let write = |more: &str| pack(&place, &testing(more), &[("tests/run.sh", script)]);
    write("");
    let said = place.refused(&["install", "./demo"], 1);
    assert!(
        said.contains("tests of `demo@1.0.0` failed: 1/2 passed"),
        "{said}"
    );
    assert_eq!(place.active("demo"), None);
    let rows = [
        (
            "  min_pass_rate: 0.5\n",
            &[][..],
            Some("Tests: 1/2 passed"),
            "",
        ),
        (
            "  on_failure: warn\n",
            &[],
            Some("Tests: 1/2 passed"),
            "tests of `demo@1.0.0` failed",
        ),
        ("  on_failure: ignore\n", &[], Some("Tests: 1/2 passed"), ""),
        (
            "",
            &["--skip-tests"],
            None,
            "Dependency validation will be skipped",
        ),
    ];
    for (more, flags, told, warned) in rows {
        write(more);
        let mut args = vec!["pack", "install", "./demo", "--force"];
        args.extend(flags);
        let run = place.run(&args, 0);
        assert_eq!(
            run.stdout
                .lines()
                .find(|l| l.contains("Tests:"))
                .map(str::trim),
            told,
            "{run:?}"
        );
        assert!(run.stderr.contains(warned), "{run:?}");
    }
    write("");
    let off = place
        .attune(&["pack", "install", "./demo", "--force"])
        .env("ATTUNE__TESTS__ENABLED", "false")
        .output()
        .unwrap();
    assert!(off.status.success());
}

/// What tests came to is recorded, and the whole report kept beside the store until nothing needs it.
#[test]
fn results_are_recorded_and_kept() {
    let place = Place::new();
    let testing = "  runners:\n    sh: {type: script, entry_point: tests/run.sh}\n";
    pack(
        &place,
        testing,
        &[("tests/run.sh", "echo 'Tests: 2/2 passed'")],
    );
    let run = place.run(&["pack", "install", "./demo", "--json"], 0);
    let record = &run.json()["packs"][0];
    assert_eq!(
        record["tests"],
        json!({"status": "passed", "total_tests": 2, "passed": 2, "failed": 0, "skipped": 0})
    );
    let reports = place.installed().join(".attune/tests");
    let file = fs::read_dir(&reports)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let report: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(report["confinement"]["network"], "namespace");
    let again = place.run(&["pack", "test", "demo"], 0);
    assert!(
        again.stdout.contains("✓ sh (script): 2/2 passed"),
        "{again:?}"
    );
    place.run(&["pack", "uninstall", "demo", "--yes"], 0);
    place.run(&["pack", "prune", "--keep", "1"], 0);
    assert!(!file.exists());
}

/// A pack without tests is no failure; a section that is wrong is a usage error.
#[test]
fn packs_without_tests_pass() {
    let (report, _) = tested("  enabled: false\n", &[], 0);
    assert_eq!(
        (&report["status"], &report["confinement"]),
        (&json!("skipped"), &Value::Null)
    );
    let place = Place::new();
    pack(&place, "  runners: {a: {type: jest}}\n", &[]);
    let said = place.run(&["pack", "test", "demo"], 2);
    assert!(
        said.stderr
            .contains("it is `jest`, not script, unittest or pytest"),
        "{said:?}"
    );
    let absent = place.run(&["pack", "test", "nothing"], 2);
    assert!(
        absent
            .stderr
            .contains("neither a directory with a `pack.yaml`"),
        "{absent:?}"
    );
}

/// A test file for pytest, and the module it measures.
const PYTEST: &str = "import pytest, half
@pytest.mark.parametrize('n', [1, 2])
def test_many(n):
    print('hello')
    assert half.run(True) == 1 and n < 2
@pytest.mark.skip(reason='later')
def test_skipped():
    pass
@pytest.mark.xfail
def test_expected_to_fail():
    assert False
@pytest.fixture
def broken():
    raise ValueError('odd')
def test_error(broken):
    pass
";
const HALF: &str = "def run(flag):
    if flag:
        return 1
    return 2
";

/// A pack whose requirements are `pytest` and `coverage`, from wheels that are here.
fn with_pytest(place: &Place, testing: &str, files: &[(&str, &str)]) -> Option<Run> {
    let wheels = tools()?.join("wheels");
    pack(place, testing, files);
    fs::write(place.path("demo/requirements.txt"), "pytest\ncoverage\n").unwrap();
    let output = place
        .attune(&["pack", "test", "demo", "--offline", "--json"])
        .env(
            "ATTUNE__ENVIRONMENTS__FIND_LINKS",
            json!([wheels]).to_string(),
        )
        .output()
        .unwrap();
    Some(Run::of(&output))
}

/// pytest, from the pack's own environment: every case with its status and reason, and coverage of the pack's lines.
#[test]
fn pytest_results_and_coverage_are_told() {
    let place = Place::new();
    let files = [("tests/test_x.py", PYTEST), ("half.py", HALF)];
    let testing = "  runners:\n    python: {type: pytest, entry_point: tests/test_x.py}\n";
    let Some(run) = with_pytest(&place, testing, &files) else {
        return;
    };
    let report = run.json();
    let cases = report["test_suites"][0]["test_cases"].as_array().unwrap();
    let told: Vec<(&str, &str)> = (cases.iter())
        .map(|case| {
            let name = case["name"].as_str().unwrap();
            (
                name.rsplit("::").next().unwrap(),
                case["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("test_many[1]", "passed"),
            ("test_many[2]", "failed"),
            ("test_skipped", "skipped"),
            ("test_expected_to_fail", "passed"),
            ("test_error", "error"),
        ],
        "{run:?}"
    );
    assert_eq!(cases[0]["stdout"], "hello\n");
    assert!(
        cases[1]["error_message"]
            .as_str()
            .unwrap()
            .contains("2 < 2")
    );
    assert!(cases[4]["error_message"].as_str().unwrap().contains("odd"));
    // Three of four lines: the last one is never reached.
    assert_eq!(report["coverage"], json!(75.0), "{run:?}");
    assert_eq!(
        (&report["passed"], &report["failed"], &report["skipped"]),
        (&json!(2), &json!(2), &json!(1))
    );
    // The next run uses the environment again, and unittest is measured as well.
    let test = "import unittest, half\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(half.run(False), 2)\n";
    fs::remove_file(place.path("demo/tests/test_x.py")).unwrap();
    let testing = "  runners:\n    python: {type: unittest}\n";
    let run = with_pytest(&place, testing, &[("tests/test_y.py", test)]).unwrap();
    assert_eq!(
        (&run.json()["passed"], &run.json()["coverage"]),
        (&json!(1), &json!(75.0)),
        "{run:?}"
    );
    let for_people = place.run(&["pack", "test", "demo", "--offline"], 0);
    assert!(
        for_people.stdout.contains("Coverage: 75 %\n"),
        "{for_people:?}"
    );
}

/// Without pytest the runner fails and says why.
#[test]
fn pytest_that_is_missing_is_told() {
    let testing = "  runners:\n    python: {type: pytest}\n";
    let (report, _) = tested(
        testing,
        &[("tests/test_x.py", "def test():\n    pass\n")],
        1,
    );
    assert!(
        report.to_string().contains("No module named 'pytest'"),
        "{report}"
    );
}

/// `--detailed` prints every test; without it, only those that failed. Both say what confined them.
#[test]
fn details_are_printed_where_asked_for() {
    let place = Place::new();
    let testing = "  runners:\n    python: {type: unittest}\n  min_pass_rate: 0.2\n";
    pack(&place, testing, &[("tests/test_x.py", UNITTEST)]);
    let short = place.run(&["pack", "test", "demo"], 0).stdout;
    let long = place.run(&["pack", "test", "demo", "--detailed"], 0).stdout;
    for line in [
        "✗ test_x.T.test_bad (",
        "1 != 2",
        "✗ error: test_x.T.test_error (",
    ] {
        assert!(
            short.contains(line) && long.contains(line),
            "{short}\n{long}"
        );
    }
    for line in [
        "✓ test_x.T.test_good (",
        "- skipped: test_x.T.test_skipped (",
    ] {
        assert!(
            !short.contains(line) && long.contains(line),
            "{short}\n{long}"
        );
    }
    let confined = "Confined by: network: namespace, writes: landlock, processes: namespace, system calls: seccomp, resources: rlimit\n";
    assert!(
        short.contains(confined) && long.contains(confined),
        "{short}"
    );
}

/// Memory, files and open files are bounded; the number of processes is where the kernel counts them for this user.
#[test]
fn resources_are_bounded() {
    let script = "import os, resource, unittest
class T(unittest.TestCase):
    def test_memory(self):
        with self.assertRaises(MemoryError):
            bytearray(5 * 1024 ** 3)
    def test_file(self):
        with self.assertRaises(OSError), open('big', 'wb') as f:
            f.seek(1024 ** 3)
            f.write(b'x')
            f.flush()
    def test_open_files(self):
        kept = []
        with self.assertRaises(OSError):
            while True:
                kept.append(os.open('/dev/null', os.O_RDONLY))
        self.assertLess(len(kept), 1024)
    def test_raising(self):
        for name in (resource.RLIMIT_DATA, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE):
            with self.assertRaises((ValueError, OSError)):
                resource.setrlimit(name, (2 ** 40, 2 ** 40))
    def test_processes(self):
        self.assertLessEqual(resource.getrlimit(resource.RLIMIT_NPROC)[1], 512)
        self.assertEqual(resource.getrlimit(resource.RLIMIT_CORE), (0, 0))
";
    let testing = "  runners:\n    python: {type: unittest}\n";
    let (report, run) = tested(testing, &[("tests/test_x.py", script)], 0);
    assert_eq!(report["passed"], 5, "{run:?}");
}

/// Starts a program on a kernel that refuses some system calls, as those of containers do: `ERROR CALL... -- PROGRAM`.
const WITHOUT: &str = "import ctypes, os, struct, sys
end = sys.argv.index('--')
error, calls = int(sys.argv[1]), [int(n) for n in sys.argv[2:end]]
code = [(0x20, 0, 0, 0)]
for at, call in enumerate(calls):
    code.append((0x15, len(calls) - at, 0, call))
code += [(0x06, 0, 0, 0x7fff0000), (0x06, 0, 0, 0x00050000 | error)]
text = b''.join(struct.pack('HBBI', *line) for line in code)
lines = ctypes.create_string_buffer(text)
class Program(ctypes.Structure):
    _fields_ = [('length', ctypes.c_ushort), ('lines', ctypes.c_void_p)]
program = Program(len(code), ctypes.addressof(lines))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(program)) == 0, ctypes.get_errno()
os.execv(sys.argv[end + 1], sys.argv[end + 1:])
";
const EPERM: &str = "1";
const ENOSYS: &str = "38";

/// Numbers of `unshare`, `landlock_create_ruleset` and `seccomp` on this processor.
fn calls() -> [&'static str; 3] {
    if cfg!(target_arch = "x86_64") {
        ["272", "444", "317"]
    } else {
        ["97", "444", "277"]
    }
}

/// `pack test demo`, where these calls fail with this error.
fn without(place: &Place, (error, calls): (&str, &[&str]), setting: &str) -> (Option<i32>, Run) {
    let attune = place.attune(&["pack", "test", "demo", "--json"]);
    let mut command = Command::new("python3");
    command.args(["-c", WITHOUT, error]).args(calls).arg("--");
    command.arg(attune.get_program()).args(attune.get_args());
    command.current_dir(place.path("")).env_clear();
    let variables = attune.get_envs();
    command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    command.env("ATTUNE__TESTS__CONFINEMENT", setting);
    let output = command.output().unwrap();
    (output.status.code(), Run::of(&output))
}

/// What the kernel does not offer is told, and nothing else is said to hold; where everything is required, nothing of
/// the pack runs.
#[test]
fn what_the_kernel_does_not_offer_is_told() {
    let place = Place::new();
    let canary = place.path("canary");
    let script = format!(
        "echo 'Tests: 1 passed'; (echo ran > {}) 2>/dev/null; true\n",
        canary.display()
    );
    let testing = "  runners:\n    sh: {type: script, entry_point: tests/run.sh}\n";
    pack(&place, testing, &[("tests/run.sh", &script)]);
    let [unshare, landlock, seccomp] = calls();
    let rows = [
        // As in a container: no namespaces, and so no sockets at all.
        (
            (EPERM, &[unshare][..]),
            ["seccomp", "landlock", "landlock", "seccomp"],
            "",
        ),
        (
            (ENOSYS, &[landlock]),
            ["namespace", "unconfined", "namespace", "seccomp"],
            "writes",
        ),
        (
            (ENOSYS, &[seccomp]),
            ["namespace", "landlock", "namespace", "unconfined"],
            "system calls",
        ),
        (
            (ENOSYS, &[unshare, landlock, seccomp]),
            ["unconfined"; 4],
            "network, writes, processes, system calls",
        ),
    ];
    for (kernel, [network, writes, processes, system_calls], missing) in rows {
        let _ = fs::remove_file(&canary);
        let (_, run) = without(&place, kernel, "required");
        if missing.is_empty() {
            assert!(!run.stderr.contains("cannot confine"), "{run:?}");
        } else {
            let told = format!("this kernel cannot confine the {missing} of tests");
            assert!(run.stderr.contains(&told), "{kernel:?} {run:?}");
            assert!(!canary.exists(), "{kernel:?}");
        }
        let (code, run) = without(&place, kernel, "offered");
        assert_eq!(code, Some(0), "{kernel:?} {run:?}");
        let expected = json!({"network": network, "writes": writes, "processes": processes,
            "system_calls": system_calls, "resources": "rlimit"});
        assert_eq!(run.json()["confinement"], expected, "{kernel:?} {run:?}");
        assert_eq!(canary.exists(), writes == "unconfined", "{kernel:?}");
        let told = format!("this kernel does not confine the {missing} of tests");
        assert_eq!(run.stderr.contains(&told), !missing.is_empty(), "{run:?}");
    }
}

/// Where no socket can be made, tests that need one fail, and the reason is told.
#[test]
fn failures_for_want_of_a_network_are_explained() {
    let place = Place::new();
    let test = "import socket, unittest\nclass T(unittest.TestCase):\n    def test(self):\n        socket.create_server(('127.0.0.1', 0)).close()\n";
    let testing = "  runners:\n    python: {type: unittest}\n";
    pack(&place, testing, &[("tests/test_x.py", test)]);
    let (code, run) = without(&place, (EPERM, &[calls()[0]]), "offered");
    assert_eq!(code, Some(1), "{run:?}");
    assert!(
        run.stderr
            .contains("so that no socket can be made, not even for loopback"),
        "{run:?}"
    );
}
