//! Accepts connections until told to stop, then lets requests in progress finish.

use crate::activity::Ended;
use crate::connection::{Shared, run};
use crate::options::ServeOptions;
use crate::report::Reporter;
use crate::router::Router;
use pack_format::Hint;
use rustix::process::{Resource, getrlimit};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, timeout};

/// How long to wait after a failed accept. Out of file handles, the next attempt fails at once too, and
/// an idle connection has to close first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Least time between two reports of failed accepts.
const REPORT_PAUSE: Duration = Duration::from_secs(1);

/// How far a server has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Serving,
    /// Requests in progress may finish; connections without one close.
    Draining,
    /// All connections close.
    Cut,
}

/// What a server did between its start and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServeSummary {
    /// Requests answered to the end.
    pub served: u64,
    /// Connections closed with a request in progress, because the deadline of the shutdown passed.
    pub cut: u64,
}

/// Serving ended before it was told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The socket given cannot accept connections, now or ever.
    #[error("cannot accept connections")]
    Listener {
        /// What the system said.
        source: io::Error,
    },
}

impl Hint for ServeError {
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Serves `router` to whoever connects to `listener`, until `shutdown` completes.
///
/// Then no more connections are accepted, idle ones close, and requests in progress have
/// [`shutdown_deadline`](ServeOptions::shutdown_deadline) to finish. A failing accept never ends the server
/// if it may work later.
///
/// # Errors
/// [`ServeError::Listener`] if `listener` is no socket to accept from.
pub async fn serve(
    listener: TcpListener,
    router: impl Into<Router>,
    options: ServeOptions,
    shutdown: impl Future<Output = ()>,
) -> Result<ServeSummary, ServeError> {
    let most = options
        .max_connections
        .min(affordable())
        .clamp(1, MOST_PERMITS);
    let server = Server {
        shared: Arc::new(Shared {
            router: router.into(),
            options,
        }),
        slots: Arc::new(Semaphore::new(most)),
        most: u32::try_from(most).unwrap_or(u32::MAX),
        stage: watch::Sender::new(Stage::Serving),
        counts: Arc::default(),
    };
    let result = server.accept_until(&listener, shutdown).await;
    drop(listener);
    server.drain().await;
    result.map(|()| ServeSummary {
        served: server.counts.served.load(Relaxed),
        cut: server.counts.cut.load(Relaxed),
    })
}

/// Most permits that fit both the semaphore and the count it takes to get all of them back.
const MOST_PERMITS: usize = u32::MAX as usize >> 3;

/// Connections the process has file handles for. A quarter is left for files: a server that accepts until
/// it cannot open any has accepted in vain.
fn affordable() -> usize {
    let handles = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(handles - handles / 4).unwrap_or(usize::MAX)
}

struct Server {
    shared: Arc<Shared>,
    slots: Arc<Semaphore>,
    most: u32,
    stage: watch::Sender<Stage>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    served: AtomicU64,
    cut: AtomicU64,
}

impl Server {
    async fn accept_until(
        &self,
        listener: &TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let mut shutdown = pin!(shutdown);
        let mut failures = Failures::default();
        loop {
            let next = async {
                // Without a free slot nothing is accepted: the kernel's queue is the waiting room.
                let slot = Arc::clone(&self.slots).acquire_owned().await;
                (slot, listener.accept().await)
            };
            let (slot, accepted) = tokio::select! {
                biased;
                () = &mut shutdown => return Ok(()),
                next = next => next,
            };
            match (slot, accepted) {
                (Ok(slot), Ok((socket, client))) => self.start(slot, socket, client),
                (_, Err(error)) if is_of_one_client(&error) => {}
                (_, Err(source)) if is_final(&source) => {
                    return Err(ServeError::Listener { source });
                }
                (_, Err(error)) => {
                    failures.report(&*self.shared.options.reporter, &error);
                    tokio::select! {
                        () = &mut shutdown => return Ok(()),
                        () = sleep(ACCEPT_PAUSE) => {}
                    }
                }
                // The semaphore is never closed.
                (Err(_), Ok(_)) => return Ok(()),
            }
        }
    }

    fn start(&self, slot: OwnedSemaphorePermit, socket: TcpStream, client: SocketAddr) {
        // A response is written whole; waiting for more to send would only delay its last packet.
        let _ = socket.set_nodelay(true);
        let shared = Arc::clone(&self.shared);
        let counts = Arc::clone(&self.counts);
        let stage = self.stage.subscribe();
        tokio::spawn(async move {
            let Ended { served, is_cut } = match &shared.options.tls {
                // Boxed: a plain connection, most of which wait, does not hold the room that one with TLS needs.
                None => Box::pin(run(socket, client, shared, stage)).await,
                Some(tls) => {
                    // The handshake is part of the first head; who trickles it gets no further.
                    let handshake = Box::pin(tls.acceptor().accept(socket));
                    match timeout(shared.options.header_timeout, handshake).await {
                        Ok(Ok(socket)) => Box::pin(run(socket, client, shared, stage)).await,
                        _ => Ended::default(),
                    }
                }
            };
            counts.served.fetch_add(served, Relaxed);
            counts.cut.fetch_add(u64::from(is_cut), Relaxed);
            drop(slot);
        });
    }

    /// Waits for all connections to end, at last by ending them.
    async fn drain(&self) {
        self.stage.send_replace(Stage::Draining);
        let all = || self.slots.acquire_many(self.most);
        if timeout(self.shared.options.shutdown_deadline, all())
            .await
            .is_err()
        {
            self.stage.send_replace(Stage::Cut);
            let _ = all().await;
        }
    }
}

/// The client gave up before it was accepted; the next one may not have.
fn is_of_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// The descriptor is not a listening socket.
fn is_final(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(
        Errno::from_io_error(error),
        Some(Errno::BADF | Errno::NOTSOCK | Errno::INVAL | Errno::OPNOTSUPP)
    )
}

/// Keeps reports of failed accepts down to one in a while.
#[derive(Default)]
struct Failures {
    last: Option<Instant>,
    unreported: u64,
}

impl Failures {
    fn report(&mut self, reporter: &dyn Reporter, error: &io::Error) {
        if self.last.is_some_and(|last| last.elapsed() < REPORT_PAUSE) {
            self.unreported += 1;
            return;
        }
        reporter.accept_failed(error, self.unreported);
        self.last = Some(Instant::now());
        self.unreported = 0;
    }
}
