//! `registry login` and `logout`: a token is checked, kept for its owner only, used, and forgotten.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::support::{Place, snapshot};

const TOKEN: &str = "s3cret-token";

/// Serves a folder to whoever sends the token; returns its URL.
pub(crate) fn private(root: PathBuf, token: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that goes away is its own business.
            let _ = stream.and_then(|stream| answer(&stream, &root, token));
        }
    });
    url
}

fn answer(mut stream: &TcpStream, root: &Path, token: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap()?;
    let mut allowed = false;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        allowed |= line.eq_ignore_ascii_case(&format!("authorization: Bearer {token}"));
    }
    let path = first.split(' ').nth(1).unwrap().trim_start_matches('/');
    let (status, body) = match fs::read(root.join(path)) {
        _ if !allowed => ("401 Unauthorized", Vec::new()),
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)
}

#[track_caller]
fn login(place: &Place, registry: &str, token: &str, code: i32) -> String {
    let mut child = place
        .attune(&["-vv", "registry", "login", registry])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that refuses before it reads has closed its end.
    let _ = child.stdin.take().unwrap().write_all(token.as_bytes());
    let output: Output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(
        token.trim().is_empty() || !said.contains(token.trim()),
        "{said}"
    );
    said
}

/// A place whose configuration names a private registry with `slack` 1.0.0.
fn place() -> (Place, String) {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    place.build();
    let url = private(place.path("tree"), TOKEN);
    let config =
        format!("# mine\npack_registry:\n  indices:\n    - {{url: \"{url}\", name: Private}}\n");
    fs::write(place.path("config.yaml"), config).unwrap();
    (place, url)
}

/// The whole way: refused without, logged in by name, installed, not shown, logged out, refused again.
#[test]
fn token_opens_a_private_registry_until_logout() {
    let (place, url) = place();
    let credentials = place.path("credentials.json");
    place.run(&["pack", "install", "slack"], 7);
    assert!(login(&place, "Private", &format!("{TOKEN}\n"), 0).contains("Logged in to"));
    let mode = fs::metadata(&credentials).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let config = fs::read_to_string(place.path("config.yaml")).unwrap();
    assert!(config.starts_with("# mine\n") && !config.contains(TOKEN));
    let run = place.run(&["pack", "install", "slack", "-v"], 0);
    assert!(!format!("{run:?}").contains(TOKEN));
    let listed = place.run(&["pack", "registries", "--json"], 0);
    assert!(!listed.stdout.contains(TOKEN) && listed.stdout.contains("[REDACTED]"));
    for (name, content) in snapshot(&place.path("installed")) {
        assert!(!String::from_utf8_lossy(&content).contains(TOKEN), "{name}");
    }
    // By its URL, which is the same registry.
    place.run(&["registry", "logout", &url], 0);
    assert!(!fs::read_to_string(&credentials).unwrap().contains(TOKEN));
    // What was fetched before is no secret from whoever fetched it.
    let again = ["pack", "install", "slack", "--force", "--registry", &url];
    place.run(&again, 0);
    place.run(&["cache", "clear"], 0);
    place.run(&again, 7);
    place.run(&["registry", "logout", "Private"], 1);
}

/// What is no token, or none the registry takes, is not kept; nor is anything read that others can read.
#[test]
fn bad_tokens_are_not_kept() {
    let (place, _) = place();
    let before = snapshot(&place.path("."));
    let said = login(&place, "Private", "wrong-token", 7);
    assert!(said.contains("the token is not accepted"), "{said}");
    login(&place, "Private", "  \n", 2);
    login(&place, "Private", "two words", 2);
    login(&place, "Nobody", TOKEN, 2);
    login(&place, "http://example.org/", TOKEN, 1);
    assert_eq!(snapshot(&place.path(".")), before);

    login(&place, "Private", TOKEN, 0);
    let credentials = place.path("credentials.json");
    fs::set_permissions(&credentials, fs::Permissions::from_mode(0o644)).unwrap();
    let run = place.run(&["pack", "install", "slack"], 2);
    assert!(run.stderr.contains("has mode 644"), "{run:?}");
    assert!(run.stderr.contains("chmod 600"), "{run:?}");
}
