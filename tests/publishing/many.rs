//! Many who change a registry at once, and a server that is killed under them.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::Registry;
use crate::support::Place;

/// Of fifty who publish one version one wins; of fifty packs none is lost; readers never see half.
#[test]
fn publishers_at_once_get_one_answer_each() {
    let registry = Registry::new();
    let token = registry.token("ann", &["--scope", "publish"]);
    let same: Vec<Vec<u8>> = (0..50)
        .map(|n| registry.archive("same", "1.0.0", &format!("description: made by {n}\n")))
        .collect();
    let statuses = at_once(&same, |_, archive| {
        registry.put("same/1.0.0", &token, archive).status
    });
    let count = |status| statuses.iter().filter(|s| **s == status).count();
    assert_eq!((count(201), count(409)), (1, 49), "{statuses:?}");

    let different: Vec<Vec<u8>> = (0..50)
        .map(|n| registry.archive(&format!("pack{n}"), "1.0.0", ""))
        .collect();
    let statuses = at_once(&different, |n, archive| {
        registry
            .put(&format!("pack{n}/1.0.0"), &token, archive)
            .status
    });
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
    let packs: Value =
        serde_json::from_slice(&fs::read(registry.place.path("tree/packs.json")).unwrap()).unwrap();
    assert_eq!(packs["packs"].as_object().unwrap().len(), 52);
    registry.is_sound();
    let audit = ["registry", "audit", "--tree", "tree", "-n", "200", "--json"];
    let audit = registry.place.run(&audit, 0).json();
    let done = audit
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["outcome"] == "done");
    assert_eq!((audit.as_array().unwrap().len(), done.count()), (100, 51));
}

