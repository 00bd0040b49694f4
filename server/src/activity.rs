//! What one connection is doing, as seen by its socket and its requests; nothing here reads a clock.
//!
//! hyper's own header timer restarts with every head and also runs between requests, so it can tell
//! neither a trickled head from an idle connection nor a stalled reader from a slow disk. The socket is
//! therefore wrapped: [`Metered`] counts bytes and notes who waits for whom, [`Activity::wait`] names the
//! wait, and `connection.rs` gives each wait its time. All of it runs on the one task of the connection;
//! the atomics only make it `Send`.

use crate::framing::HeadScanner;
use crate::kernel_copy::{KernelCopy, Socket};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Largest response sent from one joined buffer, in bytes. A plain send costs the kernel less than a gather
/// of two pieces, up to about one packet.
const MAX_JOINED: usize = 1400;

/// Bytes read at most to wake a connection: most heads are shorter.
const MAX_EARLY: usize = 1024;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ended {
    /// Requests answered to the end.
    pub(crate) served: u64,
    /// Whether a request was broken off because the server stops.
    pub(crate) is_cut: bool,
}

/// Shared by the socket, the requests and the timers of one connection.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    /// Requests whose head is complete.
    requests: AtomicU64,
    /// Of them, those whose response is not yet handed over.
    unanswered: AtomicU64,
    head_begun: AtomicBool,
    received: AtomicU64,
    sent: AtomicU64,
    read_blocked: AtomicBool,
    write_blocked: AtomicBool,
    body_awaited: AtomicBool,
    refused: AtomicBool,
    /// What the kernel has of the body that is being sent; looked at only where the flag is set.
    copy: Mutex<Option<Arc<KernelCopy>>>,
    has_copy: AtomicBool,
}

/// What a connection waits for. Two equal values are the same wait; the number tells waits apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The rest of the head of this request, counted from zero.
    Head(u64),
    /// The first byte of the request after this many.
    Idle(u64),
    /// More of a request body, after this many bytes of the connection.
    Body(u64),
    /// The client reading on, after this many bytes sent.
    Response(u64),
    /// The server's own work.
    Server,
}

impl Activity {
    /// Names the present wait.
    pub(crate) fn wait(&self) -> Wait {
        let requests = self.requests.load(Relaxed);
        if self.write_blocked.load(Relaxed) {
            Wait::Response(self.sent.load(Relaxed))
        } else if self.is_answering() {
            if self.body_awaited.load(Relaxed) && self.read_blocked.load(Relaxed) {
                Wait::Body(self.received.load(Relaxed))
            } else {
                Wait::Server
            }
        } else if requests == 0 || self.head_begun.load(Relaxed) {
            Wait::Head(requests)
        } else {
            Wait::Idle(requests)
        }
    }

    /// Whether a request has come whose response is not yet with the kernel.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_answering() || self.write_blocked.load(Relaxed)
    }

    /// Whether the stream held a head that must not be obeyed.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused.load(Relaxed)
    }

    /// What a connection that ends now has done.
    pub(crate) fn ended(&self, is_cut: bool) -> Ended {
        Ended {
            served: self.served(),
            is_cut,
        }
    }

    fn served(&self) -> u64 {
        let broken_off = self
            .unanswered
            .load(Relaxed)
            .max(self.write_blocked.load(Relaxed).into());
        self.requests.load(Relaxed).saturating_sub(broken_off)
    }

    /// Bytes handed to the kernel.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    fn set_copy(&self, copy: Option<Arc<KernelCopy>>) {
        self.has_copy.store(copy.is_some(), Relaxed);
        *self.copy.lock().unwrap_or_else(PoisonError::into_inner) = copy;
    }

    fn copy(&self) -> Option<Arc<KernelCopy>> {
        if !self.has_copy.load(Relaxed) {
            return None;
        }
        let copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
        copy.clone()
    }

    fn is_answering(&self) -> bool {
        self.unanswered.load(Relaxed) > 0
    }
}

/// Adds to a number that one task alone changes, which costs less than a change that others must see whole.
fn add(number: &AtomicU64, more: u64) {
    number.store(number.load(Relaxed).wrapping_add(more), Relaxed);
}

/// Lives from the complete head of a request until its response is handed over.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Activity>);

