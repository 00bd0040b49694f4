//! Backup while the server runs, and what is restored from it; the files a server is run with.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::publishing::Registry;
use crate::support::{installed, project, snapshot};

/// What was there at the time of the backup is there after a restore: packs, tokens, counts. What came later is not.
#[test]
fn backup_of_a_running_registry_is_restored() {
    let mut registry = Registry::new();
    own_mark(&registry);
    let token = registry.token("ann", &["--scope", "publish"]);
    let [one, two] = ["one", "two"].map(|pack_ref| registry.archive(pack_ref, "1.0.0", ""));
    // Publishers do not wait for each other, nor does the backup lose one that was told of success before.
    assert_eq!(registry.put("one/1.0.0", &token, &one).status, 201);
    let before = registry.tree();
    let place = &registry.place;
    let made = place
        .run(
            &["registry", "backup", "tree", "--out", "backup", "--json"],
            0,
        )
        .json();
    assert_eq!(made["database"], "backup/server.db");
    let rights = |name: &str| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (rights("backup"), rights("backup/server.db")),
        (0o700, 0o600)
    );
    assert_eq!(registry.put("two/1.0.0", &token, &two).status, 201);
    let later = registry.token("bob", &["--scope", "publish"]);
    assert_eq!(snapshot(&place.path("backup/tree")), before);
    place.run(&["registry", "check", "backup/tree"], 0);
    // The same place again is refused, and nothing of it changes.
    let backup = snapshot(&place.path("backup"));
    place.run(&["registry", "backup", "tree", "--out", "backup"], 1);
    place.run(&["registry", "backup", "packs", "--out", "other"], 1);
    assert!(!place.path("other").exists());
    assert_eq!(snapshot(&place.path("backup")), backup);

    registry.hosted.stop();
    let place = &registry.place;
    for name in ["tree", "tree.state"] {
        fs::remove_dir_all(place.path(name)).unwrap();
    }
    let guide = fs::read_to_string(project().join("docs/operating.md")).unwrap();
    let steps = guide
        .split("To restore,")
        .nth(1)
        .unwrap()
        .split("```")
        .nth(1)
        .unwrap();
    let steps = steps
        .trim_start_matches("sh")
        .replace("/backup/2026-11-26", "backup");
    let steps = steps.replace("public", "tree");
    let path = crate::support::path_with_attune();
    let mut shell = Command::new("sh");
    shell
        .args(["-euc", &steps])
        .current_dir(place.path(""))
        .env("PATH", path);
    let restored = shell.output().unwrap();
    assert!(restored.status.success(), "{restored:?}");
    registry.hosted = place.serve("tree");
    assert_eq!(registry.tree(), before);
    assert_eq!(registry.put("two/1.0.0", &later, &two).status, 401);
    assert_eq!(registry.put("two/1.0.0", &token, &two).status, 201);
    registry.is_sound();
    // Pages that are made after the restore have the operator's templates, too.
    let page = &registry.tree()["packs/two/index.html"];
    assert!(String::from_utf8_lossy(page).contains("OWN MARK"));
}

/// Pages of the operator's own.
fn own_mark(registry: &Registry) {
    let layout = fs::read_to_string(project().join("templates/pages/layout.html")).unwrap();
    let own = registry.place.path("own");
    fs::create_dir(&own).unwrap();
    let marked = layout.replace("<footer", "<p>OWN MARK</p>\n<footer");
    fs::write(own.join("layout.html"), marked).unwrap();
    registry.place.pack("base", "base", "1.0.0", "");
    let build = [
        "registry",
        "build",
        "packs",
        "--out",
        "tree",
        "--templates",
        "own",
    ];
    registry.place.run(&build, 0);
    fs::remove_dir_all(registry.place.path("packs")).unwrap();
}

/// The unit is one that systemd understands, and asks for nothing unknown.
#[test]
fn unit_is_valid() {
    if !installed("systemd-analyze") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let unit =
        fs::read_to_string(project().join("templates/hosting/attune-registry.service")).unwrap();
    let unit = unit.replace("/usr/local/bin/attune", env!("CARGO_BIN_EXE_attune"));
    let path = folder.path().join("attune-registry.service");
    fs::write(&path, unit).unwrap();
    let mut verify = Command::new("systemd-analyze");
    let verified = verify.arg("verify").arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    let about_it: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("attune-registry"))
        .collect();
    assert!(verified.status.success() && about_it.is_empty(), "{said}");
}
