//! What comes before the tree.

use crate::support::{PATIENCE, Recorder, Server, Tree};
use attune_server::{
    Manner, Problem, ResponseBody, Route, RouteFuture, Router, ServeOptions, TimedOut, TreeFiles,
};
use hyper::body::{Body, Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

/// Answers with what it was sent.
#[derive(Debug)]
struct Echo;

impl Route for Echo {
    fn claims(&self, method: &Method, path: &str) -> bool {
        path == "/echo" && (method == Method::PUT || method == Method::GET)
    }

    fn answer(&self, request: Request<Incoming>, _client: SocketAddr) -> RouteFuture<'_> {
        Box::pin(async {
            let mut body = request.into_body();
            let mut sent = Vec::new();
            while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                match frame {
                    Ok(frame) => sent.extend(frame.into_data().unwrap_or_default()),
                    Err(_) => {
                        return Problem::new(StatusCode::BAD_REQUEST, "cut", "cut")
                            .respond(Manner::Json);
                    }
                }
            }
            Response::new(ResponseBody::from(Bytes::from(sent)))
        })
    }
}

fn start(tree: &Tree, options: ServeOptions) -> Server {
    Server::with_router(
        Router::new(TreeFiles::open(&tree.root()).unwrap()).route(Echo),
        options,
    )
}

fn put(body: &str) -> String {
    format!(
        "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A route answers what it claims, the tree everything else; the connection lives on after a read body.
#[test]
fn route_answers_what_it_claims() {
    let tree = Tree::new();
    tree.file("echo", "of the tree");
    let (recorder, _timed_out) = Recorder::new();
    let options = ServeOptions {
        reporter: recorder.clone(),
        ..ServeOptions::default()
    };
    let server = start(&tree, options);
    let mut client = server.connect();
    for body in ["hello", "", "GET / HTTP/1.1\nnot a head\n\n"] {
        client.send(put(body));
        let reply = client.reply("PUT");
        assert_eq!((reply.status, reply.text()), (200, body));
        assert_eq!(reply.field("x-content-type-options"), "nosniff");
    }
    assert_eq!(client.ask("GET", "/index.json", &[]).status, 200);
    assert_eq!(client.ask("DELETE", "/echo", &[]).status, 405);
    let last = "DELETE /echo 405".to_owned();
    assert_eq!(recorder.answered.lock().unwrap().last(), Some(&last));
    client.send(
        "PUT /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    );
    let reply = client.reply("PUT");
    assert_eq!((reply.text(), reply.field("connection")), ("ok", "close"));
}

/// A body above the limit is refused by its declared length, the limit itself is not.
#[test]
fn body_over_the_limit_is_413() {
    let tree = Tree::new();
    let options = ServeOptions {
        request_body_limit: 5,
        ..ServeOptions::default()
    };
    let server = start(&tree, options);
    let mut client = server.connect();
    client.send(put("12345"));
    assert_eq!(client.reply("PUT").text(), "12345");
    client.send("PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n");
    let reply = client.reply("PUT");
    assert_eq!((reply.status, reply.field("connection")), (413, "close"));
    assert!(reply.text().contains("the body may have at most 5 bytes"));
}

/// A body that stops coming is given up; a route that only takes its time is not.
#[test]
fn body_stalled_is_closed() {
    let tree = Tree::new();
    let (recorder, timed_out) = Recorder::new();
    let options = ServeOptions {
        body_timeout: Duration::from_millis(100),
        reporter: recorder,
        ..ServeOptions::default()
    };
    let server = start(&tree, options);
    let mut client = server.connect();
    client.send("PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
    assert!(client.is_closed());
    assert_eq!(timed_out.recv_timeout(PATIENCE), Ok(TimedOut::RequestBody));
}
