//! Archives from servers that break off, stall, are busy, or change their mind.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::Ordering;
use std::time::Duration;

use attune_installer::{Classify as _, FailureClass};
use pack_client::RegistryConfig;

use crate::support::server::{Fault, Seen};
use crate::support::{Home, Pack, Server, TestRegistry};

const ARCHIVE: &str = "archives/slack/slack-2.1.0.tar.gz";

fn slack() -> TestRegistry {
    TestRegistry::with(&[Pack::new("slack", "2.0.0"), Pack::new("slack", "2.1.0")])
}

/// Requests for the archive.
fn seen(server: &Server) -> Vec<Seen> {
    let seen = server.seen().into_iter();
    seen.filter(|request| request.path == ARCHIVE).collect()
}

fn statuses(seen: &[Seen]) -> Vec<u16> {
    seen.iter().map(|request| request.status).collect()
}

/// Each try goes on where the last one broke off, whether the server ends the connection or falls silent.
#[test]
fn broken_downloads_are_resumed() {
    let registry = slack();
    let size = fs::metadata(registry.path().join(ARCHIVE)).unwrap().len();
    let server = Server::start(registry.path());
    for fault in [Fault::Truncate(2), Fault::Stall(2)] {
        server.fault(ARCHIVE, fault.clone());
        let home = Home::new()
            .registry(&server.url())
            .tune(|settings| settings.read_timeout = Duration::from_millis(300));
        home.install(&["slack"]).unwrap();
        home.verify_clean();
        let seen = seen(&server);
        assert_eq!(statuses(&seen), [200, 206, 206], "{fault:?}");
        let half = size / 2;
        let asked: Vec<_> = seen.iter().map(|s| s.headers.get("range")).collect();
        let second = half + (size - half) / 2;
        assert_eq!(asked[0], None);
        assert_eq!(asked[1].unwrap(), &format!("bytes={half}-"));
        assert_eq!(asked[2].unwrap(), &format!("bytes={second}-"));
        assert_eq!(home.log.restarts.load(Ordering::Relaxed), 0);
    }
}

/// A file that is another one by now is taken from its start; what was there of the first is dropped.
#[test]
fn changed_file_starts_anew() {
    let registry = slack();
    let path = registry.path().join(ARCHIVE);
    let good = fs::read(&path).unwrap();
    fs::write(&path, vec![b'x'; good.len()]).unwrap();
    let server = Server::start(registry.path());
    server.fault(ARCHIVE, Fault::Change(Some(good)));
    let home = Home::new().registry(&server.url());
    home.install(&["slack"]).unwrap();
    home.verify_clean();
    let seen = seen(&server);
    assert_eq!(statuses(&seen), [200, 200]);
    assert!(seen[1].headers.contains_key("if-range"));
    assert_eq!(home.log.restarts.load(Ordering::Relaxed), 1);
}

/// A range nobody asked for is not mixed into what is there.
#[test]
fn wrong_range_starts_anew() {
    let registry = slack();
    let server = Server::start(registry.path());
    server.fault(ARCHIVE, Fault::WrongRange);
    let home = Home::new().registry(&server.url());
    let error = home.refuses(&["slack"], "");
    assert_eq!(error.class(), FailureClass::Network);
    let seen = seen(&server);
    assert_eq!(statuses(&seen), [200, 206, 200, 206]);
}

/// A server that keeps the connection alive with a byte now and then is given up, and told.
#[test]
fn slow_server_is_given_up() {
    let registry = slack();
    let server = Server::start(registry.path());
    server.fault(ARCHIVE, Fault::Drip(usize::MAX));
    let home = Home::new().registry(&server.url()).tune(|settings| {
        settings.read_timeout = Duration::from_millis(50);
        settings.minimum_rate = 1_000_000_000;
        settings.retries = 1;
    });
    let error = home.refuses(&["slack"], "sends less than 1000000000 bytes per second");
    assert_eq!(error.class(), FailureClass::Network);
    assert_eq!(seen(&server).len(), 2);
}

/// A busy server is asked again when it says so; not at all when that is too far off.
#[test]
fn retry_after_is_honoured() {
    let registry = slack();
    let server = Server::start(registry.path());
    for status in [429, 503] {
        let busy = |value: &str| Fault::RetryAfter(status, value.to_owned(), 1);
        server.fault(ARCHIVE, busy("0"));
        let home = Home::new().registry(&server.url());
        home.install(&["slack"]).unwrap();
        assert_eq!(statuses(&seen(&server)), [status, 200]);
        for value in ["3600", "Fri, 01 Jan 2100 00:00:00 GMT"] {
            server.fault(ARCHIVE, busy(value));
            let home = Home::new().registry(&server.url());
            let error = home.refuses(&["slack"], &format!("answered {status}"));
            let hint = pack_format::Hint::hint(&error).unwrap();
            assert!(hint.contains("asks for a pause of"), "{hint}");
            assert_eq!(statuses(&seen(&server)), [status]);
        }
    }
}

