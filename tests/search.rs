//! One search index, asked by the server, the browser's script and `pack search` alike.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Place, path_variable};

/// Asks what `search.js` in the environment asks a tree in a folder.
const ASK: &str = "
const fs = require('fs');
const [script, tree, question] = process.argv.slice(1);
const search = new Function(fs.readFileSync(script, 'utf8') + '; return search;')();
const load = async (path) => {
  try { return JSON.parse(fs.readFileSync(`${tree}/${path}`, 'utf8')); } catch { return null; }
};
search.ask(question, load).then(({ head, hits, more, partial }) => {
  const packs = hits.map(({ ref, score, matches }) => {
    const row = load(search.tablePath(head, ref));
    return row.then((table) => ({ ref, score, version: table[ref].version, matched: matches }));
  });
  return Promise.all(packs).then((packs) => console.log(JSON.stringify({ packs, more, partial })));
});
";

/// A tree of packs that share words.
fn tree() -> Place {
    let place = Place::new();
    let chat = "description: Sends chat messages\nkeywords: [messaging, chat]\n";
    place.pack("slack", "slack", "2.1.0", chat);
    let slack = place.path("packs/slack");
    fs::write(
        slack.join("actions/upload_file.yaml"),
        "name: upload_file\nrunner_type: shell\nentry_point: upload.sh\nparameters:\n  channel_id: {type: string}\n",
    )
    .unwrap();
    fs::write(slack.join("actions/upload.sh"), "true\n").unwrap();
    place.pack(
        "slack-extras",
        "slack-extras",
        "1.0.0",
        "description: More for channels\n",
    );
    place.pack(
        "mail",
        "mail",
        "0.3.0",
        "description: Mail, not chat\nmeta: {downloads: 5000}\n",
    );
    place.pack("gone", "gone", "1.0.0", chat);
    place.build();
    place.run(
        &[
            "pack",
            "deprecate",
            "gone",
            "--tree",
            "tree",
            "--successor",
            "slack",
        ],
        0,
    );
    place
}

/// Questions, and the refs that answer them in order.
const QUESTIONS: [(&str, &[&str]); 10] = [
    ("slack", &["slack", "slack-extras"]),
    ("SLACK extras", &["slack-extras"]),
    ("chan", &["slack-extras", "slack"]),
    ("upload", &["slack"]),
    ("upload file channel", &["slack"]),
    ("chat", &["slack", "mail", "gone"]),
    ("the chat", &["slack", "mail", "gone"]),
    ("chat nowhere", &["slack", "mail", "gone"]),
    ("nowhere", &[]),
    ("constructor", &[]),
];

fn refs(document: &Value) -> Vec<&str> {
    let packs = document.as_array().unwrap().iter();
    packs.map(|pack| pack["ref"].as_str().unwrap()).collect()
}

fn encoded(question: &str) -> String {
    question
        .bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            b'a'..=b'z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// What the script of the search page answers from the files of a tree; nothing where Node.js is not installed,
/// which the test says.
#[expect(clippy::print_stdout, reason = "a test says what it skips")]
fn ask_script(script: &Path, tree: &Path, question: &str) -> Option<Value> {
    let Ok(ran) = Command::new("node")
        .env_clear()
        .env("PATH", path_variable())
        .args(["-e", ASK])
        .args([script, tree])
        .arg(question)
        .output()
    else {
        #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
        let everything = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!everything, "node is not installed");
        println!("skipped: node is not installed");
        return None;
    };
    let complaint = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{complaint}");
    Some(serde_json::from_slice(&ran.stdout).unwrap())
}

/// The script of the search page of a tree.
fn script(place: &Place) -> PathBuf {
    let assets = fs::read_dir(place.path("tree/assets")).unwrap();
    let mut paths = assets.map(|entry| entry.unwrap().path());
    let is_script = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("search.") && name.ends_with(".js")
    };
    paths.find(is_script).unwrap()
}

/// What the two answers have in common.
fn rows(answer: &Value) -> Vec<Value> {
    let reduced = |pack: &Value| {
        let mut matched = pack["matched"].clone();
        for row in matched.as_array_mut().unwrap() {
            row.as_object_mut().unwrap().retain(|_, value| value != "");
        }
        json!([pack["ref"], pack["score"], pack["version"], matched])
    };
    let packs = answer["packs"].as_array().unwrap().iter();
    packs.map(reduced).collect()
}

