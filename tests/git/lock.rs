//! Locks of what has no archive in a registry: commits, archives and directories, brought again exactly as they are
//! locked.

use std::fs;

use serde_json::{Value, json};

use super::Origin;
use super::listed::{FROM, list, tree_digest};
use crate::support::git::Repository;
use crate::support::git_http::GitHttp;
use crate::support::{Hosted, Place, Run, snapshot};

fn locked(place: &Place) -> Value {
    serde_json::from_slice(&fs::read(place.path("packs.lock")).unwrap()).unwrap()
}

/// Changes one member of a locked pack.
fn tamper(place: &Place, pack_ref: &str, member: &str, value: Value) {
    let mut lock = locked(place);
    *lock["packs"][pack_ref].pointer_mut(member).unwrap() = value;
    fs::write(place.path("packs.lock"), lock.to_string()).unwrap();
}

/// Runs `attune pack …` against the listed registry.
#[track_caller]
fn pack(place: &Place, args: &[&str], code: i32) -> Run {
    place.run(&[&["pack"], args, &FROM].concat(), code)
}

/// The same where it must be refused; asserts that neither packs nor lock changed, and returns what was said.
#[track_caller]
fn refused(place: &Place, args: &[&str], code: i32) -> String {
    let state = || {
        let mut found = snapshot(&place.path("installed"));
        found.retain(|name, content| !content.is_empty() && name != ".attune/lock");
        (found, fs::read(place.path("packs.lock")).ok())
    };
    let before = state();
    let run = pack(place, args, code);
    assert_eq!(state(), before);
    run.stderr
}

/// A version that is listed with a branch is locked at its commit, and that commit comes, wherever the branch is by then.
#[test]
fn git_only_version_is_locked_at_its_commit() {
    let origin = Origin::new();
    let place = &origin.place;
    let server = GitHttp::start(&place.path("served"), None);
    let checksum = tree_digest(place, &origin.repository);
    let url = server.url("slack.git");
    let source = json!({"type": "git", "url": url, "ref": "main", "checksum": checksum});
    list(place, &json!([source]));
    fs::write(place.path("packs.yaml"), "packs: {slack: \"*\"}\n").unwrap();
    pack(place, &["lock"], 0);
    let slack = locked(place)["packs"]["slack"].clone();
    assert_eq!(slack["source"], url.as_str());
    assert_eq!(
        slack["git"],
        json!({"commit": origin.commits[2], "ref": "main"})
    );
    assert_eq!(slack["tree_digest"], checksum.as_str());
    assert!(slack["store_key"].is_string() && slack["archive_digest"].is_null());

    // The lock is the same without asking the repository again, whatever became of the branch.
    origin.repository.pack("", "slack", "2.0.1");
    origin.repository.commit();
    server.requests();
    let run = pack(place, &["lock", "--check"], 0);
    assert!(run.stdout.contains("is up to date"), "{run:?}");
    pack(place, &["lock", "--offline"], 0);
    assert_eq!(server.requests(), Vec::<String>::new());
    // A new lock needs what is not there any more.
    let said = refused(place, &["lock", "--upgrade"], 5);
    assert!(said.contains("`slack@2.0.1`, not `slack@2.0.0`"), "{said}");
    let said = refused(place, &["lock", "--upgrade", "--offline"], 3);
    assert!(said.contains("2.0.0 (not in the cache"), "{said}");

    // What was fetched for the lock is cached; without the cache, the server is needed.
    pack(place, &["install", "--frozen"], 0);
    let from_cache = place.record_of("slack");
    fs::remove_dir_all(place.path("installed")).unwrap();
    let said = refused(place, &["install", "--frozen"], 4);
    assert!(
        said.contains(&format!("`slack@2.0.0` from `{url}`")),
        "{said}"
    );
    pack(place, &["install", "--locked"], 0);
    let record = place.record_of("slack");
    assert_eq!(from_cache["installed_from"], record["installed_from"]);
    assert_eq!(from_cache["verified"], record["verified"]);
    assert_eq!(record["installed_from"]["type"], "git");
    assert_eq!(record["installed_from"]["ref"], "main");
    assert_eq!(
        record["installed_from"]["commit"],
        origin.commits[2].as_str()
    );
    assert_eq!(record["tree_digest"], checksum.as_str());
    assert_eq!(record["store_key"], slack["store_key"]);
    assert_eq!(record["registry"]["name"], "Listed");
    place.run(&["pack", "verify"], 0);

    // From the store nobody is asked, and the record says the same.
    place.run(&["pack", "uninstall", "slack", "--yes"], 0);
    server.requests();
    pack(place, &["install", "--frozen"], 0);
    assert_eq!(server.requests(), Vec::<String>::new());
    let again = place.record_of("slack");
    assert_eq!(again["installed_from"], record["installed_from"]);
    assert_eq!(
        again["verified"],
        json!([{"what": "store_key", "against": "lock"}])
    );
}

