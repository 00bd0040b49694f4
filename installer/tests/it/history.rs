//! Generations: going back, taking away, and what stays.

use std::fs;
use std::time::Duration;

use attune_installer::{Dependents, Retention, RollbackTarget};

use crate::support::{Home, Pack, TestRegistry};

fn registry() -> TestRegistry {
    TestRegistry::with(&[
        Pack::new("slack", "2.0.0"),
        Pack::new("slack", "2.1.0"),
        Pack::new("core", "1.0.0"),
        Pack::new("app", "1.0.0").needs("core"),
    ])
}

fn pack(name: &str) -> RollbackTarget {
    RollbackTarget::Pack(name.parse().unwrap())
}

/// A rollback is a new generation with the pack as it was; a second one undoes it.
#[test]
fn rollback_of_a_pack_brings_back_what_was_before() {
    let registry = registry();
    let home = Home::new().registry(&registry.url());
    home.install(&["slack@2.0.0"]).unwrap();
    home.install(&["slack@2.1.0"]).unwrap();
    home.install(&["core"]).unwrap();
    let report = home
        .installer("pack rollback slack")
        .rollback(&pack("slack"))
        .unwrap();
    assert_eq!(report.generation, Some(4));
    assert_eq!(report.changes[0].to_string(), "slack 2.1.0 -> 2.0.0");
    assert_eq!(home.packs(), ["core@1.0.0", "slack@2.0.0"]);
    assert_eq!(
        home.read("slack/actions/run.sh").unwrap(),
        "#!/bin/sh\necho slack 2.0.0\n"
    );
    home.installer("").rollback(&pack("slack")).unwrap();
    assert_eq!(home.packs(), ["core@1.0.0", "slack@2.1.0"]);
    home.verify_clean();
    let before = home.snapshot();
    let error = home.installer("").rollback(&pack("core")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no earlier `core` to go back to"
    );
    assert_eq!(home.snapshot(), before);
}

/// A whole generation comes back, uninstalled packs and their ids included.
#[test]
fn rollback_to_a_generation_restores_all_of_it() {
    let registry = registry();
    let home = Home::new().registry(&registry.url());
    home.install(&["slack@2.0.0", "core"]).unwrap();
    home.installer("pack uninstall core")
        .uninstall(&["core".parse().unwrap()], Dependents::Refuse)
        .unwrap();
    assert_eq!(home.packs(), ["slack@2.0.0"]);
    assert!(fs::symlink_metadata(home.base.join("core")).is_err());
    home.installer("")
        .rollback(&RollbackTarget::Generation(1))
        .unwrap();
    assert_eq!(home.packs(), ["core@1.0.0", "slack@2.0.0"]);
    home.verify_clean();
    let same = home
        .installer("")
        .rollback(&RollbackTarget::Generation(3))
        .unwrap();
    assert_eq!(same.generation, None);
    let error = home
        .installer("")
        .rollback(&RollbackTarget::Generation(9))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no generation 9; there are: 1, 2, 3"
    );
}

/// What others need stays unless told otherwise; what is not there is an error.
#[test]
fn uninstall_refuses_what_others_need() {
    let registry = registry();
    let home = Home::new().registry(&registry.url());
    home.install(&["app"]).unwrap();
    let before = home.snapshot();
    let core = ["core".parse().unwrap()];
    let error = home
        .installer("")
        .uninstall(&core, Dependents::Refuse)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "other installed packs need what would be removed\n  `app@1.0.0` needs `core`"
    );
    let error = home
        .installer("")
        .uninstall(&["slack".parse().unwrap()], Dependents::Refuse)
        .unwrap_err();
    assert_eq!(error.to_string(), "not installed: `slack`");
    assert_eq!(home.snapshot(), before);
    home.installer("")
        .uninstall(&core, Dependents::Ignore)
        .unwrap();
    assert_eq!(home.packs(), ["app@1.0.0"]);
    assert!(home.log.warnings.lock().unwrap()[0].contains("needs `core`"));
}

