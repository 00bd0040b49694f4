//! `pack check`: a case for every rule, told with its line.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::support::{Place, project};

/// A pack with nothing to complain about.
const GOOD: &[(&str, &str)] = &[
    (
        "pack.yaml",
        "ref: demo\nversion: 1.0.0\ndescription: Shows things.\nlicense: MIT\n",
    ),
    ("README.md", "# Demo\n"),
    ("LICENSE", "MIT\n"),
    (
        "actions/run.yaml",
        "ref: demo.run\nrunner_type: shell\nentry_point: run.sh\n",
    ),
    ("actions/run.sh", "#!/bin/sh\n"),
    ("triggers/t.yaml", "ref: demo.t\n"),
];

const HEAD: &str = "ref: demo\nversion: 1.0.0\ndescription: d\nlicense: MIT\n";

/// The rule that is broken, the file that breaks it (after [`HEAD`], if it is `+pack.yaml`), what it holds, and the
/// line that tells so, after the folder.
const CASES: &[(&str, &str, &str, &str)] = &[
    (
        "manifest-missing",
        "-pack.yaml",
        "",
        "pack.yaml: error[manifest-missing] the pack has no manifest",
    ),
    (
        "manifest-invalid",
        "pack.yaml",
        "ref: demo\nversion: [1]\n",
        "pack.yaml:2: error[manifest-invalid] `version`",
    ),
    (
        "alias-conflict",
        "+pack.yaml",
        "tags: [a]\nkeywords: [b]\n",
        "pack.yaml:6: error[alias-conflict] `keywords`",
    ),
    (
        "unknown-key",
        "+pack.yaml",
        "licence: MIT\n",
        "pack.yaml:5: warning[unknown-key] `licence`",
    ),
    (
        "field-type",
        "actions/run.yaml",
        "ref: demo.run\nentry_point: run.sh\nenabled: 3\n",
        "actions/run.yaml:3: warning[field-type] `enabled`: it is a number, not a boolean",
    ),
    (
        "field-type",
        "+pack.yaml",
        "contributors: Ada\n",
        "pack.yaml:5: warning[field-type] `contributors`: it is a string, not a list of strings",
    ),
    (
        "description-missing",
        "pack.yaml",
        "ref: demo\nversion: 1.0.0\nlicense: MIT\n",
        "pack.yaml: warning[description-missing]",
    ),
    (
        "license-missing",
        "-LICENSE",
        "",
        "LICENSE: warning[license-missing]",
    ),
    (
        "license-unknown",
        "pack.yaml",
        "ref: demo\nversion: 1.0.0\ndescription: d\nlicense: mine\n",
        "pack.yaml:4: warning[license-unknown] `license`",
    ),
    (
        "readme-missing",
        "-README.md",
        "",
        "README.md: warning[readme-missing]",
    ),
    (
        "icon-unusable",
        "icon.svg",
        "<svg xmlns=\"http://www.w3.org/2000/svg\"><script/></svg>",
        "icon.svg: warning[icon-unusable] it is a drawing with `<script>`, which icons may not have",
    ),
    (
        "url-not-https",
        "+pack.yaml",
        "homepage: http://e.org\n",
        "pack.yaml:5: warning[url-not-https] `homepage`",
    ),
    (
        "url-not-https",
        "+pack.yaml",
        "meta:\n  documentation_url: http://e.org\n",
        "pack.yaml:6: warning[url-not-https] `homepage`",
    ),
    (
        "testing-invalid",
        "+pack.yaml",
        "testing:\n  runners:\n    a: {type: nose}\n",
        "pack.yaml:7: error[testing-invalid] `testing.runners.a.type`: it is `nose`, not script, unittest or pytest",
    ),
    (
        "testing-missing",
        "+pack.yaml",
        "testing:\n  runners:\n    a: {type: script, entry_point: tests/run.sh}\n",
        "pack.yaml:7: warning[testing-missing] `testing.runners.a.entry_point`: `tests/run.sh` is not among the files that are published",
    ),
    (
        "requirement-range",
        "+pack.yaml",
        "runtime_deps: ['python3>=three']\n",
        "pack.yaml:5: warning[requirement-range] `runtime_deps`: `>=three` is no range of ",
    ),
    (
        "requirement-range",
        "+pack.yaml",
        "dependencies:\n  nodejs_version: new\n",
        "pack.yaml:6: warning[requirement-range] `dependencies.nodejs_version`: `new`",
    ),
    (
        "requirements-invalid",
        "requirements.txt",
        "# all\nrequests>=2 # why\nflask=1\n",
        "requirements.txt:3: error[requirements-invalid] `flask=1` is no requirement: ",
    ),
    (
        "requirements-invalid",
        "requirements.txt",
        "-r more.txt\n",
        "requirements.txt:1: error[requirements-invalid] `more.txt` is not in the pack",
    ),
    (
        "package-json-invalid",
        "package.json",
        "{\n\"name\": }\n",
        "package.json:2: error[package-json-invalid]",
    ),
    (
        "package-json-invalid",
        "package.json",
        "{\"name\": \"My Pack\"}",
        "package.json: error[package-json-invalid] `name`: `\"My Pack\"` is no name of a package",
    ),
    (
        "package-json-invalid",
        "package.json",
        "{\"version\": \"1\"}",
        "package.json: error[package-json-invalid] `version`: `\"1\"` is no SemVer version",
    ),
    (
        "package-json-invalid",
        "package.json",
        "{\"engines\": {\"node\": \"new\"}}",
        "package.json: error[package-json-invalid] `engines.node`: `\"new\"` is no range of versions",
    ),
    (
        "component-invalid",
        "actions/run.yaml",
        "ref: [a]\n",
        "actions/run.yaml:1: error[component-invalid] `ref`",
    ),
    (
        "component-ref-missing",
        "actions/run.yaml",
        "entry_point: run.sh\n",
        "actions/run.yaml:1: warning[component-ref-missing] `ref`",
    ),
    (
        "component-ref-foreign",
        "triggers/t.yaml",
        "ref: other.t\n",
        "triggers/t.yaml:1: warning[component-ref-foreign] `ref`",
    ),
    (
        "component-duplicate",
        "triggers/u.yaml",
        "ref: demo.t\n",
        "triggers/u.yaml:1: error[component-duplicate] `ref`",
    ),
    (
        "runner-unknown",
        "actions/run.yaml",
        "ref: demo.run\nrunner_type: shel\nentry_point: run.sh\n",
        "actions/run.yaml:2: warning[runner-unknown] `runner_type`",
    ),
    (
        "file-missing",
        "actions/run.yaml",
        "ref: demo.run\nentry_point: no.sh\n",
        "actions/run.yaml:2: error[file-missing] `entry_point`",
    ),
    (
        "file-outside",
        "actions/run.yaml",
        "ref: demo.run\nentry_point: ../../x\n",
        "actions/run.yaml:2: error[file-outside] `entry_point`",
    ),
    (
        "not-executable",
        "actions/run.yaml",
        "ref: demo.run\nrunner_type: native\nentry_point: run.sh\n",
        "actions/run.yaml:3: warning[not-executable] `entry_point`",
    ),
    (
        "reference-missing",
        "rules/r.yaml",
        "ref: demo.r\ntrigger_ref: demo.none\naction_ref: demo.run\n",
        "rules/r.yaml:2: error[reference-missing] `trigger_ref`",
    ),
    (
        "reference-missing",
        "workflows/w.yaml",
        "ref: demo.w\ntasks:\n  - name: one\n    action: demo.none\n",
        "workflows/w.yaml:3: error[reference-missing] `tasks`: this pack has no `demo.none` in `actions`",
    ),
    (
        "reference-absent",
        "rules/r.yaml",
        "ref: demo.r\ntrigger_ref: demo.t\n",
        "rules/r.yaml:1: error[reference-absent] `action_ref`: the field is missing",
    ),
    (
        "parameter-type",
        "triggers/t.yaml",
        "ref: demo.t\noutput:\n  a: {type: object, properties: {b: {type: text}}}\n",
        "triggers/t.yaml:3: warning[parameter-type] `output.a.b`: `text` is no type",
    ),
    (
        "parameter-default",
        "triggers/t.yaml",
        "ref: demo.t\nparameters:\n  a: {type: array, items: {type: integer, default: x}}\n",
        "triggers/t.yaml:3: warning[parameter-default] `parameters.a.items.default`: it is a string, not of type integer",
    ),
    (
        "parameter-required",
        "triggers/t.yaml",
        "ref: demo.t\nparameters: {type: object, properties: {a: {}}, required: [b]}\n",
        "triggers/t.yaml:2: warning[parameter-required] `parameters.required`: there is no property `b`",
    ),
    (
        "parameter-required",
        "+pack.yaml",
        "conf_schema:\n  a: {required: maybe}\n",
        "pack.yaml:6: warning[parameter-required] `conf_schema.a.required`: it is a string, not a boolean",
    ),
    (
        "parameter-enum",
        "triggers/t.yaml",
        "ref: demo.t\nparameters:\n  a: {type: integer, enum: [1, two]}\n",
        "triggers/t.yaml:3: warning[parameter-enum] `parameters.a.enum`: a value is a string, not of type integer",
    ),
    (
        "parameter-enum",
        "triggers/t.yaml",
        "ref: demo.t\nparameters:\n  a: {enum: [1, 1]}\n",
        "triggers/t.yaml:3: warning[parameter-enum] `parameters.a.enum`: `1` stands there twice",
    ),
    (
        "secret-default",
        "triggers/t.yaml",
        "ref: demo.t\nparameters:\n  a: {secret: true, default: x}\n",
        "triggers/t.yaml:3: warning[secret-default] `parameters.a.default`",
    ),
    (
        "private-key",
        "key.pem",
        "-----BEGIN RSA PRIVATE KEY-----\n",
        "key.pem: error[private-key]",
    ),
    (
        "unwanted-file",
        "lib/__pycache__/a.txt",
        "x",
        "lib/__pycache__: warning[unwanted-file]",
    ),
    (
        "file-irregular",
        "@lib/link",
        "../README.md",
        "lib/link: error[file-irregular] it is a symbolic link",
    ),
    (
        "names-collide",
        "readme.MD",
        "x",
        "readme.MD: error[names-collide]",
    ),
];

