//! A tree that grew by small steps equals one whose every step looked at everything.

mod support;

#[path = "case/mod.rs"]
mod case;

use std::fs;
use std::path::PathBuf;

use attune_indexer::build;
use case::Case;
use pack_format::Timestamp;
use support::bytes_of;

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// One change of one pack: a new version, with other needs.
fn change(dice: &mut Dice, cases: &[Case; 2], step: u64) -> String {
    let pack = format!("p{}", dice.roll(7));
    let needs: Vec<String> = (0..dice.roll(3))
        .map(|_| format!("p{}", dice.roll(9)))
        .collect();
    let prerelease = if dice.roll(4) == 0 { "-rc.1" } else { "" };
    let extra = format!(
        "repository: https://example.org/{pack}\ndependencies: [{}]\n",
        needs.join(", ")
    );
    for case in cases {
        case.pack(&pack, &pack, &format!("1.{step}.0{prerelease}"), &extra);
    }
    pack
}

/// `--only` with what earlier builds left behind gives the bytes of a build that knows nothing.
#[test]
fn small_steps_give_the_bytes_of_large_ones() {
    let mut steps = 0;
    for seed in 0..6 {
        let mut dice = Dice(seed);
        let cases = [Case::new(), Case::new()];
        let [small, large] = &cases;
        for step in 0..14 {
            let pack = change(&mut dice, &cases, step);
            let now = Timestamp::from_unix(1_700_000_000 + i64::try_from(step).unwrap());
            let mut options = small.options();
            options.now = now;
            if step > 0 && dice.roll(5) > 0 {
                options.only = vec![small.packs().join(&pack)];
            }
            build(&options, |_| {}).unwrap();
            let state: PathBuf = large.root().join("tree.state");
            for file in ["facts.jsonl", "facts-step.json", "build.json"] {
                let _ = fs::remove_file(state.join(file));
            }
            steps += usize::from(small.root().join("tree.state/facts-step.json").exists());
            let mut options = large.options();
            options.now = now;
            build(&options, |_| {}).unwrap();
            assert_eq!(
                bytes_of(&small.out()),
                bytes_of(&large.out()),
                "seed {seed}, step {step}, `{pack}`"
            );
        }
    }
    // Some of them wrote down what changed, not everything.
    assert!(steps > 10, "{steps}");
}

/// What is taken over of the twin of a long index gives the twin of a build that knows nothing; one that was damaged meanwhile
/// is made anew.
#[test]
fn twins_of_long_indexes_are_those_of_a_build_that_knows_nothing() {
    let long = |case: &Case, pack: usize, version: &str| {
        let mut dice = Dice(pack as u64);
        let words: Vec<String> = (0..8_000).map(|_| dice.roll(1 << 40).to_string()).collect();
        let extra = format!("meta: {{notes: \"{}\"}}\n", words.join(" "));
        let name = format!("p{pack:02}");
        case.pack(&name, &name, version, &extra);
    };
    let cases = [Case::new(), Case::new()];
    let [small, large] = &cases;
    for case in &cases {
        (0..16).for_each(|pack| long(case, pack, "1.0.0"));
    }
    small.build();
    assert!(fs::metadata(small.out().join("index.json")).unwrap().len() > 1 << 20);
    for (step, pack) in [7, 8, 15, 0].into_iter().enumerate() {
        for case in &cases {
            long(case, pack, &format!("1.{}.0", step + 1));
        }
        if step == 2 {
            small.damage("index.json.gz");
        }
        let mut options = small.options();
        options.now = Timestamp::from_unix(1_700_000_000 + i64::try_from(step).unwrap());
        options.only = vec![small.packs().join(format!("p{pack:02}"))];
        build(&options, |_| {}).unwrap();
        let step_file = fs::read_to_string(small.root().join("tree.state/facts-step.json"));
        assert!(step_file.unwrap().contains("\"twin\":{"));
        options = large.options();
        options.now = Timestamp::from_unix(1_700_000_000 + i64::try_from(step).unwrap());
        for path in ["tree", "tree.state"] {
            let _ = fs::remove_dir_all(large.root().join(path));
        }
        build(&options, |_| {}).unwrap();
        for name in ["index.json", "index.json.gz", "index.json.zst"] {
            let [made, expected] =
                [small, large].map(|case| fs::read(case.out().join(name)).unwrap());
            assert!(made == expected, "{name} of step {step}");
        }
    }
}

/// A pack that is refused after others counted on it: their pages do not link to it.
#[test]
fn page_does_not_link_to_a_pack_that_was_refused_late() {
    let case = Case::new();
    case.pack("a", "a", "1.0.0", "dependencies: [bad]\n");
    case.pack("bad", "bad", "1.0.0", "");
    let action = case.packs().join("bad/actions/run.yaml");
    fs::write(&action, "ref: [\n").unwrap();
    let mut options = case.options();
    options.skip_invalid = true;
    build(&options, |_| {}).unwrap();
    let page = || fs::read_to_string(case.out().join("packs/a/index.html")).unwrap();
    assert!(!page().contains("../bad/"), "{}", page());
    fs::write(&action, "ref: bad.run\n").unwrap();
    build(&options, |_| {}).unwrap();
    assert!(page().contains("../bad/"));
}

/// What a run that was cut may have left in the search index is made again, although nothing else is new.
#[test]
fn search_files_of_a_cut_run_are_made_again() {
    let case = Case::new();
    case.pack("a", "a", "1.0.0", "description: Sends messages\n");
    case.build();
    let before = bytes_of(&case.out());
    let terms = case.out().join("search/terms/t-.json");
    assert!(terms.is_file());
    fs::write(&terms, "{}").unwrap();
    let staging = case.out().with_file_name("tree.state").join("staging");
    fs::create_dir(&staging).unwrap();
    case.build();
    assert_eq!(bytes_of(&case.out()), before);
    assert!(!staging.exists());
}
