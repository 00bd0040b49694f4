//! `pack index-merge`: form, inputs, outputs, and what is refused.

use std::fs;
use std::process::Stdio;

use serde_json::json;

use crate::support::Place;
use crate::support::index::{conforming, entry, index, read, versions, write};

const HERE: &str = "https://example.org/here";

/// The lines of the documents, the newest by SemVer precedence, sorted, and everything of the root.
#[test]
fn merge_keeps_the_newest_and_tells_each_decision() {
    let place = Place::new();
    let e = |name, version| entry(name, version, HERE);
    write(
        &place,
        "a.json",
        "First",
        &[
            e("slack", "9.0.0"),
            e("aws", "1.0.0"),
            e("rc", "1.0.0-rc.2"),
        ],
    );
    write(
        &place,
        "b.json",
        "Second",
        &[
            e("slack", "10.0.0"),
            e("aws", "0.9.0"),
            e("rc", "1.0.0-rc.10"),
        ],
    );
    let later =
        index("Third", &[e("aws", "1.0.0"), e("zip", "1.0.0")]).replace("2026-01-01", "2026-02-01");
    fs::write(place.path("c.json"), later).unwrap();
    let run = place.run(
        &[
            "pack",
            "index-merge",
            "--output",
            "merged.json",
            "a.json",
            "b.json",
            "c.json",
        ],
        0,
    );
    assert_eq!(
        run.stdout,
        "Loading: a.json\n\
         Loading: b.json\n\
         \x20 Keeping 'aws' at 1.0.0 (newer than 0.9.0)\n\
         \x20 Updating 'rc' from 1.0.0-rc.2 to 1.0.0-rc.10\n\
         \x20 Updating 'slack' from 9.0.0 to 10.0.0\n\
         Loading: c.json\n\
         \x20 Keeping 'aws' at 1.0.0 (listed before 1.0.0)\n\
         ✓ Merged 3 index files into merged.json\n\
         \x20 Total packs loaded: 8\n\
         \x20 Unique packs: 4\n\
         \x20 Duplicates resolved: 4\n"
    );
    assert_eq!(run.stderr, "");
    let merged = read(&place, "merged.json");
    assert_eq!(
        versions(&merged),
        ["aws@1.0.0", "rc@1.0.0-rc.10", "slack@10.0.0", "zip@1.0.0"]
    );
    assert_eq!(merged["registry_name"], "First");
    assert_eq!(merged["last_updated"], "2026-02-01T00:00:00Z");
}

/// Who wants results only gets the numbers.
#[test]
fn quiet_merge_prints_the_numbers_only() {
    let place = Place::new();
    write(&place, "a.json", "A", &[entry("slack", "1.0.0", HERE)]);
    write(&place, "b.json", "B", &[entry("slack", "2.0.0", HERE)]);
    let merge = [
        "pack",
        "index-merge",
        "-q",
        "--output",
        "m.json",
        "a.json",
        "b.json",
    ];
    let run = place.run(&merge, 0);
    assert!(
        run.stdout
            .starts_with("✓ Merged 2 index files into m.json\n"),
        "{run:?}"
    );
}

/// One document for programs; the three spellings of the file; the form of the result beside them.
#[test]
fn merge_has_one_document_and_a_file_of_its_own() {
    let place = Place::new();
    write(&place, "a.json", "A", &[entry("slack", "1.0.0", HERE)]);
    write(&place, "b.json", "B", &[entry("slack", "2.0.0", HERE)]);
    let mut bytes = Vec::new();
    for (i, flag) in ["--output", "-o", "--file"].iter().enumerate() {
        let file = format!("merged{i}.json");
        let run = place.run(
            &[
                "pack",
                "index-merge",
                flag,
                &file,
                "a.json",
                "b.json",
                "--json",
            ],
            0,
        );
        let result = run.json();
        assert_eq!(result["output_file"], file.as_str());
        let counts = [
            "sources_count",
            "total_loaded",
            "unique_packs",
            "duplicates_resolved",
        ];
        assert_eq!(
            counts.map(|name| result[name].as_u64().unwrap()),
            [2, 2, 1, 1]
        );
        assert_eq!(
            result["shadowed"],
            json!([{
                "ref": "slack",
                "kept": {"version": "2.0.0", "source": "b.json", "repository": HERE},
                "dropped": {"version": "1.0.0", "source": "a.json", "repository": HERE},
                "different_repository": false,
                "different_contents": false
            }])
        );
        bytes.push(fs::read(place.path(&file)).unwrap());
    }
    assert_eq!((&bytes[0], &bytes[1]), (&bytes[1], &bytes[2]));
}

