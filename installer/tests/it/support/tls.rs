//! `TlsServer`: a directory over https, under a certificate authority made for the test.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// An authority nobody knows.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    /// Its certificate as a PEM file.
    pub(crate) fn write(&self, path: PathBuf) -> PathBuf {
        fs::write(&path, self.issuer.pem()).unwrap();
        path
    }

    /// A certificate of a client with its key, as a PEM file.
    pub(crate) fn write_client(&self, path: PathBuf) -> PathBuf {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["client".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(&path, certificate.pem() + &key.serialize_pem()).unwrap();
        path
    }
}

/// Serves `root` for as long as the test runs; with `ask`, to clients with a certificate of the authority only.
pub(crate) fn serve(root: &Path, authority: &Authority, ask: bool) -> SocketAddr {
    serve_in_years(root, authority, ask, 1975..=4096)
}

/// The same with a certificate that is valid from the beginning of one year to that of another.
pub(crate) fn serve_in_years(
    root: &Path,
    authority: &Authority,
    ask: bool,
    years: RangeInclusive<i32>,
) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.not_before = date_time_ymd(*years.start(), 1, 1);
    params.not_after = date_time_ymd(*years.end(), 1, 1);
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if ask {
        let mut roots = RootCertStore::empty();
        roots.add(authority.issuer.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = builder
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let root = root.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (root, config) = (root.clone(), Arc::clone(&config));
            // Clients that do not trust us end the connection, which is what some tests are about.
            std::thread::spawn(move || stream.and_then(|stream| answer(stream, config, &root)));
        }
    });
    address
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>, root: &Path) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = first.clone();
    while !line.trim().is_empty() {
        line.clear();
        reader.read_line(&mut line)?;
    }
    let path = first
        .split(' ')
        .nth(1)
        .unwrap_or("/")
        .trim_start_matches('/');
    let (status, body) = match fs::read(root.join(path)) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    // Where a file of that name lies beside it, it says where to go instead.
    let elsewhere = fs::read_to_string(root.join(format!("{path}.redirect")));
    let (status, body) = match elsewhere {
        Ok(target) => (format!("302 Found\r\nLocation: {target}"), Vec::new()),
        Err(_) => (status.to_owned(), body),
    };
    let mut stream = reader.into_inner();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)?;
    stream.conn.send_close_notify();
    stream.flush()
}
