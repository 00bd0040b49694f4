//! The operator's file through builds: what it says now replaces what it said before.

#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod case;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use attune_indexer::{BuildReport, build};
use case::Case;
use pack_format::Timestamp;
use pack_format::documents::VersionDocument;
use support::options;

const REPOSITORY: &str = "repository: https://example.org/slack\n";

fn say(case: &Case, text: &str) -> BuildReport {
    fs::write(case.packs().join("registry.yaml"), text).unwrap();
    case.build()
}

fn yanked(case: &Case) -> Vec<bool> {
    let is_yanked = |v: &VersionDocument| v.yanked.is_some();
    let versions = case.document("slack").versions;
    versions.iter().map(is_yanked).collect()
}

/// Yanks, deprecation and owners come and go with their lines, also for a pack whose directory is gone,
/// and stay as they are where no file is.
#[test]
fn what_is_no_longer_said_is_taken_back() {
    let case = Case::new();
    case.pack("other", "other", "1.0.0", "");
    case.pack("slack", "slack", "1.0.0", REPOSITORY);
    case.build();
    let file =
        "packs:\n  slack:\n    owners: [ops]\n    deprecated: old\n    yanked: {\"1.0.0\": bad}\n";
    say(&case, file);
    assert_eq!(yanked(&case), [true]);
    fs::remove_file(case.packs().join("registry.yaml")).unwrap();
    case.build();
    assert_eq!(yanked(&case), [true]);
    assert_eq!(case.document("slack").owners, ["ops"]);
    say(&case, file);
    fs::remove_dir_all(case.packs().join("slack")).unwrap();
    say(&case, "owners: [all]\n");
    let document = case.document("slack");
    assert_eq!(document.owners, ["all"]);
    assert!(document.versions[0].yanked.is_none() && document.deprecated.is_none());
}

/// A yanked version is unchanged when nothing changed, and keeps the time it was yanked at.
#[test]
fn yanked_version_built_again_is_unchanged() {
    let case = Case::new();
    case.pack("slack", "slack", "1.0.0", REPOSITORY);
    let report = say(&case, "packs: {slack: {yanked: {\"1.0.0\": bad}}}\n");
    assert_eq!(report.changes.added, 1);
    let document = case.document("slack");
    fs::remove_file(support_state(&case)).unwrap();
    let mut later = case.options();
    later.now = Timestamp::from_unix(1_800_000_000);
    let report = build(&later, |_| {}).unwrap();
    assert_eq!((report.changes.updated, report.changes.unchanged), (0, 1));
    assert_eq!(case.document("slack"), document);
    let report = say(&case, "packs: {slack: {}}\n");
    assert_eq!(report.changes.updated, 1);
}

fn support_state(case: &Case) -> std::path::PathBuf {
    case.root().join("tree.state/build.json")
}

/// Sources belong to the version they are said of, and leave with their line.
#[test]
fn sources_belong_to_their_version() {
    let case = Case::new();
    for version in ["1.0.0", "2.0.0"] {
        case.pack(version, "slack", version, REPOSITORY);
    }
    let checksum = "0".repeat(64);
    let sources = format!(
        "packs:\n  slack:\n    sources: {{\"1.0.0\": [{{type: archive, url: \"https://example.org/a.tar.gz\", checksum: \"sha256:{checksum}\"}}]}}\n"
    );
    let count = |case: &Case| -> Vec<usize> {
        let versions = case.document("slack").versions;
        versions.iter().map(|v| v.install_sources.len()).collect()
    };
    say(&case, &sources);
    assert_eq!(count(&case), [0, 1]);
    fs::remove_dir_all(case.packs().join("1.0.0")).unwrap();
    say(&case, &sources);
    assert_eq!(count(&case), [0, 1]);
    say(&case, "packs: {slack: {}}\n");
    assert_eq!(count(&case), [0, 0]);
}

/// What the file says in vain is a warning, and the build goes on.
#[test]
fn vain_words_are_warnings() {
    let case = Case::new();
    case.pack("slack", "slack", "1.0.0", "");
    let report = say(
        &case,
        "packs:\n  slack: {yanked: {\"9.0.0\": x}, yankd: {}}\n  slakc: {same_pack: true}\n",
    );
    let parts = [
        "field `packs.slack.yankd`: no such key",
        "field `packs.slack.yanked`: the registry has no `slack@9.0.0`",
        "field `packs.slakc`: the registry has no pack `slakc`",
    ];
    assert_eq!(report.warnings.len(), parts.len(), "{:?}", report.warnings);
    for (warning, part) in report.warnings.iter().zip(parts) {
        assert!(warning.contains(part), "{warning}");
    }
}

/// The example builds without a warning, and its owners are those of its packs.
#[test]
fn example_builds_without_a_warning() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../registry-example/packs");
    let case = Case::new();
    let report = build(&options(&[example], &case.out()), |_| {}).unwrap();
    assert_eq!(report.warnings, Vec::<String>::new());
    assert_eq!(case.document("slack").owners, ["attune-project"]);
}

/// A listed pack with a repository is not taken over by one that declares none; the first to declare one
/// may, spelling makes no difference, and `same_pack` says it is meant.
#[test]
fn name_is_not_taken_over_by_declaring_nothing() {
    let case = Case::new();
    case.pack("slack", "slack", "1.0.0", "");
    case.build();
    case.pack("slack", "slack", "1.1.0", REPOSITORY);
    case.build();
    let spelled = "repository: https://example.org/slack.git/\n";
    case.pack("slack", "slack", "1.2.0", spelled);
    case.build();
    case.pack("slack", "slack", "2.0.0", "");
    case.refused(&["belongs to `https://example.org/slack.git/` in this registry"]);
    say(&case, "packs: {slack: {same_pack: true}}\n");
    assert_eq!(case.versions("slack").len(), 4);
}

/// `--dev` may correct the repository of the only version.
#[test]
fn dev_build_corrects_the_repository() {
    let case = Case::new();
    case.pack(
        "slack",
        "slack",
        "1.0.0",
        "repository: https://example.org/typo\n",
    );
    case.build();
    case.pack("slack", "slack", "1.0.0", REPOSITORY);
    let mut dev = case.options();
    dev.dev = true;
    build(&dev, |_| {}).unwrap();
    let version = &case.document("slack").versions[0];
    assert_eq!(
        version.repository.as_deref(),
        Some("https://example.org/slack")
    );
}

/// Equal files with other execute bits: the message does not show two equal digests.
#[test]
fn changed_execute_bit_says_so() {
    let case = Case::new();
    case.pack("slack", "slack", "1.0.0", "");
    case.build();
    let script = case.packs().join("slack/actions/run.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    case.refused(&["the files are the same, their execute bits are not"]);
}

/// Each of two equal directories has its verdict.
#[test]
fn equal_directories_each_have_a_verdict() {
    let case = Case::new();
    for directory in ["a", "b"] {
        case.pack(directory, "slack", "1.0.0", "");
    }
    let verdicts: Vec<_> = case
        .build()
        .packs
        .into_iter()
        .map(|v| v.outcome.unwrap())
        .collect();
    assert_eq!(verdicts, ["added", "unchanged"]);
}