/// A name that is a format is still a file here, and still a format elsewhere.
#[test]
fn merge_output_hides_the_global_flag() {
    let place = Place::new();
    write(&place, "a.json", "A", &[entry("slack", "1.0.0", HERE)]);
    let yaml = place.run(
        &[
            "pack",
            "index-merge",
            "-o",
            "y.json",
            "a.json",
            "--format",
            "yaml",
        ],
        0,
    );
    assert!(
        yaml.stdout
            .starts_with("success: true\noutput_file: y.json\n"),
        "{yaml:?}"
    );
    place.run(&["pack", "index-merge", "--output", "json", "a.json"], 0);
    read(&place, "json");
    assert_eq!(
        place
            .run(&["version", "--output", "json"], 0)
            .stdout
            .chars()
            .next(),
        Some('{')
    );
    let unknown = place.run(&["version", "--output", "xml"], 2);
    assert!(
        unknown.stderr.contains("choose table, json or yaml"),
        "{unknown:?}"
    );
    place.run(&["version", "--output", "json", "--yaml"], 2);
    let none = place.run(&["pack", "index-merge", "a.json"], 2);
    assert!(
        none.stderr.contains("name one with `--output FILE`"),
        "{none:?}"
    );
    let named = ["--name", "Both", "--url", "https://both.example.org/"];
    place.run(
        &[
            &["pack", "index-merge", "-o", "named.json", "a.json"],
            &named[..],
        ]
        .concat(),
        0,
    );
    let index = read(&place, "named.json");
    assert_eq!(
        (&index["registry_name"], &index["registry_url"]),
        (&named[1].into(), &named[3].into())
    );
}

