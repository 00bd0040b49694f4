//! Bytes that the kernel has once more, in pages of its own, and sends from there without copying them for each client.
//!
//! Worth it for files that are asked for again and again (`heat.rs`): copying 19 KB to the socket is a quarter of what such a
//! request costs. The bytes in memory stay the truth: whoever writes them to the socket is recognised by their address,
//! and gets the same bytes sent from here. What cannot be sent so, to a client with TLS for one, is written as ever.

use bytes::Bytes;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::net::TcpStream;

/// Least number of bytes worth a copy, inclusive (8 KiB): below, one call that copies is cheaper than two that do not.
const LEAST_BYTES: usize = 8 * 1024;

/// Bytes in all copies at most (32 MiB); it is memory beside that of the cache.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// Copies there may be at most, each of which is an open file.
const MOST_COPIES: usize = 128;

static BYTES: AtomicUsize = AtomicUsize::new(0);
static COPIES: AtomicUsize = AtomicUsize::new(0);

/// A copy of some bytes, for as long as anybody has it.
#[derive(Debug)]
pub(crate) struct KernelCopy {
    bytes: Bytes,
    file: File,
    _room: Room,
}

impl KernelCopy {
    /// Copies `bytes`; `None` where that is not worth it or there is no room.
    pub(crate) fn of(bytes: &Bytes) -> Option<Arc<Self>> {
        if bytes.len() < LEAST_BYTES {
            return None;
        }
        let room = Room::take(bytes.len())?;
        let file = file_of(bytes).ok()?;
        Some(Arc::new(Self {
            bytes: bytes.clone(),
            file,
            _room: room,
        }))
    }

    /// Where `slice` lies in these bytes, if it is a part of this very memory.
    ///
    /// That memory cannot have become another's: it is held here.
    fn range_of(&self, slice: &[u8]) -> Option<Range<u64>> {
        let start = (slice.as_ptr() as usize).checked_sub(self.bytes.as_ptr() as usize)?;
        let end = start.checked_add(slice.len())?;
        (end <= self.bytes.len()).then_some(start as u64..end as u64)
    }

    /// Whether `slice` is the end of these bytes.
    pub(crate) fn ends_with(&self, slice: &[u8]) -> bool {
        self.range_of(slice)
            .is_some_and(|range| range.end == self.bytes.len() as u64)
    }
}

#[cfg(target_os = "linux")]
fn file_of(bytes: &[u8]) -> io::Result<File> {
    use rustix::fs::{MemfdFlags, memfd_create};
    use std::io::Write as _;

    let mut file = File::from(memfd_create("attune-served", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    Ok(file)
}

#[cfg(not(target_os = "linux"))]
fn file_of(_bytes: &[u8]) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A share of what all copies together may take.
#[derive(Debug)]
struct Room(usize);

impl Room {
    fn take(bytes: usize) -> Option<Self> {
        COPIES.fetch_add(1, Relaxed);
        BYTES.fetch_add(bytes, Relaxed);
        // From here on it is given back when dropped.
        let room = Self(bytes);
        (COPIES.load(Relaxed) <= MOST_COPIES && BYTES.load(Relaxed) <= MOST_BYTES).then_some(room)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        COPIES.fetch_sub(1, Relaxed);
        BYTES.fetch_sub(self.0, Relaxed);
    }
}

/// What a connection is made of.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Sends `head`, then `body`, from its copy; returns how much of both was sent, one after the other.
    ///
    /// `None` where this socket, or the copy, does not serve for that.
    fn poll_send(
        &self,
        _cx: &mut Context<'_>,
        _head: &[u8],
        _body: &[u8],
        _copy: &KernelCopy,
    ) -> Option<Poll<io::Result<usize>>> {
        None
    }
}

/// What it sends is encrypted first.
impl Socket for tokio_rustls::server::TlsStream<TcpStream> {}

#[cfg(not(target_os = "linux"))]
impl Socket for TcpStream {}

#[cfg(target_os = "linux")]
impl Socket for TcpStream {
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        head: &[u8],
        body: &[u8],
        copy: &KernelCopy,
    ) -> Option<Poll<io::Result<usize>>> {
        let range = copy.range_of(body)?;
        Some(poll_send(self, cx, head, (&copy.file, range)))
    }
}

#[cfg(target_os = "linux")]
fn poll_send(
    socket: &TcpStream,
    cx: &mut Context<'_>,
    head: &[u8],
    (file, range): (&File, Range<u64>),
) -> Poll<io::Result<usize>> {
    loop {
        ready!(socket.poll_write_ready(cx))?;
        let sent = socket.try_io(Interest::WRITABLE, || send(socket, head, (file, &range)));
        match sent {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            sent => return Poll::Ready(sent),
        }
    }
}

#[cfg(target_os = "linux")]
fn send(socket: &TcpStream, head: &[u8], (file, range): (&File, &Range<u64>)) -> io::Result<usize> {
    use rustix::fs::sendfile;
    use rustix::net::{SendFlags, send};

    if !head.is_empty() {
        // More is to come: both leave in the same packets.
        let sent = send(socket, head, SendFlags::MORE | SendFlags::NOSIGNAL)?;
        if sent < head.len() {
            return Ok(sent);
        }
    }
    let mut position = range.start;
    let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    match sendfile(socket, file, Some(&mut position), wanted) {
        Ok(sent) => Ok(head.len() + sent),
        // What was sent is to be told; the error comes again.
        Err(_) if !head.is_empty() => Ok(head.len()),
        Err(error) => Err(error.into()),
    }
}
