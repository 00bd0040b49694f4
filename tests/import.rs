//! `registry import`: checkouts and indexes of StackStorm Exchange.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Place, snapshot};

/// Writes files below `root`.
fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// A pack with one of everything.
const CHAT: [(&str, &str); 12] = [
    (
        "pack.yaml",
        "name: Chat Ops 2\ndescription: Talks\nversion: 0.4\nauthor: A\nemail: a@example.org\nkeywords: [chat, 2]\npython_versions: [\"2\", \"3\"]\nstackstorm_version: \">=3.0.0\"\ndependencies:\n  - core=0.2\n  - https://git.example.org/org/stackstorm-aws.git\n  - core=master\n",
    ),
    (
        "config.schema.yaml",
        "token: {type: string, required: yes, secret: yes}\n",
    ),
    (
        "actions/post.message.yaml",
        "---\nname: post.message\npack: chat\nrunner_type: python-script\nentry_point: post.py\nenabled: on\nparameters:\n  text: {type: string, required: true, default: 'no'}\n",
    ),
    (
        "actions/post.py",
        "from st2common.runners.base_action import Action\n",
    ),
    (
        "actions/flow.yaml",
        "name: flow\nrunner_type: orquesta\nentry_point: workflows/flow.yaml\n",
    ),
    (
        "actions/workflows/flow.yaml",
        "version: 1.0\ntasks:\n  one: {action: core.noop}\n",
    ),
    (
        "actions/remote.yaml",
        "name: remote\nrunner_type: remote-shell-cmd\n",
    ),
    ("actions/broken.yaml", "name: [\n"),
    (
        "sensors/watch.yaml",
        "class_name: ChatSensor\nentry_point: watch.py\ntrigger_types:\n  - {name: chat.said, description: D, payload_schema: {type: object, properties: {who: {type: string}}}}\n",
    ),
    (
        "rules/greet.yaml",
        "name: greet\ntrigger: {type: chat.chat.said}\ncriteria: {trigger.who: {type: eq, pattern: me}}\naction: {ref: chat.post.message, parameters: {text: hi}}\n",
    ),
    ("aliases/a.yaml", "name: a\n"),
    (".gitignore", "*.pyc\n"),
];

/// What becomes of each part, and every change said.
#[test]
fn import_converts_a_pack_and_says_what_it_did() {
    let place = Place::new();
    write(&place.path("st2/chat"), &CHAT);
    let before = snapshot(&place.path("st2"));
    let report = place
        .run(
            &["registry", "import", "st2/chat", "--out", "out", "--json"],
            0,
        )
        .json();
    assert_eq!(snapshot(&place.path("st2")), before);
    let pack = &report["packs"][0];
    assert_eq!(
        (&pack["ref"], &pack["version"], &pack["result"]),
        (&"chat_ops_2".into(), &"0.4.0".into(), &"imported".into())
    );
    let notes: Vec<String> = pack["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| {
            let text = |key: &str| n[key].as_str().unwrap().to_owned();
            format!("{} {}: {}", text("kind"), text("subject"), text("message"))
        })
        .collect();
    for expected in [
        "renamed name: `Chat Ops 2` is the ref `chat_ops_2`",
        "changed version: `0.4` is written `0.4.0`",
        "changed dependencies: `core=0.2` is `core@0.2.0`",
        "left_out dependencies: `core=master` names no pack and version",
        "left_out aliases/a.yaml: chat commands have no counterpart",
        "changed config.schema.yaml: it is `conf_schema` of `pack.yaml`",
        "renamed actions/post.message.yaml: `post.message` is `chat_ops_2.post_message`",
        "warning runner_type orquesta: listed as workflows; their definitions are not translated: flow",
        "warning runner_type remote-shell-cmd: there is no such runner; kept as it is: remote",
        "renamed sensors/watch.yaml: `ChatSensor` is `chat_ops_2.chat_sensor`",
        "renamed sensors/watch.yaml: the trigger `chat.said` is `chat_ops_2.chat_said` in `triggers/chat_said.yaml`",
        "renamed rules/greet.yaml: its action `chat.post.message` is `chat.post_message`",
        "warning scripts: 1 of them use StackStorm's libraries and must be ported",
    ] {
        assert!(
            notes.iter().any(|n| n == expected),
            "{expected}\n{notes:#?}"
        );
    }
    assert!(
        notes
            .iter()
            .any(|n| n.starts_with("left_out actions/broken.yaml: `actions/broken.yaml`, line ")),
        "{notes:#?}"
    );
}

