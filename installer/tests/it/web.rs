//! The same registries over HTTP.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;

use attune_installer::{Classify as _, FailureClass};
use pack_client::{Headers, OnError, RegistryConfig};
use pack_format::Hint as _;

use crate::support::home::chain;
use crate::support::server::Fault;
use crate::support::{Home, Pack, Server, TestRegistry};

const ARCHIVE: &str = "archives/slack/slack-2.1.0.tar.gz";

fn slack() -> TestRegistry {
    TestRegistry::with(&[Pack::new("slack", "2.0.0"), Pack::new("slack", "2.1.0")])
}

/// Format 2: three documents and the archive, each once.
#[test]
fn format_2_is_read_with_one_request_per_document() {
    let registry = slack();
    let server = Server::start(registry.path());
    let home = Home::new().registry(&server.url());
    home.install(&["slack"]).unwrap();
    home.verify_clean();
    let seen = server.seen();
    let paths: Vec<&str> = seen
        .iter()
        .map(|s| s.path.split('/').next().unwrap())
        .collect();
    assert_eq!(paths, ["registry.json", "packs.json", "docs", "archives"]);
    assert!(
        seen.iter()
            .all(|s| s.headers["accept-encoding"] == "identity")
    );
    // Within the cache's time nothing is asked again; the tree is in the store.
    home.install(&["slack@2.0.0"]).unwrap();
    let paths: Vec<String> = server.seen().into_iter().map(|s| s.path).collect();
    assert_eq!(paths, ["archives/slack/slack-2.0.0.tar.gz"]);
}

/// Format 1 of the same tree gives the same pack.
#[test]
fn format_1_is_the_fallback() {
    let registry = slack();
    let server = Server::start(registry.path());
    let mut registry = registry.base_url(&server.url());
    registry.add(&Pack::new("slack", "2.1.0"));
    registry.publish();
    registry.forget_format_2();
    let home = Home::new().registry(&server.url());
    let report = home.install(&["slack"]).unwrap();
    assert_eq!(
        report.packs[0].record.verified.to_string(),
        "archive_digest (registry)"
    );
    assert_eq!(
        report.packs[0].record.store_key,
        Pack::new("slack", "2.1.0").digests().1
    );
    let home = Home::new().registry(&format!("{}index.json", server.url()));
    home.install(&["slack"]).unwrap();
    home.verify_clean();
}

/// After the cache's time documents are revalidated, and nothing is sent again.
#[test]
fn stale_documents_are_revalidated() {
    let registry = slack();
    let server = Server::start(registry.path());
    let mut home = Home::new().registry(&server.url());
    home.install(&["slack"]).unwrap();
    server.seen();
    home.now += 3601;
    home.install(&["slack"]).unwrap();
    let statuses: Vec<(String, u16)> = server
        .seen()
        .into_iter()
        .map(|s| (s.path, s.status))
        .collect();
    assert_eq!(
        statuses,
        [
            ("registry.json".to_owned(), 304),
            ("packs.json".to_owned(), 304)
        ]
    );
}

/// While the server is down, a copy stands in, with a warning; without one the install stops.
#[test]
fn cached_copy_stands_in_for_a_server_that_is_down() {
    let registry = slack();
    let server = Server::start(registry.path());
    let mut home = Home::new().registry(&server.url());
    home.install(&["slack"]).unwrap();
    home.now += 3601;
    for name in ["registry.json", "packs.json"] {
        server.fault(name, Fault::Status(503, usize::MAX));
    }
    home.install(&["slack"]).unwrap();
    assert!(home.log.warnings.lock().unwrap()[0].contains("going on with the copy"));
    let fresh = Home::new().registry(&server.url());
    let error = fresh.refuses(&["slack"], "answered 503");
    assert_eq!(error.class(), FailureClass::Network);
}

/// Failures that pass are tried again, three times; wrong bytes are not.
#[test]
fn transient_failures_are_retried() {
    let registry = slack();
    let server = Server::start(registry.path());
    let count = |server: &Server| server.seen().iter().filter(|s| s.path == ARCHIVE).count();
    server.fault(ARCHIVE, Fault::Status(503, 3));
    let home = Home::new().registry(&server.url());
    home.install(&["slack"]).unwrap();
    assert_eq!(count(&server), 4);
    server.fault(ARCHIVE, Fault::Truncate(2));
    let home = Home::new().registry(&server.url());
    home.install(&["slack"]).unwrap();
    assert_eq!(count(&server), 3);
    server.fault(ARCHIVE, Fault::Status(500, usize::MAX));
    let home = Home::new().registry(&server.url());
    let error = home.refuses(&["slack"], "answered 500");
    assert_eq!((error.class(), count(&server)), (FailureClass::Network, 4));
    server.fault(ARCHIVE, Fault::Lie);
    let error = home.refuses(&["slack"], "checksum mismatch");
    assert_eq!(
        (error.class(), count(&server)),
        (FailureClass::Verification, 1)
    );
    server.heal();
    home.install(&["slack"]).unwrap();
}

