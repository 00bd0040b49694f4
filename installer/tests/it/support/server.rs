//! `Server`: a directory over HTTP on a loopback port, with requests on record and faults on demand.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
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
    /// The connection ends in the middle of the body, this often.
    Truncate(usize),
    /// Other bytes of the same length.
    Lie,
}

#[derive(Default)]
struct Shared {
    root: PathBuf,
    seen: Mutex<Vec<Seen>>,
    faults: Mutex<BTreeMap<String, Fault>>,
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

    pub(crate) fn heal(&self) {
        self.shared.faults.lock().unwrap().clear();
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
                async move { Ok::<_, Infallible>(answer(&shared, &request)) }
            });
            // Clients that go away are their own business.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn answer(shared: &Shared, request: &Request<Incoming>) -> Response<Full<Bytes>> {
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

fn respond(shared: &Shared, path: &str, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let plain = |status: u16, body: Vec<u8>| {
        Response::builder()
            .status(StatusCode::from_u16(status).unwrap())
            .body(Full::new(Bytes::from(body)))
            .unwrap()
    };
    let Ok(mut body) = std::fs::read(shared.root.join(path)) else {
        return plain(404, Vec::new());
    };
    let mut faults = shared.faults.lock().unwrap();
    match faults.get_mut(path) {
        Some(Fault::Status(status, times)) if *times > 0 => {
            *times -= 1;
            return plain(*status, Vec::new());
        }
        Some(Fault::Redirect(target)) => {
            return Response::builder()
                .status(302)
                .header("location", target.as_str())
                .body(Full::default())
                .unwrap();
        }
        Some(Fault::Truncate(times)) if *times > 0 => {
            *times -= 1;
            let length = body.len();
            body.truncate(length / 2);
            // hyper ends the connection when the body is shorter than announced.
            return Response::builder()
                .header("content-length", length)
                .body(Full::new(Bytes::from(body)))
                .unwrap();
        }
        Some(Fault::Lie) => {
            let middle = body.len() / 2;
            body[middle] ^= 1;
            return plain(200, body);
        }
        _ => {}
    }
    let etag = format!("\"{}\"", ArchiveDigest::of(&body).to_hex());
    if request
        .headers()
        .get("if-none-match")
        .is_some_and(|known| known.as_bytes() == etag.as_bytes())
    {
        return plain(304, Vec::new());
    }
    Response::builder()
        .header("etag", etag)
        .body(Full::new(Bytes::from(body)))
        .unwrap()
}