/// Another commit with the listed tree, another tree under the locked commit, or a registry with another tree: refused.
#[test]
fn other_commits_than_locked_are_refused() {
    let origin = Origin::new();
    let place = &origin.place;
    let server = GitHttp::start(&place.path("served"), None);
    let checksum = tree_digest(place, &origin.repository);
    let listed = |checksum: &str| {
        let url = server.url("slack.git");
        let source = json!({"type": "git", "url": url, "ref": "main", "checksum": checksum});
        list(place, &json!([source]));
    };
    listed(&checksum);
    fs::write(place.path("packs.yaml"), "packs: {slack: \"*\"}\n").unwrap();
    pack(place, &["lock"], 0);
    tampered_locks_are_refused(&origin);
    let zeros = format!("sha256:{}", "0".repeat(64));
    listed(&zeros);
    let said = refused(place, &["install", "--locked"], 5);
    assert!(
        said.contains(&format!(
            "locked  {checksum} at a commit\n    listed  {zeros}"
        )),
        "{said}"
    );
    // A source without a digest can be neither installed nor locked.
    list(
        place,
        &json!([{"type": "git", "url": server.url("slack.git"), "ref": "main"}]),
    );
    let said = refused(place, &["lock", "--upgrade"], 1);
    assert!(
        said.contains("`slack@2.0.0` has no source that can be verified"),
        "{said}"
    );
}

/// Other commits, trees and modes under a lock than those it was made of; the lock is as it was at the end.
fn tampered_locks_are_refused(origin: &Origin) {
    let place = &origin.place;
    let good = fs::read(place.path("packs.lock")).unwrap();
    let zeros = format!("sha256:{}", "0".repeat(64));
    tamper(
        place,
        "slack",
        "/git/commit",
        origin.commits[1].clone().into(),
    );
    let said = refused(place, &["install", "--locked"], 5);
    assert!(said.contains("slack@1.0.0"), "{said}");
    tamper(place, "slack", "/git/commit", "0".repeat(40).into());
    refused(place, &["install", "--locked"], 1);
    // Less than a whole commit pins nothing.
    for member in ["/git/commit", "/tree_digest", "/store_key"] {
        fs::write(place.path("packs.lock"), &good).unwrap();
        let value = if member == "/git/commit" {
            "main".into()
        } else {
            Value::Null
        };
        tamper(place, "slack", member, value);
        let said = refused(place, &["install", "--locked"], 1);
        assert!(
            said.contains("does not say which bytes `slack` has"),
            "{said}"
        );
    }
    fs::write(place.path("packs.lock"), &good).unwrap();
    tamper(place, "slack", "/store_key", zeros.as_str().into());
    let said = refused(place, &["install", "--locked"], 5);
    assert!(
        said.contains("store key") && said.contains(&zeros),
        "{said}"
    );
    fs::write(place.path("packs.lock"), &good).unwrap();
}

/// A registry with `core`, a repository with `chat`, which needs it, and `packs.yaml`, which wants `chat` of its branch.
fn project() -> (Place, Repository, GitHttp) {
    let place = Place::new();
    place.pack("core", "core", "1.0.0", "");
    place.run(&["registry", "build", "packs", "--out", "listed"], 0);
    let repository = Repository::new(place.path("served/mono.git"));
    chat(&repository, "1.0.0", "one");
    let server = GitHttp::start(&place.path("served"), None);
    let url = server.url("mono.git");
    let wanted = format!("packs:\n  chat: {{git: \"{url}\", ref: main, subdir: packs/chat}}\n");
    fs::write(place.path("packs.yaml"), wanted).unwrap();
    (place, repository, server)
}

