//! What a ref leads to, over every transport and with every program that fetches.

use std::fs;

use super::Origin;
use crate::support::Place;
use crate::support::git::{Daemon, Repository};

/// Ref as it is typed, and the version it must lead to.
fn refs(origin: &Origin) -> Vec<(Option<String>, &'static str)> {
    let [hidden, tagged, _] = &origin.commits;
    let some = |text: &str| Some(text.to_owned());
    vec![
        (None, "2.0.0"),
        (some("main"), "2.0.0"),
        (some("next"), "3.0.0-rc.1"),
        (some("heads/next"), "3.0.0-rc.1"),
        (some("v1.0.0"), "1.0.0"),
        (some("refs/tags/v1.0.0"), "1.0.0"),
        (some(tagged), "1.0.0"),
        (some(&tagged[..7]), "1.0.0"),
        (some(hidden), "0.9.0"),
        (some(&hidden[..10]), "0.9.0"),
    ]
}

/// Installs by every ref and checks version, commit and what is recorded.
pub(super) fn every_ref_installs(origin: &Origin, url: &str, options: &[&str]) {
    let place = &origin.place;
    for (git_ref, version) in refs(origin) {
        let mut args = vec!["--force"];
        args.extend(options);
        if let Some(git_ref) = &git_ref {
            args.extend(["--ref", git_ref]);
        }
        let run = place.install_git(url, &args, 0);
        assert!(
            run.stdout.contains(&format!("  Version: {version}\n")),
            "{url} {git_ref:?}: {run:?}"
        );
        assert!(run.stdout.contains("(git repository)"), "{run:?}");
        assert!(run.stdout.contains("Verified: none"), "{run:?}");
        let record = place.record_of("slack");
        let from = &record["installed_from"];
        let name = git_ref.as_deref().unwrap_or("HEAD");
        let commit = origin
            .repository
            .git(&["rev-parse", &format!("{name}^{{commit}}")]);
        assert_eq!(from["type"], "git");
        assert_eq!(from["commit"], commit.as_str());
        assert_eq!(from.get("ref").and_then(|r| r.as_str()), git_ref.as_deref());
        assert_eq!(record["verified"], "none");
    }
    place.run(&["pack", "verify"], 0);
    assert!(!place.path("installed/slack/.git").exists());
    let script = fs::metadata(place.path("installed/slack/actions/run.sh")).unwrap();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&script.permissions()) & 0o777,
        0o755
    );
}

/// What is not there, not clear, or no pack, in words that help.
pub(super) fn missing_refs_are_refused(origin: &Origin, url: &str, options: &[&str]) {
    let refuse = |git_ref: &str| {
        let mut args = vec!["--ref", git_ref];
        args.extend(options);
        origin.place.refuses_git(url, &args, 1)
    };
    let said = refuse("v1.0.1");
    assert!(
        said.contains("`v1.0.1` is no branch, tag or commit of"),
        "{said}"
    );
    assert!(said.contains("did you mean `v1.0.0`"), "{said}");
    let said = refuse(&"1".repeat(40));
    assert!(said.contains("is no branch, tag or commit of"), "{said}");
    let said = refuse("ffff0000");
    assert!(said.contains("is no branch, tag or commit of"), "{said}");
}

/// In a directory of this machine.
#[test]
fn local_repository_installs_by_every_ref() {
    let origin = Origin::new();
    let url = format!("file://{}", origin.repository.path.display());
    for backend in ["libgit2", "cli", "auto"] {
        every_ref_installs(&origin, &url, &["--git", backend]);
        missing_refs_are_refused(&origin, &url, &["--git", backend]);
    }
    // By path, a work tree is a directory unless a ref says otherwise.
    let run = origin
        .place
        .install_git("served/slack.git", &["--force"], 0);
    assert!(run.stdout.contains("(local directory)"), "{run:?}");
    origin
        .place
        .install_git("served/slack.git", &["--force", "--ref", "v1.0.0"], 0);
    assert_eq!(origin.place.record_of("slack")["version"], "1.0.0");
    let said = origin.place.refuses_git("slack", &["--ref", "v1"], 2);
    assert!(said.contains("is no git repository"), "{said}");
}

