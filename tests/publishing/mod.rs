//! Publishing over HTTP: what is taken, who may, what everybody sees of it afterwards, and that a refusal changes
//! nothing.

mod attacks;
mod damage;
mod many;
pub(crate) mod rights;

use std::collections::BTreeMap;
use std::fs;

use pack_format::ArchiveDigest;
use serde_json::{Value, json};

use crate::support::git::Repository;
use crate::support::{Answer, Hosted, Place, Run, snapshot};

/// A registry with one pack, `base@1.0.0`, that is served.
pub(crate) struct Registry {
    pub(crate) place: Place,
    pub(crate) hosted: Hosted,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// Exchanges the configuration, in one step.
    pub(crate) fn configure(&self, config: &str) {
        let written = self.place.path("config.yaml.new");
        fs::write(&written, config).unwrap();
        fs::rename(written, self.place.path("config.yaml")).unwrap();
    }

    /// With a configuration of the server.
    pub(crate) fn with(config: &str) -> Self {
        let place = Place::new();
        place.pack("base", "base", "1.0.0", "");
        place.build();
        fs::remove_dir_all(place.path("packs")).unwrap();
        fs::write(place.path("config.yaml"), config).unwrap();
        let hosted = place.serve("tree");
        Self { place, hosted }
    }

    /// A token for `user`.
    pub(crate) fn token(&self, user: &str, more: &[&str]) -> String {
        let mut args = vec![
            "registry", "token", "create", "--tree", "tree", "--user", user,
        ];
        args.extend(more);
        self.place.run(&args, 0).stdout.trim().to_owned()
    }

    /// Runs `attune` with a token.
    #[track_caller]
    pub(crate) fn run(&self, token: &str, args: &[&str], code: i32) -> Run {
        let mut command = self.place.attune(args);
        let output = command.env("ATTUNE_TOKEN", token).output().unwrap();
        let run = Run::of(&output);
        assert_eq!(output.status.code(), Some(code), "attune {args:?}\n{run:?}");
        run
    }

    /// Makes a pack and its archive.
    pub(crate) fn archive(&self, pack_ref: &str, version: &str, extra: &str) -> Vec<u8> {
        let directory = format!("{pack_ref}-{version}");
        self.place.pack(&directory, pack_ref, version, extra);
        let source = format!("packs/{directory}");
        let args = [
            "pack",
            "archive",
            &source,
            "--out",
            "made.tar.gz",
            "--force",
        ];
        self.place.run(&args, 0);
        fs::read(self.place.path("made.tar.gz")).unwrap()
    }

    /// Every file of the tree.
    pub(crate) fn tree(&self) -> BTreeMap<String, Vec<u8>> {
        snapshot(&self.place.path("tree"))
    }

    pub(crate) fn put(&self, path: &str, token: &str, body: &[u8]) -> Answer {
        self.ask(
            "PUT",
            path,
            &[("Authorization", &format!("Bearer {token}"))],
            body,
        )
    }

    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.request(method, &format!("/api/v1/packs/{path}"), headers, body)
    }

    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !headers.iter().any(|(name, _)| *name == "Transfer-Encoding") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        self.hosted.send(&[head.as_bytes(), b"\r\n", body].concat())
    }

    #[track_caller]
    pub(crate) fn is_sound(&self) {
        self.place.run(&["registry", "check", "tree"], 0);
    }
}

/// A published version is in every list at once, can be installed, and is never changed.
#[test]
fn published_version_is_there_for_everybody() {
    let registry = Registry::new();
    let token = registry.token("ann", &["--scope", "publish"]);
    let url = registry.hosted.url.clone();
    registry.place.pack("one", "one", "1.0.0", "");
    let publish = ["pack", "publish", "packs/one", "--registry", &url, "--json"];
    let asked = registry
        .run(&token, &[&publish[..], &["--dry-run"]].concat(), 0)
        .json();
    assert_eq!(asked["dry_run"], true);
    assert!(!registry.place.path("tree/packs/one.json").exists());
    let made = registry.run(&token, &publish, 0).json();
    assert_eq!(
        (&made["created"], &made["first"]),
        (&json!(true), &json!(true))
    );

    let (_, _, packs) = registry.hosted.get("/packs.json");
    let packs: Value = serde_json::from_slice(&packs).unwrap();
    assert_eq!(packs["packs"]["one"]["version"], "1.0.0");
    let (_, _, index) = registry.hosted.get("/index.json");
    let index: Value = serde_json::from_slice(&index).unwrap();
    assert_eq!(index["packs"][1]["ref"], "one");
    assert_eq!(registry.hosted.get("/packs/one/").0, 200);
    registry
        .place
        .run(&["pack", "install", "one", "--registry", &url], 0);
    registry.is_sound();

    // The same again is fine; other bytes are not.
    let before = registry.tree();
    let again = registry.run(&token, &publish, 0).json();
    assert_eq!(again["created"], false);
    fs::write(registry.place.path("packs/one/NOTES"), "more").unwrap();
    let refused = registry.run(&token, &publish, 1).stderr;
    assert!(
        refused.contains("published  sha256:") && refused.contains("raise `version`"),
        "{refused}"
    );
    assert_eq!(registry.tree(), before);

    // A build of other directories keeps what was published.
    registry.place.pack("base", "base", "1.0.0", "");
    fs::remove_dir_all(registry.place.path("packs/one")).unwrap();
    registry.place.build();
    assert!(registry.place.path("tree/packs/one.json").exists());
    registry.is_sound();
}

