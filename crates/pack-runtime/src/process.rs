//! `Job`: one program, run to its end with everything it started.
//!
//! The program leads a process group of its own. One that takes too long or is called off is asked to end, and the
//! whole group is killed when it has ended or its grace is over. What it wrote until then is kept, up to a limit, and
//! shown to a [`Watcher`] as it comes. One thread does it all: no pipe of a forgotten grandchild can hold it up.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use pack_fs::FsError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

/// Most bytes of each output stream that are kept (16 MiB, inclusive); what follows is shown, and dropped.
pub const MAX_OUTPUT_BYTES: usize = 16 * 1024 * 1024;
/// How long a program may take to end itself after it was asked to.
const GRACE: Duration = Duration::from_secs(2);
/// How often a watcher is asked whether to go on.
const TICK: Duration = Duration::from_millis(100);

/// What to run, and how.
#[derive(Debug, Clone)]
pub struct Job {
    /// The program: a path, or a name that is looked for in the `PATH` of this process.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Where it runs.
    pub directory: PathBuf,
    /// Its whole environment; nothing is inherited.
    pub variables: BTreeMap<OsString, OsString>,
    /// What it reads from its standard input.
    pub input: Vec<u8>,
    /// How long it may take.
    pub timeout: Option<Duration>,
}

impl Job {
    /// `program` in `directory`, without arguments, environment, input and time limit.
    pub fn new(program: impl Into<PathBuf>, directory: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            directory: directory.into(),
            variables: BTreeMap::new(),
            input: Vec::new(),
            timeout: None,
        }
    }
}

/// One of the two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Told what a program writes while it runs. Every method may do nothing.
pub trait Watcher: Sync {
    /// The program wrote this.
    fn output(&self, stream: Stream, bytes: &[u8]) {
        let _ = (stream, bytes);
    }

    /// Whether to stop it; asked several times a second.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watcher for Unwatched {}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal nobody here sent.
    Signalled(i32),
    /// It took longer than this and was killed.
    TimedOut(Duration),
    /// The watcher called it off.
    Cancelled,
}

impl End {
    /// Whether it ended by itself with code 0.
    pub fn is_success(self) -> bool {
        self == Self::Exited(0)
    }

    /// The exit code, if it ended by itself.
    pub fn code(self) -> Option<i32> {
        match self {
            Self::Exited(code) => Some(code),
            _ => None,
        }
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit code {code}"),
            Self::Signalled(signal) => write!(f, "killed by signal {signal}"),
            Self::TimedOut(limit) => write!(f, "killed after {} s", limit.as_secs_f64()),
            Self::Cancelled => f.write_str("called off"),
        }
    }
}

/// What became of a job.
#[derive(Debug, Clone)]
pub struct Ended {
    /// How it ended.
    pub end: End,
    /// What it wrote to standard output, up to [`MAX_OUTPUT_BYTES`].
    pub stdout: Vec<u8>,
    /// What it wrote to standard error, up to [`MAX_OUTPUT_BYTES`].
    pub stderr: Vec<u8>,
    /// Whether either was longer than what is kept.
    pub is_cut: bool,
    /// From its start to its end.
    pub duration: Duration,
}

impl Job {
    /// Runs it to its end.
    ///
    /// # Errors
    /// [`FsError`] if the program cannot be started or watched; how it ends is no error.
    pub fn run(&self, watcher: &dyn Watcher) -> Result<Ended, FsError> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .current_dir(&self.directory)
            .env_clear()
            .envs(&self.variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|e| FsError::new("start", &self.program, e))?;
        let outcome = Running::of(&mut child, self).and_then(|running| running.watch(watcher));
        if outcome.is_err() {
            // Nobody watches it any more.
            let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
        }
        let status = child.wait();
        let mut ended = outcome.map_err(|e| FsError::new("watch", &self.program, e))?;
        let status = status.map_err(|e| FsError::new("wait for", &self.program, e))?;
        if ended.end == End::Exited(0) {
            ended.end = end_of(status);
        }
        Ok(ended)
    }
}

