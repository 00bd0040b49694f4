//! `pack …` as people run it, from a tree in a folder and over HTTP.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use crate::support::{Place, snapshot};

/// Two versions of `slack` and a `monitor` that needs it, built into `tree`.
pub(crate) fn registry() -> Place {
    let place = Place::new();
    place.pack("slack-1", "slack", "1.0.0", "description: first\n");
    place.pack("slack-2", "slack", "2.0.0", "description: second\n");
    place.pack(
        "monitor",
        "monitor",
        "1.0.0",
        "dependencies: [\"slack@^2\"]\n",
    );
    place.build();
    place
}

impl Place {
    pub(crate) fn installed(&self) -> PathBuf {
        self.path("installed")
    }

    /// Runs `pack …` against the tree.
    #[track_caller]
    pub(crate) fn pack_run(&self, args: &[&str], code: i32) -> crate::support::Run {
        let mut all = vec!["pack"];
        all.extend(args);
        self.run(&all, code)
    }

    #[track_caller]
    pub(crate) fn install(&self, what: &str) -> crate::support::Run {
        self.pack_run(&["install", what, "--registry", "tree"], 0)
    }

    /// The version a reader of the packs folder sees.
    pub(crate) fn active(&self, pack_ref: &str) -> Option<String> {
        let manifest =
            fs::read_to_string(self.installed().join(pack_ref).join("pack.yaml")).ok()?;
        let version = manifest.lines().find_map(|l| l.strip_prefix("version:"))?;
        Some(version.trim().trim_matches('"').to_owned())
    }

    /// Runs a refused `pack …` and asserts that nothing changed; returns what it said.
    #[track_caller]
    pub(crate) fn refused(&self, args: &[&str], code: i32) -> String {
        let before = snapshot(&self.installed());
        let run = self.pack_run(args, code);
        assert_eq!(
            run.stdout.lines().filter(|l| l.starts_with('✓')).count(),
            0,
            "{run:?}"
        );
        let mut after = snapshot(&self.installed());
        let mut before = before;
        // Who held the lock last, and what was downloaded, is no part of what is installed.
        for state in [&mut before, &mut after] {
            state.retain(|name, _| !name.starts_with(".attune/cache") && name != ".attune/lock");
            state.remove(".attune");
            state.remove("");
        }
        for folder in [".attune/store", ".attune/generations", ".attune/staging"] {
            if after.get(folder).is_some_and(Vec::is_empty) && !before.contains_key(folder) {
                after.remove(folder);
            }
        }
        assert_eq!(after, before);
        run.stderr
    }
}

/// Install, upgrade, roll back, uninstall: what a reader sees at each step, and a clean `verify`.
#[test]
fn pack_lives_through_install_upgrade_rollback_uninstall() {
    let place = registry();
    let run = place.install("slack@1.0.0");
    assert_eq!(
        run.stdout,
        "Installing pack from: slack@1.0.0 (registry reference)\n✓ Pack 'slack' installed successfully\n  Version: 1.0.0\n  ID: 1\n"
    );
    assert_eq!(place.active("slack").as_deref(), Some("1.0.0"));
    place.install("slack");
    assert_eq!(place.active("slack").as_deref(), Some("2.0.0"));
    place.pack_run(&["rollback", "slack"], 0);
    assert_eq!(place.active("slack").as_deref(), Some("1.0.0"));
    place.pack_run(&["verify"], 0);
    let history = place.pack_run(&["history", "--json"], 0).json();
    assert_eq!(history.as_array().unwrap().len(), 3);
    place.pack_run(&["uninstall", "slack", "--yes"], 0);
    assert_eq!(place.active("slack"), None);
    assert!(!place.installed().join("slack").is_symlink());
    place.pack_run(&["prune", "--keep", "1"], 0);
    assert_eq!(
        fs::read_dir(place.installed().join(".attune/store"))
            .unwrap()
            .count(),
        0
    );
}

/// What a pack needs comes with it, in one generation, and cannot be pulled from under it.
#[test]
fn dependencies_come_with_a_pack() {
    let place = registry();
    place.install("monitor");
    assert_eq!(place.active("slack").as_deref(), Some("2.0.0"));
    let history = place.pack_run(&["history", "--json"], 0).json();
    assert_eq!(history.as_array().unwrap().len(), 1);
    let said = place.refused(&["uninstall", "slack", "--yes"], 1);
    assert!(said.contains("monitor"), "{said}");
}

