//! `pack check`: findings in every form.

use std::fs;

use crate::support::{Place, project};

/// A pack that is wrong in many ways.
fn wrong() -> Place {
    let place = Place::new();
    place.pack(
        "bad",
        "bad",
        "1.0.0",
        "licence: MIT\nhomepage: http://example.org/\ntesting: {min_pass_rate: 2}\n",
    );
    let root = place.path("packs/bad");
    fs::write(
        root.join("actions/send.yaml"),
        "ref: other.send\nrunner_type: pyhton\nentry_point: send.py\nparameters:\n  n: {type: integer, default: many}\n",
    )
    .unwrap();
    fs::write(
        root.join("actions/out.yaml"),
        "ref: bad.out\nentry_point: ../../x.sh\n",
    )
    .unwrap();
    fs::write(root.join("actions/broken.yaml"), "ref: [\n").unwrap();
    fs::create_dir(root.join("rules")).unwrap();
    fs::write(
        root.join("rules/r.yaml"),
        "ref: bad.r\ntrigger_ref: bad.none\naction_ref: bad.run\n",
    )
    .unwrap();
    fs::write(root.join("key.pem"), "-----BEGIN RSA PRIVATE KEY-----\nx\n").unwrap();
    place
}

/// Everything is told, each with file, line, rule and field, and the check fails.
#[test]
fn check_tells_all_that_is_wrong() {
    let place = wrong();
    let run = place.run(&["pack", "check", "packs/bad"], 1);
    for expected in [
        "packs/bad/pack.yaml:5: warning[unknown-key] `licence`: nobody reads the key `licence`\n    did you mean `license`?\n",
        "packs/bad/pack.yaml:6: warning[url-not-https] `homepage`: `http://example.org/` is no https URL\n",
        "packs/bad/pack.yaml:7: error[testing-invalid] `testing.min_pass_rate`: it is `2`, not a number from 0 to 1\n",
        "packs/bad/actions/send.yaml:1: warning[component-ref-foreign] `ref`: `other.send` does not start with `bad.`\n",
        "packs/bad/actions/send.yaml:2: warning[runner-unknown] `runner_type`: no runner is called `pyhton`\n    did you mean `python`?\n",
        "packs/bad/actions/send.yaml:3: error[file-missing] `entry_point`: `actions/send.py` is not in the pack\n",
        "packs/bad/actions/send.yaml:5: warning[parameter-default]",
        "packs/bad/actions/out.yaml:2: error[file-outside] `entry_point`: `../../x.sh` lies outside the pack\n",
        "packs/bad/actions/broken.yaml",
        "packs/bad/rules/r.yaml:2: error[reference-missing] `trigger_ref`: this pack has no `bad.none` in `triggers`\n",
        "packs/bad/key.pem: error[private-key] it holds a private key\n",
        "packs/bad/README.md: warning[readme-missing]",
    ] {
        assert!(run.stdout.contains(expected), "{expected}\n{}", run.stdout);
    }
    assert!(
        run.stderr.starts_with("error: `packs/bad`: "),
        "{}",
        run.stderr
    );
}

/// The document for programs holds the same findings.
#[test]
fn check_prints_one_document() {
    let place = wrong();
    let document = place
        .run(&["pack", "check", "packs/bad", "--json"], 1)
        .json();
    assert_eq!(document["ok"], false);
    let all = document["diagnostics"].as_array().unwrap();
    let errors = all.iter().filter(|d| d["severity"] == "error").count();
    assert_eq!(document["errors"], errors);
    assert_eq!(document["warnings"], all.len() - errors);
}

/// Code hosts find rule, level, file and line of each finding.
#[test]
fn check_prints_sarif() {
    let place = wrong();
    let log = place
        .run(&["pack", "check", "packs/bad", "--format", "sarif"], 1)
        .json();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let location = &result["locations"][0]["physicalLocation"];
        let uri = location["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.starts_with("packs/bad/"), "{uri}");
        assert!(location["region"]["startLine"].as_u64().unwrap() > 0);
    }
    let other = place.run(&["pack", "list", "--format", "sarif"], 2);
    assert!(
        other.stderr.contains("only `pack check`"),
        "{}",
        other.stderr
    );
}

/// The example packs pass, and `--strict` fails for a warning that is fine without it.
#[test]
fn check_passes_what_is_right() {
    let place = Place::new();
    let packs = project().join("registry-example/packs");
    for entry in fs::read_dir(packs).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let run = place.run(&["pack", "check", path.to_str().unwrap(), "--strict"], 0);
            assert_eq!(run.stdout, "✓ Nothing to complain about\n");
        }
    }
    place.pack("bare", "bare", "1.0.0", "");
    place.run(&["pack", "check", "packs/bare"], 0);
    let strict = place.run(&["pack", "check", "packs/bare", "--strict"], 1);
    assert!(
        strict.stderr.contains("without `--strict`"),
        "{}",
        strict.stderr
    );
}

/// An archive is checked like its directory, without paths that lead nowhere.
#[test]
fn check_reads_archives() {
    let place = Place::new();
    place.pack("bare", "bare", "1.0.0", "");
    place.build();
    let archive = "tree/archives/bare/bare-1.0.0.tar.gz";
    let run = place.run(&["pack", "check", archive], 0);
    assert!(
        run.stdout.contains("\nREADME.md: warning[readme-missing]"),
        "{}",
        run.stdout
    );
    let run = place.run(&["pack", "check", "nothing"], 1);
    assert!(
        run.stderr.contains("cannot read `nothing`"),
        "{}",
        run.stderr
    );
}

/// Real packs, which lie there without their scripts: in one that is valid, nothing but those is an error.
#[test]
fn check_has_no_false_errors() {
    let Some(folder) = crate::support::material("ATTUNE_TEST_REAL_PACKS") else {
        return;
    };
    let place = Place::new();
    for pack in fs::read_dir(folder.join("packs")).unwrap() {
        let path = pack.unwrap().path();
        // Broken on purpose.
        if path.to_string_lossy().contains("st2fix-") {
            continue;
        }
        let args = ["pack", "check", "--json", path.to_str().unwrap()];
        let output = place.attune(&args).output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        for found in document["diagnostics"].as_array().unwrap() {
            let message = found["message"].as_str().unwrap();
            assert!(
                found["severity"] == "warning" || message.ends_with("is not in the pack"),
                "{}: {found}",
                path.display()
            );
            assert_ne!(found["rule"], "component-ref-missing", "{}", path.display());
        }
    }
}
