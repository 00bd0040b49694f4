//! Changes of configuration and certificate while a registry is served.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::until;
use crate::publishing::Registry;
use crate::support::Place;

/// A changed file is in force without a signal; one that is wrong is not, and what was stays.
#[test]
fn configuration_is_read_again_and_a_bad_one_refused() {
    let registry = Registry::with("server:\n  log: {access: access.log}\n");
    let status = || registry.hosted.get("/packs.json").0;
    assert_eq!(status(), 200);
    registry.configure("server: {access: private}\n");
    until("the registry is private", || status() == 401);
    for wrong in [
        "server: {access: secret}\n",
        "server: [\n",
        "server: {rate_limit: {per_token: 7}}\n",
    ] {
        registry.configure(wrong);
        registry.hosted.signal("HUP");
    }
    assert_eq!(status(), 401);
    registry.configure("server: {publish: {max_archive_size: 100B}}\n");
    registry.hosted.signal("HUP");
    until("the registry is public", || status() == 200);
    let token = registry.token("ann", &["--scope", "publish"]);
    let archive = registry.archive("one", "1.0.0", "");
    let before = registry.tree();
    assert_eq!(registry.put("one/1.0.0", &token, &archive).status, 413);
    assert_eq!(registry.tree(), before);
}

/// A certificate for `localhost` and its key, as PEM, with what trusts it.
struct Certificate {
    pem: String,
    key: String,
    der: CertificateDer<'static>,
}

fn certificate() -> Certificate {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    Certificate {
        pem: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
        der: made.cert.der().clone(),
    }
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

fn connect(address: &str, trusted: &Certificate) -> Tls {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(connection, TcpStream::connect(address).unwrap())
}

/// The head of the answer to one request; `None` if the server is not trusted.
fn head(tls: &mut Tls) -> Option<String> {
    tls.write_all(b"HEAD /packs.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .ok()?;
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        tls.read_exact(&mut byte).ok()?;
        text.push(byte[0]);
    }
    String::from_utf8(text).ok()
}

/// TLS is spoken with the certificate of the files as they are; open connections outlive a change, and a wrong file none.
#[test]
fn certificate_is_exchanged_under_open_connections() {
    let place = Place::new();
    place.pack("base", "base", "1.0.0", "");
    place.build();
    let [old, new] = [certificate(), certificate()];
    let put = |certificate: &Certificate| {
        for (name, text) in [
            ("key.pem", &certificate.key),
            ("cert.pem", &certificate.pem),
        ] {
            fs::write(place.path("new.pem"), text).unwrap();
            fs::rename(place.path("new.pem"), place.path(name)).unwrap();
        }
    };
    put(&old);
    let config = "server:\n  tls: {certificate: cert.pem, key: key.pem}\n";
    fs::write(place.path("config.yaml"), config).unwrap();
    let hosted = place.serve("tree");
    let address = hosted.address().to_owned();
    let mut first = connect(&address, &old);
    let answer = head(&mut first).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("strict-transport-security: "), "{answer}");
    assert_eq!(first.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
    assert!(head(&mut connect(&address, &new)).is_none());
    // Halves of a pair, and what is no certificate, are not used.
    fs::write(place.path("cert.pem"), &new.pem).unwrap();
    hosted.signal("HUP");
    fs::write(place.path("cert.pem"), "nonsense").unwrap();
    hosted.signal("HUP");
    assert!(head(&mut connect(&address, &old)).is_some());
    put(&new);
    hosted.signal("HUP");
    until("the new certificate", || {
        head(&mut connect(&address, &new)).is_some()
    });
    assert!(head(&mut first).is_some());
    // Plain HTTP gets no answer.
    let mut plain = TcpStream::connect(&address).unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
}