/// Over HTTP the same bytes arrive; a second run asks again and downloads nothing new.
#[test]
fn pack_installs_over_http_in_both_formats() {
    let place = registry();
    let hosted = place.serve("tree");
    place.pack_run(&["install", "monitor", "--registry", &hosted.url], 0);
    assert_eq!(place.active("monitor").as_deref(), Some("1.0.0"));
    place.pack_run(&["verify"], 0);
    drop(hosted);

    // Format 1 alone: a lone index with its archives beside it.
    let old = registry();
    for document in ["registry.json", "packs.json"] {
        fs::remove_file(old.path("tree").join(document)).unwrap();
    }
    let hosted = old.serve("tree");
    let index = fs::read_to_string(old.path("tree/index.json")).unwrap();
    let index = index.replace("http://127.0.0.1:8470/", &hosted.url);
    fs::write(old.path("tree/index.json"), index).unwrap();
    for twin in ["index.json.gz", "index.json.zst"] {
        let _ = fs::remove_file(old.path("tree").join(twin));
    }
    old.pack_run(&["install", "slack", "--registry", &hosted.url], 0);
    assert_eq!(old.active("slack").as_deref(), Some("2.0.0"));
}

/// A directory and an archive install without any registry.
#[test]
fn directory_and_archive_install_directly() {
    let place = registry();
    place.pack_run(&["install", "packs/slack-1"], 0);
    assert_eq!(place.active("slack").as_deref(), Some("1.0.0"));
    place.pack_run(
        &[
            "install",
            "tree/archives/slack/slack-2.0.0.tar.gz",
            "--force",
        ],
        0,
    );
    assert_eq!(place.active("slack").as_deref(), Some("2.0.0"));
    place.pack_run(&["verify"], 0);
}

/// Changed bytes of an archive are refused with both digests and exit code 5.
#[test]
fn changed_archive_is_refused() {
    let place = registry();
    let archive = place.path("tree/archives/slack/slack-2.0.0.tar.gz");
    let mut bytes = fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&archive, bytes).unwrap();
    let said = place.refused(&["install", "slack", "--registry", "tree"], 5);
    assert!(
        said.contains("expected  sha256:") && said.contains("computed  sha256:"),
        "{said}"
    );
}

/// Every way an install can be asked for what is not there: the message, the exit code, nothing changed.
#[test]
fn refusals_name_what_where_and_what_to_do() {
    let place = registry();
    place.install("slack@1.0.0");
    fs::create_dir(place.path("empty")).unwrap();
    let rows: [(&[&str], i32, &str); 5] = [
        (
            &["install", "nosuch", "--registry", "tree"],
            3,
            "`nosuch` is not listed in any registry",
        ),
        (
            &["install", "slack@^9", "--registry", "tree"],
            3,
            "no version of `slack` matches `^9`",
        ),
        (&["install", "./empty"], 1, "pack.yaml"),
        (
            &["install", "slack", "--registry", "http://127.0.0.1:1/"],
            4,
            "127.0.0.1:1",
        ),
        (&["rollback", "nosuch"], 1, "nosuch"),
    ];
    for (args, code, part) in rows {
        let said = place.refused(args, code);
        assert!(
            said.contains(part) && said.starts_with("error: "),
            "{args:?}: {said}"
        );
    }
}

/// Every kind of damage to installed files is found and named.
#[test]
fn verify_names_every_change() {
    let place = registry();
    place.install("slack");
    let pack = fs::canonicalize(place.installed().join("slack")).unwrap();
    fs::write(pack.join("actions/run.sh"), "#!/bin/sh\necho no\n").unwrap();
    fs::write(pack.join("extra.txt"), "x").unwrap();
    fs::remove_file(pack.join("actions/run.yaml")).unwrap();
    let said = place.pack_run(&["verify"], 5);
    for name in ["actions/run.sh", "extra.txt", "actions/run.yaml"] {
        assert!(
            said.stdout.contains(name) || said.stderr.contains(name),
            "{name}: {said:?}"
        );
    }
}

