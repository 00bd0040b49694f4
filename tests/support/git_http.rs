//! `GitHttp`: smart HTTP for git repositories, by git's own CGI program behind a small server on loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::git::{git_in, isolated};

/// Serves every repository below a folder for as long as the test runs.
pub(crate) struct GitHttp {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    root: PathBuf,
    program: PathBuf,
    /// The `Authorization` that opens it; none for everybody.
    authorization: Option<String>,
    requests: Mutex<Vec<String>>,
    tls: Option<Arc<ServerConfig>>,
}

impl GitHttp {
    /// Serves `root`, to whoever sends `authorization` or, without it, to everybody. As a proxy, it takes every host
    /// for its own.
    pub(crate) fn start(root: &Path, authorization: Option<&str>) -> Self {
        Self::begin(root, authorization, None)
    }

    /// The same over https; returns the certificate of its authority, as PEM.
    pub(crate) fn start_secure(root: &Path) -> (Self, String) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let server = Self::begin(root, None, Some(Arc::new(config)));
        (server, authority.pem())
    }

    fn begin(root: &Path, authorization: Option<&str>, tls: Option<Arc<ServerConfig>>) -> Self {
        let programs = git_in(root, &["--exec-path"]);
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            program: Path::new(&programs).join("git-http-backend"),
            authorization: authorization.map(str::to_owned),
            requests: Mutex::default(),
            tls,
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let of_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&of_thread);
                // A client that goes away is its own business.
                std::thread::spawn(move || stream.and_then(|stream| accept(stream, &shared)));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self, repository: &str) -> String {
        let scheme = if self.shared.tls.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}/{repository}", self.address)
    }

    /// Request lines since the last call.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.requests.lock().unwrap())
    }
}

/// What one request says.
struct Request {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn read(mut reader: impl BufRead) -> std::io::Result<Self> {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut request = Self {
            line: line.trim().to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim().split_once(':') else {
                break;
            };
            let value = value.trim().to_owned();
            request.headers.push((name.to_lowercase(), value));
        }
        let length = request.header("content-length").parse().unwrap_or(0);
        request.body = vec![0; length];
        reader.read_exact(&mut request.body)?;
        Ok(request)
    }

    /// A header's value; empty without it.
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

fn accept(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let Some(config) = &shared.tls else {
        return answer(stream, shared).map(drop);
    };
    let connection = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
    let mut stream = answer(StreamOwned::new(connection, stream), shared)?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn answer<S: Read + Write>(stream: S, shared: &Shared) -> std::io::Result<S> {
    let mut reader = BufReader::new(stream);
    let request = Request::read(&mut reader)?;
    let mut stream = reader.into_inner();
    shared.requests.lock().unwrap().push(request.line.clone());
    let authorization = shared.authorization.as_deref();
    if authorization.is_some_and(|expected| request.header("authorization") != expected) {
        let challenge =
            "WWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\nConnection: close";
        write!(stream, "HTTP/1.1 401 Unauthorized\r\n{challenge}\r\n\r\n")?;
        return Ok(stream);
    }
    let output = run(shared, &request)?;
    let end = output.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let status = head
        .lines()
        .find_map(|line| line.strip_prefix("Status: "))
        .unwrap_or("200 OK");
    write!(
        stream,
        "HTTP/1.1 {status}\r\nConnection: close\r\n{head}\r\n\r\n"
    )?;
    stream.write_all(&output[end + 4..])?;
    Ok(stream)
}

/// What git's program answers, with its head.
fn run(shared: &Shared, request: &Request) -> std::io::Result<Vec<u8>> {
    let mut words = request.line.split(' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    // A proxy is asked for a whole URL.
    let target = match target.strip_prefix("http://") {
        Some(rest) => &rest[rest.find('/').unwrap_or(rest.len())..],
        None => target,
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut command = Command::new(&shared.program);
    isolated(&mut command).envs([
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "safe.directory"),
        ("GIT_CONFIG_VALUE_0", "*"),
        ("GIT_HTTP_EXPORT_ALL", "1"),
        ("GIT_PROJECT_ROOT", shared.root.to_str().unwrap()),
        ("PATH_INFO", path),
        ("QUERY_STRING", query),
        ("REQUEST_METHOD", method),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("CONTENT_LENGTH", &request.body.len().to_string()),
        ("CONTENT_TYPE", request.header("content-type")),
        ("GIT_PROTOCOL", request.header("git-protocol")),
        ("HTTP_CONTENT_ENCODING", request.header("content-encoding")),
    ]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    child.stdin.take().unwrap().write_all(&request.body)?;
    Ok(child.wait_with_output()?.stdout)
}
