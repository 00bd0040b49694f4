//! `GitHttp`: smart HTTP for git repositories, by git's own CGI program behind a small server on loopback.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

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
}

impl GitHttp {
    /// Serves `root`, to whoever sends `authorization` or, without it, to everybody.
    pub(crate) fn start(root: &Path, authorization: Option<&str>) -> Self {
        let programs = git_in(root, &["--exec-path"]);
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            program: Path::new(&programs).join("git-http-backend"),
            authorization: authorization.map(str::to_owned),
            requests: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let of_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&of_thread);
                // A client that goes away is its own business.
                std::thread::spawn(move || stream.and_then(|stream| answer(&stream, &shared)));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self, repository: &str) -> String {
        format!("http://{}/{repository}", self.address)
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
    fn read(stream: &TcpStream) -> std::io::Result<Self> {
        let mut reader = BufReader::new(stream);
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

fn answer(mut stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let request = Request::read(stream)?;
    shared.requests.lock().unwrap().push(request.line.clone());
    let authorization = shared.authorization.as_deref();
    if authorization.is_some_and(|expected| request.header("authorization") != expected) {
        let challenge =
            "WWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\nConnection: close";
        return write!(stream, "HTTP/1.1 401 Unauthorized\r\n{challenge}\r\n\r\n");
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
    stream.write_all(&output[end + 4..])
}

/// What git's program answers, with its head.
fn run(shared: &Shared, request: &Request) -> std::io::Result<Vec<u8>> {
    let mut words = request.line.split(' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
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
