//! Verifying: every kind of damage is named, and nothing else.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::support::{Home, Pack, TestRegistry};

fn home() -> Home {
    let registry = TestRegistry::with(&[Pack::new("slack", "2.1.0"), Pack::new("core", "1.0.0")]);
    let home = Home::new().registry(&registry.url());
    home.install(&["slack", "core"]).unwrap();
    home
}

/// The problems of `slack` after `damage` in its directory.
fn problems(damage: impl FnOnce(&Path)) -> Vec<String> {
    let home = home();
    damage(&fs::canonicalize(home.base.join("slack")).unwrap());
    let reports = home.installer("").verify(&[]).unwrap();
    assert!(reports[0].problems.is_empty(), "{reports:?}");
    reports[1]
        .problems
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// One row per kind of damage.
#[test]
fn every_kind_of_damage_is_named() {
    assert!(problems(|_| {}).is_empty());
    assert_eq!(
        problems(|d| fs::write(d.join("README.md"), "# slacK\n").unwrap()),
        ["changed: README.md"]
    );
    assert_eq!(
        problems(|d| fs::write(d.join("README.md"), "").unwrap()),
        ["changed: README.md"]
    );
    assert_eq!(
        problems(|d| fs::remove_file(d.join("pack.yaml")).unwrap()),
        ["missing: pack.yaml"]
    );
    assert_eq!(
        problems(|d| fs::remove_dir_all(d.join("actions")).unwrap()),
        ["missing: actions/run.sh"]
    );
    assert_eq!(
        problems(|d| fs::write(d.join("actions/x.pyc"), "").unwrap()),
        ["extra file: actions/x.pyc"]
    );
    assert_eq!(
        problems(|d| symlink("/etc", d.join("etc")).unwrap()),
        ["extra link: etc"]
    );
    assert_eq!(
        problems(|d| fs::create_dir(d.join(".git")).unwrap()),
        ["extra git directory: .git"]
    );
    let mode = |bits| {
        move |d: &Path| {
            fs::set_permissions(d.join("actions/run.sh"), fs::Permissions::from_mode(bits))
                .unwrap();
        }
    };
    assert_eq!(
        problems(mode(0o644)),
        ["mode 644 instead of 755: actions/run.sh"]
    );
    assert_eq!(
        problems(mode(0o777)),
        ["mode 777 instead of 755: actions/run.sh"]
    );
    assert_eq!(
        problems(|d| {
            fs::remove_file(d.join("README.md")).unwrap();
            fs::write(d.join("pack.yaml"), "ref: x").unwrap();
        }),
        ["missing: README.md", "changed: pack.yaml"]
    );
}

/// Links, trees and listings count too.
#[test]
fn damage_around_the_tree_is_named() {
    let home = home();
    fs::remove_file(home.base.join("slack")).unwrap();
    let report = home
        .installer("")
        .verify(&["slack".parse().unwrap()])
        .unwrap();
    assert!(
        report[0].problems[0]
            .to_string()
            .starts_with("not a link to .attune/current/slack")
    );

    let home = self::home();
    let tree = fs::canonicalize(home.base.join("slack")).unwrap();
    fs::write(tree.join("README.md"), "edited").unwrap();
    fs::remove_dir_all(home.base.join(".attune/listings")).unwrap();
    let report = home
        .installer("")
        .verify(&["slack".parse().unwrap()])
        .unwrap();
    assert!(
        report[0].problems[0]
            .to_string()
            .starts_with("contents differ: expected sha256:")
    );

    let home = self::home();
    fs::remove_dir_all(fs::canonicalize(home.base.join("slack")).unwrap()).unwrap();
    let report = home
        .installer("")
        .verify(&["slack".parse().unwrap()])
        .unwrap();
    assert!(
        report[0].problems[0]
            .to_string()
            .starts_with("missing tree: ")
    );
    assert!(
        home.installer("")
            .verify(&["nowhere".parse().unwrap()])
            .is_err()
    );
}