/// Whatever is wrong with an input, a missing one included, nothing is written.
#[test]
fn merge_refuses_and_writes_nothing() {
    let place = Place::new();
    write(&place, "good.json", "G", &[entry("slack", "1.0.0", HERE)]);
    let mut bad = entry("bad", "1.0.0", HERE);
    bad["install_sources"][0]["checksum"] = json!("sha512:".to_owned() + &"0".repeat(128));
    write(&place, "bad.json", "B", &[entry("aws", "1.0.0", HERE), bad]);
    fs::write(place.path("page.json"), "<html>").unwrap();
    fs::write(place.path("twin.json"), r#"{"packs": [], "packs": []}"#).unwrap();
    for (input, code, part) in [
        ("none.json", 1, "Index file not found: none.json"),
        (
            "bad.json",
            1,
            "line 1, entry 1 (`bad`): an install source has no sha256 checksum",
        ),
        ("page.json", 1, "the index is an HTML page, not JSON"),
        ("twin.json", 1, "duplicate field `packs`"),
        ("http://127.0.0.1:9/index.json", 4, "127.0.0.1:9"),
        (
            "ftp://e.org/index.json",
            2,
            "`ftp://e.org/index.json` cannot be fetched",
        ),
    ] {
        // One that cannot be reached is tried several times: once in this test will do.
        let orders = [["good.json", input], [input, "good.json"]];
        for inputs in &orders[..if code == 4 { 1 } else { 2 }] {
            let args = ["pack", "index-merge", "-o", "m.json", inputs[0], inputs[1]];
            let run = place.run(&args, code);
            assert!(run.stderr.contains(part), "{run:?}");
            assert_eq!(run.stdout, "");
            assert!(!place.path("m.json").exists());
        }
    }
    let skipped = [
        "pack",
        "index-merge",
        "-o",
        "m.json",
        "good.json",
        "bad.json",
        "--skip-invalid",
    ];
    place.run(&skipped, 0);
    assert_eq!(
        versions(&read(&place, "m.json")),
        ["aws@1.0.0", "slack@1.0.0"]
    );
}

/// A file that is there stays without `--force`, and the index of a tree always does.
#[test]
fn merge_overwrites_only_what_it_may() {
    let place = Place::new();
    write(&place, "good.json", "G", &[entry("slack", "1.0.0", HERE)]);
    place.run(&["pack", "index-merge", "-o", "m.json", "good.json"], 0);
    let before = fs::read(place.path("m.json")).unwrap();
    let exists = place.run(&["pack", "index-merge", "-o", "m.json", "good.json"], 1);
    assert_eq!(
        exists.stderr,
        "error: Output file already exists: m.json. Use --force to overwrite.\n\
         hint: pass `--force`, or name another file\n"
    );
    assert_eq!(fs::read(place.path("m.json")).unwrap(), before);
    place.pack("slack", "slack", "1.0.0", "");
    place.build();
    let before = fs::read(place.path("tree/index.json")).unwrap();
    let tree = place.run(
        &[
            "pack",
            "index-merge",
            "-o",
            "tree/index.json",
            "good.json",
            "-f",
        ],
        1,
    );
    assert!(
        tree.stderr.contains("belongs to a registry tree"),
        "{tree:?}"
    );
    assert_eq!(fs::read(place.path("tree/index.json")).unwrap(), before);
}

/// An output that is one of the inputs, folders and URLs as inputs, and no write of the same bytes.
#[test]
fn merge_takes_files_folders_and_urls() {
    let place = Place::new();
    write(&place, "a.json", "A", &[entry("slack", "1.0.0", HERE)]);
    place.pack("aws", "aws", "1.0.0", "");
    place.run(
        &[
            "registry",
            "build",
            "packs",
            "--out",
            "tree",
            "--base-url",
            "https://e.org/",
        ],
        0,
    );
    let hosted = place.serve("tree");
    let url = format!("{}index.json", hosted.url);
    place.run(
        &["pack", "index-merge", "-o", "url.json", "a.json", &url],
        0,
    );
    place.run(
        &["pack", "index-merge", "-o", "folder.json", "a.json", "tree"],
        0,
    );
    let merged = fs::read(place.path("url.json")).unwrap();
    let file = format!("file://{}", place.path("tree/index.json").display());
    place.run(
        &["pack", "index-merge", "-o", "file.json", "a.json", &file],
        0,
    );
    assert_eq!(fs::read(place.path("file.json")).unwrap(), merged);
    assert_eq!(fs::read(place.path("folder.json")).unwrap(), merged);
    assert_eq!(versions(&conforming(&merged)), ["aws@1.0.0", "slack@1.0.0"]);
    let again = place.run(
        &[
            "pack",
            "index-merge",
            "-o",
            "url.json",
            "-f",
            "url.json",
            "a.json",
            "--json",
        ],
        0,
    );
    assert_eq!(again.json()["written"], false);
    assert_eq!(fs::read(place.path("url.json")).unwrap(), merged);
}

/// What comes out of a merge is a registry: the client finds its packs.
#[test]
fn merged_index_is_a_registry() {
    let place = Place::new();
    write(&place, "a.json", "A", &[entry("slack", "1.0.0", HERE)]);
    write(&place, "b.json", "B", &[entry("slack", "1.10.0", HERE)]);
    place.run(
        &["pack", "index-merge", "-o", "m.json", "a.json", "b.json"],
        0,
    );
    let search = ["pack", "search", "slack", "--registry", "m.json", "--json"];
    assert_eq!(place.run(&search, 0).json()[0]["version"], "1.10.0");
}

/// An index for development stays one: its sources are on this machine, and the merge says so.
#[test]
fn merge_says_that_an_index_is_for_development() {
    let place = Place::new();
    place.pack("aws", "aws", "1.0.0", "");
    place.build();
    let run = place.run(
        &["pack", "index-merge", "-o", "m.json", "tree/index.json"],
        0,
    );
    assert!(run.stderr.contains("it is for development only"), "{run:?}");
}

/// Many at once into one file that each of them reads too: every merge builds on the one before.
#[test]
fn merge_loses_nothing_when_many_run_at_once() {
    let place = Place::new();
    write(&place, "all.json", "A", &[entry("first", "1.0.0", HERE)]);
    let names: Vec<String> = (0..6).map(|i| format!("pack{i}")).collect();
    for name in &names {
        write(
            &place,
            &format!("{name}.json"),
            "N",
            &[entry(name, "1.0.0", HERE)],
        );
    }
    let running: Vec<_> = names
        .iter()
        .map(|name| {
            let input = format!("{name}.json");
            let args = [
                "pack",
                "index-merge",
                "-fo",
                "all.json",
                "all.json",
                &input,
                "-q",
            ];
            place.attune(&args).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(versions(&read(&place, "all.json")).len(), 7);
}
