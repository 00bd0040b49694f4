//! A registry of Node.js packages and an index of Python ones, on loopback, with one package.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;

/// What it answers: a path, and type and bytes.
type Pages = BTreeMap<String, (&'static str, Vec<u8>)>;

/// A server that remembers what it was asked.
pub(super) struct Stub {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    fn start(pages: impl FnOnce(&str) -> Pages) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let pages = Arc::new(pages(&format!("http://{address}")));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (pages, log) = (Arc::clone(&pages), Arc::clone(&log));
                thread::spawn(move || {
                    // A client that goes away has what it wanted.
                    let _ = answer(&stream.unwrap(), &pages, &log);
                });
            }
        });
        Self { address, asked }
    }

    /// The package `tiny` of version 1.0.0, as an archive of npm.
    pub(super) fn of_archive(archive: &Path) -> Self {
        let bytes = fs::read(archive).unwrap();
        let digest = |script: &str| {
            let program = format!(
                "import base64, hashlib, sys\ndata = open(sys.argv[1], 'rb').read()\nprint({script})"
            );
            let output = Command::new("python3")
                .args(["-c", &program])
                .arg(archive)
                .output();
            String::from_utf8(output.unwrap().stdout)
                .unwrap()
                .trim()
                .to_owned()
        };
        let integrity =
            digest("'sha512-' + base64.b64encode(hashlib.sha512(data).digest()).decode()");
        let shasum = digest("hashlib.sha1(data).hexdigest()");
        Self::start(|url| {
            let path = "/npm/tiny/-/tiny-1.0.0.tgz";
            let document = json!({"name": "tiny", "dist-tags": {"latest": "1.0.0"},
                "time": {"1.0.0": "2020-01-01T00:00:00.000Z"},
                "versions": {"1.0.0": {"name": "tiny", "version": "1.0.0",
                    "dist": {"tarball": format!("{url}{path}"), "integrity": integrity, "shasum": shasum}}}});
            let document = document.to_string().into_bytes();
            BTreeMap::from([
                ("/npm/tiny".to_owned(), ("application/json", document)),
                (path.to_owned(), ("application/octet-stream", bytes)),
            ])
        })
    }

    /// The package `tiny`, as a wheel.
    pub(super) fn of_wheel(wheel: &Path) -> Self {
        let bytes = fs::read(wheel).unwrap();
        let name = wheel.file_name().unwrap().to_str().unwrap().to_owned();
        Self::start(|_| {
            let list = format!(
                "<!DOCTYPE html><html><body><a href=\"/files/{name}\">{name}</a></body></html>"
            );
            BTreeMap::from([
                ("/simple/tiny/".to_owned(), ("text/html", list.into_bytes())),
                (
                    format!("/files/{name}"),
                    ("application/octet-stream", bytes),
                ),
            ])
        })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Paths it was asked for.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(mut stream: &TcpStream, pages: &Pages, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    for line in lines.by_ref() {
        if line?.is_empty() {
            break;
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let found = pages.get(&path);
    log.lock().unwrap().push(path);
    let (status, kind, body) = match found {
        Some((kind, body)) => ("200 OK", *kind, body.as_slice()),
        None => ("404 Not Found", "text/plain", &b"no"[..]),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(body)
}