/// What is longer than the document says is cut off before it fills the disk.
#[test]
fn archive_longer_than_listed_is_refused() {
    let registry = slack();
    let path = registry.path().join(ARCHIVE);
    let mut bytes = fs::read(&path).unwrap();
    bytes.push(0);
    fs::write(&path, bytes).unwrap();
    let server = Server::start(registry.path());
    let home = Home::new().registry(&server.url());
    home.refuses(&["slack"], "sent more than");
    assert_eq!(seen(&server).len(), 1);
}

/// A server that compresses what it was asked for as it is, is told from one that sends wrong bytes; one that only
/// says so of an archive does no harm.
#[test]
fn content_coding_is_told() {
    let registry = slack();
    let server = Server::start(registry.path());
    for path in [ARCHIVE, "registry.json"] {
        let home = Home::new().registry(&server.url());
        server.fault(path, Fault::Encoded("gzip", true));
        let error = home.refuses(&["slack"], "was sent in the content coding `gzip`");
        assert_eq!(error.class(), FailureClass::Verification, "{path}");
        server.heal();
    }
    let home = Home::new().registry(&server.url());
    let url = format!("{}{ARCHIVE}", server.url());
    server.fault(ARCHIVE, Fault::Encoded("x-gzip", true));
    home.refuses(&[&url], "was sent in the content coding `x-gzip`");
    server.fault(ARCHIVE, Fault::Encoded("x-gzip", false));
    home.install(&["slack"]).unwrap();
    home.verify_clean();
}

/// While a registry is down its mirrors deliver everything; they get no headers of it. A mirror that is behind
/// is passed over, and without any the registry's own failure is told.
#[test]
fn mirrors_stand_in_for_a_registry_that_is_down() {
    let registry = slack();
    let (server, empty) = (Server::start(registry.path()), tempfile::tempdir().unwrap());
    let behind = Server::start(empty.path());
    let copy = slack();
    let mirror = Server::start(copy.path());
    for path in [ARCHIVE, "registry.json", "packs.json"] {
        server.fault(path, Fault::Status(503, usize::MAX));
    }
    let mut config = RegistryConfig::new(server.url());
    config.headers = pack_client::Headers::new(BTreeMap::from([(
        "authorization".to_owned(),
        "Bearer s3cret".to_owned(),
    )]));
    config.mirrors = vec![behind.url()];
    let home = Home::new().config(config.clone());
    let error = home.refuses(&["slack"], "answered 503");
    assert_eq!(error.class(), FailureClass::Network);
    config.mirrors.push(mirror.url());
    let home = Home::new().config(config);
    let report = home.install(&["slack"]).unwrap();
    home.verify_clean();
    let from = &report.packs[0].record.registry.as_ref().unwrap().url;
    assert_eq!(*from, server.url());
    let warnings = home.log.warnings.lock().unwrap().join("\n");
    assert!(warnings.contains("asking the next mirror"), "{warnings}");
    let seen = mirror.seen();
    assert!(seen.iter().any(|s| s.path == ARCHIVE));
    assert!(
        seen.iter()
            .chain(&behind.seen())
            .all(|s| !s.headers.contains_key("authorization"))
    );
}

/// One host gets no more requests at once than the settings allow, however many packs there are; all arrive.
#[test]
fn one_host_gets_its_limit_of_requests() {
    let packs: Vec<Pack> = (0..40)
        .map(|number| Pack::new(&format!("p{number}"), "1.0.0"))
        .collect();
    let registry = TestRegistry::with(&packs);
    let names: Vec<&str> = packs.iter().map(|pack| pack.name.as_str()).collect();
    let limits: [fn(&mut pack_client::ClientSettings); 2] = [
        |settings| settings.per_host = pack_client::HostLimit::new(3),
        |settings| settings.parallel_downloads = 2,
    ];
    for (tune, most) in limits.into_iter().zip([3, 2]) {
        let server = Server::start(registry.path());
        let home = Home::new().registry(&server.url()).tune(tune);
        home.install(&names).unwrap();
        assert_eq!(home.packs().len(), packs.len());
        assert_eq!(server.most_at_once(), most);
    }
}