fn end_of(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited(code),
        (None, Some(signal)) => End::Signalled(signal),
        (None, None) => End::Exited(-1),
    }
}

/// One pipe from the program.
struct Pipe {
    file: Option<File>,
    stream: Stream,
    kept: Vec<u8>,
    is_cut: bool,
}

impl Pipe {
    fn new(file: OwnedFd, stream: Stream) -> io::Result<Self> {
        unblock(&file)?;
        Ok(Self {
            file: Some(file.into()),
            stream,
            kept: Vec::new(),
            is_cut: false,
        })
    }

    /// Takes what is there.
    fn drain(&mut self, watcher: &dyn Watcher) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        while let Some(file) = &mut self.file {
            match file.read(&mut buffer) {
                Ok(0) => self.file = None,
                Ok(count) => {
                    let bytes = &buffer[..count];
                    watcher.output(self.stream, bytes);
                    let room = MAX_OUTPUT_BYTES.saturating_sub(self.kept.len());
                    self.is_cut |= count > room;
                    self.kept.extend_from_slice(&bytes[..count.min(room)]);
                    // The others, and the clock, have their turn.
                    return Ok(());
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Takes what is left in the pipe of a program that has ended, and no more than a pipe holds.
    fn drain_rest(&mut self, watcher: &dyn Watcher) -> io::Result<()> {
        const MOST_READS: usize = 256;
        for _ in 0..MOST_READS {
            let before = self.kept.len();
            self.drain(watcher)?;
            if self.file.is_none() || (self.kept.len() == before && !self.is_cut) {
                break;
            }
        }
        Ok(())
    }
}

fn unblock(file: &OwnedFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(file)? | rustix::fs::OFlags::NONBLOCK;
    Ok(rustix::fs::fcntl_setfl(file, flags)?)
}

/// A program on its way.
struct Running<'j> {
    job: &'j Job,
    group: Pid,
    process: OwnedFd,
    input: Option<File>,
    written: usize,
    outputs: [Pipe; 2],
    started: Instant,
    /// Why it is being stopped, and when it is killed at the latest.
    stopping: Option<(End, Instant)>,
}

impl<'j> Running<'j> {
    fn of(child: &mut Child, job: &'j Job) -> io::Result<Self> {
        let missing = || io::Error::other("a stream of the program is missing");
        let input: OwnedFd = child.stdin.take().ok_or_else(missing)?.into();
        unblock(&input)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let group = Pid::from_child(child);
        Ok(Self {
            job,
            group,
            process: pidfd_open(group, PidfdFlags::empty())?,
            input: Some(input.into()),
            written: 0,
            outputs: [
                Pipe::new(stdout.into(), Stream::Stdout)?,
                Pipe::new(stderr.into(), Stream::Stderr)?,
            ],
            started: Instant::now(),
            stopping: None,
        })
    }

    fn watch(mut self, watcher: &dyn Watcher) -> io::Result<Ended> {
        loop {
            let has_ended = self.wait()?;
            self.write()?;
            for pipe in &mut self.outputs {
                pipe.drain(watcher)?;
            }
            if has_ended {
                break;
            }
            self.stop_when_due(watcher);
        }
        // The leader is not reaped yet, so that the group's number is still its own.
        let _ = kill_process_group(self.group, Signal::KILL);
        for pipe in &mut self.outputs {
            pipe.drain_rest(watcher)?;
        }
        let [stdout, stderr] = self.outputs;
        Ok(Ended {
            end: self.stopping.map_or(End::Exited(0), |(end, _)| end),
            is_cut: stdout.is_cut || stderr.is_cut,
            stdout: stdout.kept,
            stderr: stderr.kept,
            duration: self.started.elapsed(),
        })
    }

    /// Waits until something can be done; tells whether the program has ended.
    fn wait(&self) -> io::Result<bool> {
        let mut wanted = vec![PollFd::new(&self.process, PollFlags::IN)];
        if let Some(input) = &self.input {
            wanted.push(PollFd::from_borrowed_fd(input.as_fd(), PollFlags::OUT));
        }
        for file in self.outputs.iter().filter_map(|pipe| pipe.file.as_ref()) {
            wanted.push(PollFd::from_borrowed_fd(file.as_fd(), PollFlags::IN));
        }
        let pause = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(TICK.subsec_nanos()),
        };
        match poll(&mut wanted, Some(&pause)) {
            Ok(_) => Ok(!wanted[0].revents().is_empty()),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// Gives the program more of its input.
    fn write(&mut self) -> io::Result<()> {
        while let Some(input) = &mut self.input {
            let rest = &self.job.input[self.written..];
            if rest.is_empty() {
                self.input = None;
                break;
            }
            match input.write(rest) {
                Ok(count) => self.written += count,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // A program need not read what it is given.
                Err(e) if e.kind() == io::ErrorKind::BrokenPipe => self.input = None,
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn stop_when_due(&mut self, watcher: &dyn Watcher) {
        if let Some((_, latest)) = self.stopping {
            if Instant::now() >= latest {
                let _ = kill_process_group(self.group, Signal::KILL);
            }
            return;
        }
        let too_long = (self.job.timeout).filter(|limit| self.started.elapsed() >= *limit);
        let reason = match too_long {
            Some(limit) => End::TimedOut(limit),
            None if watcher.is_cancelled() => End::Cancelled,
            None => return,
        };
        self.stopping = Some((reason, Instant::now() + GRACE));
        let _ = kill_process_group(self.group, Signal::TERM);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Job {
        let mut job = Job::new("/bin/sh", "/");
        job.arguments = vec!["-c".into(), script.into()];
        job.variables.insert("PATH".into(), "/usr/bin:/bin".into());
        job
    }

    /// Input, both outputs and the exit code arrive; the environment is only what was given.
    #[test]
    fn job_gives_input_outputs_and_exit_code() {
        let mut job = shell("cat; echo bad >&2; echo $HOME; exit 7");
        job.input = vec![b'x'; 1 << 20];
        let ended = job.run(&Unwatched).unwrap();
        assert_eq!(ended.end, End::Exited(7));
        assert_eq!(ended.stdout.len(), (1 << 20) + 1);
        assert_eq!(ended.stderr, b"bad\n");
    }

    /// A program that takes too long goes with everything it started, also what does not heed TERM.
    #[test]
    fn timeout_kills_the_whole_group() {
        let dir = tempfile::tempdir().unwrap();
        let mut job =
            shell("trap '' TERM; (trap '' TERM; sleep 30; echo > late) & echo $! > pid; wait");
        job.directory = dir.path().to_owned();
        job.timeout = Some(Duration::from_millis(300));
        let ended = job.run(&Unwatched).unwrap();
        assert_eq!(ended.end, End::TimedOut(Duration::from_millis(300)));
        assert!(ended.duration < Duration::from_secs(20), "{ended:?}");
        let pid = std::fs::read_to_string(dir.path().join("pid")).unwrap();
        let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        // Gone already, or going: a process whose kill was sent ends by itself.
        if let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) {
            let limit = Timespec {
                tv_sec: 10,
                tv_nsec: 0,
            };
            let mut wanted = [PollFd::new(&process, PollFlags::IN)];
            assert_eq!(poll(&mut wanted, Some(&limit)), Ok(1));
        }
        assert!(!dir.path().join("late").exists());
    }

    /// A grandchild that keeps the pipes open holds nobody up.
    #[test]
    fn forgotten_grandchildren_hold_nobody_up() {
        let ended = shell("setsid sleep 20 & echo done")
            .run(&Unwatched)
            .unwrap();
        assert_eq!(
            (ended.end, ended.stdout),
            (End::Exited(0), b"done\n".to_vec())
        );
        assert!(ended.duration < Duration::from_secs(10));
    }

    /// What is more than the limit is dropped, and the program still ends well.
    #[test]
    fn long_output_is_cut() {
        let ended = shell("head -c 20000000 /dev/zero").run(&Unwatched).unwrap();
        assert!(ended.is_cut && ended.end.is_success());
        assert_eq!(ended.stdout.len(), MAX_OUTPUT_BYTES);
    }
}
