//! The corpus of hostile texts, when `ATTUNE_TEST_HOSTILE` names the folder of its generator.
//!
//! Every `must` case must be right. A `policy` case decided otherwise stands in [`DECIDED_OTHERWISE`]
//! with its reason; a case in that list that comes out as proposed fails the test too.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use pack_format::index;
use pack_format::manifest::Manifest;
use pack_format::url_policy::UrlPolicy;
use serde::Deserialize;
use serde_json::Value;

/// Case, and why it is decided the other way.
const DECIDED_OTHERWISE: [(&str, &str); 8] = [
    (
        "tag-str-ok.pack.yaml",
        "the tag is taken; `1.0` is no SemVer version, and that is the error",
    ),
    (
        "case-twins.index.json",
        "`DEMO` is no pack ref: that entry is named and left out, `demo` stays usable",
    ),
    (
        "number-size-2p64.index.json",
        "format 1 has no sizes: an unknown member is passed over",
    ),
    (
        "number-size-neg.index.json",
        "format 1 has no sizes: an unknown member is passed over",
    ),
    (
        "checksum-04.index.json",
        "older indexes write `SHA256:`; it is read, and written in lower case",
    ),
    (
        "checksum-06.index.json",
        "older indexes carry md5; it is verified with a warning, never written",
    ),
    (
        "checksum-07.index.json",
        "older indexes carry sha1; it is verified with a warning, never written",
    ),
    (
        "checksum-missing.index.json",
        "the entry can be browsed; a source without a checksum is never installed",
    ),
];

#[derive(Deserialize)]
struct Case {
    file: String,
    kind: String,
    expect: String,
    tier: String,
    #[serde(default)]
    value: Option<Value>,
}

/// What our reader says: `Ok` with the text of a few fields, or the error.
fn judge(case: &Case, bytes: &[u8]) -> Result<Value, String> {
    if case.kind == "pack.yaml" {
        let manifest = Manifest::parse(&case.file, bytes).map_err(|e| e.to_string())?;
        return Ok(serde_json::json!({
            "ref": manifest.pack_ref.as_str(),
            "version": manifest.version.to_string(),
            "label": manifest.label,
            "author": manifest.author,
            "description": manifest.description,
        }));
    }
    let read = index::read(bytes, UrlPolicy::PUBLIC).map_err(|e| e.to_string())?;
    serde_json::to_value(&read.index).map_err(|e| e.to_string())
}

fn is_right(case: &Case, verdict: &Result<Value, String>) -> bool {
    let values_hold = |found: &Value| {
        case.value
            .as_ref()
            .and_then(Value::as_object)
            .is_none_or(|wanted| {
                wanted
                    .iter()
                    .all(|(pointer, value)| found.pointer(pointer) == Some(value))
            })
    };
    match (case.expect.as_str(), verdict) {
        // A refusal may also keep the exact text where the case names it.
        ("reject", Ok(found)) => case.value.is_some() && values_hold(found),
        ("accept", Ok(found)) => values_hold(found),
        // Pages are judged where they are made.
        ("reject", Err(_)) | ("render", _) => true,
        _ => false,
    }
}

/// Every case within two seconds, every `must` case right, every other decision explained.
#[test]
fn hostile_texts_get_their_verdicts() {
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let Some(generator) = std::env::var_os("ATTUNE_TEST_HOSTILE") else {
        println!("skipped: ATTUNE_TEST_HOSTILE is not set");
        return;
    };
    let corpus = tempfile::tempdir().unwrap();
    let script = Path::new(&generator).join("make_hostile_text.py");
    let made = Command::new("python3")
        .arg(script)
        .arg(corpus.path())
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let manifest = std::fs::read(corpus.path().join("manifest.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_slice(&manifest).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let bytes = std::fs::read(corpus.path().join(&case.file)).unwrap();
        let start = Instant::now();
        let verdict = judge(case, &bytes);
        if start.elapsed() > Duration::from_secs(2) {
            wrong.push(format!("{}: took {:?}", case.file, start.elapsed()));
        }
        let listed = DECIDED_OTHERWISE.iter().any(|(file, _)| *file == case.file);
        if is_right(case, &verdict) == (listed && case.tier == "policy") {
            wrong.push(format!(
                "{} ({}): expected {}, got {verdict:?}",
                case.file, case.tier, case.expect
            ));
        }
    }
    println!("{} texts judged, {} wrong", cases.len(), wrong.len());
    assert!(
        cases.len() >= 198 && wrong.is_empty(),
        "{}",
        wrong.join("\n")
    );
}
