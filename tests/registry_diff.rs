//! `registry diff` as people run it.

use std::fs;

use crate::support::{Place, snapshot};

const BUILD: [&str; 5] = [
    "registry",
    "build",
    "packs",
    "--base-url",
    "https://packs.example.org/",
];

impl Place {
    /// Builds `packs` into `out` at a fixed time.
    #[track_caller]
    fn build_into(&self, out: &str, extra: &[&str]) {
        let mut command = self.attune(&BUILD);
        command.args(["--out", out]).args(extra);
        command.env("SOURCE_DATE_EPOCH", "1700000000");
        let done = command.output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }
}

/// Two states of one registry: `old`, and `new` built later over a copy of it.
fn two_states() -> Place {
    let place = Place::new();
    place.pack("slack", "slack", "2.0.0", "");
    place.pack("aws", "aws", "1.0.0", "");
    place.build_into("old", &[]);
    place.build_into("new", &[]);
    place.pack("slack-2.1", "slack", "2.1.0", "");
    place.pack("github", "github", "1.0.0", "");
    fs::write(
        place.path("packs/registry.yaml"),
        "name: Example\npacks:\n  slack:\n    owners: [chat-team]\n    yanked: {\"2.0.0\": leaks tokens}\n  aws:\n    deprecated: {reason: unmaintained, successor: github}\n",
    )
    .unwrap();
    place.build_into("new", &[]);
    place
}

/// What came, what is hidden, and who owns what, for people.
#[test]
fn registry_diff_says_what_happened() {
    let place = two_states();
    let before = (snapshot(&place.path("old")), snapshot(&place.path("new")));
    let run = place.run(&["registry", "diff", "old", "new"], 0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(
        lines[0].ends_with("/new (3 packs), compared as format 2"),
        "{}",
        run.stdout
    );
    assert_eq!(
        lines[1..],
        [
            "",
            "Yanked and deprecated (2)",
            "  `slack@2.0.0` is yanked: leaks tokens",
            "  `aws` is deprecated: unmaintained; use `github`",
            "",
            "Added (2)",
            "  `github` is new, with 1.0.0",
            "  `slack@2.1.0` is new",
            "",
            "Changed (2)",
            "  `slack` belongs to chat-team instead of nobody",
            "  the registry is called `Example` instead of `Attune Pack Registry`",
        ]
    );
    let back = place.run(&["registry", "diff", "new", "old"], 0);
    for line in [
        "`slack@2.0.0` is no longer yanked",
        "`aws` is no longer deprecated",
        "`github` is no longer listed (was 1.0.0)",
        "`slack@2.1.0` is no longer listed",
    ] {
        assert!(back.stdout.contains(line), "{}", back.stdout);
    }
    let after = (snapshot(&place.path("old")), snapshot(&place.path("new")));
    assert_eq!(before, after);
}

/// Programs get one document; a difference is an exit code only on request.
#[test]
fn registry_diff_prints_one_document() {
    let place = two_states();
    let run = place.run(
        &["registry", "diff", "old", "new", "--json", "--exit-code"],
        1,
    );
    let document = run.json();
    assert_eq!(document["compared_format"], 2);
    assert_eq!(document["new"]["packs"], 3);
    assert_eq!(document["counts"]["version_yanked"], 1);
    let yanked = &document["changes"][0];
    assert_eq!(
        (
            &yanked["kind"],
            &yanked["ref"],
            &yanked["version"],
            &yanked["new"]
        ),
        (
            &"version_yanked".into(),
            &"slack".into(),
            &"2.0.0".into(),
            &"leaks tokens".into()
        )
    );
    assert!(run.stderr.contains("differ: 6 changes"), "{}", run.stderr);
    let same = place.run(&["registry", "diff", "old", "old", "--exit-code"], 0);
    assert!(
        same.stdout.ends_with("\nNo difference.\n"),
        "{}",
        same.stdout
    );
    let yaml = place.run(&["registry", "diff", "old", "old", "--yaml"], 0);
    assert!(yaml.stdout.contains("changes: []"), "{}", yaml.stdout);
}

/// A published version with other bytes is an alarm, in both formats.
#[test]
fn registry_diff_finds_rewritten_versions() {
    let place = Place::new();
    place.pack("slack", "slack", "2.0.0", "");
    place.build_into("old", &[]);
    place.build_into("new", &[]);
    place.pack("slack", "slack", "2.0.0", "description: other\n");
    place.build_into("new", &["--dev"]);
    for (old, new) in [("old", "new"), ("old/index.json", "new")] {
        let run = place.run(&["registry", "diff", old, new], 0);
        assert!(
            run.stdout.contains("\nRewritten (") && run.stdout.contains("\n    new  sha256:"),
            "{}",
            run.stdout
        );
        let alarm = place.run(&["registry", "diff", old, new, "--fail-on-rewrite"], 5);
        assert!(
            alarm
                .stderr
                .starts_with("error: a published version was rewritten: `slack@2.0.0`: its "),
            "{}",
            alarm.stderr
        );
    }
    place.run(&["registry", "diff", "old", "old", "--fail-on-rewrite"], 0);
}

/// An index beside a tree: both are read as format 1, over HTTP too.
#[test]
fn registry_diff_compares_an_index_with_a_hosted_tree() {
    let place = two_states();
    fs::copy(place.path("old/index.json"), place.path("lone.json")).unwrap();
    let hosted = place.serve("new");
    let run = place.run(&["registry", "diff", "lone.json", &hosted.url, "--json"], 0);
    let document = run.json();
    assert_eq!(document["compared_format"], 1);
    let kinds: Vec<String> = document["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            format!(
                "{} {}",
                c["kind"].as_str().unwrap(),
                c["ref"].as_str().unwrap_or("-")
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "pack_added github",
            "newest_changed slack",
            "name_changed -"
        ]
    );
    let tree = place.run(&["registry", "diff", "old", &hosted.url, "--json"], 0);
    assert_eq!(tree.json()["compared_format"], 2);
    assert_eq!(tree.json()["counts"]["version_yanked"], 1);
}

