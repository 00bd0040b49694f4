//! What tests of packs cannot do, how they are ended, and what is told where a kernel offers less.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use serde_json::json;

use super::{pack, tested};
use crate::support::{Gate, Place, Run};

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
