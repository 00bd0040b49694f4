//! A tree on disk, a server on a free port, a client that writes raw bytes.

use attune_server::{
    Answered, Reporter, Router, ServeOptions, ServeSummary, TimedOut, TreeFiles, bind, serve,
};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// No wait of a test is longer; none is this long unless something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A registry tree in a temporary directory.
pub(crate) struct Tree {
    folder: TempDir,
}

impl Tree {
    /// A tree with the one file every tree needs.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tree")).unwrap();
        let tree = Self { folder };
        tree.file("index.json", "{\"packs\":[]}\n");
        tree
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    /// The directory that holds the tree and may hold other things.
    pub(crate) fn outside(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file the way a tree is written: under a hidden name, then renamed into place.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        self.file_at(name, bytes, SystemTime::now())
    }

    /// Writes a file with a chosen modification time.
    pub(crate) fn file_at(
        &self,
        name: &str,
        bytes: impl AsRef<[u8]>,
        modified: SystemTime,
    ) -> &Self {
        put(&self.root(), name, bytes.as_ref(), modified);
        self
    }
}

/// Writes the file `name` beneath `root` atomically.
pub(crate) fn put(root: &Path, name: &str, bytes: &[u8], modified: SystemTime) {
    let path = root.join(name);
    let folder = path.parent().unwrap();
    std::fs::create_dir_all(folder).unwrap();
    let hidden = folder.join(format!(".{}", path.file_name().unwrap().to_str().unwrap()));
    let mut file = std::fs::File::create(&hidden).unwrap();
    file.write_all(bytes).unwrap();
    file.set_modified(modified).unwrap();
    std::fs::rename(hidden, path).unwrap();
}

/// A point in time some seconds after 1970.
pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A server on a thread of its own; dropping it stops it.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<ServeSummary>>,
}

impl Server {
    pub(crate) fn start(tree: &Tree) -> Self {
        Self::with(tree, ServeOptions::default())
    }

    pub(crate) fn with(tree: &Tree, options: ServeOptions) -> Self {
        Self::with_router(
            Router::from(TreeFiles::open(&tree.root()).unwrap()),
            options,
        )
    }

    pub(crate) fn with_router(router: Router, options: ServeOptions) -> Self {
        let (tell_address, address) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = bind("127.0.0.1:0").await.unwrap();
                tell_address.send(listener.local_addr().unwrap()).unwrap();
                let stopped = async { drop(stopped.await) };
                serve(listener, router, options, stopped).await.unwrap()
            })
        });
        Self {
            address: address.recv_timeout(PATIENCE).unwrap(),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Tells the server to stop; it may still be draining when this returns.
    pub(crate) fn begin_stop(&mut self) {
        drop(self.stop.take());
    }

    /// Stops the server and waits for its end.
    pub(crate) fn stop(mut self) -> ServeSummary {
        self.begin_stop();
        self.thread.take().unwrap().join().unwrap()
    }

    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client {
            stream,
            unread: Vec::new(),
        }
    }

    /// One request on a connection of its own.
    pub(crate) fn ask(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.connect().ask(method, path, fields)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[])
    }

    pub(crate) fn get_with(&self, path: &str, name: &str, value: &str) -> Reply {
        self.ask("GET", path, &[(name, value)])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.begin_stop();
    }
}

/// One connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
}

impl Client {
    pub(crate) fn ask(&mut self, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.send(request(method, path, fields));
        self.reply(method)
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads one response: its head, then as much body as it announces.
    pub(crate) fn reply(&mut self, method: &str) -> Reply {
        let end = loop {
            if let Some(end) = self
                .unread
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                break end + 4;
            }
            assert!(
                self.more(),
                "closed inside a head: {:?}",
                String::from_utf8_lossy(&self.unread)
            );
        };
        let head: Vec<u8> = self.unread.drain(..end).collect();
        let mut reply = Reply::parse(&String::from_utf8(head).unwrap());
        let has_body = method != "HEAD" && !matches!(reply.status, 204 | 304);
        let length = if has_body {
            reply.field("content-length").parse().unwrap()
        } else {
            0
        };
        while self.unread.len() < length {
            assert!(self.more(), "closed inside a body of {length} bytes");
        }
        reply.body = self.unread.drain(..length).collect();
        reply
    }

    /// Whether the server closes the connection without sending anything further.
    pub(crate) fn is_closed(&mut self) -> bool {
        !self.more() && self.unread.is_empty()
    }

    /// Everything up to the end of the connection, however it ends.
    pub(crate) fn rest(mut self) -> Vec<u8> {
        while self.more() {}
        self.unread
    }

    fn more(&mut self) -> bool {
        let mut buffer = [0; 16384];
        match self.stream.read(&mut buffer) {
            Ok(length) => {
                self.unread.extend_from_slice(&buffer[..length]);
                length > 0
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
                ) =>
            {
                false
            }
            Err(error) => panic!("the server neither answered nor closed: {error}"),
        }
    }
}

/// The bytes of a request without a body.
pub(crate) fn request(method: &str, path: &str, fields: &[(&str, &str)]) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: registry.test\r\n");
    for (name, value) in fields {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head + "\r\n"
}

/// One response.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    fn parse(head: &str) -> Self {
        let mut lines = head.trim_end().split("\r\n");
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let fields = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self {
            status,
            fields,
            body: Vec::new(),
        }
    }

    /// The value of a field, empty if there is none; it must not be there twice.
    #[track_caller]
    pub(crate) fn field(&self, name: &str) -> &str {
        let mut values = self.fields.iter().filter(|(known, _)| known == name);
        let value = values.next().map_or("", |(_, value)| value);
        assert!(
            values.next().is_none(),
            "`{name}` twice in {:?}",
            self.fields
        );
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Keeps what a server reports.
#[derive(Debug)]
pub(crate) struct Recorder {
    timed_out: Mutex<mpsc::Sender<TimedOut>>,
    pub(crate) answered: Mutex<Vec<String>>,
}

impl Recorder {
    pub(crate) fn new() -> (Arc<Self>, mpsc::Receiver<TimedOut>) {
        let (sender, receiver) = mpsc::channel();
        let recorder = Self {
            timed_out: Mutex::new(sender),
            answered: Mutex::default(),
        };
        (Arc::new(recorder), receiver)
    }
}

impl Reporter for Recorder {
    fn answered(&self, answered: &Answered<'_>) {
        let line = format!(
            "{} {} {}",
            answered.method,
            answered.path,
            answered.status.as_u16()
        );
        self.answered.lock().unwrap().push(line);
    }

    fn timed_out(&self, _client: SocketAddr, wait: TimedOut) {
        let _ = self.timed_out.lock().unwrap().send(wait);
    }
}
