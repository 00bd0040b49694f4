//! The README's first command.

use crate::support::{Place, project};

/// Builds the example registry, hosts it, and installs a pack with what it needs.
#[test]
fn demo_installs_a_pack_with_its_dependencies() {
    let place = Place::new();
    let packs = project().join("registry-example/packs");
    let run = place.run(
        &[
            "demo",
            "--exit",
            "--dir",
            "demo",
            "--packs",
            packs.to_str().unwrap(),
        ],
        0,
    );
    assert!(
        run.stdout.contains("3. Installing `monitoring` from it"),
        "{run:?}"
    );
    for pack in ["core", "slack", "monitoring"] {
        assert!(
            place
                .path("demo/packs")
                .join(pack)
                .join("pack.yaml")
                .is_file(),
            "{pack}: {run:?}"
        );
    }
}

/// Programs get one document about the whole demonstration.
#[test]
fn demo_prints_one_document() {
    let place = Place::new();
    let packs = project().join("registry-example/packs");
    let run = place.run(
        &[
            "demo",
            "--exit",
            "--json",
            "--dir",
            "demo",
            "--packs",
            packs.to_str().unwrap(),
        ],
        0,
    );
    let report = run.json();
    assert_eq!(report["tree"], "demo/registry");
    assert!(
        report["url"].as_str().unwrap().starts_with("http://"),
        "{report}"
    );
    let mut refs: Vec<&str> = report["packs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pack| pack["ref"].as_str().unwrap())
        .collect();
    refs.sort_unstable();
    assert_eq!(refs, ["core", "monitoring", "slack"]);
}

/// A machine without Python runs the demonstration all the same, and is told what the packs will miss.
#[test]
fn demo_needs_no_runtime() {
    let place = Place::new();
    let packs = project().join("registry-example/packs");
    let args = [
        "demo",
        "--exit",
        "--dir",
        "demo",
        "--packs",
        packs.to_str().unwrap(),
    ];
    let output = place
        .attune(&args)
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("needs Python `>=3.9`; this host has none"),
        "{said}"
    );
    assert!(place.path("demo/packs/monitoring/pack.yaml").is_file());
}
