//! Which versions `pack install` chooses, and what it says about those it does not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::Place;

/// Packs of one ref and two versions each, with what the newer one says besides.
fn registry(newer: &str) -> Place {
    let place = Place::new();
    place.pack("core-1", "core", "1.0.0", "");
    place.pack("core-2", "core", "2.0.0", newer);
    place.pack("app", "app", "1.0.0", "dependencies: [\"core\"]\n");
    place.build();
    place
}

impl Place {
    /// A `python3` and a `node` that say these versions, and no other program.
    fn programs(&self, python: &str, node: &str) {
        let folder = self.path("bin");
        fs::create_dir_all(&folder).unwrap();
        for (name, says) in [("python3", python), ("node", node)] {
            let path = folder.join(name);
            fs::write(&path, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    /// `pack …` with those programs alone.
    #[track_caller]
    fn pack_with_programs(&self, args: &[&str], code: i32) -> crate::support::Run {
        let output = self
            .attune(&[&["pack"], args].concat())
            .env("PATH", self.path("bin"))
            .output()
            .unwrap();
        let run = crate::support::Run::of(&output);
        assert_eq!(output.status.code(), Some(code), "{run:?}");
        run
    }
}

/// A version this host is not made for is not chosen, and said to be why when it was asked for.
#[test]
fn versions_for_other_hosts_are_not_chosen() {
    let place =
        registry("dependencies: {python_version: \">=3.12\", nodejs_version: \"^18 || ^20\"}\n");
    place.programs("Python 3.11.7", "v20.1.0");
    place.pack_with_programs(&["install", "app", "--registry", "tree"], 0);
    assert_eq!(place.active("core").as_deref(), Some("1.0.0"));
    let before = crate::support::snapshot(&place.path("installed/.attune/generations"));
    let run = place.pack_with_programs(&["install", "core@2.0.0", "--registry", "tree"], 3);
    let listed = "error: no version of `core` matches `2.0.0`\n  listed: 1.0.0, 2.0.0 (needs Python `>=3.12`; this host has 3.11.7)\n";
    let hint = "\nhint: bring the host to what the pack needs, or ask for another version\n";
    assert!(
        run.stderr.starts_with(listed) && run.stderr.ends_with(hint),
        "{run:?}"
    );
    assert_eq!(
        crate::support::snapshot(&place.path("installed/.attune/generations")),
        before
    );
    place.programs("Python 3.12.1", "v20.1.0");
    place.pack_with_programs(&["install", "core@2.0.0", "--registry", "tree"], 0);
    assert_eq!(place.active("core").as_deref(), Some("2.0.0"));
}

/// A host is asked about what would be new; where everything is there already, no program is run.
#[test]
fn nothing_to_do_asks_no_runtime() {
    let place = registry("dependencies: {python_version: \">=3.12\", nodejs_version: \"^20\"}\n");
    place.programs("Python 3.12.1", "v20.1.0");
    place.pack_with_programs(&["install", "app", "--registry", "tree"], 0);
    assert_eq!(place.active("core").as_deref(), Some("2.0.0"));
    let asked = place.path("asked");
    for name in ["python3", "node"] {
        let script = format!("#!/bin/sh\n: > '{}'\nexit 1\n", asked.display());
        fs::write(place.path("bin").join(name), script).unwrap();
    }
    let again = ["install", "app", "core", "--registry", "tree"];
    place.pack_with_programs(&again, 0);
    assert!(!asked.exists());
    // The same programs are asked where there is something to do.
    place.pack_with_programs(&["uninstall", "app", "core", "--yes"], 0);
    place.pack_with_programs(&again, 0);
    assert!(asked.exists());
    assert_eq!(place.active("core").as_deref(), Some("1.0.0"));
}

/// A directory this host is not made for is refused with what was found; `--skip-deps` asks nothing.
#[test]
fn directory_for_another_host_is_refused() {
    let place = registry("runtime_deps: [\"nodejs>=22\", shell, no-such-tool]\nnodejs: \"21\"\n");
    place.programs("Python 3.11.7", "v20.1.0");
    let run = place.pack_with_programs(&["install", "packs/core-2"], 3);
    assert!(
        run.stderr
            .contains("`core@2.0.0` needs Node.js `>=22`; this host has 20.1.0")
            && run
                .stderr
                .contains("`core@2.0.0` needs Node.js `21`; this host has 20.1.0")
            && run
                .stderr
                .contains("`core@2.0.0` needs a shell; this host has none")
            && run.stderr.contains(
                "⚠ `core@2.0.0` needs `no-such-tool`; this host has no program of that name"
            ),
        "{}",
        run.stderr
    );
    assert_eq!(place.active("core"), None);
    let stated = place
        .attune(&["pack", "install", "packs/core-2"])
        .env("PATH", place.path("bin"))
        .env("ATTUNE__PLATFORM__NODEJS", "22.3.0")
        .env("ATTUNE__PLATFORM__SHELL", "5.2")
        .output()
        .unwrap();
    assert!(stated.status.success(), "{stated:?}");
    place.pack_with_programs(&["uninstall", "core", "--yes"], 0);
    place.pack_with_programs(&["install", "packs/core-2", "--skip-deps"], 0);
}

/// The platform's version is what the configuration says; without it nothing is checked.
#[test]
fn platform_version_is_checked_where_it_is_known() {
    let place = registry("dependencies: {attune_version: \">=2.0\"}\n");
    fs::write(
        place.path("config.yaml"),
        "platform: {version: \"1.4.0\"}\n",
    )
    .unwrap();
    let said = place.refused(&["install", "core@^2", "--registry", "tree"], 3);
    assert!(
        said.contains("2.0.0 (needs Attune `>=2.0`; this platform is 1.4.0)"),
        "{said}"
    );
    fs::remove_file(place.path("config.yaml")).unwrap();
    place.install("core");
    assert_eq!(place.active("core").as_deref(), Some("2.0.0"));
}

/// Fresh versions wait, unless their pack is excepted; wrong settings are named.
#[test]
fn minimum_release_age_holds_fresh_versions_back() {
    let place = registry("");
    let run = |extra: &[(&str, &str)], what: &str| {
        let mut command = place.attune(&["pack", "install", what, "--registry", "tree"]);
        command
            .env("SOURCE_DATE_EPOCH", "")
            .envs(extra.iter().copied());
        command.output().unwrap()
    };
    let age = ("ATTUNE__PACK_REGISTRY__MINIMUM_RELEASE_AGE", "36500d");
    let refused = run(&[age], "core");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(
        said.contains("held back until") && said.contains("hint: wait until"),
        "{said}"
    );
    let wrong = run(&[(age.0, "a week")], "core");
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert_eq!(wrong.status.code(), Some(2), "{said}");
    assert!(
        said.contains("`pack_registry.minimum_release_age`")
            && said.contains("`a week` is not a time"),
        "{said}"
    );
    assert_eq!(place.active("core"), None);
    let excepted = (
        "ATTUNE__PACK_REGISTRY__MINIMUM_RELEASE_AGE_EXCEPTIONS",
        "[\"core@^1\"]",
    );
    let done = run(&[age, excepted], "core");
    assert!(done.status.success(), "{done:?}");
    assert_eq!(place.active("core").as_deref(), Some("1.0.0"));
}

/// A pack that installed ones need is not moved to where they cannot follow.
#[test]
fn installed_packs_keep_what_they_need() {
    let place = Place::new();
    place.pack("slack-2", "slack", "2.0.0", "");
    place.pack("slack-3", "slack", "3.0.0", "");
    place.pack(
        "monitor-1",
        "monitor",
        "1.0.0",
        "dependencies: [\"slack@^2\"]\n",
    );
    place.pack(
        "monitor-2",
        "monitor",
        "2.0.0",
        "dependencies: [\"slack@^3\"]\n",
    );
    place.build();
    place.pack_run(&["install", "monitor@1.0.0", "--registry", "tree"], 0);
    // The newest that fits, not the newest.
    let run = place.install("slack");
    assert!(run.stdout.contains("already installed"), "{run:?}");
    let said = place.refused(&["install", "slack@3.0.0", "--registry", "tree"], 3);
    for part in [
        "`monitor@1.0.0` is installed\n",
        "`slack@3.0.0` was asked for\n",
        "`monitor@1.0.0` needs `slack@^2`\n",
        "hint: ask for `slack@2.0.0` instead of `slack@3.0.0`",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    place.pack_run(
        &["install", "slack@3.0.0", "monitor", "--registry", "tree"],
        0,
    );
    assert_eq!(place.active("monitor").as_deref(), Some("2.0.0"));
}

/// What an upgrade breaks is said first; deprecation names the successor.
#[test]
fn upgrades_that_break_users_warn() {
    let place = registry("");
    fs::remove_dir_all(place.path("packs/core-2/actions")).unwrap();
    fs::remove_dir_all(place.path("tree")).unwrap();
    place.build();
    place.install("core@1.0.0");
    place.run(
        &[
            "pack",
            "deprecate",
            "core",
            "--tree",
            "tree",
            "--successor",
            "base",
            "--reason",
            "old",
        ],
        0,
    );
    let run = place.install("core@2.0.0");
    assert!(
        run.stderr
            .contains("⚠ `core` 1.0.0 -> 2.0.0 breaks users: action `run`")
            && run
                .stderr
                .contains("⚠ `core` is deprecated: old; use `base` instead"),
        "{}",
        run.stderr
    );
}

/// Packs that need each other are installed with a warning that says what to do, and go as it says.
#[test]
fn cycles_are_said_with_advice() {
    let place = Place::new();
    place.pack("chat", "chat", "1.0.0", "dependencies: [\"wiki@^1\"]\n");
    place.pack("wiki", "wiki", "1.0.0", "dependencies: [\"chat@^1\"]\n");
    place.build();
    let run = place.pack_run(&["install", "chat", "--registry", "tree"], 0);
    assert_eq!(
        run.stderr,
        "⚠ these packs need each other: chat, wiki; they work, and can only be removed together (`attune pack uninstall \
         chat wiki`), until their authors move what they share into a pack of its own\n"
    );
    let said = place.refused(&["uninstall", "chat", "--yes"], 1);
    assert!(said.contains("wiki"), "{said}");
    place.pack_run(&["uninstall", "chat", "wiki", "--yes"], 0);
    assert!(place.active("chat").is_none() && place.active("wiki").is_none());
}
