//! `pack schema`: JSON Schemas for editors, held against packs that are right and files that are wrong.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pack_format::yaml::Node;
use serde_json::{Value, json};

use crate::support::{Place, project};

const KINDS: [&str; 6] = ["pack", "action", "sensor", "trigger", "rule", "workflow"];

/// The schemas in the documentation are those the command prints and writes.
#[test]
fn committed_schemas_are_those_that_are_printed() {
    let place = Place::new();
    place.run(&["pack", "schema", "--out", "made"], 0);
    for kind in KINDS {
        let printed = place.run(&["pack", "schema", kind], 0).stdout;
        let committed = project().join(format!("docs/schema/{kind}.json"));
        let committed = fs::read_to_string(&committed).unwrap_or_default();
        assert_eq!(
            committed, printed,
            "docs/schema/{kind}.json: make it again with `attune pack schema --out docs/schema`"
        );
        let made = fs::read_to_string(place.path(&format!("made/{kind}.json"))).unwrap();
        assert_eq!(made, printed);
        let schema: Value = serde_json::from_str(&printed).unwrap();
        for (key, member) in schema["properties"].as_object().unwrap() {
            assert!(
                member["description"]
                    .as_str()
                    .is_some_and(|d| !d.is_empty()),
                "{kind}: {key}"
            );
        }
    }
    assert_eq!(
        fs::read_dir(project().join("docs/schema")).unwrap().count(),
        KINDS.len()
    );
    let run = place.run(&["pack", "schema", "policy"], 2);
    assert!(
        run.stderr.contains("there are pack, action,"),
        "{}",
        run.stderr
    );
}

/// Rules whose breach a schema may see.
const OF_SHAPE: [&str; 9] = [
    "manifest-invalid",
    "component-invalid",
    "testing-invalid",
    "reference-absent",
    "field-type",
    "unknown-key",
    "parameter-type",
    "parameter-required",
    "parameter-enum",
];

/// The kind of a metadata file, by its path in the pack.
fn kind_of(path: &str) -> Option<&'static str> {
    if path == "pack.yaml" {
        return Some("pack");
    }
    let (directory, name) = path.split_once('/')?;
    let ending = Path::new(name).extension()?.to_str()?;
    let is_component = !name.contains('/') && ["yaml", "yml"].contains(&ending);
    let kind = KINDS
        .into_iter()
        .find(|kind| format!("{kind}s") == directory)?;
    is_component.then_some(kind)
}

fn row(kind: &str, name: &str, text: &[u8], valid: bool) -> Option<Value> {
    let instance = Node::parse(name, text).ok()?.to_json().ok()?;
    let schema = project().join(format!("docs/schema/{kind}.json"));
    Some(json!({"schema": schema, "name": name, "instance": instance, "valid": valid}))
}

/// A row for each metadata file of a pack that the check has nothing to say about but what no schema can see.
fn rows_of_pack(place: &Place, pack: &Path, rows: &mut Vec<Value>) {
    let mut command = place.attune(&["pack", "check", pack.to_str().unwrap(), "--json"]);
    let output = command.output().unwrap();
    let Ok(checked) = serde_json::from_slice::<Value>(&output.stdout) else {
        return;
    };
    let found = checked["diagnostics"].as_array().unwrap().iter();
    let wrong: BTreeSet<&str> = found
        .filter(|found| OF_SHAPE.contains(&found["rule"].as_str().unwrap()))
        .map(|found| found["file"].as_str().unwrap())
        .collect();
    let mut files = vec![PathBuf::from("pack.yaml")];
    for kind in KINDS {
        let Ok(entries) = fs::read_dir(pack.join(format!("{kind}s"))) else {
            continue;
        };
        files.extend(
            entries.map(|entry| PathBuf::from(format!("{kind}s")).join(entry.unwrap().file_name())),
        );
    }
    for file in files {
        let path = file.to_str().unwrap();
        let Some(kind) = kind_of(path).filter(|_| !wrong.contains(path)) else {
            continue;
        };
        let name = format!("{}/{path}", pack.display());
        let text = fs::read(pack.join(&file)).unwrap();
        rows.push(row(kind, &name, &text, true).unwrap_or_else(|| panic!("{name}")));
    }
}

