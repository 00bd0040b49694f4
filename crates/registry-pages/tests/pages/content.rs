//! What a visitor of a pack page reads: commands, facts, components, history, digests.

use std::collections::BTreeSet;

use pack_format::documents::PackDocument;
use registry_pages::{PackPage, Renderer, Site};

use crate::support;

fn page(site: &Site, document: &PackDocument) -> String {
    let files = support::files();
    let rich = document.pack_ref.as_str() == "slack";
    let page = PackPage {
        document,
        readme_markdown: rich.then_some(support::README),
        files: rich.then_some(&files),
        dependents: &[],
        listed: &support::refs(&support::documents()),
    };
    String::from_utf8(Renderer::new().unwrap().pack(site, &page).unwrap()).unwrap()
}

fn sample(pack_ref: &str) -> String {
    let documents = support::documents();
    let document = documents
        .iter()
        .find(|d| d.pack_ref.as_str() == pack_ref)
        .unwrap();
    page(&support::site(1), document)
}

#[track_caller]
fn assert_has(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "missing: {part}");
    }
}

/// Three ways to install, each pinned.
#[test]
fn install_box_has_pinned_commands() {
    assert_has(
        &sample("slack"),
        &[
            "<code>attune pack install slack@2.1.0</code>",
            "<code>attune pack install https://git.example.org/packs/mono.git --ref 4f1c0de2b7a94d7c8f63e0b5a1d2c3e4f5a6b7c8 --subdir packs/slack --checksum sha256:",
            "<code>attune pack install https://packs.example.org/registry/archives/slack/slack-2.1.0.tar.gz --checksum sha256:",
            "href=\"../../archives/slack/slack-2.1.0.tar.gz\"",
        ],
    );
}

/// Without an address of the registry the archive command names the downloaded file.
#[test]
fn archive_command_works_without_an_address() {
    let mut site = support::site(1);
    site.base_url = None;
    site.install_registry_hint = Some("https://packs.example.org/index.json".to_owned());
    assert_has(
        &page(&site, &support::everything()),
        &[
            "attune pack install ./slack-2.1.0.tar.gz --checksum sha256:",
            "attune pack install slack@2.1.0 --registry https://packs.example.org/index.json",
        ],
    );
}

/// Parameters with their facts; a secret keeps its default to itself.
#[test]
fn components_have_their_tables() {
    let html = sample("slack");
    assert_has(
        &html,
        &[
            "id=\"action-send_message\"",
            "<caption>Parameters</caption>",
            "<caption>Output</caption>",
            "<caption>Payload</caption>",
            "<code>channel</code> <span class=\"need\">required</span>",
            "<span class=\"secret\">secret</span>",
            "<code>fail</code>, <code>warn</code>, <code>ignore</code>",
            "such as <code>#general</code>",
            "attune action execute slack.send_message \\\n  --param channel=CHANNEL",
            "--json &#39;{&quot;action_ref&quot;:&quot;slack.send_message&quot;",
            "href=\"#trigger-message\"",
            "href=\"#workflow-open_ticket\"",
            "href=\"../core/index.html#trigger-crontimer\"",
            "<caption>Tasks</caption>",
            "How it fits together",
            "bot_token: &quot;&lt;secret&gt;&quot;",
        ],
    );
    let mut document = support::everything();
    document.versions[1].configuration[0].default = Some("hunter2".into());
    assert!(!page(&support::site(1), &document).contains("hunter2"));
}

/// History, requirements, digests and the commands that check them.
#[test]
fn page_says_what_to_trust() {
    let html = sample("slack");
    let document = support::everything();
    let version = document.newest().unwrap();
    assert_has(
        &html,
        &[
            "id=\"v-2.0.1\"",
            "Sends every message twice",
            "<time datetime=\"2026-01-12T14:05:09Z\">12 Jan 2026</time>",
            "<span class=\"tag\">pre-release</span>",
            "Python ≥ 3.9",
            "1,543",
            "41 KB archive",
            "attune pack verify slack",
            "sha256sum --check",
            &version.tree.unwrap().to_string(),
            &version.archive.as_ref().unwrap().checksum.to_string(),
            "../../packs/slack.json",
        ],
    );
}

/// Deprecated, yanked and unfinished packs say so before anything else.
#[test]
fn banners_come_first() {
    let mail = sample("legacy_mail");
    assert_has(
        &mail,
        &[
            "Deprecated.",
            "Use <a href=\"../slack/index.html\">slack</a> instead",
        ],
    );
    assert!(mail.find("Deprecated.") < mail.find("<h1"));
    assert_has(
        &sample("broken"),
        &["Yanked.", "Deletes the project it should archive."],
    );
    assert_has(&sample("preview"), &["Pre-release.", "0.1.0-alpha.2"]);
}

/// Dependencies outside the registry are named, not linked.
#[test]
fn unknown_packs_are_not_linked() {
    let document = support::everything();
    let listed = BTreeSet::new();
    let page = PackPage {
        document: &document,
        readme_markdown: None,
        files: None,
        dependents: &[],
        listed: &listed,
    };
    let html = String::from_utf8(
        Renderer::new()
            .unwrap()
            .pack(&support::site(1), &page)
            .unwrap(),
    )
    .unwrap();
    assert!(!html.contains("../core/index.html"));
    assert_has(
        &html,
        &["<code>core</code>", "No pack of this registry needs it."],
    );
}

/// A document without versions is an error that names the pack.
#[test]
fn document_without_versions_is_refused() {
    let mut document = support::everything();
    document.versions.clear();
    let listed = BTreeSet::new();
    let page = PackPage {
        document: &document,
        readme_markdown: None,
        files: None,
        dependents: &[],
        listed: &listed,
    };
    let error = Renderer::new()
        .unwrap()
        .pack(&support::site(1), &page)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the document of `slack` lists no version"
    );
}

/// A yanked version is never resolved, so the page does not offer the command that would ask for it.
#[test]
fn yanked_pack_offers_no_registry_install() {
    let html = sample("broken");
    assert!(!html.contains("attune pack install broken@"));
    assert!(!html.contains("tag good"));
    assert_has(&html, &["id=\"way-archive\" checked"]);
}