fn at_once<T: Sync>(work: &[T], one: impl Fn(usize, &T) -> u16 + Sync) -> Vec<u16> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = work
            .iter()
            .enumerate()
            .map(|(n, item)| {
                scope.spawn({
                    let one = &one;
                    move || one(n, item)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

/// A served registry in which `slack` has fifty versions, and a token.
fn of_fifty() -> (Registry, String) {
    let place = Place::new();
    for n in 1..=50 {
        place.pack(&format!("slack-{n}"), "slack", &format!("1.{n}.0"), "");
    }
    place.build();
    fs::remove_dir_all(place.path("packs")).unwrap();
    fs::write(place.path("config.yaml"), "").unwrap();
    let hosted = place.serve("tree");
    let registry = Registry { place, hosted };
    let token = registry.token("ann", &["--scope", "publish,yank", "--refs", "slack,more*"]);
    (registry, token)
}

/// What a document says of each version of `slack`: why it is yanked, or nothing.
fn reasons(document: &[u8]) -> BTreeMap<String, Option<String>> {
    let document: Value = serde_json::from_slice(document).unwrap();
    let versions = document["versions"].as_array().unwrap().iter();
    let read = |text: &Value| text.as_str().map(str::to_owned);
    versions
        .map(|v| (read(&v["version"]).unwrap(), read(&v["yanked"]["reason"])))
        .collect()
}

fn in_tree(registry: &Registry) -> BTreeMap<String, Option<String>> {
    reasons(&fs::read(registry.place.path("tree/packs/slack.json")).unwrap())
}

/// The bytes of a yank of `version`.
fn yank(token: &str, version: &str, reason: &str) -> Vec<u8> {
    let body = json!({ "reason": reason }).to_string();
    format!(
        "POST /api/v1/packs/slack/{version}/yank HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Of fifty who yank one version at least one changes it; of fifty yanks of as many versions of a pack none is lost; who reads
/// meanwhile sees every version, yanked or not, and no yank taken back.
#[test]
fn yankers_at_once_get_one_answer_each() {
    let (registry, token) = of_fifty();
    let wishes: Vec<String> = (0..50).map(|n| format!("told by {n}")).collect();
    let changed = AtomicUsize::new(0);
    let statuses = at_once(&wishes, |_, reason| {
        let answer = registry.hosted.send(&yank(&token, "1.1.0", reason));
        if answer.body["changed"] == true {
            changed.fetch_add(1, Ordering::Relaxed);
        }
        answer.status
    });
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    // Another reason is another yank: whoever came last is in the document.
    let told = in_tree(&registry).remove("1.1.0").unwrap().unwrap();
    assert!(wishes.contains(&told), "{told}");
    assert!(changed.load(Ordering::Relaxed) >= 1);

    let versions: Vec<String> = (1..=50).map(|n| format!("1.{n}.0")).collect();
    let statuses = at_once(&versions, |n, version| {
        if n % 5 == 4 {
            let mut before = 0;
            for _ in 0..20 {
                let (status, _, body) = registry.hosted.get("/packs/slack.json");
                let seen = reasons(&body);
                let yanked = seen.values().flatten().count();
                assert!(status == 200 && seen.len() == 50 && yanked >= before);
                before = yanked;
            }
        }
        let answer = registry.hosted.send(&yank(&token, version, version));
        answer.status
    });
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    for (version, reason) in in_tree(&registry) {
        assert_eq!(reason, Some(version));
    }
    registry.is_sound();
    let audit = ["registry", "audit", "--tree", "tree", "-n", "200", "--json"];
    let audit = registry.place.run(&audit, 0).json();
    let lines = audit.as_array().unwrap();
    assert!(lines.len() == 100 && lines.iter().all(|line| line["outcome"] == "done"));
}

/// A server that is killed under fifty yankers and ten publishers, after any number of answers, has done all that it
/// answered; it starts again, and all who ask again get what they want.
#[test]
fn killed_server_has_done_what_it_answered() {
    let versions: Vec<String> = (1..=50).map(|n| format!("1.{n}.0")).collect();
    for most in [1, 12, 30, 50] {
        let (mut registry, token) = of_fifty();
        let archives: Vec<Vec<u8>> = (0..10)
            .map(|n| registry.archive(&format!("more{n}"), "1.0.0", ""))
            .collect();
        let wishes: Vec<Vec<u8>> = (versions.iter().map(|v| yank(&token, v, v)))
            .chain(archives.iter().enumerate().map(|(n, archive)| {
                let head = format!(
                    "PUT /api/v1/packs/more{n}/1.0.0 HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
                     Authorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n",
                    archive.len()
                );
                [head.as_bytes(), archive].concat()
            }))
            .collect();
        let answered = AtomicUsize::new(0);
        let hosted = &registry.hosted;
        let statuses = at_once(&wishes, |_, wish| {
            let Some(answer) = hosted.try_send(wish) else {
                return 0;
            };
            if answered.fetch_add(1, Ordering::Relaxed) + 1 == most {
                hosted.signal("KILL");
            }
            answer.status
        });
        assert!(statuses.contains(&0) || most == 50, "{most}: {statuses:?}");
        registry.hosted.kill();
        let (yanks, puts) = statuses.split_at(50);
        let left = in_tree(&registry);
        for (version, status) in versions.iter().zip(yanks) {
            assert!(matches!(status, 0 | 200), "{most}: {statuses:?}");
            assert!(*status == 0 || left[version].as_ref() == Some(version));
        }
        for (n, status) in puts.iter().enumerate() {
            assert!(matches!(status, 0 | 201), "{most}: {statuses:?}");
            let listed = registry.place.path(&format!("tree/packs/more{n}.json"));
            assert!(*status == 0 || listed.is_file(), "more{n} is lost");
        }

        registry.hosted = registry.place.serve("tree");
        let hosted = &registry.hosted;
        let again = at_once(&wishes, |_, wish| hosted.send(wish).status);
        assert!(again.iter().all(|s| [200, 201].contains(s)), "{again:?}");
        for (n, status) in puts.iter().enumerate() {
            assert!(*status == 0 || again[50 + n] == 200);
        }
        assert!(in_tree(&registry).into_iter().all(|(v, r)| r == Some(v)));
        registry.is_sound();
    }
}
