//! Namespaces: a network of its own with nothing but loopback, process numbers and queues of its own.

use std::fs;
use std::io;

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, sendto,
    socket,
};
use std::os::fd::AsRawFd as _;

use super::Reach;

/// What was entered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entered {
    /// Whether users, and with them the number of processes, are counted apart.
    pub(super) users: bool,
    /// Whether the network is its own.
    pub(super) network: bool,
}

/// Leaves the namespaces of this process, which has one thread; `None` where the system does not let it.
///
/// What this process starts from now on has process numbers of its own.
pub(super) fn enter(reach: Reach) -> io::Result<Option<Entered>> {
    let mut apart = CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWIPC;
    let network = reach == Reach::Nowhere;
    if network {
        apart |= CloneFlags::CLONE_NEWNET;
    }
    let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
    let users = unshare(apart | CloneFlags::CLONE_NEWUSER).is_ok();
    if users {
        // The same numbers inside: files keep their owners, and nobody becomes anybody else.
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{0} {0} 1", user.as_raw()))?;
        fs::write("/proc/self/gid_map", format!("{0} {0} 1", group.as_raw()))?;
    } else if unshare(apart).is_err() {
        return Ok(None);
    }
    if network {
        raise_loopback()?;
    }
    Ok(Some(Entered { users, network }))
}

/// Tells the kernel that interface 1, loopback, is up. `ip link set lo up` in 32 bytes.
fn raise_loopback() -> io::Result<()> {
    const RTM_NEWLINK: u16 = 16;
    const NLM_F_REQUEST_ACK: u16 = 1 | 4;
    const IFF_UP: u32 = 1;
    const LENGTH: u32 = 32;
    let mut message = Vec::new();
    // The header: length, type, flags, sequence, sender.
    message.extend(LENGTH.to_ne_bytes());
    message.extend(RTM_NEWLINK.to_ne_bytes());
    message.extend(NLM_F_REQUEST_ACK.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    // The body: family and type, index, flags, which of them.
    message.extend(0_u32.to_ne_bytes());
    message.extend(1_i32.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes());
    let kernel = NetlinkAddr::new(0, 0);
    let link = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    bind(link.as_raw_fd(), &kernel)?;
    sendto(link.as_raw_fd(), &message, &kernel, MsgFlags::empty())?;
    let mut answer = [0; 256];
    let count = recv(link.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    // An acknowledgement is an error message with number 0 behind its header.
    match answer[..count].get(16..20).and_then(|n| n.try_into().ok()) {
        Some(number) if i32::from_ne_bytes(number) == 0 => Ok(()),
        Some(number) => Err(io::Error::from_raw_os_error(-i32::from_ne_bytes(number))),
        None => Err(io::Error::other("the kernel gave half an answer")),
    }
}