fn put(place: &Place, file: &str, text: &str) {
    let (mark, name) = match file.split_at(1) {
        ("+" | "-" | "@", name) => (&file[..1], name),
        _ => ("", file),
    };
    let path = place.path("demo").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    match mark {
        "-" => fs::remove_file(path).unwrap(),
        "@" => symlink(text, path).unwrap(),
        "+" => fs::write(path, format!("{HEAD}{text}")).unwrap(),
        _ => fs::write(path, text).unwrap(),
    }
}

fn place() -> Place {
    let place = Place::new();
    for (file, text) in GOOD {
        put(&place, file, text);
    }
    place
}

/// Each breach is told with file, line, rule and field; and but for what follows from it, nothing else is.
#[test]
fn every_rule_tells_its_breach() {
    let good = place().run(&["pack", "check", "demo", "--strict"], 0);
    assert_eq!(good.stdout, "✓ Nothing to complain about\n");
    for (rule, file, text, expected) in CASES {
        let place = place();
        put(&place, file, text);
        let code = i32::from(expected.contains("error["));
        let run = place.run(&["pack", "check", "demo"], code);
        let expected = format!("demo/{expected}");
        assert!(
            run.stdout.lines().any(|line| line.starts_with(&expected)),
            "{rule}: {expected}\n{}",
            run.stdout
        );
        place.run(&["pack", "check", "demo", "--strict"], 1);
    }
    let document = fs::read_to_string(project().join("docs/pack-check.md")).unwrap();
    let documented: BTreeSet<&str> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let tried: BTreeSet<&str> = CASES.iter().map(|(rule, ..)| *rule).collect();
    assert_eq!(documented, tried);
}

