//! The `testing` sections of real packs, when `ATTUNE_TEST_REAL_PACKS` names their folder.

use std::fs;
use std::path::PathBuf;

use pack_format::manifest::{Manifest, RunnerKind};

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told where material is"
)]
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("ATTUNE_TEST_REAL_PACKS").map(PathBuf::from);
    let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(folder.is_some() || !ci, "ATTUNE_TEST_REAL_PACKS is not set");
    folder
}

/// Every section of a pack whose manifest is good can be followed.
#[test]
fn real_testing_sections_are_read() {
    let Some(folder) = folder() else {
        println!("skipped: ATTUNE_TEST_REAL_PACKS is not set");
        return;
    };
    let (mut sections, mut scripts) = (0, 0);
    for pack in fs::read_dir(folder.join("packs")).unwrap() {
        let Ok(bytes) = fs::read(pack.unwrap().path().join("pack.yaml")) else {
            continue;
        };
        let Ok(manifest) = Manifest::parse("pack.yaml", &bytes) else {
            continue;
        };
        let Some(testing) = manifest.testing.read().unwrap() else {
            continue;
        };
        sections += 1;
        assert!(testing.enabled && !testing.runners.is_empty());
        let kinds = testing.runners.iter().map(|runner| runner.kind);
        scripts += kinds.filter(|kind| *kind == RunnerKind::Script).count();
    }
    println!("{sections} sections, {scripts} script runners");
    assert!(sections > 0 && scripts > 0);
}
