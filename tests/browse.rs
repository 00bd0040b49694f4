//! The browse pages of a built and served registry.

use std::collections::BTreeSet;
use std::fs;

use registry_pages::links;

use crate::support::git::Repository;
use crate::support::{Hosted, Place, snapshot};

/// Packs that share categories, keywords and authors; one of them with two versions.
fn tree() -> Place {
    let place = Place::new();
    let chat = "description: Sends messages\nauthor: Chat & Sons\nkeywords: [chat, C++, 日本語]\nmeta: {category: Messaging}\n";
    place.pack("slack", "slack", "1.0.0", chat);
    place.pack(
        "irc",
        "irc",
        "0.1.0",
        "author: chat  sons\nkeywords: [chat]\n",
    );
    place.build();
    place.pack("slack", "slack", "1.1.0", chat);
    let action = "ref: slack.run\nrunner_type: shell\nentry_point: run.sh\nparameters:\n  to: {type: string, required: true}\n";
    fs::write(place.path("packs/slack/actions/run.yaml"), action).unwrap();
    place.run(
        &[
            "registry",
            "build",
            "packs",
            "--out",
            "tree",
            "--base-url",
            "https://packs.example.org/r/",
        ],
        0,
    );
    place
}

/// Follows every link from the start page that stays on the host.
fn walk(hosted: &Hosted) -> BTreeSet<String> {
    let base = url::Url::parse(&hosted.url).unwrap();
    let mut seen = BTreeSet::from(["/".to_owned()]);
    let mut waiting = vec!["/".to_owned()];
    while let Some(path) = waiting.pop() {
        let (status, head, body) = hosted.get(&path);
        assert_eq!(status, 200, "{path}");
        if !head.to_lowercase().contains("content-type: text/html") {
            continue;
        }
        let here = base.join(&path).unwrap();
        for link in links(&String::from_utf8(body).unwrap()) {
            let target = here.join(&link.target).unwrap();
            let query = target.query().map_or_else(String::new, |q| format!("?{q}"));
            let address = format!("{}{query}", target.path());
            if target.host_str() == base.host_str()
                && target.port() == base.port()
                && seen.insert(address.clone())
            {
                waiting.push(address);
            }
        }
    }
    seen
}

/// Every link of every served page leads somewhere, and every page is linked.
#[test]
fn every_page_is_reached_and_no_link_is_broken() {
    let place = tree();
    let seen = walk(&place.serve("tree"));
    let pages = snapshot(&place.path("tree"));
    let pages = pages.keys().filter(|path| path.ends_with("index.html"));
    // Nothing but a form or a script leads to them.
    let hidden = ["search/index.html", "source/index.html", "index.html"];
    for page in pages.filter(|page| !hidden.contains(&page.as_str())) {
        assert!(seen.contains(&format!("/{page}")), "{page} in {seen:?}");
    }
    place.run(&["registry", "check", "tree"], 0);
}