/// What is right by the rules of pip, npm and YAML is not complained about.
#[test]
fn what_is_right_is_not_told() {
    let place = place();
    let requirements = "# all\nrequests[security]>=2,<3; python_version >= \"3.8\"  # why\n-r more.txt\n--index-url https://e.org/simple\nflask==1.0 \\\n    --hash=sha256:00\npip @ https://e.org/pip.zip\n./local\ngit+https://e.org/x.git@main#egg=x\nname~=1.4\n";
    put(&place, "requirements.txt", requirements);
    put(&place, "more.txt", "attrs\n");
    let package = r#"{"name": "@org/demo", "version": "1.0.0", "engines": {"node": ">=18 <21 || ^22", "npm": "*"}, "dependencies": {"a": "^1"}}"#;
    put(&place, "package.json", package);
    put(
        &place,
        "+pack.yaml",
        "runtime_deps: ['python3>=3.9', shell, 'nodejs>=18']\ndependencies: {python_version: '>=3.9,<4', nodejs_version: '>=18', packs: [core]}\nconf_schema:\n  a: {type: object, required: [b], properties: {b: {type: string, enum: [x, y], default: x}}}\n",
    );
    put(
        &place,
        "workflows/w.yaml",
        "ref: demo.w\ntasks: [{name: one, action: demo.run}, {name: two, action: other.thing}]\n",
    );
    let run = place.run(&["pack", "check", "demo", "--strict"], 0);
    assert_eq!(run.stdout, "✓ Nothing to complain about\n");
    // What ignore rules leave out is no part of the pack.
    put(&place, "@lib/link", "../README.md");
    put(&place, ".attuneignore", "lib/link\n");
    place.run(&["pack", "check", "demo", "--strict"], 0);
}

