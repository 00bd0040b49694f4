//! Archives that break off anywhere, and archives with one wrong byte anywhere: what arrives is right, or nothing is
//! installed.

use std::fs;

use attune_installer::{Classify as _, FailureClass};

use crate::support::server::Fault;
use crate::support::{Home, Pack, Server, TestRegistry};

const ARCHIVE: &str = "archives/slack/slack-2.1.0.tar.gz";

/// A pack that compression does not make small, and the size of its archive.
fn large() -> (TestRegistry, usize) {
    let mut numbers = numbers();
    let mut text = String::new();
    while text.len() < 40_000 {
        text.push_str(&format!("{:016x}\n", numbers()));
    }
    let pack = Pack::new("slack", "2.1.0").file("data.txt", false, &text);
    let registry = TestRegistry::with(&[pack]);
    let size = fs::metadata(registry.path().join(ARCHIVE)).unwrap().len();
    (registry, usize::try_from(size).unwrap())
}

/// Numbers without an order, the same in every run.
fn numbers() -> impl FnMut() -> u64 {
    let mut state: u64 = 0x9E37_79B9_7F4A_7C15;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// The start, the header, 200 places anywhere and the last byte: after one cut the rest is fetched, and no byte twice.
#[test]
fn download_goes_on_wherever_it_is_cut() {
    let (registry, size) = large();
    let server = Server::start(registry.path());
    let mut numbers = numbers();
    let anywhere = (0..200).map(|_| usize::try_from(numbers()).unwrap() % size);
    let edges = [0, 1, 9, 10, 11, size - 1];
    for at in edges.into_iter().chain(anywhere) {
        server.fault(ARCHIVE, Fault::CutAt(at, 1));
        let home = Home::new().registry(&server.url());
        home.install(&["slack"]).unwrap();
        home.verify_clean();
        let seen: Vec<_> = (server.seen().into_iter())
            .filter(|request| request.path == ARCHIVE)
            .collect();
        assert_eq!(seen.len(), 2, "cut at {at}");
        assert_eq!(
            seen[1].status,
            if at == 0 { 200 } else { 206 },
            "cut at {at}"
        );
        let from = seen[1].headers.get("range").map(String::as_str);
        let expected = format!("bytes={at}-");
        assert_eq!(from, (at > 0).then_some(expected.as_str()));
    }
}

/// One wrong byte anywhere: refused, with nothing installed, and nothing kept that would be taken the next time.
#[test]
fn one_wrong_byte_is_never_installed() {
    let (registry, size) = large();
    let server = Server::start(registry.path());
    let mut numbers = numbers();
    let anywhere = (0..50).map(|_| usize::try_from(numbers()).unwrap() % size);
    for at in [0, size - 1].into_iter().chain(anywhere) {
        server.fault(ARCHIVE, Fault::Flip(at));
        let home = Home::new().registry(&server.url());
        let error = home.refuses(&["slack"], "checksum mismatch");
        assert_eq!(error.class(), FailureClass::Verification, "byte {at}");
        server.heal();
        home.install(&["slack"]).unwrap();
        home.verify_clean();
    }
}
