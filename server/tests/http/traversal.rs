//! Nothing outside the tree, by whatever name.

use crate::support::{Server, Tree};
use std::os::unix::fs::{PermissionsExt, symlink};

/// In every file that must not be served.
const SECRET: &str = "SECRET-OUTSIDE";

fn tree_beside_secrets() -> Tree {
    let tree = Tree::new();
    let outside = tree.outside();
    std::fs::write(outside.join("secret.json"), SECRET).unwrap();
    std::fs::create_dir(outside.join("folder")).unwrap();
    std::fs::write(outside.join("folder/index.html"), SECRET).unwrap();
    tree.file("packs/slack.json", "{}")
        .file(".hidden/secret.json", SECRET)
        .file(".env", SECRET);
    symlink(outside.join("secret.json"), tree.root().join("link.json")).unwrap();
    symlink(outside.join("folder"), tree.root().join("linked")).unwrap();
    symlink("packs", tree.root().join("inner")).unwrap();
    tree
}

/// Every spelling of a way out is a file that is not there, or no path at all.
#[test]
fn path_leading_out_is_refused() {
    let tree = tree_beside_secrets();
    let server = Server::start(&tree);
    for (path, status) in [
        ("/../secret.json", 404),
        ("/packs/../../secret.json", 404),
        ("/packs/../packs/slack.json", 404),
        ("/./index.json", 404),
        ("/%2e%2e/secret.json", 404),
        ("/%2E%2E/%2E%2E/secret.json", 404),
        ("/.%2e/secret.json", 404),
        ("/%252e%252e/secret.json", 404),
        ("/..%2fsecret.json", 404),
        ("/packs%2fslack.json", 404),
        ("/..%5csecret.json", 404),
        ("/packs%5cslack.json", 404),
        ("/..\\secret.json", 404),
        ("/index.json%00", 404),
        ("/%00/../secret.json", 404),
        ("/index.json%0a", 404),
        ("//secret.json", 404),
        ("//etc/passwd", 404),
        ("/packs//slack.json", 404),
        ("/packs/slack.json/", 404),
        ("/packs;/../secret.json", 404),
        ("/..;/secret.json", 404),
        ("/index.json;x=1", 404),
        ("/%c0%ae%c0%ae/secret.json", 400),
        ("/%c0%af..%c0%afsecret.json", 400),
        ("/%e0%80%ae%e0%80%ae/secret.json", 400),
        ("/%zz", 400),
        ("/%", 400),
        ("/.env", 404),
        ("/.hidden/secret.json", 404),
        ("/link.json", 404),
        ("/linked/index.html", 404),
        ("/linked/", 404),
        ("/linked", 404),
        ("/inner/slack.json", 404),
        ("/etc/passwd", 404),
        ("http://evil.test/../secret.json", 404),
        ("*", 400),
    ] {
        for method in ["GET", "HEAD"] {
            let reply = server.ask(method, path, &[]);
            assert_eq!(reply.status, status, "{method} {path}");
            assert!(
                !String::from_utf8_lossy(&reply.body).contains(SECRET),
                "{path}"
            );
            assert_eq!(reply.field("location"), "");
        }
    }
    // What looks alike but stays inside is served, also under an absolute target.
    for path in [
        "/packs/slack.json",
        "/packs/sl%61ck.json",
        "http://evil.test/packs/slack.json?x=/../..",
    ] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
}

/// The longest path is looked up, a longer one is not, and neither fails.
#[test]
fn path_overlong_is_missing() {
    let tree = Tree::new();
    let server = Server::start(&tree);
    for length in [300, 2047, 2048, 2049, 20_000] {
        let path = format!("/{}", "a".repeat(length - 1));
        assert_eq!(server.get(&path).status, 404, "{length}");
    }
}

/// A file the server may not read, a pipe and a socket look like files that are not there.
#[test]
fn file_not_to_be_read_is_missing() {
    let tree = Tree::new();
    tree.file("closed.json", SECRET);
    std::fs::set_permissions(
        tree.root().join("closed.json"),
        PermissionsExt::from_mode(0o000),
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(tree.root().join("socket.json")).unwrap();
    let server = Server::start(&tree);
    let missing = server.get("/none.json");
    assert_eq!(server.get("/socket.json").body, missing.body);
    // The superuser may read everything, so only other users see the difference.
    if std::fs::read(tree.root().join("closed.json")).is_err() {
        assert_eq!(server.get("/closed.json").body, missing.body);
    }
}

/// A link put in the place of a folder that was served opens nothing new.
#[test]
fn link_in_place_of_a_folder_is_not_followed() {
    let tree = tree_beside_secrets();
    tree.file("folder/index.html", "inside");
    let server = Server::start(&tree);
    let mut client = server.connect();
    assert_eq!(client.ask("GET", "/folder/", &[]).text(), "inside");
    std::fs::remove_dir_all(tree.root().join("folder")).unwrap();
    symlink(tree.outside().join("folder"), tree.root().join("folder")).unwrap();
    assert_eq!(client.ask("GET", "/folder/", &[]).status, 404);
    assert_eq!(client.ask("GET", "/folder", &[]).status, 404);
}