/// Over git's own protocol.
#[test]
fn git_daemon_serves_every_ref() {
    let origin = Origin::new();
    let daemon = Daemon::git(&origin.place.path("served"));
    let url = format!("git://127.0.0.1:{}/slack.git", daemon.port);
    for backend in ["cli", "libgit2", "auto"] {
        every_ref_installs(&origin, &url, &["--git", backend]);
        missing_refs_are_refused(&origin, &url, &["--git", backend]);
        let other = url.replace("slack.git", "nosuch.git");
        let said = origin.place.refuses_git(&other, &["--git", backend], 4);
        assert!(said.contains("there is no git repository at"), "{said}");
    }
    let said = origin
        .place
        .refuses_git("git://example.org/slack.git", &[], 2);
    assert!(said.contains("is refused"), "{said}");
    drop(daemon);
    for backend in ["cli", "libgit2"] {
        let said = origin.place.refuses_git(&url, &["--git", backend], 4);
        assert!(said.contains("cannot fetch from"), "{said}");
    }
}

/// Names that several things have.
#[test]
fn ambiguous_refs_name_what_they_could_mean() {
    let origin = Origin::new();
    let repository = &origin.repository;
    repository.git(&["branch", "twin", "next"]);
    repository.git(&["tag", "twin", "main"]);
    let url = format!("file://{}", repository.path.display());
    let said = origin.place.refuses_git(&url, &["--ref", "twin"], 1);
    assert!(said.contains("refs/heads/twin, refs/tags/twin"), "{said}");
    origin
        .place
        .install_git(&url, &["--ref", "refs/heads/twin"], 0);

    let empty = Repository::new(origin.place.path("served/empty.git"));
    let url = format!("file://{}", empty.path.display());
    for backend in ["cli", "libgit2"] {
        let said = origin.place.refuses_git(&url, &["--git", backend], 1);
        assert!(said.contains("is empty"), "{said}");
    }
}

/// Two commits that begin with the same digits; found by trying, which takes a few hundred commits.
#[test]
fn short_commit_of_two_commits_names_both() {
    let place = Place::new();
    let repository = Repository::new(place.path("served/slack.git"));
    repository.pack("", "slack", "1.0.0");
    repository.commit();
    let tree = repository.git(&["rev-parse", "HEAD^{tree}"]);
    let mut seen: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
    let (short, pair) = (0..)
        .find_map(|number| {
            let message = number.to_string();
            let commit = repository.git(&["commit-tree", &tree, "-m", &message]);
            let short = commit[..4].to_owned();
            let earlier = seen.insert(short.clone(), commit.clone())?;
            Some((short, [earlier, commit]))
        })
        .unwrap();
    for (number, commit) in pair.iter().enumerate() {
        repository.git(&["branch", &format!("b{number}"), commit]);
    }
    let url = format!("file://{}", repository.path.display());
    for backend in ["cli", "libgit2"] {
        let said = place.refuses_git(&url, &["--git", backend, "--ref", &short], 1);
        assert!(pair.iter().all(|commit| said.contains(commit)), "{said}");
        place.install_git(&url, &["--git", backend, "--force", "--ref", &pair[0]], 0);
    }
}

/// Where in a repository the pack is.
#[test]
fn pack_is_found_where_it_lies() {
    let place = Place::new();
    let several = Repository::new(place.path("served/several.git"));
    several.pack("packs/slack", "slack", "1.0.0");
    several.pack("packs/monitor", "monitor", "2.0.0");
    several.commit();
    let several = format!("file://{}", several.path.display());
    let said = place.refuses_git(&several, &[], 1);
    assert!(
        said.contains("pack.yaml not found") && said.contains("pack/pack.yaml"),
        "{said}"
    );
    for (subdir, code, part) in [
        ("packs", 1, "holds several packs: monitor, slack"),
        ("packs/nosuch", 1, "packs/nosuch/pack.yaml"),
        ("../x", 1, "leaves the pack directory"),
        ("/etc", 1, "absolute path"),
    ] {
        let said = place.refuses_git(&several, &["--subdir", subdir], code);
        assert!(said.contains(part), "{subdir}: {said}");
    }
    place.install_git(&several, &["--subdir", "packs/slack/"], 0);
    let from = place.record_of("slack")["installed_from"].clone();
    assert_eq!(from["subdir"], "packs/slack");
    assert_eq!(from["url"], several.as_str());
    place.install_git("served/several.git", &["--subdir", "packs/monitor"], 0);
    assert_eq!(
        place.record_of("monitor")["installed_from"]["type"],
        "local_directory"
    );
    let said = place.refuses_git("slack", &["--subdir", "x"], 2);
    assert!(
        said.contains("neither a git repository nor a directory"),
        "{said}"
    );

    let usual = Repository::new(place.path("served/usual.git"));
    usual.pack("pack", "core2", "1.0.0");
    usual.commit();
    place.install_git(&format!("file://{}", usual.path.display()), &[], 0);
    assert_eq!(place.record_of("core2")["installed_from"]["subdir"], "pack");
}

