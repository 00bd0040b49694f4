//! The command lines of the design documents that concern checksums and indexes, as they stand there.
//!
//! They run in a shell; only the paths and the host of an archive are those of the test.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::index::{conforming, entry, index};
use crate::support::{Place, path_with_attune};

/// Runs a script with `attune` on its search path.
fn shell(place: &Place, directory: &str, script: &str) -> Output {
    let mut command = place.attune(&[]);
    let mut shell = Command::new("bash");
    shell
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(place.path(directory))
        .env_clear()
        .envs(
            command
                .env("PATH", path_with_attune())
                .get_envs()
                .filter_map(|(k, v)| Some((k, v?))),
        );
    shell.output().unwrap()
}

#[track_caller]
fn runs(place: &Place, directory: &str, script: &str) -> String {
    let done = shell(place, directory, script);
    assert!(done.status.success(), "{script}\n{done:?}");
    String::from_utf8(done.stdout).unwrap()
}

fn read(place: &Place, file: &str) -> Value {
    conforming(&fs::read(place.path(file)).unwrap())
}

/// "Tool 1", "Example 2" and the publishing workflow.
#[test]
fn documented_updates_run() {
    let place = Place::new();
    place.pack("my-pack", "my-pack", "1.2.0", "");
    place.build();
    fs::create_dir(place.path("registry")).unwrap();
    fs::write(place.path("registry/index.json"), index("R", &[])).unwrap();
    let hosted = place.serve("tree");
    let archive = format!("{}archives/my-pack/my-pack-1.2.0.tar.gz", hosted.url);
    let root = place.path("");
    let root = root.display();
    let example = format!(
        "# Add pack to registry
attune pack index-update \\
  --index {root}/registry/index.json \\
  {root}/packs/my-pack \\
  --git-url https://github.com/myorg/my-pack \\
  --git-ref v1.2.0 \\
  --archive-url {archive}
"
    );
    runs(&place, "", &example);
    place.pack("my-pack", "my-pack", "1.2.1", "");
    let second = format!(
        "# Update existing pack entry
attune pack index-update \\
  --index {root}/registry/index.json \\
  {root}/packs/my-pack \\
  --git-url https://github.com/myorg/my-pack \\
  --git-ref v1.2.1 \\
  --update
"
    );
    runs(&place, "", &second);
    let index = read(&place, "registry/index.json");
    assert_eq!(index["packs"][0]["install_sources"][0]["ref"], "v1.2.1");
    place.build();
    let archive = archive.replace("1.2.0", "1.2.1");
    let tool = format!(
        "attune pack index-update \\
  --index {root}/registry/index.json \\
  {root}/packs/my-pack \\
  --git-url https://github.com/org/pack \\
  --git-ref v1.0.0 \\
  --archive-url {archive} \\
  --update
"
    );
    runs(&place, "", &tool);
}

/// The workflow that publishes a pack from its own checkout, with the registry cloned inside of it.
#[test]
fn documented_workflow_runs() {
    let place = Place::new();
    place.pack("my-pack", "my-pack", "1.0.0", "");
    fs::create_dir(place.path("packs/my-pack/registry")).unwrap();
    let file = "packs/my-pack/registry/index.json";
    fs::write(place.path(file), index("R", &[])).unwrap();
    // Where jq is not installed, what the pipe gives it is looked at instead.
    let checksum = runs(
        &place,
        "packs/my-pack",
        "CHECKSUM=$(attune pack checksum . --json | (command -v jq >/dev/null && jq -r '.checksum' || sed -n 's/.*\"checksum\": \"\\(.*\\)\".*/\\1/p'))
echo \"checksum=$CHECKSUM\"
",
    );
    assert!(
        checksum.starts_with("checksum=sha256:") && checksum.len() == 81,
        "{checksum}"
    );
    let update = "attune pack index-update \\
  --index registry/index.json \\
  . \\
  --git-url \"https://github.com/org/my-pack\" \\
  --git-ref \"v1.0.0\" \\
  --update
";
    runs(&place, "packs/my-pack", update);
    let index = read(&place, file);
    assert_eq!(index["packs"][0]["ref"], "my-pack");
    // The clone changes with every update; the pack does not.
    let listed = &index["packs"][0]["install_sources"][0]["checksum"];
    fs::rename(place.path("packs/my-pack/registry"), place.path("registry")).unwrap();
    let alone = place
        .run(&["pack", "checksum", "packs/my-pack", "--json"], 0)
        .json();
    assert_eq!(*listed, alone["checksum"]);
}

/// "Tool 2" and "Example 3", with the numbers under it.
#[test]
fn documented_merges_run() {
    let place = Place::new();
    for (i, refs) in [
        ("registry1", ["a", "b"]),
        ("registry2", ["b", "c"]),
        ("registry3", ["c", "d"]),
    ] {
        fs::create_dir(place.path(i)).unwrap();
        let entries = refs.map(|name| entry(name, "1.0.0", "https://example.org/x"));
        fs::write(place.path(&format!("{i}/index.json")), index(i, &entries)).unwrap();
    }
    fs::rename(place.path("registry3"), place.path("community-registry")).unwrap();
    let example = "# Merge registries
attune pack index-merge \\
  --output merged-index.json \\
  registry1/index.json \\
  registry2/index.json \\
  community-registry/index.json
";
    let printed = runs(&place, "", example);
    assert!(
        printed.ends_with(
            "✓ Merged 3 index files into merged-index.json\n  Total packs loaded: 6\n  Unique packs: 4\n  Duplicates resolved: 2\n"
        ),
        "{printed}"
    );
    fs::rename(place.path("community-registry"), place.path("registry3")).unwrap();
    let tool = "attune pack index-merge \\
  --output merged-index.json \\
  registry1/index.json \\
  registry2/index.json \\
  registry3/index.json \\
  --force
";
    runs(&place, "", tool);
    assert_eq!(
        read(&place, "merged-index.json")["packs"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
}