/// What a registry says of the converted pack.
#[test]
fn imported_pack_says_the_same_in_our_words() {
    let place = Place::new();
    write(&place.path("st2/chat"), &CHAT);
    place.run(&["registry", "import", "st2/chat", "--out", "out"], 0);
    place.run(&["registry", "build", "out", "--out", "tree", "--json"], 0);
    let document = fs::read_to_string(place.path("tree/packs/chat_ops_2.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let version = &document["versions"][0];
    assert_eq!(version["label"], "Chat Ops 2");
    assert_eq!(version["keywords"], serde_json::json!(["2", "chat"]));
    assert_eq!(version["python"], "3");
    assert_eq!(version["meta"]["stackstorm_version"], ">=3.0.0");
    assert_eq!(
        version["dependencies"]["packs"],
        serde_json::json!(["aws", "core@0.2.0"])
    );
    assert_eq!(
        version["configuration"],
        serde_json::json!([{"name": "token", "type": "string", "required": true, "secret": true}])
    );
    let components = &version["components"];
    assert_eq!(components["actions"][0]["runner_type"], "python");
    assert_eq!(components["actions"][0]["parameters"][0]["default"], "no");
    assert_eq!(components["workflows"][0]["tasks"][0]["name"], "one");
    assert_eq!(components["triggers"][0]["output"][0]["name"], "who");
    assert_eq!(components["rules"][0]["disabled"], true);
    assert!(!place.path("out/chat_ops_2/.gitignore").exists());
}

/// The same sources give the same bytes; what is there is left alone, and never overwritten.
#[test]
fn import_never_changes_what_is_there() {
    let place = Place::new();
    write(&place.path("st2/chat"), &CHAT);
    let import =
        |out: &str, code: i32| place.run(&["registry", "import", "st2", "--out", out], code);
    let dry = place.run(
        &["registry", "import", "st2", "--out", "out", "--dry-run"],
        0,
    );
    assert!(
        dry.stdout
            .ends_with("1 would be imported into `out`, 0 unchanged, 0 refused\n")
    );
    assert!(!place.path("out").exists());
    import("out", 0);
    import("other", 0);
    let first = snapshot(&place.path("out"));
    assert_eq!(snapshot(&place.path("other")), first);
    let again = import("out", 0);
    assert!(
        again
            .stdout
            .starts_with("= chat_ops_2@0.4.0 from st2/chat\n")
            && again
                .stdout
                .ends_with("0 imported into `out`, 1 unchanged, 0 refused\n"),
        "{}",
        again.stdout
    );
    assert_eq!(snapshot(&place.path("out")), first);
    fs::write(place.path("out/chat_ops_2/README.md"), "mine\n").unwrap();
    let mine = snapshot(&place.path("out"));
    let refused = import("out", 1);
    assert!(
        refused
            .stdout
            .contains("`out/chat_ops_2` exists with other contents: `README.md`"),
        "{}",
        refused.stdout
    );
    assert_eq!(snapshot(&place.path("out")), mine);
}

/// One bad pack stops the import, unless the others are wanted; two packs of one ref stop each other.
#[test]
fn import_refuses_as_a_whole_or_skips() {
    let place = Place::new();
    let pack = |name: &str, version: &str| format!("name: {name}\nversion: {version}\n");
    write(
        &place.path("st2"),
        &[
            ("good/pack.yaml", &pack("good", "1.0.0")),
            ("bad/pack.yaml", &pack("bad", "latest")),
            ("one/pack.yaml", &pack("same", "1.0.0")),
            ("two/pack.yaml", &pack("Same", "2.0.0")),
            ("empty/readme.txt", "nothing\n"),
        ],
    );
    let refused = place.run(&["registry", "import", "st2", "--out", "out"], 1);
    assert_eq!(
        refused.stderr,
        "⚠ st2/empty holds no `pack.yaml`\n\
         error: 3 of 4 packs were refused; nothing was written\n\
         hint: correct them, or pass `--skip-invalid` to import the others\n"
    );
    for expected in [
        "✗ st2/bad: `st2/bad/pack.yaml`, line 2, field `version`: `latest` is not a SemVer version\n    hint: write three numbers",
        "✗ same from st2/one: the ref `same` is also that of `st2/one`, `st2/two`\n",
        "0 unchanged, 3 refused\n",
    ] {
        assert!(refused.stdout.contains(expected), "{}", refused.stdout);
    }
    assert!(!place.path("out").exists());
    place.run(
        &[
            "registry",
            "import",
            "st2",
            "--out",
            "out",
            "--skip-invalid",
        ],
        0,
    );
    let written: Vec<_> = fs::read_dir(place.path("out"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(written, ["good"]);
}

/// What cannot be a source or a target is usage, said before anything happens.
#[test]
fn import_refuses_wrong_usage() {
    let place = Place::new();
    write(&place.path("st2/chat"), &CHAT);
    write(&place.path(""), &[("index.json", "{\"packs\": []}")]);
    let rows: [(&[&str], i32, &str); 6] = [
        (
            &["st2", "--out", "st2/out"],
            2,
            "`st2/out` lies inside the source `st2`",
        ),
        (
            &["https://index.example.org/v1/index.json"],
            2,
            "is a URL; an import contacts nobody",
        ),
        (
            &["st2", "index.json"],
            2,
            "index files and directories at once",
        ),
        (&["nowhere"], 2, "nowhere"),
        (
            &["index.json"],
            1,
            "it is an index of this program's own format",
        ),
        (
            &["st2/chat", "--out", "st2/chat/out"],
            2,
            "lies inside the source `st2/chat`",
        ),
    ];
    for (args, code, expected) in rows {
        let mut all = vec!["registry", "import"];
        all.extend(args);
        if !args.contains(&"--out") {
            all.extend(["--out", "out"]);
        }
        let run = place.run(&all, code);
        assert!(run.stderr.contains(expected), "{args:?}: {}", run.stderr);
        assert!(!place.path("out").exists() && !place.path("st2/out").exists());
    }
}

/// A bare repository is read at the commit its `HEAD` names; nothing is written into it.
#[test]
fn import_reads_bare_repositories() {
    let place = Place::new();
    write(&place.path("work"), &CHAT);
    let git = |args: &[&str]| {
        let done = Command::new("git")
            .args(["-c", "user.name=T", "-c", "user.email=t@example.org"])
            .args(args)
            .current_dir(place.path("work"))
            .env("HOME", place.path("home"))
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "-A", "-f"]);
    git(&["commit", "-q", "-m", "pack"]);
    git(&["clone", "-q", "--bare", ".", "../chat.git"]);
    let before = snapshot(&place.path("chat.git"));
    place.run(&["registry", "import", "chat.git", "--out", "from-git"], 0);
    place.run(&["registry", "import", "work", "--out", "from-work"], 0);
    assert_eq!(
        snapshot(&place.path("from-git")),
        snapshot(&place.path("from-work"))
    );
    assert_eq!(snapshot(&place.path("chat.git")), before);
    std::os::unix::fs::symlink("pack.yaml", place.path("work/link")).unwrap();
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "link"]);
    git(&["clone", "-q", "--bare", ".", "../linked.git"]);
    let refused = place.run(&["registry", "import", "linked.git", "--out", "linked"], 1);
    assert!(
        refused
            .stdout
            .contains("the commit holds `link`, which is a symbolic link"),
        "{}",
        refused.stdout
    );
    assert!(!place.path("linked").exists());
}

const INDEX: &str = r#"{
 "packs": {
  "ansible": {"name": "ansible", "version": "1.1.0", "versions": ["1.1.0", "1.10.0", "1.2.0"], "description": "D", "author": "A",
   "keywords": ["b", "a"], "repo_url": "https://git.example.org/org/stackstorm-ansible", "python_versions": ["3"],
   "dependencies": ["core=0.2"], "content": {"actions": {"count": 2, "resources": ["galaxy.install", "playbook"]},
   "sensors": {"count": 1, "resources": ["GitSensor"]}, "aliases": {"count": 3, "resources": []}}},
  "Odd Name": {"ref": "odd", "version": 0.3, "repo_url": "http://git.example.org/odd"},
  "none": {"name": "none", "version": "latest"}
 },
 "metadata": {"generated_ts": 1700000000, "hash": "x"}
}"#;

