//! How many are served at once, and what happens at the end.

use crate::support::{PATIENCE, Server, Tree, request};
use attune_server::{
    ResponseBody, Route, RouteFuture, Router, ServeOptions, ServeSummary, TreeFiles,
};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Connections beyond the cap wait and are served once there is room.
#[test]
fn connection_over_the_cap_waits() {
    let tree = Tree::new();
    let options = ServeOptions {
        max_connections: 2,
        ..ServeOptions::default()
    };
    let server = Server::with(&tree, options);
    let mut first = server.connect();
    let mut second = server.connect();
    assert_eq!(first.ask("GET", "/index.json", &[]).status, 200);
    assert_eq!(second.ask("GET", "/index.json", &[]).status, 200);

    let mut third = server.connect();
    third.send(request("GET", "/index.json", &[]));
    third
        .stream
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let waiting = third.stream.read(&mut [0; 1]).unwrap_err();
    assert!(matches!(
        waiting.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut
    ));
    assert_eq!(second.ask("GET", "/index.json", &[]).status, 200);

    drop(first);
    third.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(third.reply("GET").status, 200);
}

/// Answers when it is allowed to.
#[derive(Debug)]
struct Gate {
    entered: Mutex<mpsc::Sender<()>>,
    allowed: Arc<Semaphore>,
}

impl Route for Gate {
    fn claims(&self, _method: &Method, path: &str) -> bool {
        path == "/gate"
    }

    fn answer(&self, _request: Request<Incoming>, _client: SocketAddr) -> RouteFuture<'_> {
        self.entered.lock().unwrap().send(()).unwrap();
        Box::pin(async {
            self.allowed.acquire().await.unwrap().forget();
            Response::new(ResponseBody::from("passed".to_owned()))
        })
    }
}

fn gated(tree: &Tree, deadline: Duration) -> (Server, mpsc::Receiver<()>, Arc<Semaphore>) {
    let (sender, entered) = mpsc::channel();
    let allowed = Arc::new(Semaphore::new(0));
    let gate = Gate {
        entered: Mutex::new(sender),
        allowed: Arc::clone(&allowed),
    };
    let options = ServeOptions {
        shutdown_deadline: deadline,
        ..ServeOptions::default()
    };
    let router = Router::new(TreeFiles::open(&tree.root()).unwrap()).route(gate);
    (Server::with_router(router, options), entered, allowed)
}

/// At the end idle connections close at once, and a request in progress is answered.
#[test]
fn shutdown_finishes_requests_in_progress() {
    let tree = Tree::new();
    let (mut server, entered, allowed) = gated(&tree, PATIENCE);
    let mut idle = server.connect();
    assert_eq!(idle.ask("GET", "/index.json", &[]).status, 200);
    let mut half = server.connect();
    half.send("GET /index.js");
    let mut busy = server.connect();
    busy.send(request("GET", "/gate", &[]));
    entered.recv_timeout(PATIENCE).unwrap();

    server.begin_stop();
    assert!(idle.is_closed());
    assert!(half.is_closed());
    allowed.add_permits(1);
    let reply = busy.reply("GET");
    assert_eq!(reply.text(), "passed");
    assert!(busy.is_closed());
    let address = server.address;
    assert_eq!(server.stop(), ServeSummary { served: 2, cut: 0 });
    assert!(std::net::TcpStream::connect(address).is_err());
}

/// What is not finished by the deadline is cut, and counted.
#[test]
fn shutdown_cuts_after_the_deadline() {
    let tree = Tree::new();
    std::fs::File::create(tree.root().join("big.bin"))
        .unwrap()
        .set_len(200_000_000)
        .unwrap();
    let (server, entered, _allowed) = gated(&tree, Duration::from_millis(100));
    let mut waiting = server.connect();
    waiting.send(request("GET", "/gate", &[]));
    entered.recv_timeout(PATIENCE).unwrap();
    let mut stalled = server.connect();
    stalled.send(request("GET", "/big.bin", &[]));
    stalled.stream.peek(&mut [0; 1]).unwrap();
    assert_eq!(server.stop(), ServeSummary { served: 0, cut: 2 });
    assert!(waiting.is_closed());
    assert!(stalled.rest().len() < 200_000_000);
}

/// A server nobody ever asked ends at once.
#[test]
fn shutdown_of_an_unused_server_is_immediate() {
    let tree = Tree::new();
    assert_eq!(Server::start(&tree).stop(), ServeSummary::default());
}
