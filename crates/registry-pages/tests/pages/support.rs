//! Samples for tests and for the preview: a pack with everything, and a registry full of others.

use std::collections::{BTreeMap, BTreeSet};

use pack_format::documents::{PackDocument, RegistryDocument};
use pack_format::{PackRef, Timestamp};
use registry_pages::{FileRow, Site};
use serde_json::{Value, json};

/// README of the pack with everything.
pub(crate) const README: &str = include_str!("fixtures/everything.md");

/// The pack that has everything.
pub(crate) fn everything() -> PackDocument {
    serde_json::from_str(include_str!("fixtures/everything.json"))
        .expect("the fixture is a document")
}

/// Files of the pack that has everything.
pub(crate) fn files() -> Vec<FileRow> {
    [
        ("LICENSE", 11_357, false),
        ("README.md", 2_140, false),
        ("actions/noop.sh", 180, true),
        ("actions/send_message.py", 4_211, false),
        ("actions/send_message.yaml", 1_402, false),
        ("pack.yaml", 911, false),
        ("requirements.txt", 42, false),
        ("rules/ask_for_help.yaml", 301, false),
        ("sensors/message_listener.py", 6_004, false),
        ("triggers/message.yaml", 610, false),
    ]
    .map(|(path, size_bytes, executable)| FileRow {
        path: path.to_owned(),
        size_bytes,
        executable,
    })
    .to_vec()
}

/// A registry hosted at an address of its own.
pub(crate) fn site(packs: u64) -> Site {
    Site {
        registry: RegistryDocument {
            format: 2,
            name: "Example Packs".to_owned(),
            description: "Packs for Attune, checked and signed by the platform team.".to_owned(),
            url: None,
            archive_base_url: "./".to_owned(),
            updated_at: time("2026-01-20T09:30:00Z"),
            pack_count: packs,
            version_count: packs * 4,
            component_counts: BTreeMap::from([
                ("actions".to_owned(), 9_839),
                ("sensors".to_owned(), 86),
            ]),
            capabilities: Vec::new(),
        },
        base_url: Some("https://packs.example.org/registry/".to_owned()),
        install_registry_hint: None,
    }
}

/// An instant.
pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// One line of a sample pack.
pub(crate) struct Line {
    pub(crate) pack_ref: &'static str,
    pub(crate) label: &'static str,
    pub(crate) category: &'static str,
    pub(crate) runtime: &'static str,
    pub(crate) license: &'static str,
    pub(crate) description: &'static str,
}

const fn line(text: [&'static str; 6]) -> Line {
    let [pack_ref, label, category, runtime, license, description] = text;
    Line {
        pack_ref,
        label,
        category,
        runtime,
        license,
        description,
    }
}

/// Packs beside the one with everything, among them awkward ones.
pub(crate) const LINES: [Line; 12] = [
    line([
        "core",
        "Core",
        "system",
        "shell",
        "Apache-2.0",
        "Basic actions, timers and utilities every other pack builds on.",
    ]),
    line([
        "jira",
        "Jira",
        "integration",
        "python",
        "Apache-2.0",
        "Actions and polling events for Jira Cloud and Jira Server.",
    ]),
    line([
        "aws",
        "AWS",
        "cloud",
        "python",
        "Apache-2.0",
        "EC2, S3, Lambda and 40 more services.",
    ]),
    line([
        "approvals",
        "Approvals",
        "workflow",
        "python",
        "MIT",
        "Ask people before something happens, and wait for their answer.",
    ]),
    line([
        "vault",
        "Vault",
        "security",
        "python",
        "Apache-2.0",
        "Read, write and renew secrets.",
    ]),
    line([
        "elasticsearch",
        "Elasticsearch",
        "data",
        "python",
        "Apache-2.0",
        "Search, index and keep indices tidy.",
    ]),
    line([
        "nodejs_example",
        "Node.js example",
        "examples",
        "nodejs",
        "MIT",
        "Shows how actions are written in JavaScript.",
    ]),
    line([
        "packer",
        "Packer",
        "infrastructure",
        "shell",
        "MPL-2.0",
        "Build machine images.",
    ]),
    line([
        "legacy_mail",
        "Mail (old)",
        "messaging",
        "python",
        "GPL-3.0-or-later",
        "Send mail through a relay.",
    ]),
    line([
        "broken",
        "Broken release",
        "integration",
        "python",
        "NOASSERTION",
        "",
    ]),
    line([
        "a-very-long-reference-that-still-fits-into-sixty-four-characters",
        "Enterprise Resource Planning Connector for Distributed Manufacturing Environments",
        "integration",
        "powershell",
        "LicenseRef-Example-Commercial-Terms-2024",
        "A pack whose label, ref and description are all rather long, so that every row, header and table of the pages has to show what it does when words do not fit on the line that was meant for them, on phones as well as on desks.",
    ]),
    line([
        "preview",
        "Preview only",
        "",
        "go>=1.22",
        "BSD-3-Clause",
        "Only a pre-release so far.",
    ]),
];

/// The document of a line.
pub(crate) fn document(line: &Line, index: usize) -> PackDocument {
    let digest = format!("sha256:{index:064x}");
    let version = |version: &str, day: usize| {
        json!({
            "version": version, "published_at": format!("2025-{:02}-{:02}T08:00:00Z", 1 + index % 12, day),
            "label": line.label, "description": line.description, "author": "Attune Community",
            "license": line.license, "keywords": ["sample"],
            "runtime_deps": [line.runtime],
            "archive": {"path": format!("archives/{0}/{0}-{version}.tar.gz", line.pack_ref), "checksum": digest, "size_bytes": 20_000 + index},
            "tree": digest, "store_key": digest, "file_count": 12, "unpacked_bytes": 64_000,
            "components": {"actions": actions(index % 7)},
            "meta": {"category": line.category},
        })
    };
    let mut document = json!({
        "format": 2, "ref": line.pack_ref,
        "versions": [version("1.2.0", 20), version("1.1.0", 3)],
    });
    match line.pack_ref {
        "legacy_mail" => {
            document["deprecated"] = json!({"reason": "The relay protocol it speaks is switched off in June 2026.", "successor": "slack"});
        }
        "broken" => {
            for version in document["versions"].as_array_mut().expect("a list") {
                version["yanked"] = json!({"reason": "Deletes the project it should archive.", "at": "2025-12-01T00:00:00Z"});
            }
        }
        "preview" => document["versions"] = json!([version("0.1.0-alpha.2", 4)]),
        _ => {}
    }
    serde_json::from_value(document).expect("a sample is a document")
}

fn actions(count: usize) -> Vec<Value> {
    let action = |i: usize| {
        json!({"name": format!("action_{i}"), "description": "Does one thing.", "runner_type": "python",
        "parameters": [{"name": "target", "type": "string", "required": true, "description": "What to work on."}]})
    };
    (0..count).map(action).collect()
}

/// The pack with everything and the others, sorted by ref.
pub(crate) fn documents() -> Vec<PackDocument> {
    let mut all: Vec<_> = LINES
        .iter()
        .enumerate()
        .map(|(i, line)| document(line, i))
        .collect();
    all.push(everything());
    all.sort_by(|a, b| a.pack_ref.cmp(&b.pack_ref));
    all
}

/// The refs of `documents`.
pub(crate) fn refs(documents: &[PackDocument]) -> BTreeSet<PackRef> {
    documents.iter().map(|d| d.pack_ref.clone()).collect()
}
