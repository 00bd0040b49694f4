//! A server that is killed and started again while packs are published and downloaded.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::publishing::Registry;
use crate::support::Hosted;

const PUBLISHERS: usize = 20;
const READERS: usize = 20;
const KILLS: usize = 3;

/// One request to a server that may be gone; `None` unless there is a whole answer.
fn ask(address: &str, request: &[u8]) -> Option<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .ok()?;
    stream.write_all(request).ok()?;
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let length = head.split("content-length: ").nth(1)?.lines().next()?;
    let body = answer.split_off(end + 4);
    let is_whole = length.parse() == Ok(body.len());
    is_whole.then_some((head.split(' ').nth(1)?.parse().ok()?, body))
}

/// Asks again until there is an answer that is none of a server in trouble.
fn insist(address: &str, request: &[u8]) -> (u16, Vec<u8>) {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        assert!(Instant::now() < end, "no answer");
        match ask(address, request) {
            Some((status, body)) if status < 500 => return (status, body),
            _ => std::thread::yield_now(),
        }
    }
}

/// What was answered 201 is there after every kill; whoever asks again ends right; nothing is half there.
#[test]
fn kills_lose_nothing_that_was_told() {
    let mut registry = Registry::new();
    let token = registry.token("ann", &["--scope", "publish"]);
    let requests: Vec<Vec<u8>> = (0..PUBLISHERS)
        .map(|n| {
            let archive = registry.archive(&format!("pack{n}"), "1.0.0", "");
            let head = format!(
                "PUT /api/v1/packs/pack{n}/1.0.0 HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
                 Authorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n",
                archive.len()
            );
            [head.as_bytes(), &archive].concat()
        })
        .collect();
    let address = registry.hosted.address().to_owned();
    let base = fs::read(registry.place.path("tree/archives/base/base-1.0.0.tar.gz")).unwrap();
    let get =
        b"GET /archives/base/base-1.0.0.tar.gz HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    let told = Mutex::new(BTreeSet::new());
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for (n, request) in requests.iter().enumerate() {
            let (told, done, address) = (&told, &done, &address);
            scope.spawn(move || {
                let (status, _) = insist(address, request);
                // 200: it was published by a request whose answer was lost.
                assert!([200, 201].contains(&status), "pack{n}: {status}");
                told.lock().unwrap().insert(n);
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        for _ in 0..READERS {
            let (base, address) = (&base, &address);
            scope.spawn(move || {
                for _ in 0..5 {
                    let (status, body) = insist(address, get);
                    assert!(status == 200 && body == *base, "{status}");
                }
            });
        }
        for kill in 1..=KILLS {
            let end = Instant::now() + Duration::from_mins(1);
            while done.load(Ordering::Relaxed) < kill * PUBLISHERS / (KILLS + 2) {
                assert!(Instant::now() < end, "publishing does not go on");
                std::thread::yield_now();
            }
            registry.hosted.kill();
            let before = told.lock().unwrap().clone();
            let mut again = registry
                .place
                .attune(&["registry", "serve", "tree", "--listen"]);
            again.arg(&address);
            registry.hosted = Hosted::start(again);
            for n in before {
                let path = format!("/packs/pack{n}.json");
                assert_eq!(registry.hosted.get(&path).0, 200, "{path} is lost");
            }
        }
    });
    assert_eq!(told.lock().unwrap().len(), PUBLISHERS);
    registry.is_sound();
}
