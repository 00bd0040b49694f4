//! System calls: a filter that refuses what no test needs and what would lead around the other rules.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::launch::LaunchError;

/// Calls that change the system, look into other processes, or make sockets without `socket`.
const REFUSED: [i64; 31] = [
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_init_module,
    // Sockets come out of a ring too.
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_move_mount,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setns,
    libc::SYS_swapon,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
];

/// On x86-64, calls of the ABI with short pointers have this bit in their number.
const SHORT_POINTERS: i64 = 0x4000_0000;

/// Families of sockets a program may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sockets {
    /// Any.
    All,
    /// Those that stay in a network of its own. No `AF_UNIX`: its names are files, which lead out of any
    /// network, such as to a container daemon. Pairs of connected sockets need no name and are free.
    Internet,
    /// None.
    None,
}

/// Puts the filter in force for this process and all it starts; tells whether the kernel has such filters.
pub(super) fn filter(sockets: Sockets) -> Result<bool, LaunchError> {
    let Ok(architecture) = TargetArch::try_from(std::env::consts::ARCH) else {
        return Ok(false);
    };
    let broken = |e: seccompiler::BackendError| LaunchError::Calls(e.into());
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for call in REFUSED {
        rules.insert(call, Vec::new());
        rules.insert(call | SHORT_POINTERS, Vec::new());
    }
    let families: &[i32] = match sockets {
        Sockets::All => &[],
        Sockets::Internet => &[libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK],
        Sockets::None => &[libc::AF_UNSPEC],
    };
    let mut others = Vec::new();
    for family in families {
        let family = u64::try_from(*family).unwrap_or_default();
        let (width, other) = (SeccompCmpArgLen::Dword, SeccompCmpOp::Ne);
        others.push(SeccompCondition::new(0, width, other, family).map_err(broken)?);
    }
    if !others.is_empty() {
        for call in [libc::SYS_socket, libc::SYS_socket | SHORT_POINTERS] {
            let rule = SeccompRule::new(others.clone()).map_err(broken)?;
            rules.insert(call, vec![rule]);
        }
    }
    let refusal = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let program: BpfProgram =
        SeccompFilter::new(rules, SeccompAction::Allow, refusal, architecture)
            .and_then(TryInto::try_into)
            .map_err(broken)?;
    match seccompiler::apply_filter(&program) {
        Ok(()) => Ok(true),
        // A kernel without filters.
        Err(seccompiler::Error::Prctl(e) | seccompiler::Error::Seccomp(e))
            if matches!(e.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS)) =>
        {
            Ok(false)
        }
        Err(error) => Err(LaunchError::Calls(error)),
    }
}