/// A published checkout tells its commit, which becomes a source with the digest of what came; half of one, one that can
/// be moved and one that is not public are refused.
#[test]
fn published_checkout_names_its_commit() {
    let registry = Registry::new();
    let token = registry.token("ann", &["--scope", "publish"]);
    let repository = Repository::new(registry.place.path("packs"));
    repository.pack("one", "one", "1.0.0");
    let commit = repository.commit();
    let remote = "https://github.com/acme/packs.git";
    repository.git(&["remote", "add", "origin", remote]);
    repository.git(&["update-ref", "refs/remotes/origin/main", &commit]);
    let url = registry.hosted.url.clone();
    registry.run(
        &token,
        &["pack", "publish", "packs/one", "--registry", &url],
        0,
    );
    let tree = registry.tree();
    let document: Value = serde_json::from_slice(&tree["packs/one.json"]).unwrap();
    let version = &document["versions"][0];
    let source = json!({"type": "git", "url": remote, "ref": commit, "checksum": version["tree"], "subdir": "one"});
    assert_eq!(version["install_sources"], json!([source]));
    let page = String::from_utf8_lossy(&tree["packs/one/index.html"]).into_owned();
    let shown = format!("https://github.com/acme/packs/tree/{commit}/one");
    assert!(
        page.contains(&shown) && page.contains("by <bdi>ann</bdi>"),
        "{page}"
    );
    registry.is_sound();

    let archive = registry.archive("two", "1.0.0", "");
    let at = "git_url=https://github.com/acme/packs";
    for query in [
        at.to_owned(),
        format!("git_commit={commit}"),
        format!("{at}&git_commit=main"),
        format!("{at}&git_commit={commit}&git_subdir=../two"),
        format!("git_url=file:///etc&git_commit={commit}"),
    ] {
        let put = registry.put(&format!("two/1.0.0?{query}"), &token, &archive);
        assert_eq!(
            (put.status, &put.body["code"]),
            (400, &json!("bad_parameter")),
            "{query}"
        );
    }
    assert_eq!(registry.tree(), tree);
}

