//! `pack fetch`: packs unpacked without being installed, verified as an installation would.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

use crate::install::registry;
use crate::support::{Place, Run, names, snapshot};

impl Place {
    /// Runs a refused `pack fetch …`; nothing of this place may change, wherever it is.
    #[track_caller]
    fn fetch_refused(&self, args: &[&str], code: i32) -> Run {
        let before = everything(self);
        let run = self.pack_run(&[&["fetch"], args].concat(), code);
        assert_eq!(run.stdout, "");
        assert_eq!(everything(self), before);
        run
    }
}

fn everything(place: &Place) -> BTreeMap<String, Vec<u8>> {
    let mut all = snapshot(&place.path(""));
    // What was asked of a registry may be remembered.
    all.retain(|name, _| !name.starts_with("installed"));
    all
}

/// What is fetched are the files of the pack, nothing is installed, and it is said what vouched for them.
#[test]
fn fetched_pack_is_the_published_one() {
    let place = registry();
    let hosted = place.serve("tree");
    let run = place.pack_run(
        &[
            "fetch",
            "slack@1.0.0",
            "--registry",
            &hosted.url,
            "--to",
            "out",
        ],
        0,
    );
    assert_eq!(
        run.stdout,
        "✓ slack@1.0.0 fetched\n  Directory: out/slack\n  Verified: archive_digest (registry), tree_digest (registry), store_key (registry)\n"
    );
    assert_eq!(
        snapshot(&place.path("out/slack")),
        snapshot(&place.path("packs/slack-1"))
    );
    assert_eq!(fs::read_dir(place.path("out")).unwrap().count(), 1);
    let installed = place.pack_run(&["list", "--json"], 0).json();
    assert_eq!(installed, serde_json::json!([]));
    assert!(!place.installed().join(".attune/store").exists());
}

/// `--archive` keeps the registry's own bytes, which install elsewhere.
#[test]
fn archive_is_kept_beside_the_tree() {
    let place = registry();
    fs::create_dir_all(place.path("deep/out")).unwrap();
    let run = place
        .pack_run(
            &[
                "fetch",
                "slack",
                "--registry",
                "tree",
                "--to",
                "deep/out",
                "--archive",
                "--json",
            ],
            0,
        )
        .json();
    let pack = &run["packs"][0];
    assert_eq!(pack["archive"], "deep/out/slack-2.0.0.tar.gz");
    assert_eq!(
        fs::read(place.path("deep/out/slack-2.0.0.tar.gz")).unwrap(),
        fs::read(place.path("tree/archives/slack/slack-2.0.0.tar.gz")).unwrap()
    );
    let digest = pack["archive_digest"].as_str().unwrap();
    let archive = "deep/out/slack-2.0.0.tar.gz";
    place.pack_run(&["install", archive, "--checksum", digest], 0);
    place.pack_run(&["install", "deep/out/slack"], 0);
    assert_eq!(place.active("slack").as_deref(), Some("2.0.0"));
}

/// What a pack needs comes when it is asked for, and only then; several sources come together.
#[test]
fn several_packs_and_what_they_need() {
    let place = registry();
    let names = |to: &str| names(place.path(to));
    let from = ["--registry", "tree"];
    let fetch = |args: &[&str]| {
        let args = [&["fetch", "--json"], args, &from].concat();
        place.pack_run(&args, 0).json()
    };
    fetch(&["monitor", "--to", "alone"]);
    assert_eq!(names("alone"), ["monitor"]);
    let run = fetch(&["monitor", "--with-deps", "--to", "new/both"]);
    assert_eq!(names("new/both"), ["monitor", "slack"]);
    let order: Vec<_> = (run["packs"].as_array().unwrap().iter())
        .map(|pack| (pack["ref"].clone(), pack["requested"].clone()))
        .collect();
    assert_eq!(
        order,
        [
            ("slack".into(), false.into()),
            ("monitor".into(), true.into())
        ]
    );
    fetch(&["monitor", "./packs/slack-1", "--to", "mixed"]);
    assert_eq!(names("mixed"), ["monitor", "slack"]);
}

/// A target with anything in it is refused, whatever it is.
#[test]
fn target_must_be_empty() {
    let place = registry();
    fs::create_dir(place.path("full")).unwrap();
    fs::write(place.path("full/mine"), "mine").unwrap();
    symlink("nowhere", place.path("dangling")).unwrap();
    for to in ["full", "full/mine", "dangling", "packs"] {
        let run = place.fetch_refused(&["slack", "--registry", "tree", "--to", to], 1);
        assert_eq!(
            run.stderr,
            format!(
                "error: `{to}` is not an empty directory\nhint: name a directory that is empty or does not exist\n"
            )
        );
    }
}

/// What an installation would refuse is refused, with its exit code, and no directory comes into being.
#[test]
fn fetching_is_as_strict_as_installing() {
    let place = registry();
    let archive = "tree/archives/slack/slack-1.0.0.tar.gz";
    let zeros = format!("sha256:{}", "0".repeat(64));
    let rows: [(&[&str], i32, &str); 6] = [
        (
            &["nosuch", "--registry", "tree"],
            3,
            "`nosuch` is not listed",
        ),
        (
            &["slack@^9", "--registry", "tree"],
            3,
            "no version of `slack`",
        ),
        (&[archive, "--checksum", &zeros], 5, "checksum mismatch"),
        (
            &["slack", "--registry", "http://127.0.0.1:1/"],
            4,
            "127.0.0.1:1",
        ),
        (
            &["./packs/slack-1", archive],
            2,
            "`slack` is asked for twice",
        ),
        (
            &["./packs/slack-1", "--archive"],
            1,
            "packs/slack-1` does not come as an archive",
        ),
    ];
    for (args, code, part) in rows {
        let args = [args, &["--to", "new/out"]].concat();
        let run = place.fetch_refused(&args, code);
        assert!(run.stderr.contains(part), "{args:?}: {run:?}");
    }
    let path = place.path("tree/archives/slack/slack-2.0.0.tar.gz");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::create_dir(place.path("empty")).unwrap();
    for to in ["new/out", "empty"] {
        let args = ["monitor", "slack", "--registry", "tree", "--to", to];
        let run = place.fetch_refused(&args, 5);
        assert!(run.stderr.contains("expected  sha256:"), "{run:?}");
    }
}

/// A source nobody vouched for is fetched, and says so.
#[test]
fn unverified_sources_say_so() {
    let place = registry();
    let run = place.pack_run(&["fetch", "./packs/slack-1", "--to", "out"], 0);
    assert!(
        run.stdout
            .ends_with("  Verified: none (no checksum was given)\n"),
        "{run:?}"
    );
}

/// What a killed fetch has left is in nobody's way and goes; the work of one that runs stays.
#[test]
fn leftovers_of_killed_processes_go() {
    let place = registry();
    for left in [
        "out/.attune-fetch-dead",
        ".attune-fetch-dead",
        ".attune-fetch-busy",
    ] {
        fs::create_dir_all(place.path(left).join("out/slack")).unwrap();
    }
    let busy = fs::File::open(place.path(".attune-fetch-busy")).unwrap();
    busy.lock().unwrap();
    for to in ["out", "new"] {
        place.pack_run(&["fetch", "slack", "--registry", "tree", "--to", to], 0);
        assert_eq!(fs::read_dir(place.path(to)).unwrap().count(), 1, "{to}");
    }
    assert!(!place.path(".attune-fetch-dead").exists());
    assert!(place.path(".attune-fetch-busy/out/slack").exists());
}