/// The server's document, the script of the pages and `pack search` give the same packs in the same order, for
/// the same reasons.
#[test]
fn search_is_the_same_everywhere() {
    let place = tree();
    let hosted = place.serve("tree");
    let script = script(&place);
    for (question, expected) in QUESTIONS {
        let (status, head, body) = hosted.get(&format!("/api/v1/search?q={}", encoded(question)));
        assert_eq!(status, 200, "{head}");
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(refs(&answer["packs"]), expected, "{question}");
        assert_eq!(answer["total"], expected.len());

        if let Some(in_browser) = ask_script(&script, &place.path("tree"), question) {
            assert_eq!(rows(&in_browser), rows(&answer), "{question}");
            assert_eq!(in_browser["partial"], answer["partial"], "{question}");
        }

        for registry in [hosted.url.as_str(), "tree"] {
            let hits = place
                .run(
                    &["pack", "search", question, "--registry", registry, "--json"],
                    0,
                )
                .json();
            assert_eq!(refs(&hits), expected, "{question}");
        }
    }
    let told = place.run(
        &["pack", "search", "upload chan", "--registry", &hosted.url],
        0,
    );
    assert!(
        told.stdout
            .contains("action `upload_file`, parameter `channel_id` of `upload_file`"),
        "{}",
        told.stdout
    );
}

/// Words that fill several files, some shared by neighbours and some cut twice, are found like those of one file.
#[test]
fn search_in_many_files_is_the_same_everywhere() {
    let place = Place::new();
    let letters = || ('a'..='y').chain(['é', '日']);
    for pack in 0..40 {
        let name = format!("pack-{pack}");
        let mut action =
            "name: act\nrunner_type: shell\nentry_point: run.sh\nparameters:\n".to_owned();
        for letter in letters() {
            for word in [
                format!("{letter}x{pack}"),
                format!("z{letter}{pack}"),
                format!("z{letter}q{pack}"),
            ] {
                action.push_str(&format!("  {word}: {{type: string}}\n"));
            }
        }
        place.pack(&name, &name, "1.0.0", "");
        let actions = place.path("packs").join(&name).join("actions");
        fs::write(actions.join("act.yaml"), action).unwrap();
        fs::write(actions.join("run.sh"), "true\n").unwrap();
    }
    place.build();
    let head: Value =
        serde_json::from_slice(&fs::read(place.path("tree/search/index.json")).unwrap()).unwrap();
    let groups = |beginning: &str| head["split"][beginning].as_array().unwrap().clone();
    assert!(
        groups("").iter().any(|g| g == "z") && groups("").iter().any(|g| g != "z"),
        "{head}"
    );
    assert!(
        groups("z")
            .iter()
            .any(|g| g.as_str().unwrap().chars().count() > 1),
        "{head}"
    );
    let hosted = place.serve("tree");
    let script = script(&place);
    for (question, total) in [
        ("z", 40),
        ("zk", 40),
        ("zk7", 1),
        ("zkq3", 11),
        ("kx12", 1),
        ("k", 40),
        ("bx39", 1),
        ("zé5", 1),
        ("日x", 40),
        ("zy8", 1),
        ("zaa", 0),
    ] {
        let path = format!("/api/v1/search?limit=100&q={}", encoded(question));
        let (_, _, body) = hosted.get(&path);
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["total"], total, "{question}: {answer}");
        if let Some(in_browser) = ask_script(&script, &place.path("tree"), question) {
            assert_eq!(rows(&in_browser), rows(&answer), "{question}");
        }
    }
    place.run(&["registry", "check", "tree"], 0);
}

/// The words that the build keeps beside the tree can be lost: they are read from documents again, of packs that change
/// just then as well.
#[test]
fn search_needs_nothing_but_the_tree() {
    let place = tree();
    fs::remove_file(place.path("tree.state/words")).unwrap();
    let mail = place.path("packs/mail/pack.yaml");
    let text = fs::read_to_string(&mail).unwrap();
    fs::write(&mail, text.replace("0.3.0", "0.3.1")).unwrap();
    place.pack("pagerbell", "pagerbell", "1.0.0", "description: Rings\n");
    place.build();
    place.run(&["registry", "check", "tree"], 0);
    for (question, expected) in [
        ("mail", "mail"),
        ("rings", "pagerbell"),
        ("upload", "slack"),
    ] {
        let search = ["pack", "search", question, "--registry", "tree", "--json"];
        assert_eq!(
            refs(&place.run(&search, 0).json())[0],
            expected,
            "{question}"
        );
    }
}

