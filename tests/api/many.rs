//! Many installations at once.

use std::fs;
use std::sync::{Condvar, Mutex};
use std::thread;

use serde_json::json;

use super::Api;
use super::jobs::data;
use crate::support::Place;

const PACKS: usize = 100;

/// Most memory of the server, in KiB (150 MiB).
const MOST_MEMORY: u64 = 150 * 1024;

/// The most memory that a process had so far, in KiB.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

/// 100 clients install a pack each; who is told to come again does once somebody else is done.
fn install_at_once() -> (Api, String) {
    let place = Place::new();
    for number in 0..PACKS {
        let name = format!("pack{number}");
        place.pack(&name, &name, "1.0.0", "");
    }
    fs::rename(place.path("packs"), place.path("home/packs")).unwrap();
    let api = Api::with(
        place,
        "server: {jobs: {at_once: 4, queued: 16}}
",
    );
    let token = api.login();
    let (done, more) = (Mutex::new(0_usize), Condvar::new());
    let refused: usize = thread::scope(|scope| {
        let clients: Vec<_> = (0..PACKS)
            .map(|number| {
                let source = api.place.path(&format!("home/packs/pack{number}"));
                let (api, token, done, more) = (&api, &token, &done, &more);
                scope.spawn(move || {
                    let body = json!({ "source": source });
                    for refused in 0.. {
                        let before = *done.lock().unwrap();
                        let answer = api.post(token, "packs/install", &body);
                        if answer.status != 503 {
                            assert_eq!(data(&answer)["pack"]["version"], "1.0.0", "{answer:?}");
                            *done.lock().unwrap() += 1;
                            more.notify_all();
                            return refused;
                        }
                        assert!(
                            answer.head.to_lowercase().contains("retry-after: "),
                            "{answer:?}"
                        );
                        let guard = done.lock().unwrap();
                        drop(more.wait_while(guard, |now| *now == before).unwrap());
                    }
                    0
                })
            })
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum()
    });
    // At most 20 of 100 that came at once found room.
    assert!(refused > 0);
    (api, token)
}

/// Every one is active and in the database, there were never more jobs than may be, and memory stays within its bound.
#[test]
fn many_installations_at_once() {
    let (api, token) = install_at_once();
    let list = api.ask("GET", &token, "jobs?page_size=100", "");
    let jobs = data(&list);
    assert_eq!(jobs["pagination"]["total_items"], PACKS);
    let items = jobs["items"].as_array().unwrap();
    assert!(
        items.iter().all(|job| job["state"] == "succeeded"),
        "{jobs}"
    );
    let mut command = api.place.attune(&["pack", "list", "--json"]);
    let output = command.output().unwrap();
    let listed: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(listed.len(), PACKS);
    let counts = "SELECT (SELECT COUNT(*) FROM packs) AS packs, (SELECT COUNT(*) FROM components) AS components, (SELECT COUNT(DISTINCT id) FROM packs) AS ids";
    assert_eq!(api.rows(counts), json!([[PACKS, PACKS, PACKS]]));
    let memory = peak(api.hosted.pid());
    assert!(memory <= MOST_MEMORY, "{memory} KiB");
}
