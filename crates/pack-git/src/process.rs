//! A child process under a deadline, with bounded output and a bounded directory it writes to.
//!
//! The child stays in our process group, so that Ctrl-C at a terminal reaches it too. When it has to go, its
//! own children (`git-remote-https`, `ssh`, `index-pack`) go with it.

use std::fs;
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Most bytes kept of what a child complains about.
const MAX_STDERR_BYTES: usize = 64 * 1024;
/// Longest pause between two looks at the child.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);
/// How long the output of a child that has ended is waited for.
const OUTPUT_GRACE: Duration = Duration::from_secs(2);

/// What a child may cost.
pub(crate) struct Bounds<'a> {
    pub(crate) deadline: Instant,
    /// Whether to stop it before.
    pub(crate) is_cancelled: &'a dyn Fn() -> bool,
    /// Most bytes of output that are taken.
    pub(crate) stdout_bytes: usize,
    /// A directory it writes to, and how many bytes may lie there.
    pub(crate) directory: Option<(&'a Path, u64)>,
}

/// How a child ended.
pub(crate) enum Ended {
    /// By itself.
    Done {
        success: bool,
        stdout: Vec<u8>,
        stderr: String,
    },
    /// It was stopped: too late.
    TooLate,
    /// It was stopped: nobody wants it any more.
    CalledOff,
    /// It was stopped: its output or its directory grew too large.
    TooLarge,
}

/// Runs a command to its end, or stops it.
pub(crate) fn run(mut command: Command, input: &[u8], bounds: &Bounds<'_>) -> io::Result<Ended> {
    let mut child = command
        .stdin(if input.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // A child that reads nothing and has ended meanwhile is no failure of ours.
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(input);
    }
    let stdout = collect(child.stdout.take(), bounds.stdout_bytes);
    let stderr = collect(child.stderr.take(), MAX_STDERR_BYTES);
    let mut pause = Duration::from_millis(1);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= bounds.deadline {
            stop(&mut child);
            return Ok(Ended::TooLate);
        }
        if (bounds.is_cancelled)() {
            stop(&mut child);
            return Ok(Ended::CalledOff);
        }
        if let Some((directory, limit)) = bounds.directory
            && size_below(directory) > limit
        {
            stop(&mut child);
            return Ok(Ended::TooLarge);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    };
    let take =
        |receiver: Receiver<Vec<u8>>| receiver.recv_timeout(OUTPUT_GRACE).unwrap_or_default();
    let stdout = take(stdout);
    if stdout.len() > bounds.stdout_bytes {
        return Ok(Ended::TooLarge);
    }
    Ok(Ended::Done {
        success: status.success(),
        stdout,
        stderr: String::from_utf8_lossy(&take(stderr)).into_owned(),
    })
}

/// Reads a pipe to its end on a thread of its own; keeps one byte more than `limit`, which tells that there was more.
fn collect(pipe: Option<impl Read + Send + 'static>, limit: usize) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = (&mut pipe).take(limit as u64 + 1).read_to_end(&mut kept);
            // The rest is taken, so that the child does not wait for us.
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
        // Nobody waits any more for a child that was stopped.
        let _ = sender.send(kept);
    });
    receiver
}

/// Ends a child and its descendants, the oldest first, so that none of them starts another one.
fn stop(child: &mut Child) {
    let descendants = descendants(child.id());
    let _ = child.kill();
    for id in descendants {
        if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    let _ = child.wait();
}

/// The processes a process has started, and theirs; none where the kernel does not tell.
fn descendants(id: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut waiting = vec![id];
    while let Some(parent) = waiting.pop() {
        let list = format!("/proc/{parent}/task/{parent}/children");
        let children = fs::read_to_string(list).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|id| id.parse().ok()) {
            found.push(child);
            waiting.push(child);
        }
    }
    found
}

/// Sum of the sizes of all files below a directory; what disappears meanwhile does not count.
pub(crate) fn size_below(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => size_below(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, bounds: &Bounds<'_>) -> Ended {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, b"", bounds).unwrap()
    }

    fn bounds(milliseconds: u64) -> Bounds<'static> {
        Bounds {
            deadline: Instant::now() + Duration::from_millis(milliseconds),
            is_cancelled: &|| false,
            stdout_bytes: 10,
            directory: None,
        }
    }

    /// A child that hangs is stopped with what it started, and one that talks too much is not kept.
    #[test]
    fn children_keep_to_their_bounds() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("mark");
        let script = format!("(sleep 1; touch {}) & wait", mark.display());
        assert!(matches!(shell(&script, &bounds(100)), Ended::TooLate));
        assert!(matches!(
            shell("echo 12345678901", &bounds(60_000)),
            Ended::TooLarge
        ));
        let Ended::Done {
            success,
            stdout,
            stderr,
        } = shell("echo ok; echo no >&2; exit 3", &bounds(60_000))
        else {
            panic!("stopped");
        };
        assert_eq!(
            (success, stdout.as_slice(), stderr.as_str()),
            (false, &b"ok\n"[..], "no\n")
        );
        let full = Bounds {
            directory: Some((dir.path(), 5)),
            ..bounds(60_000)
        };
        let script = format!("echo 1234567 > {}/x; sleep 60", dir.path().display());
        assert!(matches!(shell(&script, &full), Ended::TooLarge));
        let unwanted = Bounds {
            is_cancelled: &|| true,
            ..bounds(60_000)
        };
        assert!(matches!(shell("sleep 60", &unwanted), Ended::CalledOff));
        assert!(!mark.exists(), "a grandchild lived on");
    }
}