/// A registry that wants to know who we are stops the search; its headers go nowhere else.
#[test]
fn authentication_stops_and_headers_stay_at_their_origin() {
    let registry = slack();
    let server = Server::start(registry.path());
    let second = Server::start(registry.path());
    server.fault("registry.json", Fault::Status(401, usize::MAX));
    let home = Home::new().registry(&server.url()).registry(&second.url());
    let error = home.refuses(&["slack"], "answered 401");
    assert_eq!(error.class(), FailureClass::Authentication);
    assert!(second.seen().is_empty());

    server.heal();
    server.fault(
        ARCHIVE,
        Fault::Redirect(format!("{}{ARCHIVE}", second.url())),
    );
    let mut config = RegistryConfig::new(server.url());
    config.headers =
        Headers::new([("authorization".to_owned(), "Bearer s3cret".to_owned())].into());
    assert!(!format!("{config:?}").contains("s3cret"));
    let home = Home::new().config(config);
    home.install(&["slack"]).unwrap();
    assert!(
        server
            .seen()
            .iter()
            .skip(1)
            .all(|s| s.headers["authorization"] == "Bearer s3cret")
    );
    let there = second.seen();
    assert!(
        there.len() == 1 && !there[0].headers.contains_key("authorization"),
        "{there:?}"
    );
}

/// Redirects out of bounds are refused, each before anything is asked there.
#[test]
fn redirects_are_bounded_and_checked() {
    let registry = slack();
    let server = Server::start(registry.path());
    let home = Home::new().registry(&server.url());
    for target in [
        "http://10.0.0.1/x",
        "https://192.168.1.1/x",
        "http://169.254.169.254/latest",
        "https://[::ffff:10.0.0.1]/x",
        "https://0xa000001/x",
        "https://167772161/x",
        "https://012.0.0.1/x",
        "https://100.64.0.1/x",
        "https://224.0.0.1/x",
        "https://[64:ff9b::a00:1]/x",
        "https://[fe80::1%25eth0]/x",
        "https://[fd00::1]/x",
        "http://example.org/x",
        "https://me:pw@example.org/x",
        "https://example.org./x",
        "ftp://example.org/x",
        "file:///etc/passwd",
        "data:text/plain,x",
        "http://",
        "https://me:pw@host:x/?pw@",
    ] {
        server.fault(ARCHIVE, Fault::Redirect(target.to_owned()));
        let error = home.refuses(&["slack"], "is refused");
        assert!(!chain(&error).contains("pw@"), "{}", chain(&error));
    }
    server.fault(ARCHIVE, Fault::Redirect(format!("/{ARCHIVE}")));
    home.refuses(&["slack"], "redirects more than 5 times");
}

/// Five redirects are followed, six are not.
#[test]
fn fifth_redirect_is_the_last() {
    let registry = slack();
    let server = Server::start(registry.path());
    for hops in [5, 6] {
        let mut here = ARCHIVE.to_owned();
        for hop in 1..=hops {
            let there = format!("hop-{hop}");
            server.fault(&here, Fault::Redirect(format!("/{there}")));
            fs::copy(registry.path().join(ARCHIVE), registry.path().join(&there)).unwrap();
            here = there;
        }
        server.mend(&here);
        let home = Home::new().registry(&server.url());
        if hops == 5 {
            home.install(&["slack"]).unwrap();
        } else {
            home.refuses(&["slack"], "redirects more than 5 times");
        }
    }
}

/// Once a redirect has left the registry's origin, its headers are not sent again, also not where it leads back.
#[test]
fn headers_do_not_come_back_with_a_redirect() {
    let registry = slack();
    let (server, other) = (
        Server::start(registry.path()),
        Server::start(registry.path()),
    );
    let back = "back.tar.gz";
    fs::copy(registry.path().join(ARCHIVE), registry.path().join(back)).unwrap();
    server.fault(
        ARCHIVE,
        Fault::Redirect(format!("{}{ARCHIVE}", other.url())),
    );
    other.fault(ARCHIVE, Fault::Redirect(format!("{}{back}", server.url())));
    let mut config = RegistryConfig::new(server.url());
    config.headers = Headers::new([("x-token".to_owned(), "s3cret".to_owned())].into());
    Home::new().config(config).install(&["slack"]).unwrap();
    let sent = |seen: Vec<crate::support::server::Seen>| -> Vec<(String, bool)> {
        let sent = |s: crate::support::server::Seen| (s.path, s.headers.contains_key("x-token"));
        seen.into_iter().map(sent).rev().take(2).collect()
    };
    assert_eq!(
        sent(server.seen()),
        [(back.to_owned(), false), (ARCHIVE.to_owned(), true)]
    );
    assert_eq!(sent(other.seen()), [(ARCHIVE.to_owned(), false)]);
}