/// Packs stand in the lists of their category, keywords and author, and leave them with what they no longer say.
#[test]
fn lists_follow_what_packs_say() {
    let place = tree();
    let page = |path: &str| fs::read_to_string(place.path("tree").join(path)).unwrap();
    let both = page("keywords/chat/index.html");
    assert!(both.contains("packs/slack/index.html") && both.contains("packs/irc/index.html"));
    let author = page("authors/chat-sons/index.html");
    assert!(author.contains("packs/slack/index.html") && author.contains("packs/irc/index.html"));
    assert!(page("categories/messaging/index.html").contains("packs/slack/"));
    assert_eq!(
        fs::read_dir(place.path("tree/keywords")).unwrap().count(),
        3
    );
    place.pack(
        "slack",
        "slack",
        "1.2.0",
        "author: Other\nkeywords: [mail]\n",
    );
    place.run(
        &[
            "registry",
            "build",
            "packs",
            "--out",
            "tree",
            "--only",
            "packs/slack",
        ],
        0,
    );
    assert!(!page("keywords/chat/index.html").contains("packs/slack/"));
    assert!(!place.path("tree/categories/messaging").exists());
    let left: BTreeSet<_> = fs::read_dir(place.path("tree/keywords"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, BTreeSet::from(["chat".to_owned(), "mail".to_owned()]));
    place.run(&["registry", "check", "tree"], 0);
    let before = snapshot(&place.path("tree"));
    place.run(&["registry", "build", "packs", "--out", "tree"], 0);
    assert_eq!(before, snapshot(&place.path("tree")));
}

/// A list that becomes short loses its twins, which would say what it no longer says.
#[test]
fn short_lists_have_no_twins() {
    let place = Place::new();
    for number in 0..30 {
        let name = format!("p{number}");
        place.pack(
            &name,
            &name,
            "1.0.0",
            "keywords: [many]\ndescription: One of many packs with a keyword\n",
        );
    }
    place.build();
    let page = place.path("tree/keywords/many/index.html");
    let twin = page.with_extension("html.gz");
    assert!(page.exists() && twin.exists());
    for number in 0..29 {
        let name = format!("p{number}");
        place.pack(&name, &name, "1.0.1", "");
    }
    place.build();
    assert!(page.exists() && !twin.exists());
    place.run(&["registry", "check", "tree"], 0);
}

/// A lost list is made again by the next build.
#[test]
fn lost_lists_are_made_again() {
    let place = tree();
    let before = snapshot(&place.path("tree"));
    fs::remove_dir_all(place.path("tree/keywords")).unwrap();
    fs::remove_file(place.path("tree/search/packs/0.json")).unwrap();
    place.run(
        &[
            "registry",
            "build",
            "packs",
            "--out",
            "tree",
            "--base-url",
            "https://packs.example.org/r/",
        ],
        0,
    );
    assert_eq!(before, snapshot(&place.path("tree")));
}

/// What a version breaks is said in the table of versions and on the page of changes.
#[test]
fn versions_say_what_they_break() {
    let place = tree();
    let page = fs::read_to_string(place.path("tree/packs/slack/index.html")).unwrap();
    assert!(
        page.contains(
            "changes/index.html#v-1.1.0\">1 breaking</a> <span class=\"tag warn\">undeclared</span>"
        ),
        "{page}"
    );
    let changes = fs::read_to_string(place.path("tree/packs/slack/changes/index.html")).unwrap();
    assert!(
        changes.contains("id=\"v-1.1.0\"") && changes.contains("2.0.0"),
        "{changes}"
    );
    assert!(changes.contains("<code>to</code>"), "{changes}");
    assert!(!place.path("tree/packs/irc/changes").exists());
}

/// Feeds, badges, search description and map, as other programs read them.
#[test]
fn other_programs_are_served() {
    let place = tree();
    let hosted = place.serve("tree");
    let get = |path: &str, media_type: &str| {
        let (status, head, body) = hosted.get(path);
        assert_eq!(status, 200, "{path}");
        assert!(head.contains(media_type), "{path}: {head}");
        String::from_utf8(body).unwrap()
    };
    let feed = get("/packs/slack/feed.atom", "application/atom+xml");
    assert_eq!(feed.matches("<entry>").count(), 2, "{feed}");
    assert!(feed.contains("<name>Chat &amp; Sons</name>"), "{feed}");
    assert!(feed.contains("<id>urn:attune:pack:slack:1.1.0</id>"));
    assert_eq!(
        get("/feed.atom", "application/atom+xml")
            .matches("<entry>")
            .count(),
        2
    );
    let badge = get("/packs/slack/badge.svg", "image/svg+xml");
    assert!(badge.contains(">1.1.0</text>"), "{badge}");
    let search = get("/opensearch.xml", "application/xml");
    assert!(
        search
            .contains("template=\"https://packs.example.org/r/search/index.html?q={searchTerms}\""),
        "{search}"
    );
    let map = get("/sitemap.xml", "application/xml");
    assert!(
        map.contains("<loc>https://packs.example.org/r/packs/slack/</loc>"),
        "{map}"
    );
    place.run(
        &[
            "pack",
            "yank",
            "slack@1.1.0",
            "--tree",
            "tree",
            "--reason",
            "broken",
        ],
        0,
    );
    place.run(
        &[
            "pack",
            "deprecate",
            "irc",
            "--tree",
            "tree",
            "--reason",
            "old",
        ],
        0,
    );
    assert!(get("/packs/slack/badge.svg", "svg").contains(">1.0.0</text>"));
    assert!(get("/packs/irc/badge.svg", "svg").contains(">deprecated</text>"));
    assert!(get("/packs/slack/feed.atom", "atom").contains("Yanked. broken"));
}

/// A server compares any two versions, for people and for programs; what is not there is said.
#[test]
fn server_compares_any_two_versions() {
    let place = tree();
    let hosted = place.serve("tree");
    let (status, _, page) = hosted.get("/packs/slack/diff?from=1.0.0&to=1.1.0");
    let page = String::from_utf8(page).unwrap();
    assert_eq!(status, 200, "{page}");
    assert!(
        page.contains("1 breaking") && page.contains("<option selected>1.0.0</option>"),
        "{page}"
    );
    let json = |query: &str, code: u16| -> serde_json::Value {
        let (status, _, body) = hosted.get(&format!("/api/v1/packs/slack/diff?{query}"));
        assert_eq!(status, code, "{query}");
        serde_json::from_slice(&body).unwrap()
    };
    let diff = json("from=1.1.0&to=1.0.0", 200);
    assert_eq!(
        (&diff["from"], &diff["to"]),
        (&"1.1.0".into(), &"1.0.0".into())
    );
    assert!(!diff["changes"].as_array().unwrap().is_empty());
    assert_eq!(
        json("from=1.0.0&to=9.0.0", 404)["message"],
        "`slack` has no version `9.0.0`; it has 1.1.0, 1.0.0"
    );
    assert_eq!(
        json("from=1.0.0", 400)["message"],
        "`to` must be a version, such as `1.2.3`"
    );
    assert_eq!(hosted.get("/packs/nobody/diff?from=1.0.0&to=1.0.0").0, 404);
}

/// A server shows the files of any version out of its archive, as text and nothing else; what is not there is said.
#[test]
fn server_shows_files_of_packs() {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    let file = |name: &str, content: &[u8]| {
        fs::write(place.path("packs/slack").join(name), content).unwrap();
    };
    file(
        "odd name&.py",
        b"print(1) # <b>\n\n<script>alert(1)</script>\n",
    );
    file("icon.bin", b"\x89PNG\0\xff");
    file("long.txt", &b"0123456789\n".repeat(30_000));
    place.build();
    let before = snapshot(&place.path("tree"));
    let hosted = place.serve("tree");
    let page = |query: &str, code: u16| {
        let (status, head, body) = hosted.get(&format!("/source?{query}"));
        assert_eq!(status, code, "{query}");
        assert!(code != 200 || head.contains("default-src 'none'"), "{head}");
        String::from_utf8(body).unwrap()
    };
    let all = page("pack=slack", 200);
    assert!(
        all.contains("href=\"?pack=slack&amp;version=1.0.0&amp;file=actions%2Frun.sh\""),
        "{all}"
    );
    assert!(all.contains("6 files"), "{all}");
    let one = page("pack=slack&version=1.0.0&file=odd+name%26.py", 200);
    assert!(
        one.contains("<a id=\"L3\" href=\"#L3\">3</a>&lt;script&gt;alert(1)&lt;/script&gt;\n"),
        "{one}"
    );
    assert!(page("pack=slack&file=icon.bin", 200).contains("no text"));
    assert!(page("pack=slack&file=long.txt", 200).contains("too large"));
    for (query, code) in [
        ("pack=slack&file=../pack.yaml", 404),
        ("pack=slack&file=actions", 404),
        ("pack=slack&version=9.0.0", 404),
        ("pack=nobody", 404),
        ("pack=..%2Fslack", 400),
        ("", 400),
    ] {
        page(query, code);
    }
    assert_eq!(before, snapshot(&place.path("tree")));
    // An archive that is damaged is not shown.
    let archive = place.path("tree/archives/slack/slack-1.0.0.tar.gz");
    let mut bytes = fs::read(&archive).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&archive, bytes).unwrap();
    assert!(page("pack=slack", 404).contains("cannot be read"));
}

