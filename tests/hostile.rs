//! Hostile archives and texts through the built binary: right exit codes, nothing left behind, within
//! time and memory.
//!
//! `ATTUNE_TEST_HOSTILE` names the folder with the generators `make_hostile_archives.py` and
//! `make_hostile_text.py`; without it, or without python3, the tests say that they are skipped.

#![expect(clippy::print_stdout, reason = "a test reports what it saw")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use pack_format::ArchiveDigest;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

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

/// A pack without a checksum can be looked at and is not installed: refused where it matters.
const NOT_INSTALLED: &str = "checksum-missing.index.json";

/// Runs commands and measures each: python3 has `wait4`, which tells the peak of one child exactly.
/// A child starts as a copy of the driver, so nothing below the driver's own 10 MiB can be told.
const DRIVER: &str = r#"
import json, os, signal, subprocess, sys, tempfile, time
for line in sys.stdin:
    job = json.loads(line)
    out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
    start = time.monotonic()
    child = subprocess.Popen(job["args"], cwd=job["cwd"], env=job["env"], stdin=subprocess.DEVNULL,
                             stdout=out, stderr=err, preexec_fn=lambda: signal.alarm(60))
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    out.seek(0); err.seek(0)
    text = lambda f: f.read(1 << 20).decode("utf-8", "replace")
    print(json.dumps({"code": child.returncode, "wall": wall, "rss_kib": usage.ru_maxrss,
                      "stdout": text(out), "stderr": text(err)}), flush=True)
    out.close(); err.close()
"#;

/// One run of the binary.
#[derive(Debug, Deserialize)]
struct Measured {
    code: i32,
    wall: f64,
    rss_kib: u64,
    stdout: String,
    stderr: String,
}

impl Measured {
    /// Nothing but a plain exit; refusals say one error.
    fn is_orderly(&self) -> bool {
        let errors = self
            .stderr
            .lines()
            .filter(|l| l.starts_with("error:"))
            .count();
        matches!(self.code, 0..=8)
            && !self.stderr.contains("panicked")
            && errors == usize::from(self.code != 0)
    }
}

