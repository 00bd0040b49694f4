//! Many packs at once, measured: `cargo test --release -p attune-installer -- --ignored --nocapture speed`.

use std::path::PathBuf;
use std::time::Instant;

use crate::support::{Home, Pack, TestRegistry};

/// 200 packs of 48 files and about 100 KB from a local tree, five times.
#[test]
#[ignore = "measures, asserts nothing about time"]
fn two_hundred_packs_from_a_local_tree() {
    let packs: Vec<Pack> = (0..200)
        .map(|number| {
            let mut pack = Pack::new(&format!("p{number}"), "1.0.0");
            for file in 0..45 {
                let line = format!("value_{number}_{file} = {file}\n");
                let directory = ["actions", "sensors", "rules"][file % 3];
                pack = pack.file(&format!("{directory}/f{file}.py"), false, &line.repeat(100));
            }
            pack
        })
        .collect();
    let registry = TestRegistry::with(&packs);
    let names: Vec<&str> = packs.iter().map(|p| p.name.as_str()).collect();
    let root = std::env::temp_dir();
    for place in [root, PathBuf::from("/dev/shm")] {
        for _ in 0..5 {
            let Ok(dir) = tempfile::tempdir_in(&place) else {
                continue;
            };
            let mut home = Home::at(dir.path().join("packs")).registry(&registry.url());
            let begin = Instant::now();
            home.failpoints = attune_installer::Failpoints::new(move |step| {
                println!("    {:.3} {step:?}", begin.elapsed().as_secs_f64());
                None
            });
            let start = Instant::now();
            home.install(&names).unwrap();
            let seconds = start.elapsed().as_secs_f64();
            println!(
                "{}: {:.3} s, {:.0} packs/s",
                place.display(),
                seconds,
                200.0 / seconds
            );
            home.failpoints = attune_installer::Failpoints::default();
            let start = Instant::now();
            home.install(&names).unwrap();
            println!("  nothing to do: {:.3} s", start.elapsed().as_secs_f64());
            let start = Instant::now();
            home.verify_clean();
            println!("  verify: {:.3} s", start.elapsed().as_secs_f64());
        }
    }
}