fn chat(repository: &Repository, version: &str, said: &str) -> String {
    repository.pack("packs/chat", "chat", version);
    let root = repository.path.join("packs/chat");
    let manifest = fs::read_to_string(root.join("pack.yaml")).unwrap();
    fs::write(root.join("pack.yaml"), manifest + "dependencies: [core]\n").unwrap();
    fs::write(
        root.join("actions/run.sh"),
        format!("#!/bin/sh\necho {said}\n"),
    )
    .unwrap();
    repository.commit()
}

const TREE: [&str; 2] = ["--registry", "listed"];

impl Place {
    #[track_caller]
    fn with_tree(&self, args: &[&str], code: i32) -> Run {
        self.run(&[&["pack"], args, &TREE].concat(), code)
    }
}

/// A wanted repository is locked at a commit with everything it needs; the commit moves when it is asked to.
#[test]
fn wanted_repository_is_locked_and_moves_when_asked() {
    let (place, repository, server) = project();
    let first = repository.git(&["rev-parse", "HEAD"]);
    let run = place.with_tree(&["lock"], 0);
    assert_eq!(
        run.stdout,
        "+ chat 1.0.0\n+ core 1.0.0\n✓ 2 packs locked in `packs.lock`\n"
    );
    let lock = locked(&place);
    assert_eq!(
        lock["packs"]["chat"]["git"],
        json!({"commit": first, "ref": "main", "subdir": "packs/chat"})
    );
    assert!(lock["packs"]["chat"]["registry"].is_null());
    assert_eq!(lock["packs"]["chat"]["dependencies"], json!(["core"]));
    let second = chat(&repository, "1.0.0", "two");
    place.with_tree(&["install", "--locked"], 0);
    let commit = |place: &Place| place.record_of("chat")["installed_from"]["commit"].clone();
    assert_eq!(commit(&place), first.as_str());
    assert_eq!(
        place.record_of("chat")["verified"],
        json!([{"what": "tree_digest", "against": "lock"}, {"what": "store_key", "against": "lock"}])
    );
    // What is locked stays, and nobody is asked.
    server.requests();
    place.with_tree(&["install"], 0);
    assert_eq!(server.requests(), Vec::<String>::new());
    // The same version with other files: the lock is what says so.
    let run = place.with_tree(&["lock", "--upgrade-pack", "chat"], 0);
    assert!(run.stdout.contains("~ chat 1.0.0 (other bytes"), "{run:?}");
    assert_eq!(
        locked(&place)["packs"]["chat"]["git"]["commit"],
        second.as_str()
    );
    let run = place.with_tree(&["install", "--locked"], 0);
    assert!(
        run.stdout.contains("Pack 'chat' installed again"),
        "{run:?}"
    );
    assert_eq!(commit(&place), second.as_str());
    place.run(&["pack", "rollback", "chat"], 0);
    assert_eq!(commit(&place), first.as_str());
    // From the store, without network.
    place.with_tree(&["install", "--frozen"], 0);
    assert_eq!(commit(&place), second.as_str());
    place.run(&["pack", "verify"], 0);
}

/// Whoever wants it from elsewhere must lock again, and a source that holds another pack is refused.
#[test]
fn lock_from_elsewhere_is_stale() {
    let (place, _repository, server) = project();
    place.with_tree(&["lock"], 0);
    let url = server.url("mono.git");
    let rows = [
        (
            format!("{{git: \"{url}\", ref: next, subdir: packs/chat}}"),
            format!(
                "from git repository `{url}` at `next`, directory `packs/chat`, locked is `{url}` at `main`"
            ),
        ),
        (
            "\"*\"".to_owned(),
            format!("from a registry, locked is `{url}` at `main`"),
        ),
        (
            "{path: listed/..}".to_owned(),
            "from local directory `".to_owned(),
        ),
    ];
    for (wanted, said) in rows {
        fs::write(
            place.path("packs.yaml"),
            format!("packs:\n  chat: {wanted}\n"),
        )
        .unwrap();
        let run = place.with_tree(&["install", "--locked"], 6);
        assert!(run.stderr.contains(&said), "{said}: {run:?}");
        assert!(!place.path("installed/.attune/current").exists());
    }
    fs::write(
        place.path("packs.yaml"),
        format!("packs:\n  core: {{git: \"{url}\", subdir: packs/chat}}\n"),
    )
    .unwrap();
    let before = fs::read(place.path("packs.lock")).unwrap();
    let run = place.with_tree(&["lock"], 5);
    assert!(
        run.stderr.contains("holds `chat@1.0.0`, not `core`"),
        "{run:?}"
    );
    fs::write(
        place.path("packs.yaml"),
        format!("packs:\n  chat: {{git: \"{url}\", subdir: packs/chat, version: \"^2\"}}\n"),
    )
    .unwrap();
    let run = place.with_tree(&["lock"], 5);
    assert!(
        run.stderr.contains("holds `chat@1.0.0`, not `chat@^2`"),
        "{run:?}"
    );
    assert_eq!(fs::read(place.path("packs.lock")).unwrap(), before);
}

