//! Texts for people who start a server.

use attune_server::{TreeFiles, bind};
use pack_format::Hint;

#[track_caller]
fn assert_text(error: &(impl std::error::Error + Hint), text: &str, hint: &str) {
    assert_eq!(error.to_string(), text);
    assert_eq!(error.hint().unwrap_or_default(), hint);
}

/// A port that is taken is named as it was given.
#[tokio::test]
async fn bind_to_a_used_port_says_so() {
    let first = bind("localhost:0").await.unwrap();
    let address = first.local_addr().unwrap().to_string();
    let error = bind(&address).await.unwrap_err();
    assert!(error.is_in_use());
    assert_text(
        &error,
        &format!("cannot listen on `{address}`: the port is in use by another program"),
        "stop that program, or pass `--listen` with another port, such as `--listen 127.0.0.1:8471`",
    );
}

/// What cannot be listened on is told apart.
#[tokio::test]
async fn bind_to_no_address_says_so() {
    for address in ["8470", "127.0.0.1", "127.0.0.1:99999", "nowhere.invalid:80"] {
        assert_text(
            &bind(address).await.unwrap_err(),
            &format!("cannot listen on `{address}`: it is not an address and a port"),
            "write an address and a port, such as `127.0.0.1:8470` or `[::1]:8470`",
        );
    }
    assert_text(
        &bind("192.0.2.1:8470").await.unwrap_err(),
        "cannot listen on `192.0.2.1:8470`: this machine does not have that address",
        "pass `--listen` with an address of this machine, or `0.0.0.0` for all of them",
    );
}

/// A directory that is no tree is named with what it lacks; either file makes it one.
#[test]
fn tree_without_its_files_is_refused() {
    const HINT: &str =
        "build one with `attune registry build DIR --out TREE`, then serve that `TREE`";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::create_dir(path.join("registry.json")).unwrap();
    let shown = path.display();
    let text = format!(
        "cannot serve `{shown}`: it is no registry tree, having neither `registry.json` nor `index.json`"
    );
    assert_text(&TreeFiles::open(path).unwrap_err(), &text, HINT);

    std::fs::write(path.join("index.json"), "{}").unwrap();
    assert!(TreeFiles::open(path).is_ok());
    let file = path.join("index.json");
    let text = format!(
        "cannot serve `{}`: it is no registry tree, having neither `registry.json` nor `index.json`",
        file.display()
    );
    assert_text(&TreeFiles::open(&file).unwrap_err(), &text, HINT);
    let text = format!("cannot serve `{shown}/none`: there is no such directory");
    assert_text(
        &TreeFiles::open(&path.join("none")).unwrap_err(),
        &text,
        HINT,
    );
}
