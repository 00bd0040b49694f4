//! Installing: from every source, in every relation to what is there.

use std::fs;

use attune_installer::{Change, Classify as _, Dependencies, FailureClass, Replace, SourceType};
use pack_format::{ArchiveDigest, Hint as _};

use crate::support::{Home, Pack, TestRegistry};

fn slack() -> Vec<Pack> {
    vec![
        Pack::new("slack", "2.0.0"),
        Pack::new("slack", "2.1.0"),
        Pack::new("slack", "3.0.0-rc.1"),
    ]
}

/// The newest stable version is installed, verified three ways, recorded and readable.
#[test]
fn registry_ref_installs_the_newest_stable_version() {
    let registry = TestRegistry::with(&slack());
    let home = Home::new().registry(&registry.url());
    let report = home.install(&["slack"]).unwrap();
    assert_eq!(report.generation, Some(1));
    assert_eq!(report.packs[0].change, Change::Installed);
    let record = &report.packs[0].record;
    assert_eq!(
        (record.id, record.version.to_string().as_str()),
        (1, "2.1.0")
    );
    assert_eq!(
        record.verified.to_string(),
        "archive_digest (registry), tree_digest (registry), store_key (registry)"
    );
    assert_eq!(record.installed_from.kind, SourceType::Archive);
    assert!(
        record
            .installed_from
            .url
            .ends_with("/archives/slack/slack-2.1.0.tar.gz")
    );
    assert_eq!(record.registry.as_ref().unwrap().name, "Test Registry");
    assert_eq!(
        home.read("slack/actions/run.sh").unwrap(),
        "#!/bin/sh\necho slack 2.1.0\n"
    );
    assert_eq!(
        fs::read_link(home.base.join("slack")).unwrap().to_str(),
        Some(".attune/current/slack")
    );
    assert!(
        fs::read_dir(home.base.join(".attune/staging"))
            .unwrap()
            .next()
            .is_none()
    );
    home.verify_clean();
}

/// A version, a range and a pre-release are chosen as written; the id of the pack stays.
#[test]
fn another_version_replaces_the_installed_one() {
    let registry = TestRegistry::with(&slack());
    let home = Home::new().registry(&registry.url());
    home.install(&["slack@2.0.0"]).unwrap();
    let report = home.install(&["slack@^2"]).unwrap();
    assert_eq!(
        report.packs[0].change,
        Change::Replaced {
            from: "2.0.0".parse().unwrap()
        }
    );
    assert_eq!(report.packs[0].record.id, 1);
    assert_eq!(home.packs(), ["slack@2.1.0"]);
    home.install(&["slack@3.0.0-rc.1"]).unwrap();
    assert_eq!(home.packs(), ["slack@3.0.0-rc.1"]);
    home.verify_clean();
}

/// What is there already is a success without a new generation; `--force` puts it in place again.
#[test]
fn same_version_again_changes_nothing_unless_forced() {
    let registry = TestRegistry::with(&slack());
    let mut home = Home::new().registry(&registry.url());
    home.install(&["slack"]).unwrap();
    let before = home.snapshot();
    let report = home.install(&["slack"]).unwrap();
    assert_eq!(
        (report.generation, &report.packs[0].change),
        (None, &Change::Unchanged)
    );
    assert_eq!(home.snapshot(), before);
    home.replace = Replace::Force;
    let report = home.install(&["slack"]).unwrap();
    assert_eq!(
        (report.generation, &report.packs[0].change),
        (Some(2), &Change::Reinstalled)
    );
    home.verify_clean();
}

/// `--force` mends a stored tree that somebody edited.
#[test]
fn force_mends_an_edited_tree() {
    let registry = TestRegistry::with(&slack());
    let mut home = Home::new().registry(&registry.url());
    home.install(&["slack"]).unwrap();
    fs::write(home.base.join("slack/README.md"), "edited").unwrap();
    assert!(
        !home.installer("").verify(&[]).unwrap()[0]
            .problems
            .is_empty()
    );
    home.replace = Replace::Force;
    home.install(&["slack"]).unwrap();
    home.verify_clean();
}

