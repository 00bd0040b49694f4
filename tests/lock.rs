//! `pack lock`, and `pack install` of what is locked: with a server, without one, and when they disagree.

use std::fs;

use crate::support::{Hosted, Place, snapshot};

/// Two versions of `core`, an `app` that needs it, and a file that wants `app`; hosted.
fn project() -> (Place, Hosted) {
    let place = Place::new();
    place.pack("core-1", "core", "1.0.0", "");
    place.pack("app", "app", "1.0.0", "dependencies: [\"core@^1\"]\n");
    place.build();
    fs::write(place.path("packs.yaml"), "packs:\n  app: \"^1\"\n").unwrap();
    let hosted = place.serve("tree");
    config(&place, &hosted);
    (place, hosted)
}

/// The server as the only registry.
fn config(place: &Place, hosted: &Hosted) {
    let text = format!(
        "pack_registry:\n  timeout: 5\n  indices:\n    - url: {}\n",
        hosted.url
    );
    fs::write(place.path("config.yaml"), text).unwrap();
}

impl Place {
    /// Publishes another version of `core`.
    fn publish_core(&self, version: &str) {
        self.pack(&format!("core-{version}"), "core", version, "");
        self.build();
        self.forget_documents();
    }

    /// As if the cache were old.
    fn forget_documents(&self) {
        let _ = fs::remove_dir_all(self.path("installed/.attune/cache/documents"));
    }

    fn lock(&self) -> Vec<u8> {
        fs::read(self.path("packs.lock")).unwrap()
    }

    /// A refused command that left the lock as it was.
    #[track_caller]
    fn refused_with_lock(&self, args: &[&str], code: i32) -> String {
        let before = fs::read(self.path("packs.lock")).ok();
        let said = self.refused(args, code);
        assert_eq!(fs::read(self.path("packs.lock")).ok(), before);
        said
    }
}

/// A registry in a folder is named as seen from the lock: both can be moved together, and the same project gives the
/// same bytes wherever it lies.
#[test]
fn lock_of_a_folder_moves_with_it() {
    let place = Place::new();
    place.pack("core-1", "core", "1.0.0", "");
    for project in ["here", "there/deep"] {
        let tree = format!("{project}/tree");
        fs::create_dir_all(place.path(project)).unwrap();
        place.run(&["registry", "build", "packs", "--out", &tree], 0);
        fs::write(
            place.path(project).join("packs.yaml"),
            "packs: {core: \"*\"}\n",
        )
        .unwrap();
    }
    let lock = |project: &str| {
        let file = format!("{project}/packs.yaml");
        let registry = format!("{project}/tree");
        place.run(
            &["pack", "lock", "--file", &file, "--registry", &registry],
            0,
        );
        fs::read_to_string(place.path(project).join("packs.lock")).unwrap()
    };
    let here = lock("here");
    assert!(
        here.contains("\"tree/archives/core/core-1.0.0.tar.gz\""),
        "{here}"
    );
    assert!(
        !here.contains("file:") && !here.contains("/here/"),
        "{here}"
    );
    assert_eq!(lock("there/deep"), here);
    fs::remove_dir_all(place.path("here")).unwrap();
    fs::rename(place.path("there/deep"), place.path("moved")).unwrap();
    let frozen = ["pack", "install", "--frozen", "--file", "moved/packs.yaml"];
    place.run(&[&frozen[..], &["--registry", "moved/tree"]].concat(), 0);
    assert_eq!(place.active("core").as_deref(), Some("1.0.0"));
}