/// Two processes at once: both packs are there in the end.
#[test]
fn two_processes_install_side_by_side() {
    let place = registry();
    let children: Vec<_> = ["slack", "monitor", "slack@1.0.0"]
        .iter()
        .map(|what| {
            place
                .attune(&["pack", "install", what, "--registry", "tree"])
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    let codes: Vec<Option<i32>> = children
        .into_iter()
        .map(|mut child| child.wait().unwrap().code())
        .collect();
    // Whoever comes after `monitor` with a version it cannot use is refused, and nobody else.
    assert!(
        matches!(codes[..], [Some(0), Some(0), Some(0 | 3)]),
        "{codes:?}"
    );
    assert_eq!(place.active("monitor").as_deref(), Some("1.0.0"));
    place.pack_run(&["verify"], 0);
}

/// One document on stdout whatever the command, and a search without a match is an empty list.
#[test]
fn json_is_one_document() {
    let place = registry();
    assert!(
        place
            .pack_run(&["install", "slack", "--registry", "tree", "--json"], 0)
            .json()
            .is_object()
    );
    assert_eq!(
        place
            .pack_run(&["list", "--json"], 0)
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let none = place.pack_run(&["search", "zzz", "--registry", "tree", "--json"], 0);
    assert_eq!(none.json().as_array().unwrap().len(), 0);
    assert!(
        place
            .pack_run(&["show", "slack", "--json"], 0)
            .json()
            .is_object()
    );
    assert!(
        place
            .pack_run(&["registries", "--json"], 0)
            .json()
            .is_array()
    );
}

/// The example configuration is read, and its client asks where its server listens.
#[test]
fn example_configuration_agrees_with_itself() {
    let place = Place::new();
    let config = crate::support::project().join("registry-example/config.yaml");
    let shown = place
        .run(
            &[
                "pack",
                "registries",
                "--json",
                "--config",
                config.to_str().unwrap(),
            ],
            0,
        )
        .json();
    let text = fs::read_to_string(config).unwrap();
    let listen = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("registry_listen: "))
        .unwrap()
        .trim_matches('"');
    assert_eq!(shown[0]["url"], format!("http://{listen}/"));
}

/// Headers that could not be sent are wrong configuration, not left out in silence.
#[test]
fn registry_headers_are_checked() {
    let place = Place::new();
    fs::write(
        place.path("config.yaml"),
        "pack_registry:\n  indices:\n    - url: https://packs.example.org/\n      headers: {\"X Token\": secret}\n",
    )
    .unwrap();
    let run = place.run(&["pack", "registries"], 2);
    assert!(
        run.stderr.contains("`X Token` is not a header name") && !run.stderr.contains("secret"),
        "{}",
        run.stderr
    );
}

/// Where the configuration says so, a wrong `--checksum` is a warning, and recorded as no check at all; what a registry
/// lists must have its digest all the same.
#[test]
fn checksums_of_registries_bind_whatever_is_configured() {
    let place = registry();
    let wrong = format!("sha256:{}", "0".repeat(64));
    let archive = "tree/archives/slack/slack-1.0.0.tar.gz";
    let direct = ["install", archive, "--checksum", &wrong];
    let said = place.refused(&direct, 5);
    assert!(said.contains("compare the checksum you gave"), "{said}");
    fs::write(
        place.path("config.yaml"),
        "pack_registry: {verify_checksums: false}\n",
    )
    .unwrap();
    let run = place.pack_run(&direct, 0);
    assert!(
        run.stderr.contains("⚠")
            && run
                .stderr
                .contains(&format!("does not have the checksum {wrong}")),
        "{run:?}"
    );
    assert!(run.stdout.contains("Verified: none"), "{run:?}");
    let hosted = place.path("tree/archives/slack/slack-2.0.0.tar.gz");
    fs::copy(place.path(archive), hosted).unwrap();
    let said = place.refused(&["install", "slack@2.0.0", "--registry", "tree"], 5);
    assert!(said.contains("checksum mismatch"), "{said}");
}

/// `--no-registry` takes paths and URLs only; without it a ref is looked for.
#[test]
fn registries_can_be_left_out() {
    let place = registry();
    let said = place.refused(&["install", "slack", "--no-registry"], 2);
    assert!(
        said.contains("`slack` is neither a URL nor a path") && said.contains("./slack"),
        "{said}"
    );
    place.pack_run(&["install", "packs/slack-1", "--no-registry"], 0);
    assert_eq!(place.active("slack").as_deref(), Some("1.0.0"));
    // What it needs is not looked for either.
    place.pack_run(&["uninstall", "slack", "--yes"], 0);
    let said = place.refused(&["install", "packs/monitor", "--no-registry"], 3);
    assert!(said.contains("`monitor@1.0.0` needs `slack@^2`"), "{said}");
}

/// Records say who installed a pack and where it is.
#[test]
fn records_say_who_and_where() {
    let place = registry();
    let install = ["pack", "install", "slack", "--registry", "tree", "--json"];
    let output = place
        .attune(&install)
        .env("USER", "deploy")
        .output()
        .unwrap();
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["packs"][0]["installed_by"], "deploy");
    let path = PathBuf::from(told["packs"][0]["path"].as_str().unwrap());
    assert_eq!(path, place.installed().join("slack"));
    let listed = place.pack_run(&["list", "--json"], 0).json();
    assert_eq!(listed[0]["installed_by"], "deploy");
}