/// A directory, its archive, and `file:` URLs of both give the same tree; only the records differ.
#[test]
fn local_sources_give_the_same_tree() {
    let dir = tempfile::tempdir().unwrap();
    let pack = Pack::new("local", "1.0.0");
    pack.write(&dir.path().join("src"));
    fs::create_dir_all(dir.path().join("src/.git")).unwrap();
    fs::write(dir.path().join("src/.git/config"), "x").unwrap();
    let archive = dir.path().join("local.tgz");
    fs::write(&archive, pack.archive()).unwrap();
    std::os::unix::fs::symlink("src", dir.path().join("link")).unwrap();
    for (source, kind) in [
        (
            format!("{}/link", dir.path().display()),
            SourceType::LocalDirectory,
        ),
        (
            format!("{}/src", dir.path().display()),
            SourceType::LocalDirectory,
        ),
        (
            format!("file://{}/src", dir.path().display()),
            SourceType::LocalDirectory,
        ),
        (archive.display().to_string(), SourceType::LocalArchive),
        (
            format!("file://{}", archive.display()),
            SourceType::LocalArchive,
        ),
    ] {
        let home = Home::new();
        let report = home.install(&[&source]).unwrap();
        let record = &report.packs[0].record;
        assert_eq!(record.installed_from.kind, kind, "{source}");
        assert_eq!((record.tree_digest, record.store_key), pack.digests());
        assert_eq!(record.verified.to_string(), "none");
        assert!(!home.base.join("local/.git").exists());
        home.verify_clean();
    }
}

/// The pack may be the root, `pack/`, or the only directory with a manifest.
#[test]
fn pack_directory_is_found_in_its_three_places() {
    for place in ["", "pack/", "anything/"] {
        let dir = tempfile::tempdir().unwrap();
        Pack::new("local", "1.0.0").write(&dir.path().join(place));
        fs::create_dir(dir.path().join("docs")).unwrap();
        let home = Home::new();
        home.install(&[dir.path().to_str().unwrap()]).unwrap();
        assert_eq!(home.packs(), ["local@1.0.0"]);
    }
    let dir = tempfile::tempdir().unwrap();
    Pack::new("one", "1.0.0").write(&dir.path().join("a"));
    Pack::new("two", "1.0.0").write(&dir.path().join("b"));
    let home = Home::new();
    home.refuses(&[dir.path().to_str().unwrap()], "holds several packs: a, b");
    let empty = tempfile::tempdir().unwrap();
    fs::create_dir(empty.path().join("x")).unwrap();
    home.refuses(
        &[empty.path().to_str().unwrap()],
        "searched: pack.yaml, pack/pack.yaml, x/pack.yaml",
    );
}

/// A checksum from the command line is compared, whatever its algorithm, and recorded.
#[test]
fn checksum_of_a_direct_source_is_compared() {
    let dir = tempfile::tempdir().unwrap();
    let pack = Pack::new("local", "1.0.0");
    let archive = dir.path().join("local.tar.gz");
    fs::write(&archive, pack.archive()).unwrap();
    let source = archive.to_str().unwrap();
    let mut home = Home::new();
    home.checksum = Some(ArchiveDigest::of(b"other").into());
    let error = home.refuses(&[source], "checksum mismatch");
    assert_eq!(error.class(), FailureClass::Verification);
    assert!(
        error
            .to_string()
            .contains(&ArchiveDigest::of(&pack.archive()).to_string()),
        "{error}"
    );
    home.checksum = Some(ArchiveDigest::of(&pack.archive()).into());
    let report = home.install(&[source]).unwrap();
    assert_eq!(
        report.packs[0].record.verified.to_string(),
        "archive_digest (command line)"
    );

    pack.write(&dir.path().join("src"));
    let mut home = Home::new();
    home.checksum = Some(pack.digests().0.into());
    let report = home
        .install(&[dir.path().join("src").to_str().unwrap()])
        .unwrap();
    assert_eq!(
        report.packs[0].record.verified.to_string(),
        "tree_digest (command line)"
    );
}

/// Dependencies come along, in order, in the same generation; what is installed is kept.
#[test]
fn dependencies_are_installed_once() {
    let registry = TestRegistry::with(&[
        Pack::new("core", "1.0.0"),
        Pack::new("core", "1.1.0"),
        Pack::new("aws", "1.0.0").needs("core@^1"),
        Pack::new("app", "1.0.0").needs("aws").needs("core"),
    ]);
    let home = Home::new().registry(&registry.url());
    let report = home.install(&["app"]).unwrap();
    let order: Vec<&str> = report
        .packs
        .iter()
        .map(|p| p.record.pack_ref.as_str())
        .collect();
    assert_eq!(order, ["core", "aws", "app"]);
    assert_eq!(report.packs.iter().filter(|p| p.requested).count(), 1);
    assert_eq!(home.packs(), ["app@1.0.0", "aws@1.0.0", "core@1.1.0"]);

    let home = Home::new().registry(&registry.url());
    home.install(&["core@1.0.0"]).unwrap();
    home.install(&["aws"]).unwrap();
    assert_eq!(home.packs(), ["aws@1.0.0", "core@1.0.0"]);
}

