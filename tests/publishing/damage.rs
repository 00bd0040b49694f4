//! What a power cut or a failing disk leaves, and what a registry that takes changes makes of it.

use std::fs;

use crate::publishing::Registry;
use crate::support::snapshot;

/// A registry with one published version, and its token.
fn published() -> (Registry, String) {
    let registry = Registry::new();
    let token = registry.token("ann", &["--scope", "publish,yank"]);
    let archive = registry.archive("slack", "1.0.0", "");
    assert_eq!(registry.put("slack/1.0.0", &token, &archive).status, 201);
    (registry, token)
}

/// Lists of which one is older than the others are mended by a server that starts, and by whoever asks again.
#[test]
fn lists_of_two_times_are_mended() {
    let (mut registry, token) = published();
    let before = fs::read(registry.place.path("tree/registry.json")).unwrap();
    let archive = registry.archive("more", "1.0.0", "");
    assert_eq!(registry.put("more/1.0.0", &token, &archive).status, 201);
    registry.hosted.kill();
    // By the first wish, which is fulfilled already.
    fs::write(registry.place.path("tree/registry.json"), &before).unwrap();
    registry.place.run(&["registry", "check", "tree"], 1);
    registry.hosted = registry.place.serve("tree");
    assert_eq!(registry.put("more/1.0.0", &token, &archive).status, 200);
    registry.is_sound();
    registry.hosted.kill();

    // By a server that starts, before anybody asks.
    fs::write(registry.place.path("tree/registry.json"), &before).unwrap();
    fs::create_dir_all(registry.place.path("tree.state/staging")).unwrap();
    registry.hosted = registry.place.serve("tree");
    crate::operations::until("the lists agree", || {
        let told = fs::read(registry.place.path("tree/registry.json")).unwrap();
        told != before && !registry.place.path("tree.state/staging").exists()
    });
    registry.is_sound();
}

/// One bit of any file that lists or holds something: the check finds it, and nobody is given it for what it was.
#[test]
fn flipped_bits_are_found_and_not_passed_on() {
    let (registry, _) = published();
    let files = snapshot(&registry.place.path("tree"));
    let archive = "archives/slack/slack-1.0.0.tar.gz";
    let (_, head, _) = registry.hosted.get(&format!("/{archive}"));
    let tag = |head: &str| {
        let mut lines = head.lines();
        let line = lines.rfind(|line| line.to_lowercase().starts_with("etag:"));
        line.unwrap().to_owned()
    };
    let tag_before = tag(&head);
    let is_pinned = |name: &&String| {
        if files[*name].is_empty() {
            return false;
        }
        let is_list = ["index.json", "packs.json", "registry.json"].contains(&name.as_str());
        let folders = ["archives/", "docs/", "packs/"];
        let is_view = [".html", ".svg", ".atom"]
            .iter()
            .any(|kind| name.contains(kind));
        is_list || folders.iter().any(|folder| name.starts_with(folder)) && !is_view
    };
    let pinned: Vec<&String> = files.keys().filter(is_pinned).collect();
    assert!(pinned.len() >= 9, "{pinned:?}");
    for (n, name) in pinned.into_iter().enumerate() {
        let path = registry.place.path("tree").join(name);
        let mut bytes = files[name].clone();
        let at = bytes.len() * (n % 7 + 1) / 9;
        bytes[at] ^= 1 << (n % 8);
        fs::write(&path, &bytes).unwrap();
        let run = registry
            .place
            .attune(&["registry", "check", "tree"])
            .output()
            .unwrap();
        assert_ne!(run.status.code(), Some(0), "{name}, byte {at}");
        if name == archive {
            let (status, head, body) = registry.hosted.get(&format!("/{archive}"));
            assert!(
                status == 200 && body == bytes && tag(&head) != tag_before,
                "{head}"
            );
            let url = format!("http://{}/", registry.hosted.address());
            let install = ["pack", "install", "slack", "--registry", &url];
            let refused = registry.place.attune(&install).output().unwrap();
            assert_eq!(refused.status.code(), Some(5), "{refused:?}");
            assert!(!registry.place.path("installed/slack").exists());
        }
        fs::write(&path, &files[name]).unwrap();
    }
}
