//! `Metrics`: what is counted while serving, with atomics alone; `/metrics` says it in the text form of Prometheus.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::process::Process;
use crate::access::{Callers, LivePolicy, MetricsAccess, forbidden};
use crate::body::ResponseBody;
use crate::problem::{Manner, Problem};
use crate::report::TimedOut;
use crate::router::{Route, RouteFuture};
use crate::search::only_read;
use crate::state::Scope;

const PATH: &str = "/metrics";

const REQUESTS: &str = "attune_http_requests_total";
const TIME: &str = "attune_http_request_duration_seconds";
const TIMED_OUT: &str = "attune_http_timeouts_total";

/// Who answers requests; the last stands for all others.
const ROUTES: [&str; 9] = [
    "tree",
    "search",
    "diff",
    "publish",
    "health",
    "metrics",
    "openapi",
    "installation",
    "other",
];

/// Upper ends of the times of answers, in microseconds.
const TIMES: [u64; 8] = [100, 500, 1000, 5000, 25_000, 100_000, 500_000, 2_500_000];

const TIMEOUTS: [(&str, TimedOut); 4] = [
    ("header", TimedOut::Header),
    ("idle", TimedOut::Idle),
    ("request_body", TimedOut::RequestBody),
    ("response", TimedOut::Response),
];

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Metrics {
    /// By route, then by first digit of the status.
    requests: [[AtomicU64; 5]; ROUTES.len()],
    /// Answers that took at most so long; the last counts the slower ones.
    times: [AtomicU64; TIMES.len() + 1],
    time_micros: AtomicU64,
    limited: AtomicU64,
    connections: AtomicU64,
    closed: AtomicU64,
    sent_bytes: AtomicU64,
    timeouts: [AtomicU64; TIMEOUTS.len()],
    unlogged: AtomicU64,
}

impl Metrics {
    pub(crate) fn answered(&self, route: &str, status: StatusCode, took: Duration) {
        let route = ROUTES.iter().position(|name| *name == route);
        let by_status = &self.requests[route.unwrap_or(ROUTES.len() - 1)];
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        by_status[class].fetch_add(1, Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let slot = TIMES.iter().position(|end| micros <= *end);
        self.times[slot.unwrap_or(TIMES.len())].fetch_add(1, Relaxed);
        self.time_micros.fetch_add(micros, Relaxed);
        if status == StatusCode::TOO_MANY_REQUESTS {
            self.limited.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    pub(crate) fn disconnected(&self, sent_bytes: u64) {
        self.closed.fetch_add(1, Relaxed);
        self.sent_bytes.fetch_add(sent_bytes, Relaxed);
    }

    pub(crate) fn timed_out(&self, wait: TimedOut) {
        if let Some(at) = TIMEOUTS.iter().position(|(_, kind)| *kind == wait) {
            self.timeouts[at].fetch_add(1, Relaxed);
        }
    }

    /// Notes lines that the access log had no room for.
    pub(crate) fn unlogged(&self, lines: u64) {
        self.unlogged.fetch_add(lines, Relaxed);
    }

    fn text(&self) -> String {
        let mut text = Text::default();
        text.head("attune_build_info", "gauge", "The version that runs.");
        text.value(
            "attune_build_info",
            &format!("version=\"{}\"", env!("CARGO_PKG_VERSION")),
            1,
        );
        self.requests(&mut text);
        self.connections(&mut text);
        text.head(
            "attune_access_log_dropped_lines_total",
            "counter",
            "Lines of the access log that there was no room for.",
        );
        text.value(
            "attune_access_log_dropped_lines_total",
            "",
            self.unlogged.load(Relaxed),
        );
        process(&mut text);
        text.0
    }

    fn requests(&self, text: &mut Text) {
        text.head(
            REQUESTS,
            "counter",
            "Requests answered, by who answered and status.",
        );
        for (route, by_status) in ROUTES.iter().zip(&self.requests) {
            for (class, count) in by_status.iter().enumerate() {
                let count = count.load(Relaxed);
                if count > 0 {
                    let labels = format!("route=\"{route}\",status=\"{}xx\"", class + 1);
                    text.value(REQUESTS, &labels, count);
                }
            }
        }
        text.head(
            TIME,
            "histogram",
            "From the head of a request to that of its answer.",
        );
        let mut sum = 0;
        for (count, end) in self.times.iter().zip(TIMES.iter().map(Some).chain([None])) {
            sum += count.load(Relaxed);
            let end = end.map_or_else(|| "+Inf".to_owned(), |end| seconds(*end));
            text.value(&format!("{TIME}_bucket"), &format!("le=\"{end}\""), sum);
        }
        text.value(
            &format!("{TIME}_sum"),
            "",
            seconds(self.time_micros.load(Relaxed)),
        );
        text.value(&format!("{TIME}_count"), "", sum);
        text.head(
            "attune_http_limited_total",
            "counter",
            "Requests that were refused because there were too many.",
        );
        text.value("attune_http_limited_total", "", self.limited.load(Relaxed));
    }

    fn connections(&self, text: &mut Text) {
        let (all, closed) = (self.connections.load(Relaxed), self.closed.load(Relaxed));
        text.head(
            "attune_http_connections",
            "gauge",
            "Connections that are open.",
        );
        text.value("attune_http_connections", "", all.saturating_sub(closed));
        text.head(
            "attune_http_connections_total",
            "counter",
            "Connections accepted.",
        );
        text.value("attune_http_connections_total", "", all);
        text.head(
            "attune_http_sent_bytes_total",
            "counter",
            "Bytes sent over connections that have ended.",
        );
        text.value(
            "attune_http_sent_bytes_total",
            "",
            self.sent_bytes.load(Relaxed),
        );
        text.head(
            TIMED_OUT,
            "counter",
            "Connections closed because the client let a wait run out.",
        );
        for ((kind, _), count) in TIMEOUTS.iter().zip(&self.timeouts) {
            text.value(TIMED_OUT, &format!("wait=\"{kind}\""), count.load(Relaxed));
        }
    }
}

fn process(text: &mut Text) {
    let process = Process::now();
    if let Some(bytes) = process.resident_bytes {
        text.head("process_resident_memory_bytes", "gauge", "Memory in use.");
        text.value("process_resident_memory_bytes", "", bytes);
    }
    if let Some(seconds) = process.cpu_seconds {
        text.head(
            "process_cpu_seconds_total",
            "counter",
            "Processor time used.",
        );
        text.value("process_cpu_seconds_total", "", seconds);
    }
    if let Some(files) = process.open_files {
        text.head("process_open_fds", "gauge", "File handles in use.");
        text.value("process_open_fds", "", files);
    }
}

/// Microseconds as seconds, without rounding.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The text form of Prometheus, version 0.0.4.
#[derive(Debug, Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn value(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = match labels {
            "" => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }
}

/// `/metrics`, for those whom the policy lets read it.
#[derive(Debug)]
pub struct MetricsRoute {
    metrics: Arc<Metrics>,
    policy: Arc<LivePolicy>,
    callers: Option<Arc<Callers>>,
}

impl MetricsRoute {
    /// Says what `metrics` counts.
    pub fn new(
        metrics: Arc<Metrics>,
        policy: Arc<LivePolicy>,
        callers: Option<Arc<Callers>>,
    ) -> Self {
        Self {
            metrics,
            policy,
            callers,
        }
    }

