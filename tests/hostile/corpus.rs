//! What the generators make, what is expected of each case, and what came of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use pack_format::ArchiveDigest;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use super::driver::{Driver, Measured};
use crate::support::{Place, snapshot};

/// The name of what the generators aim at, in `/tmp`: prefix, middle, suffix. Each corpus gets a place of its own
/// with another middle of the same length, so that several can be judged at once.
const AIM: [&str; 3] = ["__hostile_", "canary", "__"];
const PEAK_KIB: u64 = 64 * 1024;

/// Policy cases decided otherwise than the corpus proposes, each with its reason.
const OTHERWISE: [(&str, &str); 14] = [
    (
        "ok-symlink-inside.tar.gz",
        "a pack holds regular files and directories only: tree digests have no way to say `link`",
    ),
    (
        "tar-is-zip.tar.gz",
        "content decides, as it must for URLs without an extension: it is read whole, as a zip",
    ),
    (
        "tag-str-ok.pack.yaml",
        "the tag is taken; `1.0` is no SemVer version, and that is the error",
    ),
    (
        "case-twins.index.json",
        "`DEMO` is no pack ref: that entry is named and left out, `demo` stays usable",
    ),
    (
        "number-size-2p64.index.json",
        "format 1 has no sizes: an unknown member is passed over",
    ),
    (
        "number-size-neg.index.json",
        "format 1 has no sizes: an unknown member is passed over",
    ),
    ("url-07.index.json", LOOPBACK),
    ("url-09.index.json", LOOPBACK),
    ("url-10.index.json", LOOPBACK),
    ("url-11.index.json", LOOPBACK),
    ("url-12.index.json", LOOPBACK),
    (
        "checksum-04.index.json",
        "older indexes write `SHA256:`; it is read, and written in lower case",
    ),
    (
        "checksum-06.index.json",
        "older indexes carry md5; it is verified with a warning, never written",
    ),
    (
        "checksum-07.index.json",
        "older indexes carry sha1; it is verified with a warning, never written",
    ),
];
const LOOPBACK: &str =
    "a registry on this machine may name this machine; one from elsewhere may not";

#[derive(Deserialize)]
pub(super) struct Case {
    pub(super) file: String,
    pub(super) expect: String,
    pub(super) tier: String,
    #[serde(default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) forbidden: Vec<String>,
    #[serde(default)]
    pub(super) tree: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) never: Vec<String>,
    /// JSON pointers, and the exact text that must be there if the case is taken.
    #[serde(default)]
    pub(super) value: BTreeMap<String, Value>,
}

#[expect(clippy::disallowed_methods, reason = "a test's own switch")]
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

/// A generated corpus, its canary, and what came of its cases.
pub(super) struct Corpus {
    pub(super) directory: TempDir,
    cases: Vec<Case>,
    driver: Driver,
    place: TempDir,
    canary: BTreeMap<String, String>,
    pub(super) score: Score,
}

impl Corpus {
    pub(super) fn generate(script: &str) -> Option<Self> {
        let Some(source) = variable("ATTUNE_TEST_HOSTILE") else {
            println!("skipped: ATTUNE_TEST_HOSTILE is not set");
            return None;
        };
        let place = aim();
        let directory = tempfile::tempdir().unwrap();
        let text = fs::read_to_string(source.join(script)).unwrap();
        let name = place.path().file_name().unwrap().to_str().unwrap();
        let generator = tempfile::NamedTempFile::new().unwrap();
        fs::write(&generator, text.replace(&AIM.concat(), name)).unwrap();
        let made = Command::new("python3")
            .arg(generator.path())
            .arg(directory.path())
            .output();
        let Ok(made) = made else {
            println!("skipped: there is no python3");
            return None;
        };
        assert!(made.status.success(), "{made:?}");
        let manifest = fs::read(directory.path().join("manifest.json")).unwrap();
        Some(Self {
            cases: serde_json::from_slice(&manifest).unwrap(),
            directory,
            driver: Driver::start(),
            canary: make_canary(place.path()),
            place,
            score: Score::default(),
        })
    }

    /// Runs the binary for a case and holds it to time and memory.
    pub(super) fn run(&mut self, case: &Case, place: &Place, args: &[&str]) -> Measured {
        let ran = self.driver.run(place, args);
        if !ran.is_orderly() {
            self.score.wrong(case, &format!("{args:?}: {ran:?}"));
        }
        if tree_of(self.place.path()) != self.canary {
            self.score.wrong(case, "the canary was changed");
            self.canary = make_canary(self.place.path());
        }
        if !snapshot(&place.path("home")).is_empty() || !snapshot(&place.path("tmp")).is_empty() {
            self.score
                .wrong(case, "something was left in HOME or TMPDIR");
        }
        self.score.measure(case, &ran);
        ran
    }