/// Pages say how far a version can be trusted: that nothing is signed, who published it, from which commit.
#[test]
fn pages_say_where_a_version_comes_from() {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    let repository = Repository::new(place.path("packs/slack"));
    let commit = repository.commit();
    let remote = "https://github.com/acme/slack.git";
    repository.git(&["remote", "add", "origin", remote]);
    repository.git(&["update-ref", "refs/remotes/origin/main", &commit]);
    place.pack("irc", "irc", "1.0.0", "");
    place.build();
    let page = |pack: &str| {
        fs::read_to_string(place.path(&format!("tree/packs/{pack}/index.html"))).unwrap()
    };
    let slack = page("slack");
    let href = format!("https://github.com/acme/slack/tree/{commit}");
    assert!(slack.matches(&href).count() >= 3, "{slack}");
    assert!(slack.contains("not signed") && slack.contains("by a build of this registry"));
    for way in [
        "way-registry",
        "way-git",
        "way-archive",
        "way-offline",
        "way-api",
    ] {
        assert!(slack.contains(&format!("id=\"{way}\"")), "{way}");
    }
    assert!(page("irc").contains("No commit of a repository is recorded."));
    let about = fs::read_to_string(place.path("tree/about/index.html")).unwrap();
    assert!(
        about.contains("id=\"feeds\"") && about.contains("id=\"api\""),
        "{about}"
    );
}

/// A pack that leaves its author and keyword takes their pages with it, whether a build looks at it alone or not.
#[test]
fn pages_of_groups_without_packs_are_removed() {
    let place = Place::new();
    let pack = |version: &str, author: &str, keyword: &str| {
        place.pack(
            "a",
            "a",
            version,
            &format!("author: {author}\nkeywords: [{keyword}]\n"),
        );
    };
    let has = |path: &str| place.path("tree").join(path).exists();
    pack("1.0.0", "Ann", "red");
    place.build();
    assert!(has("authors/ann/index.html") && has("keywords/red/index.html"));
    pack("1.1.0", "Zoe", "blue");
    let build = [
        "registry", "build", "packs", "--out", "tree", "--only", "packs/a",
    ];
    place.run(&build, 0);
    assert!(has("authors/zoe/index.html") && has("keywords/blue/index.html"));
    assert!(!has("authors/ann") && !has("keywords/red"));
    let yank = ["pack", "yank", "a@1.1.0", "--tree", "tree", "--reason", "x"];
    place.run(&yank, 0);
    assert!(has("authors/ann/index.html") && !has("authors/zoe"));
    place.run(&["registry", "check", "tree"], 0);
}