/// The lock says everything an installation needs, and is the same bytes wherever it is made.
#[test]
fn lock_is_complete_and_the_same_everywhere() {
    let (place, hosted) = project();
    let run = place.pack_run(&["lock"], 0);
    assert_eq!(
        run.stdout,
        "+ app 1.0.0\n+ core 1.0.0\n✓ 2 packs locked in `packs.lock`\n"
    );
    let lock: serde_json::Value = serde_json::from_slice(&place.lock()).unwrap();
    let app = &lock["packs"]["app"];
    assert_eq!(app["version"], "1.0.0");
    assert_eq!(app["registry"]["url"], hosted.url);
    assert_eq!(
        app["source"],
        format!("{}archives/app/app-1.0.0.tar.gz", hosted.url)
    );
    assert_eq!(app["dependencies"], serde_json::json!(["core@^1"]));
    for member in ["archive_digest", "tree_digest", "store_key", "size_bytes"] {
        assert!(!app[member].is_null(), "{member}: {app}");
    }
    // Another host, with other things installed and another Python.
    let other = Place::new();
    fs::write(other.path("packs.yaml"), "packs: {app: ^1}\n").unwrap();
    config(&other, &hosted);
    let output = other
        .attune(&["pack", "lock"])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(other.lock(), place.lock());
    let written = fs::metadata(place.path("packs.lock"))
        .unwrap()
        .modified()
        .unwrap();
    let run = place.pack_run(&["lock", "--json"], 0);
    assert_eq!(run.json()["changed"], false);
    let after = fs::metadata(place.path("packs.lock"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(after, written);
}

/// Locked versions stay until they are asked to move.
#[test]
fn locked_versions_stay_until_they_are_upgraded() {
    let (place, _hosted) = project();
    place.pack_run(&["install"], 0);
    assert_eq!(place.active("core").as_deref(), Some("1.0.0"));
    place.publish_core("1.1.0");
    let before = place.lock();
    place.pack_run(&["install"], 0);
    place.pack_run(&["lock", "--check"], 0);
    assert_eq!(
        (place.active("core").as_deref(), place.lock()),
        (Some("1.0.0"), before)
    );
    let said = place.refused_with_lock(&["lock", "--upgrade", "--check"], 6);
    assert!(said.contains("~ core 1.0.0 -> 1.1.0"), "{said}");
    let run = place.pack_run(&["lock", "--upgrade-pack", "core"], 0);
    assert!(run.stdout.starts_with("~ core 1.0.0 -> 1.1.0\n"), "{run:?}");
    place.pack_run(&["install", "--locked"], 0);
    assert_eq!(place.active("core").as_deref(), Some("1.1.0"));
    let history = place.pack_run(&["history", "--json"], 0).json();
    assert_eq!(history.as_array().unwrap().len(), 2);
}

/// A lock that is not the answer any more is told with every difference.
#[test]
fn stale_lock_is_refused_with_the_difference() {
    let (place, _hosted) = project();
    let said = place.refused_with_lock(&["install", "--locked"], 6);
    assert!(said.contains("there is no `packs.lock`"), "{said}");
    place.pack_run(&["lock"], 0);
    fs::write(place.path("packs.yaml"), "packs: {core: ^2, tool: \"*\"}\n").unwrap();
    for flag in ["--locked", "--frozen"] {
        let said = place.refused_with_lock(&["install", flag], 6);
        assert_eq!(
            said,
            "error: `packs.lock` does not satisfy `packs.yaml`\n  ~ wanted is `core@^2`, locked is `core@1.0.0`\n  \
             + wanted is `tool`, which is not locked\n  - locked is `app@1.0.0`, which nothing needs\nhint: bring it up \
             to date with `attune pack lock`\n"
        );
    }
    fs::write(place.path("packs.lock"), "{\"format\": 9, \"packs\": {}}").unwrap();
    let said = place.refused_with_lock(&["install", "--locked"], 1);
    assert!(said.contains("has format 9"), "{said}");
    fs::write(place.path("packs.lock"), "<<<<<<< HEAD\n").unwrap();
    let said = place.refused_with_lock(&["lock"], 1);
    assert!(
        said.contains("`packs.lock` is no lock") && said.contains("line 1"),
        "{said}"
    );
}

/// Wrong files and arguments are named with file, line and field.
#[test]
fn wrong_files_are_refused() {
    let (place, _hosted) = project();
    fs::write(place.path("packs.yaml"), "packs:\n  app: 1.x\n").unwrap();
    let said = place.refused_with_lock(&["lock"], 2);
    assert!(
        said.contains("`packs.yaml`, line 2, field `packs.app`: `1.x` is not a version constraint"),
        "{said}"
    );
    fs::write(place.path("packs.yaml"), "packs: {app: ^9}\n").unwrap();
    let said = place.refused_with_lock(&["lock"], 3);
    assert!(said.contains("no version of `app` matches `^9`"), "{said}");
    fs::remove_file(place.path("packs.yaml")).unwrap();
    let said = place.refused_with_lock(&["install"], 2);
    assert!(
        said.contains("cannot read `packs.yaml`") && said.contains("name packs"),
        "{said}"
    );
    place.pack_run(&["install", "app", "--locked"], 2);
    place.pack_run(&["install", "--skip-deps"], 2);
    place.pack_run(&["fetch", "--to", "out"], 2);
}

/// A yanked version stays for those who locked it, and is not chosen by anybody else.
#[test]
fn yanked_version_stays_locked() {
    let (place, _hosted) = project();
    place.publish_core("1.1.0");
    place.pack_run(&["lock"], 0);
    place.run(
        &[
            "pack",
            "yank",
            "core@1.1.0",
            "--tree",
            "tree",
            "--reason",
            "leaks",
        ],
        0,
    );
    place.forget_documents();
    let run = place.pack_run(&["lock"], 0);
    assert!(
        run.stderr
            .contains("⚠ `core@1.1.0` stays locked and is yanked: leaks")
            && run.stdout.contains("is up to date"),
        "{run:?}"
    );
    place.pack_run(&["install", "--locked"], 0);
    assert_eq!(place.active("core").as_deref(), Some("1.1.0"));
    let run = place.pack_run(&["lock", "--upgrade"], 0);
    assert!(run.stdout.contains("~ core 1.1.0 -> 1.0.0"), "{run:?}");
}

/// A registry that has other bytes under a locked version is not believed.
#[test]
fn other_bytes_than_locked_are_refused() {
    let (place, _hosted) = project();
    place.pack_run(&["lock"], 0);
    place.pack("core-1", "core", "1.0.0", "description: changed\n");
    place.run(&["registry", "build", "packs", "--out", "tree", "--dev"], 0);
    place.forget_documents();
    let said = place.refused_with_lock(&["install", "--locked"], 5);
    assert!(
        said.contains(
            "the registries do not have what is locked\n  `core@1.0.0`\n    locked  sha256:"
        ) && said.contains("    listed  sha256:"),
        "{said}"
    );
}

/// With a lock and a filled store nobody is asked; without the bytes everything that is missing is named.
#[test]
fn frozen_installation_needs_no_server() {
    let (place, hosted) = project();
    place.pack_run(&["install"], 0);
    place.pack_run(&["uninstall", "app", "core", "--yes"], 0);
    let url = hosted.url.clone();
    drop(hosted);
    place.pack_run(&["install", "--frozen"], 0);
    assert_eq!(place.active("app").as_deref(), Some("1.0.0"));
    place.pack_run(&["verify"], 0);
    fs::rename(place.path("installed"), place.path("elsewhere")).unwrap();
    let said = place.refused_with_lock(&["install", "--frozen"], 4);
    assert!(
        said.contains(&format!(
            "  `app@1.0.0` from `{url}archives/app/app-1.0.0.tar.gz`\n"
        )) && said.contains(&format!(
            "  `core@1.0.0` from `{url}archives/core/core-1.0.0.tar.gz`\n"
        )),
        "{said}"
    );
}

/// Offline, versions that are not here are not chosen, and cached documents do however old they are.
#[test]
fn offline_installation_chooses_what_is_here() {
    let (place, hosted) = project();
    place.pack_run(&["install"], 0);
    place.publish_core("1.1.0");
    // Fills the cache of documents; the archive of 1.1.0 is never fetched.
    place.pack_run(&["show", "core", "--available"], 0);
    place.pack_run(&["uninstall", "app", "core", "--yes"], 0);
    drop(hosted);
    place.pack_run(&["install", "core", "--offline"], 0);
    assert_eq!(place.active("core").as_deref(), Some("1.0.0"));
    let said = place.refused(&["install", "core@1.1.0", "--offline"], 3);
    assert!(
        said.contains("1.1.0 (not in the cache, and nothing is fetched offline)")
            && said.contains("hint: run the command without `--offline`"),
        "{said}"
    );
    let said = place.refused(
        &["install", "https://packs.example.org/a.tar.gz", "--offline"],
        4,
    );
    assert!(said.contains("nothing is fetched offline"), "{said}");
    let said = place.refused(
        &["install", "https://packs.example.org/a.git", "--offline"],
        4,
    );
    assert!(said.contains("nothing is fetched offline"), "{said}");
}

/// What is locked is checked against this host before anything changes.
#[test]
fn locked_packs_are_checked_against_the_host() {
    let (place, _hosted) = project();
    place.pack("core-1.2", "core", "1.2.0", "python: \"99\"\n");
    place.build();
    place.pack_run(&["lock"], 0);
    let store = place.path("installed/.attune/generations");
    let said = place.refused_with_lock(&["install", "--locked"], 3);
    assert!(
        said.contains("`core@1.2.0` needs Python `99`; this host has"),
        "{said}"
    );
    assert!(snapshot(&store).is_empty());
}

/// A lock cannot pass one pack's files off as another's, though the store has them.
#[test]
fn lock_with_the_files_of_another_pack_is_refused() {
    let (place, _hosted) = project();
    place.pack_run(&["install"], 0);
    let mut lock: serde_json::Value = serde_json::from_slice(&place.lock()).unwrap();
    let key = lock["packs"]["core"]["store_key"].clone();
    lock["packs"]["app"]["store_key"] = key;
    fs::write(place.path("packs.lock"), lock.to_string()).unwrap();
    place.pack_run(&["uninstall", "app", "--yes"], 0);
    let said = place.refused_with_lock(&["install", "--locked"], 5);
    assert!(
        said.contains("`app@1.0.0` is listed with the files of `core@1.0.0`"),
        "{said}"
    );
}

/// A dry run says what would change, and writes neither packs nor lock.
#[test]
fn dry_run_changes_nothing() {
    let (place, _hosted) = project();
    let expected =
        "+ core 1.0.0 (needed by another pack)\n+ app 1.0.0\nnothing was changed (--dry-run)\n";
    for args in [
        &["install", "--dry-run"][..],
        &["install", "app", "--dry-run"],
    ] {
        assert_eq!(place.pack_run(args, 0).stdout, expected);
        assert!(!place.path("packs.lock").exists());
        assert!(!place.path("installed/.attune/generations").exists());
    }
    let said = place.refused(&["install", "packs/app", "--dry-run"], 2);
    assert!(said.contains("has to be fetched before"), "{said}");
    place.pack_run(&["install"], 0);
    assert_eq!(
        place.pack_run(&["install", "--dry-run"], 0).stdout,
        "✓ Nothing to change\n"
    );
}

/// What a registry has corrected holds for locked packs too, in both directions; a lock that does not say what packs need
/// leaves it to their manifests.
#[test]
fn locked_packs_need_what_their_registry_says() {
    let (place, _hosted) = project();
    place.pack("core-1.2", "core", "1.2.0", "python: \"99\"\n");
    place.build();
    let patch = |version: &str, value: &str| {
        let subject = format!("core@{version}");
        let value = format!("python={value}");
        let args = [
            "registry", "patch", "tree", &subject, "--set", &value, "--reason", "tried",
        ];
        place.run(&args, 0);
        place.forget_documents();
    };
    // The author asked for too much, says the operator.
    patch("1.2.0", "3.0");
    place.pack_run(&["lock"], 0);
    let lock: serde_json::Value = serde_json::from_slice(&place.lock()).unwrap();
    assert_eq!(lock["packs"]["core"]["requires"]["python"], "3.0");
    assert_eq!(lock["packs"]["app"]["requires"], serde_json::json!({}));
    place.pack_run(&["install", "--locked"], 0);
    assert_eq!(place.active("core").as_deref(), Some("1.2.0"));
    place.pack_run(&["uninstall", "app", "core", "--yes"], 0);
    // From the store and from its archive.
    for prune in [false, true] {
        if prune {
            place.pack_run(&["prune", "--keep", "1"], 0);
        }
        place.pack_run(&["install", "--frozen"], 0);
        place.pack_run(&["uninstall", "app", "core", "--yes"], 0);
    }
    let mut older = lock.clone();
    for pack in ["app", "core"] {
        let pack = older["packs"][pack].as_object_mut().unwrap();
        pack.remove("requires").unwrap();
    }
    fs::write(place.path("packs.lock"), older.to_string()).unwrap();
    let said = place.refused_with_lock(&["install", "--locked"], 3);
    assert!(said.contains("`core@1.2.0` needs Python `99`"), "{said}");
    // The author asked for too little.
    patch("1.2.0", "98");
    fs::remove_file(place.path("packs.lock")).unwrap();
    place.pack_run(&["lock"], 0);
    let said = place.refused_with_lock(&["install", "--locked"], 3);
    assert!(said.contains("`core@1.2.0` needs Python `98`"), "{said}");
}
