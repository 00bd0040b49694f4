//! Many processes and one packs directory: every one is right, waits for a time that is known, and says for whom.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Place, names, snapshot};

const PACKS: usize = 8;

/// A registry of eight packs, and of `flip` in two versions that both of its files name.
fn registry() -> Place {
    let place = Place::new();
    for number in 0..PACKS {
        let name = format!("pack{number}");
        place.pack(&name, &name, "1.0.0", "");
    }
    for version in ["1.0.0", "2.0.0"] {
        let directory = format!("flip-{version}");
        place.pack(&directory, "flip", version, "");
        let run = format!("#!/bin/sh\necho {version}\n");
        fs::write(
            place.path("packs").join(directory).join("actions/run.sh"),
            run,
        )
        .unwrap();
    }
    place.build();
    place
}

impl Place {
    fn start(&self, args: &[&str]) -> Child {
        self.attune(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

/// One look at a pack as a program takes it: the tree is found once, then its files are read.
fn look(installed: &Path, pack_ref: &str) -> Result<Option<String>, String> {
    let tree = match fs::canonicalize(installed.join(pack_ref)) {
        Ok(tree) => tree,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(format!("{pack_ref}: {e}")),
    };
    let read = |name: &str| {
        fs::read_to_string(tree.join(name)).map_err(|e| format!("{pack_ref}/{name}: {e}"))
    };
    let (manifest, script, action) = (
        read("pack.yaml")?,
        read("actions/run.sh")?,
        read("actions/run.yaml")?,
    );
    let version = manifest.split('"').nth(1).unwrap_or_default().to_owned();
    let agree = pack_ref != "flip" || script.ends_with(&format!("echo {version}\n"));
    if !agree || !action.contains(pack_ref) {
        return Err(format!("{pack_ref}: {manifest}\n{script}\n{action}"));
    }
    Ok(Some(version))
}

/// Looks at every pack again and again until `done`; returns how many looks found one.
fn look_until(done: &AtomicBool, installed: &Path) -> Result<usize, String> {
    let mut refs: Vec<String> = (0..PACKS).map(|n| format!("pack{n}")).collect();
    refs.push("flip".to_owned());
    let mut found = 0;
    loop {
        let last = done.load(Ordering::Acquire);
        for pack_ref in &refs {
            found += usize::from(look(installed, pack_ref)?.is_some());
        }
        if last {
            return Ok(found);
        }
    }
}

/// Asserts that everything is as one process after the other would have left it.
#[track_caller]
fn is_consistent(place: &Place) {
    place.pack_run(&["verify"], 0);
    let private = place.installed().join(".attune");
    assert_eq!(names(private.join("staging")), Vec::<String>::new());
    let left: Vec<String> = names(private.clone());
    assert!(
        !left.iter().any(|name| name.starts_with(".new-")),
        "{left:?}"
    );
    let history = place.pack_run(&["history", "--json"], 0).json();
    let mut numbers: Vec<u64> = (history.as_array().unwrap().iter())
        .map(|entry| entry["generation"].as_u64().unwrap())
        .collect();
    numbers.reverse();
    let all: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, all);
    let mut generations = names(private.join("generations"));
    generations.sort_by_key(|name| name.parse::<u64>().unwrap());
    let expected: Vec<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!(generations, expected);
    let stored = names(private.join("store"));
    let listings: Vec<String> = stored.iter().map(|key| format!("{key}.json")).collect();
    assert_eq!(names(private.join("listings")), listings);
}

/// Fifty processes install the same and different packs, go back and forth and remove; readers see whole
/// packs all the time, and in the end everything that was asked for is there once.
#[test]
fn fifty_processes_share_a_directory() {
    let place = registry();
    let hosted = place.serve("tree");
    let done = AtomicBool::new(false);
    let installed = place.installed();
    let (outputs, looks) = thread::scope(|scope| {
        let reader = scope.spawn(|| look_until(&done, &installed));
        let children: Vec<Child> = (0..50)
            .map(|number| {
                let pack = format!("pack{}", number % PACKS);
                let flip = if number % 2 == 0 {
                    "flip@1.0.0"
                } else {
                    "flip@2.0.0"
                };
                let what = if number % 5 == 4 { flip } else { pack.as_str() };
                let mut args = vec!["pack", "install", what, "--registry", &hosted.url];
                if number % 7 == 6 {
                    args.push("--force");
                }
                place.start(&args)
            })
            .collect();
        let outputs: Vec<Output> = children
            .into_iter()
            .map(|child| child.wait_with_output().unwrap())
            .collect();
        done.store(true, Ordering::Release);
        (outputs, reader.join().unwrap())
    });
    let looks = looks.unwrap();
    assert!(looks > PACKS, "{looks}");
    let mut waited = 0;
    for output in &outputs {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        for line in said.lines() {
            let who = line
                .strip_prefix("waiting for process ")
                .unwrap_or_else(|| panic!("{said}"));
            let (pid, what) = who.split_once(' ').unwrap();
            assert!(pid.parse::<u32>().is_ok_and(|pid| pid > 0), "{line}");
            assert!(what.starts_with("(pack install "), "{line}");
            waited += 1;
        }
    }
    assert!(waited > 0);
    let list = place.pack_run(&["list", "--json"], 0).json();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), PACKS + 1);
    let mut ids: Vec<u64> = list
        .iter()
        .map(|pack| pack["id"].as_u64().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=PACKS as u64 + 1).collect::<Vec<_>>());
    is_consistent(&place);
}