/// A tree digest is compared, and vouches for the tree at the commit, ignore files and attributes unheeded.
#[test]
fn checksum_is_that_of_the_tree_at_the_commit() {
    let place = Place::new();
    let repository = Repository::new(place.path("served/slack.git"));
    repository.pack("", "slack", "1.0.0");
    fs::write(repository.path.join("crlf.txt"), "a\nb\n").unwrap();
    repository.commit();
    let checksum = place
        .run(&["pack", "checksum", "served/slack.git"], 0)
        .stdout;
    let checksum = checksum
        .split_whitespace()
        .find(|w| w.starts_with("sha256:"))
        .unwrap()
        .to_owned();
    let url = format!("file://{}", repository.path.display());
    for backend in ["cli", "libgit2"] {
        let run = place.install_git(
            &url,
            &["--git", backend, "--force", "--checksum", &checksum],
            0,
        );
        assert!(!run.stdout.contains("Verified: none"), "{run:?}");
        let record = place.record_of("slack");
        assert_eq!(record["verified"][0]["what"], "tree_digest");
        assert_eq!(record["tree_digest"], checksum.as_str());
        let wrong = format!("sha256:{}", "0".repeat(64));
        let said = place.refuses_git(
            &url,
            &["--git", backend, "--force", "--checksum", &wrong],
            5,
        );
        assert!(said.contains(&wrong) && said.contains(&checksum), "{said}");
    }

    // Attributes that would leave files out of an archive or change their bytes on checkout have no effect.
    fs::write(repository.path.join("left-out.txt"), "$Id$\n").unwrap();
    let attributes = "left-out.txt export-ignore ident\n*.txt text eol=crlf export-subst\n";
    fs::write(repository.path.join(".gitattributes"), attributes).unwrap();
    fs::write(repository.path.join(".attuneignore"), "left-out.txt\n").unwrap();
    repository.commit();
    for backend in ["cli", "libgit2"] {
        place.install_git(&url, &["--git", backend, "--force"], 0);
        let read = |name: &str| fs::read(place.path("installed/slack").join(name)).unwrap();
        assert_eq!(read("left-out.txt"), b"$Id$\n");
        assert_eq!(read("crlf.txt"), b"a\nb\n");
    }
}

/// Several packs, from repositories and elsewhere, become active at once or not at all.
#[test]
fn repositories_install_in_one_generation_with_others() {
    let origin = Origin::new();
    let place = &origin.place;
    place.pack(
        "monitor",
        "monitor",
        "1.0.0",
        "dependencies: [\"slack@^2\"]\n",
    );
    let url = format!("file://{}", origin.repository.path.display());
    let said = place.refuses_git(&url, &["packs/monitor", "--ref", "nosuch"], 2);
    assert!(said.contains("is no git repository"), "{said}");
    place.install_git(&url, &["packs/monitor"], 0);
    let history = place.run(&["pack", "history", "--json"], 0).json();
    assert_eq!(history.as_array().unwrap().len(), 1);
    assert_eq!(place.record_of("slack")["installed_from"]["type"], "git");
    // An installed pack that another one needs cannot be taken away by a repository's older version.
    let said = place.refuses_git(&url, &["--ref", "v1.0.0"], 3);
    assert!(said.contains("monitor"), "{said}");
}

/// What is there and cannot be read is not taken for absent: path and cause are told.
#[test]
fn unreadable_refs_and_objects_are_told() {
    let origin = Origin::new();
    let url = format!("file://{}", origin.repository.path.display());
    let tree = origin.repository.git(&["rev-parse", "v1.0.0^{tree}"]);
    let object = |id: &str| format!("objects/{}/{}", &id[..2], &id[2..]);
    let [hidden, tagged, _] = &origin.commits;
    for (file, git_ref) in [
        ("refs/heads/next".to_owned(), "next"),
        (object(hidden), hidden.as_str()),
        (object(&tree), tagged.as_str()),
        ("HEAD".to_owned(), "main"),
    ] {
        let path = origin.repository.path.join(".git").join(&file);
        let kept = path.with_extension("kept");
        fs::rename(&path, &kept).unwrap();
        std::os::unix::fs::symlink(&path, &path).unwrap();
        let options = ["--git", "libgit2", "--ref", git_ref];
        let said = origin.place.refuses_git(&url, &options, 1);
        assert!(said.contains(&file), "{file}: {said}");
        assert!(said.contains("Too many levels of symbolic links"), "{said}");
        fs::rename(&kept, &path).unwrap();
        origin
            .place
            .install_git(&url, &[&options[..], &["--force"]].concat(), 0);
    }
}