/// Entries that cannot be used are named and left out.
#[test]
fn registry_diff_names_broken_entries() {
    let place = Place::new();
    let index = |packs: &str| {
        format!(
            "{{\"registry_name\":\"R\",\"registry_url\":\"https://r.org\",\"version\":\"1.0\",\"packs\":[{packs}]}}"
        )
    };
    let good = "{\"ref\":\"slack\",\"version\":\"1.0.0\",\"install_sources\":[]}";
    fs::write(place.path("a.json"), index(good)).unwrap();
    fs::write(
        place.path("b.json"),
        index(&format!("{good},{{\"ref\":3}},{good}")),
    )
    .unwrap();
    let run = place.run(&["registry", "diff", "a.json", "b.json"], 0);
    assert!(run.stdout.ends_with("No difference.\n"), "{}", run.stdout);
    assert!(
        run.stderr.contains("entry 1 is left out")
            && run.stderr.contains("`slack` is listed again"),
        "{}",
        run.stderr
    );
}

/// What is no registry is said, and where.
#[test]
fn registry_diff_refuses_what_is_no_registry() {
    let place = two_states();
    fs::write(place.path("page.json"), "<!doctype html>").unwrap();
    fs::create_dir(place.path("empty")).unwrap();
    let rows = [
        ("nowhere", 1, "nowhere"),
        (
            "empty",
            1,
            "neither `registry.json` nor `index.json` is there",
        ),
        ("page.json", 1, "page.json` is not valid"),
        ("http://127.0.0.1:1/", 4, "127.0.0.1:1"),
    ];
    for (what, code, expected) in rows {
        let run = place.run(&["registry", "diff", "old", what], code);
        assert!(run.stderr.contains(expected), "{what}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{what}");
    }
    let document = fs::read_dir(place.path("new/docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"));
    for path in document {
        fs::write(path, "{}").unwrap();
    }
    let damaged = place.run(&["registry", "diff", "old", "new"], 5);
    assert!(
        damaged.stderr.contains("digest mismatch"),
        "{}",
        damaged.stderr
    );
}
