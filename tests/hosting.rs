//! The table of `docs/hosting.md`, asked of the program and of nginx with `templates/hosting/nginx.conf`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::support::git::free_port;
use crate::support::{Place, path_variable, project, snapshot};

/// A sealed segment of the record of changes.
const SEGMENT: &str = "0-00ff.json";

/// A row: path, media type, caching.
type Row = (String, String, String);

/// The rows of the table, with the names of this tree in place of what stands in angle brackets.
fn rows(place: &Place) -> Vec<Row> {
    let named = |folder: &str, start: &str, end: &str| {
        let entries = fs::read_dir(place.path("tree").join(folder)).unwrap();
        let mut names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .find(|name| name.starts_with(start) && name.ends_with(end))
            .unwrap()
    };
    let values: BTreeMap<&str, String> = BTreeMap::from([
        (
            "docs/<sha256>.<ref>.json",
            format!("docs/{}", named("docs", "", ".alpha.json")),
        ),
        ("style.<hash>.css", named("assets", "style.", ".css")),
        ("script.<hash>.js", named("assets", "script.", ".js")),
        ("icon.<hash>.svg", named("assets", "icon.", ".svg")),
        ("<hash>.png", named("icons/alpha", "", ".png")),
        ("<first>-<sha256>.json", SEGMENT.to_owned()),
        ("<ref>-<version>", "alpha-1.0.0".to_owned()),
        ("<ref>", "alpha".to_owned()),
    ]);
    let text = fs::read_to_string(project().join("docs/hosting.md")).unwrap();
    let rows: Vec<Row> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `/")?.strip_suffix("` |"))
        .map(|line| {
            let cells: Vec<&str> = line.split("` | `").collect();
            // The longest names first: they contain the shorter ones.
            let mut path = format!("/{}", cells[0]);
            for (name, value) in values.iter().rev() {
                path = path.replace(name, value);
            }
            assert!(!path.contains('<'), "{path}");
            (path, cells[1].to_owned(), cells[2].to_owned())
        })
        .collect();
    assert_eq!(rows.len(), 18);
    rows
}

fn tree() -> Place {
    let place = Place::new();
    // Files below 1 KB have no twins.
    let description = "Says what alpha is. ".repeat(100);
    let extra = format!("description: \"{description}\"\n");
    place.pack("alpha", "alpha", "1.0.0", &extra);
    let icon = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x40\0\0\0\x40\x08\x06\0\0\0";
    fs::write(place.path("packs/alpha/icon.png"), icon).unwrap();
    place.build();
    // 512 changes seal a segment; how one is served does not depend on what is in it.
    fs::write(place.path("tree/changes").join(SEGMENT), b"{}").unwrap();
    place
}

/// Status, headers (names in lower case) and body of one request.
fn get(address: &str, path: &str, headers: &str) -> (u16, BTreeMap<String, String>, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: packs.example.org\r\nConnection: close\r\n{headers}\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers = lines
        .map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_lowercase(), value.trim().to_owned())
        })
        .collect();
    (status, headers, answer[end + 4..].to_vec())
}