/// The structure that SARIF 2.1.0 asks for, of a log with findings and of one without.
#[test]
fn sarif_has_the_structure_of_its_standard() {
    let place = place();
    let log = |code| {
        place
            .run(&["pack", "check", "demo", "--format", "sarif"], code)
            .json()
    };
    assert_eq!(sarif(&log(0)), 0);
    put(
        &place,
        "+pack.yaml",
        "testing: {min_pass_rate: 2}\nlicence: x\n",
    );
    put(&place, "key é.pem", "-----BEGIN RSA PRIVATE KEY-----\n");
    assert_eq!(sarif(&log(1)), 3);
}

/// The members of an object: those it must have, and those it may.
fn members(value: &Value, required: &[&str], optional: &[&str]) {
    let object = value.as_object().unwrap();
    for name in required {
        assert!(object.contains_key(*name), "{name}: {value}");
    }
    for name in object.keys() {
        let known = required.contains(&name.as_str()) || optional.contains(&name.as_str());
        assert!(known, "{name}: {value}");
    }
}

fn text(value: &Value) {
    assert!(
        value.as_str().is_some_and(|text| !text.is_empty()),
        "{value}"
    );
}

/// Holds a log against the rules of SARIF 2.1.0 (sections 3.13 to 3.58); the number of its results.
fn sarif(log: &Value) -> usize {
    members(log, &["version", "runs"], &["$schema"]);
    assert_eq!(log["version"], "2.1.0");
    assert!(
        log["$schema"]
            .as_str()
            .unwrap()
            .ends_with("sarif-schema-2.1.0.json")
    );
    let runs = log["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    let run = &runs[0];
    members(run, &["tool", "results"], &["columnKind"]);
    assert!(["utf16CodeUnits", "unicodeCodePoints"].contains(&run["columnKind"].as_str().unwrap()));
    let driver = &run["tool"]["driver"];
    members(driver, &["name", "rules"], &["version"]);
    text(&driver["name"]);
    let rules = driver["rules"].as_array().unwrap();
    let ids: BTreeSet<&str> = rules
        .iter()
        .map(|rule| rule["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), rules.len());
    for rule in rules {
        members(rule, &["id"], &["shortDescription", "defaultConfiguration"]);
        text(&rule["shortDescription"]["text"]);
        level(&rule["defaultConfiguration"]["level"]);
    }
    let results = run["results"].as_array().unwrap();
    for result in results {
        sarif_result(result, rules);
    }
    results.len()
}

/// One result, which names one of the rules.
fn sarif_result(result: &Value, rules: &[Value]) {
    members(
        result,
        &["message"],
        &["ruleId", "ruleIndex", "level", "locations"],
    );
    text(&result["message"]["text"]);
    level(&result["level"]);
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(rules[index]["id"], result["ruleId"]);
    for location in result["locations"].as_array().unwrap() {
        let place = &location["physicalLocation"];
        members(place, &["artifactLocation"], &["region"]);
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.is_ascii() && !uri.contains([' ', '\\']), "{uri}");
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
    }
}

fn level(value: &Value) {
    assert!(
        ["none", "note", "warning", "error"].contains(&value.as_str().unwrap()),
        "{value}"
    );
}
