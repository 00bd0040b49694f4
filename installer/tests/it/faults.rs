//! Faults: each step of a change fails in turn, the disk is full, another process is in the way.

use std::fs;
use std::sync::mpsc;
use std::time::Duration;

use attune_installer::{
    ChangeSettings, Classify as _, Dependents, DetectOptions, Failpoints, FailureClass, Fault,
    InstallRequest, Installer, Mismatch, RollbackTarget, Source, Step,
};
use pack_format::{Hint as _, Timestamp};

use crate::support::home::chain;
use crate::support::{Home, Pack, TestRegistry};

fn registry() -> TestRegistry {
    TestRegistry::with(&[
        Pack::new("slack", "2.0.0"),
        Pack::new("slack", "2.1.0"),
        Pack::new("core", "1.0.0"),
    ])
}

fn stop_at(step: Step, fault: Fault) -> Failpoints {
    Failpoints::new(move |at| (at == step).then_some(fault))
}

/// Everything a reader sees: links that lead somewhere, and what they lead to.
fn seen(home: &Home) -> Vec<Option<String>> {
    ["slack/actions/run.sh", "core/actions/run.sh"]
        .map(|path| home.read(path))
        .to_vec()
}

/// Runs `change` stopped at every step in turn, both ways, from the same beginning.
fn stopped_everywhere(change: impl Fn(&Home) -> bool) {
    let registry = registry();
    for fault in [Fault::Fail, Fault::Abandon] {
        for step in Step::ALL {
            let mut home = Home::new().registry(&registry.url());
            home.install(&["slack@2.0.0"]).unwrap();
            let before = (home.snapshot(), home.packs(), seen(&home));
            home.failpoints = stop_at(step, fault);
            let done = change(&home);
            home.failpoints = Failpoints::default();
            home.verify_clean();
            if step < Step::Switched && !done {
                assert_eq!(
                    (home.packs(), seen(&home)),
                    (before.1, before.2),
                    "{step:?} {fault:?}"
                );
                if fault == Fault::Fail {
                    assert_eq!(home.snapshot(), before.0, "{step:?}");
                }
            }
            assert!(change(&home) || done, "{step:?} {fault:?} did not heal");
            home.verify_clean();
            let staging = fs::read_dir(home.base.join(".attune/staging")).unwrap();
            assert_eq!(staging.count(), 0, "{step:?} {fault:?}");
            let state = home.installer("").list().unwrap();
            let generations = fs::read_dir(home.base.join(".attune/generations"))
                .unwrap()
                .count();
            assert_eq!(generations as u64, state.generation);
        }
    }
}

/// An upgrade with a new pack: the old state or the new one, and the next run heals.
#[test]
fn install_stopped_at_any_step_leaves_old_or_new() {
    stopped_everywhere(|home| home.install(&["slack", "core"]).is_ok());
}

/// The same for going back and taking away.
#[test]
fn rollback_and_uninstall_stopped_at_any_step_leave_old_or_new() {
    stopped_everywhere(|home| {
        let target = RollbackTarget::Generation(1);
        home.install(&["slack"]).is_ok() && home.installer("").rollback(&target).is_ok()
    });
    stopped_everywhere(|home| {
        let slack = "slack".parse().unwrap();
        let gone = home.installer("").uninstall(&[slack], Dependents::Refuse);
        gone.is_ok() || home.packs().is_empty()
    });
}

/// A first installation that fails leaves no pack and no generation.
#[test]
fn first_installation_that_fails_leaves_an_empty_directory() {
    let registry = registry();
    for step in Step::ALL.into_iter().filter(|step| *step < Step::Switched) {
        let mut home = Home::new().registry(&registry.url());
        home.failpoints = stop_at(step, Fault::Fail);
        home.install(&["slack"]).unwrap_err();
        assert!(home.packs().is_empty());
        let left: Vec<String> = home
            .snapshot()
            .into_iter()
            .filter(|(_, content)| !content.starts_with("directory"))
            .map(|(path, _)| path)
            .collect();
        assert!(left.is_empty(), "{step:?}: {left:?}");
    }
}

/// The second process waits for the first, or gives up, naming it.
#[test]
fn second_process_waits_or_gives_up() {
    let registry = registry();
    let mut first = Home::new().registry(&registry.url());
    let (held, is_held) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    first.failpoints = Failpoints::new(move |step| {
        if step == Step::Locked {
            held.send(()).unwrap();
            released.lock().unwrap().recv().unwrap();
        }
        None
    });
    let mut second = Home::at(first.base.clone()).registry(&registry.url());
    second.lock_timeout = Duration::ZERO;
    std::thread::scope(|scope| {
        let installing = scope.spawn(|| first.install(&["slack"]).map(|r| r.generation));
        is_held.recv().unwrap();
        let error = second.install(&["core"]).unwrap_err();
        assert_eq!(error.class(), FailureClass::Busy);
        assert!(error.to_string().contains("pack install slack"), "{error}");
        assert!(error.hint().unwrap().contains("wait"));
        // Reading needs no lock.
        assert!(second.packs().is_empty());
        release.send(()).unwrap();
        assert_eq!(installing.join().unwrap().unwrap(), Some(1));
    });
    second.install(&["core"]).unwrap();
    assert_eq!(second.packs(), ["core@1.0.0", "slack@2.1.0"]);
}

