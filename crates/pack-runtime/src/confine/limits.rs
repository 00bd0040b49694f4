//! Limits of resources, as the kernel counts them: per process, and processes per namespace.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Most memory one process may write to (4 GiB, inclusive). Address space is not bounded: Node.js reserves more
/// than it uses.
pub(super) const MAX_DATA_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Largest file (1 GiB, inclusive).
pub(super) const MAX_FILE_BYTES: u64 = 1024 * 1024 * 1024;
/// Most open files of one process.
pub(super) const MAX_OPEN_FILES: u64 = 1024;
/// Most processes and threads, where they are counted per namespace.
pub(super) const MAX_PROCESSES: u64 = 512;

/// Sets the limits of this process and all it starts.
pub(super) fn set(counts_processes: bool) -> io::Result<()> {
    lower(Resource::Data, MAX_DATA_BYTES)?;
    lower(Resource::Fsize, MAX_FILE_BYTES)?;
    lower(Resource::Nofile, MAX_OPEN_FILES)?;
    lower(Resource::Core, 0)?;
    if counts_processes {
        lower(Resource::Nproc, MAX_PROCESSES)?;
    }
    Ok(())
}

/// Never raises a limit.
fn lower(resource: Resource, limit: u64) -> io::Result<()> {
    let now = getrlimit(resource);
    let least = |old: Option<u64>| Some(old.map_or(limit, |old| old.min(limit)));
    let limits = Rlimit {
        current: least(now.current),
        maximum: least(now.maximum),
    };
    Ok(setrlimit(resource, limits)?)
}