/// A dependency nobody lists is an error that names it, unless dependencies are skipped.
#[test]
fn missing_dependency_is_refused_and_named() {
    let registry = TestRegistry::with(&[Pack::new("app", "1.0.0").needs("nowhere@^1")]);
    let mut home = Home::new().registry(&registry.url());
    let error = home.refuses(&["app"], "`app@1.0.0` needs `nowhere@^1`");
    assert_eq!(error.class(), FailureClass::NoSolution);
    assert!(
        error
            .to_string()
            .contains(&format!("searched `{}`", registry.url())),
        "{error}"
    );
    home.dependencies = Dependencies::Skip;
    home.install(&["app"]).unwrap();
    assert_eq!(home.packs(), ["app@1.0.0"]);
}

/// A change that takes from an installed pack what it needs is refused; both together are fine.
#[test]
fn change_that_breaks_a_dependent_is_refused() {
    let registry = TestRegistry::with(&[
        Pack::new("core", "1.0.0"),
        Pack::new("core", "2.0.0"),
        Pack::new("app", "1.0.0").needs("core@^1"),
        Pack::new("app", "2.0.0").needs("core@^2"),
    ]);
    let home = Home::new().registry(&registry.url());
    home.install(&["app@1.0.0"]).unwrap();
    home.refuses(
        &["core@2.0.0"],
        "no version of `core` matches both `2.0.0` and `^1`",
    );
    home.install(&["core@2.0.0", "app@2.0.0"]).unwrap();
    assert_eq!(home.packs(), ["app@2.0.0", "core@2.0.0"]);
}

/// The first registry that lists a ref owns it, whatever the second one has.
#[test]
fn first_registry_owns_a_ref() {
    let first = TestRegistry::with(&[Pack::new("slack", "1.0.0")]);
    let second = TestRegistry::with(&[Pack::new("slack", "9.0.0"), Pack::new("aws", "1.0.0")]);
    let home = Home::new().registry(&first.url()).registry(&second.url());
    home.install(&["slack", "aws"]).unwrap();
    assert_eq!(home.packs(), ["aws@1.0.0", "slack@1.0.0"]);
    home.refuses(&["slack@9.0.0"], "no version of `slack` matches `9.0.0`");
}