/// Many at once: each gets its turn, and everything is there in the end.
#[test]
fn many_processes_install_one_after_the_other() {
    let packs: Vec<Pack> = (0..8)
        .map(|i| Pack::new(&format!("p{i}"), "1.0.0"))
        .collect();
    let registry = TestRegistry::with(&packs);
    let home = Home::new();
    std::thread::scope(|scope| {
        for pack in &packs {
            let one = Home::at(home.base.clone()).registry(&registry.url());
            scope.spawn(move || one.install(&[&pack.name]).unwrap());
        }
    });
    assert_eq!(home.packs().len(), packs.len());
    assert_eq!(home.installer("").list().unwrap().generation, 8);
    home.verify_clean();
}

/// A disk of every size: all or nothing, the error names the cause, and with space it works.
#[test]
fn full_disk_installs_all_or_nothing() {
    let disk = tempfile::tempdir().unwrap();
    let mounted = |size: &str, option: &str| {
        std::process::Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size}{option}"),
                "tmpfs",
            ])
            .arg(disk.path())
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if !mounted("64k", "") {
        println!("skipped: mounting a small file system needs root");
        return;
    }
    let unmount = Unmount(disk.path().to_owned());
    let big = "x".repeat(40 * 1024);
    let registry = TestRegistry::with(&[
        Pack::new("slack", "2.0.0").file("big.txt", false, &big),
        Pack::new("core", "1.0.0").file("big.txt", false, &big),
    ]);
    let mut installed = 0;
    for kib in (16..=256).step_by(16) {
        assert!(mounted(&format!("{kib}k"), ",remount"));
        let home = Home::at(disk.path().join("packs")).registry(&registry.url());
        match home.install(&["slack", "core"]) {
            Ok(_) => {
                assert_eq!(home.packs(), ["core@1.0.0", "slack@2.0.0"]);
                installed += 1;
            }
            Err(error) => {
                assert!(installed == 0 && home.packs().is_empty());
                assert!(chain(&error).contains("No space left"), "{}", chain(&error));
            }
        }
        home.verify_clean();
    }
    assert!(installed > 0);
    assert!(mounted("256k", ",remount,ro"));
    let home = Home::at(disk.path().join("packs")).registry(&registry.url());
    home.installer("")
        .uninstall(&["core".parse().unwrap()], Dependents::Refuse)
        .unwrap_err();
    assert_eq!(home.packs().len(), 2);
    drop(unmount);
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).output();
    }
}

/// A repair that stops anywhere leaves each pack damaged or mended, and the next one finishes.
#[test]
fn repair_stops_anywhere() {
    let registry = registry();
    for fault in [Fault::Fail, Fault::Abandon] {
        for step in Step::ALL {
            let mut home = Home::new().registry(&registry.url());
            home.install(&["slack", "core"]).unwrap();
            let good = home.snapshot();
            for name in ["slack", "core"] {
                let tree = fs::canonicalize(home.base.join(name)).unwrap();
                fs::write(tree.join("actions/run.sh"), "edited").unwrap();
            }
            let whole = |seen: Option<String>| seen.is_some_and(|text| !text.is_empty());
            home.failpoints = stop_at(step, fault);
            let stopped = home.installer("").repair(&[], &home.registries());
            assert_eq!(stopped.is_err(), step <= Step::Stored, "{step:?} {fault:?}");
            assert!(seen(&home).into_iter().all(whole), "{step:?} {fault:?}");
            home.failpoints = Failpoints::default();
            let report = home.installer("").repair(&[], &home.registries()).unwrap();
            assert!(report.packs.iter().all(|pack| pack.remaining.is_empty()));
            assert_eq!(home.snapshot(), good, "{step:?} {fault:?}");
        }
    }
}

/// A directory that was to give way to the link of its pack does so with the next change, whatever that is; one that holds
/// something else stays.
#[test]
fn adoption_that_was_cut_off_is_finished() {
    let registry = registry();
    let directory = |home: &Home, pack: &Pack| {
        pack.write(&home.base.join("slack"));
        assert!(home.base.join("slack").symlink_metadata().unwrap().is_dir());
    };
    let adopt = |home: &Home, failpoints: Failpoints| {
        let mut settings = ChangeSettings::new(Timestamp::from_unix(home.now), "tester", "test");
        settings.failpoints = failpoints;
        let installer = Installer::new(&home.base, settings, &home.log);
        let source = home.base.join("slack").display().to_string();
        let request = InstallRequest {
            sources: vec![Source::detect(&source, &DetectOptions::default()).unwrap()],
            checksum: None,
            dependencies: home.dependencies,
            replace: home.replace,
            mismatch: Mismatch::Refuse,
        };
        installer
            .adopting("slack".parse().unwrap())
            .install(&request, &home.registries())
    };
    let home = Home::new().registry(&registry.url());
    let pack = Pack::new("slack", "2.0.0");
    directory(&home, &pack);
    adopt(&home, stop_at(Step::Switched, Fault::Abandon)).unwrap_err();
    let link = home.base.join("slack");
    assert_eq!(home.packs(), ["slack@2.0.0"]);
    assert!(link.symlink_metadata().unwrap().is_dir());

    home.install(&["core"]).unwrap();

    assert!(link.is_symlink());
    home.verify_clean();
    assert_eq!(home.packs(), ["core@1.0.0", "slack@2.0.0"]);

    // Whatever else lies there is somebody's.
    fs::remove_file(&link).unwrap();
    directory(&home, &pack.file("notes.txt", false, "mine"));
    let before = home.snapshot();
    let error = home.install(&["core@1.0.0", "slack@2.1.0"]).unwrap_err();
    assert!(chain(&error).contains("slack"), "{}", chain(&error));
    assert_eq!(home.snapshot(), before);
    assert_eq!(home.read("slack/notes.txt").as_deref(), Some("mine"));
}
