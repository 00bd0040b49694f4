//! `Server`: a directory over HTTP on a loopback port, with requests on record and faults on demand.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use pack_format::ArchiveDigest;

/// What one request looked like.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) status: u16,
}

/// What to answer instead of the file.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// This status, this often (then the file).
    Status(u16, usize),
    /// A redirect.
    Redirect(String),
    /// This status with this `Retry-After`, this often.
    RetryAfter(u16, String, usize),
    /// The connection ends in the middle of what is sent, this often.
    Truncate(usize),
    /// The connection ends after so many bytes, this often.
    CutAt(usize, usize),
    /// The same once; then the file is another one, with these bytes.
    Change(Option<Vec<u8>>),
    /// The connection ends in the middle of the body; whoever asks for the rest gets a range he did not ask for.
    WrongRange,
    /// Half of the body, and then silence, this often.
    Stall(usize),
    /// The body byte by byte, this often.
    Drip(usize),
    /// Other bytes of the same length.
    Lie,
    /// One other byte, here.
    Flip(usize),
    /// The body, said to be in this content coding, and in it if so.
    Encoded(&'static str, bool),
}

#[derive(Default)]
struct Shared {
    root: PathBuf,
    seen: Mutex<Vec<Seen>>,
    faults: Mutex<BTreeMap<String, Fault>>,
    /// Requests that are answered at the moment, and the most there ever were.
    busy: Mutex<(usize, usize)>,
}

impl Shared {
    fn came(&self) {
        let mut busy = self.busy.lock().unwrap();
        busy.0 += 1;
        busy.1 = busy.1.max(busy.0);
    }

    fn went(&self) {
        self.busy.lock().unwrap().0 -= 1;
    }
}

pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    pub(crate) fn start(root: &Path) -> Self {
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            ..Shared::default()
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let of_thread = Arc::clone(&shared);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                serve(listener, of_thread).await;
            });
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn fault(&self, path: &str, fault: Fault) {
        self.shared
            .faults
            .lock()
            .unwrap()
            .insert(path.to_owned(), fault);
    }

    /// The file itself from now on.
    pub(crate) fn mend(&self, path: &str) {
        self.shared.faults.lock().unwrap().remove(path);
    }

    pub(crate) fn heal(&self) {
        self.shared.faults.lock().unwrap().clear();
    }

    /// The most requests that were answered at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.shared.busy.lock().unwrap().1
    }

    /// The requests since the last call.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.shared.seen.lock().unwrap())
    }
}

async fn serve(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let shared = Arc::clone(&shared);
                async move {
                    shared.came();
                    // Long enough for others to come meanwhile.
                    for _ in 0..200 {
                        tokio::task::yield_now().await;
                    }
                    let answered = answer(&shared, &request);
                    shared.went();
                    Ok::<_, Infallible>(answered)
                }
            });
            // Clients that go away are their own business.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

type Body = BoxBody<Bytes, Infallible>;

fn answer(shared: &Shared, request: &Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let response = respond(shared, &path, request);
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    shared.seen.lock().unwrap().push(Seen {
        path,
        headers,
        status: response.status().as_u16(),
    });
    response
}

fn full(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).boxed()
}

/// A body that does not say how long it is, so that hyper takes the announced length for true, and that pauses
/// before its end, so that hyper sends what it has.
fn ending(bytes: Vec<u8>) -> Body {
    let frames = stream::iter([Ok(Frame::data(Bytes::from(bytes)))]);
    let end = stream::once(async {
        tokio::task::yield_now().await;
        Ok(Frame::data(Bytes::new()))
    });
    BodyExt::boxed(StreamBody::new(frames.chain(end)))
}

fn plain(status: u16, body: Vec<u8>) -> Response<Body> {
    let response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    response.body(full(body)).unwrap()
}

