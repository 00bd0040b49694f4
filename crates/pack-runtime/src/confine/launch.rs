//! The launcher: what stands between a job and its confined program.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use nix::sys::signal::{self, SigSet};
use rustix::process::{
    Pid, Signal, WaitOptions, getpgid, getpid, getppid, set_parent_process_death_signal, setpgid,
    wait,
};

use super::calls::{self, Sockets};
use super::{Confined, LAUNCH, Order, Reach, UNCONFINED, files, limits, namespaces};

/// Why a program was not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The order cannot be read, or its report not be written.
    #[error("the launcher cannot use `{}`", path.display())]
    Order {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A namespace, a limit or the program itself.
    #[error("the launcher cannot {action}")]
    System {
        /// What.
        action: &'static str,
        /// Why.
        source: io::Error,
    },
    /// File rules.
    #[error("the launcher cannot bound what is written")]
    Files(#[from] landlock::RulesetError),
    /// The filter of system calls.
    #[error("the launcher cannot filter system calls")]
    Calls(#[source] seccompiler::Error),
}

fn system(action: &'static str) -> impl Fn(io::Error) -> LaunchError {
    move |source| LaunchError::System { action, source }
}

/// Does what the order in `arguments` says: everything after the program's name and [`LAUNCH`].
///
/// Becomes the program, or waits for it (in namespaces also for everything it started) and gives its exit code, 128 and
/// the number if a signal killed it. To be called before this process has a second thread.
///
/// # Errors
/// [`LaunchError`]; the program was not started then.
pub fn enter(arguments: impl IntoIterator<Item = OsString>) -> Result<u8, LaunchError> {
    let mut arguments = arguments.into_iter();
    let path = PathBuf::from(arguments.next().unwrap_or_default());
    let rest: Vec<OsString> = arguments.skip(1).collect();
    let unusable = |source| LaunchError::Order {
        path: path.clone(),
        source,
    };
    // A launcher whose caller is gone has nobody to work for.
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|e| system("follow its caller")(e.into()))?;
    let bytes = fs::read(&path).map_err(unusable)?;
    let order: Order = serde_json::from_slice(&bytes).map_err(|e| unusable(io::Error::other(e)))?;
    match &order.inside {
        None => outside(order, &path, &rest),
        Some(so_far) => inside(&order, so_far.clone(), &rest),
    }
}

/// What asks a process to end. The launcher ends when its program has: what asks the program is no matter of its own.
fn requests_to_end() -> SigSet {
    SigSet::from_iter([
        signal::SIGHUP,
        signal::SIGINT,
        signal::SIGQUIT,
        signal::SIGTERM,
    ])
}

/// Leaves the namespaces, and starts itself again inside the new ones.
fn outside(order: Order, path: &Path, rest: &[OsString]) -> Result<u8, LaunchError> {
    let entered = namespaces::enter(order.reach).map_err(system("enter namespaces"))?;
    let mut so_far = Confined::nothing();
    if order.reach == Reach::Everywhere {
        "open".clone_into(&mut so_far.network);
    }
    if let Some(entered) = entered {
        "namespace".clone_into(&mut so_far.processes);
        if entered.network {
            "namespace".clone_into(&mut so_far.network);
        }
        if entered.users {
            // Read again by `inside`: processes are counted apart.
            "rlimit".clone_into(&mut so_far.resources);
        }
    }
    let inner = path.with_extension("inside.json");
    let order = Order {
        inside: Some(so_far),
        ..order
    };
    let unusable = |source| LaunchError::Order {
        path: inner.clone(),
        source,
    };
    let bytes = serde_json::to_vec(&order).map_err(|e| unusable(io::Error::other(e)))?;
    fs::write(&inner, bytes).map_err(unusable)?;
    requests_to_end()
        .thread_block()
        .map_err(|e| system("keep signals back")(e.into()))?;
    let mut child = Command::new("/proc/self/exe")
        .arg(LAUNCH)
        .arg(&inner)
        .arg("--")
        .args(rest)
        .spawn()
        .map_err(system("start itself again"))?;
    leave_group(&mut child).map_err(system("leave its process group"))?;
    let status = child.wait().map_err(system("wait for the program"))?;
    Ok(code_of(status.code(), status.signal()))
}

/// Joins the caller's process group, and leaves its own, which is the job's, to `child`.
///
/// Whoever kills the job's group kills all but this process, which is over when they are: a namespace's first process
/// ends after every other. Whoever waits for the job knows then that nothing of it is left.
fn leave_group(child: &mut Child) -> io::Result<()> {
    let left = getpgid(getppid()).and_then(|group| setpgid(None, Some(group)));
    if left.is_err() {
        child.kill()?;
    }
    Ok(left?)
}

fn code_of(code: Option<i32>, signal: Option<i32>) -> u8 {
    let code = code.or(signal.map(|number| 128 + number)).unwrap_or(1);
    u8::try_from(code & 0xff).unwrap_or(1)
}

/// Bounds itself and becomes the program, or the first process of its namespace.
fn inside(order: &Order, mut held: Confined, rest: &[OsString]) -> Result<u8, LaunchError> {
    requests_to_end()
        .thread_unblock()
        .map_err(|e| system("let signals through")(e.into()))?;
    let unusable = |source| LaunchError::Order {
        path: order.report.clone(),
        source,
    };
    // Opened before the rules, which keep even the launcher from it: what the program can write is no report.
    let mut report = fs::File::create(&order.report).map_err(unusable)?;
    limits::set(held.resources != UNCONFINED).map_err(system("limit resources"))?;
    "rlimit".clone_into(&mut held.resources);
    let own_network = held.network == "namespace";
    let ruled = files::rule(&order.writable, (order.reach, own_network))?;
    if ruled.writes {
        "landlock".clone_into(&mut held.writes);
    }
    if ruled.signals && held.processes == UNCONFINED {
        "landlock".clone_into(&mut held.processes);
    }
    let sockets = match (order.reach, own_network) {
        (Reach::Everywhere, _) => Sockets::All,
        (Reach::Nowhere, true) => Sockets::Internet,
        (Reach::Nowhere, false) => Sockets::None,
    };
    if calls::filter(sockets)? {
        "seccomp".clone_into(&mut held.system_calls);
        if sockets == Sockets::None {
            "seccomp".clone_into(&mut held.network);
        }
    }
    let bytes = serde_json::to_vec(&held).map_err(|e| unusable(io::Error::other(e)))?;
    report.write_all(&bytes).map_err(unusable)?;
    let mut program = Command::new(&order.program);
    program.args(rest);
    let not_started = system("start the program");
    if getpid().is_init() {
        drop(report);
        return look_after(&program.spawn().map_err(not_started)?);
    }
    Err(not_started(program.exec()))
}

/// Is the first process of a namespace until `program` ends: takes leave of those that lost their parents.
///
/// The program itself cannot be the first: the kernel keeps from that one every signal it does not catch, so that
/// neither a request to end nor its own `kill` would end it.
fn look_after(program: &Child) -> Result<u8, LaunchError> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == Pid::from_child(program) => {
                return Ok(code_of(status.exit_status(), status.terminating_signal()));
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(system("wait for the program")(e.into())),
        }
    }
}
