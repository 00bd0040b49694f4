//! `cache info|prune|clear`: what is kept of registries, measured and removed.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use pack_format::ArchiveDigest;

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

/// Those outside of one group.
fn others(place: &Place, group: &str) -> Vec<(String, u64)> {
    let mut files = files(place);
    files.retain(|(name, _)| !name.starts_with(group));
    files
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
    let others = others(&place, "documents");
    let done = place.run(&["cache", "prune", "--json"], 0).json();
    assert_eq!(done["entries"], documents);
    assert_eq!(files(&place), others);
    assert!(others.iter().any(|(name, _)| name == "pinned/.tmpAbC"));
    // A lost document is fetched again.
    place.pack_run(
        &["show", "slack", "--available", "--registry", &hosted.url],
        0,
    );
    assert!(files(&place).len() > others.len());
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
    let others = others(&place, "documents");
    let size: u64 = others.iter().map(|(_, size)| size).sum();
    let all: u64 = files(&place).iter().map(|(_, size)| size).sum();
    let run = |size: u64| {
        let size = format!("{size}B");
        place
            .run(&["cache", "prune", "--size", &size, "--json"], 0)
            .json()
    };
    assert_eq!(run(all)["entries"], 0);
    let done = run(size);
    assert_eq!(done["size_bytes"], all - size);
    assert_eq!(files(&place), others);
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

/// The one cached archive of `slack`, which is another's when it is not there.
fn archive(place: &Place) -> PathBuf {
    let published = fs::read(place.path("tree/archives/slack/slack-2.0.0.tar.gz")).unwrap();
    let name = ArchiveDigest::of(&published).to_hex();
    place.installed().join(".attune/cache/archives").join(name)
}

/// Takes every pack away, and every tree that the store has of them.
fn empty_the_store(place: &Place) {
    place.pack_run(&["uninstall", "monitor", "slack", "--yes"], 0);
    place.pack_run(&["prune", "--keep", "1"], 0);
    let store = place.installed().join(".attune/store");
    assert_eq!(fs::read_dir(store).unwrap().count(), 0);
}

/// What was fetched once is installed again without a server: by its ref, by a lock, and by its URL with a checksum.
#[test]
fn archives_are_installed_again_without_a_server() {
    let (place, hosted) = filled();
    fs::write(place.path("packs.yaml"), "packs: {monitor: \"*\"}\n").unwrap();
    place.pack_run(&["lock", "--registry", &hosted.url], 0);
    let url = hosted.url.clone();
    let from = ["--registry", &url];
    empty_the_store(&place);
    drop(hosted);
    let slack = format!("{url}archives/slack/slack-2.0.0.tar.gz");
    let checksum = format!("sha256:{}", archive(&place).file_name().unwrap().display());
    for args in [
        [&["install", "monitor", "--offline"][..], &from].concat(),
        [&["install", "--frozen"][..], &from].concat(),
        vec!["install", &slack, "--checksum", &checksum],
    ] {
        let run = place.pack_run(&args, 0);
        assert!(!run.stderr.contains('⚠'), "{run:?}");
        assert_eq!(place.active("slack").as_deref(), Some("2.0.0"));
        place.pack_run(&["verify"], 0);
        if args.contains(&"--checksum") {
            break;
        }
        empty_the_store(&place);
    }
    // Nothing says which bytes a URL without a checksum leads to.
    let said = place.refused(&["install", &slack, "--offline", "--force"], 4);
    assert!(said.contains("nothing is fetched offline"), "{said}");
}

/// A damaged archive is never installed: it goes, and is fetched again when it can be.
#[test]
fn damaged_archive_is_fetched_again() {
    let (place, hosted) = filled();
    let path = archive(&place);
    let good = fs::read(&path).unwrap();
    let from = ["--registry", &hosted.url];
    for (cut, flip) in [(good.len() / 2, 0), (good.len(), 1), (0, 0)] {
        empty_the_store(&place);
        let bytes: Vec<u8> = good[..cut].iter().map(|byte| byte ^ flip).collect();
        fs::write(&path, bytes).unwrap();
        let offline = [&["install", "slack", "--offline"][..], &from].concat();
        let said = place.refused(&offline, 4);
        assert!(
            said.contains("⚠ the cached archive with sha256:") && said.contains("is damaged"),
            "{said}"
        );
        assert!(place.active("slack").is_none() && !path.exists());
        fs::write(&path, "damaged").unwrap();
        place.pack_run(&[&["install", "monitor"][..], &from].concat(), 0);
        assert_eq!(fs::read(&path).unwrap(), good);
        place.pack_run(&["verify"], 0);
    }
}

/// Archives are entries like others: measured, bounded to 1 GiB unless a setting says otherwise, and kept by nobody who
/// wants no cache.
#[test]
fn archives_are_bounded_with_the_cache() {
    let (place, hosted) = filled();
    let info = place.run(&["cache", "info", "--json"], 0).json();
    assert_eq!(info["cache"]["groups"][0]["name"], "archives");
    assert_eq!(info["cache"]["groups"][0]["entries"], 2);
    // A sparse file that was of use last year, and more than the cache may hold.
    let large = place.installed().join(".attune/cache/archives/large");
    let reset = || {
        File::create(&large).unwrap().set_len(2 << 30).unwrap();
        age(&place, "archives", 365);
    };
    let install = |size: Option<&str>| {
        reset();
        let args = [
            "pack",
            "install",
            "slack",
            "--force",
            "--registry",
            &hosted.url,
        ];
        let mut command = place.attune(&args);
        command.envs(size.map(|size| ("ATTUNE__RETENTION__CACHE_SIZE", size)));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        large.exists()
    };
    assert_eq!(
        [install(Some("none")), install(Some("3GiB")), install(None)],
        [true, true, false]
    );
    // What it has just been of use for is not what goes.
    assert!(archive(&place).exists());
    place.run(&["cache", "clear"], 0);
    fs::write(
        place.path("config.yaml"),
        "pack_registry: {cache_enabled: false}\n",
    )
    .unwrap();
    place.pack_run(
        &["install", "slack", "--force", "--registry", &hosted.url],
        0,
    );
    assert!(files(&place).is_empty());
}