    async fn respond(
        &self,
        request: &Request<Incoming>,
        client: SocketAddr,
    ) -> Result<Response<ResponseBody>, Problem> {
        only_read(request.method())?;
        let refused = || forbidden("the measures of this server are not for you".to_owned());
        match (self.policy.get().policy.metrics, &self.callers) {
            (MetricsAccess::Public, _) => {}
            (MetricsAccess::Loopback, _) if client.ip().to_canonical().is_loopback() => {}
            (MetricsAccess::Admin, Some(callers)) => {
                let caller = callers.of(request.headers(), client.ip()).await?;
                if !caller.token.scopes.allow(Scope::Admin) {
                    return Err(refused());
                }
            }
            (MetricsAccess::Off, _) => {
                let message = "this server shows no measures";
                return Err(Problem::new(StatusCode::NOT_FOUND, "not_found", message));
            }
            _ => return Err(refused()),
        }
        let mut response = Response::new(ResponseBody::from(self.metrics.text()));
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}

impl Route for MetricsRoute {
    fn name(&self) -> &'static str {
        "metrics"
    }

    fn claims(&self, _: &Method, path: &str) -> bool {
        path == PATH
    }

    fn judges_callers(&self) -> bool {
        true
    }

    fn answer(&self, request: Request<Incoming>, client: SocketAddr) -> RouteFuture<'_> {
        Box::pin(async move {
            let answered = self.respond(&request, client).await;
            answered.unwrap_or_else(|problem| problem.respond(Manner::Json))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each count is where it belongs, and the histogram adds up.
    #[test]
    fn text_says_what_was_counted() {
        let metrics = Metrics::default();
        metrics.answered("tree", StatusCode::OK, Duration::from_micros(100));
        metrics.answered("tree", StatusCode::NOT_FOUND, Duration::from_millis(3));
        metrics.answered(
            "nobody",
            StatusCode::TOO_MANY_REQUESTS,
            Duration::from_secs(9),
        );
        metrics.connected();
        metrics.connected();
        metrics.disconnected(7);
        metrics.timed_out(TimedOut::Idle);
        let text = metrics.text();
        for line in [
            "attune_http_requests_total{route=\"tree\",status=\"2xx\"} 1",
            "attune_http_requests_total{route=\"tree\",status=\"4xx\"} 1",
            "attune_http_requests_total{route=\"other\",status=\"4xx\"} 1",
            "attune_http_request_duration_seconds_bucket{le=\"0.0001\"} 1",
            "attune_http_request_duration_seconds_bucket{le=\"0.005\"} 2",
            "attune_http_request_duration_seconds_bucket{le=\"2.5\"} 2",
            "attune_http_request_duration_seconds_bucket{le=\"+Inf\"} 3",
            "attune_http_request_duration_seconds_sum 9.0031",
            "attune_http_request_duration_seconds_count 3",
            "attune_http_limited_total 1",
            "attune_http_connections 1",
            "attune_http_sent_bytes_total 7",
            "attune_http_timeouts_total{wait=\"idle\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