impl InFlight {
    /// Notes that a request has come.
    pub(crate) fn begin(activity: &Arc<Activity>) -> Self {
        add(&activity.requests, 1);
        add(&activity.unanswered, 1);
        Self(Arc::clone(activity))
    }

    /// Notes that the kernel has the body that comes next.
    pub(crate) fn sends(&self, copy: Arc<KernelCopy>) {
        self.0.set_copy(Some(copy));
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let unanswered = self.0.unanswered.load(Relaxed);
        self.0.unanswered.store(unanswered - 1, Relaxed);
    }
}

/// A socket that keeps an [`Activity`] up to date.
#[derive(Debug)]
pub(crate) struct Metered<S> {
    socket: S,
    scanner: HeadScanner,
    activity: Arc<Activity>,
    /// What was read and not yet handed on.
    early: Vec<u8>,
}

impl<S> Metered<S> {
    pub(crate) fn new(socket: S, activity: Arc<Activity>) -> Self {
        Self {
            socket,
            scanner: HeadScanner::default(),
            activity,
            early: Vec::new(),
        }
    }

    /// Takes back what was handed on and is of no request yet.
    pub(crate) fn unread(&mut self, bytes: &[u8]) {
        self.early.splice(..0, bytes.iter().copied());
    }

    fn note_read(&mut self, bytes: &[u8]) {
        let activity = &self.activity;
        add(&activity.received, bytes.len() as u64);
        self.scanner.feed(bytes);
        activity.refused.store(self.scanner.is_refused(), Relaxed);
        activity
            .body_awaited
            .store(self.scanner.awaits_body(), Relaxed);
        activity
            .head_begun
            .store(self.scanner.is_within_head(), Relaxed);
    }

    fn note_write(&self, result: &Poll<io::Result<usize>>) {
        self.activity
            .write_blocked
            .store(result.is_pending(), Relaxed);
        if let Poll::Ready(Ok(sent)) = result {
            add(&self.activity.sent, *sent as u64);
        }
    }
}

impl<S: AsyncRead + Unpin> Metered<S> {
    /// Reads some bytes and keeps them for whoever reads next; whether there were any before the end.
    pub(crate) fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut space = [MaybeUninit::uninit(); MAX_EARLY];
        let mut buffer = ReadBuf::uninit(&mut space);
        self.poll_socket(cx, &mut buffer).map(|result| {
            self.early.extend_from_slice(buffer.filled());
            result.is_ok() && !buffer.filled().is_empty()
        })
    }

    fn poll_socket(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.socket).poll_read(cx, buffer);
        self.activity
            .read_blocked
            .store(result.is_pending(), Relaxed);
        if result.is_ready() {
            self.note_read(&buffer.filled()[before..]);
        }
        result
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.early.is_empty() {
            return this.poll_socket(cx, buffer);
        }
        let here = this.early.len().min(buffer.remaining());
        buffer.put_slice(&this.early[..here]);
        this.early.drain(..here);
        if this.early.is_empty() {
            this.early = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> Metered<S> {
    /// Sends the first slices from what the kernel has of them; `None` if it has nothing of them.
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Option<Poll<io::Result<usize>>> {
        let copy = self.activity.copy()?;
        let (head, body): (&[u8], &[u8]) = match slices {
            [body] => (&[], body),
            [head, body, ..] => (head, body),
            [] => return None,
        };
        let result = self.socket.poll_send(cx, head, body, &copy)?;
        if let Poll::Ready(Ok(sent)) = result
            && sent == head.len() + body.len()
            && copy.ends_with(body)
        {
            self.activity.set_copy(None);
        }
        Some(result)
    }
}

impl<S: Socket> AsyncWrite for Metered<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = match this.poll_send(cx, &[IoSlice::new(bytes)]) {
            Some(result) => result,
            None => Pin::new(&mut this.socket).poll_write(cx, bytes),
        };
        this.note_write(&result);
        result
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let total: usize = slices.iter().map(|slice| slice.len()).sum();
        let result = if let Some(result) = this.poll_send(cx, slices) {
            result
        } else if total <= MAX_JOINED {
            let mut joined = [0; MAX_JOINED];
            let mut length = 0;
            for slice in slices {
                joined[length..length + slice.len()].copy_from_slice(slice);
                length += slice.len();
            }
            Pin::new(&mut this.socket).poll_write(cx, &joined[..length])
        } else {
            Pin::new(&mut this.socket).poll_write_vectored(cx, slices)
        };
        this.note_write(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}