/// Files that the check refuses or warns of, and editors too.
const WRONG: [(&str, &str); 22] = [
    ("pack", "ref: demo\n"),
    ("pack", "version: 1.0.0\n"),
    ("pack", "ref: Demo\nversion: 1.0.0\n"),
    ("pack", "name: A Demo\nversion: 1.0.0\n"),
    ("pack", "ref: demo\nversion: 1.0\n"),
    ("pack", "ref: demo\nversion: 0.1.2.3.4\n"),
    ("pack", "ref: demo\nversion: 1.0.0\nlicence: MIT\n"),
    ("pack", "ref: demo\nversion: 1.0.0\ntags: chat\n"),
    (
        "pack",
        "ref: demo\nversion: 1.0.0\ndependencies: [core=0.2.0]\n",
    ),
    (
        "pack",
        "ref: demo\nversion: 1.0.0\ndependencies: {packs: [Core]}\n",
    ),
    (
        "pack",
        "ref: demo\nversion: 1.0.0\ntesting: {min_pass_rate: 2}\n",
    ),
    (
        "pack",
        "ref: demo\nversion: 1.0.0\ntesting: {runners: {a: {type: nose}}}\n",
    ),
    (
        "pack",
        "ref: demo\nversion: 1.0.0\nconf_schema: {a: {type: text}}\n",
    ),
    ("pack", "ref: demo\nversion: 1.0.0\nconf_schema: [a]\n"),
    ("action", "ref: demo.a\nenabled: 3\n"),
    (
        "action",
        "ref: demo.a\nparameters: {a: {type: string, required: maybe}}\n",
    ),
    (
        "action",
        "ref: demo.a\nparameters: {type: object, properties: {a: {enum: []}}}\n",
    ),
    ("action", "ref: demo.a\nentrypoint: a.py\n"),
    ("sensor", "ref: demo.s\ntrigger_types: demo.t\n"),
    ("trigger", "ref: demo.t\noutput: [a]\n"),
    ("rule", "ref: demo.r\ntrigger_ref: demo.t\n"),
    ("workflow", "ref: demo.w\ntasks: first\n"),
];

/// Whether there is a validator; if not the test says so, and fails where everything must run.
#[expect(clippy::print_stdout, reason = "a test says that it is skipped")]
pub(crate) fn has_validator() -> bool {
    let python = Command::new("python3")
        .args(["-c", "import jsonschema"])
        .output();
    if !python.is_ok_and(|output| output.status.success()) {
        #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
        let everything = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!everything, "there is no python3 with jsonschema");
        println!("skipped: there is no python3 with jsonschema");
        return false;
    }
    true
}

/// A row for each file of [`WRONG`], which the check does not take either.
fn wrong_rows(place: &Place) -> Vec<Value> {
    let mut rows = Vec::new();
    for (i, (kind, text)) in WRONG.iter().enumerate() {
        let pack = place.path(&format!("wrong-{i}"));
        fs::create_dir(&pack).unwrap();
        let file = if *kind == "pack" {
            "pack.yaml".to_owned()
        } else {
            format!("{kind}s/x.yaml")
        };
        fs::write(pack.join("pack.yaml"), "ref: demo\nversion: 1.0.0\n").unwrap();
        fs::create_dir_all(pack.join(&file).parent().unwrap()).unwrap();
        fs::write(pack.join(&file), text).unwrap();
        let mut good = Vec::new();
        rows_of_pack(place, &pack, &mut good);
        assert!(
            good.iter()
                .all(|row| !row["name"].as_str().unwrap().ends_with(&file)),
            "the check takes {text}"
        );
        rows.push(row(kind, text, text.as_bytes(), false).unwrap());
    }
    rows
}

/// A validator of somebody else's accepts what the check accepts, and refuses what it refuses.
#[test]
fn schemas_agree_with_the_check() {
    if !has_validator() {
        return;
    }
    let place = Place::new();
    let mut rows = wrong_rows(&place);
    let refused = rows.len();
    let mut folders = vec![project().join("registry-example/packs")];
    folders.extend(
        crate::support::material("ATTUNE_TEST_REAL_PACKS").map(|folder| folder.join("packs")),
    );
    for folder in folders {
        for entry in fs::read_dir(folder).unwrap() {
            let pack = entry.unwrap().path();
            if pack.is_dir() {
                rows_of_pack(&place, &pack, &mut rows);
            }
        }
    }
    for runner in ["python", "shell", "nodejs"] {
        place.run(
            &[
                "pack",
                "init",
                runner,
                "--ref",
                "demo",
                "--runner",
                runner,
                "--with",
                "sensor,rule,workflow,trigger",
            ],
            0,
        );
        rows_of_pack(&place, &place.path(runner), &mut rows);
    }
    assert!(rows.len() > refused + 40, "{}", rows.len());
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    fs::write(place.path("rows.jsonl"), lines.join("\n")).unwrap();
    let output = Command::new("python3")
        .arg(project().join("tests/oracle/schema.py"))
        .arg(place.path("rows.jsonl"))
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// What `pack init` writes names the schemas that it wrote, which are not published.
#[test]
fn begun_packs_name_their_schemas() {
    let place = Place::new();
    place.run(
        &[
            "pack",
            "init",
            "demo",
            "--with",
            "sensor,rule,workflow,trigger",
        ],
        0,
    );
    for (file, schema) in [
        ("pack.yaml", "pack"),
        ("actions/hello.yaml", "action"),
        ("sensors/clock.yaml", "sensor"),
        ("triggers/ticked.yaml", "trigger"),
        ("rules/hello_on_tick.yaml", "rule"),
        ("workflows/hello_twice.yaml", "workflow"),
    ] {
        let path = place.path("demo").join(file);
        let text = fs::read_to_string(&path).unwrap();
        let first = text.lines().next().unwrap();
        let named = first
            .strip_prefix("# yaml-language-server: $schema=")
            .unwrap();
        let named = fs::read_to_string(path.parent().unwrap().join(named)).unwrap();
        assert_eq!(named, place.run(&["pack", "schema", schema], 0).stdout);
    }
    let listed = place.run(&["pack", "archive", "demo", "--list"], 0).stdout;
    assert!(!listed.contains(".schema"), "{listed}");
}