/// Commands that only read never fail, whatever is installed, removed and pruned meanwhile.
#[test]
fn reading_commands_stand_beside_changes() {
    let place = registry();
    place.install("pack0");
    let changes: Vec<Vec<&str>> = (0..12)
        .map(|number| match number % 4 {
            0 => vec!["pack", "install", "flip@1.0.0", "--registry", "tree"],
            1 => vec!["pack", "prune", "--keep", "1"],
            2 => vec!["pack", "install", "flip@2.0.0", "--registry", "tree"],
            _ => vec!["cache", "clear"],
        })
        .collect();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = [
            ["pack", "verify"].as_slice(),
            &["pack", "list", "--json"],
            &["pack", "history", "--json"],
            &["cache", "info", "--json"],
        ]
        .into_iter()
        .map(|args| {
            let (done, place) = (&done, &place);
            scope.spawn(move || {
                while !done.load(Ordering::Acquire) {
                    place.run(args, 0);
                }
            })
        })
        .collect();
        let children: Vec<Child> = changes.iter().map(|args| place.start(args)).collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}");
        }
        done.store(true, Ordering::Release);
        for reader in readers {
            reader.join().unwrap();
        }
    });
    place.pack_run(&["verify"], 0);
}

/// Processes that are killed at any moment are in nobody's way, and what they left goes with the next change.
#[test]
fn killed_processes_are_in_nobodys_way() {
    let place = registry();
    let hosted = place.serve("tree");
    let mut survivors = Vec::new();
    let mut killed = Vec::new();
    for number in 0..24 {
        let pack = format!("pack{}", number % PACKS);
        let mut child = place.start(&[
            "pack",
            "install",
            &pack,
            "--force",
            "--registry",
            &hosted.url,
        ]);
        if number % 2 == 0 {
            survivors.push(child);
            continue;
        }
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        assert!(line.starts_with("Installing pack from"), "{line}");
        killed.push(child);
        // Those that started later are in other steps when the earlier ones die.
        if number % 6 == 5 {
            for child in &mut killed {
                child.kill().unwrap();
            }
        }
    }
    for mut child in killed {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    for child in survivors {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
    place.pack_run(&["verify"], 0);
    place.pack_run(&["install", "flip", "--registry", "tree"], 0);
    is_consistent(&place);
}

/// Who waits says for whom, gives up after the timeout with exit code 8, and has changed nothing.
#[test]
fn waiting_ends_with_the_timeout() {
    let place = registry();
    place.install("pack0");
    let path = place.installed().join(".attune/lock");
    let lock = File::options().read(true).write(true).open(&path).unwrap();
    lock.lock().unwrap();
    fs::write(&path, "{\"pid\":42,\"purpose\":\"pack install chat\"}\n").unwrap();
    let before = snapshot(&place.installed());
    let start = Instant::now();
    let commands: [&[&str]; 5] = [
        &["pack", "install", "pack1", "--registry", "tree"],
        &["pack", "uninstall", "pack0", "--yes"],
        &["pack", "rollback", "--generation", "1"],
        &["pack", "prune"],
        &["pack", "verify", "--repair"],
    ];
    let children: Vec<Child> = commands
        .iter()
        .map(|args| place.start(&[*args, &["--lock-timeout", "1"]].concat()))
        .collect();
    for (child, args) in children.into_iter().zip(commands) {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(8), "{args:?}: {said}");
        assert!(
            said.starts_with("waiting for process 42 (pack install chat)\n")
                && said.contains(
                    "is locked by process 42 (pack install chat); it was not released within 1 s"
                )
                && said.contains("--lock-timeout"),
            "{args:?}: {said}"
        );
    }
    let waited = start.elapsed();
    assert!(
        waited >= Duration::from_secs(1) && waited < Duration::from_secs(20),
        "{waited:?}"
    );
    assert_eq!(snapshot(&place.installed()), before);
    drop(lock);
    place.pack_run(&["install", "pack1", "--registry", "tree"], 0);
}
