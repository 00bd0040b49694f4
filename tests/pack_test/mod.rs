//! `pack test`, and tests before packs become active: results, time limits, what a failure means, confinement.

mod confinement;

use std::fs;

use serde_json::{Value, json};

use crate::environments::tools;
use crate::support::{Place, Run, snapshot};

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