struct Driver {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Driver {
    fn start() -> Self {
        let mut child = Command::new("python3")
            .args(["-c", DRIVER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self {
            input: child.stdin.take(),
            child,
            output,
        }
    }

    fn run(&mut self, place: &Place, args: &[&str]) -> Measured {
        let command = place.attune(args);
        let text = |os: &std::ffi::OsStr| os.to_string_lossy().into_owned();
        let mut environment: BTreeMap<String, String> = command
            .get_envs()
            .filter_map(|(name, value)| Some((text(name), text(value?))))
            .collect();
        environment.insert("TMPDIR".to_owned(), place.path("tmp").display().to_string());
        let mut whole = vec![text(command.get_program())];
        whole.extend(command.get_args().map(text));
        let job = json!({"args": whole, "cwd": command.get_current_dir(), "env": environment});
        writeln!(self.input.as_mut().unwrap(), "{job}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

#[derive(Deserialize)]
struct Case {
    file: String,
    expect: String,
    tier: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    forbidden: Vec<String>,
    #[serde(default)]
    tree: BTreeMap<String, Value>,
    #[serde(default)]
    never: Vec<String>,
    /// JSON pointers, and the exact text that must be there if the case is taken.
    #[serde(default)]
    value: BTreeMap<String, Value>,
}

#[expect(clippy::disallowed_methods, reason = "a test's own switch")]
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

/// A generated corpus, its canary, and what came of its cases.
struct Corpus {
    directory: TempDir,
    cases: Vec<Case>,
    driver: Driver,
    place: TempDir,
    canary: BTreeMap<String, String>,
    score: Score,
}

impl Corpus {
    fn generate(script: &str) -> Option<Self> {
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
    fn run(&mut self, case: &Case, place: &Place, args: &[&str]) -> Measured {
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
    fn judge(mut self, least: usize, judge: fn(&mut Self, &Case, &Place) -> Verdict) {
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
enum Verdict {
    AsProposed,
    Otherwise(String),
}

impl Verdict {
    fn of(is_right: bool, said: impl FnOnce() -> String) -> Self {
        if is_right {
            Self::AsProposed
        } else {
            Self::Otherwise(said())
        }
    }
}

#[derive(Default)]
struct Score {
    right: usize,
    otherwise: Vec<String>,
    wrong: Vec<String>,
    slowest: (f64, String),
    largest: (u64, String),
}

impl Score {
    fn wrong(&mut self, case: &Case, what: &str) {
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
fn tree_of(root: &Path) -> BTreeMap<String, String> {
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

/// The tree the case describes, below the directory that is the pack; `None` if no pack is there.
fn expected_tree(case: &Case) -> Option<BTreeMap<String, String>> {
    let holds = |prefix: &str| case.tree.contains_key(&format!("{prefix}pack.yaml"));
    let tops = case.tree.keys().filter_map(|path| path.split_once('/'));
    let mut candidates: Vec<String> = tops.map(|(top, _)| format!("{top}/")).collect();
    candidates.dedup();
    candidates.retain(|prefix| holds(prefix));
    let prefix = match candidates.as_slice() {
        _ if holds("") => "",
        _ if holds("pack/") => "pack/",
        [one] => one,
        _ => return None,
    };
    let mut tree = BTreeMap::new();
    for (path, node) in &case.tree {
        let Some(path) = path.strip_prefix(prefix).filter(|path| !path.is_empty()) else {
            continue;
        };
        for (at, _) in path.match_indices('/') {
            tree.insert(path[..at].to_owned(), "dir 755".to_owned());
        }
        let described = if node["type"] == "file" {
            let mode = if node["exec"] == true { "755" } else { "644" };
            let digest = node["sha256"].as_str().unwrap();
            format!("file {mode} sha256:{digest} 1")
        } else {
            "dir 755".to_owned()
        };
        tree.insert(path.to_owned(), described);
    }
    Some(tree)
}

/// What a refused installation may leave: the lock and the empty place of work.
const LEFT: [&str; 3] = [".attune", ".attune/lock", ".attune/staging"];

fn judge_archive(corpus: &mut Corpus, case: &Case, place: &Place) -> Verdict {
    let archive = corpus.directory.path().join(&case.file);
    let ran = corpus.run(case, place, &["pack", "install", archive.to_str().unwrap()]);
    let installed = place.path("installed");
    let is_forbidden = |path: &String| {
        let places = [
            installed.join("demo"),
            installed.join(".attune/staging/s/r"),
        ];
        places
            .iter()
            .any(|p| p.join(path).symlink_metadata().is_ok())
    };
    // An archive that is taken has exactly its tree, whatever paths are forbidden to others.
    let absolute = |path: &&String| path.starts_with('/') || ran.code != 0;
    for path in case.forbidden.iter().filter(absolute) {
        if is_forbidden(path) {
            corpus.score.wrong(case, &format!("made `{path}`"));
        }
    }
    let around: Vec<String> = snapshot(&installed).into_keys().collect();
    if ran.code != 0 {
        if around.iter().any(|path| !LEFT.contains(&path.as_str())) {
            corpus.score.wrong(case, &format!("left {around:?}"));
        }
        let names_it = ran
            .stderr
            .lines()
            .any(|l| l.starts_with("error:") && l.contains(&case.file));
        let is_refusal = matches!(ran.code, 1 | 2 | 5) && names_it;
        let has_no_pack = case.expect == "accept"
            && expected_tree(case).is_none()
            && ran.stderr.contains("pack.yaml not found");
        let is_right = has_no_pack || (case.expect == "reject" && is_refusal);
        if !is_refusal {
            corpus.score.wrong(case, &format!("{ran:?}"));
        }
        return Verdict::of(is_right, || format!("{ran:?}"));
    }
    let tree = tree_of(&installed.join("demo"));
    let is_exact = expected_tree(case).is_none_or(|wanted| wanted == tree);
    let tops = around.iter().filter(|path| !path.contains('/'));
    if !is_exact || tops.ne([".attune", "demo"].iter()) {
        corpus
            .score
            .wrong(case, &format!("is not its tree: {tree:?}"));
    }
    Verdict::of(case.expect == "accept", || "exit code 0".to_owned())
}

/// Refused archives leave nothing anywhere, the others exactly their tree, each in good time.
#[test]
fn hostile_archives_through_pack_install() {
    let Some(corpus) = Corpus::generate("make_hostile_archives.py") else {
        return;
    };
    corpus.judge(247, judge_archive);
}

fn judge_manifest(corpus: &mut Corpus, case: &Case, place: &Place) -> Verdict {
    let pack = place.path("packs/demo");
    fs::create_dir_all(&pack).unwrap();
    fs::copy(
        corpus.directory.path().join(&case.file),
        pack.join("pack.yaml"),
    )
    .unwrap();
    let ran = corpus.run(
        case,
        place,
        &["registry", "build", "packs", "--out", "tree", "--json"],
    );
    if ran.code != 0 {
        if ran.code != 1 || !ran.stderr.contains("packs/demo/pack.yaml") {
            corpus.score.wrong(case, &format!("{ran:?}"));
        }
        if place.path("tree").symlink_metadata().is_ok() {
            corpus.score.wrong(case, "was refused, and there is a tree");
        }
        // A page that is never made holds nothing it must not hold.
        return Verdict::of(case.expect != "accept", || format!("{ran:?}"));
    }
    for page in ["index.html", "packs/demo/index.html"] {
        let text = fs::read_to_string(place.path("tree").join(page)).unwrap();
        for never in case.never.iter().filter(|never| text.contains(*never)) {
            corpus
                .score
                .wrong(case, &format!("`{page}` holds `{never}`"));
        }
    }
    let document = fs::read(place.path("tree/packs/demo.json")).unwrap();
    let document: Value = serde_json::from_slice(&document).unwrap();
    let version = &document["versions"][0];
    let found = |pointer: &str| {
        version
            .pointer(pointer)
            .or_else(|| document.pointer(pointer))
    };
    let is_kept = case
        .value
        .iter()
        .all(|(pointer, text)| found(pointer) == Some(text));
    // A text that others would read as something else may also be kept as it is.
    let may_be_taken = case.expect != "reject" || !case.value.is_empty();
    Verdict::of(may_be_taken && is_kept, || document.to_string())
}

fn judge_index(corpus: &mut Corpus, case: &Case, place: &Place) -> Verdict {
    let registry = place.path("registry");
    fs::create_dir(&registry).unwrap();
    let index = registry.join("index.json");
    fs::copy(corpus.directory.path().join(&case.file), &index).unwrap();
    let url = format!("file://{}", index.display());
    let search = ["pack", "search", "demo", "--registry", &url, "--json"];
    let search = corpus.run(case, place, &search);
    let hits: Value = serde_json::from_str(&search.stdout).unwrap_or_default();
    let is_read = search.code == 0 && !search.stderr.contains("is left out");
    let show = ["pack", "show", "demo", "--registry", "registry", "--json"];
    let show = corpus.run(case, place, &show);
    let is_found = hits[0]["ref"] == "demo";
    if is_found != (show.code == 0) {
        corpus.score.wrong(case, &format!("{search:?}\n{show:?}"));
    }
    if !is_read && !search.stderr.contains("index.json") {
        corpus
            .score
            .wrong(case, &format!("is not named: {search:?}"));
    }
    if case.expect == "accept" {
        return Verdict::of(is_read, || format!("{search:?}"));
    }
    if is_found && case.file != NOT_INSTALLED {
        return Verdict::Otherwise(format!("{search:?}"));
    }
    // No server is asked for what a refused entry names, so this takes no time.
    let install = ["pack", "install", "demo", "--registry", "registry"];
    let install = corpus.run(case, place, &install);
    let left = snapshot(&place.path("installed"));
    if left
        .keys()
        .any(|path| !LEFT.contains(&path.as_str()) && path != ".attune/cache")
    {
        corpus.score.wrong(case, &format!("left {:?}", left.keys()));
    }
    Verdict::of(matches!(install.code, 1 | 5), || format!("{install:?}"))
}

/// Refused texts publish and install nothing, the others make pages without what they smuggle.
#[test]
fn hostile_texts_through_build_and_search() {
    let Some(corpus) = Corpus::generate("make_hostile_text.py") else {
        return;
    };
    corpus.judge(198, |corpus, case, place| {
        if case.kind == "pack.yaml" {
            judge_manifest(corpus, case, place)
        } else {
            judge_index(corpus, case, place)
        }
    });
}

/// `packs/demo.json` of a registry of two packs, changed by `lie` and pinned again.
fn lying_registry(lie: impl FnOnce(&mut Value)) -> Place {
    let place = Place::new();
    place.pack("demo", "demo", "1.0.0", "");
    place.pack("other", "other", "1.0.0", "");
    place.build();
    let tree = place.path("tree");
    fs::remove_file(tree.join("index.json")).unwrap();
    let read = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(tree.join(name)).unwrap()).unwrap()
    };
    let mut document = read("packs/demo.json");
    lie(&mut document);
    let bytes = document.to_string();
    let digest = ArchiveDigest::of(bytes.as_bytes()).to_string();
    let hex = digest.trim_start_matches("sha256:");
    fs::write(tree.join(format!("docs/{hex}.demo.json")), &bytes).unwrap();
    let mut packs = read("packs.json");
    packs["packs"]["demo"]["document"] = digest.into();
    fs::write(tree.join("packs.json"), packs.to_string()).unwrap();
    place
}

/// Whatever a registry says, nothing is read beyond it and nothing but the pack it promised is installed.
#[test]
fn lying_registry_installs_nothing() {
    let other = "archives/other/other-1.0.0.tar.gz";
    let rows = [
        (
            "archive/path",
            "../../etc/passwd",
            1,
            "it leaves the registry",
        ),
        ("archive/path", "/etc/passwd", 1, "it leaves the registry"),
        (
            "archive/path",
            "file:///etc/passwd",
            1,
            "it leaves the registry",
        ),
        (
            "archive/path",
            "https://127.0.0.1:1/x",
            1,
            "it leaves the registry",
        ),
        (
            "archive/path",
            "a/%2e%2e/%2e%2e/x",
            1,
            "it leaves the registry",
        ),
        ("archive/path", other, 5, "checksum mismatch"),
        ("archive/size_bytes", "1", 1, "is not valid"),
        ("version", "1.0.0/../..", 1, "is not a SemVer version"),
        (
            "version",
            "2.0.0",
            5,
            "holds `demo@1.0.0`, not `demo@2.0.0`",
        ),
        ("tree", ZEROS, 5, "checksum mismatch"),
        ("store_key", ZEROS, 5, "checksum mismatch"),
        ("store_key", "sha256:../../x", 1, "is not a checksum"),
    ];
    for (member, value, code, said) in rows {
        let pointer = format!("/versions/0/{member}");
        let place = lying_registry(|document| {
            *document.pointer_mut(&pointer).unwrap() = value.into();
        });
        refuses(&place, code, said);
    }
    refuses(
        &lying_registry(|document| document["ref"] = "other".into()),
        1,
        "is about `other`",
    );
}

const ZEROS: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

#[track_caller]
fn refuses(place: &Place, code: i32, said: &str) {
    let run = place.run(&["pack", "install", "demo", "--registry", "tree"], code);
    assert!(run.stderr.contains(said), "{run:?}");
    let left = snapshot(&place.path("installed"));
    let mut left = left.keys().map(String::as_str);
    assert!(left.all(|path| LEFT.contains(&path)), "{run:?}");
}

/// What a registry says stays on one line and does not drive the terminal.
#[test]
fn words_of_a_registry_cannot_pass_for_ours() {
    let place = lying_registry(|document| {
        document["deprecated"] = json!({"reason": "\u{1b}[2Jold\nerror: forged"});
    });
    let run = place.run(&["pack", "install", "demo", "--registry", "tree"], 0);
    assert!(run.stderr.contains("`demo` is deprecated: "), "{run:?}");
    assert!(
        !run.stderr.contains("\nerror:") && !run.stderr.contains('\u{1b}'),
        "{run:?}"
    );
}
