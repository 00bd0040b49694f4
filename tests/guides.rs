//! The guides in `docs/`: their commands run, and the messages they explain exist.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::git::{Repository, git_in};
use crate::support::index::index;
use crate::support::{Place, path_with_attune, project};

fn page(name: &str) -> String {
    fs::read_to_string(project().join("docs").join(name)).unwrap()
}

/// The shell blocks of a page.
fn blocks(page: &str) -> Vec<String> {
    let rest = page.split("```sh\n").skip(1);
    rest.map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

/// Runs a script with `attune` on its search path and nobody's configuration of git.
#[track_caller]
fn shell(place: &Place, directory: &str, script: &str) -> String {
    let done = Command::new("sh")
        .args(["-euc", script])
        .current_dir(place.path(directory))
        .env_clear()
        .env("PATH", path_with_attune())
        .env("HOME", place.path("home"))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([
            ("GIT_AUTHOR_NAME", "a"),
            ("GIT_AUTHOR_EMAIL", "a@example.org"),
            ("GIT_COMMITTER_NAME", "a"),
            ("GIT_COMMITTER_EMAIL", "a@example.org"),
        ])
        .env("ATTUNE__PACKS_BASE_DIR", place.path("installed"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{script}\n{said}");
    String::from_utf8(done.stdout).unwrap()
}

/// A pack repository `my-pack` with an origin, and a bare `registry.git` with an empty index.
fn team() -> Place {
    let place = Place::new();
    let pack = Repository::new(place.path("my-pack"));
    pack.pack("", "my-pack", "1.2.0");
    let manifest = "ref: my-pack\nlabel: My Pack\ndescription: d\nversion: \"1.2.0\"\nauthor: a\nlicense: MIT\nrepository: https://github.com/myorg/my-pack\n";
    fs::write(pack.path.join("pack.yaml"), manifest).unwrap();
    fs::write(pack.path.join("README.md"), "# My Pack\n").unwrap();
    fs::write(pack.path.join("LICENSE"), "MIT\n").unwrap();
    let action = "ref: my-pack.run\ndescription: d\nrunner_type: shell\nentry_point: run.sh\n";
    fs::write(pack.path.join("actions/run.yaml"), action).unwrap();
    pack.commit();
    git_in(
        &place.path(""),
        &["clone", "-q", "--bare", "my-pack", "my-pack.git"],
    );
    pack.git(&["remote", "add", "origin", "../my-pack.git"]);
    let registry = Repository::new(place.path("registry"));
    fs::write(registry.path.join("index.json"), index("R", &[])).unwrap();
    registry.commit();
    git_in(
        &place.path(""),
        &["clone", "-q", "--bare", "registry", "registry.git"],
    );
    place
}

/// The script of "By hand", with the test's own repository in place of the one it names.
#[test]
fn publishing_by_hand_works_as_written() {
    let place = team();
    let page = page("publishing.md");
    let script = blocks(&page)
        .into_iter()
        .find(|b| b.contains("sh publish.sh"))
        .unwrap();
    let bare = place.path("registry.git");
    let ours = script.replace("git@github.com:myorg/registry.git", bare.to_str().unwrap());
    assert_ne!(ours, script);
    shell(&place, "my-pack", &ours);
    let text = git_in(&bare, &["show", "HEAD:index.json"]);
    let index: serde_json::Value = serde_json::from_str(&text).unwrap();
    let source = &index["packs"][0]["install_sources"][0];
    assert_eq!(
        (&source["type"], &source["ref"]),
        (&"git".into(), &"v1.2.0".into())
    );
    let tree = place
        .run(&["pack", "checksum", "my-pack", "--json"], 0)
        .json();
    assert_eq!(source["checksum"], tree["checksum"]);
    assert_eq!(git_in(&place.path("my-pack.git"), &["tag"]), "v1.2.0");
}

/// "With an archive", and "Before" once there is something to compare with.
#[test]
fn publishing_an_archive_works_as_written() {
    let place = team();
    let page = page("publishing.md");
    let archive = blocks(&page)
        .into_iter()
        .find(|b| b.contains("--archive-file"))
        .unwrap();
    shell(&place, "my-pack", &archive);
    let text = fs::read_to_string(place.path("registry/index.json")).unwrap();
    assert!(
        text.contains("releases/download/v1.2.0/my-pack-1.2.0.tar.gz"),
        "{text}"
    );
    let before = blocks(&page)
        .into_iter()
        .find(|b| b.contains("--fail-on undeclared"))
        .unwrap();
    place.run(&["registry", "build", "my-pack", "--out", "tree"], 0);
    let compared = before.replace("my-pack@latest .", "my-pack@latest . --registry ../tree");
    assert_ne!(before, compared);
    shell(&place, "my-pack", &compared);
}

/// "As a static tree" and "Taking back", with a hosted tree of the test.
#[test]
fn publishing_a_tree_works_as_written() {
    let place = Place::new();
    place.pack("my-pack", "my-pack", "1.2.0", "");
    place.pack("chat", "chat", "1.0.0", "");
    let page = page("publishing.md");
    let build = blocks(&page)
        .into_iter()
        .find(|b| b.contains("registry build packs"))
        .unwrap();
    let (first, compare) = build.split_once("attune registry diff").unwrap();
    shell(&place, "", first);
    let hosted = place.serve("public");
    let compare =
        format!("attune registry diff{compare}").replace("https://packs.example.org/", &hosted.url);
    shell(&place, "", &compare);
    let install = blocks(&page)
        .into_iter()
        .find(|b| b.contains("pack install"))
        .unwrap();
    shell(
        &place,
        "",
        &install.replace("https://packs.example.org/", &hosted.url),
    );
    let back = blocks(&page)
        .into_iter()
        .find(|b| b.contains("pack yank") && b.contains("--tree"))
        .unwrap();
    shell(&place, "", &back);
    let document = fs::read_to_string(place.path("public/packs/my-pack.json")).unwrap();
    assert!(document.contains("loses messages"), "{document}");
    assert!(document.contains("\"successor\":\"chat\""), "{document}");
}

/// "To a registry that is served", from the token to the curl command, with a hosted tree of the test.
#[test]
fn publishing_to_a_server_works_as_written() {
    let place = team();
    place.pack("other", "other", "1.0.0", "");
    place.run(&["registry", "build", "packs", "--out", "public"], 0);
    let create = "registry token create --tree public --scope publish,yank --user ann";
    let create: Vec<&str> = create.split(' ').collect();
    let token = place.run(&create, 0).stdout;
    let hosted = place.serve("public");
    let page = page("publishing.md");
    for part in ["pack owner list", "curl -T"] {
        let block = blocks(&page)
            .into_iter()
            .find(|b| b.contains(part))
            .unwrap();
        let ours = block.replace("https://packs.example.org/", &hosted.url);
        assert_ne!(ours, block);
        let script = format!("export ATTUNE_TOKEN={}\n{ours}", token.trim());
        let said = shell(&place, "my-pack", &script);
        assert!(
            said.contains("ann") || said.contains("\"created\":false"),
            "{said}"
        );
    }
    let document = fs::read_to_string(place.path("public/packs/my-pack.json")).unwrap();
    assert!(document.contains("cuts long messages"), "{document}");
}

/// Every message of the page is one that the program, or a step of CI, can print.
#[test]
fn messages_of_troubleshooting_exist() {
    let mut texts = Vec::new();
    for folder in ["crates", "indexer", "installer", "server", "cli"] {
        sources(&project().join(folder), "rs", &mut texts);
    }
    sources(&project().join("templates/ci"), "sh", &mut texts);
    let known: Vec<String> = texts.iter().map(|text| literal(text)).collect();
    let page = page("troubleshooting.md");
    let messages: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ``")?.split_once("`` |"))
        .map(|(message, _)| message.trim_matches('`').trim())
        .collect();
    assert!(messages.len() > 45, "{}", messages.len());
    let unknown: Vec<&str> = messages
        .into_iter()
        // The end of a row's code may hold the closing quote of a value.
        .map(|message| message.trim_end_matches(['`', ' ', '…']))
        .filter(|message| !known.iter().any(|text| text.contains(message)))
        .collect();
    assert!(unknown.is_empty(), "no source says: {unknown:#?}");
}

/// Files below a folder that end so.
fn sources(folder: &Path, extension: &str, found: &mut Vec<String>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, extension, found);
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// A source with `…` in place of what is put into its texts, and texts that go on over lines in one.
fn literal(source: &str) -> String {
    let mut joined = String::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let mut line = line.to_owned();
        while line.ends_with('\\') {
            line.pop();
            line += lines.next().unwrap_or_default().trim_start();
        }
        joined += &line;
        joined.push('\n');
    }
    let mut out = String::new();
    let mut rest = joined.replace("\\`", "`");
    // Values of Rust are in braces, those of a shell begin with a dollar.
    rest = rest.replace("${", "{");
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '{' {
            let inner: String = chars
                .by_ref()
                .take_while(|c| *c != '}' && *c != '\n')
                .collect();
            out += if inner.is_empty() || inner.len() < 40 {
                "…"
            } else {
                " "
            };
        } else if c == '$' {
            while chars
                .peek()
                .is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_')
            {
                chars.next();
            }
            out.push('…');
        } else {
            out.push(c);
        }
    }
    out
}

/// Links between the pages lead somewhere.
#[test]
fn links_of_the_guides_lead_somewhere() {
    let docs = project().join("docs");
    let mut pages: Vec<PathBuf> = fs::read_dir(&docs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .collect();
    pages.push(project().join("README.md"));
    let mut links = 0;
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for link in text
            .split("](")
            .skip(1)
            .map(|rest| rest.split(')').next().unwrap())
        {
            if link.contains("://") || link.starts_with('#') {
                continue;
            }
            let target = page.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(target.exists(), "{}: `{link}`", page.display());
            links += 1;
        }
    }
    assert!(links > 10);
}