fn respond(shared: &Shared, path: &str, request: &Request<Incoming>) -> Response<Body> {
    let file_path = shared.root.join(path);
    let Ok(body) = std::fs::read(&file_path) else {
        return plain(404, Vec::new());
    };
    let fault = shared
        .faults
        .lock()
        .unwrap()
        .get_mut(path)
        .and_then(Fault::next);
    let Some(fault) = fault else {
        return file(request, body).map(full);
    };
    let with = |status, name: &'static str, value: String, body| {
        let mut response = plain(status, body);
        response.headers_mut().insert(name, value.parse().unwrap());
        response
    };
    match fault {
        Fault::Status(status, _) => plain(status, Vec::new()),
        Fault::RetryAfter(status, value, _) => with(status, "retry-after", value, Vec::new()),
        Fault::Redirect(target) => with(302, "location", target, Vec::new()),
        Fault::WrongRange if request.headers().contains_key("range") => {
            let range = format!("bytes 0-0/{}", body.len());
            with(206, "content-range", range, body[..1].to_vec())
        }
        Fault::Truncate(_) | Fault::WrongRange => cut(file(request, body), ending),
        Fault::CutAt(at, _) => cut_at(file(request, body), at, ending),
        Fault::Change(changed) => {
            let response = cut(file(request, body), ending);
            std::fs::write(file_path, changed.unwrap()).unwrap();
            response
        }
        Fault::Stall(_) => cut(file(request, body), |half| {
            let frames = stream::iter([Ok(Frame::data(Bytes::from(half)))]);
            BodyExt::boxed(StreamBody::new(frames.chain(stream::pending())))
        }),
        Fault::Drip(_) => cut(file(request, body), |half| {
            let frames = stream::iter(half).then(async |byte| {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Ok(Frame::data(Bytes::from(vec![byte])))
            });
            BodyExt::boxed(StreamBody::new(frames))
        }),
        Fault::Lie => plain(200, flipped(body, None)),
        Fault::Flip(at) => plain(200, flipped(body, Some(at))),
        Fault::Encoded(coding, true) => {
            with(200, "content-encoding", coding.to_owned(), gzip(&body))
        }
        Fault::Encoded(coding, false) => with(200, "content-encoding", coding.to_owned(), body),
    }
}

/// The same with one other byte, in the middle if nowhere else.
fn flipped(mut body: Vec<u8>, at: Option<usize>) -> Vec<u8> {
    let at = at.unwrap_or(body.len() / 2);
    body[at] ^= 1;
    body
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(body).unwrap();
    gzip.finish().unwrap()
}

impl Fault {
    /// The fault of the next answer, counted; none when it is used up.
    fn next(&mut self) -> Option<Self> {
        match self {
            Self::Status(_, times)
            | Self::RetryAfter(_, _, times)
            | Self::Truncate(times)
            | Self::CutAt(_, times)
            | Self::Stall(times)
            | Self::Drip(times) => {
                *times = times.checked_sub(1)?;
                Some(self.clone())
            }
            Self::Change(bytes) => Some(Self::Change(Some(bytes.take()?))),
            Self::Redirect(_)
            | Self::WrongRange
            | Self::Lie
            | Self::Flip(_)
            | Self::Encoded(..) => Some(self.clone()),
        }
    }
}

/// The half of what was about to be sent, under the length of the whole: hyper ends the connection where the
/// body is shorter than announced.
fn cut(response: Response<Vec<u8>>, send: impl FnOnce(Vec<u8>) -> Body) -> Response<Body> {
    let half = response.body().len() / 2;
    cut_at(response, half, send)
}

fn cut_at(
    response: Response<Vec<u8>>,
    at: usize,
    send: impl FnOnce(Vec<u8>) -> Body,
) -> Response<Body> {
    let (mut head, mut body) = response.into_parts();
    head.headers.insert("content-length", body.len().into());
    body.truncate(at);
    Response::from_parts(head, send(body))
}

/// What a good server says of a file: its tag, 304 where it is known, and the rest of it where that is asked for.
fn file(request: &Request<Incoming>, body: Vec<u8>) -> Response<Vec<u8>> {
    let etag = format!("\"{}\"", ArchiveDigest::of(&body).to_hex());
    let asked = |name: &str| request.headers().get(name).map(|v| v.to_str().unwrap());
    let response = Response::builder().header("etag", &etag);
    if asked("if-none-match") == Some(&etag) {
        return response.status(304).body(Vec::new()).unwrap();
    }
    let rest = asked("range").filter(|_| asked("if-range") == Some(&etag));
    let Some(rest) = rest else {
        return response.body(body).unwrap();
    };
    let first: usize = rest
        .strip_prefix("bytes=")
        .and_then(|r| r.strip_suffix('-'))
        .unwrap()
        .parse()
        .unwrap();
    let size = body.len();
    response
        .status(206)
        .header(
            "content-range",
            format!("bytes {first}-{}/{size}", size - 1),
        )
        .body(body[first..].to_vec())
        .unwrap()
}