/// History says what each generation changed and what made it.
#[test]
fn history_lists_changes_newest_first() {
    let registry = registry();
    let home = Home::new().registry(&registry.url());
    assert!(home.installer("").history().unwrap().is_empty());
    home.install(&["slack@2.0.0"]).unwrap();
    home.install(&["slack", "core"]).unwrap();
    let history = home.installer("").history().unwrap();
    let lines: Vec<String> = history
        .iter()
        .map(|entry| {
            let changes: Vec<String> = entry.changes.iter().map(ToString::to_string).collect();
            format!(
                "{} {} [{}] {}",
                entry.generation,
                entry.command,
                changes.join(", "),
                entry.active
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "2 pack install slack core [+core@1.0.0, slack 2.0.0 -> 2.1.0] true",
            "1 pack install slack@2.0.0 [+slack@2.0.0] false"
        ]
    );
}

/// A version whose tree is in the store comes back without its archive being read.
#[test]
fn stored_version_is_installed_without_fetching() {
    let registry = registry();
    let home = Home::new().registry(&registry.url());
    home.install(&["slack@2.0.0"]).unwrap();
    home.install(&["slack@2.1.0"]).unwrap();
    fs::remove_dir_all(registry.path().join("archives")).unwrap();
    let report = home.install(&["slack@2.0.0"]).unwrap();
    assert_eq!(
        report.packs[0].record.verified.to_string(),
        "store_key (registry)"
    );
    assert_eq!(
        report.packs[0].record.tree_digest,
        Pack::new("slack", "2.0.0").digests().0
    );
    home.verify_clean();
}

/// Pruning keeps what the kept generations need, and says what can no longer be restored.
#[test]
fn prune_removes_old_generations_and_their_trees() {
    let registry = registry();
    let home = Home::new().registry(&registry.url());
    home.install(&["slack@2.0.0"]).unwrap();
    home.install(&["slack@2.1.0"]).unwrap();
    home.install(&["core"]).unwrap();
    let keep = |generations| Retention {
        generations: Some(generations),
        ..Retention::default()
    };
    let report = home.installer("").prune(&keep(3)).unwrap();
    assert_eq!((report.generations.len(), report.trees), (0, 0));
    let report = home.installer("").prune(&keep(1)).unwrap();
    assert_eq!((report.generations, report.trees), (vec![1, 2], 1));
    home.verify_clean();
    assert_eq!(
        fs::read_dir(home.base.join(".attune/store"))
            .unwrap()
            .count(),
        2
    );
    assert_eq!(
        fs::read_dir(home.base.join(".attune/listings"))
            .unwrap()
            .count(),
        2
    );
    assert!(home.installer("").rollback(&pack("slack")).is_err());
    home.install(&["slack@2.0.0"]).unwrap();
    assert_eq!(home.installer("").list().unwrap().generation, 4);
}

/// The age of a generation counts from when it was replaced; the active one is never too old.
#[test]
fn retention_counts_days_since_a_generation_was_replaced() {
    let registry = registry();
    let mut home = Home::new().registry(&registry.url());
    let day = 86_400;
    let keep = Retention {
        age: Some(Duration::from_hours(10 * 24)),
        ..Retention::default()
    };
    home.install(&["slack@2.0.0"]).unwrap();
    home.now += 100 * day;
    home.install(&["slack@2.1.0"]).unwrap();
    let report = home.installer("").prune(&keep).unwrap();
    assert!(report.generations.is_empty(), "{report:?}");
    home.now += 10 * day;
    let report = home.installer("").prune(&keep).unwrap();
    assert!(report.generations.is_empty(), "{report:?}");
    home.now += 1;
    let planned = home.installer("").prunable(&keep).unwrap();
    let report = home.installer("").prune(&keep).unwrap();
    assert_eq!((&report.generations, report.trees), (&vec![1], 1));
    assert_eq!(planned, report);
    home.now += 100 * day;
    assert!(home.installer("").prune(&keep).unwrap().is_empty());
    home.verify_clean();
}
