//! A host of archives on loopback: takes files by PUT and gives them back.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Lives as long as the test binary: its thread waits for connections.
pub(crate) struct Host {
    pub(crate) url: String,
    files: Arc<Mutex<Files>>,
}

#[derive(Default)]
struct Files {
    content: BTreeMap<String, Vec<u8>>,
    /// Credentials that came with uploads.
    headers: Vec<String>,
}

impl Host {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let files = Arc::new(Mutex::new(Files::default()));
        let shared = Arc::clone(&files);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                // A client that goes away is its own test's business.
                let _ = answer(stream, &shared);
            }
        });
        Self { url, files }
    }

    /// Paths and contents of what was uploaded.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.files.lock().unwrap().content.clone()
    }

    /// Headers with credentials that came with uploads.
    pub(crate) fn credentials(&self) -> Vec<String> {
        self.files.lock().unwrap().headers.clone()
    }
}

fn answer(stream: TcpStream, files: &Mutex<Files>) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut words = request.split(' ');
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut length = 0;
    let mut credentials = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        let name = line.split(':').next().unwrap_or_default().to_lowercase();
        match name.as_str() {
            "content-length" => length = line[15..].trim().parse().unwrap_or_default(),
            "expect" => writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?,
            "authorization" | "job-token" => credentials.push(line.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut files = files.lock().unwrap();
    let (status, answer) = if method == "PUT" {
        files.content.insert(path.to_owned(), body);
        files.headers.extend(credentials);
        ("201 Created", Vec::new())
    } else {
        match files.content.get(path) {
            Some(content) => ("200 OK", content.clone()),
            None => ("404 Not Found", Vec::new()),
        }
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    writer.write_all(head.as_bytes())?;
    if method != "HEAD" {
        writer.write_all(&answer)?;
    }
    Ok(())
}