/// An index alone becomes a tree to browse and search; nothing in it can be installed, and that is said.
#[test]
fn import_of_an_index_makes_a_tree_without_archives() {
    let place = Place::new();
    write(&place.path(""), &[("st2.json", INDEX)]);
    let args = ["registry", "import", "st2.json", "--out", "tree"];
    let refused = place.run(&args, 1);
    assert!(
        refused
            .stdout
            .contains("✗ none from st2.json/none: `latest` is not a SemVer version"),
        "{}",
        refused.stdout
    );
    assert!(!place.path("tree").exists());
    let skip = [&args[..], &["--skip-invalid"]].concat();
    let run = place.run(&skip, 0);
    for expected in [
        "✓ ansible@1.1.0 from st2.json/ansible\n",
        "    changed   versions: they are sorted by SemVer, not as texts\n",
        "    renamed   actions: `galaxy.install` is `galaxy_install`\n",
        "    left out  aliases: 3: they have no counterpart\n",
        "    left out  repo_url: ",
        "2 imported into `tree`, 0 unchanged, 1 refused\n",
    ] {
        assert!(run.stdout.contains(expected), "{}", run.stdout);
    }
    assert!(
        run.stderr
            .contains("can be browsed and searched, not installed")
    );
}

/// The tree of an index: documents without archives, found by ref, and nothing to install.
#[test]
fn tree_of_an_index_can_be_browsed_and_not_installed_from() {
    let place = Place::new();
    write(&place.path(""), &[("st2.json", INDEX)]);
    let skip = [
        "registry",
        "import",
        "st2.json",
        "--out",
        "tree",
        "--skip-invalid",
    ];
    place.run(&skip, 0);
    let document = fs::read_to_string(place.path("tree/packs/ansible.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let version = &document["versions"][0];
    assert_eq!(
        version["install_sources"],
        serde_json::json!([{"type": "git", "url": "https://git.example.org/org/stackstorm-ansible", "ref": "v1.1.0"}])
    );
    assert_eq!(
        version["meta"]["stackstorm_versions"],
        serde_json::json!(["1.10.0", "1.2.0", "1.1.0"])
    );
    assert_eq!(version["published_at"], "2023-11-14T22:13:20Z");
    assert!(!place.path("tree/index.json").exists());
    assert!(place.path("tree/packs/ansible/index.html").is_file());
    let found = place.run(
        &["pack", "search", "ansi", "--registry", "tree", "--json"],
        0,
    );
    assert_eq!(found.json()[0]["ref"], "ansible");
    let install = place.run(&["pack", "install", "odd", "--registry", "tree"], 1);
    assert!(
        install
            .stderr
            .contains("`odd@0.3.0` has no source that can be verified"),
        "{}",
        install.stderr
    );
}

/// What is there is left alone.
#[test]
fn tree_of_an_index_is_never_overwritten() {
    let place = Place::new();
    write(&place.path(""), &[("st2.json", INDEX)]);
    let skip = [
        "registry",
        "import",
        "st2.json",
        "--out",
        "tree",
        "--skip-invalid",
    ];
    place.run(&skip, 0);
    let before = snapshot(&place.path("tree"));
    let again = place.run(&skip, 0);
    assert!(
        again
            .stdout
            .contains("0 imported into `tree`, 2 unchanged, 1 refused")
    );
    assert_eq!(snapshot(&place.path("tree")), before);
    write(&place.path("full"), &[("mine.txt", "x")]);
    let full = place.run(
        &[
            "registry",
            "import",
            "st2.json",
            "--out",
            "full",
            "--skip-invalid",
        ],
        1,
    );
    assert!(
        full.stderr.contains("`full` is not empty"),
        "{}",
        full.stderr
    );
}

/// Every real pack of StackStorm: one is refused, all others build, from the same bytes each time.
#[test]
fn import_takes_real_packs() {
    let Some(folder) = crate::support::material("ATTUNE_TEST_REAL_PACKS") else {
        return;
    };
    let place = Place::new();
    let mut sources: Vec<String> = fs::read_dir(folder.join("packs"))
        .unwrap()
        .map(|entry| entry.unwrap().path().to_string_lossy().into_owned())
        .filter(|path| {
            path.rsplit('/')
                .next()
                .unwrap_or_default()
                .starts_with("st2")
        })
        .collect();
    sources.sort();
    assert!(sources.len() > 30);
    let import = |out: &str| {
        let mut args = vec![
            "registry",
            "import",
            "--out",
            out,
            "--skip-invalid",
            "--json",
        ];
        args.extend(sources.iter().map(String::as_str));
        place.run(&args, 0).json()
    };
    let report = import("one");
    let refused: Vec<&str> = report["packs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|pack| pack["result"] == "refused")
        .map(|pack| pack["reason"].as_str().unwrap())
        .collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].contains("`0.1.2.3.4` is not a SemVer version"));
    import("two");
    assert_eq!(snapshot(&place.path("one")), snapshot(&place.path("two")));
    let built = place
        .run(
            &[
                "registry",
                "build",
                "one",
                "--out",
                "tree",
                "--base-url",
                "https://packs.example.org/",
                "--json",
            ],
            0,
        )
        .json();
    assert_eq!(built["added"], sources.len() - 1);
}
