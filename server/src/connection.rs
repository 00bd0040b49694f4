//! One connection from its first byte to its last, with the time each wait may take.
//!
//! One timer serves all waits. It is only moved when it fires too early, so a busy connection touches the
//! timer wheel every few seconds and not for each request.

use crate::activity::{Activity, InFlight, Metered, Wait};
use crate::options::{MAX_HEAD_BYTES, ServeOptions};
use crate::report::TimedOut;
use crate::router::Router;
use crate::serve::Stage;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

/// What all connections of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) router: Router,
    pub(crate) options: ServeOptions,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ended {
    /// Requests answered to the end.
    pub(crate) served: u64,
    /// Whether a request was broken off because the server stops.
    pub(crate) is_cut: bool,
}

/// Serves the requests of `socket` until either side is done.
pub(crate) async fn run(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    client: SocketAddr,
    shared: Arc<Shared>,
    mut stage: watch::Receiver<Stage>,
) -> Ended {
    let activity = Arc::new(Activity::default());
    shared.options.metrics.connected();
    let service = service_fn(|request: Request<Incoming>| {
        let in_flight = InFlight::begin(&activity);
        let is_refused = activity.is_refused();
        let shared = &shared;
        // hyper keeps the room of this future for as long as the connection lives; boxed, an idle
        // connection holds 2 KiB less.
        Box::pin(async move {
            let Shared { router, options } = &**shared;
            let response = router.answer(request, client, is_refused, options).await;
            Ok::<_, Infallible>(Response::map(response, |body| body.until_sent(in_flight)))
        })
    });
    let socket = TokioIo::new(Metered::new(socket, Arc::clone(&activity)));
    let mut connection = pin!(builder().serve_connection(socket, service));
    let mut timer = Timer::new(&shared.options);
    let mut is_cut = false;
    loop {
        let is_draining = *stage.borrow_and_update() != Stage::Serving;
        tokio::select! {
            biased;
            // An error is the client's doing: a reset, a malformed head. hyper has answered what it can.
            _ = connection.as_mut() => break,
            () = poll_fn(|_| ready_if(is_draining && !activity.is_busy())) => break,
            changed = stage.changed() => {
                let cut = changed.is_err() || *stage.borrow() == Stage::Cut;
                if cut {
                    is_cut = activity.is_busy();
                    break;
                }
                connection.as_mut().graceful_shutdown();
            }
            wait = poll_fn(|cx| timer.poll(cx, activity.wait())) => {
                shared.options.metrics.timed_out(wait);
                shared.options.reporter.timed_out(client, wait);
                break;
            }
        }
    }
    shared.options.metrics.disconnected(activity.sent());
    Ended {
        served: activity.served(),
        is_cut,
    }
}

/// A builder with our limits; the waits are ours too, see `activity.rs`.
fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .header_read_timeout(None)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_HEAD_BYTES + 1024)
        // A client may close its sending side once it has asked, and still wants its answer.
        .half_close(true);
    builder
}

fn ready_if(condition: bool) -> Poll<()> {
    if condition {
        Poll::Ready(())
    } else {
        Poll::Pending
    }
}

/// Tells when a wait has lasted too long.
struct Timer<'a> {
    options: &'a ServeOptions,
    wait: Wait,
    deadline: Option<Instant>,
    /// Fires at the deadline, or before it and is then moved.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<'a> Timer<'a> {
    fn new(options: &'a ServeOptions) -> Self {
        Self {
            options,
            wait: Wait::Server,
            deadline: None,
            alarm: None,
        }
    }

    /// Ready once `wait` has been the wait for as long as it may. Called after each step of the connection.
    fn poll(&mut self, cx: &mut Context<'_>, wait: Wait) -> Poll<TimedOut> {
        let Some((allowed, reason)) = allowance(self.options, wait) else {
            self.wait = wait;
            return Poll::Pending;
        };
        if wait != self.wait || self.deadline.is_none() {
            self.wait = wait;
            self.deadline = Instant::now().checked_add(allowed);
        }
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        // An alarm behind the deadline, left by a longer wait, has to come forward.
        if alarm.deadline() > deadline {
            alarm.as_mut().reset(deadline);
        }
        while alarm.as_mut().poll(cx).is_ready() {
            if alarm.deadline() >= deadline {
                return Poll::Ready(reason);
            }
            alarm.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

fn allowance(options: &ServeOptions, wait: Wait) -> Option<(Duration, TimedOut)> {
    match wait {
        Wait::Head(_) => Some((options.header_timeout, TimedOut::Header)),
        Wait::Idle(_) => Some((options.idle_timeout, TimedOut::Idle)),
        Wait::Body(_) => Some((options.body_timeout, TimedOut::RequestBody)),
        Wait::Response(_) => Some((options.body_timeout, TimedOut::Response)),
        Wait::Server => None,
    }
}