/// What the page says holds of a host.
fn holds(place: &Place, address: &str) {
    for (path, media_type, caching) in rows(place) {
        let (status, headers, body) = get(address, &path, "");
        assert_eq!(status, 200, "{path}");
        assert_eq!(headers["content-type"], media_type, "{path}");
        assert_eq!(headers["cache-control"], caching, "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert!(!headers.contains_key("content-encoding"), "{path}");
        let mut file = place.path("tree").join(&path[1..]);
        if path.ends_with('/') {
            file.push("index.html");
            assert!(
                headers["content-security-policy"].starts_with("default-src 'none'"),
                "{path}"
            );
        }
        assert_eq!(body, fs::read(file).unwrap(), "{path}");
        let shared = headers
            .get("access-control-allow-origin")
            .map(String::as_str);
        let is_shared = media_type == "application/json" || media_type == "application/gzip";
        assert_eq!(shared, is_shared.then_some("*"), "{path}");

        // Conditional: by tag, and by time where there is no tag.
        let (status, again, body) = get(
            address,
            &path,
            &format!("If-None-Match: {}\r\n", headers["etag"]),
        );
        assert_eq!((status, body.len()), (304, 0), "{path}");
        assert_eq!(again["cache-control"], caching, "{path}");
        let since = format!("If-Modified-Since: {}\r\n", headers["last-modified"]);
        assert_eq!(get(address, &path, &since).0, 304, "{path}");
    }
    ranges(place, address);
    twins(place, address);
    refusals(address);
}

/// A part of an archive, and the whole of it when it is another one by now.
fn ranges(place: &Place, address: &str) {
    let path = "/archives/alpha/alpha-1.0.0.tar.gz";
    let file = fs::read(place.path("tree").join(&path[1..])).unwrap();
    let (status, headers, body) = get(address, path, "Range: bytes=10-19\r\n");
    assert_eq!(status, 206);
    assert_eq!(
        headers["content-range"],
        format!("bytes 10-19/{}", file.len())
    );
    assert_eq!(body, file[10..20]);
    assert_eq!(
        headers["cache-control"],
        "public, max-age=31536000, immutable"
    );
    let (status, _, body) = get(
        address,
        path,
        "Range: bytes=10-19\r\nIf-Range: \"another\"\r\n",
    );
    assert_eq!((status, body), (200, file.clone()));
    let beyond = format!("Range: bytes={}-\r\n", file.len());
    assert_eq!(get(address, path, &beyond).0, 416);
}

/// The twin of a document is sent as it was built; an archive is never encoded.
fn twins(place: &Place, address: &str) {
    let accept = "Accept-Encoding: gzip\r\n";
    for path in ["/packs/alpha.json", "/packs/alpha/"] {
        let file = if path.ends_with('/') {
            "packs/alpha/index.html"
        } else {
            &path[1..]
        };
        let (status, headers, body) = get(address, path, accept);
        assert_eq!(status, 200);
        assert_eq!(headers["content-encoding"], "gzip", "{path}");
        assert_eq!(headers["vary"].to_lowercase(), "accept-encoding", "{path}");
        assert_eq!(
            body,
            fs::read(place.path("tree").join(format!("{file}.gz"))).unwrap(),
            "{path}"
        );
        let (_, plain, _) = get(address, path, "");
        assert_eq!(plain["vary"].to_lowercase(), "accept-encoding", "{path}");
        assert_ne!(plain["etag"], headers["etag"], "{path}");
    }
    let (_, headers, _) = get(address, "/archives/alpha/alpha-1.0.0.tar.gz", accept);
    assert!(!headers.contains_key("content-encoding"));
}

/// What is not there is not kept; what is being written is not shown; a folder leads to its page on the same host.
fn refusals(address: &str) {
    for path in [
        "/packs/beta/",
        "/packs/beta.json",
        "/.index.json.tmp",
        "/packs/.hidden",
    ] {
        let (status, headers, _) = get(address, path, "");
        assert_eq!(status, 404, "{path}");
        assert_eq!(headers["cache-control"], "no-store", "{path}");
    }
    let (status, headers, _) = get(address, "/packs/alpha", "");
    assert!([301, 308].contains(&status));
    assert!(
        ["/packs/alpha/", "./alpha/"].contains(&headers["location"].as_str()),
        "{headers:?}"
    );
}

#[test]
fn the_server_sends_what_the_page_says() {
    let place = tree();
    fs::write(place.path("tree/.index.json.tmp"), "{").unwrap();
    let hosted = place.serve("tree");
    holds(&place, hosted.address());
}

/// nginx on a free port, stopped when dropped.
struct Nginx {
    child: Child,
    address: String,
}

impl Nginx {
    /// Nothing where nginx is not installed, which the test says.
    #[expect(clippy::print_stdout, reason = "a test says that it is skipped")]
    fn start(place: &Place) -> Option<Self> {
        let port = free_port();
        configure(place, port);
        let Ok(tested) = nginx(place).args(["-t", "-q"]).output() else {
            #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
            let everything = std::env::var_os("CI").is_some_and(|ci| ci == "true");
            assert!(!everything, "nginx is not installed");
            println!("skipped: nginx is not installed");
            return None;
        };
        let said = String::from_utf8_lossy(&tested.stderr);
        assert!(tested.status.success() && said.is_empty(), "{said}");
        let mut command = nginx(place);
        let child = command.stdin(Stdio::null()).stderr(Stdio::null());
        let mut started = Self {
            child: child.spawn().unwrap(),
            address: format!("127.0.0.1:{port}"),
        };
        while TcpStream::connect(&started.address).is_err() {
            let ended = started.child.try_wait().unwrap();
            assert!(ended.is_none(), "nginx ended before it was ready");
            std::thread::yield_now();
        }
        Some(started)
    }
}

fn nginx(place: &Place) -> Command {
    let mut command = Command::new("nginx");
    command
        .args(["-e", "stderr", "-c", "nginx.conf", "-p"])
        .arg(place.path("nginx"))
        // Not on everybody's search path.
        .env(
            "PATH",
            format!("{}:/usr/sbin", path_variable().to_string_lossy()),
        );
    command
}

/// Writes the template with this port and tree, and the least around it.
fn configure(place: &Place, port: u16) {
    let template = fs::read_to_string(project().join("templates/hosting/nginx.conf")).unwrap();
    let root = format!("root {};", place.path("tree").display());
    let site = template
        .replace("listen 80;", &format!("listen 127.0.0.1:{port};"))
        .replace("root /srv/registry;", &root);
    assert!(site.contains(&root) && !site.contains("listen 80;"));
    let folder = place.path("nginx");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("site.conf"), site).unwrap();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {name};\n"))
        .concat();
    let user = if rustix::process::geteuid().is_root() {
        "user root;\n"
    } else {
        ""
    };
    let config = format!(
        "{user}daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr notice;\n\
         events {{}}\nhttp {{\naccess_log off;\n{temporary}include site.conf;\n}}\n"
    );
    fs::write(folder.join("nginx.conf"), config).unwrap();
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every file of the tree that is no twin, as both hosts send it.
fn same_files(place: &Place, one: &str, other: &str) {
    let said = |address: &str, path: &str| {
        let (status, headers, body) = get(address, path, "");
        let names = ["content-type", "cache-control", "content-security-policy"];
        let fields = names.map(|name| headers.get(name).cloned());
        (status, fields, body)
    };
    let files = snapshot(&place.path("tree")).into_keys();
    let files = files.filter(|name| place.path("tree").join(name).is_file());
    let is_twin = |name: &String| {
        let plain = |suffix| name.strip_suffix(suffix);
        let plain = plain(".zst").or_else(|| plain(".gz"));
        plain.is_some_and(|plain| place.path("tree").join(plain).is_file())
    };
    let mut count = 0;
    // The page of what is missing is for what is missing.
    for name in files.filter(|name| !is_twin(name) && name != "404.html") {
        let path = format!("/{}", name.strip_suffix("index.html").unwrap_or(&name));
        let (one, other) = (said(one, &path), said(other, &path));
        assert_eq!((one.0, one.1), (other.0, other.1), "{path}");
        assert!(one.2 == other.2, "{path}");
        count += 1;
    }
    assert!(count > 20, "{count}");
}

/// A plain web host does for clients and browsers what the program does: packs with what they need, search from the files of
/// the index, pages.
#[test]
fn nginx_serves_client_search_and_pages_like_the_program() {
    let place = tree();
    place.pack(
        "beta",
        "beta",
        "1.0.0",
        "dependencies: [alpha]\nkeywords: [greek]\n",
    );
    place.build();
    let Some(nginx) = Nginx::start(&place) else {
        return;
    };
    let hosted = place.serve("tree");
    same_files(&place, &nginx.address, hosted.address());
    let addresses = [nginx.address.as_str(), hosted.address()];
    let [plain, ours] = addresses.map(|address| {
        let url = format!("http://{address}/");
        let base = format!("base-{}", address.rsplit(':').next().unwrap());
        let run = |args: &[&str]| {
            let mut command = place.attune(&[args, &["--registry", &url, "--json"]].concat());
            command.env("ATTUNE__PACKS_BASE_DIR", place.path(&base));
            let output = command.output().unwrap();
            assert!(output.status.success(), "{args:?}: {output:?}");
            String::from_utf8(output.stdout)
                .unwrap()
                .replace(&url, "URL")
        };
        run(&["pack", "install", "beta"]);
        assert!(place.path(&base).join("alpha/pack.yaml").exists());
        ["greek", "alpha", "run", "nothing"].map(|word| run(&["pack", "search", word]))
    });
    assert_eq!(plain, ours);
    assert!(
        plain[0].contains("\"beta\"") && !plain[0].contains("\"alpha\""),
        "{plain:?}"
    );
}

#[test]
fn nginx_sends_what_the_page_says() {
    let place = tree();
    fs::write(place.path("tree/.index.json.tmp"), "{").unwrap();
    if let Some(nginx) = Nginx::start(&place) {
        holds(&place, &nginx.address);
        // Packs are installed from it as from the program itself.
        let url = format!("http://{}/", nginx.address);
        place.run(
            &["pack", "install", "alpha", "--registry", &url, "--json"],
            0,
        );
    }
}