    /// Judges every case.
    pub(super) fn judge(mut self, least: usize, judge: fn(&mut Self, &Case, &Place) -> Verdict) {
        let cases = std::mem::take(&mut self.cases);
        for case in &cases {
            let place = Place::new();
            fs::create_dir(place.path("tmp")).unwrap();
            let verdict = judge(&mut self, case, &place);
            self.score.decide(case, verdict);
        }
        let score = &self.score;
        score.print(cases.len());
        assert!(
            cases.len() >= least && score.wrong.is_empty(),
            "{:#?}",
            score.wrong
        );
    }
}

/// What came of one case: as the corpus says, the other way round, or wrong in any case.
#[derive(PartialEq, Eq)]
pub(super) enum Verdict {
    AsProposed,
    Otherwise(String),
}

impl Verdict {
    pub(super) fn of(is_right: bool, said: impl FnOnce() -> String) -> Self {
        if is_right {
            Self::AsProposed
        } else {
            Self::Otherwise(said())
        }
    }
}

#[derive(Default)]
pub(super) struct Score {
    right: usize,
    otherwise: Vec<String>,
    wrong: Vec<String>,
    slowest: (f64, String),
    largest: (u64, String),
}

impl Score {
    pub(super) fn wrong(&mut self, case: &Case, what: &str) {
        self.wrong.push(format!("{}: {what}", case.file));
    }

    fn measure(&mut self, case: &Case, ran: &Measured) {
        // Two seconds are what a release build is held to; an unoptimised one is several times slower.
        let is_release = variable("ATTUNE_TEST_RELEASE").is_some();
        let longest = if is_release { 2.0 } else { 10.0 };
        if ran.wall > longest {
            self.wrong(case, &format!("took {:.1} s", ran.wall));
        }
        if ran.rss_kib > PEAK_KIB {
            self.wrong(case, &format!("took {} KiB of memory", ran.rss_kib));
        }
        if ran.wall > self.slowest.0 {
            self.slowest = (ran.wall, case.file.clone());
        }
        if ran.rss_kib > self.largest.0 {
            self.largest = (ran.rss_kib, case.file.clone());
        }
    }

    /// Only a policy case may be decided otherwise, and only one that is listed.
    fn decide(&mut self, case: &Case, verdict: Verdict) {
        let reason = OTHERWISE.iter().find(|(file, _)| *file == case.file);
        match (verdict, reason) {
            (Verdict::AsProposed, None) => self.right += 1,
            (Verdict::AsProposed, Some(_)) => {
                self.wrong(case, "is listed as decided otherwise, but is not");
            }
            (Verdict::Otherwise(_), Some((file, reason))) if case.tier == "policy" => {
                self.otherwise.push(format!("{file}: {reason}"));
            }
            (Verdict::Otherwise(said), _) => {
                let what = format!("expected {} ({}), got {said}", case.expect, case.tier);
                self.wrong(case, &what);
            }
        }
    }

    fn print(&self, cases: usize) {
        println!("cases              {cases}");
        println!("right              {}", self.right);
        println!("decided otherwise  {}", self.otherwise.len());
        println!("wrong              {}", self.wrong.len());
        println!(
            "slowest            {} ({:.2} s)",
            self.slowest.1, self.slowest.0
        );
        let mib = self.largest.0.div_ceil(1024);
        println!("largest            {} ({mib} MiB)", self.largest.1);
        for line in &self.otherwise {
            println!("otherwise: {line}");
        }
    }
}

/// What hostile archives aim at: a directory whose name is as long as that in the generators.
fn aim() -> TempDir {
    let [prefix, middle, suffix] = AIM;
    tempfile::Builder::new()
        .prefix(prefix)
        .rand_bytes(middle.len())
        .suffix(suffix)
        .tempdir_in("/tmp")
        .unwrap()
}

fn make_canary(root: &Path) -> BTreeMap<String, String> {
    let _ = fs::remove_dir_all(root);
    fs::create_dir_all(root.join("dir")).unwrap();
    fs::write(root.join("file"), "intact\n").unwrap();
    for (path, mode) in [("", 0o755), ("dir", 0o755), ("file", 0o644)] {
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    tree_of(root)
}

/// Every path below a directory with what it is, its mode and, for a file, its digest.
pub(super) fn tree_of(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![(root.to_owned(), String::new())];
    while let Some((directory, prefix)) = waiting.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            let name = format!("{prefix}{name}");
            let metadata = fs::symlink_metadata(&path).unwrap();
            let mode = metadata.mode() & 0o7777;
            let described = if metadata.is_dir() {
                waiting.push((path, format!("{name}/")));
                format!("dir {mode:o}")
            } else if metadata.is_file() {
                let digest = ArchiveDigest::of(&fs::read(&path).unwrap());
                format!("file {mode:o} {digest} {}", metadata.nlink())
            } else {
                format!("other {:o}", metadata.mode())
            };
            found.insert(name, described);
        }
    }
    found
}