/// `mine` in a directory, `wiki` in an archive and `core` at a URL, all wanted.
fn without_registry() -> (Place, Hosted) {
    let place = Place::new();
    place.pack("core", "core", "1.0.0", "");
    place.build();
    let hosted = place.serve("tree");
    for (directory, pack_ref) in [("mine", "mine"), ("wiki", "wiki"), ("far", "far")] {
        place.pack(directory, pack_ref, "1.0.0", "");
    }
    place.run(
        &["pack", "archive", "packs/wiki", "--out", "wiki.tar.gz"],
        0,
    );
    fs::write(
        place.path("packs.yaml"),
        format!(
            "packs:\n  mine: {{path: packs/mine}}\n  wiki: {{archive: wiki.tar.gz}}\n  core: {{archive: \
             \"{}archives/core/core-1.0.0.tar.gz\"}}\n",
            hosted.url
        ),
    )
    .unwrap();
    (place, hosted)
}

/// Archives and directories are locked by digest, named as seen from the lock, and refused when they hold anything else.
#[test]
fn archives_and_directories_are_locked_by_digest() {
    let (place, hosted) = without_registry();
    place.pack_run(&["lock"], 0);
    let lock = locked(&place);
    let packs = &lock["packs"];
    assert_eq!(
        (&packs["mine"]["source"], &packs["wiki"]["source"]),
        (&"packs/mine".into(), &"wiki.tar.gz".into())
    );
    for (pack_ref, has_archive) in [("mine", false), ("wiki", true), ("core", true)] {
        let pack = &packs[pack_ref];
        assert!(pack["tree_digest"].is_string() && pack["store_key"].is_string());
        assert_eq!(pack["archive_digest"].is_string(), has_archive, "{pack}");
    }
    // A directory may change: the lock says so, and an installation of the lock refuses it.
    let script = place.path("packs/mine/actions/run.sh");
    let good = fs::read(&script).unwrap();
    fs::write(&script, "#!/bin/sh\necho changed\n").unwrap();
    let said = place.refused(&["install", "--locked"], 5);
    assert!(said.contains("packs/mine (tree digest)"), "{said}");
    let said = place.refused(&["lock", "--check"], 6);
    assert!(said.contains("~ mine 1.0.0 (other bytes"), "{said}");
    fs::write(&script, &good).unwrap();
    fs::write(place.path("wiki.tar.gz"), "no").unwrap();
    let said = place.refused(&["install", "--locked"], 5);
    assert!(said.contains("wiki.tar.gz"), "{said}");
    place.run(
        &[
            "pack",
            "archive",
            "packs/wiki",
            "--out",
            "wiki.tar.gz",
            "--force",
        ],
        0,
    );
    // The archive of the URL was cached when it was locked: the server is not needed.
    drop(hosted);
    place.pack_run(&["install", "--frozen"], 0);
    place.pack_run(&["verify"], 0);
    let kinds = ["core", "mine", "wiki"].map(|pack_ref| {
        let record = place.record_of(pack_ref);
        record["installed_from"]["type"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    assert_eq!(kinds, ["archive", "local_directory", "local_archive"]);
    // A URL that nobody may use is none because it is locked.
    tamper(
        &place,
        "core",
        "/source",
        "http://packs.example.org/core.tar.gz".into(),
    );
    tamper(&place, "core", "/store_key", Value::Null);
    fs::write(
        place.path("packs.yaml"),
        "packs: {core: {archive: \"http://packs.example.org/core.tar.gz\"}}\n",
    )
    .unwrap();
    place.refused(&["install", "--locked"], 2);
}
