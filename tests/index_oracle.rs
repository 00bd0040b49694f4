//! The newest rules of normalisation, stated twice: here by the program, in `oracle/entry.py` by
//! themselves. Both must say the same of every real pack, and of odd ones.

#![expect(clippy::print_stdout, reason = "a skipped test says so")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Place, material, project, snapshot};

const SOURCE: [&str; 4] = [
    "--git-url",
    "https://example.org/slack.git",
    "--git-ref",
    "0123456789abcdef0123456789abcdef01234567",
];

/// One line per directory: `{"entry": …}` without sources, or `{"error": …}`.
fn oracle(directories: &[PathBuf]) -> Option<Vec<Value>> {
    let script = project().join("tests/oracle/entry.py");
    let has_yaml = Command::new("python3").args(["-c", "import yaml"]).output();
    if !has_yaml.is_ok_and(|done| done.status.success()) {
        println!("skipped: there is no python3 with yaml");
        return None;
    }
    let done = Command::new("python3")
        .arg(script)
        .args(directories)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    let lines = String::from_utf8(done.stdout).unwrap();
    Some(
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

/// Every directory's entry is, field by field, what the independent statement of the rules says.
#[track_caller]
fn compare(place: &Place, directories: &[PathBuf]) -> (usize, usize) {
    let Some(expected) = oracle(directories) else {
        return (0, 0);
    };
    let (mut listed, mut refused, mut wrong) = (0, 0, Vec::new());
    for (directory, expected) in directories.iter().zip(expected) {
        let name = directory.display().to_string();
        let args = ["pack", "index-entry", &name];
        let done = place.attune(&args).args(SOURCE).output().unwrap();
        let ours = if done.status.success() {
            let mut entry: Value = serde_json::from_slice(&done.stdout).unwrap();
            entry
                .as_object_mut()
                .unwrap()
                .shift_remove("install_sources");
            listed += 1;
            Some(entry)
        } else {
            refused += 1;
            None
        };
        if ours.as_ref() != expected.get("entry") {
            let said = String::from_utf8_lossy(&done.stderr);
            wrong.push(format!(
                "{name}\n  oracle {expected}\n  ours   {ours:?}\n  {said}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    (listed, refused)
}

/// 44 real packs, complete with their component files.
#[test]
fn entries_of_real_packs_equal_the_oracle() {
    let Some(folder) = material("ATTUNE_TEST_REAL_PACKS") else {
        return;
    };
    let place = Place::new();
    let mut packs: Vec<PathBuf> = fs::read_dir(folder.join("packs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    packs.sort();
    assert_eq!(packs.len(), 44);
    let (listed, refused) = compare(&place, &packs);
    println!("{listed} listed, {refused} refused");
}

/// A build lists the same entries, but for what it says itself: sources, and URLs it may leave out.
#[test]
fn built_entries_of_real_packs_equal_the_single_ones() {
    let Some(folder) = material("ATTUNE_TEST_REAL_PACKS") else {
        return;
    };
    let place = Place::new();
    let packs = folder.join("packs").display().to_string();
    let command = [
        "registry",
        "build",
        &packs,
        "--out",
        "tree",
        "--skip-invalid",
        "--json",
    ];
    let built = place
        .run(
            &[&command[..], &["--base-url", "https://e.org/"]].concat(),
            0,
        )
        .json();
    let index: Value =
        serde_json::from_slice(&fs::read(place.path("tree/index.json")).unwrap()).unwrap();
    let (mut compared, mut refused) = (0, Vec::new());
    for row in built["results"].as_array().unwrap() {
        let Some(name) = row["ref"].as_str().filter(|_| row["result"] == "added") else {
            continue;
        };
        let directory = row["directory"].as_str().unwrap();
        let done = place
            .attune(&["pack", "index-entry", directory])
            .args(SOURCE)
            .output()
            .unwrap();
        if !done.status.success() {
            refused.push(name.to_owned());
            continue;
        }
        let mut single: Value = serde_json::from_slice(&done.stdout).unwrap();
        let listed = index["packs"]
            .as_array()
            .unwrap()
            .iter()
            .find(|p| p["ref"] == name);
        let mut listed = listed.unwrap().clone();
        for entry in [&mut single, &mut listed] {
            entry
                .as_object_mut()
                .unwrap()
                .shift_remove("install_sources");
        }
        assert_eq!(listed, single, "{directory}");
        compared += 1;
    }
    println!("{compared} compared, {refused:?} refused");
    assert!(
        compared >= 30 && refused.len() <= 2,
        "{compared}, {refused:?}"
    );
}

/// Every manifest the authors of those packs ever published, each alone in a directory.
#[test]
fn entries_of_manifest_histories_equal_the_oracle() {
    let Some(folder) = material("ATTUNE_TEST_REAL_PACKS") else {
        return;
    };
    let place = Place::new();
    let mut packs = Vec::new();
    for (path, bytes) in snapshot(&folder.join("manifest-history")) {
        if Path::new(&path).extension().is_some_and(|e| e == "yaml") {
            let directory = place.path("history").join(packs.len().to_string());
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("pack.yaml"), bytes).unwrap();
            packs.push(directory);
        }
    }
    assert!(packs.len() > 300, "{}", packs.len());
    let (listed, refused) = compare(&place, &packs);
    println!("{listed} listed, {refused} refused");
}

const START: &str = "ref: odd\nversion: 1.0.0\n";

/// Lines of manifests: spellings, absences and types that the rules tell apart.
const MANIFESTS: &[&str] = &[
    "tags: []\nkeywords: [a]\n",
    "keywords: [b, a, b, 1, 1.0, 1e3, 0x1F, 017, +3, \"1\"]\nmeta: {keywords: [z]}\n",
    "keywords: [true]\n",
    "keywords: [null]\n",
    "keywords: a\n",
    "meta: {keywords: [z, y], license: MIT, use_case: u, documentation_url: 'https://e.org/d', repository_url: 'https://e.org/r', category: chat, other: {a: [1, 2.50, null]}}\n",
    "license: Apache-2.0\nmeta: {license: MIT}\n",
    "name: A name\n",
    "label: A label\nname: A name\n",
    "label: null\n",
    "author: null\n",
    "description: 5\n",
    "email: ''\nuse_case: ''\n",
    "repository: http://e.org\n",
    "homepage: nowhere\n",
    "dependencies: null\n",
    "dependencies: []\n",
    "dependencies: core\n",
    "dependencies: [core, aws@^2, core]\n",
    "dependencies: {attune_version: '>=1.0', python_version: 3.9, packs: [b, a]}\n",
    "dependencies: {attune_version: null}\n",
    "runtime_deps: [python3>=3.9, nodejs, nodejs]\n",
    "meta: {stars: -1}\n",
    "meta: {downloads: 12, stars: 3, tested_attune_versions: [1.0.0, 1.1.0]}\n",
    "meta: {tested_attune_versions: [1.0.0, 1.0.0]}\n",
    "meta: {category: 5}\n",
    "meta: [a]\n",
    "meta: {x: .inf}\n",
    "metadata: {category: legacy}\n",
    "actions: {a: {description: d, workflow_file: x.yaml}, b: {label: l}}\n",
    "description: |\n  two\n  lines\n",
];

/// Files of one pack: names given and missing, directories that count and do not.
const COMPONENTS: &[(&str, &str)] = &[
    ("actions/a.yaml", "description: |\n  text\nref: odd.z\n"),
    ("actions/b.yml", "name: odd.b\nlabel: Label\n"),
    (
        "actions/c.yaml",
        "ref: ''\nname: other.c\ndescription: ''\nlabel: L\n",
    ),
    (
        "actions/d.yaml",
        "workflow_file: workflows/d.workflow.yaml\n",
    ),
    ("actions/workflows/d.workflow.yaml", "tasks: []\n"),
    ("actions/sub/e.yaml", "ref: odd.e\n"),
    ("workflows/f.yaml", "description: '  padded  '\n"),
    ("rules/.yaml", "ref: odd.hidden\n"),
    ("rules/G.YAML", "ref: odd.upper\n"),
    ("sensors/h.yaml", "ref: odd.odd.h\n"),
];

/// What no real pack has: spellings, absences and types that the rules tell apart.
#[test]
fn entries_of_odd_packs_equal_the_oracle() {
    let place = Place::new();
    let mut packs = Vec::new();
    for (i, manifest) in MANIFESTS.iter().enumerate() {
        let directory = place.path("odd").join(i.to_string());
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("pack.yaml"), format!("{START}{manifest}")).unwrap();
        packs.push(directory);
    }
    let directory = place.path("odd/components");
    for (path, text) in COMPONENTS {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let inline = "rules: {inline: {description: i}}\nactions: {hidden: {}}\n";
    fs::write(directory.join("pack.yaml"), format!("{START}{inline}")).unwrap();
    packs.push(directory);
    compare(&place, &packs);
}