/// What is said with a change is an object: a list of its values is refused, and nothing changes.
#[test]
fn bodies_of_changes_are_objects() {
    let registry = Registry::new();
    let token = registry.token("ann", &["--scope", "publish,yank"]);
    let archive = registry.archive("one", "1.0.0", "");
    assert_eq!(registry.put("one/1.0.0", &token, &archive).status, 201);
    let tree = registry.tree();
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str())];
    for (path, body) in [
        ("one/1.0.0/yank", r#"["broken"]"#),
        ("one/deprecate", r#"["old", "base"]"#),
        ("one/1.0.0/yank", r#""broken""#),
    ] {
        let answer = registry.ask("POST", path, &headers, body.as_bytes());
        assert_eq!(answer.status, 400, "{path} {body}: {}", answer.body);
        assert_eq!(answer.body["code"], "invalid_body", "{}", answer.body);
    }
    assert_eq!(registry.tree(), tree);
}

/// What may be said of a version and a pack over HTTP is what may be said of a tree.
#[test]
fn versions_are_hidden_and_shown_over_http() {
    let registry = Registry::new();
    let token = registry.token("ann", &["--scope", "publish,yank"]);
    let url = registry.hosted.url.clone();
    let archive = registry.archive("one", "1.0.0", "");
    assert_eq!(registry.put("one/1.0.0", &token, &archive).status, 201);
    let version = || {
        let bytes = fs::read(registry.place.path("tree/packs/one.json")).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()
    };
    let say = |args: &[&str]| {
        let all = [&["pack"], args, &["--registry", &url, "--json"]].concat();
        registry.run(&token, &all, 0).json()["changed"].clone()
    };
    assert_eq!(say(&["yank", "one@1.0.0", "--reason", "broken"]), true);
    assert_eq!(version()["versions"][0]["yanked"]["reason"], "broken");
    assert_eq!(say(&["yank", "one@1.0.0", "--reason", "broken"]), false);
    assert_eq!(say(&["unyank", "one@1.0.0"]), true);
    assert_eq!(version()["versions"][0].get("yanked"), None);
    assert_eq!(
        say(&["deprecate", "one", "--reason", "old", "--successor", "base"]),
        true
    );
    assert_eq!(version()["deprecated"]["successor"], "base");
    assert_eq!(say(&["deprecate", "one", "--undo"]), true);
    let missing = [
        "pack",
        "yank",
        "one@2.0.0",
        "--reason",
        "x",
        "--registry",
        &url,
    ];
    assert!(
        registry
            .run(&token, &missing, 1)
            .stderr
            .contains("listed: 1.0.0")
    );
}

/// Owners let others in, and out; a takedown is for administrators, and for good.
#[test]
fn owners_change_and_takedowns_stay() {
    let registry = Registry::new();
    let token = registry.token("ann", &["--scope", "publish"]);
    let url = registry.hosted.url.clone();
    let archive = registry.archive("one", "1.0.0", "");
    assert_eq!(registry.put("one/1.0.0", &token, &archive).status, 201);
    let owner = |args: &[&str], code| {
        let all = [&["pack", "owner"], args, &["--registry", &url]].concat();
        registry.run(&token, &all, code)
    };
    assert_eq!(owner(&["add", "one", "bob"], 0).stdout, "ann\nbob\n");
    assert_eq!(owner(&["remove", "one", "ann"], 0).stdout, "bob\n");
    let refused = owner(&["add", "one", "ann"], 7).stderr;
    assert!(refused.contains("owners  bob"), "{refused}");

    let admin = registry.token("root", &["--scope", "admin"]);
    let headers = [("Authorization", &*format!("Bearer {admin}"))];
    let gone = registry.ask(
        "POST",
        "one/1.0.0/takedown",
        &headers,
        b"{\"reason\": \"court order\"}",
    );
    assert_eq!((gone.status, &gone.body["changed"]), (200, &json!(true)));
    assert!(
        !registry
            .place
            .path("tree/archives/one/one-1.0.0.tar.gz")
            .exists()
    );
    let back = registry.put("one/1.0.0", &admin, &archive);
    assert_eq!(
        (back.status, &back.body["code"]),
        (409, &json!("taken_down"))
    );
    registry.is_sound();
}

/// What the operator demands is demanded, with what to do about it.
#[test]
fn operator_demands_licence_size_and_honest_versions() {
    let registry = Registry::with(
        "server:\n  publish:\n    require_license: true\n    require_honest_version: true\n    max_archive_size: 20KB\n",
    );
    let token = registry.token("ann", &["--scope", "publish"]);
    let bare = registry.archive("one", "1.0.0", "");
    let before = registry.tree();
    let answer = registry.put("one/1.0.0", &token, &bare);
    assert_eq!(
        (answer.status, &answer.body["code"]),
        (422, &json!("no_license")),
        "{answer:?}"
    );
    // Digests of numbers do not compress.
    let noise: String = (0..600u32)
        .map(|n| ArchiveDigest::of(&n.to_le_bytes()).to_string())
        .collect();
    let large = registry.archive(
        "large",
        "1.0.0",
        &format!("license: MIT\ndescription: {noise}\n"),
    );
    assert_eq!(registry.put("large/1.0.0", &token, &large).status, 413);
    assert_eq!(registry.tree(), before);

    let good = registry.archive("one", "1.0.0", "license: MIT\n");
    assert_eq!(registry.put("one/1.0.0", &token, &good).status, 201);
    registry
        .place
        .pack("one-1.0.1", "one", "1.0.1", "license: MIT\n");
    fs::remove_dir_all(registry.place.path("packs/one-1.0.1/actions")).unwrap();
    let publish = [
        "pack",
        "publish",
        "packs/one-1.0.1",
        "--registry",
        &registry.hosted.url,
    ];
    let refused = registry.run(&token, &publish, 1).stderr;
    assert!(
        refused.contains("breaks users of `1.0.0`") && refused.contains("publish it as 2.0.0"),
        "{refused}"
    );
}

/// Without a server that takes changes, the error says so.
#[test]
fn plain_host_takes_no_changes() {
    let place = Place::new();
    place.pack("base", "base", "1.0.0", "");
    place.build();
    let publish = |registry: &str| {
        let output = place
            .attune(&["pack", "publish", "packs/base", "--registry", registry])
            .output()
            .unwrap();
        (output.status.code(), Run::of(&output).stderr)
    };
    let (code, said) = publish("tree");
    assert!(
        code == Some(2) && said.contains("is not on the web"),
        "{said}"
    );
    let lone = place.serve("tree/index.json");
    let (code, said) = publish(&lone.url);
    assert!(
        code == Some(1) && said.contains("takes no changes"),
        "{said}"
    );
    // A tree without tokens is one that nobody may change.
    let hosted = place.serve("tree");
    let (code, said) = publish(&hosted.url);
    assert!(code == Some(7) && said.contains("token"), "{said}");
}