/// An unreachable registry stops the search unless it is set to be passed over.
#[test]
fn unreachable_registry_stops_unless_it_may_be_passed_over() {
    // Bound and dropped: nobody listens there.
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let registry = slack();
    let down = RegistryConfig::new(format!("http://{closed}/"));
    let home = Home::new().config(down.clone()).registry(&registry.url());
    let error = home.refuses(&["slack"], "cannot reach");
    assert_eq!(error.class(), FailureClass::Network);
    let home = Home::new()
        .config(RegistryConfig {
            on_error: OnError::Continue,
            ..down
        })
        .registry(&registry.url());
    home.install(&["slack"]).unwrap();
    assert!(home.log.warnings.lock().unwrap()[0].contains("is left out"));
}

/// Search finds a pack by its words in any case; a registry that is down is left out and told.
#[test]
fn search_is_case_insensitive_and_goes_on() {
    let registry = slack();
    let server = Server::start(registry.path());
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let home = Home::new()
        .registry(&format!("http://{closed}/"))
        .registry(&server.url());
    let registries = home.registries();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for (keyword, found) in [
        ("SLACK", 1),
        ("does slack", 1),
        ("Testing", 1),
        ("nothing", 0),
    ] {
        let (hits, failures) = runtime.block_on(registries.search(keyword, None, &home.log));
        assert_eq!((hits.len(), failures.len()), (found, 1), "{keyword}");
    }
}

/// An archive URL somebody typed is installed; what answers with a page is not.
#[test]
fn archive_url_is_installed() {
    let registry = slack();
    let server = Server::start(registry.path());
    let home = Home::new();
    let url = format!("{}{ARCHIVE}", server.url());
    let report = home.install(&[&url]).unwrap();
    assert_eq!(report.packs[0].record.installed_from.url, url);
    assert_eq!(report.packs[0].record.verified.to_string(), "none");
    home.verify_clean();
    // What it is, its bytes say, not its name.
    for name in ["download", "tar.gz/v2.1.0", "slack.zip"] {
        let path = registry.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(registry.path().join(ARCHIVE), path).unwrap();
        let home = Home::new();
        home.install(&[&format!("{}{name}", server.url())]).unwrap();
        home.verify_clean();
    }
    fs::write(registry.path().join("page.zip"), "<!doctype html>").unwrap();
    home.refuses(
        &[&format!("{}page.zip", server.url())],
        "no gzip-compressed tar and no zip archive",
    );
}

/// A pack at a URL is the same pack in every kind of archive, and its checksum is held against what arrives.
#[test]
fn archive_urls_of_every_kind_give_the_same_tree() {
    let dir = tempfile::tempdir().unwrap();
    let pack = Pack::new("local", "1.0.0");
    pack.write(&dir.path().join("local"));
    for name in ["local.tar.gz", "local.tgz"] {
        fs::write(dir.path().join(name), pack.archive()).unwrap();
    }
    let zipped = std::process::Command::new("python3")
        .args(["-m", "zipfile", "-c", "local.zip", "local"])
        .current_dir(dir.path())
        .status()
        .unwrap();
    assert!(zipped.success());
    let server = Server::start(dir.path());
    for name in ["local.tar.gz", "local.tgz", "local.zip"] {
        let url = format!("{}{name}", server.url());
        let home = Home::new();
        let record = home.install(&[&url]).unwrap().packs[0].record.clone();
        assert_eq!(
            (record.tree_digest, record.store_key),
            pack.digests(),
            "{name}"
        );
        let bytes = fs::read(dir.path().join(name)).unwrap();
        let digest = pack_format::ArchiveDigest::of(&bytes);
        assert_eq!(record.archive_digest, Some(digest.into()), "{name}");
        home.verify_clean();
    }
}

/// What is wrong with a URL somebody gave is told without advice about registries.
#[test]
fn failures_of_an_archive_url_are_its_own() {
    let registry = slack();
    let server = Server::start(registry.path());
    let url = format!("{}{ARCHIVE}", server.url());
    for (status, hint) in [
        (401, "download it and install the file"),
        (403, "download it and install the file"),
        (404, "check the URL"),
        (500, "check the network and the URL"),
    ] {
        server.fault(ARCHIVE, Fault::Status(status, usize::MAX));
        let home = Home::new().tune(|settings| settings.retries = 0);
        let error = home.refuses(&[&url], &format!("answered {status}"));
        let said = error.hint().unwrap();
        assert!(
            said.contains(hint) && !said.contains("login"),
            "{status}: {said}"
        );
    }
}

/// A certificate nobody vouches for is an error of its own, with advice.
#[test]
fn plain_answer_to_a_tls_greeting_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        }
    });
    let home = Home::new().registry(&format!("https://{address}/"));
    let error = home.install(&["slack"]).unwrap_err();
    assert!(
        chain(&error).contains("no trusted connection"),
        "{}",
        chain(&error)
    );
}
