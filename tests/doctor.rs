//! `doctor` about packs and environments: what was damaged is told, nothing is written; `--fix` mends it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::environments::{install, keys, with_wheels};
use crate::support::{Place, Run, snapshot};

/// What `doctor` finds: what each finding is about, and its problem.
fn found(run: &Run) -> Vec<(String, String)> {
    let findings = run.json()["findings"].as_array().unwrap().clone();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    (findings
        .iter()
        .map(|f| (text(f, "about"), text(f, "problem"))))
    .collect()
}

/// An installed pack with an environment, and where that is.
fn installed() -> (Place, PathBuf) {
    let place = with_wheels();
    let key = keys(&install(&place, 0, &[]))["python"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = place.installed().join(".attune/envs").join(key);
    (place, path)
}

fn site(environment: &Path) -> PathBuf {
    let lib = environment.join("lib");
    let python = fs::read_dir(lib).unwrap().next().unwrap().unwrap().path();
    python.join("site-packages")
}

/// Damages to an environment at a path.
type Damage = (&'static str, fn(&Path), &'static str);

const DAMAGES: [Damage; 5] = [
    (
        "removed",
        |path| fs::remove_dir_all(path).unwrap(),
        "it is not there, or not complete",
    ),
    (
        "half a build",
        |path| fs::remove_file(path.join("environment.json")).unwrap(),
        "it is not there, or not complete",
    ),
    (
        "an interpreter that was removed",
        |path| {
            fs::remove_file(path.join("bin/python")).unwrap();
            symlink("/nowhere/python3", path.join("bin/python")).unwrap();
        },
        "does not run",
    ),
    (
        "another interpreter",
        |path| {
            let record = path.join("environment.json");
            let mut value: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
            value["runtime_version"] = json!("3.1.4");
            fs::write(record, value.to_string()).unwrap();
        },
        "it was built for version 3.1.4 of its interpreter",
    ),
    (
        "packages that were removed",
        |path| fs::remove_dir_all(site(path).join("tiny-1.0.0.dist-info")).unwrap(),
        "it holds 0 packages, where 1 were installed",
    ),
];

/// Environments that are gone or do not work are told and built again, at the place the generations name.
#[test]
fn broken_environments_are_told_and_built_again() {
    let (place, path) = installed();
    let well = place.run(&["doctor"], 0);
    assert_eq!(
        well.stdout,
        "✓ Packs and environments are as the generations say\n✓ No server keeps a database here: there is nothing to compare\n"
    );
    for (name, damage, problem) in DAMAGES {
        damage(&path);
        let before = snapshot(&place.path("installed"));
        let run = place.run(&["doctor", "--json"], 1);
        let told = found(&run);
        assert_eq!(told.first().unwrap().0, "environment", "{name}: {told:?}");
        let is_told = told.iter().any(|(_, text)| text.contains(problem));
        assert!(is_told, "{name}: {told:?}");
        assert!(
            run.stderr
                .contains("hint: mend it with `attune doctor --fix`"),
            "{run:?}"
        );
        assert!(snapshot(&place.path("installed")) == before, "{name}");
        let run = place.run(&["doctor", "--fix", "--offline", "--json"], 0);
        assert_eq!(run.json()["findings"][0]["state"], "mended", "{run:?}");
        assert_eq!(run.json()["fixed"], true);
        let said = place.run(&["action", "execute", "demo.say"], 0);
        assert_eq!(
            said.stdout.trim(),
            format!("1.0.0 {}", path.display()),
            "{name}"
        );
        place.run(&["doctor"], 0);
    }
    // None of it changed what is installed.
    let current = fs::read_link(place.installed().join(".attune/current")).unwrap();
    assert_eq!(current, Path::new("generations/1"));
}

/// A pack that was installed without the environment it needs gets it; a generation records that.
#[test]
fn environments_that_were_never_built_are_built() {
    let place = with_wheels();
    let off = [
        ("ATTUNE__ENVIRONMENTS__ENABLED", "false"),
        ("ATTUNE__TESTS__ENABLED", "false"),
    ];
    install(&place, 0, &off);
    let told = found(&place.run(&["doctor", "--json"], 1));
    let problem = "it needs a python environment, and has none";
    assert_eq!(told, [("environment".to_owned(), problem.to_owned())]);
    place.run(&["doctor", "--fix", "--offline"], 0);
    let said = place.run(&["action", "execute", "demo.say"], 0);
    assert!(said.stdout.starts_with("1.0.0 "), "{said:?}");
    let history = place.run(&["pack", "history", "--json"], 0);
    assert!(history.stdout.contains("doctor --fix"), "{history:?}");
}

/// What nothing uses is no failure, and goes only with `--fix`.
#[test]
fn unused_environments_are_told_and_removed() {
    let (place, path) = installed();
    let unused = path.with_file_name("0".repeat(64));
    let leftover = path.with_file_name(".tmpAbCdEf");
    for directory in [&unused, &leftover] {
        fs::create_dir(directory).unwrap();
        fs::write(directory.join("file"), "x").unwrap();
    }
    let run = place.run(&["doctor"], 0);
    assert_eq!(
        run.stdout
            .matches("is an environment that nothing uses")
            .count(),
        2,
        "{run:?}"
    );
    assert!(unused.exists() && leftover.exists());
    let inode = fs::metadata(&path).unwrap().ino();
    let run = place.run(&["doctor", "--fix"], 0);
    assert_eq!(run.stdout.matches("✓ Mended:").count(), 2, "{run:?}");
    assert!(!unused.exists() && !leftover.exists());
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
}

/// Links and trees are put back as the active generation says; what lies there of somebody else's stays.
#[test]
fn folders_are_made_as_the_generations_say() {
    let (place, _) = installed();
    let base = place.installed();
    let everything = || {
        let mut found = snapshot(&base);
        // It names who held it last.
        found.remove(".attune/lock");
        found
    };
    let right = everything();
    symlink(".attune/current/ghost", base.join("ghost")).unwrap();
    symlink("/somewhere", base.join("theirs")).unwrap();
    fs::write(base.join("notes.txt"), "theirs").unwrap();
    fs::remove_file(base.join("demo")).unwrap();
    let script = base
        .join(".attune/current/demo/actions/say.py")
        .canonicalize()
        .unwrap();
    let (folder, mode) = (
        script.parent().unwrap(),
        fs::metadata(&script).unwrap().permissions(),
    );
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    fs::remove_file(&script).unwrap();
    fs::write(&script, "print('changed')\n").unwrap();
    fs::set_permissions(&script, mode).unwrap();
    let told = found(&place.run(&["doctor", "--json"], 1));
    let abouts: Vec<&str> = told.iter().map(|(about, _)| about.as_str()).collect();
    assert!(
        abouts.contains(&"pack") && abouts.contains(&"link"),
        "{told:?}"
    );
    assert!(
        told.iter().any(|(_, p)| p == "changed: actions/say.py"),
        "{told:?}"
    );
    let run = place.run(&["doctor", "--fix", "--offline"], 0);
    assert!(!run.stdout.contains('✗'), "{run:?}");
    assert!(base.join("theirs").is_symlink() && base.join("notes.txt").is_file());
    fs::remove_file(base.join("theirs")).unwrap();
    fs::remove_file(base.join("notes.txt")).unwrap();
    assert!(everything() == right, "not as before");
    place.run(&["doctor"], 0);
}

/// What cannot be mended is told with the reason, fails, and keeps nothing else from being mended.
#[test]
fn what_cannot_be_mended_is_told_and_stays() {
    let (place, path) = installed();
    place.pack("other", "other", "1.0.0", "");
    place.run(&["pack", "install", "packs/other"], 0);
    place.run(&["pack", "uninstall", "other", "--yes"], 0);
    let store = place.installed().join(".attune/store");
    let current = place
        .installed()
        .join(".attune/current/demo")
        .canonicalize()
        .unwrap();
    for tree in fs::read_dir(&store).unwrap() {
        let tree = tree.unwrap().path();
        if tree.canonicalize().unwrap() != current {
            fs::rename(&tree, place.path("taken")).unwrap();
        }
    }
    fs::remove_file(place.installed().join("demo")).unwrap();
    fs::remove_dir_all(&path).unwrap();
    // Of its wheels, the tree holds none any more that fits: the index of the operator is asked, and there is none.
    let output = place
        .attune(&["doctor", "--fix", "--offline", "--json"])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    let run = Run::of(&output);
    assert_eq!(output.status.code(), Some(1), "{run:?}");
    let findings = run.json()["findings"].as_array().unwrap().clone();
    let state = |about: &str| {
        let of = findings.iter().filter(|f| f["about"] == about);
        of.map(|f| f["state"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(state("pack"), ["mended"], "{run:?}");
    assert!(state("environment").iter().all(|s| *s == "left"), "{run:?}");
    assert!(
        run.stdout
            .contains("needs `python3`, which is not on this machine"),
        "{run:?}"
    );
    assert_eq!(state("generation"), ["left"], "{run:?}");
    assert!(
        run.stdout.contains("generation 2 needs, is gone"),
        "{run:?}"
    );
    assert!(place.installed().join("demo/pack.yaml").is_file() && !path.exists());
    // With an interpreter and without that generation, all is well.
    place.run(&["pack", "prune", "--keep", "1"], 0);
    place.run(&["doctor", "--fix", "--offline"], 0);
    place.run(&["doctor"], 0);
}