/// People get a page without script: what was asked, why each pack matches, and the next packs.
#[test]
fn search_answers_people_with_a_page() {
    let place = tree();
    for number in 0..25 {
        let name = format!("bulk{number}");
        place.pack(&name, &name, "1.0.0", "keywords: [bulk]\n");
    }
    place.build();
    let hosted = place.serve("tree");
    let page = |path: &str| {
        let (status, head, body) = hosted.get(path);
        assert_eq!(status, 200, "{head}");
        assert!(
            head.to_lowercase().contains("content-security-policy"),
            "{head}"
        );
        String::from_utf8(body).unwrap()
    };
    let html = page("/search?q=upload");
    assert!(html.contains("action <code>upload_file</code>"), "{html}");
    assert!(html.contains("value=\"upload\"") && html.contains("href=\"packs/slack/index.html\""));
    let html = page("/search?q=bulk");
    assert_eq!(html.matches("<li class=\"row\">").count(), 20);
    assert!(html.contains("href=\"search?q=bulk&amp;page=2\""), "{html}");
    let html = page("/search?q=bulk&page=2");
    assert_eq!(html.matches("<li class=\"row\">").count(), 5);
    let hostile = page("/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E");
    assert!(!hostile.contains("<script>alert"), "{hostile}");
    let (status, _, body) = hosted.get("/api/v1/search?q=a&limit=1000");
    assert_eq!(status, 400);
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["message"], "`limit` must be a number from 1 to 100");
    assert_eq!(problem["code"], "bad_parameter");
}

/// What happens to packs is found at once: new ones, other words, and what a takedown has left.
#[test]
fn search_follows_every_publication() {
    let place = tree();
    let hosted = place.serve("tree");
    let found = |question: &str| {
        let (_, _, body) = hosted.get(&format!("/api/v1/search?q={question}"));
        let answer: Value = serde_json::from_slice(&body).unwrap();
        refs(&answer["packs"])
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    place.pack("pagerbell", "pagerbell", "1.0.0", "description: Rings\n");
    place.build();
    assert_eq!(found("rings"), ["pagerbell"]);
    place.pack("pagerbell", "pagerbell", "1.1.0", "description: Buzzes\n");
    place.run(
        &[
            "registry",
            "build",
            "packs",
            "--out",
            "tree",
            "--only",
            "packs/pagerbell",
        ],
        0,
    );
    assert_eq!(
        (found("rings"), found("buzz")),
        (vec![], vec!["pagerbell".to_owned()])
    );
    for reason in ["yank", "unyank"] {
        let before = found("chat");
        let mut args = vec!["pack", reason, "slack@2.1.0", "--tree", "tree"];
        if reason == "yank" {
            args.extend(["--reason", "broken"]);
        }
        place.run(&args, 0);
        assert_ne!(before, found("chat"), "{reason}");
    }
    place.run(&["registry", "check", "tree"], 0);
}

/// What is downloaded most comes first where that is asked for: in searches, on pages without script, and in the files of
/// the tree; a publication that is no download changes none of it.
#[test]
fn packs_are_put_into_the_order_of_downloads() {
    let place = Place::new();
    for pack in ["one", "two", "three"] {
        place.pack(pack, pack, "1.0.0", "keywords: [bulk]\n");
    }
    place.build();
    assert!(!place.path("tree/sorted").exists());
    let counted = serde_json::json!({"format": 2, "until": "2026-01-31", "packs": {
        "one": {"total": 5}, "three": {"total": 1234},
    }});
    fs::write(place.path("tree/statistics.json"), counted.to_string()).unwrap();
    place.build();
    let read = |path: &str| fs::read_to_string(place.path("tree").join(path)).unwrap();
    let order = |html: &str| -> Vec<String> {
        let links = html.split("<h3><a href=\"").skip(1);
        let refs = links.filter_map(|rest| rest.split("packs/").nth(1)?.split('/').next());
        refs.map(str::to_owned).collect()
    };
    assert_eq!(
        order(&read("sorted/downloads/index.html")),
        ["three", "one"]
    );
    let home = read("index.html");
    assert!(home.contains("href=\"sorted/downloads/index.html\""));
    assert!(home.contains("data-downloads=\"1234\"") && home.contains("value=\"downloads\""));
    let hosted = place.serve("tree");
    let page = |path: &str| String::from_utf8(hosted.get(path).2).unwrap();
    assert_eq!(
        order(&page("/search?q=bulk&sort=downloads")),
        ["three", "one", "two"]
    );
    assert!(page("/search?q=bulk").contains("href=\"search?q=bulk&amp;sort=downloads\""));
    let document: Value = serde_json::from_str(&page(
        "/api/v1/search?q=bulk&sort=downloads&limit=1&offset=1",
    ))
    .unwrap();
    assert_eq!(
        (
            document["packs"][0]["ref"].as_str(),
            document["total"].as_u64()
        ),
        (Some("one"), Some(3))
    );
    assert_eq!(hosted.get("/api/v1/search?q=bulk&sort=name").0, 400);
    // A new version is no download.
    let before = read("sorted/downloads/index.html");
    place.pack("two", "two", "1.1.0", "keywords: [bulk]\n");
    place.build();
    assert_eq!(read("sorted/downloads/index.html"), before);
    place.run(&["registry", "check", "tree"], 0);
}
