//! `cache info|prune|clear`: what is kept of registries, measured and removed.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use crate::install::registry;
use crate::support::{Hosted, Place, snapshot};

/// `monitor` and `slack` installed over HTTP, which fills the cache.
fn filled() -> (Place, Hosted) {
    let place = registry();
    let hosted = place.serve("tree");
    place.pack_run(&["install", "monitor", "--registry", &hosted.url], 0);
    (place, hosted)
}

/// The files of the cache with their sizes.
fn files(place: &Place) -> Vec<(String, u64)> {
    snapshot(&place.installed().join(".attune/cache"))
        .into_iter()
        .map(|(name, content)| (name, content.len() as u64))
        .filter(|(name, _)| name.contains('/'))
        .collect()
}

/// Makes every file of a group look unused for some days.
fn age(place: &Place, group: &str, days: u64) {
    let group = place.installed().join(".attune/cache").join(group);
    for entry in fs::read_dir(group).unwrap() {
        let file = File::open(entry.unwrap().path()).unwrap();
        let then = SystemTime::now() - Duration::from_secs(days * 86_400 + 60);
        file.set_modified(then).unwrap();
    }
}

/// `cache info` says what is on disk, group by group, and changes nothing.
#[test]
fn info_tells_what_is_on_disk() {
    let (place, _hosted) = filled();
    let before = snapshot(&place.installed());
    let info = place.run(&["cache", "info", "--json"], 0).json();
    let files = files(&place);
    assert!(files.len() > 2, "{files:?}");
    let total: u64 = files.iter().map(|(_, size)| size).sum();
    assert_eq!(info["cache"]["entries"], files.len());
    assert_eq!(info["cache"]["size_bytes"], total);
    for group in info["cache"]["groups"].as_array().unwrap() {
        let prefix = format!("{}/", group["name"].as_str().unwrap());
        let own = files.iter().filter(|(name, _)| name.starts_with(&prefix));
        assert_eq!(group["entries"], own.count(), "{group}");
        assert!(group["oldest"].is_string() && group["newest"].is_string());
    }
    let store = &info["store"];
    assert_eq!(
        (
            &store["trees"],
            &store["generations"],
            &store["unused_trees"]
        ),
        (&2.into(), &1.into(), &0.into())
    );
    let table = place.run(&["cache", "info"], 0).stdout;
    for part in ["Cache  ", "documents", "pinned", "2 trees of 1 generation,"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    assert_eq!(snapshot(&place.installed()), before);
}

/// Without anything installed there is an empty cache, not an error, and nothing comes into being.
#[test]
fn info_of_nothing_is_empty() {
    let place = Place::new();
    let info = place.run(&["cache", "info", "--json"], 0).json();
    assert_eq!(info["cache"]["entries"], 0);
    assert_eq!(info["store"]["trees"], 0);
    place.run(&["cache", "clear"], 0);
    assert!(!place.installed().exists());
}

/// What was not used lately goes; what was stays, and so does what another process is writing.
#[test]
fn prune_takes_what_is_unused() {
    let (place, hosted) = filled();
    let cache = place.installed().join(".attune/cache");
    fs::write(cache.join("pinned/.tmpAbC"), "half").unwrap();
    age(&place, "documents", 30);
    let documents = fs::read_dir(cache.join("documents")).unwrap().count();
    assert!(documents > 0);
    let done = place
        .run(&["cache", "prune", "--days", "31", "--json"], 0)
        .json();
    assert_eq!(
        (&done["success"], &done["entries"]),
        (&true.into(), &0.into())
    );
    let pinned: Vec<_> = files(&place)
        .into_iter()
        .filter(|(name, _)| name.starts_with("pinned/"))
        .collect();
    let done = place.run(&["cache", "prune", "--json"], 0).json();
    assert_eq!(done["entries"], documents);
    assert_eq!(files(&place), pinned);
    assert!(pinned.iter().any(|(name, _)| name == "pinned/.tmpAbC"));
    // A lost document is fetched again.
    place.pack_run(
        &["show", "slack", "--available", "--registry", &hosted.url],
        0,
    );
    assert!(files(&place).len() > pinned.len());
}

/// What is read again counts as used.
#[test]
fn use_keeps_an_entry() {
    let (place, hosted) = filled();
    age(&place, "pinned", 40);
    place.pack_run(
        &["show", "slack", "--available", "--registry", &hosted.url],
        0,
    );
    let done = place.run(&["cache", "prune", "--json"], 0).json();
    // That of `monitor` was not asked for.
    assert_eq!(done["entries"], 1);
}

/// `--size` keeps as many of those used last as fit.
#[test]
fn prune_keeps_what_fits() {
    let (place, _hosted) = filled();
    age(&place, "documents", 1);
    let before = files(&place);
    let pinned: Vec<_> = before
        .iter()
        .filter(|(name, _)| name.starts_with("pinned/"))
        .cloned()
        .collect();
    let size: u64 = pinned.iter().map(|(_, size)| size).sum();
    let all: u64 = before.iter().map(|(_, size)| size).sum();
    let run = |size: u64| {
        let size = format!("{size}B");
        place
            .run(&["cache", "prune", "--size", &size, "--json"], 0)
            .json()
    };
    assert_eq!(run(all)["entries"], 0);
    let done = run(size);
    assert_eq!(done["size_bytes"], all - size);
    assert_eq!(files(&place), pinned);
}

/// `cache clear` leaves no file of the cache and everything else; what is installed is intact.
#[test]
fn clear_takes_the_cache_alone() {
    let (place, hosted) = filled();
    let rest = |place: &Place| {
        let mut state = snapshot(&place.installed());
        state.retain(|name, _| !name.starts_with(".attune/cache/") && name != ".attune/lock");
        state
    };
    let before = rest(&place);
    let said = place.run(&["cache", "clear"], 0).stdout;
    assert!(said.starts_with("✓ Removed "), "{said}");
    assert!(files(&place).is_empty());
    assert_eq!(rest(&place), before);
    place.pack_run(&["verify"], 0);
    place.pack_run(&["search", "slack", "--registry", &hosted.url], 0);
}

/// While another process holds the lock nothing is removed; who holds it is said, with exit code 8.
#[test]
fn cache_waits_for_the_lock() {
    let (place, _hosted) = filled();
    let lock = File::options()
        .read(true)
        .write(true)
        .open(place.installed().join(".attune/lock"));
    let lock = lock.unwrap();
    lock.lock().unwrap();
    fs::write(
        place.installed().join(".attune/lock"),
        "{\"pid\":42,\"purpose\":\"pack install chat\"}\n",
    )
    .unwrap();
    let before = files(&place);
    for args in [["cache", "clear"], ["cache", "prune"]] {
        let args = [args.as_slice(), &["--lock-timeout", "0"]].concat();
        let run = place.run(&args, 8);
        assert!(
            run.stderr.contains("process 42 (pack install chat)"),
            "{run:?}"
        );
    }
    assert_eq!(files(&place), before);
    // Reading waits for nobody.
    place.run(&["cache", "info"], 0);
}

/// A size that is none is wrong usage.
#[test]
fn sizes_are_checked() {
    let place = Place::new();
    let run = place.run(&["cache", "prune", "--size", "much"], 2);
    assert!(run.stderr.contains("'much'"), "{run:?}");
    assert!(!place.installed().exists());
}
