//! `retention`: what stays after changes without anybody asking.

use std::fs;
use std::process::Stdio;

use crate::install::registry;
use crate::support::Place;

fn generations(place: &Place) -> Vec<u64> {
    let entries = place.pack_run(&["history", "--json"], 0).json();
    let entries = entries.as_array().unwrap().clone();
    entries
        .iter()
        .map(|entry| entry["generation"].as_u64().unwrap())
        .collect()
}

fn trees(place: &Place) -> usize {
    let store = place.installed().join(".attune/store");
    fs::read_dir(store).unwrap().count()
}

/// Older generations go after a change, with the trees that were theirs alone; one step back stays possible.
#[test]
fn generations_beyond_the_limit_go() {
    let place = registry();
    fs::write(place.path("config.yaml"), "retention:\n  generations: 2\n").unwrap();
    place.install("slack@1.0.0");
    place.install("monitor");
    assert_eq!((generations(&place), trees(&place)), (vec![2, 1], 3));
    place.pack_run(&["uninstall", "monitor", "--yes"], 0);
    assert_eq!((generations(&place), trees(&place)), (vec![3, 2], 2));
    let said = place.pack_run(&["rollback", "monitor", "--verbose"], 0);
    assert!(
        said.stderr.contains("retention: removed 1 generation,"),
        "{said:?}"
    );
    assert_eq!(generations(&place), [4, 3]);
    place.pack_run(&["verify"], 0);
    // A change that changes nothing removes nothing.
    place.install("monitor");
    assert_eq!(generations(&place), [4, 3]);
}

/// Without settings everything stays.
#[test]
fn everything_stays_by_default() {
    let place = registry();
    for _ in 0..6 {
        place.install("slack@1.0.0");
        place.pack_run(&["uninstall", "slack", "--yes"], 0);
    }
    assert_eq!(generations(&place).len(), 12);
    // Pruning is another thing.
    place.pack_run(&["prune"], 0);
    assert_eq!(generations(&place).len(), 10);
}

/// The cache is kept small too, and the environment says so as well as the file.
#[test]
fn cache_has_a_size() {
    let place = registry();
    let hosted = place.serve("tree");
    let install = |size: &str, what: &str| {
        let status = place
            .attune(&[
                "pack",
                "install",
                what,
                "--registry",
                &hosted.url,
                "--quiet",
            ])
            .env("ATTUNE__RETENTION__CACHE_SIZE", size)
            .stdout(Stdio::null())
            .status();
        assert!(status.unwrap().success());
        place.run(&["cache", "info", "--json"], 0).json()["cache"]["entries"].clone()
    };
    assert_ne!(install("1MB", "slack"), 0);
    assert_eq!(install("0", "monitor"), 0);
}

/// A setting that is none is named with its place, and nothing is installed.
#[test]
fn wrong_settings_are_named() {
    for (line, said) in [
        (
            "generations: 0",
            "`0` is not a number of generations, 1 or more",
        ),
        (
            "generations: [2]",
            "a list is not a number of generations, 1 or more",
        ),
        ("days: soon", "`soon` is not a whole number of days"),
        (
            "cache_size: big",
            "`big` is not a size, such as 500MB or 2GiB, or `none`",
        ),
    ] {
        let place = registry();
        fs::write(place.path("config.yaml"), format!("retention:\n  {line}\n")).unwrap();
        let key = line.split(':').next().unwrap();
        let run = place.pack_run(&["install", "slack", "--registry", "tree"], 2);
        let start =
            format!("error: setting `retention.{key}` from `config.yaml`, line 2: {said}\n");
        assert!(run.stderr.starts_with(&start), "{run:?}");
        assert!(!place.installed().exists());
    }
}
