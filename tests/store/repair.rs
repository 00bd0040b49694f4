//! `pack verify --repair`: every kind of damage is found, mended from what has the bytes, and told.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::install::registry;
use crate::support::{Place, snapshot};

/// The stored tree of an installed pack.
fn tree(place: &Place, pack_ref: &str) -> PathBuf {
    fs::canonicalize(place.installed().join(pack_ref)).unwrap()
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Everything that matters of what is installed: names, kinds, contents and modes.
fn state(place: &Place) -> Vec<(String, Vec<u8>, u32)> {
    snapshot(&place.installed())
        .into_iter()
        .filter(|(name, _)| !name.starts_with(".attune/cache") && name != ".attune/lock")
        .map(|(name, content)| {
            let metadata = fs::symlink_metadata(place.installed().join(&name)).unwrap();
            (name, content, metadata.permissions().mode())
        })
        .collect()
}

type Damage = (&'static str, fn(&Place, &Path), &'static str);

/// Damage the store itself can mend: no registry is named, and none of the sources is there any more.
const FROM_THE_STORE: [Damage; 10] = [
    (
        "a link in place of the tree",
        |place, tree| {
            fs::rename(tree, place.path("moved")).unwrap();
            symlink(place.path("moved"), tree).unwrap();
        },
        "mended: missing tree: ",
    ),
    (
        "an extra file",
        |_, tree| fs::write(tree.join("actions/run.pyc"), "x").unwrap(),
        "mended: extra file: actions/run.pyc",
    ),
    (
        "an extra link",
        |_, tree| symlink("/etc", tree.join("etc")).unwrap(),
        "mended: extra link: etc",
    ),
    (
        "a mode",
        |_, tree| chmod(&tree.join("actions/run.yaml"), 0o755),
        "mended: mode 755 instead of 644: actions/run.yaml",
    ),
    (
        "a mode that the key does not tell",
        |_, tree| chmod(&tree.join("actions/run.yaml"), 0o666),
        "mended: mode 666 instead of 644: actions/run.yaml",
    ),
    (
        "a mode of a directory",
        |_, tree| chmod(&tree.join("actions"), 0o777),
        "mended: mode 777 instead of 755: actions/",
    ),
    (
        "the list of files",
        |place, tree| {
            let key = tree.file_name().unwrap().to_str().unwrap();
            let listing = format!(".attune/listings/{key}.json");
            fs::write(place.installed().join(listing), "[]").unwrap();
        },
        "mended: missing or wrong list of files: ",
    ),
    (
        "the outer link",
        |place, _| fs::remove_file(place.installed().join("slack")).unwrap(),
        "mended: not a link to .attune/current/slack: ",
    ),
    (
        "an outer link that leads elsewhere",
        |place, _| {
            fs::remove_file(place.installed().join("slack")).unwrap();
            symlink("/etc", place.installed().join("slack")).unwrap();
        },
        "mended: not a link to .attune/current/slack: ",
    ),
    (
        "a generation's link",
        |place, _| {
            let link = place.installed().join(".attune/generations/1/slack");
            fs::remove_file(&link).unwrap();
            fs::create_dir(link).unwrap();
        },
        "mended: not a link to ../../store/",
    ),
];

/// Damage for which bytes have to come from elsewhere.
const FROM_A_SOURCE: [Damage; 5] = [
    (
        "a changed file",
        |_, tree| fs::write(tree.join("actions/run.sh"), "#!/bin/sh\necho no\n").unwrap(),
        "mended: changed: actions/run.sh",
    ),
    (
        "a missing file",
        |_, tree| fs::remove_file(tree.join("pack.yaml")).unwrap(),
        "mended: missing: pack.yaml",
    ),
    (
        "a missing directory",
        |_, tree| fs::remove_dir_all(tree.join("actions")).unwrap(),
        "mended: missing: actions/run.sh",
    ),
    (
        "a missing tree",
        |_, tree| fs::remove_dir_all(tree).unwrap(),
        "mended: missing tree: ",
    ),
    (
        "an edit that the list of files hides",
        |place, tree| {
            fs::write(tree.join("actions/run.sh"), "#!/bin/sh\necho no\n").unwrap();
            let key = tree.file_name().unwrap().to_str().unwrap();
            let listing = format!(".attune/listings/{key}.json");
            fs::remove_file(place.installed().join(listing)).unwrap();
        },
        "mended: contents differ: ",
    ),
];

/// Damages an installation, mends it with `--repair` and `args`, and compares with what was there before.
#[track_caller]
fn mends(damage: &Damage, args: &[&str], from: &str, prepare: impl FnOnce(&Place)) {
    let (name, damage, said) = damage;
    let place = registry();
    place.install("slack");
    prepare(&place);
    let good = state(&place);
    damage(&place, &tree(&place, "slack"));
    assert_ne!(state(&place), good, "{name}");
    place.pack_run(&["verify"], 5);
    let run = place.pack_run(&[&["verify", "--repair"], args].concat(), 0);
    assert!(
        run.stdout.contains(said) && run.stdout.starts_with(&format!("✓ slack@2.0.0: {from}")),
        "{name}: {run:?}"
    );
    assert_eq!(state(&place), good, "{name}");
    let again = place.pack_run(&["verify", "--repair"], 0);
    assert_eq!(again.stdout, "✓ slack@2.0.0: 3 files\n", "{name}");
}

/// Where the store has every byte, nothing else is asked, whatever is wrong around them.
#[test]
fn store_mends_what_it_has_the_bytes_for() {
    for damage in &FROM_THE_STORE {
        let links = damage.2.starts_with("mended: not a link");
        let from = if links {
            "repaired\n"
        } else {
            "repaired from the store"
        };
        mends(damage, &[], from, |place| {
            fs::remove_dir_all(place.path("tree")).unwrap();
        });
    }
}

/// Other bytes come from the archive the record names, compared with the recorded digest.
#[test]
fn recorded_archive_mends_what_the_store_lacks() {
    for damage in &FROM_A_SOURCE {
        mends(damage, &[], "repaired from file://", |_| {});
    }
}

/// The same from a registry over HTTP that is named for it.
#[test]
fn registry_mends_what_the_store_lacks() {
    let place = registry();
    let hosted = place.serve("tree");
    for damage in &FROM_A_SOURCE {
        let args = ["--registry", hosted.url.as_str()];
        mends(damage, &args, "repaired from http://", |_| {});
    }
}

/// A file that another version in the store has too needs no source.
#[test]
fn another_version_mends_a_file() {
    let place = registry();
    place.install("slack@1.0.0");
    place.install("slack");
    fs::remove_dir_all(place.path("tree")).unwrap();
    fs::remove_file(tree(&place, "slack").join("actions/run.sh")).unwrap();
    let run = place.pack_run(&["verify", "--repair", "slack"], 0);
    assert!(
        run.stdout
            .starts_with("✓ slack@2.0.0: repaired from the store\n"),
        "{run:?}"
    );
    place.pack_run(&["verify"], 0);
}

/// A directory is a source too.
#[test]
fn directory_mends_its_pack() {
    let place = registry();
    place.pack_run(&["install", "packs/slack-1"], 0);
    let manifest = tree(&place, "slack").join("pack.yaml");
    let good = fs::read(&manifest).unwrap();
    fs::write(&manifest, "ref: slack\n").unwrap();
    let run = place.pack_run(&["verify", "--repair", "--json"], 0).json();
    assert_eq!(run["packs"][0]["problems"][0]["problem"], "changed");
    assert_eq!(run["packs"][0]["remaining"], serde_json::json!([]));
    let from = run["packs"][0]["repaired_from"].as_str().unwrap();
    assert!(from.ends_with("/packs/slack-1"), "{from}");
    assert_eq!(fs::read(manifest).unwrap(), good);
}

/// Without a source the files stay as they are; what is needed is said, and the exit code tells the network.
#[test]
fn unreachable_source_is_named_with_what_is_needed() {
    let place = registry();
    let hosted = place.serve("tree");
    let url = hosted.url.clone();
    place.pack_run(&["install", "slack", "--registry", &url], 0);
    drop(hosted);
    place.run(&["cache", "clear"], 0);
    fs::write(tree(&place, "slack").join("actions/run.sh"), "no").unwrap();
    let before = state(&place);
    let run = place.pack_run(&["verify", "--repair"], 4);
    assert_eq!(state(&place), before);
    for part in [
        "✗ slack@2.0.0\n",
        "  changed: actions/run.sh\n",
        "  needs its archive with sha256:",
        &format!("archives/slack/slack-2.0.0.tar.gz` or registry `{url}`"),
    ] {
        assert!(run.stdout.contains(part), "{part}: {run:?}");
    }
    assert!(
        run.stderr.starts_with("error: not repaired: slack\n"),
        "{run:?}"
    );
}

/// A source that holds other bytes by now mends nothing, and a second pack is mended all the same.
#[test]
fn changed_source_mends_nothing() {
    let place = registry();
    place.pack_run(&["install", "packs/slack-1"], 0);
    place.pack("other", "other", "1.0.0", "");
    place.pack_run(&["install", "packs/other"], 0);
    for name in ["slack", "other"] {
        fs::remove_file(tree(&place, name).join("pack.yaml")).unwrap();
    }
    place.pack("slack-1", "slack", "1.0.0", "description: edited\n");
    let run = place.pack_run(&["verify", "--repair"], 5);
    assert!(
        run.stdout.contains("✓ other@1.0.0: repaired from file://")
            && run.stdout.contains("✗ slack@1.0.0\n  missing: pack.yaml\n")
            && run.stdout.contains("holds other files by now")
            && run
                .stdout
                .contains("needs its files with tree digest sha256:"),
        "{run:?}"
    );
    assert!(!tree(&place, "slack").join("pack.yaml").exists());
}

/// A source that is gone is named, and the damage is still damage: exit code 5.
#[test]
fn vanished_source_is_named() {
    let place = registry();
    place.pack_run(&["install", "packs/slack-1"], 0);
    fs::remove_dir_all(place.path("packs/slack-1")).unwrap();
    fs::remove_file(tree(&place, "slack").join("pack.yaml")).unwrap();
    let before = state(&place);
    let run = place.pack_run(&["verify", "--repair"], 5);
    assert!(
        run.stdout.contains("packs/slack-1") && run.stdout.contains("  needs its files with"),
        "{run:?}"
    );
    assert_eq!(state(&place), before);
}

/// Somebody's own directory where the link belongs is left alone.
#[test]
fn own_files_in_the_way_are_left_alone() {
    let place = registry();
    place.install("slack");
    let path = place.installed().join("slack");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    fs::write(path.join("mine"), "mine").unwrap();
    let run = place.pack_run(&["verify", "--repair"], 5);
    assert!(
        run.stdout.contains("/slack` is in the way") && run.stderr.contains("move it elsewhere"),
        "{run:?}"
    );
    assert_eq!(fs::read_to_string(path.join("mine")).unwrap(), "mine");
}

/// A reader in a loop finds each file whole, before, while and after it is mended. Who lists a directory while the damaged
/// tree goes looks once more, as who reads a tree that is pruned.
#[test]
fn readers_never_see_half_of_a_mended_pack() {
    let place = registry();
    place.install("slack");
    let script = "two() { set -- \"$0\"/slack/actions/*; [ $# -eq 2 ]; }; while :; do { two || two; } && cat \"$0\"/slack/pack.yaml >/dev/null || exit 1; [ -e \"$0/stop\" ] && exit 0; done";
    let mut reader = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(place.installed())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    for round in 0..20 {
        let file = tree(&place, "slack").join("actions/run.sh");
        fs::write(&file, format!("#!/bin/sh\necho {round}\n")).unwrap();
        place.pack_run(&["verify", "--repair"], 0);
        assert_eq!(reader.try_wait().unwrap(), None, "round {round}");
    }
    fs::write(place.installed().join("stop"), "").unwrap();
    assert!(reader.wait().unwrap().success());
}

/// `--registry` and `--lock-timeout` are about repairs.
#[test]
fn registry_needs_repair() {
    let place = registry();
    let run = place.pack_run(&["verify", "--registry", "tree"], 2);
    assert!(run.stderr.contains("--repair"), "{run:?}");
}
