//! One connection from its first byte to its last, with the time each wait may take.
//!
//! One timer serves all waits. It is only moved when it fires too early, so a busy connection touches the
//! timer wheel now and then and not for each request.
//!
//! A connection that waits for its next request is soon laid to rest: what hyper keeps for it, a read buffer
//! of 8 KiB above all, is let go, and made anew when the next byte comes.

use crate::activity::{Activity, Ended, InFlight, Metered, Wait};
use crate::body::ResponseBody;
use crate::kernel_copy::Socket;
use crate::options::{MAX_HEAD_BYTES, ServeOptions};
use crate::report::TimedOut;
use crate::router::Router;
use crate::serve::Stage;
use futures_util::future::Either;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::{Future, poll_fn, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::AsyncRead;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a connection without a request stays ready. To wake one costs some microseconds.
const RESTS_AFTER: Duration = Duration::from_millis(100);

/// What all connections of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) router: Router,
    pub(crate) options: ServeOptions,
}

/// Serves the requests of `socket` until either side is done.
pub(crate) async fn run<S>(
    socket: S,
    client: SocketAddr,
    shared: Arc<Shared>,
    stage: watch::Receiver<Stage>,
) -> Ended
where
    S: Socket,
{
    shared.options.metrics.connected();
    let activity = Arc::new(Activity::default());
    let mut connection = Connection {
        client,
        shared: &shared,
        activity: &activity,
        timer: Timer::new(&shared.options),
        stage,
    };
    let mut socket = Metered::new(socket, Arc::clone(&activity));
    let ended = loop {
        // Boxed, so that a connection at rest does not hold the room of one that is served.
        match Box::pin(connection.serve(socket)).await {
            Served::ToRest(rested) => socket = rested,
            Served::ToItsEnd(ended) => break ended,
        }
        if !connection.rest(&mut socket).await {
            break activity.ended(false);
        }
    };
    shared.options.metrics.disconnected(activity.sent());
    ended
}

/// How far a connection was served.
enum Served<S> {
    /// It waits for its next request.
    ToRest(Metered<S>),
    ToItsEnd(Ended),
}

struct Connection<'a> {
    client: SocketAddr,
    shared: &'a Shared,
    activity: &'a Arc<Activity>,
    timer: Timer<'a>,
    stage: watch::Receiver<Stage>,
}

impl Connection<'_> {
    async fn serve<S>(&mut self, socket: Metered<S>) -> Served<S>
    where
        S: Socket,
    {
        let (client, shared, activity) = (self.client, self.shared, self.activity);
        let service = service_fn(|request: Request<Incoming>| {
            let in_flight = InFlight::begin(activity);
            let is_refused = activity.is_refused();
            let Shared { router, options } = shared;
            match router.answer_at_once(&request, client, is_refused, options) {
                Some(response) => Either::Left(ready(Ok(until_sent(response, in_flight)))),
                // hyper keeps the room of this future for as long as it serves the connection; boxed, one that waits
                // holds 2 KiB less.
                None => Either::Right(Box::pin(async move {
                    let response = router.answer(request, client, is_refused, options).await;
                    Ok::<_, Infallible>(until_sent(response, in_flight))
                })),
            }
        });
        let mut connection = builder().serve_connection(TokioIo::new(socket), service);
        loop {
            let is_draining = *self.stage.borrow_and_update() != Stage::Serving;
            tokio::select! {
                biased;
                // An error is the client's doing: a reset, a malformed head. hyper has answered what it can.
                _ = &mut connection => break,
                () = poll_fn(|_| ready_if(is_draining && !activity.is_busy())) => break,
                changed = self.stage.changed() => {
                    let cut = changed.is_err() || *self.stage.borrow() == Stage::Cut;
                    if cut {
                        return Served::ToItsEnd(activity.ended(activity.is_busy()));
                    }
                    Pin::new(&mut connection).graceful_shutdown();
                }
                alarm = poll_fn(|cx| self.timer.poll(cx, activity.wait(), Manner::Ready)) => match alarm {
                    Alarm::Rest => {
                        let parts = connection.into_parts();
                        let mut socket = parts.io.into_inner();
                        socket.unread(&parts.read_buf);
                        return Served::ToRest(socket);
                    }
                    Alarm::TimedOut(wait) => {
                        self.tell(wait);
                        break;
                    }
                }
            }
        }
        // Before hyper lets go of a request that was broken off.
        Served::ToItsEnd(activity.ended(false))
    }

    /// Waits for the next byte; whether one came.
    async fn rest<S>(&mut self, socket: &mut Metered<S>) -> bool
    where
        S: AsyncRead + Unpin,
    {
        if *self.stage.borrow_and_update() != Stage::Serving {
            return false;
        }
        let wait = self.activity.wait();
        tokio::select! {
            biased;
            came = poll_fn(|cx| socket.poll_more(cx)) => came,
            // Nothing is left to be done for it.
            _ = self.stage.changed() => false,
            alarm = poll_fn(|cx| self.timer.poll(cx, wait, Manner::AtRest)) => {
                if let Alarm::TimedOut(wait) = alarm {
                    self.tell(wait);
                }
                false
            }
        }
    }

    fn tell(&self, wait: TimedOut) {
        self.shared.options.metrics.timed_out(wait);
        self.shared.options.reporter.timed_out(self.client, wait);
    }
}

fn until_sent(response: Response<ResponseBody>, in_flight: InFlight) -> Response<ResponseBody> {
    response.map(|body| body.until_sent(in_flight))
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

/// How a connection waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Ready,
    AtRest,
}

/// What is to be done about a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alarm {
    Rest,
    TimedOut(TimedOut),
}

/// Tells when a wait has lasted too long.
struct Timer<'a> {
    options: &'a ServeOptions,
    wait: (Wait, Manner),
    deadline: Option<Instant>,
    /// Fires at the deadline, or before it and is then moved.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<'a> Timer<'a> {
    fn new(options: &'a ServeOptions) -> Self {
        Self {
            options,
            wait: (Wait::Server, Manner::Ready),
            deadline: None,
            alarm: None,
        }
    }

    /// Ready once `wait` has been the wait for as long as it may. Called after each step of the connection.
    fn poll(&mut self, cx: &mut Context<'_>, wait: Wait, manner: Manner) -> Poll<Alarm> {
        let wait = (wait, manner);
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

fn allowance(options: &ServeOptions, (wait, manner): (Wait, Manner)) -> Option<(Duration, Alarm)> {
    let (allowed, wait) = match wait {
        Wait::Head(_) => (options.header_timeout, TimedOut::Header),
        Wait::Idle(_) => (options.idle_timeout, TimedOut::Idle),
        Wait::Body(_) => (options.body_timeout, TimedOut::RequestBody),
        Wait::Response(_) => (options.body_timeout, TimedOut::Response),
        Wait::Server => return None,
    };
    Some(match (wait, manner) {
        (TimedOut::Idle, Manner::Ready) if allowed > RESTS_AFTER => (RESTS_AFTER, Alarm::Rest),
        (TimedOut::Idle, Manner::AtRest) => {
            (allowed.saturating_sub(RESTS_AFTER), Alarm::TimedOut(wait))
        }
        _ => (allowed, Alarm::TimedOut(wait)),
    })
}