/// Wrong bytes, wrong trees, wrong modes and wrong identities never get in.
#[test]
fn whatever_differs_from_the_registry_is_refused() {
    let home = |registry: &TestRegistry| Home::new().registry(&registry.url());

    let registry = TestRegistry::with(&slack());
    let path = registry
        .path()
        .join(TestRegistry::archive_path("slack", "2.1.0"));
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let error = home(&registry).refuses(&["slack"], "checksum mismatch");
    assert_eq!(error.class(), FailureClass::Verification);
    assert!(error.hint().unwrap().contains("nothing was installed"));

    let mut registry = TestRegistry::with(&slack());
    let other = Pack::new("other", "1.0.0").digests();
    registry.tamper("slack", |document| document.tree = Some(other.0));
    registry.publish();
    home(&registry).refuses(&["slack@2.0.0"], "(tree digest)");

    let mut registry = TestRegistry::with(&slack());
    registry.tamper("slack", |document| document.store_key = Some(other.1));
    registry.publish();
    home(&registry).refuses(&["slack@2.0.0"], "(store key)");

    let mut registry = TestRegistry::new();
    registry.add_as(&Pack::new("evil", "1.0.0"), "slack", "1.0.0");
    registry.publish();
    home(&registry).refuses(&["slack"], "holds `evil@1.0.0`, not `slack@1.0.0`");

    let registry = TestRegistry::with(&slack());
    let docs = fs::read_dir(registry.path().join("docs"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::write(&docs, fs::read_to_string(&docs).unwrap() + " ").unwrap();
    home(&registry).refuses(&["slack"], "digest mismatch");
}

/// An archive may have any top directory, or none of the usual name; the tree is the same.
#[test]
fn top_directory_of_an_archive_may_have_any_name() {
    for top in ["slack-2.1.0", "pack-slack-0123abcd", "slack-2.1.0x"] {
        let pack = Pack::new("slack", "2.1.0");
        let mut registry = TestRegistry::with(std::slice::from_ref(&pack));
        let archive = pack.archive_below(top);
        fs::write(
            registry
                .path()
                .join(TestRegistry::archive_path("slack", "2.1.0")),
            &archive,
        )
        .unwrap();
        registry.tamper("slack", |document| {
            let record = document.archive.as_mut().unwrap();
            record.checksum = ArchiveDigest::of(&archive);
            record.size_bytes = archive.len() as u64;
        });
        registry.publish();
        let home = Home::new().registry(&registry.url());
        let report = home.install(&["slack"]).unwrap();
        assert_eq!(report.packs[0].record.store_key, pack.digests().1);
        let root = fs::canonicalize(home.base.join("slack")).unwrap();
        assert!(root.join("pack.yaml").is_file());
        home.verify_clean();
    }
}

/// A packs directory that cannot be written is an error that says so.
#[test]
fn unwritable_packs_directory_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let registry = TestRegistry::with(&slack());
    let home = Home::at(dir.path().join("file/packs")).registry(&registry.url());
    let error = home.install(&["slack"]).unwrap_err();
    assert!(
        error.to_string().contains("cannot create directory"),
        "{error}"
    );
    assert_eq!(error.class(), FailureClass::Failed);
}

/// A yanked version is passed over, and named when it is asked for.
#[test]
fn yanked_version_is_not_chosen() {
    let mut registry = TestRegistry::with(&slack());
    registry.yank("slack", "2.1.0");
    registry.publish();
    let home = Home::new().registry(&registry.url());
    home.install(&["slack"]).unwrap();
    assert_eq!(home.packs(), ["slack@2.0.0"]);
    home.refuses(&["slack@2.1.0"], "2.1.0 (yanked: broken)");
}

/// One bad pack among several: all bad ones are named, none is installed.
#[test]
fn one_bad_pack_stops_all_and_every_bad_one_is_named() {
    let registry = TestRegistry::with(&[
        Pack::new("a", "1.0.0"),
        Pack::new("b", "1.0.0"),
        Pack::new("c", "1.0.0"),
    ]);
    for name in ["a", "c"] {
        let path = registry
            .path()
            .join(TestRegistry::archive_path(name, "1.0.0"));
        fs::write(path, "not an archive").unwrap();
    }
    let home = Home::new().registry(&registry.url());
    let error = home.refuses(&["a", "b", "c"], "2 packs could not be fetched");
    assert!(
        error.to_string().contains("a-1.0.0") && error.to_string().contains("c-1.0.0"),
        "{error}"
    );
}

/// The same version from elsewhere is an error that shows both, until forced.
#[test]
fn same_version_with_other_files_needs_force() {
    let dir = tempfile::tempdir().unwrap();
    Pack::new("slack", "2.1.0")
        .file("extra.txt", false, "x")
        .write(dir.path());
    let registry = TestRegistry::with(&slack());
    let mut home = Home::new().registry(&registry.url());
    home.install(&["slack"]).unwrap();
    let error = home.refuses(&[dir.path().to_str().unwrap()], "with different contents");
    assert!(error.hint().unwrap().contains("--force"));
    home.replace = Replace::Force;
    home.install(&[dir.path().to_str().unwrap()]).unwrap();
    assert_eq!(home.read("slack/extra.txt").unwrap(), "x");
    home.replace = Replace::Keep;
    home.refuses(&["slack"], "with different contents");
}

/// Links, hostile members and things in the way are refused by name.
#[test]
fn hostile_sources_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    Pack::new("local", "1.0.0").write(dir.path());
    std::os::unix::fs::symlink("/etc/passwd", dir.path().join("secret")).unwrap();
    let home = Home::new();
    home.refuses(&[dir.path().to_str().unwrap()], "symbolic link");

    let archive = dir.path().join("evil.tar.gz");
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(
        Vec::new(),
        flate2::Compression::fast(),
    ));
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o777);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Symlink);
    builder
        .append_link(&mut header, "local/x", "/etc/passwd")
        .unwrap();
    fs::write(&archive, builder.into_inner().unwrap().finish().unwrap()).unwrap();
    let error = home.refuses(&[archive.to_str().unwrap()], "is a symbolic link");
    assert_eq!(error.class(), FailureClass::Verification);

    let registry = TestRegistry::with(&slack());
    let home = Home::new().registry(&registry.url());
    fs::create_dir_all(home.base.join("slack")).unwrap();
    fs::write(home.base.join("slack/mine.txt"), "mine").unwrap();
    home.refuses(&["slack"], "is in the way");
    assert_eq!(home.read("slack/mine.txt").unwrap(), "mine");
}

/// The same pack named twice is a usage error.
#[test]
fn pack_named_twice_is_refused() {
    let registry = TestRegistry::with(&slack());
    let home = Home::new().registry(&registry.url());
    let error = home.refuses(&["slack", "slack@2.0.0"], "asked for twice");
    assert_eq!(error.class(), FailureClass::Usage);
}

/// A link where the work in progress belongs stops every change: what lies behind it is kept.
#[test]
fn link_in_place_of_an_own_directory_is_refused() {
    for name in ["staging", "generations"] {
        let registry = TestRegistry::with(&slack());
        let home = Home::new().registry(&registry.url());
        let behind = tempfile::tempdir().unwrap();
        fs::create_dir(behind.path().join("77")).unwrap();
        fs::write(behind.path().join("precious"), "mine").unwrap();
        fs::create_dir_all(home.base.join(".attune")).unwrap();
        let link = home.base.join(".attune").join(name);
        std::os::unix::fs::symlink(behind.path(), &link).unwrap();
        let error = home.install(&["slack"]).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(fs::read_dir(behind.path()).unwrap().count(), 2, "{name}");
    }
}
